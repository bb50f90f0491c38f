# frozen_string_literal: true

module Railprobe
  module Generators
    # Names as they are written in config/tracers.yml, in quotes where YAML asks for them.
    module Notation
      PLAIN = /\A\.?[[:alpha:]_][[:word:]]*[?!=]?\z/

      module_function

      def list(names) = "[#{names.map { |name| quote(name) }.join(", ")}]"

      # In a list or between braces; there older versions of libyaml take no colon without quotes.
      def quote(name) = name.match?(PLAIN) ? name : %("#{name.gsub(/["\\]/) { |character| "\\#{character}" }}")

      # On a line of its own.
      def quote_class(name) = name.end_with?("*") ? quote(name) : name

      # An entry on a line of its own.
      def entry(class_name, methods) = "- {class: #{quote(class_name)}, methods: #{list(methods)}}"
    end
  end
end
