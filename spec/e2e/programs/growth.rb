# frozen_string_literal: true

# Fires strings a million times, and says what that cost in memory, descriptors and mappings.
require "etc"

Stage.load { Railprobe.probe("e2e:hit", number: :integer, text: :string, symbol: :symbol, bytes: :bytes) }

TEXTS = ["short", "gr\u00fc\u00df dich", "x" * 5_000, "\u20ac" * 700].freeze

fire = lambda do |times|
  probe = Railprobe["e2e:hit"]
  times.times { |number| probe.fire(number, TEXTS[number % 4], :symbol, TEXTS[number % 3]) }
  times
end

used = lambda do
  GC.start
  pages = File.read("/proc/self/statm").split[1].to_i
  { "rss" => pages * Etc.sysconf(Etc::SC_PAGESIZE), "fds" => Dir.children("/proc/self/fd").size,
    "mappings" => File.foreach("/proc/self/maps").count }
end

# Fires a warm-up and then times: [fires in all, what was used before, what was used after].
Stage.answer(:fire_and_measure) do |warm_up, times|
  fires = fire.call(warm_up)
  used.call
  before = used.call
  fires += fire.call(times)
  [fires, before, used.call]
end

Stage.serve
