# frozen_string_literal: true

require "railprobe"

module Railprobe
  # The command `railprobe VERB ...`. Each verb is a file in cli/ with a class that has a SUMMARY, a USAGE and
  # .run(arguments, out, err) => exit code. What only a booted app can do is a class of the same kind without these
  # two, and a task (tasks/tracing.rake).
  module CLI
    VERBS = { "check" => :Check, "doctor" => :Doctor }.freeze

    %w[Build Check Doctor List Report Run].each do |name|
      autoload name, File.expand_path("cli/#{name.downcase}", __dir__)
    end

    OK = 0
    FAILED = 1
    MISUSED = 2

    class << self
      def run(arguments, out: $stdout, err: $stderr)
        verb, *rest = arguments
        case verb
        when "--version" then out.puts("railprobe #{VERSION}")
        when nil, "help", "--help", "-h" then out.puts(usage)
        else return run_verb(verb, rest, out, err)
        end
        OK
      end

      private

      def run_verb(name, arguments, out, err)
        verb = VERBS[name] && const_get(VERBS.fetch(name))
        return verb.run(arguments, out, err) if verb

        err.puts "railprobe: there is no verb #{name.inspect}", usage
        MISUSED
      end

      def usage
        verbs = VERBS.map { |name, constant| format("  %-8s %s", name, const_get(constant)::SUMMARY) }
        ["Usage: railprobe VERB [ARGUMENTS]", "", *verbs, "", "railprobe VERB --help tells more."].join("\n")
      end
    end
  end
end
