# frozen_string_literal: true

module Railprobe
  module Generators
    # What looks wrong about a method that is to be traced, though it may come later: its class or it is not there.
    class Doubt
      # The block gives the class of a name, or nil.
      def initialize(subject, &find)
        @subject = subject
        @find = find
      end

      # In words; nil where there is none.
      def text
        return if @subject.method == "*" || @subject.class_name.end_with?("*")

        found = @find.call(@subject.class_name)
        found ? doubt_of_method(found) : doubt_of_class
      end

      private

      def doubt_of_class
        "there is no class #{@subject.class_name} so far#{meant { Suggestion.class_name(@subject.class_name) }}"
      end

      def doubt_of_method(found)
        return if ClassLookup.method?(own? ? found.singleton_class : found, name)

        "#{@subject.class_name} has no method #{@subject.method} so far" \
          "#{meant { Suggestion.method_name(found, name, own?) }}"
      end

      def own? = @subject.method.start_with?(".")
      def name = @subject.method.delete_prefix(".")

      # Only the engine knows what is like what.
      def meant
        near = yield unless ENGINE_FAILURE
        "; did you mean #{near}?" if near
      end
    end
  end
end
