# frozen_string_literal: true

require "support/semantics"

# Classes that change while their methods are armed, and tracers that come and go while methods run.
RSpec.describe "Changes while methods are armed", :native, :semantics do
  semantics "new body of a method that is redefined" do
    subject { def f = :old }
    outcome do |scene|
      scene.subject.send(:remove_method, :f)
      scene.subject.define_method(:f) { |one = 2| [:new, one] }
      [scene.subject.new.f, scene.subject.new.f(1)]
    end
    afterwards { |scene| [scene.subject.new.f, scene.subject.instance_method(:f).arity] }
  end

  semantics "redefinition of an inherited method in the subclass" do
    base { def f = :base }
    subject { def g = f }
    outcome do |scene|
      scene.subject.define_method(:f) { [:subject, super()] }
      [scene.subject.new.f, scene.subject.new.g, scene.base.new.f]
    end
    afterwards { |scene| scene.subject.new.g }
  end

  semantics "method that is undefined and defined again" do
    subject { def f = :old }
    outcome do |scene|
      scene.subject.send(:undef_method, :f)
      scene.subject.define_method(:f) { :again }
      scene.subject.new.f
    end
    afterwards { |scene| scene.subject.new.f }
  end

  semantics "method that is gone, once disarmed" do
    subject do
      def f = :old
      def g = :stays
    end
    outcome { |scene| scene.subject.send(:remove_method, :f) && scene.subject.new.g }
    afterwards { |scene| [failure { scene.subject.new.f }, scene.subject.method_defined?(:f), scene.subject.new.respond_to?(:f)] }
  end

  semantics "method removed from a subclass, so that the inherited one is back" do
    base { def f = :base }
    subject { def f = [:subject, super] }
    outcome { |scene| scene.subject.send(:remove_method, :f) && scene.subject.new.f }
    afterwards { |scene| scene.subject.new.f }
  end

  semantics "removal and definition of another method" do
    subject do
      def f = :f
      def other = :other
    end
    outcome do |scene|
      scene.subject.send(:remove_method, :other)
      scene.subject.define_method(:third) { f }
      [failure { scene.subject.new.other }.first, scene.subject.new.third]
    end
  end

  # -- aliases --

  semantics "alias chain made before" do
    subject do
      def f = :own
      alias_method :before, :f
      define_method(:f) { [:around, before] }
    end
    outcome { |scene| [scene.subject.new.f, scene.subject.new.before] }
    afterwards { |scene| [scene.subject.new.f, scene.subject.new.before] }
  end

  semantics "alias made while armed, with all that is given to it" do
    subject do
      def f(one, *rest, key: 0, &block) = [one, rest, key, block&.call, block_given?]
      def g(&block) = block
    end
    outcome do |scene|
      scene.subject.send(:alias_method, :other, :f)
      scene.subject.send(:alias_method, :block_of, :g)
      subject = scene.subject.new
      given = proc { 1 }
      [subject.other(1), subject.other(1, 2, key: 3) { 4 }, subject.other({ a: 1 }), failure { subject.other },
       subject.block_of(&given).equal?(given), subject.f(1)]
    end
    afterwards { |scene| scene.subject.new.then { |subject| [subject.other(1, key: 2) { 3 }, subject.f(1)] } }
  end

  semantics "alias of a method that is inherited, made in the subclass while armed" do
    base { def f(one) = [:base, one] }
    subject { def g = 1 }
    outcome do |scene|
      scene.subject.send(:alias_method, :other, :f)
      scene.subject.define_method(:f) { |one| [:subject, other(one), super(one)] }
      scene.subject.new.f(1)
    end
    afterwards { |scene| [scene.subject.new.f(1), scene.subject.new.other(2)] }
  end

  semantics "alias chain made while armed" do
    subject { def f(one) = [:own, one] }
    outcome do |scene|
      scene.subject.class_exec do
        alias_method :without, :f
        remove_method :f
        define_method(:f) { |one| [:around, without(one)] }
      end
      scene.subject.new.f(1)
    end
    afterwards { |scene| [scene.subject.new.f(2), scene.subject.new.without(3)] }
  end

  semantics "alias chain made while armed, when the tracer comes again" do
    subject { def f(one) = [:own, one] }
    outcome do |scene|
      scene.subject.class_exec do
        alias_method :without, :f
        remove_method :f
        define_method(:f) { |one| [:around, without(one)] }
      end
      scene.disarm
      scene.arm
      first = scene.subject.new.f(1)
      scene.subject.class_exec do
        alias_method :twice, :f
        remove_method :f
        define_method(:f) { |one| [:outer, twice(one)] }
      end
      scene.disarm
      scene.arm
      [first, scene.subject.new.f(2), scene.subject.new.twice(3), scene.subject.new.without(4)]
    end
    afterwards { |scene| [scene.subject.new.f(2), scene.subject.new.twice(3), scene.subject.new.without(4)] }
  end

  semantics "method made of one that is armed" do
    subject { def f(one = 1) = [:own, one] }
    outcome do |scene|
      scene.subject.define_method(:copy, scene.subject.instance_method(:f))
      @method = scene.subject.new.method(:f)
      [scene.subject.new.copy(2), @method.call(3), @method.to_proc.call(4), @method.unbind.bind(scene.subject.new).call]
    end
    afterwards { |scene| [scene.subject.new.copy(2), @method.call(3)] }
  end

  semantics "Method objects taken before" do
    unarmed!
    subject { def f(one) = [:own, one] }
    outcome do |scene|
      method = scene.subject.new.method(:f)
      unbound = scene.subject.instance_method(:f)
      scene.arm
      [method.call(1), unbound.bind_call(scene.subject.new, 2), method.arity, unbound.owner.equal?(scene.subject)]
    end
  end

  semantics "prepend of the app's, once armed, and again once disarmed" do
    subject { def f = [:own] }
    outcome do |scene|
      scene.subject.prepend(Module.new { def f = [:outer] + super })
      first = scene.subject.new.f
      scene.disarm
      scene.subject.prepend(Module.new { def f = [:outermost] + super })
      scene.arm
      [first, scene.subject.new.f]
    end
    afterwards { |scene| scene.subject.new.f }
  end

  # -- visibility --

  semantics "visibility that was changed while armed, once disarmed" do
    subject do
      def f = 1
      private def g = 2
    end
    outcome { |scene| scene.subject.class_exec { private(:f) && public(:g) }.class }
    afterwards { |scene| [failure { scene.subject.new.f }, scene.subject.new.g] }
  end

  # -- tracers that come and go --

  semantics "method that is entered unarmed and returns armed" do
    unarmed!
    subject { def f(one) = [one, yield] }
    outcome { |scene| [scene.subject.new.f(1) { scene.arm || 2 }, scene.subject.new.f(3) { 4 }] }
  end

  semantics "method that is entered armed and returns disarmed" do
    subject { def f(one) = [one, yield] }
    outcome { |scene| [scene.subject.new.f(1) { scene.disarm || GC.start }, scene.subject.new.f(3) { 4 }] }
  end

  semantics "method that raises once it is disarmed" do
    subject { def f = yield && raise(IndexError, "within") }
    outcome { |scene| failure { scene.subject.new.f { scene.disarm || true } } }
  end

  semantics "disarming and arming deep inside a recursion" do
    subject { def f(depth, &) = depth.zero? ? yield : [depth, f(depth - 1, &)] }
    outcome do |scene|
      [scene.subject.new.f(4) { scene.disarm && 1 }, scene.subject.new.f(4) { scene.arm || 2 },
       scene.subject.new.f(4) { scene.disarm || scene.arm || 3 }]
    end
  end

  semantics "arming again and again" do
    subject { def f(one) = one }
    outcome do |scene|
      subject = scene.subject.new
      20.times.flat_map do |number|
        scene.disarm
        disarmed = subject.f(number)
        scene.arm
        [disarmed, subject.f(number)]
      end
    end
  end

  semantics "calls in threads while tracers come and go" do
    unarmed!
    subject do
      def f(one, *rest, key: 0) = block_given? ? yield(one + rest.sum + key) : one
      def g(one) = one.odd? ? raise(IndexError, one.to_s) : one
    end
    outcome do |scene|
      subject = scene.subject.new
      goes_on = true
      threads = Array.new(4) do |number|
        Thread.new do
          wrong = 0
          calls = 0
          while goes_on || calls < 100
            calls += 1
            Thread.pass # or else the main thread would come to its turn ten times a second
            wrong += 1 unless subject.f(calls, 2, 3, key: number) { |sum| sum } == calls + 5 + number
            wrong += 1 unless (subject.g(calls) rescue $!.message.to_i) == calls
          end
          wrong
        end
      end
      30.times do
        scene.arm
        Thread.pass
        scene.disarm
      end
      goes_on = false
      threads.map(&:value)
    end
  end
end
