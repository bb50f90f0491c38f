# frozen_string_literal: true

# What becomes of probes that go over a limit of the YAML, without a tracer: the semaphores are raised by hand.
RSpec.describe "limits:", :native, :runtime do
  let(:path) { File.join(images_directory, "tracers.yml") }

  before do
    stub_const("Traced", Class.new { def call(number) = number })
    Traced.class_eval { def other(number) = number }
    @cpu_trips_before = limits[:cpu_trips]
    @spent_before = limits[:spent_ns]
  end

  # Each trip is said, by a thread of its own; not in the next example.
  after { wait_until { messages.grep(/limits: /).size == cpu_trips + limits[:trips].values.sum } }

  def write(limits)
    File.write(path, <<~YAML)
      reload: false
      limits: #{limits}
      tracers:
        - class: Traced
          methods: [call, other]
      probes:
        - probe: spec:hand
          args: {number: integer}
        - probe: spec:text
          args: {text: string}
    YAML
  end

  def start(limits)
    write(limits)
    Railprobe.start(path) or raise "not loaded: #{Railprobe.report}"
  end

  def states = Railprobe.report[:tracers].to_h { |row| row.values_at(:method, :state) }
  def limits = Railprobe.report[:limits]

  # These are the process's, and stay when all is unloaded.
  def cpu_trips = limits[:cpu_trips] - @cpu_trips_before
  def spent_ns = limits[:spent_ns] - @spent_before

  def original?(name) = Traced.instance_method(name).owner.equal?(Traced)
  def probe(name) = Railprobe[name]

  # Raised for all of them until the block has ended, and armed.
  def attach(*names, &block)
    return wait_until_armed(&block) if names.empty?

    Semaphore.raise_for(probe(names.first)) { attach(*names.drop(1), &block) }
  end

  def wait_until_armed
    wait_until { states.each_key.none? { |subject| states[subject] == :attached } }
    yield
  end

  # How many of so many firings got through.
  def fire(times, name = "spec:hand") = times.times.count { |number| probe(name).fire(number) }

  def call_until_tripped
    calls = 0
    wait_until { Traced.new.call(calls += 1) && original?(:call) }
    calls
  end

  describe "rate" do
    it "disarms a method that is called more often, and no other, until the pause is over" do
      start("{rate: 1000, cpu: 0, pause: 1}")
      attach("traced:call__return", "traced:other__return") do
        expect(call_until_tripped).to be > 1_000
        expect(states).to eq("Traced#call" => :tripped, "Traced#other" => :armed)
        expect(limits).to include(rate: 1_000, pause: 1, tripped: ["traced:call__return"], all_tripped: false,
                                  trips: { "traced:call__return" => 1 })
        expect(cpu_trips).to eq(0)
        wait_until { !original?(:call) }
        expect(states.values).to eq(%i[armed armed])
        expect(limits).to include(tripped: [], trips: { "traced:call__return" => 1 })
      end
      wait_until { original?(:call) && original?(:other) }
    end

    it "says so in one line each time" do
      start("{rate: 100, cpu: 0, pause: 1}")
      attach("traced:call__return") do
        2.times do
          call_until_tripped
          wait_until { !original?(:call) }
        end
      end

      line = "railprobe: traced:call__return fires more than 100 times a second (limits: rate); disarmed for 1 s"
      wait_until { messages.size == 2 }
      expect(messages).to eq([line, line])
      expect(limits[:trips]).to eq("traced:call__return" => 2)
      expect(Railprobe.report[:complaints]).to eq({})
    end

    it "stops what is fired by hand after exactly so many, and does not ask for the values any more" do
      start("{rate: 50, cpu: 0, pause: 1}")
      attach("spec:hand", "spec:text") do
        expect(fire(1_000)).to eq(50)
        expect([probe("spec:hand").tripped?, probe("spec:hand").attached?]).to eq([true, true])
        expect(probe("spec:hand").fire { raise "run" }).to be(false)
        expect(probe("spec:text").tripped?).to be(false)
        expect(probe("spec:text").fire("a")).to be(true)
        wait_until { !probe("spec:hand").tripped? }
        expect(fire(1_000)).to eq(50)
      end

      expect(probe("spec:hand").tripped?).to be(false) # nobody is attached
      expect(limits[:trips]).to eq("spec:hand" => 2)
    end

    it "counts wrong values as ever, also while it is tripped" do
      start("{rate: 5, cpu: 0, pause: 60}")
      attach("spec:hand") do
        fire(10)
        probe("spec:hand").fire("a", "b")
      end

      expect(probe("spec:hand").rejected).to eq(1)
    end

    it "still checks values under strict, and raises nothing for a trip" do
      start("{rate: 5, cpu: 0, pause: 60}")
      Railprobe.strict = true
      attach("spec:hand") do
        expect(fire(10)).to eq(5)
        expect { probe("spec:hand").fire("a") }.to raise_error(Railprobe::ArgumentError)
      end

      expect(fire(1_000)).to eq(0)
      expect(limits[:trips]).to eq("spec:hand" => 1)
    end

    it "leaves alone what keeps to it, whose cost is counted" do
      start("{rate: 100, cpu: 0, pause: 60}")
      attach("traced:call__return") do
        50.times { Traced.new.call(1) }
        expect(spent_ns).to be > 50 * 100
        expect(limits[:trips]).to eq({})
      end
    end

    it "changes with the file, at once" do
      start("{rate: 10, cpu: 0, pause: 3600}")
      attach("spec:hand") do
        expect(fire(100)).to eq(10)
        write("{rate: 20, cpu: 0, pause: 3600}")
        Railprobe.reload!
        expect(probe("spec:hand").tripped?).to be(false)
        expect(fire(100)).to eq(20)
        write("{rate: 0, cpu: 0, pause: 3600}")
        Railprobe.reload!
        expect(fire(100)).to eq(100)
        write("{rate: 1, cpu: 0, pause: 3600}")
        Railprobe.reload!
        expect(fire(100)).to eq(1)
      end
    end

    it "arms again at once what a change lets go on" do
      start("{rate: 10, cpu: 0, pause: 3600}")
      attach("traced:call__return") do
        call_until_tripped
        write("{rate: 0, cpu: 0, pause: 3600}")
        Railprobe.reload!
        wait_until { !original?(:call) }
        expect(states["Traced#call"]).to eq(:armed)
      end
    end
  end

  describe "cpu" do
    def call_until_all_tripped
      wait_until do
        100.times { Traced.new.call(1) }
        original?(:call)
      end
    end

    it "disarms all probes together, until the pause is over" do
      start("{rate: 0, cpu: 5, pause: 1}")
      attach("traced:call__return", "traced:other__return", "spec:hand") do
        call_until_all_tripped
        wait_until { original?(:other) }
        expect(states.values).to eq(%i[tripped tripped])
        expect([probe("spec:hand").fire(1), probe("spec:hand").tripped?]).to eq([false, true])
        expect(limits).to include(cpu: 5, all_tripped: true, tripped: [], trips: {})
        wait_until { states.values == %i[armed armed] }
        expect(probe("spec:hand").fire(1)).to be(true)
        expect(limits).to include(all_tripped: false)
      end

      expect(cpu_trips).to eq(1)
      wait_until { messages.any? }
      expect(messages).to eq(["railprobe: all probes together take more than 5 % of a CPU (limits: cpu); " \
                              "disarmed for 1 s"])
    end

    it "counts what is fired by hand" do
      start("{rate: 0, cpu: 1, pause: 60}")
      attach("spec:text") do
        text = "a" * 1_000
        wait_until do
          100.times { probe("spec:text").fire(text) }
          probe("spec:text").tripped?
        end
      end

      expect([cpu_trips, limits[:trips]]).to eq([1, {}])
    end

    it "counts a block, but not the time for which it waits" do
      start("{rate: 0, cpu: 1, pause: 60}")
      attach("spec:hand") do
        20.times { probe("spec:hand").fire { IO.select(nil, nil, nil, 0.02) && 1 } }
        expect(cpu_trips).to eq(0)
        expect(spent_ns).to be_between(1_000, 20_000_000)
        wait_until do
          probe("spec:hand").fire { 20_000.times.sum }
          probe("spec:hand").tripped?
        end
      end

      expect(cpu_trips).to eq(1)
    end

    it "counts calls that a condition keeps from firing" do
      File.write(path, <<~YAML)
        limits: {rate: 0, cpu: 1, pause: 60}
        tracers:
          - class: Traced
            methods: [call]
            if: "number > 5"
      YAML
      Railprobe.start(path)
      attach("traced:call__return") { call_until_all_tripped }

      expect(cpu_trips).to eq(1)
    end
  end

  it "are in the report, all of them" do
    start("{rate: 1, cpu: 2, pause: 3, string: 40, frames: 5}")

    expect(limits).to include(rate: 1, cpu: 2, pause: 3, string: 40, frames: 5)
  end

  it "hold no longer when everything is unloaded" do
    start("{rate: 1, cpu: 2, pause: 3, string: 40, frames: 5}")
    Railprobe.unload

    expect(limits).to include(rate: 0, cpu: 0, pause: 10, string: 1024, frames: 16)
  end

  it "do not hold where no file says so" do
    probe = loaded("spec:free", number: :integer)
    Semaphore.raise_for(probe) { expect(fire(300_000, "spec:free")).to eq(300_000) }

    expect(limits).to include(rate: 0, cpu: 0, trips: {})
    expect(cpu_trips).to eq(0)
  end

  it "are the defaults where a file says nothing" do
    File.write(path, "version: 1\n")
    Railprobe.start(path)

    expect(limits).to include(rate: 100_000, cpu: 10, pause: 10, string: 1024, frames: 16)
  end

  it "begin afresh in a child" do
    start("{rate: 50, cpu: 0, pause: 3600}")
    attach("spec:hand", "traced:call__return") do
      fire(100)
      call_until_tripped
      reader, writer = IO.pipe
      child = fork do
        before = [probe("spec:hand").tripped?, limits[:trips]]
        wait_until { states["Traced#call"] == :armed }
        writer.puts([*before, fire(100), limits[:trips].keys].inspect)
        writer.close
        exit!(0)
      end
      writer.close
      Process.wait(child)
      expect(reader.read).to eq("#{[false, {}, 50, ["spec:hand"]].inspect}\n")
      expect(limits[:trips].keys).to contain_exactly("traced:call__return", "spec:hand")
    end
  end
end
