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

    # The images that a process has mapped.
    def images(pid) = mappings(pid).map(&:path).uniq

    private

    def each(pid)
      return enum_for(:each, pid) unless block_given?

      File.open("/proc/#{pid}/mem", "rb") do |memory|
        mappings(pid).select { |mapping| mapping.permissions == "rw-p" }.each do |mapping|
          places(pid, mapping).each do |name, place|
            next unless mapping.cover?(place)

            memory.seek(mapping.address(place))
            value = memory.read(2) or raise EOFError
            yield name, value.unpack1("S")
          end
        end
      end
    rescue Errno::ENOENT, Errno::ESRCH, Errno::EIO, EOFError
      nil # it is gone, and its semaphores are too
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
