# frozen_string_literal: true

require_relative "../catalog"
require_relative "app_user"
require_relative "attachment"
require_relative "file_report"
require_relative "machine"

module Railprobe
  module CLI
    # Whether this machine can trace this app: a line for each thing it takes, and what to do where one is not well.
    class Doctor
      SUMMARY = "tell whether this machine can trace, and what to do if it can't"
      USAGE = <<~TEXT
        Usage: railprobe doctor [FILE]

        Looks at everything that tracing takes: the engine, the kernel, rights, bpftrace, where images go, FILE
        (config/tracers.yml); and, as root, has bpftrace attach to this process and leave again. In a Rails app
        `rails tracing:doctor` does it with the app's own settings.

        Exit code: 0 when it can, 1 when it can't, 2 when the command line is wrong.
      TEXT

      BPFTRACE = "0.17"
      MANY_ARGUMENTS = "0.24" # the first bpftrace that has names for more than six
      NAME = 10 # columns
      # state is :ok, :warn or :FAIL; advice is what to do.
      Finding = Struct.new(:state, :name, :text, :advice)

      class << self
        def run(arguments, out, err)
          options, files = arguments.partition { |argument| argument.start_with?("-") }
          return out.puts(USAGE) || OK if options.intersect?(%w[--help -h])
          return err.puts("railprobe doctor: #{(options + files.drop(1)).first} is too much", USAGE) || MISUSED \
            if options.any? || files.size > 1

          why = AppUser.new(Railprobe.root).hindrance
          return err.puts(why) || FAILED if why

          new(out, file: files.first || "config/tracers.yml").run
        end
      end

      def initialize(out, file: "config/tracers.yml", machine: Machine.new, attachment: Attachment)
        @out = out
        @file = file
        @machine = machine
        @attachment = attachment
      end

      def run
        Railprobe.start(@file, optional: true) if Railprobe.report.fetch(:images).empty?
        @report = Railprobe.report
        @catalog = Catalog.new(report: @report)
        findings.each { |finding| print_finding(finding) }
        findings.any? { |finding| finding.state == :FAIL } ? FAILED : OK
      end

      private

      def print_finding(finding)
        @out.puts format("%-4s  %-#{NAME}s%s", finding.state, finding.name, finding.text)
        @out.puts "#{" " * (NAME + 6)}#{finding.advice}" if finding.advice
      end

      def findings
        @findings ||= [engine, *(system if @machine.linux?), *(process if @report.fetch(:supported)), file].compact
      end

      def system = [kernel, lockdown, rights, tracefs, bpftrace, memlock, container]
      def process = [images, owner, watcher, attach]

      def ok(name, text) = Finding.new(:ok, name, text)
      def warning(name, text, advice) = Finding.new(:warn, name, text, advice)
      def failure(name, text, advice) = Finding.new(:FAIL, name, text, advice)

      # -- what is the same for every app ----------------------------------------------------------

      def engine
        here = "railprobe #{VERSION}, #{RUBY_ENGINE} #{RUBY_VERSION} on #{RUBY_PLATFORM}"
        return ok("engine", here) if @report.fetch(:supported)

        failure("engine", "#{here}; no probes: #{@report.fetch(:unsupported_reason)}",
                "The app runs all the same, and can't be traced. It takes 64-bit Linux, CRuby 3.1 and libyaml.")
      end

      def kernel
        return ok("kernel", "#{@machine.kernel}, with semaphores for uprobes") if @machine.semaphores?

        failure("kernel", "#{@machine.kernel}, without semaphores for uprobes",
                "It takes Linux #{Machine::KERNEL} with CONFIG_UPROBE_EVENTS, and /sys to be mounted.")
      end

      def lockdown
        return unless @machine.locked?

        failure("lockdown", "the kernel keeps BPF from reading memory (lockdown: confidentiality)",
                "Start it with lockdown=integrity, or none.")
      end

      def rights
        return ok("rights", "root, with what tracing takes") if @machine.superuser? && @machine.may_trace?

        if @machine.superuser?
          warning("rights", "root, but without CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON",
                  "Run bpftrace on the host, or give them to the container that runs it. The app needs none of them.")
        else
          warning("rights", "not root", "The app needn't be. bpftrace must: sudo bpftrace ...")
        end
      end

      def tracefs
        place = @machine.tracefs
        return ok("tracefs", place) if place

        warning("tracefs", "not mounted: perf finds no probes, and bpftrace complains when it leaves",
                "As root: mount -t tracefs none /sys/kernel/tracing")
      end

      def bpftrace
        version = @machine.bpftrace
        return no_bpftrace unless version
        return ok("bpftrace", "#{version}, which names all arguments") unless older?(version, MANY_ARGUMENTS)
        return ok("bpftrace", "#{version}, which names arg0 to arg5 on x86_64") unless older?(version, BPFTRACE)

        warning("bpftrace", "#{version}, and nobody tried one older than #{BPFTRACE}", "Install a newer one.")
      end

      def no_bpftrace
        install = "As root: apt-get install bpftrace; it takes #{BPFTRACE} or later."
        return failure("bpftrace", "none in PATH", install) unless @machine.container

        warning("bpftrace", "none in this container", "Run it on the host, as told under container.")
      end

      def older?(version, than) = Gem::Version.new(version) < Gem::Version.new(than)

      def memlock
        if @machine.kernel?(Machine::BPF_ACCOUNTING)
          return ok("memlock", "bpftrace may say \"couldn't set RLIMIT_MEMLOCK\": that is harmless with this kernel")
        end

        warning("memlock", "this kernel counts BPF programs by RLIMIT_MEMLOCK",
                "If bpftrace can't load a program: ulimit -l unlimited, in the same shell.")
      end

      def container
        kind = @machine.container or return
        place = @catalog.directory || "the images"
        ok("container", "#{kind}: from the host, attach to /proc/PID/root#{place}, or to the layer that has the images")
      end

      # -- this app --------------------------------------------------------------------------------

      def images
        directory = @catalog.directory
        return no_directory unless directory

        links = Dir.glob("*.so", base: directory).select { |name| File.symlink?(File.join(directory, name)) }
        refused = attempts
        text = "#{directory} (#{links.join(", ")})"
        refused ? warning("images", text, "These were not used: #{refused}") : ok("images", text)
      end

      def no_directory
        warning("images", "in memory, for no directory takes them: one attach does not see all processes",
                "Make one writable for this user, and for nobody else: #{attempts}")
      end

      def attempts
        tried = @report.fetch(:attempts)
        tried.map { |path, why, system| "#{path}: #{why}#{" (#{system})" if system}" }.join("; ") if tried.any?
      end

      # Whoever runs this may find other directories than the app does.
      def owner
        user = AppUser.new(Railprobe.root)
        return if user.here?

        warning("user", "the app seems to run as #{user.name}, and this is #{AppUser.name_of(Process.euid)}",
                "Images of one user are not used by another: run this as #{user.name} to see what the app does.")
      end

      def watcher
        watcher = @report.fetch(:watcher)
        running = watcher.fetch(:running)
        return failure("watcher", "does not run", "No tracer is seen. Please report this.") unless running

        every = "looks every #{watcher.fetch(:interval_ms)} ms"
        signal = watcher.fetch(:wake_signal)
        return ok("watcher", "#{every}, and wakes an idle process by signal #{signal}") if signal

        warning("watcher", "#{every}, and wakes no idle process",
                "RAILPROBE_WAKE is 0, or the app has handlers for signals 56 to 61. A process where every thread " \
                "sleeps sees a tracer with its next request.")
      end

      def attach
        return unless @catalog.directory && @machine.superuser? && @machine.may_trace? && @machine.bpftrace

        attachment = @attachment.new(File.join(@catalog.directory, "builtin.so")).try
        probe = Attachment::PROBE
        return ok("attach", format("bpftrace was on #{probe} after %.1f s, and left", attachment.seconds)) \
          if attachment.seconds

        failure("attach", "bpftrace did not come to #{probe}", attachment.said.split("\n").map(&:strip).join(" "))
      end

      def file
        path = File.expand_path(@file, Railprobe.root)
        return warning("file", "#{@file} is not there", "rails generate tracing config") unless File.exist?(path)
        return if ENGINE_FAILURE

        count = FileReport.new(path).errors.size
        return ok("file", "#{@file} is right") if count.zero?

        failure("file", "#{@file} has #{count} #{count == 1 ? "error" : "errors"}", "railprobe check #{@file}")
      end
    end
  end
end
