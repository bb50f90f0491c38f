# frozen_string_literal: true

module Railprobe
  # One entry of the YAML: the classes that it means, and which methods of each.
  class Tracer
    # A method of a class, and the probes that it has: what TracedMethod is made from.
    Target = Struct.new(:class_name, :name, :on_class) do
      # As in Order#checkout and Order.import. Frozen: as the key of a Hash it needs no copy.
      def subject = "#{class_name}#{on_class ? "." : "#"}#{name}".freeze

      # As the names of its probes begin.
      def stem = on_class ? "self_#{Native.mangle(name)}" : Native.mangle(name)
    end

    # In the order of the C table (helper.h): the probe of each, and the arguments it adds there.
    HELPERS = {
      latency: [:return, {}], entry: [:entry, {}], args: [:entry, { args: :string }],
      result: [:return, { result: :string }], exception: [:raise, { exception: :string, message: :string }],
      stack: [:entry, { stack: :string }], allocations: [:return, { objects: :integer, bytes: :integer }],
      gc: [:return, { gc_ns: :integer }], cpu: [:return, { cpu_ns: :integer }],
      header: [:entry, { trace_id_hi: :integer, trace_id_lo: :integer, span_id: :integer }]
    }.freeze
    NUMBERS = HELPERS.keys.each_with_index.to_h.freeze
    COMMON = { overhead_ns: :integer, subject: :string, ctx: :integer }.freeze
    MOMENTS = {
      entry: COMMON, return: COMMON.merge(duration_ns: :integer, status: :integer), raise: COMMON
    }.freeze

    PAIRS = {} # rubocop:disable Style/MutableConstant -- types => .pairs of those without captures
    private_constant :PAIRS

    attr_reader :line, :class_name, :types, :provider, :condition

    # Raises ExpressionError.
    def initialize(row)
      @row = row
      @line = row.fetch(:line)
      @class_name = row.fetch(:class_name)
      @namespace = row.fetch(:namespace)
      @methods = row.fetch(:methods)
      @except = row.fetch(:except).map(&:first)
      @types = row.fetch(:types)
      @provider = row[:provider]
      @captures = row.fetch(:captures).to_h { |name, text| [name.to_sym, compile(text, name)] }
      @condition = row[:condition] && compile(row[:condition], "if")
      check_condition
    end

    def namespace? = @namespace
    def all_methods? = @methods.nil?

    # The bits that TracedMethod takes.
    def helpers = types.sum { |type| 1 << NUMBERS.fetch(type) }

    # Moment => the arguments of its probe, for the moments that the types ask for. Captures come last; those
    # that read what is there only at the end are not in an entry.
    def signatures
      found = types.sort_by { |type| NUMBERS.fetch(type) }.each_with_object({}) do |type, signatures|
        moment, arguments = HELPERS.fetch(type)
        (signatures[moment] ||= MOMENTS.fetch(moment).dup).merge!(arguments)
      end
      found.each { |moment, arguments| arguments.merge!(captures_at(moment).transform_values(&:type)) }
    end

    # The same as the engine takes them: moment => [name, type] pairs, nil where there is no probe. Tracers of the
    # same types without captures share theirs: a file may have tens of thousands.
    def pairs
      return pairs_of(signatures) unless @captures.empty?

      PAIRS[types] ||= pairs_of(signatures)
    end

    # Name => Expression, of the captures that a probe carries.
    def captures_at(moment)
      moment == :return ? @captures : @captures.reject { |_, expression| expression.reads_return? }
    end

    # What all captures and the condition cost at most, ns for a call.
    def cost_ns = @captures.each_value.sum(&:cost_ns) + (condition&.cost_ns || 0)

    # What two tracers have in common if their methods need not be traced anew.
    def signature = [types, provider, @row.values_at(:captures, :condition)]

    # Every target that can be told now. Methods that are listed need no class; the others wait for theirs.
    def targets
      class_names.flat_map do |name|
        methods_of(name).map { |method, on_class| Target.new(name, method, on_class) }
      end
    end

    # Whether more may come of it when further classes are loaded.
    def open? = namespace? || all_methods?

    private

    def pairs_of(signatures)
      signatures.transform_values { |arguments| arguments.map { |name, type| [name.to_s, type] } }
    end

    def compile(text, name)
      made = Native.expression(text)
      return made if made.is_a?(Expression)

      message, column = made
      raise ExpressionError.new("#{name}: #{text}: column #{column}: #{message}", column)
    end

    def check_condition
      return unless condition
      raise ExpressionError.new("if: #{@row[:condition]} is neither true nor false", 1) unless condition.condition?
      return unless condition.reads_return? && signatures.key?(:entry)

      raise ExpressionError.new("if: #{@row[:condition]} is known only when the call ends, too late for the types " \
                                "entry, args, stack and header: give these an entry of their own", 1)
    end

    def class_names
      return [class_name] unless namespace?

      namespace = ClassLookup.find(class_name)
      namespace ? ClassLookup.classes_in(namespace) : []
    end

    def methods_of(name)
      return @methods unless all_methods?

      found = ClassLookup.find(name)
      return [] unless found

      (ClassLookup.ask(found, :public_instance_methods, false).map(&:to_s) - @except).sort.map do |method|
        [method, false]
      end
    end
  end

  # Finds classes by name without loading any: a constant that would be autoloaded is not there yet.
  module ClassLookup
    # Module's own methods: a class may have others of the same names, and none of those is called here.
    QUESTIONS = %i[autoload? const_defined? const_get constants method_defined? name private_method_defined?
                   public_instance_methods].to_h { |question| [question, Module.instance_method(question)] }.freeze

    module_function

    def ask(found, question, *values) = QUESTIONS.fetch(question).bind_call(found, *values)

    def method?(found, name) = ask(found, :method_defined?, name) || ask(found, :private_method_defined?, name)

    def find(name)
      found = name.split("::").inject(Object) do |scope, part|
        return nil unless loaded?(scope, part)

        ask(scope, :const_get, part, false)
      end
      found if module?(found)
    rescue NameError, TypeError # no such constant, or one that is no module
      nil
    end

    # The names of all classes that are loaded in a namespace, also further down.
    def classes_in(namespace)
      name = ask(namespace, :name)
      ask(namespace, :constants, false).sort.flat_map do |part|
        next [] unless loaded?(namespace, part)

        inner = ask(namespace, :const_get, part, false)
        next [] unless module?(inner) && ask(inner, :name) == "#{name}::#{part}"

        (Class === inner ? ["#{name}::#{part}"] : []) + classes_in(inner) # rubocop:disable Style/CaseEquality
      end
    end

    # Whatever it is: a constant may well be a BasicObject.
    def module?(found) = Module === found # rubocop:disable Style/CaseEquality

    def loaded?(scope, part)
      ask(scope, :const_defined?, part, false) && ask(scope, :autoload?, part, false).nil?
    end
  end
end
