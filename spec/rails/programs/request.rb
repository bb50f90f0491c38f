# frozen_string_literal: true

# Requests to the shop that callgrind counts: without the gem, or with it and a file of a thousand methods, of which
# each request calls fifty. Prints what it measured, in order; the counts are callgrind's (spec/support/callgrind.rb).
require "json"
kind, tracers = ARGV
shop = File.expand_path("../../../examples/shop", __dir__)
require File.join(shop, "config/application")
%w[callgrind semaphore].each { |name| require File.expand_path("../../support/#{name}", __dir__) }
abort "the gem is there" if defined?(Railprobe) && kind == "without"

class Requests
  CLASSES = 50
  METHODS = 20
  WARM_UP = 8
  SAMPLES = 11
  A_SAMPLE = 3
  PATH = "/products" # a query, a template, a partial and a layout, and the cache is read

  CLASSES.times do |number|
    methods = Array.new(METHODS) { |index| "def method_#{index}(one, two = 2) = @last = one\n" }.join
    Object.const_set("Traced#{number}", Class.new).class_eval(methods, __FILE__, __LINE__)
  end

  Object.const_set(:TRACED, Array.new(CLASSES) { |number| Object.const_get("Traced#{number}").new })

  def self.yaml
    entries = Array.new(CLASSES) { |number| "  - class: Traced#{number}\n    methods: \"*\"\n" }
    "version: 1\nreload: false\nlimits: {rate: 0, cpu: 0}\ntracers:\n#{entries.join}"
  end

  def initialize
    calls = Array.new(CLASSES) { |index| "TRACED[#{index}].method_#{index % METHODS}(1)\n" }
    ApplicationController.class_eval("def call_traced\n#{calls.join}end", __FILE__, __LINE__) # one call site for each
    ApplicationController.before_action(:call_traced)
    @callgrind = Callgrind.new
    @measured = []
  end

  def without
    %w[first second].each { |name| measure(name) }
    { measured: @measured, listeners: listeners }
  end

  def with
    ready = states
    measure("with")
    armed = through_all
    measure("again")
    heard = Attach.heard
    left = { listeners: listeners, heard: heard, armed: Attach.armed, states: states, ready: ready, once: armed }
    Attach.to("rails:sql__done") { measure("attached") }
    { measured: @measured, **left }
  end

  private

  def measure(name)
    requests(WARM_UP)
    @callgrind.start
    SAMPLES.times do
      GC.start
      GC.disable
      @callgrind.count { requests(A_SAMPLE) }
      GC.enable
      @measured << name
    end
    @callgrind.stop
  end

  def requests(count)
    count.times do
      status, _, body = Rails.application.call(Rack::MockRequest.env_for(PATH))
      body.each { |part| part }
      body.close if body.respond_to?(:close)
      abort(status.to_s) unless status == 200
    end
  end

  # As a tracer does that sees everything and leaves.
  def through_all
    images = Railprobe.report[:images].map { |image| image[:path] }
    images.each { |path| Semaphore.add_to_all(path, 1) }
    Attach.settle
    armed = { methods: states, events: Attach.heard.size }
    requests(1)
    images.each { |path| Semaphore.add_to_all(path, -1) }
    Attach.settle
    armed
  end

  def states = Railprobe.report[:tracers].map { |row| row[:state] }.tally

  # Everybody's.
  def listeners
    notifier = ActiveSupport::Notifications.notifier
    notifier.instance_variable_get(:@other_subscribers).size +
      notifier.instance_variable_get(:@string_subscribers).values.sum(&:size)
  end
end

if kind == "with"
  File.write(tracers, Requests.yaml)
  Rails.application.config.railprobe.config = tracers
end
require File.join(shop, "config/environment")
require "rack/mock"
require_relative "attach" if kind == "with"
puts JSON.generate(Requests.new.public_send(kind))
