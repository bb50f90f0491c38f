# frozen_string_literal: true

require_relative "railprobe/version"
require_relative "railprobe/errors"
require_relative "railprobe/signature"
require_relative "railprobe/idle"
require_relative "railprobe/helper_type"
require_relative "railprobe/helper_types"
require_relative "railprobe/configuration"
require_relative "railprobe/suggestion"
require_relative "railprobe/inspection"
require_relative "railprobe/tracer"
require_relative "railprobe/tracers"
require_relative "railprobe/runtime"
require_relative "railprobe/engine"
require_relative "railprobe/railtie" if defined?(Rails::Railtie)

# USDT probes in a running Ruby process, declared in bulk, free until a tracer attaches.
#
#   Railprobe.probe("inventory:reserved", sku: :string, quantity: :integer)
#   Railprobe.load
#   Railprobe["inventory:reserved"].fire(sku, quantity)
#
# Where probes cannot exist (see .unsupported_reason) everything here works the same and does nothing.
# Nothing here raises for what goes wrong at run time, unless .strict is set: it is logged once and
# counted in the .report.
module Railprobe
  class << self
    # Declares a probe; it exists from the next .load on. Declaring the same again gives the same probe.
    # Types: :integer, :unsigned, :string, :symbol, :boolean, :float, :time, :bytes (counts as two); 12 in all.
    def probe(name, **arguments) = runtime.declare(name, arguments)

    # Takes a declaration back: with the next .load the probe is gone. True if there was one.
    def remove(name) = runtime.remove(name)

    # Reads config/tracers.yml, or another file, and loads the tracers and probes that it asks for, and the builtin
    # ones. Errors in it are complained of, and what is right holds. One that is optional and not there is waited
    # for. True if the probes are there now.
    def start(path = "config/tracers.yml", optional: false) = runtime.start(path, optional)

    # Reads the file anew, as an edit of it does by itself. One with errors changes nothing.
    def reload! = runtime.reload

    # Registers a helper type of your own, for the types of config/tracers.yml; call it before .start. The block is
    # asked at each call of a traced method, while a tracer is on its probe, and gives an Array with a value for each
    # argument, or a value alone.
    #
    #   Railprobe.helper_type(:queue_depth, on: :return, depth: :integer, queue: :string) do |call|
    #     [call.receiver.size, call.receiver.name]
    #   end
    #
    # on: is :entry, :return or :raise, the probe that carries them. Types are those of .probe. call has a receiver,
    # method_name, arguments; at the end a result, exception and duration_ns; all are nil once the block is done.
    def helper_type(name, on:, **arguments, &block) = runtime.helper_type(name, on, arguments, block)

    # Builds everything declared so far and maps it. Called again later it maps a new generation, and
    # the old one is retired as soon as no tracer is on it. True if the probes are there now.
    # site: :safe or :fast (see README, "The fast site"); RAILPROBE_SITE is the default.
    def load(site: nil) = runtime.load(site)

    # Takes every declaration back and retires every image. True if all went at once; those that a
    # tracer is on go when it leaves.
    def unload = runtime.unload

    # The probe of that name ("provider:name"). One that was never declared is complained of once, and
    # what is given then does nothing. Works in every Ractor.
    def [](name) = Engine.find(*Signature.split(name)) || Runtime.unknown(name)

    # Provider => its probes, in the order of their names.
    def providers = runtime.providers

    # Calls the block with (probe, attached) whenever the first tracer attaches to a probe or the last
    # one leaves, in a thread that lives just for that; with those that are attached already it is called
    # here and now. Returns the block, for .off_change.
    def on_change(&block) = runtime.on_change(block)

    # Takes back a block given to .on_change.
    def off_change(block) = runtime.off_change(block)

    # What is loaded, attached, dropped and failed, as a Hash of plain values.
    def report = runtime.report

    # Whether probes can exist in this process, and if not, why, in words.
    def supported? = unsupported_reason.nil?
    def unsupported_reason = runtime.unsupported_reason

    # Raise what would be logged and counted (wrong arity or type, unknown probe, bad declaration)?
    # For specs; false by default.
    def strict = runtime.strict

    def strict=(strict)
      runtime.strict = strict
    end

    # Where complaints go, each once: anything with #warn. Standard error by default.
    def logger = runtime.logger

    def logger=(logger)
      runtime.logger = logger
    end

    # The app's directory, whose tmp/railprobe takes the images. The working directory by default.
    def root = runtime.root

    def root=(root)
      runtime.root = root
    end

    private

    def runtime = Runtime.instance
  end
end
