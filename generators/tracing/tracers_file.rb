# frozen_string_literal: true

require "psych"
require_relative "notation"
require_relative "subject"
require_relative "yaml_text"

module Railprobe
  module Generators
    # A config/tracers.yml that methods are added to and removed from, as somebody with an editor would do it: what is
    # not concerned keeps every byte. Nothing is written here; .text is what to write.
    class TracersFile
      # What can't be done, in words.
      class Refused < StandardError; end

      DEFAULT_TYPES = %w[latency].freeze
      ALL = "*"

      # An entry of the list, as far as it matters here.
      class Entry
        attr_reader :node

        def initialize(node)
          @node = node
          @values = node.children.each_slice(2).to_h { |key, value| [key.value, value] }
        end

        def class_name = self["class"].value
        def line = node.start_line + 1
        def all? = self["methods"].is_a?(Psych::Nodes::Scalar)
        def methods = all? ? [ALL] : words("methods")
        def types = self["types"] && words("types")
        # What captures and conditions read may be there in the methods that they were written for only.
        def plain? = !(all? || self["capture"] || self["if"])
        def [](key) = @values[key]

        def traces?(method)
          methods.include?(method) || (all? && !method.start_with?(".") && !words("except").include?(method))
        end

        private

        def words(key) = self[key].to_a.grep(Psych::Nodes::Scalar).map(&:value)
      end

      def initialize(text)
        @yaml = YamlText.new(text)
      end

      def text = @yaml.text

      # Adds methods of a class, those of the class itself with a dot in front, measured for types, or for what
      # the entry that takes them says. Gives those that are new or are measured for more than before.
      def add(class_name, methods, types = nil)
        there, missing = methods.partition { |method| owner_of(class_name, method) }
        changed = types ? there.reject { |method| (types - types_of(owner_of(class_name, method))).empty? } : []
        changed.each { |method| widen(class_name, method, types, methods) }
        insert(class_name, missing, types) if missing.any?
        changed + missing
      end

      # Takes methods out; an entry without methods goes. Gives those that were there.
      def remove(class_name, methods)
        methods.select do |method|
          owner = owner_of(class_name, method)
          take_out(owner, method) if owner
          owner
        end
      end

      private

      def entries
        list = @yaml.value("tracers")
        list.is_a?(Psych::Nodes::Sequence) ? list.children.map { |node| Entry.new(node) } : []
      end

      def of_class(class_name) = entries.select { |entry| entry.class_name == class_name }
      def owner_of(class_name, method) = of_class(class_name).find { |entry| entry.traces?(method) }
      def types_of(entry) = entry.types || default_types

      def default_types
        found = @yaml.value("defaults", "types")
        found ? found.children.map(&:value) : DEFAULT_TYPES
      end

      # Measures for more. Other methods of the entry would be too, so it has to have none.
      def widen(class_name, method, types, methods)
        entry = owner_of(class_name, method)
        wanted = types - types_of(entry)
        return if wanted.empty? # done with an earlier one

        if (entry.methods - methods).any?
          others = entry.all? ? "all other methods" : (entry.methods - methods).join(", ")
          raise Refused, "#{Subject.join(class_name, method)} is traced already, at line #{entry.line}, together " \
                         "with #{others}: write there what to measure"
        end
        entry["types"] ? wanted.each { |type| append("types", entry, type) } : add_key(entry, types_of(entry) + wanted)
      end

      def add_key(entry, types) = @yaml.add_pair(entry.node, "types", Notation.list(types))

      # Into an entry that measures the same and nothing in particular, else into a new one.
      def insert(class_name, methods, types)
        entry = of_class(class_name).find do |found|
          found.plain? && (types.nil? || types_of(found).sort == types.sort)
        end
        return @yaml.add_item("tracers", new_entry(class_name, methods, types)) if entry.nil? || methods == [ALL]

        methods.each { |method| append("methods", entry, method) }
      end

      # The entry may have grown since it was found, and begins where it began.
      def append(key, entry, name)
        current = of_class(entry.class_name).find { |found| found.line == entry.line }
        @yaml.append(current[key], Notation.quote(name))
      end

      def new_entry(class_name, methods, types)
        names = methods == [ALL] ? Notation.quote(ALL) : Notation.list(methods)
        [["class", Notation.quote_class(class_name)], ["methods", names], *(types && [["types", Notation.list(types)]])]
      end

      def take_out(entry, method)
        if entry.all? && method != ALL
          raise Refused, "#{Subject.join(entry.class_name, method)} is one of all the methods of " \
                         "#{entry.class_name}, at line #{entry.line}: write there what to except"
        end
        return @yaml.remove(@yaml.value("tracers"), entry.node) if entry.methods == [method]

        list = entry["methods"]
        @yaml.remove(list, list.children.find { |node| node.value == method })
      end
    end
  end
end
