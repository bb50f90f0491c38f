# frozen_string_literal: true

module Railprobe
  # What is armed in Rails while somebody wants its probes, and only then: subscriptions, and wrapped methods where
  # there is no event.
  class Hooks
    # Events of ActiveSupport::Notifications. Its locks are taken, so not in a postponed job.
    class Subscription
      attr_reader :name

      def initialize(listener)
        @listener = listener
        @name = listener.name
      end

      def wanted? = @listener.wanted?
      def armed? = !@subscriber.nil?

      def arm
        @subscriber = ActiveSupport::Notifications.subscribe(@name, @listener)
        @listener.subscribed(true)
      end

      # Told before and after: what comes in between is not to count, and not to be kept.
      def disarm
        @listener.subscribed(false)
        ActiveSupport::Notifications.unsubscribe(@subscriber)
        @subscriber = nil
        @listener.subscribed(false)
      end
    end

    # A method where Rails, or Ruby, has no event. One whose class is not loaded is waited for.
    class Wrapped
      def initialize(hook)
        @hook = hook
        @armed = false
      end

      def name = @hook.name
      def wanted? = @hook.wanted?
      def armed? = @armed

      def arm
        target = ClassLookup.find(@hook.class_name) or return
        @hook.arm(target)
        @armed = true
      end

      def disarm
        @hook.disarm
        @armed = false
      end
    end

    # Rails.error (7.0 on). Up to 7.0 there is no way to unsubscribe; the reporter then stays, and does nothing.
    class Errors
      def initialize(reporter)
        @reporter = reporter
        @armed = @subscribed = false
      end

      def name = "Rails.error"
      def wanted? = @reporter.error_wanted? && ::Rails.respond_to?(:error)
      def armed? = @armed

      def arm
        ::Rails.error.subscribe(@reporter) unless @subscribed
        @armed = @subscribed = true
      end

      def disarm
        @armed = false
        return unless ::Rails.error.respond_to?(:unsubscribe)

        ::Rails.error.unsubscribe(@reporter)
        @subscribed = false
      end
    end

    # Rails.event (8.1 on). While anybody is subscribed Rails makes events of its own for it, so nobody is
    # without need.
    class Events
      def initialize(reporter)
        @reporter = reporter
        @armed = false
      end

      def name = "Rails.event"
      def wanted? = @reporter.event_wanted? && ::Rails.respond_to?(:event)
      def armed? = @armed

      def arm
        ::Rails.event.subscribe(@reporter)
        @armed = true
      end

      def disarm
        ::Rails.event.unsubscribe(@reporter)
        @armed = false
      end
    end

    # Wrapped methods first, which belong to events that are then told of.
    def initialize
      @hooks = Native.hooks.map { |hook| Wrapped.new(hook) } +
               Native.listeners.map { |listener| Subscription.new(listener) } +
               [Errors.new(Native.reporter), Events.new(Native.reporter)]
      @failed = {}
    end

    # Whether there is anything to settle. Takes no lock.
    def changed? = @hooks.any? { |hook| hook.wanted? != hook.armed? && !@failed[hook] }

    # Arms what is wanted, and disarms what is so no more.
    def settle
      @failed.delete_if { |hook, _| !hook.wanted? }
      @hooks.each { |hook| change(hook, :arm) if hook.wanted? && !hook.armed? }
      @hooks.reverse_each { |hook| change(hook, :disarm) if hook.armed? && !hook.wanted? }
    end

    # The names of what is armed.
    def armed = @hooks.select(&:armed?).map(&:name)

    private

    # What can't be changed is not tried again until it is wanted anew.
    def change(hook, how)
      hook.public_send(how) unless @failed[hook]
    rescue StandardError, ScriptError => error
      @failed[hook] = true
      Runtime.instance.fail_or_complain(error.class, "#{hook.name} could not be #{how}ed: #{error.message}")
    end
  end
end
