# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "readers"
require_relative "trace_fs"

module Readers
  # perf keeps what it learns of an image in a cache in the home directory, and its events in the kernel until
  # somebody removes them. Here both last as long as the block:
  #
  #   Readers::Perf.with(path) do |perf|
  #     perf.probes                                      #=> [["order", "hit"], ...]
  #     perf.event("order:hit") { |event| perf.record(event) { fire } }   #=> how many times it fired
  #   end
  class Perf < Reader
    @program = "perf"
    LISTED = /\A +sdt_([^:@]+):([^\s:@]+) +\[SDT event\]\z/

    def self.missing = super || TraceFs.missing || ("perf asks for root" unless Process.euid.zero?)

    def self.probes(path) = with(path, &:probes)

    # Even listing is within TraceFs.with, since perf mounts tracefs by itself and leaves it there.
    def self.with(path)
      Dir.mktmpdir("perf") do |home|
        TraceFs.with do
          perf = new(home)
          perf.add(path)
          yield perf
        ensure
          perf&.purge(path)
        end
      end
    end

    def initialize(home)
      super()
      @home = home
      @cache = File.join(home, "build-ids")
    end

    def add(path) = run("buildid-cache", "--add", path)
    def purge(path) = run("buildid-cache", "--purge", path)

    def probes = self.class.send(:scan, run("list", "sdt"), LISTED)

    # Makes an event of a probe, yields the event's name, and removes the event.
    def event(probe)
      name = "sdt_#{probe}"
      raise Failure, "there is an event #{name} already" if events.include?(name)

      # It tells on standard error what it added.
      run("probe", "%#{name}", expected: //)
      raise Failure, "perf probe made no event #{name}: #{events.inspect}" unless events.include?(name)

      made = true
      yield name
    ensure
      remove(name) if made
    end

    # Not with perf probe --del: that has room for 120 bytes of provider and name, and leaves longer ones behind.
    def remove(event) = File.write(definitions, "-:#{event.tr(":", "/")}", mode: "a")

    # The events of uprobes there are, as group:name.
    def events
      File.readlines(definitions).map { |line| line[/\A[pr]:(\S+)/, 1].tr("/", ":") }
    end

    # Records the event on the whole machine while the block runs. Returns how many times it happened.
    def record(event)
      data = File.join(@home, "perf.data")
      recording = start_recording(event, data)
      begin
        yield
      ensure
        stop_recording(*recording)
      end
      samples(data, event)
    end

    private

    def definitions = File.join(TraceFs::PATH, "uprobe_events")

    def environment = { "HOME" => @home, "LC_ALL" => "C", "PAGER" => "cat" }

    def run(*arguments, **options)
      Readers.run("perf", "--no-pager", "--buildid-dir", @cache, *arguments, env: environment, **options)
    end

    # perf starts with the event disabled (--delay -1), is told to enable it and says when it has: from then
    # on everything counts. The semaphore alone would tell too early, as it is raised before that.
    def start_recording(event, data)
      control, tell = IO.pipe
      hear, acknowledge = IO.pipe
      log = File.join(@home, "perf.log")
      pid = Process.spawn(
        environment, "perf", "--buildid-dir", @cache, "record", "--all-cpus", "--event", event, "--output", data,
        "--no-buildid", "--delay", "-1", "--control", "fd:#{control.fileno},#{acknowledge.fileno}",
        control => control, acknowledge => acknowledge, in: File::NULL, out: log, err: log
      )
      [control, acknowledge].each(&:close)
      tell.syswrite("enable\n")
      answer = hear.wait_readable(DEADLINE) && hear.gets
      return [pid, tell, hear, log] if answer == "ack\n"

      stop_recording(pid, tell, hear, log)
      raise Failure, "perf record answers #{answer.inspect}\n#{File.read(log)}"
    rescue Errno::EPIPE
      stop_recording(pid, tell, hear, log)
      raise Failure, "perf record ended\n#{File.read(log)}"
    end

    def stop_recording(pid, tell, hear, log)
      Process.kill("INT", pid)
      _, status = Process.wait2(pid)
      return if status.success? || status.termsig == Signal.list["INT"]

      raise Failure, "perf record: #{status}\n#{File.read(log)}"
    ensure
      [tell, hear].each(&:close)
    end

    def samples(data, event)
      output = run("script", "--input", data, "--fields", "comm,pid,event", expected: //)
      raise Failure, "perf lost events\n#{output}" if output.match?(/lost/i)

      output.lines.count { |line| line.match?(/ #{Regexp.escape(event)}:\s*$/) }
    end
  end
end
