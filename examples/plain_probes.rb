# frozen_string_literal: true

# Two probes in plain Ruby. Run it for some seconds, and attach from another terminal with the command it prints:
#
#   ruby -Ilib examples/plain_probes.rb 60

require "railprobe"

$stdout.sync = true
seconds = Float(ARGV.fetch(0, 60))
reserved = Railprobe.probe("inventory:reserved", sku: :string, quantity: :integer)
refused = Railprobe.probe("inventory:refused", sku: :string)
Railprobe.load

puts Railprobe.supported? ? "Attach with:" : "No tracer can attach: #{Railprobe.unsupported_reason}."
puts "  bpftrace -e 'usdt:#{reserved.path}:inventory:reserved { @[str(arg0)] = sum(arg1); }'" if reserved.path

skus = %w[anvil rocket paint].freeze
stock = Hash.new(100)
ends_at = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
while Process.clock_gettime(Process::CLOCK_MONOTONIC) < ends_at
  sku = skus.sample
  stock[sku] -= 1
  stock[sku].negative? ? refused.fire(sku) : reserved.fire(sku, 1)
  stock.clear if rand(1000).zero?
  sleep(0.001)
end
