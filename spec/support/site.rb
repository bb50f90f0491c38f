# frozen_string_literal: true

require "fiddle"
require_relative "elf_file"

# Sees what a probe carries, without a tracer: the machine code at its site becomes a jump to a block, which is given
# the slots. Raise the semaphore as well. For x86_64, and for up to six arguments.
#
#   Site.new(probe).watch { |*slots| seen << slots }
class Site
  CODE = ["90662e0f1f840000000000c3"].pack("H*")
  JUMP = ->(address) { ["48b8"].pack("H*") + [address].pack("Q") + ["ffe0"].pack("H*") } # mov rax; jmp rax
  MOST = 6

  def self.possible? = RUBY_PLATFORM.start_with?("x86_64")

  def initialize(probe)
    @probe = probe
  end

  # For good, or until the process ends.
  def watch(&)
    count = @probe.arguments.size
    raise ArgumentError, "#{count} arguments of #{@probe.name}" if count > MOST

    @closure = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, [Fiddle::TYPE_LONG_LONG] * count, &)
    File.open("/proc/self/mem", "r+b") do |memory|
      raise "no site at #{address}" unless memory.pread(CODE.bytesize, address) == CODE

      memory.pwrite(JUMP.call(@closure.to_i), address)
    end
    self
  end

  # The text that a slot leads to.
  def self.text(slot) = Fiddle::Pointer.new(slot).to_s.force_encoding(Encoding::UTF_8)

  private

  def address
    @address ||= mapped(location)
  end

  def location
    file = ElfFile.new(File.binread(@probe.path))
    file.probes.find { |probe| probe.pair == [@probe.provider, @probe.usdt_name] }.location_offset
  end

  def mapped(offset)
    File.foreach("/proc/self/maps", chomp: true) do |line|
      range, _, from, _, _, path = line.split(" ", 6)
      first, last = range.split("-").map(&:hex)
      next unless path == @probe.path && offset.between?(from.hex, from.hex + last - first - 1)

      return first + offset - from.hex
    end
    raise "#{@probe.path} is not mapped"
  end
end
