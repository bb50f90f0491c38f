# frozen_string_literal: true

require_relative "../catalog"

module Railprobe
  module CLI
    # Every probe of this process: what to type to attach to it, what it carries, whether a tracer is on it.
    class List
      def self.run(arguments, out, err) = new(out, err).run(arguments.first)

      def initialize(out, err, catalog = Catalog.new)
        @out = out
        @err = err
        @catalog = catalog
      end

      # Only those with part in their names, if it is given.
      def run(part = nil)
        return nothing("Nothing can be attached to here: #{Railprobe.unsupported_reason}") unless Railprobe.supported?

        rows = @catalog.rows.select { |row| part.nil? || row.label.include?(part) }
        return nothing("There is no probe #{part.inspect}") if part && rows.empty?

        rows.each { |row| print_row(row) }
        @out.puts summary(rows)
        OK
      end

      private

      def nothing(why)
        @err.puts why
        FAILED
      end

      def print_row(row)
        notes = [("attached" if row.attached), ("left out by the file" if row.left_out),
                 ("needs #{row.needs}" unless row.needs.empty?)].compact
        @out.puts ["usdt:#{row.file}:#{row.label}", *notes].join("  "), "    #{arguments(row)}", ""
      end

      def arguments(row)
        return "no arguments" if row.arguments.empty?

        slot = -1
        words = row.arguments.map do |name, type|
          slot += 1
          "arg#{slot} #{name}#{" (#{type})" unless type == :integer}".tap { slot += 1 if type == :bytes }
        end
        words.join(", ")
      end

      def summary(rows)
        builtin, own = rows.partition(&:builtin)
        "#{own.size} #{own.size == 1 ? "probe" : "probes"} of the app, #{builtin.size} builtin, " \
          "#{rows.count(&:attached)} attached"
      end
    end
  end
end
