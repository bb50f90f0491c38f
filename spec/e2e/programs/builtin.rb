# frozen_string_literal: true

# A program that fires probes of the builtin table with values of its own, as if Rails had made them: they are declared
# by hand under their names, so they are in its app image.
WANTED = ENV.fetch("BUILTIN_PROBES").split(",")
PROBES = Railprobe::Engine.builtin_probes.select { |row| WANTED.include?(row.fetch(:name)) }.to_h do |row|
  [row.fetch(:name), Railprobe.probe(row.fetch(:name), **row.fetch(:arguments).transform_values(&:first))]
end
UNKNOWN = { integer: -1, boolean: nil, unsigned: 0, string: "" }.freeze

Stage.load

# Values by name; what isn't given is what a probe says of what is not known.
Stage.answer(:event) do |name, values, times = 1|
  probe = PROBES.fetch(name)
  unknown = values.keys - probe.arguments.keys.map(&:to_s)
  raise ArgumentError, "#{name} has no #{unknown.join(", ")}" if unknown.any?

  all = probe.arguments.map { |argument, type| values.fetch(argument.to_s, UNKNOWN.fetch(type)) }
  times.times { probe.fire(*all) }
end
Stage.answer(:events_in_threads) do |events|
  events.map { |name, values| Thread.new { Stage::ANSWERS.fetch("event").call(name, values) } }.each(&:join).size
end

Stage.serve
