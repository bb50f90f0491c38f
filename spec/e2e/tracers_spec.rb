# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Tracers of the YAML", :e2e do
  let(:file) { File.join(directory, "tracers.yml") }
  let(:target) { start_target("tracers.rb", env: { "TRACERS_FILE" => file }) }
  let(:app) { File.join(images, "app.so") }
  let(:common) { "usdt:#{File.join(images, "builtin.so")}:tracers:method__return" }

  before { declare("call", "slow", "busy", ".open") }

  def declare(*methods, types: %w[latency], more: "")
    text = "version: 1\nlimits: {rate: 0, cpu: 0}\ntracers:\n  - class: Shop\n    " \
           "methods: [#{methods.map(&:inspect).join(", ")}]\n    types: [#{types.join(", ")}]\n#{more}"
    File.write("#{file}.new", text)
    File.rename("#{file}.new", file)
  end

  def wait_for_state(state, *methods, peers: target.peers)
    wait_until("#{methods} #{state} in all: #{target.ask(:states)}") do
      peers.all? { |peer| peer.ask(:states).values_at(*methods).all?(state) }
    end
  end

  # A tracer whose probes are attached and whose methods are armed everywhere.
  def trace_methods(program, *methods, **options)
    trace(program, on: target, **options).tap { wait_for_state("armed", *methods) }
  end

  it "count every call, in four processes of four threads each, and leave the methods as they were" do
    target.fork_many(3)
    expect(target.peers.map { |peer| peer.ask(:originals) }).to all(be(true))
    tracer = trace_methods("usdt:#{app}:shop:call__return { @calls[pid] = count(); }", "Shop#call")
    expect(target.ask(:shown, "call")).to eq([-1, [["rest"]], nil])
    expected = target.peers.map do |peer|
      Thread.new do
        [peer.pid.to_s, peer.ask(:call_in_threads, 4, 2_500)]
      end
    end.to_h(&:value)
    tracer.stop
    expect_released(target)
    wait_for_state("ready", "Shop#call")

    expect(tracer.counts("@calls")).to eq(expected)
    expect(expected.values).to eq([10_000] * 4)
    expect(target.peers.map { |peer| peer.ask(:originals) }).to all(be(true))
  end

  # How long it took is known at most: what else the machine does comes on top, so the best of three counts.
  def best_of_three = Array.new(3) { yield.tap { wait_for_state("ready", "Shop#call") } }.min

  it "arm within two polls of 100 ms where eight threads are busy" do
    took = best_of_three do
      target.ask(:work_hard, 8)
      tracer = trace("usdt:#{app}:shop:call__return { @calls = count(); }", on: target)
      wait_until("armed") { target.ask(:armed_after) }.tap { target.ask(:rest) && tracer.stop }
    end

    expect(took).to be < 0.2
  end

  # The clock is the same in all processes. Nothing is asked of the target meanwhile, as that would wake it.
  it "arm within two polls of 100 ms where every thread sleeps" do
    target.ask(:tell_when_armed)
    took = best_of_three do
      tracer = Bpftrace.new("usdt:#{app}:shop:call__return { @calls = count(); }")
      wait_until("attached") { Semaphores.raised(target.pid).include?("shop:call__return") }
      attached_at = monotonic
      armed_at, armed = target.main.read(deadline: 10)
      wait_attached(tracer, target, ["shop:call__return"])
      tracer.stop
      expect(armed).to be(true)
      armed_at - attached_at
    end

    expect(took).to be < 0.2
  end

  it "tell durations, with the time that probes inside took off" do
    declare("slow", "outer", "call")
    tracer = trace_methods(<<~BPFTRACE, "Shop#slow", "Shop#outer", "Shop#call")
      usdt:#{app}:shop:slow__return { printf("slow %lld %lld %s %lld\\n", arg3, arg0, str(arg1), arg4); }
      usdt:#{app}:shop:outer__return { printf("outer %lld %lld %s %lld\\n", arg3, arg0, str(arg1), arg4); }
      usdt:#{app}:shop:call__return { @calls = count(); @took = sum(arg3); }
    BPFTRACE
    slowly = target.ask(:slow, 0.05)
    in_all = target.ask(:outer, 10_000)
    tracer.stop(lines: 2)

    slow, outer = tracer.lines.map(&:split)
    expect(slow[1].to_i).to be_between(50_000_000, slowly)
    expect(slow[3..]).to eq(["Shop#slow", "0"])
    expect(tracer.count("@calls")).to eq(10_000)
    # 10,000 traps take some ms, all of which is overhead and not in the duration of the calls themselves.
    expect(outer[2].to_i).to be > 5_000_000
    expect(outer[1].to_i).to be_between(50_000_000, in_all - outer[2].to_i)
  end

  it "are all in the common pair: instance and class methods, whatever they end with" do
    declare("call", "fail", "jump", ".open")
    methods = ["Shop#call", "Shop#fail", "Shop#jump", "Shop.open"]
    tracer = trace_methods("#{common} { @ended[str(arg1), arg4] = count(); }", *methods)
    target.ask(:call, 30)
    target.ask(:call_open, 20)
    target.ask(:fail, "no")
    target.ask(:jump)
    tracer.stop

    expect(tracer.counts("@ended")).to eq("Shop#call,0" => 30, "Shop.open,0" => 20, "Shop#fail,1" => 1,
                                          "Shop#jump,2" => 1)
    expect_released(target)
    wait_for_state("ready", *methods)
    expect(target.ask(:originals)).to be(true)
  end

  it "tell arguments, the result and the stack" do
    declare("describe", types: %w[args result stack])
    tracer = trace_methods(<<~BPFTRACE, "Shop#describe", strlen: 200) # of the stack: the checkout may lie deep
      usdt:#{app}:shop:describe__entry { printf("%s\\n", str(arg3)); printf("%s\\n", str(arg4)); }
      usdt:#{app}:shop:describe__return { printf("%s\\n", str(arg5)); }
    BPFTRACE
    expect(target.ask(:describe)).to eq("a[1, nil]")
    tracer.stop(lines: 3)

    args, *stack, result = tracer.lines
    expect(args).to eq('("a", {..} of 1)')
    expect(stack.first).to start_with("#{Target::PROGRAMS}/tracers.rb:").and match(/:\d+:in /)
    expect(result).to eq(":a[1, nil]")
  end

  it "tell exceptions" do
    declare("fail", types: %w[exception latency])
    tracer = trace_methods(<<~BPFTRACE, "Shop#fail")
      usdt:#{app}:shop:fail__raise { printf("%s %s %s\\n", str(arg1), str(arg3), str(arg4)); }
      usdt:#{app}:shop:fail__return { @ended[arg4] = count(); }
    BPFTRACE
    expect(target.ask(:fail, "out of stock")).to eq("out of stock")
    tracer.stop(lines: 1)

    expect(tracer.lines).to eq(["Shop#fail ArgumentError out of stock"])
    expect(tracer.counts("@ended")).to eq("1" => 1)
  end

  it "tell allocations, time in the collector and CPU time" do
    declare("allocate", "collect", "busy", "slow", types: %w[allocations gc cpu])
    methods = %w[allocate collect busy slow].map { |name| "Shop##{name}" }
    line = "printf(\"%s %lld %lld %lld %lld\\n\", str(arg1), arg5, *(int64 *)uptr(reg(\"sp\") + 8), " \
           "*(int64 *)uptr(reg(\"sp\") + 16), *(int64 *)uptr(reg(\"sp\") + 24));"
    tracer = trace_methods(%w[allocate collect busy slow].map { |name| "usdt:#{app}:shop:#{name}__return { #{line} }" }
                           .join("\n"), *methods)
    2.times { target.ask(:allocate, 1_000) } # the first also makes the caches of its call sites
    collecting = target.ask(:collect)
    busily = target.ask(:busy, 0.03)
    target.ask(:slow, 0.03)
    tracer.stop(lines: 5)

    told = tracer.lines.to_h { |text| text.split.then { |name, *numbers| [name[/\w+\z/], numbers.map(&:to_i)] } }
    objects, bytes = told["allocate"]
    expect([objects, bytes]).to eq([1_001, -1])
    expect(told["collect"][2]).to be_between(100_000, collecting)
    expect(told["slow"][2]).to eq(0)
    expect(told["busy"][3]).to be_between(30_000_000, busily)
    expect(told["slow"][3]).to be < 10_000_000
  end

  describe "when the file is edited" do
    it "add and remove methods without a restart, and those that stay lose nothing" do
      target.fork
      everything = trace_methods("#{common} { @calls[str(arg1)] = count(); }", "Shop#call")
      calls = trace_methods("usdt:#{app}:shop:call__return { @calls[pid] = count(); }", "Shop#call")
      target.peers.each { |peer| peer.ask(:start_calling) }
      declare("call", "slow", "added")
      wait_for_state("armed", "Shop#added")
      wait_until("busy is gone") { target.peers.none? { |peer| peer.ask(:states).key?("Shop#busy") } }
      added = target.peers.sum { |peer| peer.ask(:call_added, 50) }
      gone = target.ask(:call_open, 10)
      seen = target.peers.map { |peer| peer.ask(:calls) }
      wait_until("more calls") { target.peers.zip(seen).all? { |peer, before| peer.ask(:calls) > before + 1_000 } }
      fired = target.peers.to_h { |peer| [peer.pid.to_s, peer.ask(:stop_calling)] }
      [everything, calls].each(&:stop)

      expect(calls.counts("@calls")).to eq(fired)
      expect(everything.counts("@calls")).to eq("Shop#call" => fired.values.sum, "Shop#added" => added)
      expect([added, gone]).to eq([100, 10])
      expect_released(target)
    end

    # Nothing is asked of the target meanwhile, as that would wake it.
    it "are taken over by a process where every thread sleeps" do
      target
      declare("added")
      wait_until("the new probe") { Semaphores.of(target.pid).key?("shop:added__return") }

      expect(target.ask(:states)).to eq("Shop#added" => "ready")
    end

    it "are in processes that are started later, through the same path" do
      target
      declare("added")
      wait_for_state("ready", "Shop#added")
      late = start_target("tracers.rb", env: { "TRACERS_FILE" => file })
      tracer = trace("usdt:#{app}:shop:added__return { @calls[pid] = count(); }", on: [target, late])
      wait_for_state("armed", "Shop#added", peers: [target.main, late.main])
      expected = [target, late].to_h { |one| [one.pid.to_s, one.ask(:call_added, 40)] }
      tracer.stop

      expect(tracer.counts("@calls")).to eq(expected)
      expect_released(target, late)
    end

    it "stay as they are when the file is broken, which is said" do
      tracer = trace_methods("usdt:#{app}:shop:call__return { @calls = count(); }", "Shop#call")
      before = target.ask(:states)
      File.write(file, "version: 1\ntracers:\n  - class: Shop\n    method: [added]\n")
      wait_until("a complaint") { target.ask(:complaints).any? }
      fired = target.ask(:call, 100)
      tracer.stop

      expect(target.ask(:complaints).join).to match(/tracers\.yml:4:\d+.*did you mean.*methods/m)
      expect(target.ask(:states).keys).to eq(before.keys)
      expect(tracer.count("@calls")).to eq(fired)
    end
  end

  it "arm a class that is defined while they wait for it" do
    declare("call", more: "  - class: Later\n    methods: [come]\n")
    expect(target.ask(:states)["Later#come"]).to eq("waiting")
    tracer = trace("usdt:#{app}:later:come__return { @calls = count(); }", on: target)
    target.ask(:define_later)
    wait_for_state("armed", "Later#come")
    fired = target.ask(:call_later, 25)
    tracer.stop

    expect(tracer.count("@calls")).to eq(fired)
    expect_released(target)
  end
end
