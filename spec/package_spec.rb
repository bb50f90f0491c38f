# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "support/gem_contents"

RSpec.describe "the packaged gem" do
  let(:root) { File.expand_path("..", __dir__) }

  it "holds everything a user runs or reads, and nothing else" do
    contents = GemContents.new(root)

    expect(contents.missing).to be_empty
    expect(contents.unexpected).to be_empty
  end

  it "holds sources, not what was compiled or tested here" do
    packed = GemContents.new(root).packed

    expect(packed).to include("lib/railprobe.rb", "ext/railprobe/extconf.rb", "ext/railprobe/error.h")
    expect(packed.grep(%r{\.(?:so|o)\z|\A(?:spec|tmp|bin|benchmark)/})).to be_empty
  end

  describe "when a gemspec is wrong" do
    around do |example|
      Dir.mktmpdir do |directory|
        @copy = directory
        needed = %w[railprobe.gemspec lib ext README.md PROBES.md CHANGELOG.md LICENSE]
        FileUtils.cp_r(needed.map { |name| File.join(root, name) }, @copy)
        example.run
      end
    end

    def edit_gemspec(from, to)
      path = File.join(@copy, "railprobe.gemspec")
      text = File.read(path)
      raise "the gemspec has no #{from}" unless text.include?(from)

      File.write(path, text.sub(from, to))
    end

    it "tells which files are missing" do
      edit_gemspec("ext/**/*.{c,h,rb}", "ext/**/*.{c,rb}")

      expect(GemContents.new(@copy).missing).to include("ext/railprobe/error.h").and(all(end_with(".h")))
    end

    it "tells which files are too many" do
      edit_gemspec("lib/**/*.{rb,rake}", "lib/**/*")
      File.write(File.join(@copy, "lib/railprobe/railprobe.so"), "compiled")

      expect(GemContents.new(@copy).unexpected).to eq(["lib/railprobe/railprobe.so"])
    end
  end
end
