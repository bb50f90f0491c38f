# frozen_string_literal: true

require_relative "lib/railprobe/version"

Gem::Specification.new do |spec|
  spec.name = "railprobe"
  spec.version = Railprobe::VERSION
  spec.authors = ["Railprobe contributors"]
  spec.license = "MIT"

  spec.summary = "USDT probes in a running Ruby or Rails process, free until a tracer attaches."
  spec.description = "Builds an ELF image with the USDT probes you declare, while the process runs, so that " \
                     "bpftrace, perf and other tracers can attach to Ruby code by name. Nobody attached, nothing paid."
  spec.homepage = "https://github.com/railprobe/railprobe"
  spec.metadata = {
    "source_code_uri" => spec.homepage,
    "changelog_uri" => "#{spec.homepage}/blob/main/CHANGELOG.md",
    "rubygems_mfa_required" => "true"
  }

  spec.required_ruby_version = ">= 3.1"
  spec.extensions = ["ext/railprobe/extconf.rb"]
  spec.bindir = "exe"

  # Globs, not git: the gem builds from a tarball too. What a demo app leaves behind when it runs stays out.
  spec.files = Dir.chdir(__dir__) do
    Dir["ext/**/*.{c,h,rb}", "lib/**/*.{rb,rake}", "{config,generators,examples,sig,exe}/**/*",
        "README.md", "PROBES.md", "CHANGELOG.md", "LICENSE"]
      .select { |path| File.file?(path) && !path.match?(%r{/(?:tmp|log|storage)/}) }
  end
  spec.executables = spec.files.grep(%r{\Aexe/}) { |path| File.basename(path) }
end
