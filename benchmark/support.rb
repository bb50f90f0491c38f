# frozen_string_literal: true

require "etc"
require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "shellwords"
require "tmpdir"

# What the benchmarks share. Each is a script of its own that prints a table in Markdown:
#
#   Benchmark.report("Title", "what it says", columns, rows)
#
# Nothing is compared across runs: a figure is a ratio of things measured in turns in one process, the median
# of the rounds, and behind it the middle half of them.
module Benchmark
  ROOT = File.expand_path("..", __dir__)
  BUILD = File.join(ROOT, "tmp/benchmark")
  LIB = File.join(ROOT, "lib")

  # For children: Bundler, and what it loads, would be in their figures.
  PLAIN = { "RUBYOPT" => nil, "RUBYLIB" => nil, "BUNDLE_GEMFILE" => nil, "BUNDLER_SETUP" => nil }.freeze

  Figure = Struct.new(:median, :low, :high) do
    def self.of(values)
      sorted = values.sort
      new(*[0.5, 0.25, 0.75].map { |share| sorted[((sorted.size - 1) * share).round] })
    end

    def to_s(digits = 2) = format("%.#{digits}f (%.#{digits}f to %.#{digits}f)", median, low, high)
  end

  class << self
    # -- printing ---------------------------------------------------------------------------------

    def report(title, text, columns, rows)
      puts "## #{title}", "", text.gsub(/\s+/, " ").strip.gsub(/(.{1,116})(?: |\z)/, "\\1\n"), ""
      puts row(columns), row(columns.map { "---" }), rows.map { |cells| row(cells) }, ""
    end

    # The last cell of a row that has a target.
    def verdict(value, most) = value <= most ? "met" : "**missed**"

    # -- measuring --------------------------------------------------------------------------------

    # CPU time of this thread in ns: others on the machine do not count.
    def cpu_time = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :nanosecond)

    def cpu_ns
      before = cpu_time
      yield
      cpu_time - before
    end

    def milliseconds
      before = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      yield
      (Process.clock_gettime(Process::CLOCK_MONOTONIC) - before) * 1000
    end

    # Every lambda once a round, in another order each time: name => its results, round by round.
    def rounds(count, cases)
      results = cases.transform_values { [] }
      count.times do
        cases.to_a.shuffle.each { |name, measure| results[name] << measure.call }
      end
      results
    end

    def ratio(above, below) = Figure.of(above.zip(below).map { |one, other| one.fdiv(other) })

    # -- processes --------------------------------------------------------------------------------

    # Runs a script in a fresh Ruby and gives what it prints as JSON.
    def child(script, *arguments, flags: [], env: {})
      command = [RbConfig.ruby, *flags, "-I", LIB, script, *arguments.map(&:to_s)]
      output, status = Open3.capture2(PLAIN.merge(env), *command)
      raise "#{command.shelljoin}: #{status}" unless status.success?

      JSON.parse(output, symbolize_names: true)
    end

    # A directory that images may be executed from, for as long as the block takes.
    def image_directory(&) = Dir.mktmpdir("railprobe-benchmark", &)

    def yjit? = system(RbConfig.ruby, "--yjit", "-e", "", err: File::NULL)

    # Gives what the block gives, as soon as that is something.
    def wait_until(what, seconds: 30)
      limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
      until (found = yield)
        raise "#{what}: not within #{seconds} s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

        sleep(0.005)
      end
      found
    end

    # -- what is built ----------------------------------------------------------------------------

    # The extension with methods that do nothing.
    def require_baseline
      library = File.join(BUILD, "baseline", "railprobe_baseline.#{RbConfig::CONFIG["DLEXT"]}")
      build("baseline", library, "benchmark/ext/baseline.c") do |source|
        run(RbConfig.ruby, File.join(File.dirname(source), "extconf.rb"))
        run("make")
      end
      require library
    end

    # The C loop; the path of the program.
    def site_program
      build("site", File.join(BUILD, "site", "site"), "benchmark/site.c") do |source|
        run(ENV.fetch("CC", "cc"), "-std=c11", "-O2", "-Wall", "-D_GNU_SOURCE", source, "-o", "site")
      end
    end

    private

    def row(cells) = "| #{cells.join(" | ")} |"

    def build(directory, product, source)
      source = File.join(ROOT, source)
      unless File.exist?(product) && File.mtime(product) > File.mtime(source)
        FileUtils.mkdir_p(File.join(BUILD, directory))
        Dir.chdir(File.join(BUILD, directory)) { yield source }
      end
      product
    end

    def run(*command)
      output, status = Open3.capture2e(*command)
      raise "#{command.shelljoin}: #{status}\n#{output}" unless status.success?
    end
  end
end
