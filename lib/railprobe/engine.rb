# frozen_string_literal: true

module Railprobe
  # Loads the extension. Nothing that is wrong with it may keep an app from booting: gives why, or nil.
  def self.require_engine
    return "it is switched off by RAILPROBE=0" if ENV["RAILPROBE"] == "0"

    require "railprobe/railprobe"
    nil
  rescue ::LoadError => error
    "the native extension is not there for #{RUBY_ENGINE} on #{RUBY_PLATFORM} (#{error.message.lines.first&.chomp})"
  end
  private_class_method :require_engine

  ENGINE_FAILURE = require_engine.freeze

  Engine = ENGINE_FAILURE ? Idle : Native
  Probe = IdleProbe if ENGINE_FAILURE
  Runtime.instance
end
