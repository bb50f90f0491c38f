# frozen_string_literal: true

require File.expand_path("../../support/semaphore", __dir__)
require "timeout"

# What the other programs here attach with, as a tracer would.
module Attach
  Probe = Struct.new(:provider, :usdt_name, :path)
  LIMIT = 20
  Railprobe::Engine.limits = nil # for what is fired here in a second

  module_function

  # Builtin probes by name; raised until the block has ended, and what comes of it done.
  def to(*names)
    semaphores = names.map { |name| semaphore(name) }
    semaphores.each { |semaphore| semaphore.add(1) }
    settle
    yield
  ensure
    semaphores.each { |semaphore| semaphore.add(-1) }
    settle
  end

  def to_all_of_rails(&)
    names = Railprobe::Native.builtin_probes.map { |row| row[:name] }.grep(/\Arails:/)
    to(*names, &)
  end

  def semaphore(name)
    @semaphores ||= {}
    @semaphores[name] ||= begin
      provider, probe = name.split(":")
      Semaphore.new(Probe.new(provider, probe, image(/builtin/)))
    end
  end

  # Those of the app's own probes, which have objects.
  def semaphore_of(name) = Semaphore.new(Railprobe[name])

  def image(pattern) = Railprobe.report[:images].map { |image| image[:path] }.grep(pattern).first

  def hooks = Railprobe::Runtime.instance.instance_variable_get(:@hooks)

  # As the watcher has it done, at once.
  def settle
    Railprobe::Runtime.instance.deliver
    Railprobe::Engine.settle
    wait { !hooks.changed? }
  end

  def wait = Timeout.timeout(LIMIT) { Thread.pass until yield }
  def armed = Railprobe.report[:rails][:armed]
  def errors = Railprobe.report[:rails][:errors]
  def complaints = Railprobe.report[:complaints]

  # Names of events that have a listener of ours.
  def heard
    notifier = ActiveSupport::Notifications.notifier
    all = notifier.respond_to?(:all_listeners_for) ? :all_listeners_for : :listeners_for
    Railprobe::Native.listeners.map(&:name).select do |name|
      notifier.public_send(all, name).any? { |listener| listener.instance_variable_get(:@delegate).is_a?(Railprobe::Listener) }
    end
  end
end
