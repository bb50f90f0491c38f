# frozen_string_literal: true

require "json"
require_relative "file_report"

module Railprobe
  module CLI
    # railprobe check: what is wrong in a file, or the probes that it would give. Boots no app.
    class Check
      SUMMARY = "tell what is wrong in a tracers file, and which probes it gives"
      USAGE = <<~TEXT
        Usage: railprobe check [--json] [--require RUBY]... [FILE...]

        Reads each file (config/tracers.yml if none is named) and prints every error in it with its place, or the
        probes that its tracers give, with their arguments. Where no app is loaded, classes are not looked for, and a
        helper type that is none of ours may be the app's own.

          --json          print a list instead, with an object for each file: file, ok, errors (line, column, message,
                          hint), notes, tracers (line, subject, types, cost_ns, probes; of what the app must load
                          first also patterns and a note), probes (name, arguments, signature)
          --require RUBY  load this Ruby file first, which loads the app: its classes and registers its own helper types.
                          Classes and methods that are not there, and types that are unknown, are errors then
          --loaded        the same, for who has loaded the app before calling this

        Exit code: 0 when all files are right, 1 when one is not, 2 when the command line is not.
      TEXT

      def self.run(arguments, out, err) = new(out, err).run(arguments)

      def initialize(out, err)
        @out = out
        @err = err
      end

      def run(arguments)
        return help if arguments.intersect?(%w[--help -h])

        @files = []
        @required = []
        mistake = parse(arguments)
        return misused(mistake) if mistake
        return unable("files can't be read here, for #{ENGINE_FAILURE}") if ENGINE_FAILURE

        failure = require_files
        return unable(failure) if failure

        report(@files.empty? ? ["config/tracers.yml"] : @files)
      end

      private

      # What is wrong with the command line, or nil.
      def parse(arguments)
        arguments = arguments.dup
        while (argument = arguments.shift)
          case argument
          when "--json" then @json = true
          when "--loaded" then @loaded = true
          when "--require" then @required << (arguments.shift || (return "--require takes a Ruby file"))
          when /\A--require=(.+)/ then @required << Regexp.last_match(1)
          when /\A-/ then return "there is no option #{argument}"
          else @files << argument
          end
        end
      end

      # Why a file can't be loaded, or nil.
      def require_files
        @required.each { |file| require File.expand_path(file) }
        nil
      rescue StandardError, ScriptError => error
        "#{error.class} while the files to require were loaded: #{error.message}"
      end

      def report(files)
        loaded = @loaded || @required.any?
        reports = files.map { |file| FileReport.new(file, loaded: loaded) }
        if @json
          @out.puts JSON.pretty_generate(reports.map(&:to_h))
        else
          reports.each { |report| print_report(report) }
        end
        reports.all?(&:ok?) ? OK : FAILED
      end

      def help
        @out.puts USAGE
        OK
      end

      def misused(what)
        @err.puts "railprobe check: #{what}", USAGE
        MISUSED
      end

      def unable(why)
        @err.puts "railprobe check: #{why}"
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
