# frozen_string_literal: true

ENV["BUNDLE_GEMFILE"] ||= File.expand_path("../Gemfile", __dir__)
# Where this process keeps its database, cache, uploads and log: its own directory lets several apps run at once.
ENV["SHOP_DIR"] ||= File.expand_path("../tmp", __dir__)

require "bundler/setup"
require "logger" # Rails up to 7.0 took it for granted that concurrent-ruby loads it
