# frozen_string_literal: true

require "open3"
require "rbconfig"

# The gemfiles of gemfiles/, one for each Rails, and which of them are for this Ruby; the README has them as a table.
#
#   Gemfiles.here.map(&:rails)    #=> ["6.1", "7.0", "7.1", "7.2"] with Ruby 3.1
class Gemfiles
  Run = Struct.new(:ruby, :requirement, :rails, :command)

  ROOT = File.expand_path("../..", __dir__)
  # In the words of the README; which Rubies they are for; which versions of Rails; what runs the suite on them.
  RUNS = [Run.new("3.1", "~> 3.1.0", %w[6.1 7.0 7.1 7.2], "bin/test"),
          Run.new("3.3 with YJIT", ">= 3.2", %w[8.1], "bin/matrix")].freeze

  def self.here
    ruby = Gem::Version.new(RUBY_VERSION)
    runs = RUNS.select { |run| Gem::Requirement.new(run.requirement).satisfied_by?(ruby) }
    runs.flat_map { |run| run.rails.map { |rails| new(rails) } }
  end

  def self.table
    lines = RUNS.map { |run| "| #{run.ruby} | #{run.rails.join(", ")} | `#{run.command}` |\n" }
    "| Ruby | Rails | run by |\n|---|---|---|\n#{lines.join}"
  end

  attr_reader :rails

  def initialize(rails)
    @rails = rails
  end

  def path = File.join(ROOT, "gemfiles/rails_#{rails.tr(".", "_")}.gemfile")

  def at_least?(version) = Gem::Version.new(rails) >= Gem::Version.new(version)

  # Sets a process free of our own bundle and puts it into this one. The settings of the checkout hold, such as where
  # bin/setup put the gems.
  def environment
    { "BUNDLE_GEMFILE" => path, "BUNDLE_APP_CONFIG" => File.join(ROOT, ".bundle"), "RUBYOPT" => nil, "RUBYLIB" => nil,
      "BUNDLER_SETUP" => nil, "BUNDLE_BIN_PATH" => nil, "BUNDLER_VERSION" => nil, "BUNDLE_LOCKFILE" => nil }
  end

  # What to do so that it can be used; nil when it can.
  def missing
    return @missing if defined?(@missing)

    _, status = Open3.capture2e(environment, RbConfig.ruby, "-S", "bundle", "check")
    @missing = ("the gems of #{path} are not there: run bin/setup" unless status.success?)
  end
end
