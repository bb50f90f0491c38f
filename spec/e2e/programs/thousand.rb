# frozen_string_literal: true

# A thousand probes, as an app of some size has.
names = Array.new(1_000) { |number| "many:probe_#{number}" }

Stage.load do
  names.each { |name| Railprobe.probe(name, number: :integer) }
end

Stage.answer(:attached_names) { names.select { |name| Railprobe[name].attached? } }

Stage.answer(:fire_all) do |times|
  fired = 0
  times.times do
    names.each_with_index do |name, number|
      Railprobe[name].fire(number)
      fired += 1
    end
  end
  fired
end

Stage.serve
