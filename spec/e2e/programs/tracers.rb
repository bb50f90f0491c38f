# frozen_string_literal: true

# An app whose methods are named in a YAML file, to be traced, and that counts its own calls.
class Shop
  attr_accessor :state

  def call(number) = number
  def slow(seconds) = sleep(seconds)
  def outer(times) = times.times { |number| call(number) }.then { busy(0.05) }
  def fail(text) = raise(ArgumentError, text)
  def jump = throw(:done, 1)
  def allocate(count) = Array.new(count) { Object.new }.size
  def collect = GC.start(full_mark: true)
  def added(number) = number
  def describe(one, two:) = :"#{one}#{two}"

  def busy(seconds)
    from = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
    nil while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - from < seconds
  end

  def self.open(number) = number
end

FILE = ENV.fetch("TRACERS_FILE")
METHODS = %i[call slow outer fail jump allocate collect added describe busy state].freeze
ORIGINALS = METHODS.to_h { |name| [name, Shop.instance_method(name)] }
FACTS = lambda { |name|
  Shop.instance_method(name).then do |at|
    [at.owner.to_s, at.arity, at.parameters, at.source_location]
  end
}
BEFORE = METHODS.to_h { |name| [name, FACTS[name]] }

Railprobe.start(FILE) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
Stage.answer(:complaints) { Railprobe.report[:complaints].keys }
Stage.answer(:originals) do
  METHODS.all? do |name|
    FACTS[name] == BEFORE[name] && Shop.instance_method(name) == ORIGINALS[name]
  end
end
Stage.answer(:shown) { |name| FACTS[name.to_sym].drop(1) }

# What the block takes of a clock, in ns.
NS = lambda { |clock, &block|
  from = Process.clock_gettime(clock, :nanosecond)
  block.call
  Process.clock_gettime(clock, :nanosecond) - from
}
NOW = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
ARMED = -> { Shop.instance_method(:call).arity == -1 }

# Threads that are busy looking: one of them is running at any time, and sees when a tracer has attached and
# when the method is armed.
threads = []
busy = true
attached_at = armed_at = nil
Stage.answer(:work_hard) do |count|
  probe = Railprobe["shop:call__return"]
  busy = true
  attached_at = armed_at = nil
  threads = Array.new(count) do
    Thread.new do
      while busy
        attached_at ||= NOW.call if probe.attached?
        armed_at ||= NOW.call if ARMED.call
      end
    end
  end
  count
end
Stage.answer(:armed_after) { armed_at && (armed_at - attached_at) }

# Says by itself when the method is armed; until then every thread sleeps.
Stage.answer(:tell_when_armed) do
  Railprobe.on_change do |_probe, attached|
    Thread.pass until ARMED.call || !attached
    Stage.line.syswrite("#{JSON.generate([NOW.call, ARMED.call])}\n") if attached
  end
  true
end

Stage.answer(:rest) do
  busy = false
  threads.each(&:join).clear.size
end

Stage.answer(:call) { |times| times.times { |number| Shop.new.call(number) } }
Stage.answer(:call_in_threads) do |count, times|
  Array.new(count) { Thread.new { times.times.count { |number| Shop.new.call(number) } } }.sum(&:value)
end
Stage.answer(:call_open) { |times| times.times { |number| Shop.open(number) } }
Stage.answer(:call_added) { |times| times.times { |number| Shop.new.added(number) } }
Stage.answer(:slow) { |seconds| NS.call(Process::CLOCK_MONOTONIC) { Shop.new.slow(seconds) } }
Stage.answer(:outer) { |times| NS.call(Process::CLOCK_MONOTONIC) { Shop.new.outer(times) } }
Stage.answer(:describe) { Shop.new.describe("a", two: [1, nil]) }
Stage.answer(:allocate) { |count| Shop.new.allocate(count) }
Stage.answer(:collect) { NS.call(Process::CLOCK_MONOTONIC) { Shop.new.collect } }
Stage.answer(:busy) { |seconds| NS.call(Process::CLOCK_THREAD_CPUTIME_ID) { Shop.new.busy(seconds) } }
Stage.answer(:jump) { catch(:done) { Shop.new.jump } }
Stage.answer(:fail) do |text|
  Shop.new.fail(text)
rescue ArgumentError => error
  error.message
end

Stage.answer(:start_calling) do
  @calling = true
  @calls = 0
  @caller = Thread.new do
    while @calling
      Shop.new.call(@calls)
      @calls += 1
      Thread.pass
    end
  end
  true
end
Stage.answer(:calls) { @calls }
Stage.answer(:stop_calling) do
  @calling = false
  @caller.join
  @calls
end

Stage.answer(:define_later) do
  Object.const_set(:Later, Class.new { def come(number) = number })
  true
end
Stage.answer(:call_later) { |times| times.times { |number| Later.new.come(number) } }

Stage.serve
