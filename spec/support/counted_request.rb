# frozen_string_literal: true

require "json"
require "open3"
require "rbconfig"
require_relative "callgrind"
require_relative "gemfiles"

# Has callgrind count what requests to the shop take, in a process with the gem or in one without it
# (spec/rails/programs/request.rb).
#
#   CountedRequest.new(gemfile, directory).run("without")["medians"]   #=> { "first" => 9460000, "second" => 9461000 }
class CountedRequest
  class Failure < StandardError; end

  ENTROPY = File.expand_path("../c/entropy.c", __dir__)
  PROGRAM = File.expand_path("../rails/programs/request.rb", __dir__)
  # The same addresses in each; and nothing is counted before the program asks for it.
  COMMAND = %w[setarch -R valgrind --tool=callgrind --instr-atstart=no --collect-atstart=no].freeze

  # By a name that is the same in each, for names are in hashes too.
  SHOP_DIR = "/proc/self/cwd/shop"

  # What there is to do first; nil if nothing.
  def self.missing(gemfile)
    return "for x86_64" unless Callgrind.possible?

    lacking = [COMMAND.first, "valgrind"].reject { |command| system("which", command, out: File::NULL) }
    lacking.any? ? "#{lacking.join(" and ")} not in PATH" : gemfile.missing
  end

  def initialize(gemfile, directory)
    @gemfile = gemfile
    @directory = directory
  end

  # What the program says, and the medians of what was counted, by what it was doing.
  def run(kind)
    counts = path("#{kind}.counts")
    command = [*COMMAND, "--callgrind-out-file=#{counts}", RbConfig.ruby, "-W0", PROGRAM, kind, path("tracers.yml")]
    output, errors, status = Open3.capture3(environment(kind), *command, chdir: path(kind))
    raise Failure, "#{status}\n#{errors}#{output}" unless status.success?

    told = JSON.parse(output)
    told.merge("medians" => medians(told.fetch("measured").zip(Callgrind.counts(counts))))
  end

  private

  def path(name) = File.join(@directory, name)

  def environment(kind)
    Dir.mkdir(path(kind))
    Dir.mkdir(path("#{kind}.images"), 0o700)
    gems = kind == "without" ? { "BUNDLE_GEMFILE" => gemfile_without } : {}
    # The watcher's instructions are no request's.
    { **@gemfile.environment, **gems, "RAILS_ENV" => "production", "SHOP_DIR" => SHOP_DIR,
                                      "RAILPROBE_DIR" => path("#{kind}.images"), "RAILPROBE_POLL_MS" => "60000",
                                      "LD_PRELOAD" => entropy }
  end

  # So that Ruby's hashes have the same seed in each process.
  def entropy
    library = path("entropy.so")
    compiler = RbConfig::CONFIG.fetch("CC").split
    output, status = Open3.capture2e(*compiler, "-shared", "-fPIC", "-O1", "-o", library, ENTROPY)
    status.success? ? library : raise(Failure, output)
  end

  # The gemfile without the line that brings the gem.
  def gemfile_without
    texts = [File.join(File.dirname(@gemfile.path), "shared.rb"), @gemfile.path].map { |name| File.read(name) }
    File.write(path("Gemfile"), texts.join.lines.grep_v(/\A(?:gemspec|eval_gemfile)/).join)
    path("Gemfile")
  end

  def medians(pairs)
    pairs.group_by(&:first).transform_values { |samples| samples.map(&:last).sort[samples.size / 2] }
  end
end
