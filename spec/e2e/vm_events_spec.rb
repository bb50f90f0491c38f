# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Probes of the VM", :e2e do
  let(:target) { start_target("vm.rb") }
  let(:builtin) { "usdt:#{File.join(images, "builtin.so")}:rubyvm" }
  # The seventh argument, where bpftrace knows six by name.
  let(:seventh) { '*(uint64 *)uptr(reg("sp") + 8)' }

  def wait_for_hooks(*hooks, peers: target.peers)
    wait_until("#{hooks} in all: #{target.ask(:hooks)}") { peers.all? { |peer| peer.ask(:hooks) == hooks } }
  end

  # A tracer whose probes are attached, and whose hooks are in place.
  def trace_vm(program, *hooks, **options)
    target
    trace(program, on: target, **options).tap { wait_for_hooks(*hooks) }
  end

  def stop(tracer, **options)
    tracer.stop(**options)
    expect_released(target)
    wait_for_hooks
  end

  describe "gc__done" do
    # By number of collection, so that those before and after are told apart.
    it "tells of every collection exactly once, and those of GC.start are major" do
      tracer = trace_vm(<<~BPFTRACE, "gc")
        #{builtin}:gc__done {
          @all[#{seventh}] = count();
          if (arg5 == 1) { @major[#{seventh}] = count(); }
        }
      BPFTRACE
      first = target.ask(:settled_count)
      target.ask(:collect, 23)
      target.ask(:allocate, 500_000)
      last = target.ask(:settled_count)
      target.ask(:collect, 23)
      stop(tracer)

      numbers = ((first + 1)..last).map(&:to_s)
      expect(last - first).to be > 24
      expect(tracer.counts("@all").slice(*numbers)).to eq(numbers.to_h { |number| [number, 1] })
      expect(tracer.counts("@major").slice(*numbers).size).to be_between(24, last - first)
      expect(tracer.counts("@major").count { |number, _| number.to_i.between?(first + 1, first + 23) }).to eq(23)
    end

    it "tells why it ran, how long it took, the longest of its pauses, and no request" do
      tracer = trace_vm(<<~BPFTRACE, "gc")
        #{builtin}:gc__done {
          @why[str(arg1)] = count();
          @ns = sum(arg3); @most = max(arg3);
          @longest = max(*(uint64 *)uptr(reg("sp") + 16));
          @overhead = max(arg0); @ctx = sum(arg2); @status = sum(arg4);
        }
      BPFTRACE
      from = monotonic
      target.ask(:collect, 23)
      took = (monotonic - from) * 1_000_000_000
      target.ask(:allocate, 500_000)
      stop(tracer)

      expect(tracer.counts("@why")).to include("method force" => 23)
      expect(tracer.counts("@why").keys).to include("newobj").or include("malloc")
      expect(tracer.count("@most")).to be_between(50_000, took)
      expect(tracer.count("@longest")).to be_between(50_000, tracer.count("@most"))
      expect(tracer.count("@ns")).to be < (monotonic - from) * 1_000_000_000
      expect(tracer.count("@overhead")).to be_between(1, 1_000_000)
      expect([tracer.count("@ctx"), tracer.count("@status")]).to eq([0, 0])
    end

    it "counts in a forked child what the child collects, under every allocation and while objects move" do
      child = target.fork
      tracer = trace_vm("#{builtin}:gc__done { @[pid] = count(); @why[pid, str(arg1)] = count(); }", "gc")
      later = target.fork
      wait_for_hooks("gc")
      target.peers.each { |peer| peer.ask(:collect, 23) }
      expect(target.ask(:stress, 100)).to eq(100)
      child.ask(:compact)
      later.ask(:compact)
      stop(tracer)

      why = ->(peer, reason) { tracer.counts("@why").fetch("#{peer.pid},#{reason}", 0) }
      expect([why[target, "method force"], why[child, "method force"], why[later, "method force"]]).to all(be >= 23)
      expect(why[target, "method force"]).to eq(23)
      expect(tracer.count("@", target.pid)).to be > 123
    end

    it "is not fired for what another Ractor collects, and its number has a gap then" do
      tracer = trace_vm("#{builtin}:gc__done { @all[#{seventh}] = count(); }", "gc")
      first = target.ask(:settled_count)
      target.ask(:ractor, 23)
      last = target.ask(:settled_count)
      stop(tracer)

      seen = tracer.counts("@all").keys.count { |number| number.to_i.between?(first + 1, last) }
      expect(last - first - seen).to be >= 23
    end
  end

  describe "thread__start and thread__exit" do
    it "are fired once for each thread, with its name and how many there are" do
      tracer = trace_vm(<<~BPFTRACE, "threads")
        #{builtin}:thread__start { @started = count(); @there[arg3] = count(); @names[str(arg1)] = count(); }
        #{builtin}:thread__exit { @ended[str(arg1)] = count(); @left[arg3] = count(); }
      BPFTRACE
      sizes = target.ask(:threads, 23, "a thread with a name that is longer than 16")
      killed = target.ask(:kill_threads, RUBY_VERSION >= "3.3" ? 5 : 0)
      stop(tracer)

      expect(sizes.uniq).to eq([2])
      expect(tracer.count("@started")).to eq(23 + killed)
      expect(tracer.counts("@names")).to eq("" => 23 + killed)
      expect(tracer.counts("@there")).to eq("2" => 23 + killed)
      expect(tracer.counts("@left")).to eq("1" => 23 + killed)
      expect(tracer.counts("@ended")["a thread with a name that is longer than 16"]).to eq(23)
      expect(tracer.counts("@ended")["killed"].to_i).to eq(killed)
    end
  end

  describe "gvl__wait__done", unless: RUBY_VERSION >= "3.2" do
    it "has no hook before Ruby 3.2, and is silent" do
      tracer = trace_vm("#{builtin}:gvl__wait__done { @ = count(); }")
      target.ask(:wait_behind, 5)
      stop(tracer)

      expect(tracer.count("@")).to eq(0)
    end
  end

  describe "gvl__wait__done", if: RUBY_VERSION >= "3.2" do
    it "is fired each time a thread gets the lock back" do
      tracer = trace_vm("#{builtin}:gvl__wait__done { @[str(arg1)] = count(); @ns[str(arg1)] = sum(arg3); }", "gvl")
      target.ask(:give_away, 23, "giver")
      stop(tracer)

      expect(tracer.counts("@")["giver"]).to eq(23)
    end

    # A child keeps the hook, for taking it away could wait for a lock that nobody in the child has.
    it "is fired in a child that is forked meanwhile, and there again for another tracer" do
      program = "#{builtin}:gvl__wait__done { @[pid, str(arg1)] = count(); }"
      first = trace_vm(program, "gvl")
      child = target.fork
      child.ask(:give_away, 23, "giver")
      first.stop
      wait_until("only the child has the hook") { [target, child].map { |peer| peer.ask(:hooks) } == [[], ["gvl"]] }
      second = trace_vm(program, "gvl")
      child.ask(:give_away, 29, "giver")
      second.stop

      expect([first, second].map { |tracer| tracer.count("@", child.pid, "giver") }).to eq([23, 29])
    end

    it "tells how long the thread has waited" do
      tracer = trace_vm("#{builtin}:gvl__wait__done { @[str(arg1)] = max(arg3); @waiting = max(arg5); }", "gvl")
      target.ask(:wait_behind, 50)
      stop(tracer)

      expect(tracer.counts("@")["waiter"]).to be_between(40_000_000, 5_000_000_000)
      expect(tracer.count("@waiting")).to be >= 0
    end
  end

  describe "hooks" do
    let(:names) { %w[on_gc_event on_thread_event] + (RUBY_VERSION >= "3.2" ? ["on_gvl_event"] : []) }

    # Ruby calls a hook or does not: breakpoints on ours see which, while the target does what they are for.
    def called_hooks
      library = File.join(Target::LIBRARY, "railprobe/railprobe.so")
      breakpoints = Bpftrace.new(names.map { |name| "uprobe:#{library}:#{name} { @[func] = count(); }" }.join(" "))
      wait_until("the breakpoints are there") { breakpoints.check_running || breakpoints.waiting? }
      target.ask(:collect, 5)
      target.ask(:threads, 5, "seen")
      target.ask(:give_away, 5, "seen")
      breakpoints.stop.counts("@").keys
    end

    it "are there while a tracer is, and only then" do
      target
      before = called_hooks
      probes = %w[gc__done thread__exit gvl__wait__done].map { |name| "#{builtin}:#{name} { @[probe] = count(); }" }
      tracer = trace_vm(probes.join(" "), *target.ask(:possible_hooks))
      during = called_hooks
      stop(tracer)

      expect([before, during.sort, called_hooks]).to eq([[], names.sort, []])
    end
  end
end
