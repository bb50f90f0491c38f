# frozen_string_literal: true

module Railprobe
  # The tracers of a configuration in this process: the probes that they declare, and the methods that the
  # engine arms while a tracer is on one of these.
  class Tracers
    # A target with its probes, and what became of it.
    Entry = Struct.new(:target, :tracer, :probes, :waiting, :traced) do
      def state
        return :waiting unless traced
        return :failed if traced.failure
        return :armed if traced.armed?

        probes.compact.any?(&:attached?) ? :attached : :ready
      end
    end

    def initialize
      @entries = {}
      @configuration = nil
    end

    attr_reader :configuration

    # Takes over a configuration: declares what is new, removes what is gone, keeps the rest as it is. The
    # probes exist with the next load.
    def apply(configuration)
      @configuration = configuration
      @tracers = configuration.tracers.filter_map { |row| tracer(row) }
      configuration.probes.each { |label, arguments| Railprobe.probe(label, **arguments.to_h.transform_keys(&:to_sym)) }
      update(wanted)
    end

    # Takes everything back; no file is followed any more.
    def clear
      @entries.each_value { |entry| entry.traced&.drop }
      @entries = {}
      @configuration = @tracers = nil
      Engine.watch_file(nil)
    end

    # Looks again for classes that were not there, and for those that are not the same any more. True when
    # probes were declared that need a load. Runs where no lock can be taken, and loads nothing.
    def refresh
      declared = @tracers&.any?(&:open?) ? update(wanted) : false
      classes = found_classes
      @entries.each_value { |entry| find_method(entry, classes) }
      declared
    end

    # Whether a class that is not there yet may be asked for: a tracer is on one of its probes, or on any
    # probe of ours while an entry of the file may still find further classes.
    def waiting_for_class?
      attached, rest = @entries.each_value.partition { |entry| entry.probes.compact.any?(&:attached?) }
      attached.any? { |entry| !entry.traced } ||
        (@tracers&.any?(&:open?) && (attached.any? || rest.any? { |entry| entry.traced&.armed? }))
    end

    def report
      @entries.map do |subject, entry|
        { method: subject, types: entry.tracer.types, state: entry.state,
          probes: entry.probes.compact.map(&:name),
          reason: entry.traced ? entry.traced.failure : entry.waiting }.compact
      end
    end

    private

    # subject => [target, tracer]; the first entry of a method holds.
    def wanted
      @tracers.each_with_object({}) do |tracer, wanted|
        tracer.targets.each { |target| wanted[target.subject] ||= [target, tracer] }
      end
    end

    def tracer(row)
      Tracer.new(row)
    rescue ExpressionError => error
      message = "#{configuration.path}:#{row.fetch(:line)}: #{row.fetch(:class_name)}: #{error.message}"
      Runtime.instance.fail_or_complain(Configuration::Invalid, message)
      nil
    end

    def update(wanted)
      gone = @entries.reject { |subject, entry| wanted[subject]&.last&.signature == entry.tracer.signature }
      gone.each { |subject, entry| drop(subject, entry) }
      fresh = wanted.reject { |subject, _| @entries.key?(subject) }
      providers = Providers.new(wanted.each_value.filter_map do |target, tracer|
        target.class_name unless tracer.provider
      end)
      classes = found_classes
      fresh.each do |subject, (target, tracer)|
        @entries[subject] = declare(target, tracer, providers)
        find_method(@entries[subject], classes)
      end
      !(gone.empty? && fresh.empty?)
    end

    def drop(subject, entry)
      entry.traced&.drop
      entry.probes.compact.each { |probe| Engine.remove(*Signature.split(probe.name)) }
      @entries.delete(subject)
    end

    def declare(target, tracer, providers)
      provider = tracer.provider || providers.of(target.class_name)
      group = TracedMethod.next_group
      pairs = tracer.pairs
      probes = %i[entry return raise].map do |moment|
        pairs[moment] && Engine.declare(provider, "#{target.stem}__#{moment}", pairs[moment], group)
      end
      Entry.new(target, tracer, probes)
    rescue DeclarationError => error
      Runtime.instance.fail_or_complain(DeclarationError, "#{target.subject}: #{error.message}")
      Entry.new(target, tracer, [], error.message)
    end

    # Class name => the class, each looked up once: for one look at all entries.
    def found_classes = Hash.new { |found, name| found[name] = ClassLookup.find(name) }

    # Makes the traced method once its class and it are there, and anew when the class was reloaded.
    def find_method(entry, classes)
      return if entry.probes.none?

      found = classes[entry.target.class_name]
      holder = found && (entry.target.on_class ? found.singleton_class : found)
      return if entry.traced && entry.traced.target.equal?(holder)

      entry.traced&.drop
      entry.traced = nil
      entry.waiting = reason_to_wait(entry.target, holder)
      entry.traced = trace(entry, holder) unless entry.waiting
    end

    def reason_to_wait(target, holder)
      return "#{target.class_name} is not loaded" unless holder

      name = target.name
      return if ClassLookup.method?(holder, name)

      "#{target.class_name} has no method #{name}"
    end

    def trace(entry, holder)
      tracer = entry.tracer
      captures = %i[entry return raise].map { |moment| tracer.captures_at(moment).values }
      TracedMethod.new(holder, entry.target.name.to_sym, entry.target.subject, tracer.helpers, entry.probes,
                       configuration.frames, captures, tracer.condition)
    end
  end

  # Class names => providers: the last name in lower case, and as many of the enclosing ones as make those
  # differ that would share it.
  class Providers
    def initialize(names)
      @providers = names.uniq.group_by { |name| short(name, 1) }.each_with_object({}) do |(provider, same), all|
        same.size == 1 ? all[same.first] = provider : all.merge!(lengthen(same))
      end
    end

    def of(class_name) = @providers[class_name] ||= short(class_name, 1)

    private

    def short(name, count) = Native.mangle(name.split("::").last(count).join("_").downcase)

    def lengthen(names)
      depth = names.map { |name| name.split("::").size }.max
      count = (2..depth).find { |length| names.map { |name| short(name, length) }.uniq.size == names.size } || depth
      names.to_h { |name| [name, short(name, count)] }
    end
  end
end
