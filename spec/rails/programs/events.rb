# frozen_string_literal: true

# Rails.event (8.1 on), while nobody is attached, while everybody is but those who want events, and while they are: what
# becomes an event, and what it costs. Gives what happened.
require "rack/mock"
require File.expand_path("attach", ENV.fetch("PROGRAMS"))

class Events
  # Notes what gets as far as becoming an event.
  module Made
    def notify(name, ...) = (Events.made << name) && super
  end

  # Somebody else's subscriber.
  class Other
    attr_reader :heard

    def initialize = @heard = []
    def emit(event) = @heard << event[:name]
  end

  class << self
    def made = @made ||= []
  end

  def run
    others = Railprobe::Native.builtin_probes.map { |row| row[:name] } - ["rails:event"]
    before = allocations
    Rails.event.singleton_class.prepend(Made)
    { alone: told(others), beside: beside { told(others) }, costs: [before, costs] }
  end

  private

  def told(others)
    { unattached: state, others: Attach.to(*others) { state }, event: Attach.to("rails:event") { state },
      afterwards: state, debug: Rails.event.with_debug { state } }
  end

  # What a request makes in which the app notifies of one event, and of another one for those who debug.
  def state
    asked = false
    Events.made.clear
    @other&.heard&.clear
    Rails.event.debug("order.looked_at") { (asked = true) && {} }
    status = Rack::MockRequest.new(Rails.application).post("/notices/event").status
    Rack::MockRequest.new(Rails.application).get("/orders/1")
    { status: status, asked: asked, made: Events.made.tally, heard: @other&.heard.to_a.tally,
      silenced: structured.count { |subscriber| subscriber.silenced?("none.of_them") } == structured.size,
      subscribers: Rails.event.subscribers.map { |entry| entry[:subscriber].class.name } }
  end

  # Those which make events of what ActiveSupport::Notifications tells.
  def structured
    ActiveSupport::Subscriber.subscribers.grep(ActiveSupport::StructuredEventSubscriber)
  end

  def beside
    @other = Other.new
    Rails.event.subscribe(@other)
    yield
  ensure
    Rails.event.unsubscribe(@other)
    @other = nil
  end

  # Without the module that notes them.
  def costs
    Made.remove_method(:notify)
    allocations
  end

  def allocations
    made = Array.new(5) do
      before = GC.stat(:total_allocated_objects)
      100.times { Rails.event.notify("order.seen", id: 1) }
      GC.stat(:total_allocated_objects) - before
    end
    made.min
  end
end

Events.new.run
