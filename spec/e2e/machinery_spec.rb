# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Ruby's own machinery", :e2e do
  let(:target) { start_target("machinery.rb") }

  def expect_exact(question, *arguments)
    tracer = trace("usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @hits = count(); @sum = sum(arg0); }", on: target)
    fired, sum = target.ask(question, *arguments)
    tracer.stop

    expect(fired).to be_positive
    expect([tracer.count("@hits"), tracer.count("@sum")]).to eq([fired, sum])
    expect_released(target)
  end

  it "counts fires from four Ractors" do
    expect_exact(:fire_in_ractors, 4, 5_000)
  end

  it "counts while objects are moved, and every string is whole" do
    tracer = trace("usdt:#{target.ask(:path, "e2e:hit")}:e2e:hit { @texts[str(arg1)] = count(); }", on: target)
    expected = target.ask(:fire_while_compacting, 40)
    tracer.stop

    expect(tracer.counts("@texts")).to eq(expected)
    expect_released(target)
  end

  it "counts under GC.stress" do
    expect_exact(:fire_under_stress, 300)
  end

  it "counts from fibers and enumerators" do
    expect_exact(:fire_in_fibers, 20, 100)
  end
end
