# frozen_string_literal: true

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

    expect(child.lines).to eq(['[true, "spec:shared", "spec", "shared", {:id=>:integer, :name=>:string}, true, ' \
                               'false, 0, "#<Railprobe::Probe spec:shared(id: integer, name: string)>", false, false]'])
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
end
