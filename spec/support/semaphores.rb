# frozen_string_literal: true

require_relative "elf_file"

# The semaphores of a process as they are in its memory, read from outside: looking runs nothing in it, so
# an idle process stays idle and a broken one can still be looked at.
module Semaphores
  # Where the images of Railprobe are mapped from. Ruby itself has notes too, in libruby.
  IMAGE = %r{(?:/(?:app|builtin)\d*(?:-\h+)?\.so|/memfd:.*?)(?: \(deleted\))?\z}
  MAPPING = /\A(\h+)-(\h+) (\S+) (\h+) (\S+) (\d+)\s+(.*)\z/

  Mapping = Struct.new(:from, :to, :permissions, :offset, :device, :inode, :path) do
    def cover?(place) = place >= offset && place < offset + to - from
    def address(place) = from + place - offset
    def identity = [device, inode, path]
  end

  @places = {}

  class << self
    # "provider:probe" => the value, or the highest of them where several images have the probe.
    def of(pid)
      each(pid).with_object({}) { |(name, value), found| found[name] = [found[name] || 0, value].max }
    end

    # The names of those above 0.
    def raised(pid) = of(pid).select { |_, value| value.positive? }.keys.sort

    # Does to those what the kernel does when a tracer attaches, and leaves.
    def add(pid, names, difference)
      File.open("/proc/#{pid}/mem", "r+b") do |memory|
        each_address(pid) do |name, address|
          next unless names.include?(name)

          number = read(memory, address) + difference
          memory.seek(address)
          memory.write([number].pack("S"))
        end
      end
    end

    # The images that a process has mapped.
    def images(pid) = mappings(pid).map(&:path).uniq

    private

    def each(pid)
      return enum_for(:each, pid) unless block_given?

      File.open("/proc/#{pid}/mem", "rb") do |memory|
        each_address(pid) { |name, address| yield name, read(memory, address) }
      end
    rescue Errno::ENOENT, Errno::ESRCH, Errno::EIO, EOFError
      nil # it is gone, and its semaphores are too
    end

    def each_address(pid)
      return enum_for(:each_address, pid) unless block_given?

      mappings(pid).select { |mapping| mapping.permissions == "rw-p" }.each do |mapping|
        places(pid, mapping).each { |name, place| yield name, mapping.address(place) if mapping.cover?(place) }
      end
    end

    def read(memory, address)
      memory.seek(address)
      value = memory.read(2) or raise EOFError
      value.unpack1("S")
    end

    def mappings(pid)
      File.readlines("/proc/#{pid}/maps", chomp: true).filter_map do |line|
        from, to, permissions, offset, device, inode, path = MAPPING.match(line)&.captures
        next unless path&.match?(IMAGE)

        Mapping.new(from.hex, to.hex, permissions, offset.hex, device, inode, path)
      end
    rescue Errno::ENOENT, Errno::ESRCH
      []
    end

    def places(pid, mapping)
      @places[mapping.identity] ||=
        semaphore_places(File.binread("/proc/#{pid}/map_files/#{mapping.from.to_s(16)}-#{mapping.to.to_s(16)}"))
    end

    # The offsets of the semaphores in an image, by probe.
    def semaphore_places(image)
      ElfFile.new(image).probes.to_h { |probe| [probe.to_s, probe.semaphore_offset] }
    end
  end
end
