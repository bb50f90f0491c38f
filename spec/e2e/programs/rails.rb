# frozen_string_literal: true

# The shop in one process, asked through Rack. TRACERS_FILE is another file than its own.
SHOP = File.expand_path("../../../examples/shop", __dir__)
require File.join(SHOP, "config/boot")
require "rails"
require "railprobe/railtie" # the stage has loaded the library before there was a Rails
require File.join(SHOP, "config/application")
Rails.application.configure do
  config.filter_parameters = [:secret]
  config.railprobe.config = ENV["TRACERS_FILE"] if ENV.key?("TRACERS_FILE")
end
require File.join(SHOP, "config/environment")
require "rack/mock"

# Answers as a server does: the body is read, and closed.
Stage.answer(:request) do |method, path, env = {}|
  response = Rack::MockRequest.new(Rails.application).request(method, path, env)
  [response.status, response.body]
end

Stage.answer(:rails) { Railprobe.report[:rails] }
Stage.answer(:complaints) { Railprobe.report[:complaints] }
# What a spec has to say of the app that no request does.
Stage.answer(:eval) { |code| eval(code, TOPLEVEL_BINDING, "eval", 1) } # rubocop:disable Security/Eval

Stage.serve
