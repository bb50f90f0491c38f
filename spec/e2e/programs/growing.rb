# frozen_string_literal: true

# Loads a second time when it is told to, or at once, with one more probe.
GROW = -> { Railprobe.probe("e2e:more", number: :integer) }

Stage.load do
  Railprobe.probe("e2e:hit", number: :integer)
  GROW.call if ENV["GROWN"]
end

Stage.answer(:grow) do
  GROW.call
  Railprobe.load
end

probe = Railprobe["e2e:hit"]
counters = []
threads = []
firing = true

Stage.answer(:start_firing) do |count|
  counters = Array.new(count, 0)
  threads = Array.new(count) do |number|
    Thread.new do
      while firing
        probe.fire(number)
        counters[number] += 1
      end
    end
  end
  count
end

Stage.answer(:fired) { counters.sum }

Stage.answer(:stop_firing) do
  firing = false
  threads.each(&:join)
  counters.sum
end

Stage.serve
