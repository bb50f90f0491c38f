# frozen_string_literal: true

module Railprobe
  # The tracers of a configuration in this process: the probes that they declare, and the methods that the
  # engine arms while a tracer is on one of these.
  class Tracers
    # A target with its probes, and what became of it.
    Entry = Struct.new(:target, :tracer, :probes, :waiting, :traced) do
      def attached? = probes.any? { |probe| probe&.attached? }

      def state
        return :waiting unless traced
        return :failed if traced.failure
        return :armed if traced.armed?

        attached? ? :attached : :ready
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
      @pairs = {}
      @tracers = configuration.tracers.map { |row| Tracer.new(row, configuration.headers) }
      configuration.probes.each { |label, arguments| Railprobe.probe(label, **arguments.to_h.transform_keys(&:to_sym)) }
      update(wanted)
    end

    # Takes everything back; no file is followed any more.
    def clear
      # A look at the classes may come between any two of these, and must find nothing to trace anew.
      @configuration = @tracers = nil
      entries = @entries
      @entries = {}
      entries.each_value { |entry| entry.traced&.drop }
      Engine.watch_file(nil)
    end

    # Looks again for classes that were not there, and for those that are not the same any more, as far as
    # tracers ask for them. True when probes were declared that need a load. Runs where no lock can be taken, and
    # loads nothing.
    def refresh
      declared = @tracers&.any?(&:open?) ? update(wanted) : false
      everything = Engine.common_attached?
      find_methods(@entries.each_value.select { |entry| everything || entry.attached? })
      declared
    end

    # Whether to look again at the next poll: a class that a tracer asks for may come, or be replaced by another.
    # With the common pair that is all of them, so only those that are missing count then.
    def waiting_for_class?
      @entries.each_value.any?(&:attached?) ||
        (Engine.common_attached? && (@tracers&.any?(&:open?) || !@entries.each_value.all?(&:traced)))
    end

    # What became of each method, as of now: classes are looked for again.
    def report
      find_methods(@entries.each_value)
      @entries.map do |subject, entry|
        { method: subject, types: entry.tracer.types, state: entry.state,
          probes: entry.probes.compact.map(&:name),
          reason: entry.traced ? entry.traced.failure : entry.waiting }.compact
      end
    end

    private

    def find_methods(entries)
      classes = Hash.new { |found, name| found[name] = ClassLookup.find(name) }
      entries.each { |entry| find_method(entry, classes[entry.target.class_name]) }
    end

    # subject => [target, tracer]; the first entry of a method holds.
    def wanted
      @tracers.each_with_object({}) do |tracer, wanted|
        tracer.targets.each { |target| wanted[target.subject] ||= [target, tracer] }
      end
    end

    def update(wanted)
      gone = @entries.reject { |subject, entry| wanted[subject]&.last&.signature == entry.tracer.signature }
      gone.each { |subject, entry| drop(subject, entry) }
      fresh = wanted.reject { |subject, _| @entries.key?(subject) }
      providers = Providers.new(wanted.each_value.filter_map do |target, tracer|
        target.class_name unless tracer.provider
      end)
      fresh.each { |subject, (target, tracer)| @entries[subject] = declare(target, tracer, providers) }
      find_methods(@entries.values_at(*fresh.keys))
      !(gone.empty? && fresh.empty?)
    end

    def drop(subject, entry)
      @entries.delete(subject) # first: a look at the classes may come in between, and would trace it anew
      entry.traced&.drop
      entry.probes.compact.each { |probe| Engine.remove(*Signature.split(probe.name)) }
    end

    def declare(target, tracer, providers)
      provider = tracer.provider || providers.of(target.class_name)
      Entry.new(target, tracer, declare_probes(target, pairs_of(tracer), provider))
    rescue DeclarationError => error
      Runtime.instance.fail_or_complain(DeclarationError, "#{target.subject}: #{error.message}")
      Entry.new(target, tracer, [], error.message)
    end

    # For entry, return and raise. Raises DeclarationError, and then has declared none of them.
    def declare_probes(target, pairs, provider)
      stem = target.stem
      taken = pairs.each_key.find { |moment| Engine.find(provider, "#{stem}__#{moment}") }
      if taken
        raise DeclarationError, "there is a probe #{provider}:#{stem}__#{taken} already; give one another provider"
      end

      group = TracedMethod.next_group
      %i[entry return raise].map do |moment|
        pairs[moment] && Engine.declare(provider, "#{stem}__#{moment}", pairs[moment], group)
      end
    end

    # Tracers of the same types without captures share theirs: a file may have tens of thousands.
    def pairs_of(tracer)
      tracer.plain? ? @pairs[tracer.types] ||= tracer.pairs : tracer.pairs
    end

    # Makes the traced method once its class and it are there, and anew when the class was reloaded.
    def find_method(entry, found)
      return if entry.probes.none?

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
                       configuration.frames, captures, tracer.condition, tracer.header_keys)
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
