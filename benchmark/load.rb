# frozen_string_literal: true

# What 1, 100 and 10,000 probes cost to build and map, on disk and in memory.
#
#   ruby benchmark/load.rb

require_relative "support"

module Benchmark
  module Load
    COUNTS = [1, 100, 1000, 10_000].freeze
    PROCESSES = 7
    MOST_MS = 30
    MOST_BYTES = 300
    PROVIDERS_OF = 50 # probes
    TIME_COLUMNS = ["probes", "images", "first load, ms", "next process, ms", "µs for each after the first",
                    "file, bytes a probe", "most", ""].freeze
    MEMORY_COLUMNS = ["10,000 probes", "bytes a probe", "most", ""].freeze

    module_function

    def run
      samples = COUNTS.to_h { |count| [count, Array.new(PROCESSES) { samples_of(count) }] }
      one = first_load(samples[1]).median
      rows = samples.map { |count, of_count| row(count, of_count, one) }
      Benchmark.report("Building and mapping", <<~TEXT, TIME_COLUMNS, rows)
        Railprobe.load alone, in #{PROCESSES} fresh processes that find no file and in #{PROCESSES} that find it
        there; wall-clock time. Each probe takes a string and an integer; #{PROVIDERS_OF} to a provider. The file
        of a single probe is mostly padding to pages.
      TEXT
      memory(samples[COUNTS.last].map(&:last))
    end

    # One process that writes the file, one that finds it.
    def samples_of(count)
      Benchmark.image_directory do |directory|
        Array.new(2) { Benchmark.child(__FILE__, "measure", count, env: { "RAILPROBE_DIR" => directory }) }
      end
    end

    def first_load(samples) = Figure.of(samples.map { |first, _| first[:ms] })

    def row(count, samples, one)
      first = first_load(samples)
      other = Figure.of(samples.map { |_, other| other[:ms] })
      sample = samples.first.last
      each = count > 1 ? format("%.1f", (first.median - one) * 1000 / (count - 1)) : ""
      cells = [count, sample[:images], first.to_s(1), other.to_s(1), each, sample[:file_bytes].fdiv(count).round]
      count == COUNTS.last ? [*cells, "#{MOST_MS} ms", Benchmark.verdict(first.median, MOST_MS)] : [*cells, "", ""]
    end

    def memory(samples)
      parts = samples.first[:parts].keys.to_h do |part|
        [part, Figure.of(samples.map { |sample| sample[:parts][part].fdiv(COUNTS.last) }).median]
      end
      total = Figure.of(samples.map { |sample| sample[:anonymous].fdiv(COUNTS.last) })
      rows = [["all private memory that is not of a file", total.to_s(0), MOST_BYTES,
               Benchmark.verdict(total.median, MOST_BYTES)]]
      rows += parts.map { |part, bytes| ["of it #{part}", bytes.round, "", ""] }
      rows << ["of it the rest, what malloc adds", (total.median - parts.values.sum).round, "", ""]
      Benchmark.report("Memory", <<~TEXT, MEMORY_COLUMNS, rows)
        The growth of Anonymous in /proc/self/smaps_rollup from before the declarations to after the load and a
        collection, in fresh processes; pages of the image file are shared and not counted.
      TEXT
    end

    # In a process of its own: prints the figures. Declares in a method that leaves nothing behind.
    def measure(count)
      require "railprobe"
      Railprobe.probe("warm_up:first", number: :integer)
      trim
      before = anonymous
      pages = GC.stat(:heap_allocated_pages)
      declare(Integer(count) - 1)
      ms = Benchmark.milliseconds { Railprobe.load or raise "nothing was loaded" }
      GC.start
      after = anonymous
      pages = GC.stat(:heap_allocated_pages) - pages
      images = Railprobe.report[:images]
      loaded = images.sum { |image| image[:probes] }
      raise "#{loaded} probes are loaded" unless loaded == Integer(count)

      puts JSON.generate(ms: ms, images: images.size, file_bytes: images.sum { |image| image[:bytes] },
                         anonymous: after - before, parts: parts(Integer(count), pages))
    end

    def declare(count)
      count.times do |number|
        provider = number / PROVIDERS_OF
        Railprobe.probe("shop_orders_#{provider}:line_item_#{number}_added", sku: :string, quantity: :integer)
      end
    end

    # What the engine and Ruby say they hold; sites and the table of names as in loader.h and registry.c.
    def parts(count, pages)
      require "objspace"
      slot = GC::INTERNAL_CONSTANTS[:RVALUE_SIZE] || GC::INTERNAL_CONSTANTS[:BASE_SLOT_SIZE]
      page = slot * GC::INTERNAL_CONSTANTS.fetch(:HEAP_PAGE_OBJ_LIMIT)
      whole = ObjectSpace.memsize_of_all(Railprobe::Probe)
      table = 64
      table *= 2 while 4 * count > 3 * table
      { "the Ruby objects" => count * slot, "free slots that Ruby adds to them" => (pages * page) - (count * slot),
        "probes with their names and arguments" => whole - (count * slot), "sites" => count * 24,
        "the table of names" => table * 8 }
    end

    # Gives back what malloc has free: it would hide as much of what is measured.
    def trim
      require "fiddle"
      GC.start
      trim = Fiddle::Handle::DEFAULT["malloc_trim"]
      Fiddle::Function.new(trim, [Fiddle::TYPE_SIZE_T], Fiddle::TYPE_INT).call(0)
    rescue Fiddle::DLError
      warn "without glibc's malloc_trim the memory is less than it should be"
    end

    def anonymous
      GC.start
      File.read("/proc/self/smaps_rollup")[/^Anonymous:\s+(\d+) kB/, 1].to_i * 1024
    end
  end
end

Benchmark::Load.public_send(ARGV.fetch(0, "run"), *ARGV.drop(1)) if $PROGRAM_NAME == __FILE__
