# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "A million fires", :e2e do
  let(:fires) { 1_000_000 }
  let(:warm_up) { 50_000 }
  # Less than a byte a fire: the garbage collector's own arena comes and goes by pages.
  let(:slack) { 512 * 1024 }
  let(:target) { start_target("growth.rb") }

  # A thread that tells of changes comes and goes, and its stack with it; so the state has to come back to what
  # it was, not to be there already.
  def expect_no_growth(before)
    after = wait_until("descriptors and mappings as before: #{before}") do
      now = target.ask(:used)
      now if %w[fds mappings].all? { |what| now[what] <= before[what] }
    end
    expect(after["rss"] - before["rss"]).to be < slack
  end

  # How often it was fired while attached, which the tracer must have counted.
  def fire_attached(times)
    tracer = trace("usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @hits = count(); @sum = sum(arg0); }", on: target)
    fired, sum = target.ask(:fire_numbers, times)
    tracer.stop
    expect([tracer.count("@hits"), tracer.count("@sum")]).to eq([fired, sum])
    expect_released(target)
    fired
  end

  it "take no memory, no descriptor and no mapping with nobody attached" do
    target.ask(:fire_numbers, warm_up)
    before = target.ask(:used)
    target.ask(:fire_numbers, fires)

    expect_no_growth(before)
  end

  it "take none with a tracer attached, which counts them all" do
    fire_attached(warm_up)
    before = target.ask(:used)

    expect(fire_attached(fires)).to eq(1_000_000)
    expect_no_growth(before)
  end

  it "take none with tracers that come and go" do
    2.times { fire_attached(1_000) }
    rounds = 3
    begin
      before = target.ask(:used)
      6.times { fire_attached(1_000) }
      expect_no_growth(before)
    rescue Waiting::TimeUp # the first time that two such threads are there at once, what the second took is kept
      (rounds -= 1).positive? ? retry : raise
    end
  end
end
