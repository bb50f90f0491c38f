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

    attr_reader :line, :class_name, :types, :provider, :condition

    # A row of what the engine has read, which leaves out those that are wrong; headers as the file has them.
    def initialize(row, headers = [])
      @row = row
      @line = row.fetch(:line)
      @class_name = row.fetch(:class_name)
      @namespace = row.fetch(:namespace)
      @methods = row.fetch(:methods)
      @except = row.fetch(:except).map(&:first)
      @types = row.fetch(:types)
      @provider = row[:provider]
      @headers = headers.grep_v(/\Atraceparent\z/i) # its ids are arguments of their own
      @captures = row.fetch(:captures).to_h { |name, text| [name.to_sym, Native.expression(text)] }
      @condition = row[:condition] && Native.expression(row[:condition])
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
        signatures[moment].merge!(header_arguments) if type == :header
      end
      found.each { |moment, arguments| arguments.merge!(captures_at(moment).transform_values(&:type)) }
    end

    # What a Rack env calls the headers that the type header carries.
    def header_keys = @headers.map { |name| "HTTP_#{name.upcase.tr("-", "_")}".freeze }

    # The same as the engine takes them: moment => [name, type] pairs; no key where there is no probe.
    def pairs
      signatures.transform_values { |arguments| arguments.map { |name, type| [name.to_s, type] } }
    end

    # Whether its probes carry what its types say, and no more.
    def plain? = @captures.empty?

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

    # The targets of the methods that are listed, in a class of any name.
    def targets_in(class_name)
      @methods.map { |method, on_class| Target.new(class_name, method, on_class) }
    end

    # Whether more may come of it when further classes are loaded.
    def open? = namespace? || all_methods?

    private

    def header_arguments = @headers.to_h { |name| [name.downcase.tr("-", "_").to_sym, :string] }

    def class_names
      return [class_name] unless namespace?

      namespace = ClassLookup.find(class_name)
      namespace ? ClassLookup.classes_in(namespace) : []
    end

    def methods_of(name)
      return @methods unless all_methods?

      found = ClassLookup.find(name)
      return [] unless found

      defined = ClassLookup.ask(found, :public_instance_methods, false).map(&:to_s)
      (defined - @except).sort.map { |method| [method, false] }
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
