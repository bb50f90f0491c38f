# frozen_string_literal: true

module Railprobe
  # The tracers of a configuration in this process: the probes that they declare, and the methods that the
  # engine arms while a tracer is on one of these.
  class Tracers
    # A target with its probes, and what became of it. waiting: for what, :class or :method, or why nothing can be
    # declared; missing: since when its class is there, and it isn't; hint: what may have been meant, once somebody has
    # been told.
    Entry = Struct.new(:target, :tracer, :probes, :waiting, :traced, :missing, :hint) do
      def attached? = probes.any? { |probe| probe&.attached? }

      def state
        return :waiting unless traced
        return :failed if traced.failure
        return :armed if traced.armed?
        return :tripped if traced.tripped?

        attached? ? :attached : :ready
      end

      def reason
        return traced.failure if traced

        missing && hint.to_s != "" ? "#{obstacle}; #{hint}" : obstacle
      end

      # In words only for who asks: a file may have 50,000 methods whose classes are not loaded yet.
      def obstacle
        case waiting
        when :class then "#{target.class_name} is not loaded"
        when :method then "#{target.class_name} has no #{"class " if target.on_class}method #{target.name}"
        else waiting
        end
      end

      # A name that is in the file. Of those in a namespace every class has some.
      def untold? = missing && hint.nil? && !tracer.open?
    end

    MOMENTS = Tracer::MOMENTS.keys.freeze
    NO_PROBES = [].freeze
    PATIENCE = 1.0 # seconds that a class which was found between two instructions has to define a method
    TOLD_MAX = 50 # methods that are told of one by one

    def initialize
      @entries = {}
      @by_class = nil
      @configuration = nil
    end

    attr_reader :configuration

    # Takes over a configuration: declares what is new, removes what is gone, keeps the rest as it is. The
    # probes exist with the next load.
    def apply(configuration)
      @configuration = configuration
      Engine.limits = configuration.limits
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
      @by_class = nil
      entries.each_value { |entry| entry.traced&.drop }
      Engine.limits = nil
      Engine.watch_file(nil)
    end

    # Looks again for classes that were not there, and for those that are not the same any more, as far as
    # tracers ask for them. True when probes were declared that need a load. Runs where no lock can be taken, and
    # loads nothing.
    def refresh
      return Engine.look_again if @updating # once that is done, which this has interrupted

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

    # A class of that name is there, or another one than before. Traces it if a tracer is attached to it, and is true
    # then. What has no probes yet gets them with the next poll, together with the classes that come until then.
    def class_loaded(name)
      found = ClassLookup.find(name)
      entries = entries_of(name)
      entries.each { |entry| wait(entry, found) unless entry.traced }
      complain_of_missing(entries)
      entries = entries.select(&:attached?) unless Engine.common_attached?
      find_methods(entries)
      Engine.look_again if @tracers&.any? { |tracer| tracer.open_to?(name) }
      entries.any?
    end

    # Says of each method once that its class does not have it. Takes locks, and is for classes that are defined: not
    # for between two instructions.
    def complain_of_missing(entries = @entries.values)
      untold = entries.select(&:untold?)
      untold.first(TOLD_MAX).each { |entry| complain_of(entry) }
      rest = untold.drop(TOLD_MAX).each { |entry| entry.hint = "" }
      return if rest.empty?

      complain("#{rest.size} more methods that #{configuration.path} names are not there: railprobe check --require " \
               "tells of all")
    end

    # Whether there is a method to complain of that a look at the classes has missed for a while.
    def long_missing?
      now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      @entries.each_value.any? { |entry| entry.untold? && now - entry.missing > PATIENCE }
    end

    # What became of each method, as of now: classes are looked for again. tell: whether to complain as well.
    def report(tell: false)
      find_methods(@entries.each_value)
      complain_of_missing if tell
      @entries.map do |subject, entry|
        { method: subject, types: entry.tracer.types, state: entry.state,
          probes: entry.probes.compact.map(&:name),
          reason: entry.reason }.compact
      end
    end

    private

    # Looked up for each class that is loaded, of which there may be as many as there are tracers. A copy is grouped:
    # another thread may be changing them.
    def entries_of(class_name)
      @by_class ||= @entries.values.group_by { |entry| entry.target.class_name }
      @by_class.fetch(class_name, [])
    end

    def find_methods(entries)
      classes = Hash.new { |found, name| found[name] = ClassLookup.find(name) }
      entries.each { |entry| find_method(entry, classes[entry.target.class_name]) }
    end

    # subject => entry, of which nothing is declared yet; the first tracer of a method holds.
    def wanted
      @tracers.each_with_object({}) do |tracer, wanted|
        tracer.each_target { |target| wanted[target.subject] ||= Entry.new(target, tracer, NO_PROBES) }
      end
    end

    # The table is replaced, never changed: a job that comes here may have interrupted whoever goes through it. What is
    # gone leaves the table first: a look at the classes may come in between, and would trace it anew.
    def update(wanted)
      @updating = true
      gone = @entries.reject { |subject, entry| wanted[subject]&.tracer&.signature == entry.tracer.signature }
      @entries = @entries.except(*gone.keys) if gone.any?
      gone.each_value { |entry| drop(entry) }
      fresh = wanted.reject { |subject, _| @entries.key?(subject) }
      providers = Providers.new(wanted.each_value.filter_map do |entry|
        entry.target.class_name unless entry.tracer.provider
      end)
      fresh.each_value { |entry| declare(entry, providers) }
      @entries = @entries.merge(fresh)
      @by_class = nil
      find_methods(fresh.values)
      !(gone.empty? && fresh.empty?)
    ensure
      @updating = false
    end

    def drop(entry)
      entry.traced&.drop
      entry.probes.compact.each { |probe| Engine.remove(*Signature.split(probe.name)) }
    end

    # Its probes, for entry, return and raise: all of those that its types ask for, or none.
    def declare(entry, providers)
      target = entry.target
      provider = entry.tracer.provider || providers.of(target.class_name)
      entry.probes = Engine.declare_method(provider, target.name, target.on_class, pairs_of(entry.tracer),
                                           TracedMethod.next_group)
    rescue DeclarationError => error
      entry.waiting = error.message
      Runtime.instance.fail_or_complain(DeclarationError, "#{target.subject}: #{error.message}")
    end

    # By moment. Tracers of the same types without captures share theirs: a file may have tens of thousands.
    def pairs_of(tracer)
      return tracer.pairs.values_at(*MOMENTS) unless tracer.plain?

      @pairs[tracer.types] ||= tracer.pairs.values_at(*MOMENTS)
    end

    # Makes the traced method once its class and it are there, and anew when the class was reloaded.
    def find_method(entry, found)
      return if entry.probes.none?

      holder = holder_of(entry, found)
      return if entry.traced && entry.traced.target.equal?(holder)

      entry.traced&.drop
      entry.traced = nil
      wait(entry, found)
      entry.traced = trace(entry, holder) unless entry.waiting
    end

    def holder_of(entry, found) = found && (entry.target.on_class ? found.singleton_class : found)

    # For a class, or for the method.
    def wait(entry, found)
      return if entry.probes.none?

      entry.waiting = what_to_wait_for(entry.target, holder_of(entry, found))
      entry.missing = (entry.missing || Process.clock_gettime(Process::CLOCK_MONOTONIC) if entry.waiting && found)
    end

    def complain_of(entry)
      target = entry.target
      found = ClassLookup.find(target.class_name) or return
      near = Suggestion.method_name(found, target.name, target.on_class)
      entry.hint = near ? "did you mean #{near.inspect}?" : ""
      complain("#{configuration.path}:#{entry.tracer.line}: #{entry.obstacle}; " \
               "#{"#{entry.hint} Else " if near}it is traced once it is there")
    end

    def complain(message) = Runtime.instance.fail_or_complain(DeclarationError, message)

    def what_to_wait_for(target, holder)
      return :class unless holder

      :method unless ClassLookup.method?(holder, target.name)
    end

    def trace(entry, holder)
      tracer = entry.tracer
      captures = MOMENTS.map { |moment| tracer.captures_at(moment).values }
      TracedMethod.new(holder, entry.target.name.to_sym, entry.target.subject, tracer.helpers, entry.probes,
                       configuration.limits[:frames], captures, tracer.condition, tracer.header_keys, tracer.own_types)
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

    # Of a name that is too long comes one that no engine takes: whoever declares a probe of it is told so.
    def short(name, count)
      Native.mangle(name.split("::").last(count).join("_").downcase)
    rescue DeclarationError
      name.ljust(Signature::NAME_MAX + 1, "_")
    end

    def lengthen(names)
      depth = names.map { |name| name.split("::").size }.max
      count = (2..depth).find { |length| names.map { |name| short(name, length) }.uniq.size == names.size } || depth
      names.to_h { |name| [name, short(name, count)] }
    end
  end
end
