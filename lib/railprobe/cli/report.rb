# frozen_string_literal: true

require_relative "../catalog"

module Railprobe
  module CLI
    # Railprobe.report, to read.
    class Report
      def self.run(_arguments, out, _err) = new(out).run

      def initialize(out, report = Railprobe.report, root = Railprobe.root)
        @out = out
        @report = report
        @root = root.to_s
      end

      def run
        @out.puts supported, ""
        section("Images", [*images, *retired])
        section("Methods", methods)
        section("Attached", @report.fetch(:attached).zip)
        section("Armed in Rails", @report.fetch(:rails).fetch(:armed).zip)
        section("Errors in what is armed in Rails", hook_errors)
        section("Dropped, for their values", @report.fetch(:rejected).map { |name, count| [name, count] })
        section("Places that took no image", attempts)
        section("Complaints", complaints)
        OK
      end

      private

      def supported
        return "Nothing can be attached to here: #{@report.fetch(:unsupported_reason)}" unless @report.fetch(:supported)

        count = @report.fetch(:probes)
        watcher = @report.fetch(:watcher)
        state = watcher.fetch(:running) ? "looks every #{watcher.fetch(:interval_ms)} ms" : "does not run"
        "#{count} #{count == 1 ? "probe" : "probes"} of the app; the watcher #{state}"
      end

      def images
        @report.fetch(:images).map do |image|
          [image.fetch(:path).sub(%r{\A#{Regexp.escape(@root)}/}, "./"), image.fetch(:state),
           "#{image.fetch(:probes)} probes", "#{image.fetch(:attached)} attached"]
        end
      end

      def retired
        count = @report.fetch(:retired_images)
        count.zero? ? [] : [["#{count} older", "retired"]]
      end

      def methods
        @report.fetch(:tracers).map do |row|
          [row.fetch(:method), row.fetch(:state), row.fetch(:types).join(", "),
           row[:reason] || row.fetch(:probes).join(" ")]
        end
      end

      def attempts = @report.fetch(:attempts).map { |path, why, system| [path, why, system].compact }

      def hook_errors
        count = @report.fetch(:rails).fetch(:errors)
        count.zero? ? [] : [[count]]
      end

      # The first line says what it is about.
      def complaints = @report.fetch(:complaints).map { |text, count| ["#{count} times", text.lines.first.chomp] }

      # Columns as wide as what is in them; nothing of an empty section.
      def section(title, rows)
        return if rows.empty?

        widths = Array.new(rows.map(&:size).max) { |column| rows.map { |row| row[column].to_s.size }.max }
        lines = rows.map { |row| row.zip(widths).map { |cell, width| cell.to_s.ljust(width) }.join("  ").rstrip }
        @out.puts title, lines.map { |line| "  #{line}" }, ""
      end
    end
  end
end
