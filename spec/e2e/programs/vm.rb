# frozen_string_literal: true

require "fiddle"

# A program whose collector, threads and waits for the VM's lock are traced. It has no file, and so only the builtin
# probes.
Railprobe.start("no_such.yml", optional: true) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:hooks) { Railprobe.report[:vm_hooks] }
Stage.answer(:possible_hooks) { %w[gc threads] + (RUBY_VERSION >= "3.2" ? %w[gvl] : []) }
Stage.answer(:settled_count) do
  GC.start
  GC.count
end
Stage.answer(:collect) { |times| times.times { GC.start } }
Stage.answer(:allocate) { |objects| objects.times { +"" } }
Stage.answer(:compact) { GC.compact && nil }
Stage.answer(:stress) do |objects|
  GC.stress = true
  Array.new(objects) { +"" }.size
ensure
  GC.stress = false
end

Stage.answer(:threads) do |times, name|
  Array.new(times) do
    Thread.new do
      Thread.current.name = name
      Thread.list.size
    end.value
  end
end
Stage.answer(:kill_threads) do |times|
  times.times do
    thread = Thread.new { Thread.current.name = "killed" and Thread.stop }
    Thread.pass until thread.stop?
    thread.kill.join
  end
end
Stage.answer(:ractor) { |times| Ractor.new(times) { |count| count.times { GC.start } }.take && nil }

# Calls of C functions that give the lock away, which is what Fiddle does.
GETPPID = Fiddle::Function.new(Fiddle.dlopen(nil)["getppid"], [], Fiddle::TYPE_INT)
Stage.answer(:give_away) do |times, name|
  Thread.new do
    Thread.current.name = name
    times.times { GETPPID.call }
  end.join
  nil
end

# For as long as it says, in milliseconds, somebody else has the lock.
Stage.answer(:wait_behind) do |milliseconds|
  ready = Thread::Queue.new
  waiter = Thread.new do
    Thread.current.name = "waiter"
    ready.pop
    GETPPID.call
  end
  Thread.pass until waiter.stop?
  from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  ready << true
  nil until (Process.clock_gettime(Process::CLOCK_MONOTONIC) - from) * 1000 > milliseconds
  waiter.join
  nil
end

Stage.serve
