# frozen_string_literal: true

# An app that calls and fires as fast as it can, whatever its YAML allows.
class Shop
  def call(number) = number
  def other(number) = number
  def describe(text, more:) = "#{text}#{more}"
end

ORIGINALS = %i[call other].to_h { |name| [name.to_s, Shop.instance_method(name)] }

Railprobe.start(ENV.fetch("TRACERS_FILE")) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
Stage.answer(:limits) { Railprobe.report[:limits] }
Stage.answer(:original) do |name|
  Shop.instance_method(name) == ORIGINALS[name] && Shop.instance_method(name).owner == Shop
end
Stage.answer(:call) { |times| times.times { |number| Shop.new.call(number) } }
Stage.answer(:other) { |times| times.times { |number| Shop.new.other(number) } }
Stage.answer(:describe) { |text| Shop.new.describe(text, more: text).size }
Stage.answer(:fire_text) { |text| Railprobe["spec:text"].fire(text) }

# Runs away, in a thread of its own, until it is told to stop; says how often it got round.
Stage.answer(:run_away) do |what|
  @running = true
  probe = Railprobe["spec:hand"]
  @runaway = Thread.new do
    shop = Shop.new
    rounds = 0
    while @running
      what == "call" ? shop.call(rounds) : probe.fire(rounds)
      rounds += 1
    end
    rounds
  end
  true
end
Stage.answer(:stop) do
  @running = false
  @runaway.value
end

# Ractors that run away together for some milliseconds; how many firings got through.
Stage.answer(:run_away_in_ractors) do |count, seconds|
  Array.new(count) do
    Ractor.new(Railprobe["spec:hand"], seconds) do |probe, most|
      until_ns = Process.clock_gettime(Process::CLOCK_MONOTONIC) + most
      fired = 0
      fired += 1 while probe.fire(1) && Process.clock_gettime(Process::CLOCK_MONOTONIC) < until_ns
      fired
    end
  end.sum(&:take)
end

Stage.serve
