# frozen_string_literal: true

# What a large file of tracers costs to read and build, and what each of its methods takes.
#
#   ruby benchmark/config.rb

require_relative "support"

module Benchmark
  module Config
    COUNT = 50_000
    METHODS_OF = 10 # a class
    ROUNDS = 7
    PROCESSES = 5
    STARTS = [1000, 10_000].freeze
    MOST_MS = 1000
    MOST_SHARE = 0.2
    TIME_COLUMNS = ["", "ms", "most", ""].freeze
    SHARE_COLUMNS = ["", "railprobe, ms", "YAML.safe_load, ms", "share", "most", ""].freeze
    START_COLUMNS = ["methods", "Railprobe.start, ms", "bytes a method"].freeze

    module_function

    def run
      samples = Array.new(PROCESSES) { sample("build", COUNT) }
      total = Figure.of(samples.map { |sample| sample.values.sum })
      rows = samples.first.keys.map { |part| [part, Figure.of(samples.map { |sample| sample[part] }).to_s(0), "", ""] }
      rows << ["all", total.to_s(0), MOST_MS, Benchmark.verdict(total.median, MOST_MS)]
      Benchmark.report("#{COUNT} tracers", <<~TEXT, TIME_COLUMNS, rows)
        A file with an entry for each of #{COUNT} methods, in #{PROCESSES} fresh processes that have none of the
        classes; wall-clock time.
      TEXT
      reading
      starts
    end

    def reading
      times = sample("read", COUNT)
      share = Benchmark.ratio(times[:ours], times[:psych])
      cells = times.values_at(:ours, :psych).map { |each| (Figure.of(each).median / 1e6).round }
      Benchmark.report("Reading the YAML", <<~TEXT, SHARE_COLUMNS,
        The same file read, checked and made Ruby objects, against YAML.safe_load of it, which checks nothing;
        #{ROUNDS} rounds in turns after a collection, CPU time.
      TEXT
                       [["#{COUNT} tracers", *cells, share, MOST_SHARE, Benchmark.verdict(share.median, MOST_SHARE)]])
    end

    def starts
      rows = STARTS.map do |count|
        samples = Array.new(PROCESSES) { sample("begin", count) }
        ms = Figure.of(samples.map { |sample| sample[:ms] })
        [count, ms.to_s(1), Figure.of(samples.map { |sample| sample[:bytes] }).to_s(0)]
      end
      Benchmark.report("Starting", <<~TEXT, START_COLUMNS, rows)
        Railprobe.start in fresh processes that have the classes; wall-clock time, and the growth of Anonymous in
        /proc/self/smaps_rollup after a collection.
      TEXT
    end

    def sample(what, count)
      Benchmark.image_directory do |directory|
        Benchmark.child(__FILE__, "measure", what, count, env: { "RAILPROBE_DIR" => directory })
      end
    end

    # -- in a process of its own ------------------------------------------------------------------

    def measure(what, count)
      require "railprobe"
      Railprobe.strict = true
      path = File.join(ENV.fetch("RAILPROBE_DIR"), "tracers.yml")
      File.write(path, yaml(Integer(count)))
      figures = { "build" => -> { build(path) }, "read" => -> { read(path) }, "begin" => lambda {
        begin_with(path, count)
      } }
      puts JSON.generate(figures.fetch(what).call)
    end

    def yaml(count)
      entries = Array.new(count) do |number|
        "  - class: Shop::Model#{number / METHODS_OF}\n    methods: [method_#{number}]\n    types: [latency]\n"
      end
      "version: 1\ntracers:\n#{entries.join}"
    end

    def build(path)
      configuration = nil
      tracers = Railprobe::Tracers.new
      { reading: -> { configuration = Railprobe::Configuration.read(path) },
        declaring: -> { tracers.apply(configuration) },
        "building and mapping": -> { Railprobe.load or raise "nothing was loaded" } }
        .transform_values { |part| Benchmark.milliseconds(&part) }
    end

    def read(path)
      require "yaml"
      text = File.read(path)
      cases = { ours: -> { Railprobe::Configuration.new(text, path) }, psych: -> { YAML.safe_load(text) } }
      Benchmark.rounds(ROUNDS, cases.transform_values { |read| -> { timed(&read) } })
    end

    def timed(&)
      GC.start
      Benchmark.cpu_ns(&)
    end

    def begin_with(path, count)
      define_classes(Integer(count))
      before = anonymous
      ms = Benchmark.milliseconds { Railprobe.start(path) or raise "nothing was loaded" }
      { ms: ms, bytes: (anonymous - before).fdiv(Integer(count)) }
    end

    def define_classes(count)
      shop = Object.const_set(:Shop, Module.new)
      count.times.each_slice(METHODS_OF) do |numbers|
        model = shop.const_set("Model#{numbers.first / METHODS_OF}", Class.new)
        numbers.each { |number| model.define_method("method_#{number}") { number } }
      end
    end

    def anonymous
      GC.start
      File.read("/proc/self/smaps_rollup")[/^Anonymous:\s+(\d+) kB/, 1].to_i * 1024
    end
  end
end

Benchmark::Config.public_send(ARGV.fetch(0, "run"), *ARGV.drop(1)) if $PROGRAM_NAME == __FILE__
