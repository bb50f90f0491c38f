# frozen_string_literal: true

# Fires strings a million times, and says what that cost in memory, descriptors and mappings.
require "etc"

Stage.load { Railprobe.probe("e2e:hit", number: :integer, text: :string, symbol: :symbol, bytes: :bytes) }

TEXTS = ["short", "gr\u00fc\u00df dich", "x" * 5_000, "\u20ac" * 700].freeze

# How often, and the sum of the numbers.
Stage.answer(:fire_numbers) do |times|
  probe = Railprobe["e2e:hit"]
  times.times { |number| probe.fire(number, TEXTS[number % 4], :symbol, TEXTS[number % 3]) }
  [times, times * (times - 1) / 2]
end

Stage.answer(:used) do
  GC.start
  pages = File.read("/proc/self/statm").split[1].to_i
  { "rss" => pages * Etc.sysconf(Etc::SC_PAGESIZE), "fds" => Dir.children("/proc/self/fd").size,
    "mappings" => File.foreach("/proc/self/maps").count }
end

Stage.serve
