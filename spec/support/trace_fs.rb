# frozen_string_literal: true

require "open3"

# The file system through which perf makes its events. Fresh machines and containers don't have it mounted.
#
#   TraceFs.with { |path| File.read("#{path}/uprobe_events") }
module TraceFs
  class Failure < StandardError; end

  PATH = "/sys/kernel/tracing"

  # Why it can't be had, or nil.
  def self.missing
    return if mounted?
    return "mounting tracefs asks for root" unless Process.euid.zero?

    "the kernel has no tracefs" unless File.read("/proc/filesystems").match?(/\ttracefs$/) && File.directory?(PATH)
  end

  def self.mounted? = File.readlines("/proc/mounts").any? { |line| line.split.values_at(1, 2) == [PATH, "tracefs"] }

  # Mounts it if it isn't, and leaves the machine as it was.
  def self.with
    mounting = !mounted?
    mount if mounting
    yield PATH
  ensure
    unmount if mounting && mounted?
  end

  def self.mount
    output, status = Open3.capture2e("mount", "-t", "tracefs", "none", PATH)
    raise Failure, "mount: #{status}\n#{output}" unless status.success? || mounted?
  end

  def self.unmount
    output, status = Open3.capture2e({ "LC_ALL" => "C" }, "umount", PATH)
    # Busy: somebody else uses by now what we mounted, and it is theirs to keep.
    return if status.success? || output.include?("busy") || !mounted?

    raise Failure, "umount: #{status}\n#{output}"
  end

  private_class_method :mount, :unmount
end
