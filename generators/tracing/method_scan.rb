# frozen_string_literal: true

require "ripper"

module Railprobe
  module Generators
    # Which public methods a source defines for which class, found by reading it: nothing is loaded or run. What is
    # not written as a method (attr_reader, delegate, define_method) is not seen.
    #
    #   MethodScan.new("class Order; def pay; end; end").types  # => [Type "Order", methods ["pay"]]
    class MethodScan
      # A class or module. methods in the order of the source; those of the class itself with a dot in front.
      Type = Struct.new(:name, :class, :methods, keyword_init: true) do
        def class? = self[:class]
      end

      # The places where a body's methods go, and whether those that come next are public.
      Scope = Struct.new(:type, :prefix, :visible)

      # Ruby calls these by itself, and makes them private.
      NEVER_PUBLIC = %w[initialize initialize_copy initialize_clone initialize_dup respond_to_missing?].freeze
      HIDING = %w[private protected].freeze

      def initialize(source)
        @types = {}
        program = Ripper.sexp(source)
        read_body(program[1], "", nil) if program
      end

      # Without those that have no method; a source that is no Ruby has none.
      def types = @types.values.reject { |type| type.methods.empty? }

      private

      def read_body(statements, namespace, scope)
        statements.each { |statement| read_statement(statement, namespace, scope) }
      end

      def read_statement(statement, namespace, scope)
        case statement
        in [:class | :module => kind, constant, *, [:bodystmt, statements, *]]
          open_type(kind, absolute_name(constant, namespace), statements)
        in [:sclass, [:var_ref, [:@kw, "self", _]], [:bodystmt, statements, *]] if scope
          read_body(statements, namespace, Scope.new(scope.type, ".", true))
        in [:def, [_, name, _], *] if scope
          add(scope, name) if scope.visible
        in [:defs, [:var_ref, [:@kw, "self", _]], _, [_, name, _], *] if scope
          add(Scope.new(scope.type, "."), name)
        in [:vcall, [:@ident, word, _]] if scope
          set_visibility(scope, word)
        in [:command | :method_add_arg, [:@ident, *] | [:fcall, [:@ident, *]] => callee, arguments] if scope
          read_call(callee.flatten.grep(String).first, arguments, namespace, scope)
        else nil
        end
      end

      def open_type(kind, name, statements)
        return unless name

        type = @types[name] ||= Type.new(name: name, class: kind == :class, methods: [])
        read_body(statements, name, Scope.new(type, "", true))
      end

      # For what comes behind it.
      def set_visibility(scope, word)
        case word
        when "public" then scope.visible = true
        when *HIDING then scope.visible = false
        when "module_function" then scope.prefix = "."
        end
      end

      # For what is named: public def pay, private :pay, :refund, private_class_method :import. What is defined
      # behind a word that hides it is not even looked at.
      def read_call(word, arguments, namespace, scope)
        case word
        when "public" then read_definitions(arguments, namespace, Scope.new(scope.type, scope.prefix, true))
        when *HIDING then names(arguments).each { |name| scope.type.methods.delete("#{scope.prefix}#{name}") }
        when "private_class_method" then names(arguments).each { |name| scope.type.methods.delete(".#{name}") }
        when "module_function"
          read_definitions(arguments, namespace, Scope.new(scope.type, ".", true))
          names(arguments).each { |name| move_to_module(scope.type.methods, name) }
        end
      end

      def move_to_module(methods, name)
        index = methods.index(name)
        methods[index] = ".#{name}" if index
      end

      def read_definitions(arguments, namespace, scope)
        definitions(arguments).each { |definition| read_statement(definition, namespace, scope) }
      end

      def add(scope, name)
        scope.type.methods << "#{scope.prefix}#{name}" unless NEVER_PUBLIC.include?(name)
        scope.type.methods.uniq!
      end

      # The names that stand anywhere in arguments: as a symbol, a text or in %i[], but not behind a def.
      def names(node)
        case node.first
        when :def, :defs then []
        when :symbol then [node[1][1]]
        when :@tstring_content then [node[1]]
        else node.grep(Array).flat_map { |part| names(part) }
        end
      end

      def definitions(node)
        return [node] if %i[def defs].include?(node.first)

        node.grep(Array).flat_map { |part| definitions(part) }
      end

      def absolute_name(constant, namespace)
        constant.first == :top_const_ref ? constant_name(constant) : join(namespace, constant_name(constant))
      end

      # As in A, A::B and ::A; nil for what no name can be made of (self::A).
      def constant_name(node)
        case node
        in [:const_ref | :var_ref | :top_const_ref, [:@const, name, _]] then name
        in [:const_path_ref, outer, [:@const, name, _]] then join(constant_name(outer), name)
        else nil
        end
      end

      def join(outer, inner)
        return inner if outer == ""

        "#{outer}::#{inner}" if outer && inner
      end
    end
  end
end
