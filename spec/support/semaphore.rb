# frozen_string_literal: true

require "json"

# Does to the semaphore of a probe what the kernel does when a tracer attaches, so that what an attached probe
# does is seen without one:
#
#   Semaphore.raise_for(probe) { probe.fire(1) }
#
# The manifest beside the image says where in the file the semaphore is, /proc/self/maps where in memory.
class Semaphore
  class << self
    def raise_for(probe)
      semaphore = new(probe)
      semaphore.add(1)
      yield
    ensure
      semaphore&.add(-1)
    end

    # To those of all probes of an image, which lie in one mapping.
    def add_to_all(path, difference)
      offsets = rows(path).map { |row| row.fetch("semaphore") }.uniq
      first = address_of(path, offsets.first) - offsets.first
      offsets.each { |offset| add(first + offset, difference) }
    end

    def add(address, difference)
      File.open("/proc/self/mem", "r+b") do |memory|
        number = memory.pread(2, address).unpack1("S") + difference
        memory.pwrite([number].pack("S"), address)
      end
    end

    # The probes of an image.
    def rows(path) = JSON.parse(File.read(path.sub(/\.so\z/, ".json"), encoding: "UTF-8")).fetch("probes")

    def address_of(path, offset)
      File.foreach("/proc/self/maps", chomp: true) do |line|
        range, mode, from, _device, _inode, file = line.split(" ", 6)
        first, last = range.split("-").map { |number| number.to_i(16) }
        inside = offset - from.to_i(16)
        return first + inside if file == path && mode == "rw-p" && inside.between?(0, last - first - 2)
      end
      raise "#{path} is not mapped with a semaphore at #{offset}"
    end
  end

  # The address is found once: retired, the memory is still there, but under no name.
  def initialize(probe)
    @address = self.class.address_of(probe.path, offset_in(probe))
  end

  def value
    File.open("/proc/self/mem", "rb") { |memory| memory.pread(2, @address).unpack1("S") }
  end

  def add(difference) = self.class.add(@address, difference)

  private

  def offset_in(probe)
    row = self.class.rows(probe.path).find { |facts| facts.values_at("provider", "probe") == own_pair(probe) }
    row.fetch("semaphore")
  end

  def own_pair(probe) = [probe.provider, probe.usdt_name]
end
