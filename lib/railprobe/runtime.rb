# frozen_string_literal: true

module Railprobe
  # The one runtime object: what is set, what was complained of, who wants to know of changes. All that
  # probes do themselves is in the engine.
  class Runtime
    POLL_MS = 100
    COMPLAINTS_MAX = 100 # different ones that are remembered; the rest is counted together
    SIGNALS = [60, 61, 59, 58, 57, 56].freeze # real-time signals that are rarely taken, best first

    class << self
      # Made once, when the library is loaded.
      def instance = @instance ||= new

      # -- called by the engine, from any Ractor, and never let through unless strict -----------------

      # Values that do not fit; wrong is the number of the value, nil if there are too few or too many.
      def reject(probe, values, wrong)
        signature = Signature.describe(probe.name, probe.arguments)
        given = values.map { |value| value.class.name || "?" }.join(", ")
        argument = wrong && probe.arguments.keys[wrong]
        what = argument ? "#{argument} can't be #{article(values[wrong].class)}" : "the number of values is wrong"
        fail_or_complain(ArgumentError, "#{signature} was fired with (#{given}): #{what}")
      end

      # The block of a fire has raised.
      def block_failed(probe, error, _unused)
        fail_or_complain(error.class, "the block given to #{probe.name} raised #{error.class}: #{error.message}")
      end

      # Tracers have come or gone.
      def deliver(_probe, _first, _second) = instance.deliver

      # A look-up of what was never declared.
      def unknown(name)
        return instance.unknown(Signature.text(name)) if Ractor.current == Ractor.main

        Kernel.warn("railprobe: no probe #{name.inspect} is declared")
        IdleProbe.new(name)
      end

      private

      # Only the main Ractor can see the runtime object; the others write to standard error.
      def fail_or_complain(error_class, message)
        return instance.fail_or_complain(error_class, message) if Ractor.current == Ractor.main

        Kernel.warn("railprobe: #{message}")
      end

      def article(klass) = "#{klass.name.to_s.match?(/\A[AEIOU]/) ? "an" : "a"} #{klass}"
    end

    attr_reader :strict
    attr_accessor :logger
    attr_writer :root

    def initialize
      @strict = false
      @complaints = Hash.new(0)
      @unknown = {}
      @attached = {}
      @listeners = []
      @changes = Thread::Queue.new
      @delivering = false
      @load_failure = nil
      @start_failure = ENGINE_FAILURE ? nil : Engine.start(interval_ms)
    end

    def root = @root || Dir.pwd

    def strict=(strict)
      @strict = strict ? true : false
      Engine.strict = @strict
    end

    # -- declaring --------------------------------------------------------------------------------

    def declare(label, arguments)
      signature = Signature.new(label, arguments)
      Engine.declare(signature.provider, signature.name, signature.pairs)
    rescue DeclarationError => error
      fail_or_complain(DeclarationError, error.message)
      IdleProbe.new(label)
    end

    def remove(label) = !Engine.remove(*Signature.split(label)).nil?

    def providers
      Engine.probes.sort_by(&:name).group_by(&:provider).sort.to_h
    end

    # A name that is not declared is complained of once, and then known.
    def unknown(name)
      return @unknown[name] if @unknown.key?(name) && !strict

      fail_or_complain(UnknownProbeError, "no probe #{name.inspect} is declared#{suggestion(name)}")
      probe = IdleProbe.new(name)
      @unknown[name] = probe if @unknown.size < COMPLAINTS_MAX
      probe
    end

    # -- loading ----------------------------------------------------------------------------------

    def load(site)
      @load_failure = Engine.load(directories, fast_site?(site))
      return settle if @load_failure.nil?

      tried = Engine.attempts.map { |path, why, system| "#{path}: #{why}#{" (#{system})" if system}" }
      fail_or_complain(LoadError, "no probe can be attached to: #{@load_failure}. Tried #{tried.join("; ")}")
      false
    end

    def unload = Engine.unload

    def unsupported_reason
      ENGINE_FAILURE || @start_failure || @load_failure
    end

    # Where images may be, best first: RAILPROBE_DIR, the app's tmp/railprobe, the user's run-time
    # directory, a private directory under the system's temporary one.
    def directories
      run_time = ENV.fetch("XDG_RUNTIME_DIR", nil)
      temporary = ENV.fetch("TMPDIR", "/tmp")
      [ENV.fetch("RAILPROBE_DIR", nil), app_directory,
       (File.join(run_time, "railprobe") if run_time && !run_time.empty?),
       File.join(temporary, "railprobe-#{Process.euid}")]
        .compact.reject(&:empty?).filter_map { |path| expand(path) }.uniq
    end

    # -- changes ----------------------------------------------------------------------------------

    def on_change(block)
      raise ::ArgumentError, "on_change needs a block" unless block

      @listeners += [block]
      @attached.each_key { |probe| call_listener(block, probe, true) }
      block
    end

    def off_change(block)
      @listeners -= [block]
      nil
    end

    # Runs between two instructions of any Ruby thread, where no lock can be taken. So the blocks are called
    # by a thread that lives for as long as there are changes.
    def deliver
      Engine.changes.each do |probe, attached|
        @changes << [probe, attached]
        @attached = attached ? @attached.merge(probe => true) : @attached.except(probe)
      end
      return if @changes.empty? || (@delivering && @deliverer.alive?)

      @delivering = true
      @deliverer = Thread.new { call_listeners }
      @deliverer.name = "railprobe changes"
    end

    # -- report -----------------------------------------------------------------------------------

    def report
      probes = Engine.probes
      { supported: unsupported_reason.nil?, unsupported_reason: unsupported_reason,
        probes: probes.size, attached: probes.select(&:attached?).map(&:name).sort,
        rejected: probes.to_h { |probe| [probe.name, probe.rejected] }.select { |_, count| count.positive? },
        images: Engine.images, attempts: Engine.attempts,
        watcher: { running: Engine.watching?, interval_ms: interval_ms, wake_signal: @wake_signal },
        complaints: @complaints.dup }
    end

    # -- complaints -------------------------------------------------------------------------------

    # Raises under strict; else says it once and counts it.
    def fail_or_complain(error_class, message)
      message = message.scrub
      raise error_class, message if strict

      message = "others" unless @complaints.key?(message) || @complaints.size < COMPLAINTS_MAX
      @complaints[message] += 1
      warn_once(message) if @complaints[message] == 1
    end

    private

    # None where the working directory is gone.
    def app_directory
      File.join(root, "tmp/railprobe") if File.directory?(File.join(root, "tmp"))
    rescue SystemCallError
      nil
    end

    # Fails for the home of a user that there is not, and for a relative path where the working directory is gone.
    def expand(path)
      File.expand_path(path)
    rescue SystemCallError, ::ArgumentError => error
      fail_or_complain(LoadError, "no image can be put in #{path}: #{error.message}")
      nil
    end

    def settle
      trap_wake_signal
      deliver # who is attached already is armed at once
      true
    end

    # A change may come at any point of this: once the flag is down it starts a thread of its own, before that
    # it is found here.
    def call_listeners
      loop do
        while (change = next_change)
          @listeners.each { |listener| call_listener(listener, *change) }
        end
        @delivering = false
        break if @changes.empty? || @delivering

        @delivering = true
      end
    end

    def next_change
      @changes.pop(true)
    rescue ThreadError
      nil
    end

    def suggestion(name)
      near = Engine.probes.map(&:name).min_by { |other| difference(other, name) }
      near && difference(near, name) <= 3 ? "; did you mean #{near.inspect}?" : ""
    end

    # How many characters one has more often than the other.
    def difference(one, other)
      counts = one.chars.tally
      other.each_char { |char| counts[char] = counts.fetch(char, 0) - 1 }
      counts.values.sum(&:abs)
    end

    def call_listener(listener, probe, attached)
      listener.call(probe, attached)
    rescue StandardError, ScriptError => error
      fail_or_complain(error.class, "a block given to on_change raised #{error.class}: #{error.message}")
    end

    # A logger that fails must not fail the app.
    def warn_once(message)
      logger ? logger.warn("railprobe: #{message}") : Kernel.warn("railprobe: #{message}")
    rescue StandardError
      nil
    end

    def interval_ms
      @interval_ms ||= Integer(ENV.fetch("RAILPROBE_POLL_MS", POLL_MS), exception: false)&.clamp(1, 60_000) || POLL_MS
    end

    def fast_site?(site)
      wanted = (site || ENV["RAILPROBE_SITE"] || :safe).to_sym
      unless %i[safe fast].include?(wanted)
        fail_or_complain(LoadError, "there is no site #{wanted.inspect}: write safe or fast")
        wanted = :safe
      end
      wanted == :fast && Engine.fast_site?
    end

    # An empty trap, so that the watcher can wake an idle process. A signal that anyone has a handler for is
    # left alone.
    def trap_wake_signal
      return if @wake_signal || ENV["RAILPROBE_WAKE"] == "0" || ENGINE_FAILURE

      @wake_signal = SIGNALS.find { |signal| Engine.signal_free?(signal) }
      return unless @wake_signal

      Signal.trap(@wake_signal) { nil }
      Engine.wake_signal = @wake_signal
    end
  end
end
