# frozen_string_literal: true

require_relative "boot"

require "rails"
require "active_model/railtie"
require "active_job/railtie"
require "active_record/railtie"
require "active_storage/engine"
require "action_controller/railtie"
require "action_mailer/railtie"
require "action_view/railtie"
require "action_cable/engine"

Bundler.require(*Rails.groups)

require_relative "../lib/bank"

module Shop
  # A shop that takes orders; README.md tells what it does, and its settings, which come from the environment.
  class Application < Rails::Application
    # As a new app of whichever Rails this is.
    config.load_defaults(Rails.version.to_f)

    directory = ENV.fetch("SHOP_DIR")
    config.paths["log"] = File.join(directory, "#{Rails.env}.log")
    config.cache_store =
      case ENV.fetch("SHOP_CACHE", "memory")
      when "memory" then :memory_store
      when "file" then [:file_store, File.join(directory, "cache")]
      end

    config.active_job.queue_adapter = ENV.fetch("SHOP_JOBS", "async").to_sym
    config.active_record.async_query_executor = :global_thread_pool if ActiveRecord.respond_to?(:async_query_executor)
    config.active_storage.service = :local
    config.action_mailer.delivery_method = :test
    config.active_support.deprecation = :notify

    # It listens on the loopback interface alone, and keeps nothing that a session could give away.
    config.hosts.clear
    config.secret_key_base = "nothing here is secret"
    config.action_controller.default_protect_from_forgery = false # bin/load places orders, and has no token
  end

  # What the app says of its own methods that are to go; as quiet as Rails' own.
  def self.deprecator
    @deprecator ||= ActiveSupport::Deprecation.new("2.0", "Rails").tap { |deprecator| deprecator.behavior = :notify }
  end
end
