# frozen_string_literal: true

require "tmpdir"

RSpec.describe "Railprobe::Tracer", :native do
  def tracer(**keys)
    row = { line: 1, class_name: "Traced", namespace: false, methods: [["call", false]], except: [], types: [:latency],
            captures: [], condition: nil, provider: nil }
    Railprobe::Tracer.new(row.merge(keys))
  end

  def subjects(**keys) = tracer(**keys).each_target.map(&:subject)

  before { stub_const("Traced", traced) }

  let(:traced) do
    Class.new do
      def call = 1
      def other = 2
      def to_s = "x"

      def self.open = 3

      private

      def hidden = 4
    end
  end

  describe "its targets" do
    it "are the methods that are listed, whether or not the class is there" do
      methods = [["call", false], ["none", false], ["open", true]]

      expect(subjects(methods: methods)).to eq(%w[Traced#call Traced#none Traced.open])
      expect(subjects(class_name: "Absent", methods: methods)).to eq(%w[Absent#call Absent#none Absent.open])
    end

    it "begin as their probes do" do
      targets = tracer(methods: [["a!", false], ["[]=", false], ["open", true]]).each_target

      expect(targets.map(&:stem)).to eq(["a_bang", Railprobe::Native.mangle("[]="), "self_open"])
    end

    it "are with * the public methods that the class itself defines, but for those excepted" do
      expect(subjects(methods: nil)).to eq(%w[Traced#call Traced#other Traced#to_s])
      expect(subjects(methods: nil, except: [["to_s", false], ["call", false]])).to eq(%w[Traced#other])
      expect(subjects(methods: nil, class_name: "Absent")).to eq([])
    end

    it "are with * and a namespace those of each class, also further down, but of no module or alias" do
      inner = Module.new
      stub_const("Space", Module.new)
      stub_const("Space::B", Class.new { def b = 1 })
      stub_const("Space::Inner", inner)
      stub_const("Space::Inner::C", Class.new { def c = 1 })
      stub_const("Space::Alias", traced)
      stub_const("Space::NUMBER", 1)
      inner.const_set(:Round, Space)

      expect(subjects(class_name: "Space", namespace: true, methods: nil)).to eq(%w[Space::B#b Space::Inner::C#c])
      expect(subjects(class_name: "Space", namespace: true)).to eq(%w[Space::B#call Space::Inner::C#call])
      expect(subjects(class_name: "Nowhere", namespace: true)).to eq([])
    end

    it "load no class, and ask none by methods of its own" do
      Dir.mktmpdir do |directory|
        path = File.join(directory, "later.rb")
        File.write(path, "raise 'loaded'")
        space = stub_const("Space", Module.new { def self.name = raise("asked") })
        space.autoload(:Later, path)
        Object.autoload(:RailprobeSpecLater, path)

        expect(subjects(class_name: "Space", namespace: true, methods: nil)).to eq([])
        expect(subjects(class_name: "Space::Later", methods: nil)).to eq([])
        expect(subjects(class_name: "RailprobeSpecLater", methods: nil)).to eq([])
        expect(space.autoload?(:Later)).to eq(path)
        expect { RailprobeSpecLater }.to raise_error("loaded") # it would have shown
      ensure
        Object.send(:remove_const, :RailprobeSpecLater)
      end
    end

    it "are none of a constant that is no class" do
      stub_const("Thing", 1)
      stub_const("Bare", BasicObject.new)

      expect(%w[Thing Thing::Part Bare Bare::Part no::Name].flat_map do |name|
        subjects(class_name: name, methods: nil)
      end)
        .to eq([])
    end
  end

  describe "its probes" do
    it "are those that its types need, with arguments in the order of the types' table" do
      signatures = tracer(types: %i[cpu exception allocations stack args],
                          captures: [["id", "self.id"]]).signatures

      expect(signatures.transform_values(&:keys)).to eq(
        entry: %i[overhead_ns subject ctx args stack id],
        return: %i[overhead_ns subject ctx duration_ns status objects bytes cpu_ns id],
        raise: %i[overhead_ns subject ctx exception message id]
      )
    end

    it "carry captures of the end only where there is an end" do
      signatures = tracer(types: %i[latency entry exception],
                          captures: [%w[long duration], %w[is result], %w[a a]]).signatures

      expect(signatures.transform_values { |arguments| arguments.keys & %i[long is a] })
        .to eq(return: %i[long is a], entry: %i[a], raise: %i[a])
    end

    it "carry captures with the type that they are known to have" do
      captures = [["n", "duration"], ["t", "self.class"], ["b", "a == 1"], ["l", "a.length"], ["v", "a"], ["f", "1.5"]]

      expect(tracer(captures: captures).signatures.fetch(:return).values.last(6))
        .to eq(%i[integer string boolean integer value float])
    end
  end

  it "costs what its captures and its condition cost together" do
    one, two = ["self.id", "duration > 1s"].map { |text| Railprobe::Native.expression(text).cost_ns }

    expect(tracer.cost_ns).to eq(0)
    expect(tracer(captures: [["id", "self.id"], ["id2", "self.id"]], condition: "duration > 1s").cost_ns)
      .to eq((2 * one) + two)
  end

  it "has the same signature wherever it stands, and another when what it measures changes" do
    same = [tracer(line: 1), tracer(line: 9), tracer(methods: [["more", false]])]
    others = [tracer(types: [:entry]), tracer(provider: "p"), tracer(captures: [%w[a a]]), tracer(condition: "a == 1")]

    expect(same.map(&:signature).uniq.size).to eq(1)
    expect([same.first, *others].map(&:signature).uniq.size).to eq(5)
  end
end
