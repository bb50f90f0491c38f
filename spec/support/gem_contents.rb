# frozen_string_literal: true

require "open3"
require "rbconfig"
require "rubygems/package"
require "tmpdir"

# What the gem built from a checkout holds, and what it has to hold: everything a user runs or reads, nothing
# of what it takes to develop it. Both are found without asking the gemspec for its globs.
class GemContents
  SHIPPED = "{ext,lib,config,generators,examples,sig,exe}/**/*"
  DOCUMENTS = %w[CHANGELOG.md LICENSE PROBES.md README.md].freeze
  LEFT_OVERS = %r{\.(?:so|o|bundle|log)\z|(?:\A|/)(?:tmp|log|storage)/|(?:\A|/)Makefile\z}

  def initialize(root)
    @root = root
  end

  def missing = expected - packed

  def unexpected = packed - expected

  def packed = @packed ||= build

  def expected
    shipped = Dir.glob(SHIPPED, base: @root).select { |path| File.file?(File.join(@root, path)) }
    shipped.grep_v(LEFT_OVERS) + DOCUMENTS
  end

  private

  # In a child without our bundle, as somebody who releases the gem would do it.
  def build
    Dir.mktmpdir do |directory|
      path = File.join(directory, "railprobe.gem")
      output, status = Bundler.with_unbundled_env do
        Open3.capture2e(RbConfig.ruby, "-S", "gem", "build", "--strict", "--output", path, "railprobe.gemspec",
                        chdir: @root)
      end
      raise "gem build failed:\n#{output}" unless status.success?

      Gem::Package.new(path).contents
    end
  end
end
