# frozen_string_literal: true

module Railprobe
  # The helper types that the app has registered, by name.
  class HelperTypes
    def initialize
      @types = {}
    end

    # One that is there is given another block. Raises DeclarationError.
    def register(name, on, arguments, block)
      type = HelperType.new(name, on, arguments, block)
      known = @types[type.name]
      return @types = @types.merge(type.name => type) unless known
      unless known.same?(type)
        raise DeclarationError, "the helper type #{known} on: :#{known.on} is there already, with other arguments"
      end

      known.block = block
    end

    def [](name) = @types[name]

    # As Native.read_config takes them.
    def rows = @types.each_value.map(&:row)

    def report
      @types.transform_values { |type| { on: type.on, arguments: type.arguments, failures: type.failures } }
    end
  end
end
