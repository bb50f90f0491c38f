# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Generations", :e2e do
  let(:target) { start_target("growing.rb") }
  # Never loads a second time: a tracer on the old image is seen to be attached here.
  let(:witness) { start_target("growing.rb") }
  let!(:old) { File.realpath(target.ask(:path, "e2e:hit")) }

  def counting(path) = "usdt:#{path}:e2e:hit { @hits[pid] = count(); }"
  def fire(times = 1_000) = target.ask(:fire, "e2e:hit", times, 1)
  def hits(tracer) = tracer.counts("@hits").fetch(target.pid.to_s, 0)

  def state(path)
    image = target.ask(:report)["images"].find { |candidate| File.basename(candidate["path"]) == File.basename(path) }
    image && image["state"]
  end

  # Loads with one more probe; the path of the new image.
  def grow
    target.ask(:grow)
    File.realpath(target.ask(:path, "e2e:hit")).tap { |path| expect(path).not_to eq(old) }
  end

  def expect_retired
    wait_until("#{old} retired") { !target.main.image?(old) }
    wait_until("reported as retired") { [nil, "retired"].include?(state(old)) }
  end

  it "count in full for the tracers of both, and the old one goes with its last tracer" do
    tracer = trace(counting(old), on: target)
    before = fire
    new = grow
    expect(state(old)).to eq("retiring")
    newer = trace(counting(new), on: target)
    during = fire
    tracer.stop
    expect_retired
    after = fire
    newer.stop

    expect(hits(tracer)).to eq(before + during)
    expect(hits(newer)).to eq(during + after)
    expect_released(target)
  end

  it "are one to a tracer by pid once the old one is retired, which the old path does not see" do
    start = witness.ask(:path, "e2e:hit")
    expect(File.realpath(start)).to eq(old)
    new = grow
    expect_retired
    wildcard = trace(counting("*"), pid: target.pid, on: target)
    late = trace(counting(old), on: witness)
    fired = fire
    seen_by_witness = witness.ask(:fire, "e2e:hit", 10, 1)
    [wildcard, late].each(&:stop)

    expect(wildcard.counts("@hits")).to eq(target.pid.to_s => fired)
    expect(late.counts("@hits")).to eq(witness.pid.to_s => seen_by_witness)
    expect(target.main.image?(new)).to be(true)
    expect_released(target, witness)
  end

  it "are the same to new processes, which share the newest image" do
    target.fork
    grown = start_target("growing.rb", env: { "GROWN" => "1" })
    new = grow
    expect(File.realpath(grown.ask(:path, "e2e:more"))).to eq(new)
    child = target.fork
    newest = [target.main, grown.main, child]
    tracer = trace("usdt:#{File.join(images, "app.so")}:e2e:more { @hits[pid] = count(); }", on: newest)
    expected = newest.to_h { |peer| [peer.pid.to_s, peer.ask(:fire, "e2e:more", 100, 1)] }
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect_released(target, grown)
  end

  it "keep counting with threads that fire through the change" do
    tracer = trace(counting(old), on: target)
    target.ask(:start_firing, 3)
    new = grow
    newer = trace(counting(new), on: target)
    already = target.ask(:fired)
    wait_until("1,000 more fires") { target.ask(:fired) > already + 1_000 }
    fired = target.ask(:stop_firing)
    tracer.stop
    newer.stop

    expect(hits(tracer)).to eq(fired)
    expect(hits(newer)).to be_between(1_000, fired)
    expect_released(target)
    expect_retired
  end
end
