# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Forked processes", :e2e do
  # Those of Stage::KINDS: forks that keep the mapping, and new programs that load for themselves.
  let(:kinds) { %w[fork Process.fork thread double popen daemon spawn system exec] }
  let(:target) { start_target }
  let(:counting) { "usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @hits[pid] = count(); }" }

  def fire_in(peers)
    peers.each_with_index.to_h do |peer, index|
      [peer.pid.to_s, peer.ask(:fire, "e2e:hit", 500 + index, 1, "x")]
    end
  end

  def expect_change(peers, change)
    peers.each do |peer|
      wait_until("#{change} told in #{peer.kind} #{peer.pid}: #{peer.ask(:changes)}") do
        peer.ask(:changes).last == change
      end
    end
  end

  def end_children
    peers = target.peers - [target.main]
    target.end_peers(peers)
    expect(target.ask(:reap)).to eq([])
  end

  it "are counted and told of the tracer when it comes after them, whichever way they were made" do
    kinds.each { |kind| target.fork(kind) }
    tracer = trace(counting, on: target)
    expect_change(target.peers, ["e2e:hit", true])
    expected = fire_in(target.peers)
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect(expected.size).to eq(kinds.size + 1)
    expect_released(target)
    expect_change(target.peers, ["e2e:hit", false])
    end_children
  end

  it "are counted and told of the tracer's end when it came before them" do
    tracer = trace(counting, on: target)
    before = target.ask(:fire, "e2e:hit", 100, 1, "x")
    kinds.each { |kind| target.fork(kind) }
    wait_attached(tracer, target, ["e2e:hit"])
    expected = fire_in(target.peers)
    expected[target.pid.to_s] += before
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect_released(target)
    expect_change(target.peers, ["e2e:hit", false])
    end_children
  end

  it "are left alone when the tracer is on their parent by pid" do
    tracer = trace("usdt:*:e2e:hit { @hits[pid] = count(); }", pid: target.pid, on: target)
    target.ask(:fire, "e2e:hit", 10, 1, "x")
    children = %w[fork daemon].map { |kind| target.fork(kind) }
    children.each { |child| child.ask(:fire, "e2e:hit", 100, 1, "x") }
    fired = target.ask(:fire, "e2e:hit", 90, 1, "x")
    tracer.stop

    expect(tracer.counts("@hits")).to eq(target.pid.to_s => fired + 10)
    expect_released(target)
    end_children
  end

  it "live on when they are forked with the fast site, with a tracer on and after it" do
    fast = start_target(env: { "RAILPROBE_SITE" => "fast" })
    tracer = trace("usdt:#{fast.ask(:path, "e2e:hit")}:e2e:hit { @hits = count(); }", on: fast)
    fired = fast.ask(:fire, "e2e:hit", 1_000, 1, "x") # from the first hit on, the site is a call
    first = fast.fork
    wait_attached(tracer, fast, ["e2e:hit"])
    fired += first.ask(:fire, "e2e:hit", 500, 1, "x")
    tracer.stop
    expect_released(fast)
    second = fast.fork

    expect(tracer.count("@hits")).to eq(fired)
    expect([first, second].map { |peer| peer.ask(:fire, "e2e:hit", 10, 1, "x") }).to eq([10, 10])
    fast.end_peers
    expect(fast.ask(:reap)).to eq([])
  end
end
