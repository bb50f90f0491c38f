# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "A million fires", :e2e do
  let(:fires) { 1_000_000 }
  let(:warm_up) { 50_000 }
  # Less than a byte a fire: the garbage collector's own arena comes and goes by pages.
  let(:slack) { 512 * 1024 }
  let(:target) { start_target("growth.rb") }

  def expect_no_growth(before, after)
    expect(after.slice("fds", "mappings")).to eq(before.slice("fds", "mappings"))
    expect(after["rss"] - before["rss"]).to be < slack
  end

  it "take no memory, no descriptor and no mapping with nobody attached" do
    fired, before, after = target.ask(:fire_and_measure, warm_up, fires)

    expect(fired).to eq(fires + warm_up)
    expect_no_growth(before, after)
  end

  it "take none with a tracer attached, which counts them all" do
    tracer = trace("usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @hits = count(); @sum = sum(arg0); }", on: target)
    fired, before, after = target.ask(:fire_and_measure, warm_up, fires)
    tracer.stop

    expect(tracer.count("@hits")).to eq(fired)
    expect(tracer.count("@sum")).to eq([warm_up, fires].sum { |times| times * (times - 1) / 2 })
    expect_no_growth(before, after)
    expect_released(target)
  end

  it "take none with tracers that come and go" do
    path = target.ask(:path, "e2e:hit")
    measured = Array.new(6) do
      tracer = trace("usdt:#{path}:e2e:hit { @hits = count(); }", on: target)
      fired, _, after = target.ask(:fire_and_measure, 1_000, 1_000)
      tracer.stop
      expect(tracer.count("@hits")).to eq(fired)
      expect_released(target)
      after
    end

    expect_no_growth(measured[1], measured.last)
  end
end
