# frozen_string_literal: true

# Railprobe: USDT probes in a running Ruby process, declared in bulk, free until a tracer attaches.
#
#   Railprobe.probe("inventory:reserved", sku: :string, quantity: :integer)
#   Railprobe.load
#   Railprobe["inventory:reserved"].fire(sku, quantity)
#
# Where probes cannot exist (see .unsupported_reason) everything here works the same and does nothing.
# Nothing here raises for what goes wrong at run time, unless .strict is set: it is logged once and
# counted in the .report.
module Railprobe
  require_relative "railprobe/version"
  require_relative "railprobe/errors"
  require_relative "railprobe/signature"
  require_relative "railprobe/native"
  require_relative "railprobe/probe"
  require_relative "railprobe/runtime"

  class << self
    # Declares a probe; it exists from the next .load on. Declaring the same again gives the same probe.
    # Types: :integer, :string, :symbol, :boolean, :float, :time, :bytes; at most 12 arguments.
    def probe(name, **arguments) = Runtime.instance.declare(name, arguments)

    # Takes a declaration back: from the next .load on the probe is gone. True if there was one.
    def remove(name) = Runtime.instance.remove(name)

    # Builds everything declared so far and maps it. Called again later it maps a new generation, and
    # the old one is retired as soon as no tracer is on it. True if the probes are there now.
    # site: :safe or :fast (see README, "The fast site"); RAILPROBE_SITE is the default.
    def load(site: nil) = Runtime.instance.load(site: site)

    # Retires every image: nothing is declared any more, no probe fires. True if all were retired at once;
    # those that a tracer is on go when it leaves.
    def unload = Runtime.instance.unload

    # The probe of that name ("provider:name"); one that does nothing if it was never declared. Any Ractor.
    def [](name) = Probe.fetch(name)

    # Provider => its probes, in the order of their names.
    def providers = Runtime.instance.providers

    # Calls the block with (probe, attached) whenever the first tracer attaches to a probe or the last
    # one leaves. The block runs between two instructions of some Ruby thread: keep it short, take no lock.
    # Returns the block, for .off_change.
    def on_change(&block) = Runtime.instance.on_change(block)

    # Takes back a block given to .on_change.
    def off_change(block) = Runtime.instance.off_change(block)

    # What is loaded, attached, dropped and failed, as a Hash of plain values.
    def report = Runtime.instance.report

    # Whether probes can exist in this process, and if not, why, in words.
    def supported? = unsupported_reason.nil?
    def unsupported_reason = Runtime.instance.unsupported_reason

    # Raise what would be logged and counted (wrong arity or type, unknown probe, bad declaration). For specs.
    def strict = Runtime.instance.strict
    def strict=(strict)
      Runtime.instance.strict = strict
    end

    # Where complaints go, once each; anything with #warn. Standard error by default.
    def logger = Runtime.instance.logger
    def logger=(logger)
      Runtime.instance.logger = logger
    end

    # The app's directory, whose tmp/railprobe takes the images; the working directory by default.
    def root = Runtime.instance.root
    def root=(root)
      Runtime.instance.root = root
    end
  end
end
