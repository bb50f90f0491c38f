# frozen_string_literal: true

require "English"

# A probe while a tracer is attached; the semaphore is raised by hand.
RSpec.describe "an attached probe", :native, :runtime do
  let(:probe) { loaded("spec:fired", sku: :string, quantity: :integer) }

  def attached(&block) = Semaphore.raise_for(probe, &block)

  # What the caller sees of a fire whose block does something else than give values.
  def fire_with(&block) = attached { probe.fire(&block) }

  it "is one as long as the semaphore is up" do
    expect(probe.attached?).to be(false)
    attached do
      expect(probe.attached?).to be(true)
      attached { expect(Railprobe.report[:attached]).to eq(["spec:fired"]) }
      expect(Railprobe.report[:images].first).to include(attached: 1)
    end
    expect(probe.attached?).to be(false)
  end

  it "fires values, or what a block gives" do
    one = loaded("spec:one", id: :integer)

    expect(attached { probe.fire("a", 1) }).to be(true)
    expect(attached { probe.fire { ["a", 1] } }).to be(true)
    expect(Semaphore.raise_for(one) { one.fire { 5 } }).to be(true)
    expect(attached { probe.fire("a", 1) { raise "the values count" } }).to be(true)
  end

  it "is not attached because another one is" do
    other = loaded("spec:other")

    expect(Semaphore.raise_for(other) { [other.fire, probe.fire("a", 1)] }).to eq([true, false])
  end

  fitting = {
    integer: [0, -1, nil, 2**62, 2**64, -(2**64), 2**10_000],
    unsigned: [0, -1, nil, 2**64, -(2**64), 2**10_000],
    string: ["", "a", nil, :symbol, "a\0b", "ß" * 5000, "\xFF", "a".encode("UTF-16LE")],
    symbol: [:a, "a", nil],
    boolean: [true, false, nil],
    float: [1.5, -0.0, Float::NAN, Float::INFINITY, 1, nil, 2**900],
    time: [Time.at(0), Time.at(2**40), Time.at(-(2**40)), 5, nil],
    bytes: ["a\0b", nil, "\xFF".b]
  }
  wrong = {
    integer: [1.0, "1", :a, true, Object.new, BasicObject.new, Time.at(0), 1r],
    unsigned: [1.0, "1", true, BasicObject.new],
    string: [1, true, [], Object.new, BasicObject.new, String],
    symbol: [1, nil.to_a, BasicObject.new],
    boolean: [0, 1, "true", :true, BasicObject.new], # rubocop:disable Lint/BooleanSymbol
    float: ["1.5", true, 1r, 2**2000, BasicObject.new],
    time: ["now", 1.5, Object.new, BasicObject.new],
    bytes: [1, [1], BasicObject.new]
  }
  fitting.each do |type, values|
    it "fires any #{type}" do
      probe = loaded("spec:#{type}", it: type)

      expect(Semaphore.raise_for(probe) { values.map { |value| probe.fire(value) } }).to all(be(true))
      expect(probe.rejected).to eq(0)
    end

    it "drops what is no #{type}, counts it, tells of it once and raises nothing" do
      probe = loaded("spec:#{type}", it: type)
      dropped = wrong.fetch(type)

      expect(Semaphore.raise_for(probe) { dropped.map { |value| probe.fire(value) } }).to all(be(false))
      expect(probe.rejected).to eq(dropped.size)
      expect(Railprobe.report[:rejected]).to eq("spec:#{type}" => dropped.size)
      expect(messages).to contain_exactly(/spec:#{type}\(it: #{type}\) was fired with \(\w+\): it can't be an? \w+\z/)
    end

    it "raises under strict, attached or not, for what is no #{type}" do
      probe = loaded("spec:#{type}", it: type)
      Railprobe.strict = true

      wrong.fetch(type).each do |value|
        name = Kernel.instance_method(:class).bind_call(value).name
        article = /\A[AEIOU]/.match?(name) ? "an" : "a"
        failure = raise_error(Railprobe::ArgumentError, "spec:#{type}(it: #{type}) was fired with (#{name}): " \
                                                        "it can't be #{article} #{name}")
        expect { probe.fire(value) }.to failure
        expect { Semaphore.raise_for(probe) { probe.fire { [value] } } }.to failure
      end
    end
  end

  it "tells which of the values is wrong" do
    attached { probe.fire("a", "b") }
    expect(messages).to contain_exactly(/with \(String, String\): quantity can't be a String/)
  end

  it "names a value's class without asking the value" do
    liar = Class.new do
      def self.name = raise("no name")
      def class = raise("no class")
    end

    expect(attached { probe.fire(liar.new, 1) }).to be(false)
    expect(messages).to contain_exactly(/with \(\?, Integer\): sku can't be a \?/)
  end

  it "drops a time that the system's clock has no number for" do
    probe = loaded("spec:time", at: :time)

    fired = Semaphore.raise_for(probe) { [2**70, -(2**70), 10**40].map { |seconds| probe.fire(Time.at(seconds)) } }
    expect(fired).to all(be(false))
  end

  it "counts a block that gives too few or too many values" do
    expect(attached { [[], ["a"], ["a", 1, 2], nil, "a"].map { |values| probe.fire { values } } }).to all(be(false))
    expect(probe.rejected).to eq(5)
    expect(messages.size).to eq(1)
  end

  describe "whose block doesn't end well" do
    [RuntimeError, NotImplementedError, LoadError, StopIteration].each do |error|
      it "swallows #{error}, counts it and tells of it once" do
        expect(Array.new(3) { fire_with { raise error, "broken" } }).to all(be(false))
        expect(probe.rejected).to eq(3)
        expect(messages).to contain_exactly("railprobe: the block given to spec:fired raised #{error}: broken")
        expect($ERROR_INFO).to be_nil
      end

      it "raises #{error} under strict" do
        Railprobe.strict = true
        expect { fire_with { raise error, "broken" } }.to raise_error(error, "broken")
        expect(probe.rejected).to eq(0)
      end
    end

    it "swallows an error whose message raises" do
      error = Class.new(StandardError) { def message = raise("no message") }

      expect(fire_with { raise error }).to be(false)
      expect(probe.rejected).to eq(1)
    end

    it "lets break, next, throw and return do what they say" do
      returning = -> { fire_with { return :returned } }

      expect(fire_with { break :broken }).to eq(:broken)
      expect(fire_with { next ["a", 1] }).to be(true)
      expect(catch(:done) { fire_with { throw(:done, :thrown) } }).to eq(:thrown)
      expect(returned_from_block).to eq(:returned)
      expect { returning.call }.not_to raise_error
      expect(probe.rejected).to eq(0)
    end

    def returned_from_block
      fire_with { return :returned }
      :not_reached
    end

    it "lets through what is meant for the thread or the process" do
      expect { fire_with { raise Interrupt } }.to raise_error(Interrupt)
      expect { fire_with { exit(3) } }.to raise_error(SystemExit)
      expect { fire_with { raise SignalException, "TERM" } }.to raise_error(SignalException)
      expect { fire_with { raise NoMemoryError } }.to raise_error(NoMemoryError)
      expect { within(0.05) { fire_with { Thread::Queue.new.pop } } }.to raise_error(Timeout::Error)
      expect(probe.rejected).to eq(0)
      expect(messages).to be_empty
    end

    it "lets a thread be killed in it, with what it has to clean up" do
      inside = Thread::Queue.new
      cleaned = false
      thread = Thread.new do
        fire_with { (inside << true) && Thread::Queue.new.pop }
        :not_reached
      ensure
        cleaned = true
      end
      within { inside.pop }
      thread.kill

      expect(within { thread.value }).to be_nil
      expect([cleaned, probe.attached?]).to eq([true, false])
    end

    it "lets a thread be killed while it complains" do
      logger = log
      logger.define_singleton_method(:warn) { |_message| Thread.current.kill }
      thread = Thread.new do
        fire_with { raise "broken" }
        :not_reached
      end

      expect(within { thread.value }).to be_nil
    end

    it "leaves $! alone" do
      seen = []
      begin
        raise KeyError, "the app's own"
      rescue KeyError => error
        fire_with { raise "ours" }
        seen << $ERROR_INFO.equal?(error)
        attached { probe.fire(1, 2) }
        seen << $ERROR_INFO.equal?(error)
      end

      expect(seen).to eq([true, true])
      expect { raise_again }.to raise_error(KeyError, "the app's own")
      expect(catch(:tag) { throw_through_fire }).to eq(:thrown)
    end

    def raise_again
      raise KeyError, "the app's own"
    rescue KeyError
      fire_with { raise "ours" }
      raise
    ensure
      fire_with { raise "ours" }
      attached { probe.fire(nil, Time.at(2**70)) }
    end

    def throw_through_fire
      throw(:tag, :thrown)
    ensure
      fire_with { raise "ours" }
      attached { probe.fire(1, 2) }
    end
  end

  it "lets the block load, unload, fire and look up" do
    fired = fire_with do
      declare("spec:later")
      Railprobe.load
      [Railprobe["spec:fired"].name, probe.fire("inner", 1) ? 1 : 0]
    end
    expect(fired).to be(true)

    fire_with do
      Railprobe.unload
      ["a", 1]
    end
    expect(probe).to have_attributes(attached?: false, path: nil, rejected: 0)
    expect(messages).to be_empty
  end

  it "survives arrays that change while they are read" do
    values = ["a", 1]
    result = attached do
      probe.fire do
        values.concat([2] * 1000)
        values.replace(["b", 2])
      end
    end
    expect(result).to be(true)
  end

  it "stays attached in an image that the next load replaces, until the tracer leaves" do
    old_path = probe.path
    semaphore = Semaphore.new(probe)
    semaphore.add(1)
    loaded("spec:more")

    expect(probe.path).not_to eq(old_path)
    expect([probe.attached?, probe.fire("a", 1)]).to eq([true, true])
    expect(Railprobe.report[:images].find { |image| image[:path] == old_path }).to include(state: :retiring)
    expect(Railprobe.unload).to be(false)
    semaphore.add(-1)
    wait_until { Railprobe.report[:images].none? { |image| image[:state] == :retiring } }
    expect(probe.attached?).to be(false)
  end
end
