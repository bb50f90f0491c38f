# frozen_string_literal: true

# One probe with a number and a string.
Stage.load do
  Railprobe.probe("e2e:hit", number: :integer, text: :string)
end

probe = Railprobe["e2e:hit"]

# Fires with a block: how often the block ran, and the sum of what it gave.
Stage.answer(:fire_lazily) do |times|
  numbers = []
  times.times do |number|
    probe.fire do
      numbers << number
      [number, "lazy"]
    end
  end
  [numbers.size, numbers.sum]
end

# Fires with growing numbers: how often, and their sum.
Stage.answer(:fire_numbers) do |times|
  times.times { |number| probe.fire(number, "counted") }
  [times, times * (times - 1) / 2]
end

Stage.serve(ENV.fetch("STAGE_KIND", "main"))
