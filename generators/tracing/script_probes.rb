# frozen_string_literal: true

require "did_you_mean"

module Railprobe
  module Generators
    # What a script can be about: methods and probes of config/tracers.yml, and whatever else has a probe.
    class ScriptProbes
      # There is no such thing, in words.
      class Unknown < StandardError; end

      # probes is label => arguments; many says that they have more than one subject.
      Found = Struct.new(:what, :probes, :file, :many)

      ENDS = /__(?:return|raise)\z/
      FILE = "./tmp/railprobe/app.so"

      # report is what railprobe check says of the file, catalog what this process has loaded.
      def initialize(report, catalog)
        @file = report.file
        @rows = report.tracers
        @declared = (report.probes + @rows.flat_map { |row| row.fetch(:probes) }).to_h { |probe| pair(probe) }
        @loaded = catalog.rows.to_h { |row| [row.label, row] }
        @directory = catalog.directory && File.dirname(catalog.typed(File.join(catalog.directory, "app.so")))
      end

      # Of a method the probes of its end, or those that it has.
      def of_method(subject)
        probes = @rows.find { |row| row.fetch(:subject) == subject.to_s }&.fetch(:probes) || of_pattern(subject)
        raise Unknown, "#{subject} is not in #{@file}: rails generate tracing tracer #{subject}" unless probes

        probes = probes.to_h { |probe| pair(probe) }
        ends = probes.select { |label, _| label.match?(ENDS) }
        probes = ends if ends.any?
        Found.new(subject.to_s, probes, file_of(probes.keys.first), false)
      end

      def of_name(label)
        row = @loaded[label]
        arguments = @declared[label] || row&.arguments
        return Found.new(label, { label => arguments }, file_of(label), row&.builtin) if arguments

        near = DidYouMean::SpellChecker.new(dictionary: @declared.keys | @loaded.keys).correct(label).first
        raise Unknown, "there is no probe #{label}#{"; did you mean #{near}?" if near}"
      end

      private

      # Where all methods of a class are traced, their probes are told with a word in the place of the name.
      def of_pattern(subject)
        return if subject.method.start_with?(".")

        row = @rows.find { |found| found.fetch(:subject) == "#{subject.class_name}#*" } or return
        row.fetch(:patterns).map do |probe|
          probe.merge(name: probe.fetch(:name).sub(":METHOD__", ":#{subject.stem}__"))
        end
      end

      # What is not loaded yet will be where the others are.
      def file_of(label)
        @loaded[label]&.file || (@directory ? "#{@directory}/app.so" : FILE)
      end

      def pair(probe)
        [probe.fetch(:name), probe.fetch(:arguments).to_h { |argument| argument.values_at(:name, :type) }]
      end
    end
  end
end
