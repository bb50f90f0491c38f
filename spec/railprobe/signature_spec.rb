# frozen_string_literal: true

RSpec.describe Railprobe::Signature do
  def refusal(label, **arguments)
    described_class.new(label, arguments)
    nil
  rescue Railprobe::DeclarationError => error
    error.message
  end

  it "reads provider, name and arguments" do
    signature = described_class.new("inventory:reserved", { sku: :string, quantity: :integer })

    expect(signature).to have_attributes(provider: "inventory", name: "reserved", to_s: "inventory:reserved(sku: " \
                                                                                        "string, quantity: integer)")
    expect(signature.arguments).to eq(sku: :string, quantity: :integer).and be_frozen
    expect(signature.pairs).to eq([["sku", :string], ["quantity", :integer]])
  end

  it "takes a symbol, and no arguments" do
    expect(described_class.new(:"order:paid?", {})).to have_attributes(provider: "order", name: "paid?", pairs: [])
  end

  describe ".split" do
    it "parts at the first colon" do
      expect(described_class.split("a:b:c")).to eq(%w[a b:c])
    end

    it "gives empty halves for what is missing" do
      expect(["a", "a:", ":b", "", nil].map { |name| described_class.split(name) })
        .to eq([["a", ""], ["a", ""], ["", "b"], ["", ""], ["", ""]])
    end

    it "gives nothing for what is no text of ours" do
      names = ["a:b\0c", "\xFF:b", "a:\xFF", "a:b".encode("UTF-16LE")]

      expect(names.map { |name| described_class.split(name) }).to all(eq(["", ""]))
    end
  end

  ["a", "a:", ":b", "", nil, 5, "a:b\0c", "\xFF:b", "a:b".encode("UTF-16LE")].each do |label|
    it "refuses #{label.inspect} as a name and shows how one looks" do
      expect(refusal(label)).to match(/is no name of a probe: write "provider:name", such as "inventory:reserved"/)
    end
  end

  it "refuses names of arguments that scripts can't write" do
    names = [:"c\x00d", "\xFF".b.to_sym, :"", :größe, :"1st", :"a b", :paid?, "c\n", 1]

    names.each { |name| expect(refusal("a:b", **{ name => :integer })).to include("#{name.inspect} is no name for an") }
    expect(refusal("a:b", a: :integer, _b: :integer, "C3" => :integer)).to be_nil
  end

  {
    int: :integer, Integer: :integer, str: :string, String: :string, bool: :boolean, sybmol: :symbol, floats: :float,
    byte: :bytes, "time " => :time
  }.each do |given, meant|
    it "suggests #{meant.inspect} for #{given.inspect}" do
      expect(refusal("a:b", c: given)).to eq("a:b: #{given.inspect} is no type for c; did you mean #{meant.inspect}?")
    end
  end

  it "lists the types where it has nothing to suggest" do
    [:hexadecimal, nil, 5, Object].each do |type|
      expect(refusal("a:b", c: type)).to end_with("is no type for c; write one of integer, unsigned, string, " \
                                                  "symbol, boolean, float, time, bytes, value")
    end
  end

  it "takes 12 slots and no 13th, of which bytes are two" do
    numbers = ->(count) { (1..count).to_h { |number| [:"n#{number}", :integer] } }

    expect(refusal("a:b", **numbers[12])).to be_nil
    expect(refusal("a:b", **numbers[10], c: :bytes)).to be_nil
    expect(refusal("a:b", **numbers[13])).to start_with("a:b declares 13 arguments, and a probe carries at most 12")
    expect(refusal("a:b", **numbers[11], c: :bytes)).to start_with("a:b declares 13 arguments")
  end

  it "has the types and slots of the engine" do
    header = File.read(File.expand_path("../../ext/railprobe/declaration.h", __dir__))
    types = header.scan(/XX\([A-Z]+, "(\w+)", (\d),/).to_h { |name, slots| [name.to_sym, Integer(slots)] }

    expect(described_class::TYPES).to eq(types)
    expect(header).to include("RP_SLOTS_MAX = #{described_class::SLOTS_MAX},")
  end
end
