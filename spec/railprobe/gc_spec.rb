# frozen_string_literal: true

require "objspace"

# Probes under a collector that collects, moves and counts.
RSpec.describe "Railprobe and the garbage collector", :native, :runtime do
  # GC_LEVEL=stress makes everything take a hundred times as long.
  def times(count) = GC.stress ? count / 100 : count

  # Those of a provider: others, which earlier examples have left, may go meanwhile.
  def live_probes(provider = "spec")
    3.times { GC.start }
    ObjectSpace.each_object(Railprobe::Probe).count { |probe| probe.name.start_with?("#{provider}:") }
  end

  def resident_kilobytes = Integer(File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1])

  # In a process of its own, whose heap is small: a collection takes as long as there are objects.
  def stressed(code)
    child = ChildRuby.run(<<~RUBY, options: ["-r#{File.expand_path("../support/semaphore", __dir__)}"])
      Railprobe.logger = Object.new.tap { |logger| def logger.warn(message) = message }
      #{code}
    RUBY
    expect(child.status).to be_success, child.errors
    expect(child.errors).to eq("")
    child.lines
  end

  it "fires strings, errors and blocks while every allocation collects" do
    lines = stressed(<<~RUBY)
      probe = Railprobe.probe("spec:fired", name: :string, bytes: :bytes, at: :time)
      Railprobe.load
      Semaphore.new(probe).add(1)
      GC.stress = true
      fired = Array.new(5) do |number|
        [probe.fire("ß" * 600, "a\\0\#{number}", Time.now), probe.fire { ["x" * 2000, :symbol, Time.now] },
         probe.fire(number, nil, nil), probe.fire { raise "broken \#{number}" }]
      end
      GC.stress = false
      p(*fired.uniq, probe.rejected)
    RUBY

    expect(lines).to eq(["[true, true, false, false]", "10"])
  end

  it "asks helper types of the app's own while every allocation collects" do
    lines = stressed(<<~'RUBY')
      class Work
        def call(one, two:) = [one, two]
        def fail = raise("broken")
      end
      kept = []
      ask = ->(call) { [call.arguments.inspect, call.result.inspect * 100] }
      Railprobe.helper_type(:before, on: :entry, one: :string, two: :string, &ask)
      Railprobe.helper_type(:after, on: :return, three: :string, four: :bytes) { |call| kept << call; ask.call(call) }
      Railprobe.helper_type(:wrong, on: :return, five: :integer) { |call| call.method_name.to_s * 2 }
      Railprobe.helper_type(:raised, on: :raise, six: :string) { |call| raise call.exception.message + "!" }
      File.write("t.yml", "tracers:\n  - class: Work\n    methods: [call, fail]\n    types: [before, after, wrong, raised]\n")
      Railprobe.start("t.yml")
      semaphores = Railprobe.providers["work"].map { |probe| Semaphore.new(probe).tap { |semaphore| semaphore.add(1) } }
      Railprobe::Engine.settle
      GC.stress = true
      results = Array.new(3) { |number| [Work.new.call(number, two: "2"), (Work.new.fail rescue $!.message)] }
      GC.stress = false
      p results, kept.map(&:receiver).uniq, Railprobe.report[:helper_types].transform_values { |row| row[:failures] }
      GC.compact if GC.respond_to?(:compact)
      p Work.new.call(4, two: 5), kept.size
    RUBY

    expect(lines).to eq([%([[[0, "2"], "broken"], [[1, "2"], "broken"], [[2, "2"], "broken"]]), "[nil]",
                         { before: 0, after: 0, wrong: 6, raised: 3 }.inspect, "[4, 5]", "7"])
  end

  it "declares, loads and looks up while every allocation collects" do
    lines = stressed(<<~RUBY)
      GC.stress = true
      probe = Railprobe.probe("spec:stressed", name: :string)
      Railprobe.load
      facts = [Railprobe["spec:stressed"].equal?(probe), probe.arguments, probe.inspect, Railprobe.report[:probes],
               Railprobe["spec:unknown"].fire, Railprobe.remove("spec:stressed"), Railprobe.unload]
      GC.stress = false
      p(*facts)
    RUBY

    expect(lines).to eq(["true", { name: :string }.inspect, '"#<Railprobe::Probe spec:stressed(name: string)>"',
                         "1", "false", "true", "true"])
  end

  it "keeps what is declared, though nobody else does" do
    10.times { |number| declare("spec:kept#{number}", id: :integer) }
    live_probes

    expect(Array.new(10) { |number| Railprobe["spec:kept#{number}"].arguments }).to all(eq(id: :integer))
  end

  it "stays where it is, or is found where it went" do
    skip("this Ruby does not compact") unless GC.respond_to?(:compact)
    probe = loaded("spec:moved", name: :string)
    others = Array.new(100) { |number| declare("spec:other#{number}") }
    filler = Array.new(10_000) { Object.new }
    filler.clear
    GC.compact

    expect(Railprobe["spec:moved"]).to equal(probe)
    expect(others.map { |other| Railprobe[other.name] }).to eq(others)
    expect(Semaphore.raise_for(probe) { probe.fire("a") }).to be(true)
  end

  it "has no reference that compaction misses" do
    child = ChildRuby.run(<<~RUBY)
      Railprobe.probe("spec:moved", name: :string)
      Railprobe.load
      begin
        GC.verify_compaction_references(#{RUBY_VERSION < "3.2" ? "double_heap: true" : "expand_heap: true"}, toward: :empty)
      rescue NotImplementedError
        warn("none")
      end
      p Railprobe["spec:moved"].name, Railprobe["spec:moved"].fire("a")
    RUBY

    expect(child.status).to be_success, child.errors
    expect(child.lines).to eq(['"spec:moved"', "false"])
  end

  it "collects what was removed, declared or loaded" do
    200.times { |number| declare("collected:n#{number}") }
    Railprobe.load
    expect(live_probes("collected")).to eq(200)
    200.times { |number| Railprobe.remove("collected:n#{number}") }
    Railprobe.load

    expect(live_probes("collected")).to be <= 5 # some may still seem to be on the stack
  end

  it "lets a removed probe be used for as long as somebody has it" do
    probe = loaded("spec:held", name: :string)
    Railprobe.unload
    live_probes

    expect(probe).to have_attributes(name: "spec:held", arguments: { name: :string }, attached?: false)
    expect(probe.fire("a")).to be(false)
  end

  it "does not grow, however often something is declared and removed" do
    cycle = lambda do |number|
      declare("cycle:n#{number % 100}", id: :integer, name: :string)
      Railprobe.remove("cycle:n#{number % 100}")
    end
    times(2000).times(&cycle)
    kilobytes = resident_kilobytes
    times(10_000).times(&cycle)

    expect(live_probes("cycle")).to be <= 5
    expect(resident_kilobytes).to be <= kilobytes + 4096
  end

  it "says how much memory a probe takes, names included" do
    small = ObjectSpace.memsize_of(declare("a:b"))
    large = ObjectSpace.memsize_of(declare("spec:#{"n" * 60}", "argument_#{"n" * 100}": :integer))

    expect(small).to be > 100
    expect(large).to be > small + 150 # 156 letters more
  end

  it "fires without making an object" do
    probe = loaded("spec:fired", id: :integer, name: :string, at: :time)
    now = Time.now
    allocated = Semaphore.raise_for(probe) do
      probe.fire(1, "a", now)
      before = GC.stat(:total_allocated_objects)
      100.times { probe.fire(1, "a", now) }
      GC.stat(:total_allocated_objects) - before
    end

    expect(allocated).to be < 10
  end
end
