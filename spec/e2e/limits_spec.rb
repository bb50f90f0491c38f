# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

# The circuit breaker, with a tracer that is really there: what bpftrace counts is what got through.
RSpec.describe "Limits", :e2e do
  let(:file) { File.join(directory, "tracers.yml") }
  let(:target) { start_target("limits.rb", env: { "TRACERS_FILE" => file }) }
  let(:app) { File.join(images, "app.so") }
  let(:common) { "usdt:#{File.join(images, "builtin.so")}:tracers:method__return" }

  def write(limits, types: "latency")
    File.write("#{file}.new", <<~YAML)
      limits: #{limits}
      tracers:
        - class: Shop
          methods: [call, other, describe]
          types: [#{types}]
      probes:
        - probe: spec:hand
          args: {number: integer}
        - probe: spec:text
          args: {text: string}
    YAML
    File.rename("#{file}.new", file)
  end

  def wait_for_states(expected)
    wait_until("#{expected}: #{target.ask(:states)}") { target.ask(:states) >= expected }
  end

  def trips = target.ask(:limits)["trips"]
  def lines = target.errors.lines.grep(/limits: /)

  # Whatever a second holds: the rate, and a quarter of it.
  def most(rate) = rate + (rate / 4)

  it "stop a method that runs away, leave the other, and let it go on after the pause" do
    write("{rate: 1000, cpu: 0, pause: 1}")
    tracer = trace(<<~BPFTRACE, on: target)
      usdt:#{app}:shop:call__return { @calls = count(); @last = max(arg3); }
      usdt:#{app}:shop:other__return { @others = count(); }
    BPFTRACE
    wait_for_states("Shop#call" => "armed", "Shop#other" => "armed")
    target.ask(:run_away, "call")
    wait_for_states("Shop#call" => "tripped")
    expect(target.ask(:original, "call")).to be(true)
    others = 5.times.sum { target.ask(:other, 30) }
    wait_until("three trips") { trips["shop:call__return"] == 3 }
    wait_for_states("Shop#call" => "tripped", "Shop#other" => "armed")
    rounds = target.ask(:stop)
    wait_until("three lines") { lines.size == 3 }
    wait_for_states("Shop#call" => "armed")
    last = target.ask(:call, 10)
    expect(trips).to eq("shop:call__return" => 3)
    tracer.stop

    expect(rounds).to be > 100_000
    expect(tracer.count("@calls") - last).to be_between(3_000, 3 * most(1_000))
    expect(tracer.count("@others")).to eq(others)
    expect(lines).to eq(["railprobe: shop:call__return fires more than 1000 times a second (limits: rate); " \
                         "disarmed for 1 s\n"] * 3)
    expect_released(target)
    wait_for_states("Shop#call" => "ready", "Shop#other" => "ready")
  end

  it "stop exactly at the rate what starts from a standstill, a method or a probe fired by hand" do
    write("{rate: 20000, cpu: 0, pause: 60}")
    tracer = trace(<<~BPFTRACE, on: target)
      usdt:#{app}:shop:call__return { @calls = count(); }
      usdt:#{app}:spec:hand { @hits = count(); }
    BPFTRACE
    wait_for_states("Shop#call" => "armed")
    %w[call fire].zip(%w[shop:call__return spec:hand]) do |what, name|
      target.ask(:run_away, what)
      wait_until("#{name} tripped") { trips[name] }
      expect(target.ask(:stop)).to be > 20_000
    end
    expect(target.ask(:limits)["tripped"]).to contain_exactly("shop:call__return", "spec:hand")
    tracer.stop

    expect([tracer.count("@calls"), tracer.count("@hits")]).to all(be_between(20_000, most(20_000)))
  end

  it "stop Ractors that fire one probe together" do
    write("{rate: 20000, cpu: 0, pause: 60}")
    tracer = trace("usdt:#{app}:spec:hand { @hits = count(); }", on: target)
    fired = target.ask(:run_away_in_ractors, 4, 0.9)
    expect(trips).to eq("spec:hand" => 1)
    tracer.stop

    expect(tracer.count("@hits")).to eq(fired)
    expect(fired).to be_between(20_000, 2 * most(20_000))
  end

  it "stop the common pair, and no method that is traced by itself" do
    write("{rate: 500, cpu: 0, pause: 60}")
    tracer = trace(<<~BPFTRACE, on: target)
      #{common} { @all[str(arg1)] = count(); }
      usdt:#{app}:shop:other__return { @others = count(); }
    BPFTRACE
    wait_for_states("Shop#call" => "armed", "Shop#other" => "armed")
    target.ask(:run_away, "call")
    wait_for_states("Shop#call" => "tripped", "Shop#other" => "armed")
    others = target.ask(:other, 200)
    target.ask(:stop)
    expect(target.ask(:limits)).to include("tripped" => ["tracers:method__return"],
                                           "trips" => { "tracers:method__return" => 1 })
    tracer.stop

    expect(tracer.counts("@all").keys).to eq(["Shop#call"])
    expect(tracer.counts("@all")["Shop#call"]).to be_between(500, most(500))
    expect(tracer.count("@others")).to eq(others)
  end

  it "stop all probes together when they take too much of a CPU" do
    write("{rate: 0, cpu: 5, pause: 1}")
    tracer = trace(<<~BPFTRACE, on: target)
      usdt:#{app}:shop:call__return { @calls = count(); }
      usdt:#{app}:shop:other__return { @others = count(); }
    BPFTRACE
    wait_for_states("Shop#call" => "armed", "Shop#other" => "armed")
    calls = target.ask(:call, 3_000)
    ns_a_call = target.ask(:limits)["spent_ns"].fdiv(calls)
    target.ask(:run_away, "call")
    wait_for_states("Shop#call" => "tripped", "Shop#other" => "tripped")
    expect(target.ask(:limits)).to include("all_tripped" => true, "trips" => {})
    target.ask(:stop)
    wait_for_states("Shop#call" => "armed", "Shop#other" => "armed")
    others = target.ask(:other, 100)
    limits = target.ask(:limits)
    tracer.stop

    expect(limits["spent_ns"]).to be > 50_000_000
    expect(lines.uniq).to eq(["railprobe: all probes together take more than 5 % of a CPU (limits: cpu); " \
                              "disarmed for 1 s\n"])
    expect(lines.size).to eq(limits["cpu_trips"])
    # What a call costs depends on the machine, and on what else it does: it was measured just before.
    expect(tracer.count("@calls") * ns_a_call).to be_between(limits["spent_ns"] / 5, limits["spent_ns"] * 5)
    expect(tracer.count("@others")).to eq(others)
  end

  it "are changed by an edit of the file, at once" do
    write("{rate: 100, cpu: 0, pause: 3600}")
    tracer = trace("usdt:#{app}:shop:call__return { @calls = count(); }", on: target)
    wait_for_states("Shop#call" => "armed")
    target.ask(:run_away, "call")
    wait_for_states("Shop#call" => "tripped")
    target.ask(:stop)
    write("{rate: 0, cpu: 0}")
    wait_for_states("Shop#call" => "armed")
    calls = target.ask(:call, 3_000)
    tracer.stop

    expect(tracer.count("@calls")).to be_between(calls + 100, calls + most(100))
  end

  it "cut every string, at a character" do
    write("{string: 17}", types: "args, result, stack")
    tracer = trace(<<~BPFTRACE, on: target)
      usdt:#{app}:shop:describe__entry { printf("%s\\n", str(arg3)); printf("%s\\n", str(arg4)); }
      usdt:#{app}:shop:describe__return { printf("%s\\n", str(arg5)); }
      usdt:#{app}:spec:text { printf("%s\\n", str(arg0)); }
    BPFTRACE
    wait_for_states("Shop#describe" => "armed")
    target.ask(:describe, "ßßßßßßßßßß")
    target.ask(:fire_text, "aßßßßßßßßßß")
    target.ask(:fire_text, "ßßßßßßßßßß")
    tracer.stop(lines: 5)

    args, stack, *texts = tracer.lines
    expect(args).to eq("(\"#{"ß" * 7}")
    expect(stack.bytesize).to eq(17)
    expect(texts).to eq(["\"#{"ß" * 8}", "a#{"ß" * 8}", "ß" * 8])
  end
end
