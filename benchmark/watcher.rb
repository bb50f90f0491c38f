# frozen_string_literal: true

# The CPU time that the watcher takes while nothing happens.
#
#   ruby benchmark/watcher.rb

require_relative "support"

module Benchmark
  module Watcher
    COUNTS = [1, 10_000].freeze
    SECONDS = 20
    SLICES = 10
    MOST = 2
    COLUMNS = ["probes", "wake-ups a second", "CPU s an hour", "most", ""].freeze

    module_function

    # Both at once: they use a thousandth of a core.
    def run
      rows = COUNTS.map { |count| Thread.new { row(count, Benchmark.child(__FILE__, "measure", count)) } }.map(&:value)
      Benchmark.report("The watcher", <<~TEXT, COLUMNS, rows)
        CPU time of the thread "railprobe" in a process that does nothing, over #{SECONDS} s in #{SLICES} slices;
        nobody attached, the default interval.
      TEXT
    end

    def row(count, sample)
      figure = Figure.of(sample[:seconds_an_hour])
      [count, format("%.1f", sample[:wake_ups]), figure, MOST, Benchmark.verdict(figure.median, MOST)]
    end

    # In a process of its own: prints the figures of each slice.
    def measure(count)
      require "railprobe"
      Benchmark.image_directory do |directory|
        ENV["RAILPROBE_DIR"] = directory
        Integer(count).times { |number| Railprobe.probe("benchmark_#{number / 50}:idle_#{number}", number: :integer) }
        Railprobe.load or raise "nothing was loaded"
        puts JSON.generate(idle)
      end
    end

    def idle
      task = Benchmark.wait_until("the watcher") { watcher }
      before = wake_ups(task)
      times = Array.new(SLICES) do
        seconds = SECONDS.fdiv(SLICES)
        start = cpu_time(task)
        sleep(seconds)
        (cpu_time(task) - start) / 1e9 / seconds * 3600
      end
      { seconds_an_hour: times, wake_ups: (wake_ups(task) - before).fdiv(SECONDS) }
    end

    def watcher
      Dir["/proc/self/task/*"].find { |task| File.read("#{task}/comm").chomp == "railprobe" }
    end

    # The clock of another thread of this process, as Linux numbers it; its ns are finer than the ticks of stat.
    def cpu_time(task) = Process.clock_gettime((~Integer(File.basename(task)) << 3) | 6, :nanosecond)

    def wake_ups(task) = File.read("#{task}/status")[/^voluntary_ctxt_switches:\s+(\d+)/, 1].to_i
  end
end

Benchmark::Watcher.public_send(ARGV.fetch(0, "run"), *ARGV.drop(1)) if $PROGRAM_NAME == __FILE__
