# frozen_string_literal: true

# Fires where the VM is at its most difficult. Each answer is how often, and the sum of the numbers.
Warning[:experimental] = false

Stage.load { Railprobe.probe("e2e:hit", number: :integer, text: :string) }

Stage.answer(:fire_in_ractors) do |count, times|
  ractors = Array.new(count) do |number|
    Ractor.new(number, times) do |base, fires|
      probe = Railprobe["e2e:hit"]
      sum = 0
      fires.times do |index|
        probe.fire(base + index, "from a Ractor")
        sum += base + index
      end
      [fires, sum]
    end
  end
  ractors.map(&:take).transpose.map(&:sum)
end

# Text => how often. Each is a string of its own that is moved before it is fired.
Stage.answer(:fire_while_compacting) do |rounds|
  texts = Array.new(rounds) { |round| "text #{round} #{"x" * (round % 40)}" }
  counts = texts.to_h { |text| [text, 0] }
  rounds.times do
    GC.compact
    texts.each do |text|
      Railprobe["e2e:hit"].fire(1, text)
      counts[text] += 1
    end
  end
  counts
end

Stage.answer(:fire_under_stress) do |times|
  GC.stress = true
  times.times { |number| Railprobe["e2e:hit"].fire { [number, "text #{number}"] } }
  GC.stress = false
  [times, times * (times - 1) / 2]
ensure
  GC.stress = false
end

Stage.answer(:fire_in_fibers) do |count, times|
  probe = Railprobe["e2e:hit"]
  fibers = Array.new(count) do
    Fiber.new do
      times.times do |number|
        probe.fire(number, "from a fiber")
        Fiber.yield
      end
    end
  end
  times.times { fibers.each(&:resume) }
  [count * times, count * times * (times - 1) / 2]
end

Stage.serve
