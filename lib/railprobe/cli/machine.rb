# frozen_string_literal: true

require "open3"

module Railprobe
  module CLI
    # What decides whether tracers work here, as the system's own files tell it.
    class Machine
      KERNEL = "4.20" # the first whose uprobes have semaphores
      BPF_ACCOUNTING = "5.11" # the first that counts a BPF program's memory by cgroup
      SYS_ADMIN = 21
      PERFMON = 38
      BPF = 39
      TRACEFS = %w[tracefs debugfs].freeze
      CONTAINERS = { "/.dockerenv" => "Docker", "/run/.containerenv" => "Podman" }.freeze
      SEMAPHORES = "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset"

      # root is put in front of every path.
      def initialize(root: "", env: ENV, uid: Process.euid)
        @root = root
        @env = env
        @uid = uid
      end

      def linux? = File.exist?(path("/proc/sys/kernel/osrelease"))
      def kernel = read("/proc/sys/kernel/osrelease").strip
      def semaphores? = File.exist?(path(SEMAPHORES))

      # At least that version; true where the kernel's can't be read.
      def kernel?(version)
        numbers = kernel[/\A\d+(?:\.\d+)*/]
        numbers.nil? || Gem::Version.new(numbers) >= Gem::Version.new(version)
      end

      def superuser? = @uid.zero?

      # Whether root may do here what tracers do.
      def may_trace?
        bits = read("/proc/self/status")[/^CapEff:\s*(\h+)/, 1].to_s.to_i(16)
        has = ->(bit) { bits[bit] == 1 }
        has[SYS_ADMIN] || (has[BPF] && has[PERFMON])
      end

      # Where tracefs is mounted; nil where it isn't.
      def tracefs
        mounts = read("/proc/mounts").lines.map(&:split)
        mounts.find { |_, place, type| TRACEFS.include?(type) && place.start_with?("/sys/kernel/") }&.at(1)
      end

      # The strictest mode keeps BPF from reading memory.
      def locked? = read("/sys/kernel/security/lockdown").include?("[confidentiality]")

      # What sort of container this is in, or nil.
      def container
        return "Kubernetes" if @env.key?("KUBERNETES_SERVICE_HOST")

        CONTAINERS.find { |file, _| File.exist?(path(file)) }&.last ||
          read("/proc/self/cgroup")[/docker|kubepods|lxc|containerd/]
      end

      # As in "0.17.0"; nil where there is none.
      def bpftrace
        output, status = Open3.capture2e(@env.to_h, "bpftrace", "--version")
        output[/\d+(?:\.\d+)+/] if status.success?
      rescue SystemCallError
        nil
      end

      private

      def path(name) = File.join(@root, name)

      # Nothing, of what isn't there or may not be read.
      def read(name)
        File.read(path(name))
      rescue SystemCallError
        ""
      end
    end
  end
end
