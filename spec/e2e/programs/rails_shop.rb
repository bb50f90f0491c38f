# frozen_string_literal: true

# The demo app, booted where SHOP_ROOT says, as a server boots it. The stage has loaded railprobe before Rails.
require File.join(ENV.fetch("SHOP_ROOT"), "config/boot")
require "rails"
require "railprobe/railtie"
require File.join(ENV.fetch("SHOP_ROOT"), "config/environment")

Stage.answer(:states) { Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] } }
Stage.answer(:images) { Railprobe.report[:images].map { |image| image[:path] } }
Stage.answer(:complaints) { Railprobe.report[:complaints].keys }
Stage.answer(:charge) { |times| times.times { PaymentGateway.new.charge(50, "ok") } }
Stage.answer(:write) do
  File.write(Rails.root.join("written"), "")
rescue SystemCallError => error
  error.class.name
end

Stage.serve
