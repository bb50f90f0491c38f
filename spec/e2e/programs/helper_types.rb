# frozen_string_literal: true

# An app with helper types of its own, whose blocks count how often they were asked.
class Depot
  attr_reader :name, :jobs

  def initialize(name)
    @name = name
    @jobs = []
  end

  def push(job) = jobs.push(job).size
  def pop(job) = job
  def size = jobs.size
  def lose(job) = raise(KeyError, job)
end

ASKED = Hash.new(0)
SPIN = lambda do |seconds|
  from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) - from < seconds
end

Railprobe.helper_type(:queue_depth, on: :return, depth: :integer, queue: :string) do |call|
  ASKED[:queue_depth] += 1
  [call.receiver.size, call.receiver.name] # size is traced too, and doesn't fire here
end
Railprobe.helper_type(:given, on: :entry, what: :value, odd: :boolean, text: :symbol) do |call|
  ASKED[:given] += 1
  job = call.arguments.first
  [job, job.is_a?(Integer) && job.odd?, job.class.name.to_sym]
end
Railprobe.helper_type(:moody, on: :return, mood: :integer, words: :string, data: :bytes) do |call|
  ASKED[:moody] += 1
  case call.arguments.first
  when "raise" then raise "moody"
  when "throw" then throw(:moody)
  when "few" then [1]
  when "wrong" then [1, 2, 3]
  else [5, "fine", "a\0b"]
  end
end
Railprobe.helper_type(:lost, on: :raise, letters: :integer) { |call| call.exception.message.size }
Railprobe.helper_type(:slow, on: :return, seconds: :float) { SPIN.call(0.02) || 0.02 }
Railprobe.helper_type(:before, on: :entry, first: :integer) { SPIN.call(0.02) || 1 }

Railprobe.start(ENV.fetch("TRACERS_FILE")) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
Stage.answer(:asked) { |name| ASKED[name.to_sym] }
Stage.answer(:failures) { Railprobe.report[:helper_types].transform_values { |row| row[:failures] } }
Stage.answer(:arguments) { |probe| Railprobe[probe].arguments.keys }
Stage.answer(:push) do |name, count|
  depot = Depot.new(name)
  count.times.sum { |number| depot.push(number) }
end
Stage.answer(:size) { |times| times.times { Depot.new("d").size } }
Stage.answer(:pop) { |jobs| catch(:moody) { jobs.map { |job| Depot.new("d").pop(job) } } }
Stage.answer(:lose) do |job|
  Depot.new("d").lose(job)
rescue KeyError => error
  error.message
end

# How long it took, ns.
Stage.answer(:pop_slowly) do |job|
  from = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  Depot.new("d").pop(job)
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - from
end

Stage.serve
