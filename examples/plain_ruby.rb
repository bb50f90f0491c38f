# frozen_string_literal: true

# Methods of a plain Ruby program as USDT probes, declared in YAML: no Rails, and not a line of the program changed.
#
#   ruby -Ilib examples/plain_ruby.rb [SECONDS]
#
# It prints a bpftrace command to type in another terminal, works for 30 seconds, or as many as are given, and says
# how often it called each method. Nothing is traced, and nothing costs, until bpftrace attaches.
require "railprobe"

# What is traced. It knows nothing of that.
class Inventory
  class Empty < StandardError; end

  # Takes its time now and then.
  class Price
    def of(sku)
      sleep(0.002) if sku.end_with?("3")
      sku.sum
    end
  end

  def self.audit(inventory) = inventory.left.positive?

  attr_reader :left

  def initialize(left)
    @left = left
  end

  def reserve(sku)
    raise Empty, "no #{sku} left" if @left.zero?

    @left -= 1
    Price.new.of(sku)
  end

  def restock!(count) = @left += count
end

seconds = Float(ARGV.fetch(0, 30))
Railprobe.start(File.expand_path("plain_ruby.yml", __dir__))
if Railprobe.supported?
  path = Railprobe["inventory:reserve__return"].path
  puts "In another terminal:", "", "  bpftrace -e 'usdt:#{File.dirname(path)}/builtin.so:tracers:method__return " \
                                   "{ @us[str(arg1)] = hist(arg3 / 1000); }'", ""
else
  puts "Nothing can be traced here: #{Railprobe.unsupported_reason}", ""
end
$stdout.flush

calls = Hash.new(0)
inventory = Inventory.new(20)
finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
  begin
    calls["Inventory#reserve"] += 1
    inventory.reserve("sku-#{calls["Inventory#reserve"] % 10}")
  rescue Inventory::Empty
    calls["Inventory#restock!"] += 1
    inventory.restock!(20)
  end
  calls["Inventory.audit"] += 1
  Inventory.audit(inventory)
end
calls.sort.each { |method, count| puts format("%-20s %9d calls", method, count) }
