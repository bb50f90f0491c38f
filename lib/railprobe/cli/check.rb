# frozen_string_literal: true

require "json"

module Railprobe
  module CLI
    # railprobe check: what is wrong in a file, or the probes that it would give. Boots no app.
    class Check
      SUMMARY = "tell what is wrong in a tracers file, and which probes it gives"
      USAGE = <<~TEXT
        Usage: railprobe check [--json] [FILE...]

        Reads each file (config/tracers.yml if none is named) and prints every error in it with its place, or the
        probes that its tracers give, with their arguments. The app is not loaded, so classes are not looked for.

          --json   print an object for each file instead

        Exit code: 0 when all files are right, 1 when one is not, 2 when the command line is not.
      TEXT

      def self.run(arguments, out, err) = new(out, err).run(arguments)

      def initialize(out, err)
        @out = out
        @err = err
      end

      def run(arguments)
        files = arguments.dup
        json = files.delete("--json")
        return misused("no such option: #{files.grep(/\A-/).first}") if files.any? do |file|
          file.start_with?("-") && file != "--help" && file != "-h"
        end
        return help if files.any? { |file| file.start_with?("-") }
        return unable if ENGINE_FAILURE

        reports = (files.empty? ? ["config/tracers.yml"] : files).map { |file| FileReport.new(file) }
        json ? @out.puts(JSON.pretty_generate(reports.map(&:to_h))) : reports.each { |report| print_report(report) }
        reports.all?(&:ok?) ? OK : FAILED
      end

      private

      def help
        @out.puts USAGE
        OK
      end

      def misused(what)
        @err.puts "railprobe check: #{what}", USAGE
        MISUSED
      end

      def unable
        @err.puts "railprobe check: files can't be read here, for #{ENGINE_FAILURE}"
        FAILED
      end

      def print_report(report)
        @out.puts report.errors_text unless report.ok?
        report.tracers.each { |tracer| print_tracer(report.file, tracer) }
        report.probes.each { |probe| @out.puts "#{report.file}: #{probe.fetch(:signature)}" }
        @out.puts "#{report.file}: #{report.summary}"
      end

      def print_tracer(file, tracer)
        @out.puts "#{file}:#{tracer.fetch(:line)}: #{tracer.fetch(:subject)} (#{tracer.fetch(:types).join(", ")})"
        tracer.fetch(:probes).each { |probe| @out.puts "  #{probe.fetch(:signature)}" }
        cost = tracer.fetch(:cost_ns)
        @out.puts "  captures and condition: at most #{cost} ns a call" if cost.positive?
        @out.puts "  #{tracer[:note]}" if tracer[:note]
      end
    end

    # What there is to say of one file.
    class FileReport
      attr_reader :file

      def initialize(file)
        @file = file
        @configuration = Configuration.read(file)
      rescue SystemCallError => error
        @failure = "#{file}: #{error.message}"
      end

      def ok? = @failure.nil? && @configuration.valid? && further_errors.empty?

      def errors_text
        [@failure, @configuration&.rendered, *further_errors].compact.join("\n")
      end

      def tracers
        @tracers ||= rows.flat_map { |tracer| tracer.all_methods? ? [open_row(tracer)] : method_rows(tracer) }
      end

      def probes
        return [] unless @configuration

        @configuration.probes.map { |label, arguments| probe_row(label, arguments.to_h) }
      end

      def summary
        count = tracers.sum { |tracer| tracer.fetch(:probes).size } + probes.size
        "#{ok? ? "ok" : "not ok"}, #{tracers.size} #{tracers.size == 1 ? "method" : "methods"}, " \
          "#{count} #{count == 1 ? "probe" : "probes"}"
      end

      def to_h
        { file: file, ok: ok?, errors: errors, tracers: tracers, probes: probes }
      end

      private

      def errors
        return [{ message: @failure }] if @failure

        @configuration.errors + further_errors.map { |message| { message: message } }
      end

      # Tracers; those whose expressions can't be used are left out, and told of in refusals.
      def rows
        @rows ||= (@configuration&.tracers || []).filter_map do |row|
          Tracer.new(row)
        rescue ExpressionError => error
          refusals << "#{file}:#{row.fetch(:line)}: #{row.fetch(:class_name)}: #{error.message}"
          nil
        end
      end

      def refusals = @refusals ||= []

      # What the YAML reader can't see.
      def further_errors
        rows
        refusals + clashes
      end

      def providers
        @providers ||= Providers.new(rows.reject(&:provider).map(&:class_name))
      end

      def method_rows(tracer)
        return [open_row(tracer)] if tracer.namespace?

        tracer.targets.map do |target|
          row(tracer, target.subject,
              tracer.signatures.map do |moment, arguments|
                probe_row("#{provider(tracer)}:#{target.stem}__#{moment}", arguments)
              end)
        end
      end

      def open_row(tracer)
        subject = tracer.namespace? ? "#{tracer.class_name}::*" : "#{tracer.class_name}#*"
        row(tracer, subject, []).merge(note: "its methods are known once the app has loaded the class")
      end

      def row(tracer, subject, probes)
        { line: tracer.line, subject: subject, types: tracer.types, cost_ns: tracer.cost_ns, probes: probes }
      end

      def provider(tracer) = tracer.provider || providers.of(tracer.class_name)

      def probe_row(name, arguments)
        { name: name, arguments: arguments.map { |argument, type| { name: argument, type: type } },
          signature: Signature.describe(name, arguments) }
      end

      # Probes that have the same name once mangled, such as those of charge! and charge_bang.
      def clashes
        @clashes ||= tracers.flat_map { |tracer| tracer.fetch(:probes).map { |probe| [probe.fetch(:name), tracer] } }
                            .group_by(&:first).select { |_, same| same.size > 1 }
                            .map { |name, same| clash(name, same.map(&:last)) }
      end

      def clash(name, tracers)
        where = tracers.map { |tracer| "#{tracer.fetch(:subject)} (line #{tracer.fetch(:line)})" }.join(" and ")
        "#{file}:#{tracers.last.fetch(:line)}: #{where} would both be #{name}: give one of them another provider"
      end
    end
  end
end
