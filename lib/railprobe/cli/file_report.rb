# frozen_string_literal: true

module Railprobe
  module CLI
    # What railprobe check says of one file.
    class FileReport
      attr_reader :file

      def initialize(file)
        @file = file
        @configuration = Configuration.read(file)
      rescue SystemCallError => error
        # The system's words, without the name of a function of Ruby's.
        @failure = "can't be read: #{error.message.split(" @ ").first}"
      end

      def ok? = errors.empty?

      # As the engine shows its own, and then what only all tracers together show.
      def errors_text
        ["#{"#{file}: #{@failure}\n" if @failure}#{@configuration&.rendered}",
         *clashes.map { |clash| "#{file}:#{clash.fetch(:line)}: #{clash.fetch(:message)}\n" }].join.chomp
      end

      def errors
        return [{ line: nil, column: nil, message: @failure, hint: nil }] if @failure

        @configuration.errors + clashes
      end

      def tracers
        @tracers ||= entries.flat_map { |tracer| tracer.open? ? open_rows(tracer) : method_rows(tracer) }
      end

      def probes
        return [] unless @configuration

        @configuration.probes.map { |label, arguments| probe_row(label, arguments.to_h) }
      end

      # Classes whose providers are longer than one would guess.
      def notes
        longer = entries.reject { |tracer| tracer.namespace? || tracer.provider }.map(&:class_name).uniq
                        .group_by { |name| Native.mangle(name.split("::").last.downcase) }
        longer.select { |_, names| names.size > 1 }.map do |short, names|
          "#{names.join(" and ")} would share the provider #{short}, so theirs are " \
            "#{names.map { |name| providers.of(name) }.join(" and ")}"
        end
      end

      def summary
        count = tracers.sum { |tracer| tracer.fetch(:probes).size } + probes.size
        rows = tracers.size
        "#{ok? ? "ok" : "not ok"}, #{rows} #{rows == 1 ? "method" : "methods"}, " \
          "#{count} #{count == 1 ? "probe" : "probes"}#{" and those of classes to come" if entries.any?(&:open?)}"
      end

      def to_h
        { file: file, ok: ok?, errors: errors, notes: notes, tracers: tracers, probes: probes }
      end

      private

      def entries
        @entries ||= (@configuration&.tracers || []).map { |row| Tracer.new(row, @configuration.headers) }
      end

      def providers
        named = entries.reject(&:namespace?)
        @providers ||= Providers.new(named.reject(&:provider).map(&:class_name))
      end

      def method_rows(tracer)
        provider = tracer.provider || providers.of(tracer.class_name)
        tracer.targets.map { |target| row(tracer, target.subject, probe_rows(tracer, provider, target.stem)) }
      end

      # What only the app knows has a word in capitals in its place.
      def open_rows(tracer)
        class_name = tracer.namespace? ? "#{tracer.class_name}::*" : tracer.class_name
        return [open_row(tracer, "#{class_name}#*", "METHOD")] if tracer.all_methods?

        tracer.targets_in(class_name).map { |target| open_row(tracer, target.subject, target.stem) }
      end

      def open_row(tracer, subject, stem)
        provider = tracer.provider || (tracer.namespace? ? "CLASS" : providers.of(tracer.class_name))
        whose = tracer.namespace? ? "each class in #{tracer.class_name}" : tracer.class_name
        what = tracer.all_methods? ? "each public method of #{whose}" : "each class in #{tracer.class_name}"
        row(tracer, subject, []).merge(patterns: probe_rows(tracer, provider, stem),
                                       note: "for #{what}, once it is loaded")
      end

      def row(tracer, subject, probes)
        { line: tracer.line, subject: subject, types: tracer.types, cost_ns: tracer.cost_ns, probes: probes }
      end

      def probe_rows(tracer, provider, stem)
        tracer.signatures.map { |moment, arguments| probe_row("#{provider}:#{stem}__#{moment}", arguments) }
      end

      def probe_row(name, arguments)
        { name: name, arguments: arguments.map { |argument, type| { name: argument, type: type } },
          signature: Signature.describe(name, arguments) }
      end

      # Probes that have the same name once mangled, such as those of charge! and charge_bang: one error for the
      # methods, whichever of their probes it is.
      def clashes
        @clashes ||= tracers.flat_map { |tracer| tracer.fetch(:probes).map { |probe| [probe.fetch(:name), tracer] } }
                            .concat(probes.map { |probe| [probe.fetch(:name), nil] })
                            .group_by(&:first).select { |_, same| same.size > 1 }
                            .map { |name, same| clash(name, same.map(&:last)) }.uniq { |error| error.fetch(:subjects) }
                            .map { |error| error.except(:subjects) }
      end

      def clash(name, owners)
        tracers = owners.compact
        subjects = tracers.map { |tracer| "#{tracer.fetch(:subject)} (line #{tracer.fetch(:line)})" }
        subjects << "the probe under probes" if owners.include?(nil)
        { line: tracers.last&.fetch(:line), column: nil, subjects: subjects, hint: nil,
          message: "#{subjects.join(" and ")} would both be #{name}: give one of them another provider" }
      end
    end
  end
end
