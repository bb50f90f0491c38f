# frozen_string_literal: true

module Railprobe
  # A helper type of the app's own: what its block tells of a call becomes arguments of the traced method's probe.
  class HelperType
    attr_reader :name, :on, :arguments

    # Raises DeclarationError.
    def initialize(name, on, arguments, block)
      @name = name.to_s.to_sym
      @on = on
      @arguments = arguments.dup.freeze
      check_name
      check_moment
      check_arguments
      @engine = Engine.own_type(to_s, pairs, block)
    end

    # As TracedMethod takes it; nil where probes can't exist.
    attr_reader :engine

    # For calls from now on.
    def block=(block)
      @engine&.block = block
    end

    # How often its block raised, or gave what does not fit.
    def failures = @engine ? @engine.failures : 0

    # As Native.read_config takes it.
    def row = [name.to_s, Tracer::MOMENTS.keys.index(on), slots, arguments.keys.join(" ")]

    def same?(other) = [name, on, arguments.to_a] == [other.name, other.on, other.arguments.to_a]

    def to_s = Signature.describe(name, arguments)

    private

    def pairs = arguments.map { |name, type| [name.to_s, Signature::TYPES.keys.index(type)] }
    def slots = arguments.each_value.sum { |type| Signature::TYPES.fetch(type) }

    def check_name
      unless name.match?(/\A[A-Za-z_][A-Za-z0-9_]*\z/)
        refuse("#{name.inspect} is no name for a helper type: write letters, digits and _")
      end
      refuse("#{name} is a helper type already; give yours another name") if Tracer::HELPERS.key?(name)
    end

    def check_moment
      return if Tracer::MOMENTS.key?(on)

      refuse("the helper type #{name} is asked on: #{on.inspect}; write :entry, :return or :raise")
    end

    def check_arguments
      label = "the helper type #{name}"
      refuse("#{label} has no arguments: write them with their types, depth: :integer") if arguments.empty?
      slots = Signature.check_arguments(label, arguments)
      taken = arguments.keys.map(&:to_sym) & Tracer::MOMENTS.values.flat_map(&:keys)
      refuse("#{label}: every probe has an argument #{taken.first}; name this one otherwise") if taken.any?
      room = Signature::SLOTS_MAX - Tracer::MOMENTS.fetch(on).size
      return if slots <= room

      refuse("#{label} has #{slots} arguments, and the __#{on} probe of a method has room for #{room} " \
             "(bytes counts as two)")
    end

    def refuse(message) = raise(DeclarationError, message)
  end
end
