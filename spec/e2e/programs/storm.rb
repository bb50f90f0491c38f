# frozen_string_literal: true

# Forks while its own threads and all its children fire two probes: one is traced all the time, on the other
# tracers come and go. The children live until the end, so that their semaphores can be looked at then.
Stage.load do
  Railprobe.probe("storm:always", number: :integer)
  Railprobe.probe("storm:cycled", number: :integer)
end

ROUNDS = 40
FIRES = 5
ALWAYS = Railprobe["storm:always"]
CYCLED = Railprobe["storm:cycled"]

fire = lambda do |times|
  times.times do |number|
    ALWAYS.fire(number)
    CYCLED.fire(number)
  end
  times
end

reports, report = IO.pipe
gate, gate_keeper = IO.pipe
children = []
ended = {}
fired_by_children = {}
fired = 0

Stage.answer(:work) { fired += Array.new(3) { Thread.new { fire.call(1_000) } }.sum(&:value) }

# A child fires now and then for a second or so, says how often, and waits at the gate. What it fires after
# that, nobody counts: it must merely live through it.
Stage.answer(:fork_child) do
  children << fork do
    [Stage.line, gate_keeper, reports].each(&:close)
    count = ROUNDS.times.sum do
      gate.wait_readable(0.02)
      fire.call(FIRES)
    end
    report.syswrite("#{Process.pid} #{count}\n")
    gate.wait_readable
    fire.call(10)
    exit!(true)
  end
  children.size
end

reap = lambda do |flags|
  (children - ended.keys).each do |pid|
    _, status = Process.wait2(pid, flags)
    ended[pid] = status if status
  end
end

# When every child has said its number or has ended without: [fires, pids of those that live].
Stage.answer(:settle) do
  until (fired_by_children.keys | ended.keys).size == children.size
    if reports.wait_readable(0.1)
      pid, count = reports.gets.split.map(&:to_i)
      fired_by_children[pid] = count
    end
    reap.call(Process::WNOHANG)
  end
  [fired + fired_by_children.values.sum, children - ended.keys]
end

# Opens the gate; how those ended that did not end well.
Stage.answer(:open_gate) do
  gate_keeper.close
  reap.call(0)
  ended.values.reject(&:success?).map(&:to_s)
end

Stage.serve
