# frozen_string_literal: true

# What is here whatever the engine: the native one gives idle probes too, for names that it doesn't know.
RSpec.describe Railprobe::IdleProbe, :runtime do
  subject(:probe) { described_class.new("inventory:reserved", { sku: :string, quantity: :integer }) }

  it "has the methods of a probe that works", :native do
    expect(described_class.public_instance_methods(false)).to match_array(Railprobe::Probe.public_instance_methods(false))
    native = Railprobe::Native.singleton_methods - %i[image mangle signal_free? read_config expression render suggest]
    expect(Railprobe::Idle.singleton_methods).to match_array(native)
  end

  it "tells its name and arguments, and that nothing is there" do
    expect(probe).to have_attributes(name: "inventory:reserved", provider: "inventory", usdt_name: "reserved",
                                     path: nil, attached?: false, rejected: 0,
                                     arguments: { sku: :string, quantity: :integer })
    expect(probe.inspect).to eq("#<Railprobe::IdleProbe inventory:reserved(sku: string, quantity: integer)>")
  end

  it "is frozen and shareable, and keeps what it was given" do
    name = +"spec:probe"
    arguments = { id: :integer }
    probe = described_class.new(name, arguments)
    name << "_later"
    arguments[:more] = :string

    expect(probe).to have_attributes(name: "spec:probe", arguments: { id: :integer })
    expect(Ractor.shareable?(probe)).to be(true)
  end

  it "fires nothing, with anything" do
    expect([probe.fire, probe.fire(1, 2), probe.fire("a"), probe.fire { raise "run" }]).to all(be(false))
  end

  it "takes names that are none" do
    expect([nil, "", "a", "\xFF:b"].map { |name| described_class.new(name).provider }).to eq(["", "", "a", ""])
  end

  it "checks the number of values under strict, but not with a block" do
    Railprobe.strict = true

    expect(probe.fire("a", 1)).to be(false)
    expect(probe.fire { raise "run" }).to be(false)
    expect do
      probe.fire("a")
    end.to raise_error(Railprobe::ArgumentError, /with \(String\): the number of values is wrong/)
  end
end
