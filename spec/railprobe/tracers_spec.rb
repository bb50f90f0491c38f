# frozen_string_literal: true

RSpec.describe "Railprobe::Tracers", :native, :runtime do
  let(:path) { File.join(images_directory, "tracers.yml") }

  before do
    stub_const("Traced", Class.new { def call = 1 })
    Traced.class_eval { def other = 2 }
  end

  # Class => methods, as YAML writes them; a class with further keys is written by hand.
  def write(text)
    if text.is_a?(Hash)
      text = "tracers:\n#{text.map do |name, methods|
        "  - class: #{name}\n    methods: #{methods}\n"
      end.join}"
    end
    File.write(path, text)
  end

  def start(text)
    write(text)
    Railprobe.start(path)
  end

  def reload(text)
    write(text)
    Railprobe.reload!
  end

  def states = Railprobe.report[:tracers].to_h { |row| row.values_at(:method, :state) }
  def reasons = Railprobe.report[:tracers].to_h { |row| row.values_at(:method, :reason) }
  def probes = Railprobe.providers.transform_values { |list| list.map(&:usdt_name) }.except("tracers")
  def arity(name = :call) = Traced.instance_method(name).arity

  def common_probe
    image = Railprobe.report[:images].map { |facts| facts[:path] }.grep(/builtin/).first
    Struct.new(:provider, :usdt_name, :path).new("tracers", "method__return", image)
  end

  # Raised until the block has ended, and what comes of it seen.
  def attach(name, &block)
    Semaphore.raise_for(Railprobe[name], &block)
  end

  it "are ready where the method is there, and say what they wait for where it isn't" do
    expect(start("Traced" => "[call, none]", "Absent" => "[call]")).to be(true)

    expect(states).to eq("Traced#call" => :ready, "Traced#none" => :waiting, "Absent#call" => :waiting)
    expect(reasons).to eq("Traced#call" => nil, "Traced#none" => "Traced has no method none",
                          "Absent#call" => "Absent is not loaded")
    expect(messages).to eq(["railprobe: #{path}:2: Traced has no method none; it is traced once it is there"])
  end

  describe "that name a method which its class does not have" do
    def complaints = Railprobe.report[:complaints]

    before { Traced.define_singleton_method(:import) { 3 } }

    it "say it once, with what may have been meant, and count it" do
      start("tracers:\n  - class: Traced\n    methods: [cal, import, .cal, .imprt, call]\n")
      2.times { Railprobe.report }

      said = { "Traced#cal" => 'Traced has no method cal; did you mean "call"?',
               "Traced#import" => 'Traced has no method import; did you mean ".import"?',
               "Traced.cal" => 'Traced has no class method cal; did you mean "call"?',
               "Traced.imprt" => 'Traced has no class method imprt; did you mean ".import"?' }
      expect(messages)
        .to eq(said.values.map { |text| "railprobe: #{path}:2: #{text} Else it is traced once it is there" })
      expect(complaints.values).to eq([1, 1, 1, 1])
      expect(reasons.compact).to eq(said)
    end

    it "say nothing of a class that is not loaded, however near its name is" do
      start("Tracd" => "[call]")

      expect([reasons["Tracd#call"], messages]).to eq(["Tracd is not loaded", []])
    end

    it "say it when the class comes, and only then" do
      start("Later" => "[come, goo]")
      expect(messages).to eq([])
      stub_const("Later", Class.new { def go = 1 })
      Railprobe::Runtime.instance.class_loaded("Later")

      expect(messages).to eq(["railprobe: #{path}:2: Later has no method come; it is traced once it is there",
                              "railprobe: #{path}:2: Later has no method goo; did you mean \"go\"? " \
                              "Else it is traced once it is there"])
    end

    it "say it of a class that nobody tells of while a tracer is on it, but give it time to define the method" do
      start("Later" => "[come]")
      attach("later:come__return") do
        stub_const("Later", Class.new)
        wait_until { Railprobe::Runtime.instance.instance_variable_get(:@tracers).long_missing? || messages.any? }
        wait_until { messages.any? }
      end

      expect(messages).to eq(["railprobe: #{path}:2: Later has no method come; it is traced once it is there"])
    end

    it "say nothing of the classes in a namespace, of which each has some" do
      stub_const("Space::One", Class.new { def call = 1 })
      stub_const("Space::Two", Class.new { def other = 1 })
      start("\"Space::*\"" => "[call]")

      expect([states, messages]).to eq([{ "Space::One#call" => :ready, "Space::Two#call" => :waiting }, []])
    end

    it "are armed once the method is there, whether it was defined before the tracer came or after" do
      start("Traced" => "[late, later]")
      Traced.define_method(:late) { 7 }
      attach("traced:late__return") do
        wait_until { states["Traced#late"] == :armed }
        expect([Traced.new.late, reasons["Traced#late"]]).to eq([7, nil])
      end
      attach("traced:later__return") do
        expect(states["Traced#later"]).to eq(:waiting)
        Traced.define_method(:later) { 8 }
        wait_until { states["Traced#later"] == :armed }
        expect(Traced.new.later).to eq(8)
      end
    end

    it "say it anew after an edit, of those that are new" do
      start("Traced" => "[none]")
      reload("Traced" => "[none, nothing]")

      expect(messages.map { |message| message[/method (\w+)/, 1] }).to eq(%w[none nothing])
    end

    it "tell of fifty, and of the rest together" do
      start("Traced" => "[#{Array.new(53) { |number| "zebra#{number}" }.join(", ")}]")

      expect(messages.size).to eq(51)
      expect(messages.last).to eq("railprobe: 3 more methods that #{path} names are not there: " \
                                  "railprobe check --require tells of all")
    end

    it "raise under strict, once the others are there" do
      Railprobe.strict = true
      expect { start("Traced" => "[call, none]") }
        .to raise_error(Railprobe::DeclarationError, /Traced has no method none/)

      expect(Railprobe["traced:call__return"].path).not_to be_nil
    end
  end

  it "are attached, armed, and ready again when the tracer has left" do
    start("Traced" => "[call, other]")
    attach("traced:call__return") do
      wait_until { states["Traced#call"] == :armed }
      expect([states["Traced#other"], arity, arity(:other)]).to eq([:ready, -1, 0])
      expect(Traced.new.call).to eq(1)
    end
    wait_until { states["Traced#call"] == :ready }

    expect(arity).to eq(0)
  end

  it "wait for a class, and are armed once it is there" do
    start("Late" => "[come]")
    attach("late:come__return") do
      expect(states).to eq("Late#come" => :waiting)
      stub_const("Late", Class.new { def come = 7 })
      wait_until { states["Late#come"] == :armed }
      expect(Late.new.come).to eq(7)
    end
    wait_until { states["Late#come"] == :ready }
  end

  it "follow a class that was reloaded, and leave the old one as it was" do
    start("Traced" => "[call]")
    old = Traced
    attach("traced:call__return") do
      wait_until { states["Traced#call"] == :armed }
      stub_const("Traced", Class.new { def call = 5 })
      wait_until { arity == -1 }
      wait_until { old.instance_method(:call).arity.zero? }
      expect([Traced.new.call, old.new.call]).to eq([5, 1])
    end
    wait_until { arity.zero? }

    expect(states).to eq("Traced#call" => :ready)
  end

  it "find what a namespace and * mean, and classes that come later" do
    stub_const("Space::One", Class.new { def call = 1 })
    start("\"Space::*\"" => "[call]", "Traced" => "\"*\"")
    expect(states.keys).to eq(%w[Space::One#call Traced#call Traced#other])
    attach("one:call__return") do
      stub_const("Space::Two", Class.new { def call = 2 })
      wait_until { states.key?("Space::Two#call") && Railprobe["two:call__return"].path }
    end

    expect(probes).to include("one" => ["call__return"], "two" => ["call__return"])
  end

  it "are found while they are gone through, by a job that comes in between" do
    stub_const("Space", Module.new)
    start("Traced" => "[call, other]", "\"Space::*\"" => "[call]")
    jobs = [lambda do
      stub_const("Space::Late", Class.new { def call = 1 })
      Railprobe::Runtime.deliver(nil, nil, nil)
    end]
    allow(Railprobe::ClassLookup).to receive(:find).and_wrap_original do |find, name|
      jobs.shift&.call
      find.call(name)
    end

    expect(states).to include("Traced#other" => :ready)
    expect(states).to include("Space::Late#call" => :ready)
  end

  it "are declared once, also when a job comes in between" do
    stub_const("Space::Early", Class.new { def call = 1 })
    jobs = [-> { Railprobe::Runtime.deliver(nil, nil, nil) }]
    allow(Railprobe::Engine).to receive(:declare).and_wrap_original do |declare, *arguments|
      declare.call(*arguments).tap { jobs.shift&.call }
    end
    start("Traced" => "[call, other]", "\"Space::*\"" => "[call]")

    expect(states.values).to eq([:ready] * 3)
    expect(messages).to eq([])
  end

  it "are armed with the common pair, also when a job comes before what an edit adds is loaded" do
    start("Traced" => "[call]")
    allow(Railprobe::Engine).to receive(:load).and_wrap_original do |load, *arguments|
      Railprobe::Engine.settle
      load.call(*arguments)
    end

    Semaphore.raise_for(common_probe) do
      reload("Traced" => "[call, other]")
      expect(states).to eq("Traced#call" => :armed, "Traced#other" => :armed)
    end
  end

  it "have providers that differ where the last names of classes are alike" do
    start("A::Item" => "[x]", "B::Item" => "[x]", "A::C::Thing" => "[x]", "B::C::Thing" => "[x]", "Item2" => "[x]")

    expect(probes.keys).to eq(%w[a_c_thing a_item b_c_thing b_item item2])
  end

  it "keep what an edit leaves, drop what it takes, add what it brings" do
    start("Traced" => "[call, other]")
    kept = Railprobe["traced:call__return"]
    expect(reload("Traced" => "[call]", "Absent" => "[x]")).to be(true)

    expect(states).to eq("Traced#call" => :ready, "Absent#x" => :waiting)
    expect(probes).to eq("absent" => ["x__return"], "traced" => ["call__return"])
    expect(Railprobe["traced:call__return"]).to equal(kept)
  end

  it "trace anew what an edit changes, also while it is armed" do
    start("Traced" => "[call]")
    attach("traced:call__return") do
      wait_until { states["Traced#call"] == :armed }
      reload("tracers:\n  - class: Traced\n    methods: [call]\n    types: [entry]\n")
      wait_until { arity.zero? }
    end

    expect(probes).to eq("traced" => ["call__entry"])
    expect(Traced.new.call).to eq(1)
  end

  it "leave out what is too long for a probe, and say so; the others hold" do
    expect(start("B#{"c" * 60}" => "[x]", "Traced" => "[call, #{"d" * 60}]", "D#{"e" * 200}" => "[x]")).to be(true)

    expect(states).to include("Traced#call" => :ready, "B#{"c" * 60}#x" => :waiting)
    expect(messages.size).to eq(3)
    expect(messages).to all(match(/#(?:x|d+): .*a name is longer than 63 bytes, or a provider than 59/))
  end

  it "have all of their probes, or none: the name of the second may be too long" do
    name = "d" * 56
    start("tracers:\n  - {class: Traced, methods: [#{name}], types: [entry, latency]}\n")

    expect([states, probes]).to eq([{ "Traced##{name}" => :waiting }, {}])
    expect(messages).to match([a_string_matching(/a name is longer than 63 bytes/)])
  end

  it "stay as they are when an edit is broken, which is said once" do
    start("Traced" => "[call]")
    ["tracers:\n  - class: Traced\n    method: [other]\n",
     "tracers:\n  - class: Traced\n    methods: [call]\n    if: a +\n"].each do |broken|
      2.times { expect(reload(broken)).to be(false) }
    end

    expect(states).to eq("Traced#call" => :ready)
    expect(messages).to match([a_string_matching(/tracers\.yml:3:5: .*did you mean "methods"/m),
                               a_string_matching(/tracers\.yml:4:11: /)])
    expect(Railprobe.report[:complaints].values).to eq([2, 2])
  end

  it "begin with what is right in a file that has errors" do
    good = "tracers:\n  - class: Traced\n    methods: [call]\n"
    expect(start("#{good}  - class: Traced\n    method: [other]\n")).to be(true)

    expect(states).to eq("Traced#call" => :ready)
    expect(messages.size).to eq(1)
  end

  it "are none when there is no file, which is said, or raised under strict" do
    expect(Railprobe.start("none.yml")).to be(false)
    expect(messages).to match([a_string_matching(/none\.yml: No such file/)])
    Railprobe.strict = true
    expect { Railprobe.start("none.yml") }.to raise_error(Railprobe::Configuration::Invalid, /none\.yml/)
  end

  it "take the first of two methods whose probes would have one name, and say why not the other" do
    Traced.class_eval do
      def pay! = 1
      def pay_bang = 2
    end
    start("Traced" => "[pay!, pay_bang]")

    expect(states).to eq("Traced#pay!" => :ready, "Traced#pay_bang" => :waiting)
    expect(reasons["Traced#pay_bang"]).to include("pay_bang")
    expect(messages.size).to eq(1)
  end

  it "are gone with unload" do
    start("Traced" => "[call]")
    Railprobe.unload

    expect([Railprobe.report[:tracers], Railprobe.providers, Railprobe.reload!]).to eq([[], {}, false])
  end
end
