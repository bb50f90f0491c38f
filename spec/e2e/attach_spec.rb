# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Attaching", :e2e do
  def counting(path) = "usdt:#{path}:e2e:hit { @hits[pid] = count(); @sum[pid] = sum(arg0); }"

  it "counts every fire in every process when attached by path" do
    targets = Array.new(2) { start_target }
    tracer = trace(counting(File.join(images, "app.so")), on: targets)
    expected = targets.to_h { |target| [target.pid.to_s, target.ask(:fire_numbers, 5_000)] }
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected.transform_values(&:first))
    expect(tracer.counts("@sum")).to eq(expected.transform_values(&:last))
    expect_released(targets)
  end

  it "counts one process only when attached by pid" do
    traced, other = Array.new(2) { start_target }
    tracer = trace(counting("*"), pid: traced.pid, on: traced)
    expect(other.ask(:attached, "e2e:hit")).to be(false)
    fired = traced.ask(:fire, "e2e:hit", 3_000, 1, "traced")
    other.ask(:fire, "e2e:hit", 3_000, 1, "other")
    tracer.stop

    expect(tracer.counts("@hits")).to eq(traced.pid.to_s => fired)
    expect_released(traced, other)
  end

  it "counts four processes of four threads each" do
    target = start_target
    target.fork_many(3)
    tracer = trace(counting(target.ask(:path, "e2e:hit")), on: target)
    answers = target.peers.map do |peer|
      Thread.new { [peer.pid.to_s, peer.ask(:fire_in_threads, "e2e:hit", 4, 5_000, 1, "x")] }
    end
    expected = answers.to_h(&:value)
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect(expected.values).to eq([20_000] * 4)
    expect_released(target)
  end

  it "counts processes that are started after the tracer" do
    first = start_target
    tracer = trace(counting(first.ask(:path, "e2e:hit")), on: first)
    later = Array.new(2) { start_target }
    expect(later.map { |target| target.ask(:attached, "e2e:hit") }).to eq([true, true])
    wait_until("a first change in both") do
      later.all? { |target| target.ask(:changes).include?(["e2e:hit", true]) }
    end
    expected = [first, *later].to_h { |target| [target.pid.to_s, target.ask(:fire, "e2e:hit", 1_000, 1, "x")] }
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect_released(first, later)
  end

  it "serves two tracers at once, and the one that stays when the other leaves" do
    target = start_target
    path = target.ask(:path, "e2e:hit")
    first, second = Array.new(2) { trace("usdt:#{path}:e2e:hit { @hits = count(); }", on: target) }
    both = target.ask(:fire, "e2e:hit", 2_000, 1, "x")
    first.stop
    expect(target.ask(:attached, "e2e:hit")).to be(true)
    alone = target.ask(:fire, "e2e:hit", 1_000, 1, "x")
    second.stop

    expect(first.count("@hits")).to eq(both)
    expect(second.count("@hits")).to eq(both + alone)
    expect_released(target)
  end

  it "is released when the tracer is killed" do
    targets = Array.new(2) { start_target }
    tracer = trace(counting(targets.first.ask(:path, "e2e:hit")), on: targets)
    fired = targets.first.ask(:fire, "e2e:hit", 10, 1, "x")
    tracer.kill!

    expect_released(targets)
    expect(fired).to eq(10)
    expect(targets.map { |target| target.ask(:attached, "e2e:hit") }).to eq([false, false])
    expect(targets.first.ask(:fire, "e2e:hit", 10, 1, "x")).to eq(10)
  end

  it "runs the block of fire while attached and at no other time" do
    target = start_target
    expect(target.ask(:fire_lazily, 100)).to eq([0, 0])
    tracer = trace("usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @hits = count(); @sum = sum(arg0); }", on: target)
    ran, sum = target.ask(:fire_lazily, 1_000)
    tracer.stop
    expect_released(target)

    expect([ran, sum]).to eq([1_000, 499_500])
    expect([tracer.count("@hits"), tracer.count("@sum")]).to eq([ran, sum])
    expect(target.ask(:fire_lazily, 100)).to eq([0, 0])
  end

  it "attaches one probe of a thousand and leaves the others alone" do
    target = start_target("thousand.rb")
    name = "many:probe_567"
    tracer = trace("usdt:#{target.ask(:path, name)}:#{name} { @hits = count(); @sum = sum(arg0); }", on: target)
    expect(target.ask(:attached_names)).to eq([name])
    fired = target.ask(:fire_all, 3)
    tracer.stop

    expect(fired).to eq(3_000)
    expect(tracer.count("@hits")).to eq(3)
    expect(tracer.count("@sum")).to eq(3 * 567)
    expect_released(target)
    expect(target.ask(:attached_names)).to eq([])
  end
end
