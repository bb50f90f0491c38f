# frozen_string_literal: true

# What is armed in a Rails app, and when; what a listener does with anything that it may be told. Gives what happened.
require "English"
require "rack/mock"
require File.expand_path("attach", ENV.fetch("PROGRAMS"))

class Hooks
  # Neither has what a payload's object should have, and this one not even what any object has.
  class Nothing < BasicObject; end
  # What an app may put in a request.
  Evil = Struct.new(:filtered_path_is) { def filtered_path = filtered_path_is.call }
  PAYLOAD = %i[request controller action params method path format status db_runtime view_runtime queries_count
               cached_queries_count exception sql name row_count cached async lock_wait connection class_name
               record_count outcome identifier count cache_hits key hit store hits job wait mailer to cc bcc
               message_id channel_class broadcasting coder service message gem_name callstack payload].freeze
  POOL = ActiveRecord::ConnectionAdapters::ConnectionPool

  def run
    { unattached: state, sql: armed_for("rails:sql__done"), tracers: armed_for("tracers:method__return"),
      pool: armed_for("rails:pool__checkout__start"), all: armed_for_all, afterwards: state,
      block: block_subscriber, foreign: foreign_payloads, raises: raises, timeout: timeout, kill: kill,
      open: open_events, deep: deep_events, event: structured_event, failing: failing_hook, limited: limited,
      after_all: state }
  end

  private

  def state
    { armed: Attach.armed, heard: Attach.heard, checkout: POOL.instance_method(:checkout).owner.name,
      request: Net::HTTP.instance_method(:request).owner.name,
      logger: Rails::Rack::Logger.instance_method(:call_app).owner.name }
  end

  def armed_for(*names) = Attach.to(*names) { [Attach.armed, Attach.heard] }

  def armed_for_all
    Attach.to_all_of_rails do
      { armed: Attach.armed.size, heard: Attach.heard.size, owners: state.values_at(:checkout, :request, :logger) }
    end
  end

  def request(path = "/orders/1") = Rack::MockRequest.new(Rails.application).get(path).status

  # The times that another gem's block is told, while a tracer comes and goes in the middle of a request. Each
  # should be as long as the request was.
  def block_subscriber
    told = []
    subscribers = ["request.action_dispatch", "process_action.action_controller", "sql.active_record"].map do |event|
      ActiveSupport::Notifications.subscribe(event) { |name, start, finish, _, _| told << [name, start, finish] }
    end
    ApplicationController.before_action { during_request.shift&.call }
    comes = -> { Attach.semaphore("rails:sql__done").add(1) && Attach.settle }
    goes = -> { Attach.semaphore("rails:sql__done").add(-1) && Attach.settle }
    during_request.push(comes, goes, comes, goes)
    statuses = Array.new(5) { request }
    { statuses: statuses, times: told.all? { |_, start, finish| start && finish >= start && finish - start < 10 },
      told: told.map(&:first).tally, left: leftovers }
  ensure
    subscribers.each { |subscriber| ActiveSupport::Notifications.unsubscribe(subscriber) }
  end

  def during_request = self.class.during_request

  class << self
    def during_request = @during_request ||= []
  end

  # What Rails keeps of events that are open, by thread.
  def leftovers
    %i[_timestack _timestack_monotonic _event_stack].sum { |key| Thread.current[key].to_a.size }
  end

  # Each listener with payloads that no Rails makes: what they lack, and what is of another type.
  def foreign_payloads
    values = [nil, 1, -1.5, 2**70, :symbol, "text", "\xff\x00".b, [], [nil], {}, { a: 1 }, Object.new, Nothing.new,
              Time.now, Class.new, RuntimeError.new("no"), Float::NAN, "x" * 100_000]
    count = 0
    Attach.to_all_of_rails do
      Railprobe::Native.listeners.each do |listener|
        [{}, *values.map { |value| payload(value) }, nil, 1, "no hash", Object.new].each do |payload|
          listener.start(listener.name, "id", payload)
          listener.finish(listener.name, "id", payload)
          count += 1
        end
        listener.publish_event(ActiveSupport::Notifications::Event.new("x", Time.now, Time.now, "id", {}))
        listener.publish_event(nil)
      end
      reporter = Railprobe::Native.reporter
      values.each do |value|
        reporter.report(value, handled: value, severity: value, context: value, source: value)
        [payload(value), value].each { |event| reporter.emit(event) }
      end
      reporter.report
    end
    { count: count, errors: Attach.errors, complaints: Attach.complaints.size }
  end

  def payload(value) = PAYLOAD.to_h { |key| [key, value] }

  # An event whose payload asks Rails for something that fails, with what the app's block gives.
  def evil(block)
    payload = { controller: "C", action: "a", path: "/x?y=1", request: Evil.new(block) }
    before = Attach.errors
    value = ActiveSupport::Notifications.instrument("process_action.action_controller", payload) { :value }
    [value, Attach.errors - before, $ERROR_INFO.inspect]
  end

  def raises
    Attach.to("rails:action__start") do
      [evil(-> { raise "inside" }), evil(-> { raise NotImplementedError, "inside" }), evil(-> { raise Interrupt }),
       evil(-> { "/fine" }), Attach.complaints.keys.grep(/process_action|filtered_path/).size]
    end
  end

  # Somebody else's error that comes while we ask goes on, once we are done.
  def timeout
    Attach.to("rails:action__start") do
      asked = false
      Timeout.timeout(0.05) do
        evil(-> { 20.times { sleep(0.01) } && (asked = true) && "/x" })
        :too_late
      end
    rescue Timeout::Error
      [:timeout, asked]
    end
  end

  def kill
    Attach.to("rails:action__start") do
      seen = []
      thread = Thread.new do
        evil(-> { Thread.current.kill && "/x" })
        seen << :alive
      ensure
        seen << :ensured
      end
      [thread.join(10).nil?, seen]
    end
  end

  def listener(name) = Railprobe::Native.listeners.find { |one| one.name == name }

  # Payloads that can be told from others.
  class Deep < Hash; end

  # Queries within queries until the machine's stack ends, and queries and jobs that began before end there: what is
  # left out for want of room is counted, and nothing of it is kept (but by a thread that has told its value and is not
  # gone yet). Where the stack of the VM is the shorter one there is always room.
  def deep_events
    Attach.to("rails:sql__start", "rails:sql__done") do
      before = Attach.errors
      begun = (%w[sql.active_record perform.active_job] * 10).map { |name| [listener(name), Deep[sql: ""]] }
      levels = Thread.new { overflow(begun) }.value
      Attach.wait { GC.start || ObjectSpace.each_object(Deep).count < 10 }
      { levels: levels, errors: Attach.errors - before, status: request }
    end
  end

  def overflow(begun)
    levels = 0
    begun.each { |listener, payload| listener.start(listener.name, "id", payload) }
    dive = lambda do |_|
      levels += 1
      ActiveSupport::Notifications.instrument("sql.active_record", Deep[sql: "SELECT 1"]) { [1].each(&dive) }
    ensure
      begun.pop&.then { |listener, payload| listener.finish(listener.name, "id", payload) }
    end
    dive.call(1)
  rescue SystemStackError
    levels
  end

  # What Rails has from 8.1 on; its place is taken by one that notes who is subscribed.
  class FakeEvents
    attr_reader :subscribers

    def initialize = @subscribers = []
    def subscribe(subscriber) = @subscribers << subscriber
    def unsubscribe(subscriber) = @subscribers.delete(subscriber)
  end

  def structured_event
    events = FakeEvents.new
    with_event(-> { events }) do
      sql = Attach.to("rails:sql__done") { events.subscribers.size }
      attached = Attach.to("rails:event") do
        events.subscribers.first.emit({ name: "user.signup", payload: { id: 1 }, tags: {}, context: {} })
        events.subscribers.size
      end
      [sql, attached, events.subscribers.size]
    end
  end

  # Hooks that can't be armed are complained of once, and keep none of the others from it.
  def failing_hook
    with_event(-> { raise "no events today" }) do
      armed = Attach.to("rails:event", "rails:sql__done") do
        3.times { Attach.settle }
        Attach.armed.include?("sql.active_record")
      end
      [armed, Attach.complaints.select { |message, _| message.include?("no events today") }.values]
    end
  end

  # With another Rails.event than there is, if there is one.
  def with_event(other)
    real = Rails.method(:event) if Rails.respond_to?(:event)
    Rails.singleton_class.remove_method(:event) if real
    Rails.define_singleton_method(:event, &other)
    yield
  ensure
    Rails.singleton_class.remove_method(:event)
    Rails.define_singleton_method(:event, real) if real
  end

  # A query too many in a second: what was armed for it is gone for a second.
  def limited
    Railprobe::Engine.limits = { rate: 5, cpu: 0, pause: 1, string: 1024, frames: 16 }
    Attach.to("rails:sql__done") do
      6.times { |index| ActiveSupport::Notifications.instrument("sql.active_record", { sql: "SELECT #{index}" }) }
      Attach.wait { Attach.armed.empty? }
      tripped = Railprobe.report[:limits].values_at(:tripped, :trips)
      Attach.wait { Attach.armed.include?("sql.active_record") }
      [*tripped, Railprobe.report[:limits][:tripped]]
    end
  ensure
    Railprobe::Engine.limits = nil
  end

  # Starts without an end, ends without a start, from fibers that are left, under a collector that moves things.
  def open_events
    Attach.to("rails:sql__done") do
      queries = listener("sql.active_record")
      5000.times { |index| queries.start("sql.active_record", "id", { sql: "SELECT #{index}" }) }
      GC.start
      GC.compact if GC.respond_to?(:compact)
      fibers = Array.new(50) do
        Fiber.new { ActiveSupport::Notifications.instrument("sql.active_record", { sql: "" }) { Fiber.yield } }
      end
      fibers.each(&:resume)
      5000.times { |index| queries.finish("sql.active_record", "id", { sql: "SELECT #{index}" }) }
      fibers.first(25).each(&:resume)
      GC.start
      [request, Attach.errors]
    end
  end
end

ApplicationController.class_eval { def during_request = Hooks.during_request }
Hooks.new.run
