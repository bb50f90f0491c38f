# frozen_string_literal: true

require "rails/railtie"
require_relative "rails/hooks"

module Railprobe
  # What Rails asks of a plugin.
  #
  #   config.railprobe.enabled = false              loads nothing, so that nothing can be attached to
  #   config.railprobe.config = "config/other.yml"  another file, from the app's root
  class Railtie < Rails::Railtie
    config.railprobe = ActiveSupport::OrderedOptions.new
    config.railprobe.enabled = true
    config.railprobe.config = "config/tracers.yml"

    initializer "railprobe.root" do |app|
      Railprobe.root = app.root
    end

    initializer "railprobe.logger", after: :initialize_logger do
      Railprobe.logger ||= Rails.logger
    end

    # Once the app is eager loaded, and before a server forks.
    initializer "railprobe.start" do |app|
      app.config.after_initialize { Railtie.start(app.config.railprobe) }
    end

    rake_tasks { Dir[File.expand_path("tasks/*.rake", __dir__)].each { |file| load file } }
    generators { Dir[File.expand_path("../../generators/*/*_generator.rb", __dir__)].each { |file| require file } }

    def self.start(options)
      return unless options.enabled

      Runtime.instance.hooks = Hooks.new if Railprobe.supported?
      Railprobe.start(options.config, optional: true)
      follow_autoloaders if Railprobe.supported?
    end

    # So that a class that is reloaded in development stays traced.
    def self.follow_autoloaders
      Rails.autoloaders.each { |loader| loader.on_load { |name, *| Runtime.instance.class_loaded(name) } }
    end
    private_class_method :follow_autoloaders
  end
end
