# frozen_string_literal: true

require "json"
require_relative "file_report"

module Railprobe
  module CLI
    # railprobe check: what is wrong in a file, or the probes that it would give. Boots no app.
    class Check
      SUMMARY = "tell what is wrong in a tracers file, and which probes it gives"
      USAGE = <<~TEXT
        Usage: railprobe check [--json] [FILE...]

        Reads each file (config/tracers.yml if none is named) and prints every error in it with its place, or the
        probes that its tracers give, with their arguments. The app is not loaded, so classes are not looked for.

          --json   print a list instead, with an object for each file: file, ok, errors (line, column, message, hint),
                   notes, tracers (line, subject, types, cost_ns, probes; of what the app must load
                   first also patterns and a note), probes (name, arguments, signature)

        Exit code: 0 when all files are right, 1 when one is not, 2 when the command line is not.
      TEXT

      def self.run(arguments, out, err) = new(out, err).run(arguments)

      def initialize(out, err)
        @out = out
        @err = err
      end

      def run(arguments)
        options, files = arguments.partition { |argument| argument.start_with?("-") }
        return help if options.intersect?(%w[--help -h])

        unknown = (options - ["--json"]).first
        return misused("there is no option #{unknown}") if unknown
        return unable if ENGINE_FAILURE

        reports = (files.empty? ? ["config/tracers.yml"] : files).map { |file| FileReport.new(file) }
        if options.any?
          @out.puts JSON.pretty_generate(reports.map(&:to_h))
        else
          reports.each { |report| print_report(report) }
        end
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
        report.notes.each { |note| @out.puts "#{report.file}: note: #{note}" }
        @out.puts "#{report.file}: #{report.summary}"
      end

      def print_tracer(file, tracer)
        @out.puts "#{file}:#{tracer.fetch(:line)}: #{tracer.fetch(:subject)} (#{tracer.fetch(:types).join(", ")})"
        (tracer.fetch(:probes) + tracer.fetch(:patterns, [])).each { |probe| @out.puts "  #{probe.fetch(:signature)}" }
        cost = tracer.fetch(:cost_ns)
        @out.puts "  captures and condition: at most #{cost} ns a call" if cost.positive?
        @out.puts "  #{tracer[:note]}" if tracer[:note]
      end
    end
  end
end
