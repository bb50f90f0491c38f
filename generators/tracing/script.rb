# frozen_string_literal: true

module Railprobe
  module Generators
    # A bpftrace script on a method or a probe, to begin with: it runs as it is, on bpftrace 0.17 and newer, and has
    # a line for everything else there is to read.
    class Script
      # label is provider:name; arguments is name => type, in order.
      Probe = Struct.new(:label, :arguments) do
        # Probes of methods and of Rails begin alike; one that is fired by hand carries what it declares.
        def common? = arguments.keys.first(3) == %i[overhead_ns subject ctx]
        def timed? = common? && arguments.keys[3] == :duration_ns
        def raise? = common? && label.end_with?("__raise")

        # [name, type, slot] of each; bytes take two slots.
        def slots
          ends = arguments.each_value.inject([0]) { |sums, type| sums << (sums.last + (type == :bytes ? 2 : 1)) }
          arguments.zip(ends).map { |(name, type), slot| [name, type, slot] }
        end
      end

      NAMED = 6 # slots that every bpftrace reads by name on x86_64; up to 0.23 the others by their place
      WORD = 8
      TEXTS = %i[string symbol].freeze
      KEYS = %i[boolean unsigned value].freeze

      # path is where the script will be, from the app's root; file the image that the probes are in; what is told
      # of in its words. Where subjects are many, each has a row of its own.
      def initialize(path:, what:, probes:, file:, many: false)
        @path = path
        @file = file
        @what = what
        @probes = probes.map { |label, arguments| Probe.new(label, arguments) }
        @many = many
      end

      def to_s = [head, beginning, *@probes.map { |probe| block(probe) }].join("\n")

      private

      def name = File.basename(@path, ".bt")
      def timed? = @probes.any?(&:timed?)

      def head
        <<~BPFTRACE
          #!/usr/bin/env bpftrace
          /*
           * #{name} - #{timed? ? "how long #{@what} takes, and how it ends" : "how often #{@what} fires"}
           *
           * USAGE: as root, in the app's directory
           *     bpftrace #{@path}#{" [MIN_MS]" if timed?}
           * or, wherever the app keeps its images,
           *     rails 'tracing:run[#{name}#{",MIN_MS" if timed?}]'
           *
           * Sees every process of the app on this host, those that start later too.
           * Ctrl-C ends it, and prints
          #{lines(reading)}
           *
           * OVERHEAD: 1 to 2 us for each #{timed? ? "call" : "event"} while it runs; none before and after.
           *
          #{lines(listing)}
           */
        BPFTRACE
      end

      def lines(texts) = texts.map { |text| " * #{text}".rstrip }.join("\n")

      def reading
        texts = @probes.flat_map do |probe|
          if probe.timed?
            ["    @us      how long, in us; [256, 512) 23: 23 took 256 to 511",
             "    @status  how many ended well (0), by an exception (1), otherwise (2)"]
          elsif probe.raise?
            ["    @raised  which exceptions left it, and how often"]
          else
            ["    @count   how often"]
          end
        end
        texts << "with a row for each subject." if @many
        texts << "With MIN_MS, @us and @status know only of those that took as long." if timed?
        texts
      end

      def listing
        texts = @probes.flat_map do |probe|
          rows = probe.slots.map { |name, type, slot| format("    %-8s%-14s %s", where(slot), name, type) }
          ["#{probe.label} carries#{" nothing" if rows.empty?}", *rows]
        end
        return texts if @probes.all? { |probe| probe.slots.last.to_a.last.to_i < NAMED }

        texts << "What is on the stack (sp) has a name from bpftrace 0.24 on: arg6 and so on."
      end

      def where(slot) = slot < NAMED ? "arg#{slot}" : "sp + #{WORD * (slot - NAMED + 1)}"

      def beginning
        <<~BPFTRACE
          BEGIN
          {
              printf("Tracing #{@what}... Hit Ctrl-C to end.\\n");
          }
        BPFTRACE
      end

      def block(probe)
        condition = "\n/(int64)arg3 >= $1 * 1000000/" if probe.timed?
        statements = (shown(probe) + further(probe)).map { |line| "    #{line}\n" }
        "usdt:#{@file}:#{probe.label}#{condition}\n{\n#{statements.join}}\n"
      end

      def shown(probe)
        return ["@us#{keys} = hist(arg3 / 1000);", "@status#{keys("arg4")} = count();"] if probe.timed?
        return ["@raised#{keys("str(arg3)")} = count();"] if probe.raise?

        ["@count#{keys} = count();"]
      end

      # What else there is: two slashes less, and it is shown too.
      def further(probe)
        known = probe.common? ? %i[overhead_ns subject ctx duration_ns status exception] : []
        probe.slots.filter_map do |name, type, slot|
          measured = measure("@#{name}", type, value(slot)) unless known.include?(name)
          "// #{measured}" if measured
        end
      end

      def measure(map, type, value)
        case type
        when *TEXTS then "#{map}#{keys("str(#{value})")} = count();"
        when *KEYS then "#{map}#{keys(value)} = count();"
        when :integer then "#{map}#{keys} = hist(#{value});"
        end
      end

      def keys(*more)
        all = [*("str(arg1)" if @many), *more]
        "[#{all.join(", ")}]" if all.any?
      end

      def value(slot) = slot < NAMED ? "arg#{slot}" : "*(uint64 *)uptr(reg(\"sp\") + #{WORD * (slot - NAMED + 1)})"
    end
  end
end
