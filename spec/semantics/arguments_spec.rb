# frozen_string_literal: true

require "support/semantics"

# Whatever is given to a method arrives: arguments, keywords and blocks of every kind, and what comes back.
RSpec.describe "Arguments of a traced method", :native, :semantics do
  semantics "no parameters" do
    subject { def f = :value }
    outcome { |scene| [scene.subject.new.f, failure { scene.subject.new.f(1) }] }
  end

  semantics "required and optional parameters" do
    subject { def f(one, two = 2, three = [one, two]) = [one, two, three] }
    outcome { |scene| [scene.subject.new.f(1), scene.subject.new.f(1, 3), scene.subject.new.f(1, 3, nil)] }
  end

  semantics "rest and post parameters" do
    subject { def f(one, two = 2, *rest, last) = [one, two, rest, last] }
    outcome { |scene| [[1, 9], [1, 2, 9], [1, 3, 4, 5, 9]].map { |values| scene.subject.new.f(*values) } }
  end

  semantics "destructured parameters" do
    subject { def f((one, *rest), (two, (three)), *others) = [one, rest, two, three, others] }
    outcome { |scene| [scene.subject.new.f([1, 2, 3], [4, [5, 6]], 7), scene.subject.new.f(1, nil)] }
  end

  semantics "keywords, needed and optional" do
    subject { def f(one, two:, three: two * 2) = [one, two, three] }
    outcome { |scene| [scene.subject.new.f(1, two: 2), scene.subject.new.f(1, three: 3, two: 2)] }
  end

  semantics "error for a keyword that is missing" do
    subject { def f(one:, two:) = [one, two] }
    outcome { |scene| scene.subject.new.f(one: 1) }
  end

  semantics "error for a keyword that is unknown" do
    subject { def f(one: 1) = one }
    outcome { |scene| scene.subject.new.f(other: 1) }
  end

  semantics "error for too few arguments" do
    subject { def f(one, two) = [one, two] }
    outcome { |scene| scene.subject.new.f(1) }
  end

  semantics "error for too many arguments" do
    subject { def f(one) = one }
    outcome { |scene| scene.subject.new.f(1, 2) }
  end

  semantics "rest of keywords" do
    subject { def f(*rest, one: 1, **others) = [rest, one, others] }
    outcome do |scene|
      subject = scene.subject.new
      hash = { two: 2, "text" => 3 }
      [subject.f, subject.f(**hash), subject.f(hash), subject.f(hash, **hash), subject.f(one: 5, **hash), subject.f(**{})]
    end
  end

  semantics "parting of a last hash from keywords" do
    subject { def f(one = :none, **keywords) = [one, keywords] }
    outcome do |scene|
      subject = scene.subject.new
      empty = {}
      [subject.f({}), subject.f(**empty), subject.f({ a: 1 }), subject.f(a: 1), subject.f({ a: 1 }, **empty),
       subject.f({ a: 1 }, b: 2)]
    end
  end

  semantics "hash of keywords that a method without keywords gets" do
    subject { def f(*values) = values }
    outcome { |scene| [scene.subject.new.f(1, a: 2), scene.subject.new.f(**{}), scene.subject.new.f({})] }
  end

  semantics "refusal of keywords" do
    subject { def f(one = 1, **nil) = one }
    outcome { |scene| [scene.subject.new.f, scene.subject.new.f({}), failure { scene.subject.new.f(a: 1) }] }
  end

  semantics "keywords that are no copies when changed" do
    subject { def f(**keywords) = keywords.store(:added, 1) }
    outcome { |scene| { a: 1 }.tap { |hash| scene.subject.new.f(**hash) } }
  end

  semantics "array that stays the caller's own" do
    subject { def f(*values) = values.push(:added) }
    outcome { |scene| [1, 2].then { |values| [scene.subject.new.f(*values), values] } }
  end

  semantics "forwarded everything" do
    subject do
      def g(*values, **keywords, &block) = [values, keywords, block&.call]
      def f(...) = g(...)
      def h(first, ...) = g(first, 0, ...)
    end
    outcome do |scene|
      subject = scene.subject.new
      [subject.f, subject.f(1, a: 2) { 3 }, subject.h(1, 2, b: 4) { 5 }, subject.f({ a: 1 })]
    end
  end

  semantics "two hundred arguments" do
    subject { def f(*values) = values }
    outcome { |scene| scene.subject.new.f(*0...200) }
  end

  semantics "thousands of arguments" do
    subject { def f(*values) = [values.size, values.sum] }
    outcome { |scene| scene.subject.new.f(*0...5_000) }
  end

  semantics "several values at once" do
    subject { def f = return 1, 2, [3] }
    outcome { |scene| scene.subject.new.f.then { |one, two, three| [one, two, three] } }
  end

  semantics "identity of what is given and returned" do
    subject { def f(value) = value }
    outcome { |scene| Object.new.then { |value| scene.subject.new.f(value).equal?(value) } }
  end

  semantics "flagged hashes as target" do
    subject do
      def g(*values, **keywords) = [values, keywords]
      ruby2_keywords def f(*values) = g(*values)
    end
    outcome { |scene| [scene.subject.new.f(1, a: 2), scene.subject.new.f({ a: 2 }), scene.subject.new.f] }
  end

  semantics "flagged hashes as caller" do
    subject do
      def f(*values, **keywords) = [values, keywords]
      ruby2_keywords def delegate(*values) = f(*values)
    end
    outcome { |scene| [scene.subject.new.delegate(1, a: 2), scene.subject.new.delegate({ a: 2 })] }
  end

  semantics "flag of a hash that is passed on" do
    subject { def f(*values) = Hash.ruby2_keywords_hash?(values.last) }
    outcome { |scene| [scene.subject.new.f(Hash.ruby2_keywords_hash(a: 1)), scene.subject.new.f({ a: 1 })] }
  end

  semantics "calls by send, public_send, a Method and a Symbol" do
    subject { def f(*values, **keywords) = [values, keywords] }
    outcome do |scene|
      subject = scene.subject.new
      [subject.send(:f, 1, a: 2), subject.public_send(:f, 1), subject.__send__(:f), subject.method(:f).call(3, b: 4),
       subject.method(:f).unbind.bind_call(subject, 5), [subject].map(&:f), subject.method(:f).to_proc.call(6)]
    end
  end

  # -- blocks --

  semantics "block that is yielded to" do
    subject { def f(*values) = yield(*values) }
    outcome { |scene| [scene.subject.new.f(1) { |one| one + 1 }, scene.subject.new.f([1, 2]) { |one, two| [two, one] }] }
  end

  semantics "error without a block" do
    subject { def f = yield }
    outcome { |scene| scene.subject.new.f }
  end

  semantics "block_given? within" do
    subject { def f = block_given? }
    outcome { |scene| [scene.subject.new.f, scene.subject.new.f { nil }, scene.subject.new.f(&nil), scene.subject.new.f(&:to_s)] }
  end

  semantics "Proc object, the one that was given" do
    subject { def f(&block) = block }
    outcome do |scene|
      given = proc { 1 }
      subject = scene.subject.new
      [subject.f(&given).equal?(given), subject.f(&:size).call("four"), subject.f(&:size).lambda?,
       subject.f(&->(one) { one }).lambda?, subject.f { nil }.lambda?, subject.f(&1.method(:+)).call(2), subject.f]
    end
  end

  semantics "anonymous block that is passed on" do
    subject do
      def g = yield
      def f(&) = g(&)
    end
    outcome { |scene| scene.subject.new.f { :given } }
  end

  semantics "local variables of a block" do
    subject { def f = 3.times { |number| yield number } }
    outcome { |scene| [].tap { |seen| scene.subject.new.f { |number| seen << number } } }
  end

  semantics "self of a block, and of one that is evaluated" do
    subject { def f(&block) = [block.call, instance_exec(1, &block).equal?(self)] }
    outcome { |scene| scene.subject.new.f { self }.then { |first, second| [first.equal?(self), second] } }
  end

  semantics "numbered parameters and a block's arity" do
    subject { def f(&block) = [block.arity, block.parameters, [[1, 2]].map(&block)] }
    outcome { |scene| [scene.subject.new.f { _1 }, scene.subject.new.f { [_1, _2] }, scene.subject.new.f { |a, b| [b, a] }] }
  end
end
