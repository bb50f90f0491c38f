# frozen_string_literal: true

require "timeout"
require "tmpdir"

# A process has one runtime object. Groups tagged :runtime give it back as they found it: nothing declared, no
# image, no listener, no complaint; and their images lie in a directory of their own.
module RuntimeState
  LIMIT = 20 # seconds that anything may take which must happen

  # Keeps what it is told.
  class Log
    attr_reader :messages

    def initialize = @messages = []
    def warn(message) = @messages << message
  end

  def self.reset
    Railprobe.unload
    Railprobe.strict = false
    Railprobe.logger = Railprobe.root = nil
    forget_complaints
    forgotten = { "@listeners" => [], "@load_failure" => nil, "@helper_types" => Railprobe::HelperTypes.new }
    forgotten.each { |name, value| Railprobe::Runtime.instance.instance_variable_set(name, value) }
  end

  # Said once in a process, and a hundred at most, which a process full of examples must forget: also those of examples
  # that leave everything as it is.
  def self.forget_complaints
    %i[@complaints @unknown].each { |name| Railprobe::Runtime.instance.instance_variable_get(name).clear }
  end

  attr_reader :images_directory

  def log = @log ||= Log.new
  def messages = log.messages

  def declare(name = "spec:probe", **arguments) = Railprobe.probe(name, **arguments)

  def loaded(name = "spec:probe", **arguments)
    declare(name, **arguments).tap { raise "not loaded: #{Railprobe.report}" unless Railprobe.load }
  end

  def within(limit = LIMIT, &) = Timeout.timeout(limit, &)

  # Bounded; hands the processor on in between.
  def wait_until
    within { Thread.pass until yield }
  end

  # Sets environment variables for the time of the block; nil unsets one.
  def with_env(changes)
    before = changes.to_h { |name, _| [name, ENV.fetch(name, nil)] }
    ENV.update(changes)
    yield
  ensure
    ENV.update(before)
  end
end

RSpec.configure do |config|
  config.include(RuntimeState, :runtime)

  config.around(:each, :runtime) do |example|
    Dir.mktmpdir("railprobe") do |directory|
      @images_directory = directory
      Railprobe.logger = log
      RuntimeState.forget_complaints
      with_env("RAILPROBE_DIR" => directory) { example.run }
    ensure
      RuntimeState.reset
    end
  end
end
