# frozen_string_literal: true

# Probes of every number of arguments and of every type.

NUMBERS = [-1, 2**40, -(2**40), (2**63) - 1, -(2**63), 0, 7, -8, 900, -1000, 11, -(2**62)].freeze

Stage.load do
  (0..12).each do |count|
    Railprobe.probe("count:of_#{count}", **Array.new(count) { |number| [:"number_#{number}", :integer] }.to_h)
  end
  Railprobe.probe("type:numbers", boolean: :boolean, float: :float, time: :time, integer: :integer)
  Railprobe.probe("type:ids", id: :unsigned)
  Railprobe.probe("type:text", string: :string, symbol: :symbol)
  Railprobe.probe("type:bytes", bytes: :bytes)
  Railprobe.probe("type:long", string: :string)
end

Stage.answer(:fire_counts) do |counts|
  counts.each { |count| Railprobe["count:of_#{count}"].fire(*NUMBERS.first(count)) }
  counts.to_h { |count| [count, NUMBERS.first(count)] }
end

VALUES = {
  "numbers" => [
    [true, 1.5, Time.at(1, 5, :nsec), 2**64],
    [false, -0.1, Time.at(-1, 0), -(2**64)],
    [nil, Float::INFINITY, nil, nil],
    [true, 0.0, Time.at(1_700_000_000, 999_999_999, :nsec), (2**200)],
    [true, 2.0, Time.at(0), -(2**63)]
  ],
  "ids" => [[0], [2**63], [(2**64) - 1], [2**64], [-1], [-(2**70)], [nil]],
  "text" => [["plain", :symbol], ["gr\u00fc\u00df dich \u2713", :süß], [nil, nil], ["", :""]],
  "bytes" => [["a\0b\xFF".b], [""], [nil]]
}.freeze

Stage.answer(:fire_values) do |name|
  VALUES.fetch(name).each { |values| Railprobe["type:#{name}"].fire(*values) }
  VALUES.fetch(name).size
end

Stage.answer(:fire_long) { |texts| texts.each { |text| Railprobe["type:long"].fire(text) }.size }

Stage.serve
