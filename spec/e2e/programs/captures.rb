# frozen_string_literal: true

# Methods whose calls a file of tracers reads: parameters of every kind, instance variables, results, collections, and
# an object laid out as Active Record's are.
class Attribute
  def initialize(value, raw = nil)
    @value = value
    @value_before_type_cast = raw
  end
end

class AttributeSet
  def initialize(known, raw)
    @attributes = known
    @values = raw
  end
end

class Record
  def initialize(known, raw = nil)
    @attributes = AttributeSet.new(known, raw)
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
