# frozen_string_literal: true

module Railprobe
  module CLI
    # What railprobe check says of one file.
    class FileReport
      attr_reader :file

      # With text, the file is not read: it is what it would hold. loaded: whether the app is there, so that what it has
      # not, classes or methods or helper types, is an error.
      def initialize(file, text = nil, loaded: false)
        @file = file
        text ||= File.binread(file)
        @configuration = Configuration.new(text, file, any_type: !loaded, places: loaded)
        @inspection = Inspection.new(@configuration) if loaded
      rescue SystemCallError => error
        # The system's words, without the name of a function of Ruby's.
        @failure = "can't be read: #{error.message.split(" @ ").first}"
      end

      def ok? = errors.empty?

      # As the engine shows its own, and then what only all tracers together show.
      def errors_text
        ["#{"#{file}: #{@failure}\n" if @failure}#{@configuration&.rendered}#{@inspection&.rendered}",
         *(long_names + clashes).map { |error| "#{file}:#{error.fetch(:line)}: #{error.fetch(:message)}\n" }].join.chomp
      end

      def errors
        return [{ line: nil, column: nil, message: @failure, hint: nil }] if @failure

        @configuration.errors + (@inspection&.problems || []).map(&:to_h) + long_names + clashes
      end

      def tracers
        @tracers ||= all_rows.reject { |row| long?(row) }
      end

      def probes
        return [] unless @configuration

        @configuration.probes.map { |label, arguments| probe_row(label, arguments.to_h) }
      end

      def notes = longer_providers + unknown_types + traced_twice

      def summary
        count = tracers.sum { |tracer| tracer.fetch(:probes).size } + probes.size
        rows = tracers.size
        more = " and those of classes to come" if entries.any? { |tracer| to_come?(tracer) }
        "#{ok? ? "ok" : "not ok"}, #{rows} #{rows == 1 ? "method" : "methods"}, " \
          "#{count} #{count == 1 ? "probe" : "probes"}#{more}"
      end

      def to_h
        { file: file, ok: ok?, errors: errors, notes: notes, tracers: tracers, probes: probes }
      end

      private

      def all_rows
        @all_rows ||= every_row.uniq { |row| row.fetch(:subject) }
      end

      def every_row
        @every_row ||= entries.flat_map { |tracer| to_come?(tracer) ? open_rows(tracer) : method_rows(tracer) }
      end

      # By a namespace or "*" and otherwise: what is wrong in any file was found by the engine.
      def traced_twice
        every_row.group_by { |row| row.fetch(:subject) }.select { |_, rows| rows.size > 1 }.map do |subject, rows|
          "#{subject} is in the tracers on lines #{rows.map { |row| row.fetch(:line) }.join(" and ")}; the first holds"
        end
      end

      # Whether only the app knows the methods that it means, which is not there.
      def to_come?(tracer) = tracer.open? && !@inspection

      # Class names and methods of which no probe can be made.
      def long_names
        all_rows.select { |row| long?(row) }.map do |row|
          { line: row.fetch(:line), column: nil, hint: nil,
            message: "#{row.fetch(:subject)} is too long: a probe has at most #{Signature::NAME_MAX} bytes with its " \
                     "__return, and the name of its class #{Signature::PROVIDER_MAX}; for that there is provider:" }
        end
      end

      def long?(row)
        (row.fetch(:probes) + row.fetch(:patterns, [])).any? do |probe|
          provider, name = Signature.split(probe.fetch(:name))
          provider.bytesize > Signature::PROVIDER_MAX || name.bytesize > Signature::NAME_MAX
        end
      end

      def entries
        @entries ||= (@configuration&.tracers || []).map { |row| Tracer.new(row, @configuration.headers) }
      end

      def providers = @providers ||= Providers.new(named_classes)

      # Those whose provider has the name that the class gives it.
      def named_classes
        entries.reject { |tracer| tracer.provider || (tracer.namespace? && to_come?(tracer)) }
               .flat_map { |tracer| tracer.namespace? ? tracer.each_target.map(&:class_name) : tracer.class_name }.uniq
      end

      # Classes whose providers are longer than one would guess.
      def longer_providers
        longer = named_classes.group_by { |name| Providers.new([name]).of(name) }
        longer.select { |_, names| names.size > 1 }.map do |short, names|
          "#{names.join(" and ")} would share the provider #{short}, so theirs are " \
            "#{names.map { |name| providers.of(name) }.join(" and ")}"
        end
      end

      # Those that the app may have registered, which is not there to ask.
      def unknown_types
        entries.flat_map(&:unknown_types).uniq.map do |name|
          "#{name} is none of our helper types: --require the file that registers it, and its arguments are shown"
        end
      end

      def method_rows(tracer)
        tracer.each_target.map do |target|
          provider = tracer.provider || providers.of(target.class_name)
          row(tracer, target.subject, probe_rows(tracer, provider, stem(target)))
        end
      end

      # Of one that is too long a name that is found to be so.
      def stem(target)
        target.stem
      rescue DeclarationError
        target.name.ljust(Signature::NAME_MAX + 1, "_")
      end

      # What only the app knows has a word in capitals in its place.
      def open_rows(tracer)
        class_name = tracer.namespace? ? "#{tracer.class_name}::*" : tracer.class_name
        return [open_row(tracer, "#{class_name}#*", "METHOD")] if tracer.all_methods?

        tracer.each_target_in(class_name).map { |target| open_row(tracer, target.subject, stem(target)) }
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
