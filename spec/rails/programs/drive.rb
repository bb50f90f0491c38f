# frozen_string_literal: true

require "rack/mock"

# Sends requests to the booted shop through Rack, and tells of each what came back, and which queries and other events
# it made. A request is [method, path, jobs that it must have run].
class Drive
  LIMIT = 20
  # What a connection asks for itself.
  OWN = ->(payload) { payload[:name] == "SCHEMA" || payload[:sql].to_s.include?("sqlite_version") }
  INTERNAL = /\A!/

  def initialize
    @queries = []
    @events = []
    @reported = []
    @lock = Mutex.new
    ActiveSupport::Notifications.subscribe(/./) { |name, _, _, _, payload| note(name, payload) }
    Rails.error.subscribe(self) if Rails.respond_to?(:error)
    Rails.event.subscribe(self) if Rails.respond_to?(:event)
  end

  def run(method, path, jobs)
    response = Rack::MockRequest.new(Rails.application).request(method, path)
    wait_for(jobs)
    { status: response.status, body: response.body, **taken }
  end

  # What Rails.error and Rails.event tell a subscriber.
  def report(error, handled:, **) = record(@reported, "#{error.class} #{handled ? "handled" : "unhandled"}")
  # A subscriber hears those of Rails itself too.
  def emit(event) = event[:name].start_with?("order.") && record(@reported, "event #{event[:name]}")

  private

  def note(name, payload)
    if name != "sql.active_record"
      record(@events, name) unless name.match?(INTERNAL)
    elsif !OWN.call(payload)
      record(@queries, [payload[:name] || "nameless", *("cached" if payload[:cached])].join(" "))
    end
  end

  def record(list, what) = @lock.synchronize { list << what }

  def wait_for(jobs)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT
    until @lock.synchronize { @events.count("perform.active_job") } >= jobs && idle?
      raise "no #{jobs} jobs in #{LIMIT} s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      Thread.pass
    end
  end

  # A job is discarded behind its perform in Rails 6.1, so it is over when its thread says so.
  def idle?
    executor = ActiveJob::Base.queue_adapter.instance_variable_get(:@scheduler)&.executor # inline has none
    executor.nil? || executor.completed_task_count == executor.scheduled_task_count
  end

  def taken
    @lock.synchronize do
      { queries: @queries.tally, events: @events.tally, reported: @reported.tally }
        .tap { [@queries, @events, @reported].each(&:clear) }
    end
  end
end

drive = Drive.new
JSON.parse(ARGV.fetch(0)).map { |request| drive.run(*request) }
