# frozen_string_literal: true

module Railprobe
  module Generators
    # A method as people write it, Order#checkout or Order.import, in the words of config/tracers.yml: there a method
    # of the class itself begins with a dot.
    class Subject
      class Invalid < StandardError; end

      NAME = /[[:upper:]][[:word:]]*/
      METHOD = /\A(?:::)?(?<class_name>#{NAME}(?:::#{NAME})*(?:::\*)?)(?:#(?<method>.+)|(?<own>\..+))\z/

      # Between the words of a name like HTTPClient.
      BORDER = /(?<=[[:lower:]\d])(?=[[:upper:]])|(?<=[[:upper:]])(?=[[:upper:]][[:lower:]])/

      attr_reader :class_name, :method

      def self.method?(text) = text.match?(METHOD)

      # [class name, its methods] of all, in the order in which they are named.
      def self.group(texts)
        texts.map { |text| new(text) }.group_by(&:class_name)
             .map { |class_name, subjects| [class_name, subjects.map(&:method).uniq] }
      end

      def self.join(class_name, method) = "#{class_name}#{"#" unless method.start_with?(".")}#{method}"

      def initialize(text)
        match = METHOD.match(text) or raise Invalid, "#{text.inspect} is no method: write Order#checkout, or " \
                                                     "Order.import for a method of the class itself"
        @class_name = match[:class_name]
        @method = match[:method] || match[:own]
      end

      def to_s = Subject.join(class_name, method)

      # As the names of its probes begin; where the engine is idle the name itself has to do.
      def stem
        name = method.delete_prefix(".")
        name = Native.mangle(name) unless ENGINE_FAILURE
        method.start_with?(".") ? "self_#{name}" : name
      end

      # For the name of a file, as in admin_order_refund_bang.
      def file_name
        "#{class_name.gsub("::", "_").gsub(BORDER, "_")}_#{stem}".downcase.gsub(/[^[:word:]]+/, "_")
      end
    end
  end
end
