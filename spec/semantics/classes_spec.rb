# frozen_string_literal: true

require "support/semantics"

# Where a method comes from, who may call it and on what: classes, modules, singletons, visibility.
RSpec.describe "Classes with traced methods", :native, :semantics do
  semantics "super up and down, both ends traced" do
    base { def f(one, two: 2) = [:base, one, two] }
    subject { def f(one, two: 3) = [:subject, super, super(one * 2), super(one, two: 9)] }
    outcome { |scene| [scene.subject.new.f(1), scene.base.new.f(5)] }
  end

  semantics "super through a module and with a block" do
    mixin { def f(&block) = [:mixin, super, block.call] }
    base { def f = [:base, yield] }
    subject do |scene|
      include scene.mixin

      def f(&) = [:subject, super]
    end
    outcome { |scene| scene.subject.new.f { 7 } }
  end

  semantics "error of a super that leads nowhere" do
    subject { def f = super }
    outcome { |scene| scene.subject.new.f }
  end

  semantics "implicit super in a method that changed its arguments" do
    base { def f(one, two) = [one, two] }
    subject do
      def f(one, two)
        one += 10
        super
      end
    end
    outcome { |scene| scene.subject.new.f(1, 2) }
  end

  semantics "method a subclass inherits, and one it overrides" do
    subject { def f = [:subject, self.class.superclass.name] }
    outcome do |scene|
      heir = Class.new(scene.subject)
      other = Class.new(scene.subject) { def f = [:heir, super] }
      [heir.new.f, other.new.f]
    end
  end

  semantics "singleton that overrides" do
    subject { def f = :subject }
    outcome do |scene|
      object = scene.subject.new
      def object.f = [:singleton, super]
      [object.f, scene.subject.new.f]
    end
  end

  semantics "class methods, inherited and overridden" do
    base { def self.f(one) = [:base, name, one] }
    subject { def self.g = [:g, f(1)] }
    outcome { |scene| [scene.base.f(1), scene.subject.f(2), scene.subject.g, Class.new(scene.subject).f(3)] }
  end

  semantics "class methods in class << self" do
    subject do
      class << self
        def f = g
        def g = :private
        private :g
      end
    end
    outcome { |scene| [scene.subject.f, failure { scene.subject.g }] }
  end

  semantics "module_function copies" do
    mixin do
      module_function

      def f(one) = [:f, one]
    end
    subject { |scene| include scene.mixin }
    outcome { |scene| [scene.mixin.f(1), failure { scene.subject.new.f(1) }, scene.subject.new.send(:f, 2)] }
  end

  semantics "module that is included before" do
    mixin { def f = [:mixin, self.class.name] }
    subject { |scene| include scene.mixin }
    outcome { |scene| scene.subject.new.f }
  end

  semantics "module that is included while armed" do
    mixin { def f = :mixin }
    subject { def g = :own }
    outcome { |scene| [scene.subject.include(scene.mixin).new.f, Class.new { include scene.mixin }.new.f] }
    afterwards { |scene| scene.subject.new.f }
  end

  semantics "module that is prepended before and while armed" do
    mixin { def f = [:mixin, super] }
    subject do |scene|
      prepend scene.mixin

      def f = :own
    end
    outcome do |scene|
      later = Module.new { def f = [:later, super] }
      [scene.subject.new.f, scene.subject.prepend(later).new.f]
    end
    afterwards { |scene| scene.subject.new.f }
  end

  semantics "objects extended before and while armed" do
    mixin { def f = [:mixin, defined?(super)] }
    subject { def f = :own }
    outcome { |scene| [scene.subject.new.extend(scene.mixin).f, Object.new.extend(scene.mixin).f] }
  end

  # -- visibility --

  semantics "private method" do
    subject do
      def call_it = [f, self.f]

      private

      def f = :private
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.call_it, failure { subject.f }, failure { subject.public_send(:f) }, subject.send(:f),
       subject.respond_to?(:f), subject.respond_to?(:f, true)]
    end
  end

  semantics "protected method" do
    subject do
      def call_it(other) = other.f

      protected def f = :protected
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.call_it(scene.subject.new), subject.call_it(Class.new(scene.subject).new), failure { subject.f },
       failure { Object.new.instance_exec { subject.f } }, subject.respond_to?(:f)]
    end
  end

  semantics "list of its methods" do
    subject do
      def f = 1
      protected def g = 2
      private def h = 3
    end
    outcome do |scene|
      subject = scene.subject
      [subject.instance_methods(false), subject.public_instance_methods(false), subject.private_instance_methods(false),
       subject.method_defined?(:f, false), subject.public_method_defined?(:g), subject.protected_method_defined?(:g),
       subject.private_method_defined?(:h), (subject.new.methods - Object.instance_methods).sort,
       subject.instance_method(:f).name]
    end
  end

  semantics "private setter called on self" do
    subject do
      def call_it = self.f = 5

      private

      def f=(value)
        @value = value
        :ignored
      end
    end
    outcome { |scene| scene.subject.new.call_it }
  end

  semantics "private class method" do
    subject do
      def self.f = :private
      private_class_method :f
      def self.g = f
    end
    outcome { |scene| [scene.subject.g, failure { scene.subject.f }] }
  end

  semantics "constructor that is private" do
    subject do
      private_class_method :new
      def self.g = new
      def f = :made
    end
    outcome { |scene| [scene.subject.g.f, failure { scene.subject.new }] }
  end

  # -- kinds of methods --

  semantics "attributes" do
    subject do
      attr_reader :reader, :f
      attr_writer :writer

      def g = @writer
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.reader, (subject.writer = 3), subject.g, failure {
        subject.reader(1)
      }, subject.send(:writer=, 4), subject.g]
    end
  end

  semantics "methods made by define_method, of a block, a Method and an UnboundMethod" do
    subject do
      outside = 10
      define_method(:f) { |one, two = 2, *rest, key: 1, &block|
        [outside, self.class.name, one, two, rest, key, block&.call]
      }
      define_method(:g, instance_method(:f))
      define_method(:call) { |*values| next values.size if values.any? }
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.f(1), subject.f(1, 3, 4, key: 5) { 6 }, subject.g(0), subject.call, subject.call(1, 2), failure {
        subject.f
      }]
    end
  end

  semantics "method made of a Symbol's and a Method's Proc" do
    subject do
      define_method(:f, &:to_s)
      define_method(:g, &[1, 2].method(:push))
    end
    outcome { |scene| [scene.subject.new.f.class, scene.subject.new.g(3)] }
  end

  semantics "C methods that set $~ in their caller" do
    root String
    subject { def f = 1 }
    outcome do |scene|
      text = scene.subject.new("key=value")
      found = [text =~ /(\w+)=/, $~ && $~[1], $1]
      swapped = [text.gsub(/(l)/) { $1.upcase }, $1, text[/(v)a/, 1], $1, text.match?(/x/), $1]
      [found, swapped, text.upcase, text * 2, text == "key=value", text.hash == "key=value".hash]
    end
  end

  semantics "Struct and its accessors" do
    make { Struct.new(:f, :g, keyword_init: true) }
    outcome do |scene|
      subject = scene.subject.new(f: 1, g: 2)
      subject.f = 4
      [subject.f, subject.to_a, subject == scene.subject.new(f: 4, g: 2), subject.to_h, subject.inspect]
    end
  end

  semantics "operators" do
    subject do
      def +(other) = [:+, other]
      def -@ = :-@
      def ! = :!
      def [](*keys) = [:[], keys]
      def []=(*values)
        @set = values
      end
      def ==(other) = [:==, other].size
      def !=(_other) = :differs
      def <=>(_other) = 0
      def call(*values) = [:call, values]
      def =~(_other) = :match
      def <<(other) = [:<<, other]
      def coerce(other) = [self, other]
      def to_str = "text"
      def to_proc = proc { |one| one * 2 }
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject + 1, -subject, !subject, subject[1, 2], (subject[3] = 4), subject == 5, subject != 6, subject <=> 7,
       subject.(8), subject =~ 9, subject << 10, 1 + subject, "a #{subject.to_str}" + subject, [1, 2].map(&subject),
       subject.instance_variable_get(:@set), (subject[1, 2] += 3)]
    end
  end

  semantics "assignment operators" do
    subject do
      attr_accessor :f

      def [](key) = (@hash ||= {})[key]

      def []=(key, value)
        (@hash ||= {})[key] = value
        :ignored
      end
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.f ||= 1, subject.f += 1, subject[:a] ||= 5, subject[:a] += 1, subject[:a], subject&.f,
       subject.send(:[]=, 1, 2)]
    end
  end

  semantics "initialize, with arguments, a block, super and an error" do
    base { def initialize(one) = @one = one }
    subject do
      attr_reader :f

      def initialize(one, two:, &block)
        raise ArgumentError, "no" if one == :bad

        super(one)
        @f = [@one, two, block&.call]
      end
    end
    outcome { |scene|
      [scene.subject.new(1, two: 2) { 3 }.f, failure { scene.subject.new(:bad, two: 1) }, failure {
        scene.subject.new
      }]
    }
  end

  semantics "new and allocate, made by hand" do
    subject do
      def self.new(*values) = [:made, values, super().f]
      def f = :own
    end
    outcome { |scene| [scene.subject.new(1, 2), scene.subject.allocate.f] }
  end

  semantics "copies by dup and clone" do
    subject do
      attr_accessor :f

      def initialize_copy(other) = @f = [:copied, other.f]
    end
    outcome { |scene|
      scene.subject.new.tap { |subject|
        subject.f = 1
      }.then { |subject| [subject.dup.f, subject.clone.f, subject.f] }
    }
  end

  semantics "copies of the class" do
    subject do
      def f = :own
      def self.g = :class
    end
    outcome { |scene|
      [scene.subject.dup, scene.subject.clone].map { |copy|
        [copy.new.f, copy.g, copy.instance_methods(false)]
      }
    }
  end

  semantics "copies of the class, after the tracer has left" do
    subject { def f = :own }
    outcome { |scene| (@copies = [scene.subject.dup, scene.subject.clone]).map { |copy| copy.new.f } }
    afterwards { |_scene| @copies.map { |copy| [copy.new.f, copy.new.method(:f).arity] } }
  end

  semantics "frozen receivers and classes frozen while armed" do
    subject do
      def f = frozen?
      def g = @value = 1
    end
    outcome { |scene| [scene.subject.freeze.new.freeze.f, failure { scene.subject.new.freeze.g }] }
    afterwards { |scene| [scene.subject.new.f, failure { scene.subject.define_method(:h) { nil } }] }
  end

  semantics "BasicObject below" do
    root BasicObject
    subject do
      def f(one = 1) = [one, ::Kernel.instance_method(:class).bind_call(self).name]
      def g = yield
      def h = raise_nothing
    end
    outcome { |scene| [scene.subject.new.f, scene.subject.new.g { 5 }, failure { scene.subject.new.h }.first] }
  end

  semantics "method_missing and respond_to_missing?" do
    subject do
      def method_missing(name, *values, **keywords, &block)
        return super unless name.start_with?("any_")

        [name, values, keywords, block&.call]
      end

      def respond_to_missing?(name, all) = name.start_with?("any_") || super
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.any_thing(1, a: 2) { 3 }, subject.respond_to?(:any_thing), subject.respond_to?(:other),
       subject.method(:any_method).call(4), failure { subject.other }]
    end
  end

  semantics "respond_to?, method and public_method" do
    subject { def f = 1 }
    outcome { |scene|
      scene.subject.new.then { |it|
        [it.respond_to?(:f), it.method(:f).call, it.public_method(:f).name]
      }
    }
  end

  semantics "methods that Ruby calls by itself" do
    subject do
      def to_s = "text"
      def hash = 1
      def eql?(other) = other.is_a?(self.class)
      def each = [3, 1, 2].each { |one| yield one }
      def inspect = "inspected"
      include Enumerable
    end
    outcome do |scene|
      subject = scene.subject.new
      ["#{subject}", { subject => 1 }[scene.subject.new], subject.sort, subject.first, subject.include?(2),
       [subject].inspect,
       subject.each_slice(2).to_a, subject.lazy.map { |one|
                                     one + 1
                                   }.to_a, subject.each_entry.next, subject.min_by(&:-@)]
    end
  end

  semantics "Marshal" do
    subject do
      def marshal_dump = [1, 2]
      def marshal_load(values) = @values = values
      attr_reader :f
    end
    outcome { |scene| Marshal.load(Marshal.dump(scene.subject.new)).instance_variable_get(:@values) }
  end

  semantics "Marshal of a plain object" do
    subject { attr_accessor :f }
    outcome { |scene| Marshal.load(Marshal.dump(scene.subject.new.tap { |one| one.f = 5 })).f }
  end

  semantics "Comparable and Enumerable of its own" do
    subject do
      attr_reader :f

      def initialize(value) = @f = value
      def <=>(other) = f <=> other.f
      include Comparable
    end
    outcome { |scene|
      [3, 1, 2].map { |value|
        scene.subject.new(value)
      }.then { |all| [all.min.f, all.sort.map(&:f), all[0] > all[1]] }
    }
  end

  semantics "instance_eval, instance_exec and class_eval around it" do
    subject { def f = @value }
    outcome do |scene|
      subject = scene.subject.new
      [subject.instance_eval { @value = 4 and f }, subject.instance_exec(5) { |one|
        [f, one]
      }, scene.subject.class_eval {
           new.f
         }]
    end
  end

  semantics "constants and class variables within" do
    subject do
      const_set(:LIMIT, 5)
      class_variable_set(:@@count, 0)
      def f = [self.class::LIMIT, self.class.class_variable_set(:@@count, self.class.class_variable_get(:@@count) + 1)]
    end
    outcome { |scene| [scene.subject.new.f, scene.subject.new.f] }
  end

  semantics "names beyond ASCII" do
    subject { def süß(eins) = "süß #{eins}" }
    outcome { |scene| [scene.subject.new.süß(1), scene.subject.instance_methods(false)] }
  end

  semantics "classes that answer in the place of Module's methods" do
    subject do
      def f = 1
      def self.instance_method(*) = raise("mine")
      def self.method_defined?(*) = raise("mine")
      def self.private_method_defined?(*) = raise("mine")
      def self.name = "mine"
      def self.prepend(*) = raise("mine")
      def self.hash = raise("mine")
      def self.==(_other) = raise("mine")
    end
    outcome { |scene| scene.subject.new.f }
  end

  semantics "hooks, none of which arming calls" do
    subject do
      def self.calls = @calls ||= []
      %i[method_added method_removed method_undefined singleton_method_added prepended included extended inherited
         prepend_features const_missing].each do |hook|
        define_singleton_method(hook) { |*values| calls << [hook, values.first.to_s[/\w+\z/]] }
      end
      def f = :own
      calls.clear
    end
    outcome { |scene| [scene.subject.calls, scene.subject.new.f] }
    afterwards { |scene| scene.subject.calls }
  end

  semantics "default visibility of a class body that is open while arming" do
    unarmed!
    subject { def f = 1 }
    outcome do |scene|
      scene.subject.class_exec do
        private

        scene.arm
        def g = 2
      end
      failure { scene.subject.new.g }
    end
  end
end
