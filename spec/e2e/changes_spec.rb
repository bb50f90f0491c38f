# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Railprobe.on_change", :e2e do
  let(:counting) { "usdt:#{File.join(images, "app.so")}:e2e:hit { @hits = count(); }" }

  it "tells of the first tracer and of the last one's end, and of nothing between" do
    target = start_target
    first, second = Array.new(2) { trace(counting, on: target) }
    wait_until("told of the attach") { target.ask(:changes).any? }
    first.stop
    expect(target.ask(:changes)).to eq([["e2e:hit", true]])
    second.stop
    wait_until("told of the detach") { target.ask(:changes).size > 1 }

    expect(target.ask(:changes)).to eq([["e2e:hit", true], ["e2e:hit", false]])
  end

  %w[sleep queue select join accept].each do |idle|
    it "tells a process that is idle in #{idle}" do
      target = start_target("idle.rb", env: { "IDLE" => idle })
      tracer = trace(counting, on: target)
      attached = target.main.read(deadline: 10)
      tracer.stop
      detached = target.main.read(deadline: 10)
      target.terminate

      expect([attached, detached]).to eq([["e2e:hit", true], ["e2e:hit", false]])
      expect(tracer.count("@hits")).to eq(0)
    end
  end
end
