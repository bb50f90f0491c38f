# frozen_string_literal: true

# Whether this machine can attach real tracers to user-space probes.
module Tracing
  SEMAPHORES = "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset"

  # What is missing, in words; nil when nothing is.
  def self.unavailable_reason
    return "attaching uprobes takes root" unless Process.euid.zero?
    return "bpftrace is not in PATH" unless in_path?("bpftrace")

    "this kernel has no uprobes with semaphores (no #{SEMAPHORES})" unless File.exist?(SEMAPHORES)
  end

  # Whether the engine has to work here: on this platform, and not switched off.
  def self.engine_expected?
    RUBY_ENGINE == "ruby" && RUBY_PLATFORM.match?(/\A(?:x86_64|aarch64)-linux/) && ENV["RAILPROBE"] != "0"
  end

  def self.in_path?(command)
    ENV.fetch("PATH", "").split(File::PATH_SEPARATOR).any? { |directory| File.executable?(File.join(directory, command)) }
  end
  private_class_method :in_path?
end
