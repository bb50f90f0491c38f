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

  # Raised until the block has ended, and what comes of it seen.
  def attach(name, &block)
    Semaphore.raise_for(Railprobe[name], &block)
  end

  it "are ready where the method is there, and say what they wait for where it isn't" do
    expect(start("Traced" => "[call, none]", "Absent" => "[call]")).to be(true)

    expect(states).to eq("Traced#call" => :ready, "Traced#none" => :waiting, "Absent#call" => :waiting)
    expect(reasons).to eq("Traced#call" => nil, "Traced#none" => "Traced has no method none",
                          "Absent#call" => "Absent is not loaded")
    expect(messages).to eq([])
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
