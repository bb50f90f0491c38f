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
      result: [:return, { result: :string }], exception: [:raise, {}],
      stack: [:entry, { stack: :string }], allocations: [:return, { objects: :integer, bytes: :integer }],
      gc: [:return, { gc_ns: :integer }], cpu: [:return, { cpu_ns: :integer }],
      header: [:entry, { trace_id_hi: :unsigned, trace_id_lo: :unsigned, span_id: :unsigned }]
    }.freeze
    NUMBERS = HELPERS.keys.each_with_index.to_h.freeze
    OURS = HELPERS.keys.freeze
    NONE = [].freeze
    NO_CAPTURES = {}.freeze
    COMMON = { overhead_ns: :integer, subject: :string, ctx: :integer }.freeze
    MOMENTS = {
      entry: COMMON, return: COMMON.merge(duration_ns: :integer, status: :integer),
      raise: COMMON.merge(exception: :string, message: :string)
    }.freeze

    attr_reader :types, :condition, :unknown_types

    # A row of what the engine has read, which leaves out those that are wrong; headers as the file has them.
    def initialize(row, headers = NONE)
      @row = row
      @types = row.fetch(:types)
      take_own_types
      @headers = headers
      @captures = captures_of(row.fetch(:captures))
      @condition = row[:condition] && Native.expression(row[:condition])
    end

    def line = @row.fetch(:line)
    def class_name = @row.fetch(:class_name)
    def provider = @row[:provider]
    def namespace? = @row.fetch(:namespace)
    def all_methods? = @row.fetch(:methods).nil?

    # The bits that TracedMethod takes.
    def helpers = (types & OURS).sum { |type| 1 << NUMBERS.fetch(type) }

    # The helper types of the app's own that a probe carries, as TracedMethod takes them; nil for none in any.
    def own_types
      MOMENTS.keys.map { |moment| @own_types.select { |type| type.on == moment }.map(&:engine) } if @own_types.any?
    end

    # Moment => the arguments of its probe, for the moments that the types ask for: those of the app's own types
    # come behind all of ours, in the order of the file, and captures last; captures that read what is there only at
    # the end are not in an entry.
    def signatures
      found = (types & OURS).sort_by { |type| NUMBERS.fetch(type) }.each_with_object({}) do |type, signatures|
        moment, arguments = HELPERS.fetch(type)
        (signatures[moment] ||= MOMENTS.fetch(moment).dup).merge!(arguments)
        signatures[moment].merge!(header_arguments) if type == :header
      end
      @own_types.each { |type| (found[type.on] ||= MOMENTS.fetch(type.on).dup).merge!(type.arguments) }
      found.each { |moment, arguments| arguments.merge!(captures_at(moment).transform_values(&:type)) }
    end

    # What a Rack env calls the headers that the type header carries.
    def header_keys = header_names.map { |name| "HTTP_#{name.upcase.tr("-", "_")}".freeze }

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
    def each_target(&)
      return enum_for(:each_target) unless block_given?

      return each_target_in(class_name, methods_of(class_name), &) unless namespace?

      class_names.each { |name| each_target_in(name, methods_of(name), &) }
    end

    # The targets of the methods that are listed, in a class of any name.
    def each_target_in(class_name, methods = @row.fetch(:methods))
      return enum_for(:each_target_in, class_name, methods) unless block_given?

      methods.each { |method, on_class| yield Target.new(class_name, method, on_class) }
    end

    # Whether more may come of it when further classes are loaded.
    def open? = namespace? || all_methods?

    # Whether more may come of it with the class of that name.
    def open_to?(name) = namespace? ? name.start_with?("#{class_name}::") : all_methods? && name == class_name

    private

    # Of a file with 50,000 tracers nearly all have none.
    def captures_of(rows)
      rows.empty? ? NO_CAPTURES : rows.to_h { |name, text| [name.to_sym, Native.expression(text)] }
    end

    # Those that nobody has registered are unknown: where the app is not there, and so can't be asked.
    def take_own_types
      @own_types = @unknown_types = NONE
      return if types.all? { |type| NUMBERS.key?(type) }

      own = types - OURS
      known = Runtime.instance.helper_types
      @own_types = own.filter_map { |name| known[name] }
      @unknown_types = own.reject { |name| known[name] }
    end

    # traceparent is not among them: its ids are arguments of their own.
    def header_names = @headers.grep_v(/\Atraceparent\z/i)

    def header_arguments = header_names.to_h { |name| [name.downcase.tr("-", "_").to_sym, :string] }

    # Of a namespace.
    def class_names
      namespace = ClassLookup.find(class_name)
      namespace ? ClassLookup.classes_in(namespace) : []
    end

    def methods_of(name)
      return @row.fetch(:methods) unless all_methods?

      found = ClassLookup.find(name)
      return [] unless found

      defined = ClassLookup.ask(found, :public_instance_methods, false).map(&:to_s)
      (defined - @row.fetch(:except).map(&:first)).sort.map { |method| [method, false] }
    end
  end

  # Finds classes by name without loading any: a constant that would be autoloaded is not there yet.
  module ClassLookup
    # Module's own methods: a class may have others of the same names, and none of those is called here.
    QUESTIONS = %i[autoload? const_defined? const_get constants instance_methods method_defined? name
                   private_instance_methods private_method_defined? public_instance_methods]
                .to_h { |question| [question, Module.instance_method(question)] }.freeze

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
