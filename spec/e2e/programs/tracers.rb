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
  def describe(one, two:) = "#{one}#{two}".to_sym

  def busy(seconds)
    from = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
    nil while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - from < seconds
  end

  def self.open(number) = number
end

FILE = ENV.fetch("TRACERS_FILE")
METHODS = %i[call slow outer fail jump allocate collect added describe busy state].freeze
ORIGINALS = METHODS.to_h { |name| [name, Shop.instance_method(name)] }
FACTS = ->(name) { Shop.instance_method(name).then { |at| [at.owner.to_s, at.arity, at.parameters, at.source_location] } }
BEFORE = METHODS.to_h { |name| [name, FACTS[name]] }

Railprobe.start(FILE) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
Stage.answer(:complaints) { Railprobe.report[:complaints].keys }
Stage.answer(:originals) { METHODS.all? { |name| FACTS[name] == BEFORE[name] && Shop.instance_method(name) == ORIGINALS[name] } }
Stage.answer(:shown) { |name| FACTS[name.to_sym].drop(1) }

# When a probe of the method was first seen to be attached, and when the method was first seen to be armed.
Stage.answer(:watch) do |name, probe|
  watched = Railprobe[probe]
  @watcher = Thread.new do
    now = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    Thread.pass until watched.attached?
    attached = now.call
    Thread.pass until Shop.instance_method(name.to_sym).arity == -1
    now.call - attached
  end
  true
end
Stage.answer(:armed_after) { @watcher.value }

threads = []
busy = true
Stage.answer(:work_hard) { |count| (threads = Array.new(count) { Thread.new { busy && 1 while busy } }).size }
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
Stage.answer(:slow) { |seconds| Shop.new.slow(seconds) }
Stage.answer(:outer) { |times| Shop.new.outer(times) && times }
Stage.answer(:describe) { Shop.new.describe("a", two: [1, nil]) }
Stage.answer(:allocate) { |count| Shop.new.allocate(count) }
Stage.answer(:collect) { Shop.new.collect.class.name }
Stage.answer(:busy) { |seconds| Shop.new.busy(seconds).class.name }
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
