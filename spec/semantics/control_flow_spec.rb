# frozen_string_literal: true

require "support/semantics"
require "timeout"

# However a method ends, or is left for a while: it ends so, with the same effects, when it is traced.
RSpec.describe "Control flow through a traced method", :native, :semantics do
  class self::Failed < StandardError # rubocop:disable Lint/ConstantDefinitionInBlock, Style/ClassAndModuleChildren
    attr_reader :detail

    def initialize(message = "failed", detail: nil)
      super(message)
      @detail = detail
    end
  end

  semantics "exception: class, message and backtrace" do
    subject do
      def f(one) = g(one)
      def g(one) = raise(IndexError, "no #{one}")
    end
    outcome { |scene| scene.subject.new.f(3) }
  end

  semantics "exception object, the one that was raised" do
    subject { def f(error) = raise(error) }
    outcome do |scene|
      error = RuntimeError.new("once")
      begin
        scene.subject.new.f(error)
      rescue RuntimeError => caught
        [caught.equal?(error), caught.backtrace.first[/\d+:in .*/], $!.equal?(error)]
      end
    end
  end

  semantics "cause, and $! before, within and after" do
    subject do
      def f
        raise "inner"
      rescue RuntimeError
        g
      end

      def g = [$!.message, (raise ArgumentError, "outer")]
    end
    outcome do |scene|
      scene.subject.new.f
    rescue ArgumentError => error
      [error.message, error.cause.message, error.cause.cause, $!.equal?(error)]
    end
    afterwards { |_scene| $! }
  end

  semantics "$! that a rescue clause goes on with" do
    subject do
      def f = $!&.message
      def g
        raise "inside"
      rescue StandardError
        $!.message
      end
    end
    outcome do |scene|
      raise "outside"
    rescue RuntimeError
      [scene.subject.new.f, scene.subject.new.g, scene.subject.new.f, $!.message]
    end
  end

  semantics "backtrace that is given, and one raised again" do
    subject do
      def f = raise(RuntimeError, "given", ["here:1", "there:2"])
      def g
        f
      rescue RuntimeError => error
        raise error
      end
    end
    outcome { |scene| scene.subject.new.g }
  end

  semantics "exception that its own methods make worse" do
    subject { def f(error) = raise(error) }
    outcome do |scene|
      bad = Class.new(StandardError) do
        def self.name = raise("name")
        def message = raise("message")
        def to_s = raise("to_s")
        def inspect = raise("inspect")
        def backtrace = nil
        def is_a?(_) = raise("is_a")
      end
      error = bad.new
      begin
        scene.subject.new.f(error)
      rescue bad => caught
        caught.equal?(error)
      end
    end
  end

  semantics "exception without a message, and one whose message is no text" do
    subject { def f(*values) = raise(*values) }
    outcome do |scene|
      [RuntimeError, RuntimeError.new(nil), RuntimeError.new([1]), KeyError.new("k", receiver: {}, key: 1), Class.new(StandardError)]
        .map { |error| failure { scene.subject.new.f(error) }.last.then { |said| said.is_a?(String) ? said[/\A[^0]*/] : said } }
    end
  end

  semantics "ensure, else and retry" do
    subject do
      def f(log)
        tries ||= 0
        log << :begin
        raise "again" if (tries += 1) < 3

        tries
      rescue RuntimeError
        log << :rescue
        retry
      else
        log << :else
        :value
      ensure
        log << :ensure
      end
    end
    outcome { |scene| [log = [], scene.subject.new.f(log)] }
  end

  semantics "retry around a traced call that raises" do
    subject { def f(tries) = tries < 3 ? raise("again") : tries }
    outcome do |scene|
      tries = 0
      begin
        scene.subject.new.f(tries += 1)
      rescue RuntimeError
        retry
      end
    end
  end

  semantics "return from ensure, which swallows the exception" do
    subject do
      def f
        raise "lost"
      ensure
        return :kept # rubocop:disable Lint/EnsureReturn
      end
    end
    outcome { |scene| [scene.subject.new.f, $!] }
  end

  semantics "throw through it, from it and past it" do
    subject do
      def f = throw(:tag, [:thrown, 1])
      def g = catch(:tag) { yield }
      def h = yield
    end
    outcome do |scene|
      subject = scene.subject.new
      [catch(:tag) { subject.f }, subject.g { subject.f }, catch(:other) { subject.h { subject.h { throw :other, 2 } } },
       failure { subject.f }]
    end
  end

  semantics "break from a block given to it" do
    subject do
      def f(log)
        yield 1
        log << :not_reached
      ensure
        log << :ensure
      end

      def each
        yield 1
        yield 2
      end
      include Enumerable
    end
    outcome do |scene|
      subject = scene.subject.new
      log = []
      [subject.f(log) { |one| break one + 1 }, log, subject.each { |one| break one }, subject.find { |one| one == 1 },
       subject.first, subject.take_while { |one| one < 2 }, subject.each_with_index.to_a]
    end
  end

  semantics "next and redo in a block given to it" do
    subject { def f = [yield(1), yield(2)] }
    outcome do |scene|
      again = false
      [scene.subject.new.f { |one| next one * 2 }, scene.subject.new.f do |one|
        redo if again = !again # rubocop:disable Lint/AssignmentInCondition
        one
      end]
    end
  end

  semantics "return from a proc through it" do
    subject { def f = [:not_reached, yield] }
    outcome do |scene|
      caller_of = Class.new do
        def initialize(target) = @target = target
        def go = [:not_reached, @target.f { return :returned }]
        def each_go = [1, 2].each { |one| @target.f { return one } }
      end
      [caller_of.new(scene.subject.new).go, caller_of.new(scene.subject.new).each_go]
    end
  end

  semantics "orphan's return and break" do
    subject do
      def f(block) = block.call
      def g = proc { return 1 }
      def h(&block) = block
    end
    outcome do |scene|
      subject = scene.subject.new
      [failure { subject.f(subject.g) }, failure { subject.h { break 1 }.call }, subject.f(lambda { return 5 })]
    end
  end

  semantics "loop that ends by StopIteration" do
    subject { def f(values) = values.next }
    outcome { |scene| [1, 2].each.then { |values| loop { scene.subject.new.f(values) } } }
  end

  semantics "exit, abort and SystemExit" do
    subject do
      def f = exit(3)
      def g = raise(Interrupt)
    end
    outcome do |scene|
      status = begin
        scene.subject.new.f
      rescue SystemExit => error
        error.status
      end
      [status, failure { scene.subject.new.g }]
    end
  end

  # -- threads --

  semantics "Thread#kill inside, and ensure" do
    subject do
      def f(log, ready)
        ready << true
        sleep
      ensure
        log << [:ensure, $!]
      end
    end
    outcome do |scene|
      log = []
      ready = Queue.new
      thread = Thread.new { scene.subject.new.f(log, ready) }
      ready.pop
      [thread.kill.join(10).equal?(thread), log, thread.status, thread.value]
    end
  end

  semantics "Thread.exit inside" do
    subject { def f = Thread.exit }
    outcome { |scene| Thread.new { [scene.subject.new.f, 1] }.join(10).then { |thread| [thread.status, thread.value] } }
  end

  semantics "Thread#raise inside" do
    subject do
      def f(ready)
        ready << true
        sleep
      rescue ArgumentError => error
        [error.class, error.message, $!.equal?(error)]
      end
    end
    outcome do |scene|
      ready = Queue.new
      thread = Thread.new { scene.subject.new.f(ready) }
      ready.pop
      thread.raise(ArgumentError, "from outside")
      thread.value
    end
  end

  semantics "Thread#raise that nobody inside rescues" do
    subject { def f(ready) = ready.push(true) && sleep }
    outcome do |scene|
      ready = Queue.new
      thread = Thread.new { scene.subject.new.f(ready) }
      thread.report_on_exception = false
      ready.pop
      thread.raise(KeyError, "from outside")
      failure { thread.value }
    end
  end

  semantics "Timeout" do
    subject { def f = sleep }
    outcome { |scene| failure { Timeout.timeout(0.01) { scene.subject.new.f } } }
  end

  semantics "masked interrupts" do
    subject { def f(log) = Thread.handle_interrupt(RuntimeError => :never) { Thread.current.raise("later") && log.push(1) } }
    outcome { |scene| [log = [], failure { scene.subject.new.f(log) }] }
  end

  semantics "mutex and condition that are waited for inside" do
    subject { def f(mutex, condition) = mutex.synchronize { condition.wait(mutex, 10) && mutex.owned? } }
    outcome do |scene|
      mutex = Mutex.new
      condition = ConditionVariable.new
      thread = Thread.new { scene.subject.new.f(mutex, condition) }
      Thread.pass until thread.stop?
      mutex.synchronize { condition.signal }
      [thread.value.class, mutex.locked?]
    end
  end

  semantics "locals of the thread and the fiber" do
    subject { def f = [Thread.current[:semantics], Thread.current.thread_variable_get(:semantics)] }
    outcome do |scene|
      Thread.new do
        Thread.current[:semantics] = 1
        Thread.current.thread_variable_set(:semantics, 2)
        [scene.subject.new.f, Fiber.new { scene.subject.new.f }.resume]
      end.value
    end
  end

  # -- fibers --

  semantics "fiber that is switched inside" do
    subject { def f(one) = [one, Fiber.yield(one + 1), Fiber.yield(one + 2)] }
    outcome do |scene|
      fibers = [1, 10].map { |one| Fiber.new { scene.subject.new.f(one) } }
      [fibers.map(&:resume), fibers.reverse.map { |fiber| fiber.resume(:a) }, fibers.map { |fiber| fiber.resume(:b) }]
    end
  end

  semantics "external enumerators over it" do
    subject do
      def each
        return enum_for(:each) unless block_given?

        3.times { |number| yield number }
        :done
      end
    end
    outcome do |scene|
      one = scene.subject.new.each
      other = scene.subject.new.to_enum
      seen = [one.next, other.next, one.peek, one.next, one.next]
      [seen, failure { one.next }, other.next, one.rewind.next, one.size, Enumerator::Lazy.instance_method(:map).name]
    end
  end

  semantics "fibers that are abandoned inside, and collected" do
    subject { def f(number) = Fiber.yield(number) }
    outcome do |scene|
      seen = 50.times.map { |number| Fiber.new { scene.subject.new.f(number) }.resume }
      GC.start
      [seen.sum, 50.times.map { |number| Fiber.new { scene.subject.new.f(number) }.resume }.sum]
    end
  end

  semantics "exception raised into a fiber" do
    subject do
      def f
        Fiber.yield
      rescue RuntimeError => error
        [:rescued, error.message]
      end
    end
    outcome { |scene| Fiber.new { scene.subject.new.f }.tap(&:resume).raise("into it") }
  end

  semantics "fiber that ends with an exception" do
    subject { def f = Fiber.yield && raise(IOError, "within") }
    outcome { |scene| Fiber.new { scene.subject.new.f }.tap(&:resume).then { |fiber| [failure { fiber.resume(1) }, fiber.alive?] } }
  end

  semantics "callcc-like jumps: a generator in a generator" do
    subject { def f(depth, &block) = depth.zero? ? yield(0) : Enumerator.new { |all| f(depth - 1) { all << depth } }.each(&block) }
    outcome { |scene| [].tap { |seen| scene.subject.new.f(5) { |one| seen << one } } }
  end
end
