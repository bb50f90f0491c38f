# frozen_string_literal: true

# What Probe#fire costs while bpftrace counts, against a loop in C that calls the same site and one call of an
# empty C method, which is how one gets from Ruby to C.
#
#   sudo ruby benchmark/attached.rb

require_relative "support"
require_relative "../spec/support/tracing"

module Benchmark
  module Attached
    MOST = 1.25
    ROUNDS = 31
    CALLS = 20_000
    COLUMNS = ["site", "fire, ns", "loop in C, ns", "empty C method, ns", "ratio", "most", ""].freeze

    module_function

    def run
      reason = Tracing.unavailable_reason
      return puts("## A tracer attached", "", "Not measured: #{reason}.", "") if reason

      rows = %w[safe fast].filter_map do |site|
        results = Benchmark.child(__FILE__, "measure", site)
        row(site, results) unless results.key?(:reason)
      end
      Benchmark.report("A tracer attached", <<~TEXT, COLUMNS, rows)
        Probe#fire with an integer while bpftrace runs { @ = count(); }, against a loop in C that calls the same
        site of the same file under the same bpftrace, plus one call of an empty C method. #{ROUNDS} rounds of
        #{CALLS} calls each in turns, CPU time. bpftrace counted exactly the calls made.
      TEXT
    end

    def row(site, results)
      least = results[:loop].zip(results[:empty]).map(&:sum)
      figure = Benchmark.ratio(results[:fire], least)
      [site, *results.values_at(:fire, :loop, :empty).map { |times| ns(times) }, figure, MOST,
       Benchmark.verdict(figure.median, MOST)]
    end

    def ns(times) = format("%.1f", Figure.of(times).median.fdiv(CALLS))

    # In a process of its own: prints the ns of each round.
    def measure(site)
      require "railprobe"
      require_relative "bpftrace"
      Benchmark.require_baseline
      Benchmark.image_directory do |directory|
        ENV["RAILPROBE_DIR"] = directory
        probe = Railprobe.probe("benchmark:hit", number: :integer)
        Railprobe.load(site: site) or raise "nothing was loaded"
        image = Railprobe.report[:images].first
        next puts(JSON.generate(reason: "no #{site} site here")) unless image[:site].to_s == site

        puts JSON.generate(results(probe, directory))
      end
    end

    # Nobody sleeps here: each side waits for its own semaphore.
    def results(probe, directory)
      calls = 0
      Loop.open(probe.path, directory) do |looping|
        times = nil
        counted = Bpftrace.count("usdt:#{probe.path}:benchmark:hit") do
          Benchmark.wait_until("the semaphore") { probe.attached? }
          cases = cases(probe, looping, Baseline.new)
          Benchmark.rounds(2, cases)
          times = Benchmark.rounds(ROUNDS, cases)
          calls = 2 * CALLS * (ROUNDS + 2)
        end
        raise "bpftrace counted #{counted} of #{calls} calls" unless counted == calls

        times
      end
    end

    def cases(probe, looping, baseline)
      { fire: -> { Benchmark.cpu_ns { fire(probe) } }, loop: -> { looping.call(CALLS) },
        empty: -> { Benchmark.cpu_ns { empty(baseline) } } }
    end

    def fire(probe)
      count = CALLS
      probe.fire(7) while (count -= 1) >= 0
    end

    def empty(baseline)
      count = CALLS
      baseline.one(7) while (count -= 1) >= 0
    end

    # The program of site.c at work.
    class Loop
      # Of the first probe, or of the one called so.
      def self.open(image, directory, name = nil)
        probes = JSON.parse(File.read(image.sub(/\.so\z/, ".json")))["probes"]
        probe = name ? probes.find { |one| one["label"] == name } : probes.first
        site, semaphore = probe.values_at("location", "semaphore")
        offsets = [page(site), page(semaphore), site, semaphore].map(&:to_s)
        IO.popen([Benchmark.site_program, image, *offsets], "r+", chdir: directory) do |pipe|
          raise "the loop in C did not start" unless pipe.gets == "ready\n"

          yield new(pipe)
        end
      end

      def self.page(offset) = offset / 4096 * 4096

      def initialize(pipe)
        @pipe = pipe
      end

      # The ns that so many calls took.
      def call(count)
        @pipe.puts(count)
        Integer(@pipe.gets)
      end
    end
  end
end

Benchmark::Attached.public_send(ARGV.fetch(0, "run"), *ARGV.drop(1)) if $PROGRAM_NAME == __FILE__
