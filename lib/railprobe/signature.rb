# frozen_string_literal: true

module Railprobe
  # A declaration as written, checked: "provider:name" and the arguments with their types. What is wrong
  # is told with what to write instead.
  class Signature
    # With the number of slots that each takes. What is here is the same as in declaration.h.
    TYPES = { integer: 1, unsigned: 1, string: 1, symbol: 1, boolean: 1, float: 1, time: 1, bytes: 2, value: 1 }.freeze
    SLOTS_MAX = 12
    PROVIDER_MAX = 59
    NAME_MAX = 63

    class << self
      # "provider:name" => ["provider", "name"]; the first colon parts them. What can't be a name, broken text or
      # a NUL byte, is as good as none.
      def split(name)
        text = name.to_s
        return ["", ""] if text.include?("\0")

        provider, rest = text.split(":", 2)
        [provider.to_s, rest.to_s]
      rescue ::ArgumentError, EncodingError
        ["", ""]
      end

      def describe(label, arguments)
        "#{label}(#{arguments.map { |name, type| "#{name}: #{type}" }.join(", ")})"
      end

      # Raises DeclarationError for an argument that can't be: its name, or its type. The slots that all take.
      def check_arguments(label, arguments)
        arguments.sum do |name, type|
          check_argument_name(label, name)
          check_type(label, name, type)
          TYPES.fetch(type)
        end
      end

      private

      def check_argument_name(label, name)
        return if name.to_s.match?(/\A[A-Za-z_][A-Za-z0-9_]*\z/)

        raise DeclarationError, "#{label}: #{name.inspect} is no name for an argument: write letters, digits and _"
      end

      def check_type(label, name, type)
        return if TYPES.key?(type)

        near = TYPES.keys.find { |known| near?(known.to_s, type.to_s) }
        raise DeclarationError, "#{label}: #{type.inspect} is no type for #{name}; " +
                                (near ? "did you mean #{near.inspect}?" : "write one of #{TYPES.keys.join(", ")}")
      end

      # A letter more or less, a case, a common short form.
      def near?(known, given)
        given = given.downcase
        letters = [known, given].map(&:chars)
        !given.empty? && (known.start_with?(given) || given.start_with?(known) || letters.map(&:sort).uniq.size == 1 ||
          (letters.first - letters.last).size + (letters.last - letters.first).size <= 1)
      end
    end

    attr_reader :provider, :name, :arguments

    # Raises DeclarationError.
    def initialize(label, arguments)
      @label = label.to_s
      @provider, @name = Signature.split(@label)
      @arguments = arguments.freeze
      check_label
      check_size(Signature.check_arguments(@label, arguments))
    end

    # As the engine takes them.
    def pairs = arguments.map { |name, type| [name.to_s, type] }

    def to_s = Signature.describe(@label, arguments)

    private

    def check_label
      return unless provider.empty? || name.empty?

      raise DeclarationError, "#{@label.inspect} is no name of a probe: write \"provider:name\", " \
                              "such as \"inventory:reserved\""
    end

    def check_size(slots)
      return if slots <= SLOTS_MAX

      raise DeclarationError, "#{@label} declares #{slots} arguments, and a probe carries at most #{SLOTS_MAX} " \
                              "(bytes counts as two): readers refuse a probe with more"
    end
  end
end
