# frozen_string_literal: true

require_relative "railprobe/version"
require_relative "railprobe/errors"
require_relative "railprobe/signature"
require_relative "railprobe/idle"
require_relative "railprobe/runtime"
require_relative "railprobe/engine"

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
    # Types: :integer, :string, :symbol, :boolean, :float, :time, :bytes (counts as two); 12 in all.
    def probe(name, **arguments) = runtime.declare(name, arguments)

    # Takes a declaration back: with the next .load the probe is gone. True if there was one.
    def remove(name) = runtime.remove(name)

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
