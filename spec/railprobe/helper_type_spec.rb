# frozen_string_literal: true

require "timeout"

RSpec.describe "Railprobe.helper_type", :runtime do
  let(:path) { File.join(images_directory, "tracers.yml") }
  let(:asked) { [] }

  before do
    stub_const("Queued", Class.new do
      attr_reader :name

      def initialize(name = "mails") = @name = name
      def push(*values, **options) = [*values, options]
      def other = 2
      def fail = raise(KeyError, "no")
      def jump = throw(:jumped)
      def call = yield
    end)
  end

  def register(name = :asked, on: :return, **arguments, &block)
    arguments = { number: :integer } if arguments.empty?
    Railprobe.helper_type(name, on: on, **arguments, &block)
  end

  def start(types, methods: "[push, other, fail, jump, call]", more: "")
    File.write(path, "tracers:\n  - class: Queued\n    methods: #{methods}\n    types: #{types}\n#{more}")
    Railprobe.start(path)
  end

  # While a tracer is on every probe of the methods; or on those whose names match.
  def attached(pattern = //)
    probes = Railprobe.providers.fetch("queued").select { |probe| probe.name.match?(pattern) }
    semaphores = probes.map { |probe| Semaphore.new(probe).tap { |semaphore| semaphore.add(1) } }
    Railprobe::Engine.settle
    yield
  ensure
    semaphores&.each { |semaphore| semaphore.add(-1) }
    Railprobe::Engine.settle
  end

  def failures(name = :asked) = Railprobe.report[:helper_types].fetch(name).fetch(:failures)

  describe "what can be registered" do
    def complaint
      messages.clear
      yield
      expect(messages.size).to eq(1)
      messages.first.delete_prefix("railprobe: ")
    end

    it "is a name, a moment and typed arguments, and is in the report" do
      expect(Railprobe.helper_type(:depth, on: :return, depth: :integer, data: :bytes) { [1, "a"] }).to be(true)
      expect(Railprobe.helper_type("asked", on: :raise, one: :float) { 1.0 }).to be(true)

      expect(Railprobe.report[:helper_types])
        .to eq(depth: { on: :return, arguments: { depth: :integer, data: :bytes }, failures: 0 },
               asked: { on: :raise, arguments: { one: :float }, failures: 0 })
      expect(messages).to eq([])
    end

    it "takes a block" do
      expect { Railprobe.helper_type(:depth, on: :return, depth: :integer) }.to raise_error(ArgumentError, /block/)
    end

    it "is refused with what to write instead" do
      {
        -> { register(:latency) { 1 } } => "latency is a helper type already; give yours another name",
        -> { register("queue-depth") { 1 } } =>
          ":\"queue-depth\" is no name for a helper type: write letters, digits and _",
        -> { register(:a, on: :exit) { 1 } } => "the helper type a is asked on: :exit; write :entry, :return or :raise",
        -> { Railprobe.helper_type(:a, on: :entry) { 1 } } =>
          "the helper type a has no arguments: write them with their types, depth: :integer",
        -> { register(:a, depth: :int) { 1 } } =>
          "the helper type a: :int is no type for depth; did you mean :integer?",
        -> { register(:a, "a-b": :integer) { 1 } } =>
          "the helper type a: :\"a-b\" is no name for an argument: write letters, digits and _",
        -> { register(:a, status: :integer) { 1 } } =>
          "the helper type a: every probe has an argument status; name this one otherwise",
        -> { register(:a, on: :raise, message: :string) { 1 } } =>
          "the helper type a: every probe has an argument message; name this one otherwise"
      }.each { |register, message| expect(complaint(&register)).to eq(message) }
      expect(Railprobe.report[:helper_types]).to eq({})
    end

    it "fits into its probe, which bytes fill twice as fast" do
      names = %i[a b c d e f g h i]
      expect(register(:full, on: :entry, **names.to_h { |name| [name, :integer] }) { nil }).to be(true)
      expect(register(:bytes, on: :return, a: :bytes, b: :bytes, c: :bytes, d: :integer) { nil }).to be(true)
      expect(complaint { register(:over, on: :return, **names.first(8).to_h { |name| [name, :integer] }) { nil } })
        .to eq("the helper type over has 8 arguments, and the __return probe of a method has room for 7 " \
               "(bytes counts as two)")
      expect(complaint { register(:over, on: :raise, a: :bytes, b: :bytes, c: :bytes, d: :bytes) { nil } })
        .to include("has 8 arguments, and the __raise probe")
    end

    it "keeps its arguments once it is there" do
      register(:asked, depth: :integer) { 1 }
      expect(complaint { register(:asked, depth: :string) { 1 } })
        .to eq("the helper type asked(depth: integer) on: :return is there already, with other arguments")
      expect(register(:asked, on: :entry, depth: :integer) { 1 }).to be(false)
      expect(register(:asked, depth: :integer) { 2 }).to be(true)
    end

    it "raises under strict" do
      Railprobe.strict = true
      expect { register(:latency) { 1 } }.to raise_error(Railprobe::DeclarationError, /helper type already/)
    end
  end

  describe "in the file", :native do
    it "adds arguments behind those of our types, in the order of the file, and before captures" do
      register(:second, two: :string) { "" }
      register(:first, one: :bytes) { "" }
      register(:before, on: :entry, three: :boolean) { nil }
      register(:failing, on: :raise, four: :integer) { 1 }
      expect(start("[second, before, cpu, first, failing]", methods: "[push]", more: "    capture: {id: self.id}\n"))
        .to be(true)

      expect(Railprobe.providers["queued"].to_h { |probe| [probe.usdt_name, probe.arguments.keys.drop(3)] })
        .to eq("push__entry" => %i[three id], "push__return" => %i[duration_ns status cpu_ns two one id],
               "push__raise" => %i[exception message four id])
      expect(Railprobe.report[:tracers].first[:types]).to eq(%i[cpu second before first failing])
    end

    it "may be the only type of a tracer, and among the defaults" do
      register(on: :entry) { 1 }
      File.write(path, "defaults: {types: [asked]}\ntracers:\n  - class: Queued\n    methods: [push]\n")

      expect(Railprobe.start(path)).to be(true)
      expect(Railprobe.providers["queued"].map(&:usdt_name)).to eq(%w[push__entry])
    end

    it "is unknown until it is registered, which is said with its place and what was meant" do
      register(:queue_depth) { 1 }
      start("[queue_dept, zebra]")

      expect(messages).to match([<<~TEXT.chomp])
        railprobe: #{path}:4:13: unknown helper type "queue_dept"
          4 |     types: [queue_dept, zebra]
            |             ^^^^^^^^^^
            = did you mean "queue_depth"?
        #{path}:4:25: unknown helper type "zebra"
          4 |     types: [queue_dept, zebra]
            |                         ^^^^^
            = there are: latency, entry, args, result, exception, stack, allocations, gc, cpu, header, queue_depth; one of your own is known once Railprobe.helper_type was called for it, before the file is read
      TEXT
      register(:zebra) { 1 }
      register(:queue_dept, depth: :integer) { 1 }
      expect(Railprobe.reload!).to be(true)
      expect(Railprobe.report[:tracers].size).to eq(5)
    end

    it "is refused where a probe would carry more than twelve, or two of one name" do
      register(:wide, **%i[a b c d e].to_h { |name| [name, :integer] }) { nil }
      register(:deep, a: :integer) { nil }
      start("[wide, latency, allocations, gc]")
      start("[deep, wide]")
      start("[deep, stack]", more: "    capture: {a: self.id, stack: self.id}\n")

      expect(messages.map { |message| message.scan(/:(\d+:\d+: .*)|= (.*)/).flatten.compact }).to eq(
        [["4:5: a probe of this tracer would carry 13 arguments, at most 12 go into one",
          "its types alone need 13; leave one out"],
         ['4:19: the argument "a" is there already', "the type deep has it; name this one otherwise"],
         ['5:15: the argument "a" is there already', "the type deep has it; name this one otherwise",
          '5:27: the argument "stack" is there already', "the type stack has it; name this one otherwise"]]
      )
    end

    it "can't have a condition of the end when it is asked at the entry" do
      register(on: :entry) { 1 }
      start("[latency, asked]", more: "    if: duration > 1s\n")

      expect(messages.join).to include(":5:9: this is known when the call ends, too late for the types entry")
    end

    it "comes and goes with an edit" do
      register { |call| asked << call.method_name }
      start("[latency]")
      attached { Queued.new.push(1) }
      start("[latency, asked]")
      attached { Queued.new.push(1) }
      start("[latency]")
      attached { Queued.new.push(1) }

      expect(asked).to eq(%i[push])
    end
  end

  describe "its block", :native do
    it "is called for as long as a tracer is on the method, and not for others" do
      register { asked << :return }
      register(:more, on: :entry) { asked << :entry }
      register(:most, on: :raise) { asked << :raise }
      start("[asked, more, most]")
      Queued.new.push(1)
      attached(/other/) { Queued.new.push(1) }
      expect(asked).to eq([])
      attached(/push/) { Queued.new.push(1) }
      expect(asked).to eq(%i[entry return])
      asked.clear
      attached { Queued.new.fail rescue nil } # rubocop:disable Style/RescueModifier
      expect(asked).to eq(%i[entry raise return])
    end

    it "is not called where a condition says no" do
      register { asked << :asked }
      start("[asked]", more: "    if: args.0 == 1\n")
      attached { [1, 2, 1].each { |number| Queued.new.push(number) } }

      expect(asked.size).to eq(2)
    end

    it "sees the call: receiver, name and arguments; at the end the result or exception, and how long it took" do
      see = lambda do |call|
        asked << [call.receiver.name, call.method_name, call.arguments, call.result, call.exception&.message,
                  call.duration_ns.class]
      end
      register(:before, on: :entry, &see)
      register(:after, two: :integer, &see)
      register(:raised, on: :raise, three: :integer, &see)
      start("[before, after, raised]")
      attached do
        Queued.new("a").push(1, b: 2)
        Queued.new("b").fail rescue nil # rubocop:disable Style/RescueModifier
        catch(:jumped) { Queued.new("c").jump }
      end

      expect(asked).to eq(
        [["a", :push, [1, { b: 2 }], nil, nil, NilClass], ["a", :push, [1, { b: 2 }], [1, { b: 2 }], nil, Integer],
         ["b", :fail, [], nil, nil, NilClass], *[["b", :fail, [], nil, "no", Integer]] * 2,
         ["c", :jump, [], nil, nil, NilClass], ["c", :jump, [], nil, nil, Integer]]
      )
    end

    it "can't change the keywords that the method gets" do
      register(on: :entry) { |call| call.arguments.clear.push(1) && call.arguments.last.clear.size }
      start("[asked]")

      expect(attached { Queued.new.push(1, b: 2) }).to eq([1, { b: 2 }])
    end

    it "has nothing in its hand once it is done" do
      register { |call| asked.push(call).size }
      start("[asked]")
      attached { Queued.new.push(1) }
      call = asked.first

      expect(%i[receiver method_name arguments result exception duration_ns].map { |name| call.public_send(name) })
        .to all(be_nil)
      expect { call.dup }.to raise_error(TypeError)
      expect { call.class.new }.to raise_error(TypeError)
    end

    it "may be replaced" do
      register { (asked << :old).size }
      start("[asked]")
      register { (asked << :new).size }
      attached { Queued.new.push(1) }

      expect([asked, messages]).to eq([%i[new], []])
    end

    it "fires nothing with what it calls, but what other threads and fibers do is traced" do
      nested = []
      register do |call|
        nested << call.method_name
        if call.method_name == :push
          [-> { Queued.new.other }, -> { Queued.new.call { Queued.new.other } }].each(&:call)
          call.receiver.push
          Thread.new { Queued.new.other }.join
          Fiber.new { Queued.new.call { 1 } }.resume
        end
        nested.size
      end
      start("[asked]")
      attached { 2.times { Queued.new.push(1) } }
      attached { Queued.new.other }

      expect(nested).to eq([*%i[push other call] * 2, :other])
      expect(failures).to eq(0)
    end

    it "may switch fibers, and the others are traced meanwhile" do
      register do |call|
        asked << call.arguments.first
        Fiber.yield if call.arguments.first == :first
        asked.size
      end
      start("[asked, latency]")
      results = attached do
        fiber = Fiber.new { Queued.new.push(:first) }
        fiber.resume
        2.times { Queued.new.push(:other) }
        [fiber.resume, Queued.new.push(:last)]
      end

      expect([results, asked]).to eq([[[:first, {}], [:last, {}]], %i[first other other last]])
      expect(failures).to eq(0)
    end

    it "may give up its fiber, after which the thread's others are traced as ever" do
      register { |call| Fiber.yield(call.method_name) if asked.push(1).size == 1 }
      start("[asked, latency]")
      attached do
        Thread.new do # which ends with it: Ruby keeps interrupts of a thread waiting until such a block is resumed
          Fiber.new { Queued.new.push(1) }.resume
          2.times { Queued.new.push(2) }
        end.join
      end

      expect(asked.size).to eq(3)
    end

    it "sees durations without its own time, and so do the calls around it" do
      spin = lambda do
        from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) - from < 0.05
      end
      register(:before, on: :entry) { spin.call && 1 }
      register(:after, two: :integer) { |call| spin.call || asked.push([call.method_name, call.duration_ns]).size }
      start("[before, after]")
      attached { Queued.new.call { Queued.new.other } }

      expect(asked.map(&:first)).to eq(%i[other call])
      expect(asked.map(&:last)).to all(be < 20_000_000)
    end

    it "costs two objects and what it makes itself" do
      register(&:duration_ns)
      start("[asked]")
      queue = Queued.new
      allocated = attached do
        queue.other
        before = GC.stat(:total_allocated_objects)
        100.times { queue.other }
        GC.stat(:total_allocated_objects) - before
      end

      expect(allocated).to be < 210
    end
  end

  describe "what goes wrong in its block", :native do
    def leave_by_return
      register { return 1 }
      start("[asked]")
      attached { 2.times { expect(Queued.new.push(1)).to eq([1, {}]) } }
      asked << :here
    end

    def endless(number) = endless(number + 1)

    {
      "an error" => [-> { raise KeyError, "none" }, "raised KeyError: none"],
      "an error of scripts" => [-> { raise NotImplementedError, "not" }, "raised NotImplementedError: not"],
      "any exception" => [-> { raise SecurityError, "odd" }, "raised SecurityError: odd"],
      "a stack that overflows" => [-> { endless(0) }, "raised SystemStackError: stack level too deep"],
      "a throw that nobody catches" => [-> { throw(:nobody) }, "raised UncaughtThrowError: uncaught throw :nobody"],
      "a throw that the app would catch" => [-> { throw(:app) }, "was left by throw, break or return"],
      "too many values" => [-> { [1, 2] }, /gave \(Integer, Integer\): the number of values is wrong\z/],
      "too few values" => [-> { [] }, /gave \(\): the number of values is wrong\z/],
      "very many values" => [-> { [1] * 13 }, /gave \((?:Integer, ){12}Integer\): the number of/],
      "a value of another type" => [-> { "many" }, /gave \(String\): number can't be a String\z/],
      "a BasicObject" => [-> { BasicObject.new }, /gave \(BasicObject\): number can't be a BasicObject\z/]
    }.each do |what, (block, message)|
      it "is #{what}: it stays there, is counted, and said once" do
        test = self
        register { test.instance_exec(&block) }
        start("[asked]")
        results = attached do
          catch(:app) { [Queued.new.push(1), Queued.new.push(2), (Queued.new.fail rescue $!.message), $!] } # rubocop:disable all
        end

        expect(results).to eq([[1, {}], [2, {}], "no", nil])
        expect(failures).to eq(3)
        expect(messages).to match([a_string_starting_with("railprobe: the block of the helper type " \
                                                          "asked(number: integer) ").and(match(message))])
      end
    end

    it "is a break or a return: it stays there" do
      broken = proc { break }
      register(&broken)
      start("[asked]")
      attached { expect(Queued.new.push(1)).to eq([1, {}]) }
      expect([failures, messages.first]).to match([1, /LocalJumpError/])
      leave_by_return

      expect([failures, asked]).to eq([3, [:here]])
    end

    it "says nothing of a type that is well beside it, whose values are there" do
      register(:first) { raise "no" }
      register(:second, two: :integer) { asked.push(:asked).size }
      start("[first, second]")
      attached { Queued.new.push(1) }

      expect([asked.size, failures(:first), failures(:second)]).to eq([1, 1, 0])
    end

    it "keeps $! as it was" do
      register(:before, on: :entry) { raise "before" }
      register(:after, two: :integer) { raise "after" }
      start("[before, after]")
      seen = attached do
        raise "mine"
      rescue StandardError
        Queued.new.push(1)
        $!.message # rubocop:disable Style/SpecialGlobalVars
      end

      expect([seen, $!]).to eq(["mine", nil]) # rubocop:disable Style/SpecialGlobalVars
    end

    it "is raised under strict, once the call is over" do
      register { raise KeyError, "none" }
      start("[asked]")
      Railprobe.strict = true

      expect { attached { Queued.new.push(1) } }
        .to raise_error(Railprobe::Error, "the block of the helper type asked(number: integer) raised KeyError: none")
    end
  end

  describe "what reaches the app through it", :native do
    # Until it is told that it may go on, in its block.
    def hold(entered, leave)
      entered << Thread.current
      leave.pop
    end

    %i[entry return].each do |moment|
      it "is an error that another thread raises, once the block at the #{moment} is done" do
        entered, leave = Array.new(2) { Thread::Queue.new }
        register(on: moment) { hold(entered, leave) && asked.push(:done).size }
        start("[asked, latency]", methods: "[push]")
        attached do
          thread = Thread.new do
            Thread.current.report_on_exception = false
            Queued.new.push(1)
          end
          within { entered.pop }.raise(IOError, "from outside")
          leave << 1
          expect { within { thread.value } }.to raise_error(IOError, "from outside")
        end

        expect([asked, failures]).to eq([%i[done], 0])
      end

      it "is the end of the thread, once the block at the #{moment} is done" do
        entered, leave = Array.new(2) { Thread::Queue.new }
        register(on: moment) { hold(entered, leave) && asked.push(:done).size }
        start("[asked, latency]", methods: "[push]")
        attached do
          thread = Thread.new { Queued.new.push(1) && asked.push(:survived) }
          within { entered.pop }.kill
          leave << 1
          expect(within { thread.value }).to be_nil
        end

        expect([asked, failures]).to eq([%i[done], 0])
      end
    end

    it "is a timeout that runs out in it, once it is done" do
      register do
        from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        Thread.pass while Process.clock_gettime(Process::CLOCK_MONOTONIC) - from < 0.1
        (asked << :done).size
      end
      start("[asked]")
      attached { expect { Timeout.timeout(0.02) { Queued.new.push(1) } }.to raise_error(Timeout::Error) }

      expect([asked, failures]).to eq([%i[done], 0])
    end

    it "is an exit, and the end of the thread by itself" do
      register { |call| call.arguments.first == :exit ? exit(3) : Thread.exit }
      start("[asked]")
      attached do
        expect { Queued.new.push(:exit) }.to raise_error(SystemExit)
        expect(within { Thread.new { Queued.new.push(:kill) && 1 }.value }).to be_nil
      end

      expect(failures).to eq(0)
    end

    it "is a signal" do
      register { Process.kill("USR1", Process.pid) && Thread.pass && (asked << 1).size }
      start("[asked]")
      before = trap("USR1") { raise SignalException, "USR1" }
      attached { expect { Queued.new.push(1) }.to raise_error(SignalException) }
    ensure
      trap("USR1", before || "DEFAULT")
    end
  end
end
