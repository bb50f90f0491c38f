# frozen_string_literal: true

require "tmpdir"

RSpec.describe "Railprobe in Ractors" do
  def run(code, options: [])
    child = ChildRuby.run(code, options: ["-W:no-experimental", *options])
    expect(child.status).to be_success, "#{child.status}\n#{child.errors}"
    child
  end

  let(:semaphore) { ["-r#{File.expand_path("../support/semaphore", __dir__)}"] }

  it "finds probes and reads them", :native do
    child = run(<<~RUBY)
      probe = Railprobe.probe("spec:shared", id: :integer, name: :string)
      Railprobe.load
      abort("not shareable") unless Ractor.shareable?(probe)
      ractors = Array.new(4) do
        Ractor.new(probe) do |given|
          found = Railprobe["spec:shared"]
          [found.equal?(given), found.name, found.provider, found.usdt_name, found.arguments, found.path == given.path,
           found.attached?, found.rejected, found.inspect, found.fire(1, "a"), found.fire { raise "run" }]
        end
      end
      p(*ractors.map(&:take).uniq)
    RUBY

    probe = "#<Railprobe::Probe spec:shared(id: integer, name: string)>"
    expect(child.lines).to eq([[true, "spec:shared", "spec", "shared", { id: :integer, name: :string }, true,
                                false, 0, probe, false, false].inspect])
    expect(child.errors).to eq("")
  end

  it "fires attached probes, in all of them at once", :native do
    child = run(<<~RUBY, options: semaphore)
      probe = Railprobe.probe("spec:shared", id: :integer, name: :string)
      Railprobe.load
      Semaphore.new(probe).add(1)
      ractors = Array.new(4) do
        Ractor.new(probe) { |shared| Array.new(20_000) { |id| shared.fire(id, "ß" * (id % 900)) }.uniq }
      end
      p(*ractors.map(&:take), probe.rejected)
    RUBY

    expect([child.lines, child.errors]).to eq([(["[true]"] * 4) + ["0"], ""])
  end

  it "never raises for wrong values and broken blocks: it says so once", :native do
    child = run(<<~RUBY, options: semaphore)
      probe = Railprobe.probe("spec:shared", id: :integer)
      Railprobe.load
      Semaphore.new(probe).add(1)
      p(Ractor.new(probe) do |shared|
        [shared.fire, shared.fire("a"), shared.fire(BasicObject.new), shared.fire { raise "broken" }]
      end.take, probe.rejected)
    RUBY

    expect(child.lines).to eq(["[false, false, false, false]", "4"])
    expect(child.errors).to eq("railprobe: spec:shared(id: integer) was fired with (): the number of values is wrong\n")
  end

  it "doesn't raise for wrong values under strict either, which is the main one's", :native do
    child = run(<<~RUBY)
      probe = Railprobe.probe("spec:shared", id: :integer)
      Railprobe.strict = true
      p(Ractor.new(probe) { |shared| [shared.fire, shared.fire("a")] }.take)
    RUBY

    expect(child.output).to eq("[false, false]\n")
    expect(child.errors.lines).to match([/the number of values is wrong$/, /id can't be a String$/])
  end

  it "takes unknown names, in any engine" do
    child = run(<<~RUBY)
      Railprobe.probe("spec:shared")
      p(Ractor.new do
        [Railprobe["spec:unknown"], Railprobe["\\xFF:a"], Railprobe["a:b\\0c"]].map { |probe| probe.fire(1) }
      end.take)
    RUBY

    expect(child.output).to eq("[false, false, false]\n")
    expect(child.errors.lines.grep_v(/\Arailprobe: no probe .* is declared$/)).to be_empty
  end

  it "gives probes that do nothing", :idle do
    child = run(<<~RUBY)
      Railprobe.probe("spec:shared", id: :integer)
      p(Ractor.new { [Railprobe["spec:shared"].name, Railprobe["spec:shared"].fire(1)] }.take)
    RUBY

    expect([child.output, child.errors]).to eq(["[\"spec:shared\", false]\n", ""])
  end

  it "looks up while the main one declares, removes, loads and collects", :native do
    child = run(<<~RUBY)
      ractors = Array.new(2) do
        Ractor.new { 30_000.times.count { |number| Railprobe["spec:n\#{number % 10}"].fire(1) } }
      end
      10.times { |number| Railprobe.probe("spec:n\#{number}", id: :integer) }
      200.times do |round|
        Railprobe.probe("spec:more", **{ "a\#{round}": :integer })
        Railprobe.load
        Railprobe.remove("spec:more")
        GC.start if (round % 20).zero?
      end
      p(*ractors.map(&:take))
    RUBY

    expect(child.lines).to eq(%w[0 0])
    expect(child.errors.lines.grep_v(/\Arailprobe: no probe "spec:n\d" is declared$/)).to be_empty
  end

  describe "with helper types of the app's own", :native do
    # Calls a traced method in four Ractors, and in the main one.
    def call_everywhere(block)
      File.write(File.join(@directory, "t.yml"), "tracers:\n  - class: Work\n    methods: [call]\n    types: [asked]\n")
      run(<<~RUBY, options: semaphore)
        class Work
          def call(number) = number
        end
        Railprobe.helper_type(:asked, on: :return, number: :integer, text: :string, &#{block})
        Railprobe.start(#{File.join(@directory, "t.yml").inspect})
        Semaphore.new(Railprobe["work:call__return"]).add(1)
        Railprobe::Engine.settle
        ractors = Array.new(4) { Ractor.new { 2_000.times.sum { |number| Work.new.call(number) } } }
        p ractors.map(&:take).uniq, Work.new.call(7), Railprobe.report[:helper_types][:asked][:failures]
      RUBY
    end

    def shareable(body) = "nil.instance_exec { Ractor.make_shareable(proc { |call| #{body} }) }"

    around { |example| Dir.mktmpdir { |directory| (@directory = directory) && example.run } }

    it "asks a block that is shareable in all of them" do
      child = call_everywhere(shareable("[call.result, call.method_name]"))

      expect([child.lines, child.errors]).to eq([%w[[1999000] 7 0], ""])
    end

    it "asks any other one in the main one only: elsewhere its values are unknown, counted, and that is said once" do
      child = call_everywhere("proc { |call| [call.result, $told = \"told\"] }")

      expect(child.lines).to eq(%w[[1999000] 7 8000])
      expect(child.errors).to eq("railprobe: the block of the helper type asked(number: integer, text: string) runs " \
                                 "in the main Ractor only; one that Ractor.make_shareable takes runs in all\n")
    end

    it "lets nothing out that goes wrong in a block there" do
      child = call_everywhere(shareable("raise 'no'"))

      expect(child.lines).to eq(%w[[1999000] 7 8001])
      expect(child.errors).to match(/\Arailprobe: the block of .* raised RuntimeError: no\n\z/)
    end
  end
end
