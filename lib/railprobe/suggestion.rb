# frozen_string_literal: true

module Railprobe
  # "did you mean ...?": what this process has that is most like a name which it does not have; nil where nothing is.
  # Loads no class.
  module Suggestion
    TRIES = 5 # names that a reload may have left behind, before giving up

    class << self
      # For the name of a class or module: one of that name in another namespace, or one with a name like it.
      def class_name(name)
        names = class_names
        TRIES.times do
          near = nearest_class(name, names) or return nil
          return near if there?(near)

          names.delete(near)
        end
        nil
      end

      # For a method that a class does not have, as the list of methods takes it: with a dot for one of the class
      # itself. A dot too many or too few is what is most often meant.
      def method_name(found, name, on_class)
        own, other = [[found, ""], [found.singleton_class, "."]].rotate(on_class ? 1 : 0)
        return "#{other.last}#{name}" if ClassLookup.method?(other.first, name)

        near_method(*own, name) || near_method(*other, name)
      end

      private

      # Methods that everything has are left out: a name is like one of them by chance.
      def near_method(holder, dot, name)
        names = ClassLookup.ask(holder, :instance_methods) | ClassLookup.ask(holder, :private_instance_methods, false)
        common = ClassLookup.ask(dot.empty? ? Object : Class, :instance_methods)
        near = Native.suggest(name, (names - common).map(&:to_s))
        "#{dot}#{near}" if near
      end

      # Of all that are loaded, and of those that would be at the top once somebody asks for them.
      def class_names
        loaded = ObjectSpace.each_object(Module).filter_map { |found| ClassLookup.ask(found, :name) }
        (loaded | pending.map(&:to_s)).grep(/\A\p{Lu}/).grep_v(/\ARailprobe\b/)
      end

      def pending = ClassLookup.ask(Object, :constants).select { |name| ClassLookup.ask(Object, :autoload?, name) }

      def nearest_class(name, names)
        same = names.select { |other| last(other) == last(name) }
        return Native.suggest(name, same) || same.min_by { |other| [other.size, other] } if same.any?

        near = Native.suggest(name, names) and return near
        short = Native.suggest(last(name), names.map { |other| last(other) })
        names.find { |other| last(other) == short } if short
      end

      def last(name) = name[/[^:]+\z/]

      def there?(name)
        !ClassLookup.find(name).nil? || (!name.include?(":") && ClassLookup.ask(Object, :const_defined?, name))
      end
    end
  end
end
