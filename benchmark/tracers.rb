# frozen_string_literal: true

# What a call of a traced method costs: while nobody is attached, while its wrapper is in place, and while bpftrace
# counts; beside other ways to time a method.
#
#   sudo ruby benchmark/tracers.rb
#
# OpenTelemetry is measured where the gem opentelemetry-sdk is installed.

require_relative "support"
require_relative "attached"
require_relative "../spec/support/semaphore"

module Benchmark
  module Tracers
    PROCESSES = 5 # one may be slow as a whole, by where its memory lies
    WARM_UP = 10 # rounds in each: YJIT compiles a method with its tenth call
    ROUNDS = 9 # in each
    CALLS = 5_000 # a round; in a loop of ten calls
    MOST_UNARMED = 1.05 # of a ratio that is 1: what is left is noise, and callgrind counts instructions elsewhere
    MOST_ATTACHED = 250
    MOST_FILTERED = 150
    COLUMNS = ["", "a call, ns", "more than the plain method, ns", "times the plain method", "most", ""].freeze
    ATTACHED_COLUMNS = ["", "a call, ns", "more than the loop in C, ns", "most", ""].freeze

    # What the text of a table calls it => its part of the YAML. Each has a class of its own.
    CALM = { "unarmed" => "types: [latency]", "armed, nothing to fire" => "types: [exception]" }.freeze
    FILTERED = { 'if: "duration > 1s"' => %(types: [latency]\n    if: "duration > 1s"),
                 'if: "args.0 > 1000000"' => %(types: [latency]\n    if: "args.0 > 1000000") }.freeze
    UNTRAPPED = { "latency, all but the trap" => "types: [latency]" }.freeze
    FIRING = { **%w[latency entry args result stack allocations gc cpu].to_h { |type| [type, "types: [#{type}]"] },
      "latency and a capture, args.0" => "types: [latency]\n    capture: {amount: args.0}" }.freeze
    RAISING = { "exception, of a method that raises" => "types: [exception]" }.freeze
    BELOW = { "the least that a wrapper can do" => :least, "plain method" => :plain,
              "plain method that raises" => :plain_raising, "loop in C" => :loop }.freeze
    ALL = { **CALM, **FILTERED, **UNTRAPPED, **FIRING, **RAISING }.freeze
    OTHERS = { prepend: "a prepended method with two clock readings", tracepoint: "TracePoint on :call and :return",
               opentelemetry: "OpenTelemetry's in_span, no exporter" }.freeze

    module_function

    def run
      modes = { "interpreter" => [] }
      modes["--yjit"] = ["--yjit"] if Benchmark.yjit?
      modes.each { |mode, flags| others(mode, flags) }
      reason = Tracing.unavailable_reason
      return puts("## A traced method", "", "Not measured: #{reason}.", "") if reason

      modes.each { |mode, flags| traced(mode, in_processes(flags)) }
    end

    # Name => the rounds of all processes.
    def in_processes(flags)
      Array.new(PROCESSES) { Benchmark.child(__FILE__, "measure", flags: flags) }
           .reduce { |all, more| all.merge(more) { |_, rounds, others| rounds + others } }
    end

    # -- tables -----------------------------------------------------------------------------------

    def traced(mode, results)
      rows = [*CALM.keys, *FILTERED.keys, *UNTRAPPED.keys].map { |name| row(name, results, :plain) }
      Benchmark.report("A traced method without a trap, #{mode}", <<~TEXT, COLUMNS, rows)
        A call of def foo(a, b) = a. bpftrace counts the probes of all but the first and the last; armed with nothing to
        fire is a tracer of exceptions, of which there are none; of the last the semaphore was raised by hand, so it
        fires, and at the site is no trap. #{ROUNDS} rounds of #{CALLS} calls each in turns, in
        #{PROCESSES} processes, CPU time.
      TEXT
      rows = [*FIRING.keys, *RAISING.keys, *BELOW.keys].map do |name|
        attached_row(name, results)
      end
      Benchmark.report("A traced method with a trap, #{mode}", <<~TEXT, ATTACHED_COLUMNS, rows)
        The same method while bpftrace runs { @ = count(); }, by helper type, against a loop in C that calls the site
        of the probe of latency under the same bpftrace. bpftrace counted exactly the calls made. The least that a wrapper
        can do is to read the clock, call super, read the clock and call the site. What is done behind a trap takes
        longer the more the trap has thrown out of the caches.
      TEXT
    end

    def row(name, results, below)
      times, plain = results.values_at(name.to_sym, below)
      ratio = Benchmark.ratio(times, plain)
      extra = difference(times, plain)
      most, met = if name == "unarmed" then [MOST_UNARMED, Benchmark.verdict(ratio.median, MOST_UNARMED)]
                  elsif FILTERED.key?(name) then [MOST_FILTERED, Benchmark.verdict(extra.median, MOST_FILTERED)]
                  end
      [name, ns(times), extra.to_s(0), ratio, most, met]
    end

    def attached_row(name, results)
      key = BELOW.fetch(name, name.to_sym)
      extra = difference(results[key], results[:loop])
      target = [MOST_ATTACHED, Benchmark.verdict(extra.median, MOST_ATTACHED)] if name == "latency"
      [name, ns(results[key]), key == :loop || key.start_with?("plain") ? "" : extra.to_s(0), *(target || ["", ""])]
    end

    def others(mode, flags)
      rows = OTHERS.filter_map do |other, name|
        results = Benchmark.child(__FILE__, "measure_other", other, flags: flags)
        next [name, "not installed", "", "", "", ""] if results.key?(:reason)

        [*row(name, results.merge(name.to_sym => results[:timed]), :plain), ""].first(4) + ["", ""]
      end
      rows << ["ruby-static-tracing 0.0.15, nobody attached", "3050 to 3800, quoted", "", "", "", ""]
      Benchmark.report("Other ways to time a method, #{mode}", <<~TEXT, COLUMNS, rows)
        A call of def foo(a, b) = a, each in a process of its own, with a plain method beside it. The last one no
        longer installs; its figure is of an earlier measurement on a machine of this kind, built by hand.
      TEXT
    end

    def ns(times) = format("%.1f", Figure.of(times).median.fdiv(CALLS))

    def difference(above, below) = Figure.of(above.zip(below).map { |one, other| (one - other).fdiv(CALLS) })

    # -- traced methods, in a process of their own ------------------------------------------------

    def measure
      require "railprobe"
      require_relative "bpftrace"
      Benchmark.image_directory do |directory|
        ENV["RAILPROBE_DIR"] = directory
        classes = ALL.each_with_index.to_h { |(name, _), number| [name, timed_class("Traced#{number}", name)] }
        start(directory)
        puts JSON.generate(results(classes, directory))
      end
    end

    def timed_class(constant, name)
      klass = Object.const_set(constant, Class.new)
      # Each from source of its own: a TracePoint is put into the code, which copies of a class would share.
      klass.class_eval(RAISING.key?(name) ? "def foo(a, b) = raise(self.class::ERROR)" : "def foo(a, b) = a", __FILE__,
                       __LINE__)
      klass.const_set(:ERROR, RuntimeError.new("a message"))
      klass
    end

    # It calls the site of another's probe, which bpftrace counts as well.
    def least_class(probe)
      Benchmark.require_baseline
      timed_class("Least", "least").prepend(Baseline.wrap(Module.new, :foo, address_of(probe)))
    end

    # Of a probe's site in this process.
    def address_of(probe)
      rows = JSON.parse(File.read(probe.path.sub(/\.so\z/, ".json"))).fetch("probes")
      place = rows.find { |row| row["label"] == probe.name }.fetch("location")
      File.foreach("/proc/self/maps", chomp: true) do |line|
        range, mode, from, _device, _inode, file = line.split(" ", 6)
        inside = place - from.to_i(16)
        first, last = range.split("-").map { |number| number.to_i(16) }
        return first + inside if file == probe.path && mode == "r-xp" && inside.between?(0, last - first - 1)
      end
      raise "#{probe.name} is not mapped"
    end

    def start(directory)
      tracers = ALL.each_value.with_index.map do |yaml, number|
        "  - class: Traced#{number}\n    methods: [foo]\n    #{yaml}\n"
      end
      path = File.join(directory, "tracers.yml")
      File.write(path, "version: 1\nlimits: {rate: 0, cpu: 0}\ntracers:\n#{tracers.join}")
      Railprobe.strict = true
      Railprobe.start(path) or raise "nothing was loaded"
    end

    def results(classes, directory)
      latency = probe_of("latency")
      attached = (ALL.keys - ["unarmed", *UNTRAPPED.keys]).map { |name| probe_of(name) }
                                                          .map { |probe| "usdt:#{probe.path}:#{probe.name}" }
      cases = { plain: loop_of(timed_class("Plain", "plain")), least: loop_of(least_class(latency)),
                plain_raising: loop_of(timed_class("PlainRaising", RAISING.keys.first), raises: true),
                **classes.to_h { |name, klass| [name.to_sym, loop_of(klass, raises: RAISING.key?(name))] } }
      times = nil
      UNTRAPPED.each_key { |name| Semaphore.new(probe_of(name)).add(1) }
      Attached::Loop.open(latency.path, directory, latency.name) do |looping|
        cases[:loop] = -> { looping.call(CALLS) }
        counted = Bpftrace.count(attached.join(",")) do
          wait_until_armed
          Benchmark.rounds(WARM_UP, cases)
          times = Benchmark.rounds(ROUNDS, cases)
        end
        calls = (FIRING.size + RAISING.size + 2) * CALLS * (WARM_UP + ROUNDS)
        raise "bpftrace counted #{counted} of #{calls} calls" unless counted == calls
      end
      times
    end

    def probe_of(name)
      Railprobe[Railprobe.report[:tracers].fetch(ALL.keys.index(name)).fetch(:probes).first]
    end

    def wait_until_armed
      Benchmark.wait_until("the wrappers") do
        Railprobe.report[:tracers].map { |tracer| tracer[:state] }.tally == { ready: 1, armed: ALL.size - 1 }
      end
    end

    # -- other ways, each in a process of its own -------------------------------------------------

    def measure_other(other)
      return puts(JSON.generate(reason: "not installed")) unless other != "opentelemetry" || open_telemetry?

      timed = timed_class("Timed", "timed")
      public_send(other, timed)
      # Made now: a TracePoint throws away what YJIT has compiled until then.
      cases = { timed: loop_of(timed), plain: loop_of(timed_class("Plain", "plain")) }
      Benchmark.rounds(WARM_UP, cases)
      puts JSON.generate(Benchmark.rounds(ROUNDS, cases))
    end

    def open_telemetry?
      require "opentelemetry-sdk"
      true
    rescue LoadError
      false
    end

    def prepend(timed)
      timed.prepend(Module.new do
        def foo(first, second)
          start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
          super
        ensure
          @took = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start
        end
      end)
    end

    def tracepoint(timed)
      times = []
      TracePoint.new(:call, :return) do |point|
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
        point.event == :call ? times.push(now) : now - times.pop
      end.enable(target: timed.instance_method(:foo))
    end

    def opentelemetry(timed)
      tracer = OpenTelemetry::SDK::Trace::TracerProvider.new.tracer("benchmark")
      timed.prepend(Module.new do
        define_method(:foo) { |first, second| tracer.in_span("foo") { super(first, second) } }
      end)
    end

    # A method of its own for each class, so that each has its own inline caches.
    def loop_of(klass, raises: false)
      call = raises ? "(begin; target.foo(7, 8); rescue RuntimeError; end)" : "target.foo(7, 8)"
      looping = Object.new
      looping.instance_eval(<<~RUBY, __FILE__, __LINE__ + 1)
        def run(target, count)         # def run(target, count)
          while count.positive?        #   while count.positive?
            #{"#{call}; " * 10}        #     target.foo(7, 8); target.foo(7, 8); ...
            count -= 10                #     count -= 10
          end                          #   end
        end                            # end
      RUBY
      target = klass.new
      -> { Benchmark.cpu_ns { looping.run(target, CALLS) } }
    end
  end
end

Benchmark::Tracers.public_send(ARGV.fetch(0, "run"), *ARGV.drop(1)) if $PROGRAM_NAME == __FILE__
