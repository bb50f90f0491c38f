# frozen_string_literal: true

module Railprobe
  # What a file asks for that the app does not have: classes, namespaces and methods, each with its place and what may
  # have been meant. For an app that is loaded; what is autoloaded is loaded here.
  #
  #   Railprobe::Inspection.new(Railprobe::Configuration.read("config/tracers.yml", places: true)).problems
  class Inspection
    # Place is [line, column, width].
    Problem = Struct.new(:place, :message, :hint) do
      def to_h = { line: place[0], column: place[1], message: message, hint: hint }
    end

    # The classes that an entry means, and how a message begins that speaks of them: "Order has no".
    Subject = Struct.new(:classes, :lacks, :whose) do
      def holders(on_class) = on_class ? classes.map(&:singleton_class) : classes
      def method?(name, on_class) = holders(on_class).any? { |holder| ClassLookup.method?(holder, name) }

      # Public ones that the classes define themselves.
      def methods(on_class)
        holders(on_class).flat_map { |holder| ClassLookup.ask(holder, :public_instance_methods, false) }
                         .map(&:to_s).uniq.sort
      end
    end

    SHOWN = 8 # methods that a hint names

    # A configuration that was read with its places.
    def initialize(configuration)
      @configuration = configuration
    end

    # In the order of the file.
    def problems
      @problems ||= @configuration.tracers.flat_map { |row| problems_of(row) }.sort_by(&:place)
    end

    # As errors in the file itself are shown; "" when there is no problem.
    def rendered
      return "" if problems.empty?

      Native.render(@configuration.text, @configuration.path, problems.map(&:to_a))
    end

    private

    # A class that can't be had is the only problem of its entry.
    def problems_of(row)
      reason = catch(:missing) do
        subject = row[:namespace] ? namespace(row.fetch(:class_name)) : single(row.fetch(:class_name))
        return row.fetch(:methods) ? unknown_methods(row, subject) : all_methods(row, subject)
      end
      [Problem.new(row.fetch(:class_place), *reason)]
    end

    def single(name) = Subject.new([resolve(name)], "#{name} has no", name)

    def namespace(name)
      found = resolve(name)
      load_all(found)
      classes = ClassLookup.classes_in(found).map { |inner| ClassLookup.find(inner) }
      throw :missing, "there is no class in #{name}" if classes.empty?

      Subject.new(classes, "no class in #{name} has a", "the classes in #{name}")
    end

    # In a namespace it is enough that one class has a method.
    def unknown_methods(row, subject)
      row.fetch(:methods).filter_map do |name, on_class, place|
        next if subject.method?(name, on_class)

        Problem.new(place, "#{subject.lacks} #{"class " if on_class}method #{name.inspect}",
                    method_hint(subject, name, on_class))
      end
    end

    def all_methods(row, subject)
      defined = subject.methods(false)
      excepted = row.fetch(:except).map(&:first)
      problems = unknown_exceptions(row, subject, defined)
      return problems unless (defined - excepted).empty?

      why = defined.empty? ? "#{subject.lacks} public method of its own" : "all those of #{subject.whose} are left out"
      problems << Problem.new(row.fetch(:methods_place), "\"*\" means no method here: #{why}")
    end

    def unknown_exceptions(row, subject, defined)
      row.fetch(:except).reject { |name, *| defined.include?(name) }.map do |name, _, place|
        near = Native.suggest(name, defined)
        Problem.new(place, "#{subject.lacks} public method #{name.inspect} of its own to leave out",
                    near && "did you mean #{near.inspect}?")
      end
    end

    def method_hint(subject, name, on_class)
      near = subject.classes.lazy.filter_map { |found| Suggestion.method_name(found, name, on_class) }.first
      return did_you_mean(near, on_class) if near

      names = subject.methods(on_class).map { |method| "#{"." if on_class}#{method}" }
      "there are: #{names.first(SHOWN).join(", ")}#{", ..." if names.size > SHOWN}" if names.any?
    end

    def did_you_mean(near, on_class)
      dot = on_class ? "a method of instances has no dot" : "a class method has a dot in front"
      "did you mean #{near.inspect}?#{" #{dot}" if near.start_with?(".") != on_class}"
    end

    def resolve(name)
      name.split("::").inject(Object) do |scope, part|
        missing(name, "there is no class #{name}") unless ClassLookup.ask(scope, :const_defined?, part, false)
        inner = ClassLookup.ask(scope, :const_get, part, false)
        ClassLookup.module?(inner) ? inner : missing(name, "#{name} is no class or module")
      end
    rescue StandardError, ScriptError => error
      unloadable(name, error)
    end

    def missing(name, message)
      near = Suggestion.class_name(name)
      throw :missing, [message, near && "did you mean #{near}?"]
    end

    def unloadable(name, error)
      throw :missing, ["#{name} can't be loaded: #{error.class}: #{error.message.lines.first&.chomp}", nil]
    end

    # Also further down.
    def load_all(namespace)
      name = ClassLookup.ask(namespace, :name)
      ClassLookup.ask(namespace, :constants, false).each do |part|
        inner = ClassLookup.ask(namespace, :const_get, part, false)
        load_all(inner) if ClassLookup.module?(inner) && ClassLookup.ask(inner, :name) == "#{name}::#{part}"
      rescue StandardError, ScriptError => error
        unloadable("#{name}::#{part}", error)
      end
    end
  end
end
