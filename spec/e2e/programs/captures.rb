# frozen_string_literal: true

# Methods whose calls a file of tracers reads: parameters of every kind, instance variables, results, collections, and
# a record, laid out as Rails 8 lays out the row that it loads.
class Row
  def initialize(values)
    @column_indexes = values.keys.each_with_index.to_h
    @row = values.values
  end
end

class AttributeSet
  def initialize(known, row, types)
    @attributes = known
    @casted_values = {}
    @values = row
    @types = types
  end
end

class Record
  def initialize(row, known: {}, types: {})
    @attributes = AttributeSet.new(known, row, types)
  end

  def id = raise("called")
  def save = 1
end

class Taker
  def initialize(held) = @held = held
  def all(one, two = 2, *_rest, last, key:, other: 4) # rubocop:disable Style/OptionalArguments
    [one, two, last, key, other]
  end
  def take(value) = value
  def pass(seconds) = seconds.positive? ? sleep(seconds) : 0
end

Railprobe.start(ENV.fetch("TRACERS_FILE")) or abort("Railprobe.start: #{Railprobe.report}")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
# Evaluates a call, written as Ruby; what has no form in JSON (a Hash with integer keys) can be given.
Stage.answer(:call) { |code| eval(code).class.name } # rubocop:disable Security/Eval
Stage.answer(:pass) { |calls, seconds| calls.times { Taker.new(1).pass(seconds) } }

Stage.serve
