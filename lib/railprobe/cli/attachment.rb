# frozen_string_literal: true

require "tempfile"

module Railprobe
  module CLI
    # A bpftrace that attaches to a builtin probe of this process, and leaves as soon as that is seen.
    class Attachment
      # One that next to nobody else listens to, and whose hook costs nothing until it fires.
      PROBE = "rails:deprecation"
      LIMIT = 20 # seconds
      PAUSE = 0.02

      # How many seconds it took; nil if it did not come to it, and then .said is what bpftrace had to say.
      attr_reader :seconds, :said

      # file is the builtin image.
      def initialize(file)
        @file = file
        @said = ""
      end

      def try
        output = Tempfile.new("railprobe-doctor")
        from = now
        pid = start(output)
        sleep(PAUSE) until attached? || ended?(pid) || now - from > LIMIT
        @seconds = now - from if attached?
        self
      ensure
        stop(pid) if pid
        @said = output.read
        output.close!
      end

      private

      # In a group of its own, so that a Ctrl-C is for us alone.
      def start(output)
        spawn("bpftrace", "-e", "usdt:#{@file}:#{PROBE} { }",
              in: File::NULL, out: output.path, err: %i[child out], pgroup: true)
      end

      def attached? = Engine.builtin_probes.find { |row| row.fetch(:name) == PROBE }&.fetch(:attached)

      def ended?(pid) = @ended ||= Process.wait(pid, Process::WNOHANG)

      # Detaching takes it a tenth of a second.
      def stop(pid)
        return if ended?(pid)

        Process.kill("INT", pid)
        from = now
        sleep(PAUSE) until ended?(pid) || now - from > LIMIT
        return if ended?(pid)

        Process.kill("KILL", pid)
        Process.wait(pid)
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
