# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Helper types of the app's own", :e2e do
  let(:file) { File.join(directory, "tracers.yml") }
  let(:target) { start_target("helper_types.rb", env: { "TRACERS_FILE" => file }) }
  let(:app) { File.join(images, "app.so") }

  # Method => its types.
  def declare(methods)
    entries = methods.map { |name, types| "  - class: Depot\n    methods: [#{name}]\n    types: [#{types}]\n" }
    File.write("#{file}.new", "version: 1\nlimits: {rate: 0, cpu: 0}\ntracers:\n#{entries.join}")
    File.rename("#{file}.new", file)
  end

  def trace_methods(program, *methods, peers: target.peers)
    trace(program, on: target).tap do
      wait_until("#{methods} armed in all") do
        peers.all? { |peer| peer.ask(:states).values_at(*methods).all?("armed") }
      end
    end
  end

  # Arguments beyond the sixth, which bpftrace 0.17 does not know by name.
  def stacked(number) = "*(uint64 *)uptr(reg(\"sp\") + #{8 * (number - 5)})"

  it "add their arguments to every call, in every process, and fire nothing with what they call" do
    declare("push" => "queue_depth, latency", "size" => "latency")
    target.fork_many(2)
    tracer = trace_methods(<<~BPFTRACE, "Depot#push", "Depot#size")
      usdt:#{app}:depot:push__return { @calls[pid, str(#{stacked(6)})] = count(); @depths[pid] = sum(arg5); }
      usdt:#{app}:depot:size__return { @size = count(); }
    BPFTRACE
    expected = target.peers.each_with_index.to_h { |peer, number| [peer.pid, peer.ask(:push, "q#{number}", 1_000)] }
    target.ask(:size, 7)
    tracer.stop

    expect(expected.values).to eq([500_500] * 3)
    expect(tracer.counts("@depths")).to eq(expected.transform_keys(&:to_s))
    expect(tracer.counts("@calls"))
      .to eq(target.peers.each_with_index.to_h { |peer, number| ["#{peer.pid},q#{number}", 1_000] })
    expect(tracer.count("@size")).to eq(7)
    expect(target.peers.map { |peer| peer.ask(:asked, "queue_depth") }).to eq([1_000] * 3)
    expect_released(target)
  end

  it "carry values of every type, at the entry and after an exception" do
    declare("pop" => "given", "lose" => "lost, latency")
    tracer = trace_methods(<<~BPFTRACE, "Depot#pop", "Depot#lose")
      usdt:#{app}:depot:pop__entry { printf("%lld %lld %s\\n", arg3, arg4, str(arg5)); }
      usdt:#{app}:depot:lose__raise { printf("%s %s %lld\\n", str(arg3), str(arg4), arg5); }
    BPFTRACE
    target.ask(:pop, [7, 8, true])
    expect(target.ask(:lose, "parcel")).to eq("parcel")
    tracer.stop(lines: 4)

    expect(tracer.lines).to eq(["7 1 Integer", "8 0 Integer", "1 0 TrueClass", "KeyError parcel 6"])
  end

  it "carry what is unknown where a block goes wrong, which the app doesn't notice" do
    declare("pop" => "moody")
    tracer = trace_methods(<<~BPFTRACE, "Depot#pop")
      usdt:#{app}:depot:pop__return {
        printf("%lld %lld <%s> <%r> %lld\\n", arg4, arg5, str(#{stacked(6)}), buf(#{stacked(7)}, 3), #{stacked(8)});
      }
    BPFTRACE
    jobs = %w[fine raise throw few wrong fine]
    expect(target.ask(:pop, jobs)).to eq(jobs)
    tracer.stop(lines: 6)

    fine = "0 5 <fine> <a\\x00b> 3"
    unknown = /\A0 -1 <> <\\x00.*> 0\z/
    expect(tracer.lines).to match([fine, unknown, unknown, unknown, unknown, fine])
    expect(target.ask(:failures)).to include("moody" => 4)
    expect(target.ask(:asked, "moody")).to eq(6)
  end

  it "take their time as overhead, never as the method's" do
    declare("pop" => "slow, before")
    tracer = trace_methods(<<~BPFTRACE, "Depot#pop")
      usdt:#{app}:depot:pop__entry { printf("%lld\\n", arg0); }
      usdt:#{app}:depot:pop__return { printf("%lld %lld %llx\\n", arg0, arg3, arg5); }
    BPFTRACE
    in_all = target.ask(:pop_slowly, "a")
    tracer.stop(lines: 2)

    entry, returned = tracer.lines.map(&:split)
    expect(entry.first.to_i).to be_between(20_000_000, in_all - 20_000_000)
    expect(returned.first.to_i).to be_between(40_000_000, in_all)
    expect(returned[1].to_i).to be <= in_all - returned.first.to_i
    expect(returned[2]).to eq([0.02].pack("G").unpack1("H*"))
  end

  it "come with an edit into processes that are traced" do
    declare("push" => "latency")
    tracer = trace_methods("usdt:#{app}:depot:push__return { @plain = count(); }", "Depot#push")
    target.ask(:push, "q", 10)
    tracer.stop
    declare("push" => "latency, queue_depth")
    wait_until("the edit") { target.ask(:arguments, "depot:push__return").include?("queue") }
    tracer = trace_methods("usdt:#{app}:depot:push__return { @depths = sum(arg5); }", "Depot#push")
    fired = target.ask(:push, "q", 10)
    tracer.stop

    expect([tracer.count("@depths"), fired]).to eq([55, 55])
    expect_released(target)
  end
end
