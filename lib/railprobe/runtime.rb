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
        given = values.map { |value| class_name(value) }
        argument = wrong && probe.arguments.keys[wrong]
        what = argument ? "#{argument} can't be #{article(given[wrong])}" : "the number of values is wrong"
        fail_or_complain(ArgumentError, "#{signature} was fired with (#{given.join(", ")}): #{what}")
      end

      # The block of a fire has raised.
      def block_failed(probe, error, _unused)
        fail_or_complain(error.class, "the block given to #{probe.name} raised #{error.class}: #{error.message}")
      end

      # Something of ours in an event of Rails has raised; name says in which.
      def hook_failed(_probe, name, error)
        fail_or_complain(error.class, "what is fired for #{name} raised #{error.class}: #{error.message}")
      end

      # The block of a helper type has raised error, or was left otherwise: nil.
      def type_failed(label, error, _unused)
        how = error ? "raised #{error.class}: #{error.message}" : "was left by throw, break or return"
        fail_or_complain(Error, "the block of the helper type #{label} #{how}")
      end

      # It gave values that do not fit; wrong is the number and the name of the argument, nil if there are too
      # few or too many.
      def type_refused(label, values, wrong)
        given = values.map { |value| class_name(value) }
        what = wrong ? "#{wrong.last} can't be #{article(given[wrong.first])}" : "the number of values is wrong"
        fail_or_complain(ArgumentError, "the block of the helper type #{label} gave (#{given.join(", ")}): #{what}")
      end

      # A call in another Ractor than the main one, where it can't run.
      def type_unshareable(label, _unused, _neither)
        fail_or_complain(Error, "the block of the helper type #{label} runs in the main Ractor only; " \
                                "one that Ractor.make_shareable takes runs in all")
      end

      # Tracers have come or gone.
      def deliver(_probe, _first, _second) = instance.deliver

      # A look-up of what was never declared.
      def unknown(name)
        return instance.unknown(name.to_s) if Ractor.current == Ractor.main

        Kernel.warn("railprobe: no probe #{name.inspect} is declared")
        IdleProbe.new(name)
      end

      private

      # Only the main Ractor can see the runtime object; the others write to standard error.
      def fail_or_complain(error_class, message)
        return instance.fail_or_complain(error_class, message) if Ractor.current == Ractor.main

        Kernel.warn("railprobe: #{message}")
      end

      # Of anything that can be fired with: a BasicObject has no #class, a class may have a .name of its own.
      def class_name(value)
        klass = Kernel.instance_method(:class).bind_call(value)
        Module.instance_method(:name).bind_call(klass) || "?"
      end

      def article(class_name) = "#{class_name.match?(/\A[AEIOU]/) ? "an" : "a"} #{class_name}"
    end

    attr_reader :strict, :helper_types
    attr_accessor :logger
    attr_writer :root, :hooks

    def initialize
      @strict = false
      @complaints = Hash.new(0)
      @unknown = {}
      @silent = false
      @attached = {}
      @tracers = Tracers.new
      @hooks = nil
      @helper_types = HelperTypes.new
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
      Engine.declare(signature.provider, signature.name, signature.pairs, 0)
    rescue DeclarationError => error
      fail_or_complain(DeclarationError, error.message)
      IdleProbe.new(label)
    end

    def remove(label)
      probe = Engine.remove(*Signature.split(label))
      tell([[probe, false]]) if @attached.key?(probe)
      !probe.nil?
    end

    # True if it is there now. A file that is read from now on may name it.
    def helper_type(name, moment, arguments, block)
      raise ::ArgumentError, "helper_type needs a block" unless block

      @helper_types.register(name, moment, arguments, block)
      true
    rescue DeclarationError => error
      fail_or_complain(DeclarationError, error.message)
      false
    end

    def providers
      Engine.probes.sort_by(&:name).group_by(&:provider).sort.to_h
    end

    # A name that is not declared is complained of once, and then known: comparing it with all others takes
    # milliseconds, and the code that asks for it will ask again.
    def unknown(name)
      return @unknown[name] if @unknown.key?(name) && !strict

      return IdleProbe.new(name) if @silent && !strict

      near = suggestion(name) if strict || @unknown.size < COMPLAINTS_MAX
      fail_or_complain(UnknownProbeError, "no probe #{name.inspect} is declared#{near}")
      probe = IdleProbe.new(name)
      @unknown[name] = probe if @unknown.size < COMPLAINTS_MAX
      probe
    end

    # -- tracers ----------------------------------------------------------------------------------

    # Reads the file and loads what it asks for. Errors in it are complained of, and the rest holds. Without an
    # optional one the builtin probes are loaded, and it is read when it comes.
    def start(path, optional)
      return ignore_file if ENGINE_FAILURE

      configuration = read(File.expand_path(path, root), optional)
      complain_of(configuration)
      Engine.watch_file(configuration.reload? ? configuration.path : nil)
      Engine.rails = configuration.rails
      @tracers.apply(configuration)
      load(nil).tap { @tracers.complain_of_missing }
    rescue SystemCallError, Configuration::Invalid => error
      fail_or_complain(Configuration::Invalid, "#{path}: #{error.message}")
      false
    end

    # Reads the file anew. One with errors changes nothing.
    def reload
      path = @tracers.configuration&.path or return false
      configuration = Configuration.read(path)
      return complain_of(configuration) unless configuration.valid?

      Engine.watch_file(configuration.reload? ? path : nil)
      Engine.rails = configuration.rails
      @tracers.apply(configuration)
      load(nil).tap { @tracers.complain_of_missing }
    rescue SystemCallError => error
      fail_or_complain(Configuration::Invalid, "#{path}: #{error.message}")
      false
    end

    # -- loading ----------------------------------------------------------------------------------

    def load(site)
      fast = fast_site?(site || @tracers.configuration&.site)
      @load_failure = (Engine.load_builtin(directories, fast) if @tracers.configuration)
      attempts = Engine.attempts
      @load_failure ||= Engine.load(directories, fast)
      attempts |= Engine.attempts
      settle unless @load_failure
      complain_of_places(attempts)
      @load_failure.nil?
    end

    def unload
      tell(@attached.each_key.map { |probe| [probe, false] })
      @tracers.clear if @tracers.configuration
      @silent = false
      Engine.unload
    end

    def unsupported_reason
      ENGINE_FAILURE || @start_failure || @load_failure
    end

    # Where images may be, best first: the app's own directories, the user's run-time directory, a private directory
    # under the system's temporary one.
    def directories
      run_time = setting("XDG_RUNTIME_DIR")
      temporary = File.join(setting("TMPDIR") || "/tmp", "railprobe-#{Process.euid}")
      app_directories | [(File.join(run_time, "railprobe") if run_time), temporary]
                        .compact.filter_map { |path| absolute(path) { Dir.pwd } }
    end

    # RAILPROBE_DIR, what the file names, the app's tmp/railprobe: where its other processes look too, whoever they run
    # as.
    def app_directories
      tmp = absolute("tmp") { root }
      [setting("RAILPROBE_DIR"), configured_directory, (File.join(tmp, "railprobe") if tmp && File.directory?(tmp))]
        .compact.filter_map { |path| absolute(path) { Dir.pwd } }.uniq
    end

    # -- changes ----------------------------------------------------------------------------------

    def on_change(block)
      raise ::ArgumentError, "on_change needs a block" unless block

      @listeners += [block]
      @attached.each_key { |probe| call_listener(block, probe, true) if probe.attached? }
      block
    end

    def off_change(block)
      @listeners -= [block]
      nil
    end

    # Runs between two instructions of any Ruby thread, where no lock can be taken. So the blocks are called
    # by a thread that lives for as long as there are changes.
    def deliver
      changes = Engine.changes # first: a nudge that comes of the rest is one for the next time
      look_at_tracers
      @changes << :hooks if @hooks&.changed?
      Engine.new_trips.each { |trip| @changes << describe_trip(*trip) }
      tell(changes)
    end

    # Classes that an autoloader has loaded, also anew: nobody has called a method of theirs yet. In the thread that
    # loads.
    def class_loaded(name)
      Engine.settle if @tracers.class_loaded(name)
    rescue StandardError => error
      fail_or_complain(error.class, "#{name} can't be traced: #{error.message}")
    end

    # -- report -----------------------------------------------------------------------------------

    def report
      probes = Engine.probes
      { supported: unsupported_reason.nil?, unsupported_reason: unsupported_reason,
        probes: probes.size, attached: probes.select(&:attached?).map(&:name).sort,
        rejected: probes.to_h { |probe| [probe.name, probe.rejected] }.select { |_, count| count.positive? },
        images: Engine.images, retired_images: Engine.retired_images, attempts: Engine.attempts,
        watcher: { running: Engine.watching?, interval_ms: interval_ms, wake_signal: @wake_signal },
        vm_hooks: Engine.vm_hooks, tracers: @tracers.report(tell: !strict), helper_types: @helper_types.report,
        limits: Engine.limits,
        rails: { armed: @hooks ? @hooks.armed : [], errors: Engine.hook_errors }, complaints: @complaints.dup }
    end

    # -- complaints -------------------------------------------------------------------------------

    # Raises under strict; else says it once and counts it.
    def fail_or_complain(error_class, message)
      message = message.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub # it may quote what is no text
      raise error_class, message if strict

      unless @complaints.key?(message) || @complaints.size < COMPLAINTS_MAX
        message = "there is more to complain of than the #{COMPLAINTS_MAX} things said"
      end
      @complaints[message] += 1
      log(message) if @complaints[message] == 1
    end

    private

    def settle
      trap_wake_signal
      deliver
      Engine.settle # who is attached already is armed at once
    end

    def configured_directory
      path = @tracers.configuration&.directory
      absolute(path) { root } if path
    end

    # Of what did not take an image: everything where nothing did, else only the directory that the file names.
    def complain_of_places(attempts)
      if @load_failure
        tried = attempts.map { |attempt| place(*attempt) }
        fail_or_complain(LoadError, "no probe can be attached to: #{@load_failure}. Tried #{tried.join("; ")}")
      elsif (refused = attempts.find { |path, *| path == configured_directory })
        fail_or_complain(LoadError, "the directory that #{@tracers.configuration.path} names can't be used, so " \
                                    "images are elsewhere (Railprobe.report tells where): #{place(*refused)}")
      end
    end

    def place(path, why, system) = "#{path}: #{why}#{" (#{system})" if system}"

    # Passes changes on to the listeners' thread, which is started if it is not there.
    def tell(changes)
      changes.each do |probe, attached|
        @changes << [probe, attached]
        @attached = attached ? @attached.merge(probe => true) : @attached.except(probe)
      end
      return if @changes.empty? || (@delivering && @deliverer.alive?)

      @delivering = true
      @deliverer = Thread.new { call_listeners }
      @deliverer.name = "railprobe changes"
    end

    # A change may come at any point of this: once the flag is down it starts a thread of its own, before that
    # it is found here.
    def call_listeners
      loop do
        while (change = next_change)
          case change
          when Symbol then call(change)
          when String then log(change)
          else @listeners.each { |listener| call_listener(listener, *change) }
          end
        end
        @delivering = false
        break if @changes.empty? || @delivering

        @delivering = true
      end
    end

    # :load, :reload, :hooks or :missing, which take files and locks and so are nothing for a postponed job.
    def call(task)
      case task
      when :load then load(nil)
      when :reload then reload
      when :hooks then settle_hooks
      when :missing then @tracers.complain_of_missing
      end
    end

    # What waits for a class is looked at again with the next poll.
    def settle_hooks
      @hooks.settle
      Engine.look_again if @hooks.changed?
    end

    # One line for each trip; they are counted in the report.
    def describe_trip(name, limit, pause)
      return "#{name} fires more than #{limit} times a second (limits: rate); disarmed for #{pause} s" if name

      "all probes together take more than #{limit} % of a CPU (limits: cpu); disarmed for #{pause} s"
    end

    # Without a lock, and without loading a class.
    def look_at_tracers
      return unless @tracers.configuration

      @changes << :reload if Engine.take_file_change
      @changes << :load if @tracers.refresh
      @changes << :missing if @tracers.long_missing?
      Engine.look_again if @tracers.waiting_for_class?
    end

    # What the file declares is unknown where it can't be read; asking for it is no mistake then.
    def ignore_file
      @silent = true
      false
    end

    # One that can't be read is as good as none where it is optional.
    def read(path, optional)
      Configuration.read(path)
    rescue SystemCallError => error
      raise unless optional

      fail_or_complain(Configuration::Invalid, "#{path}: #{error.message}") unless error.is_a?(Errno::ENOENT)
      Configuration.new("", path)
    end

    def complain_of(configuration)
      fail_or_complain(Configuration::Invalid, configuration.rendered.chomp) unless configuration.valid?
      false
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
      raise if strict

      fail_or_complain(error.class, "a block given to on_change raised #{error.class}: #{error.message}")
    end

    # A logger that fails must not fail the app.
    def log(message)
      logger ? logger.warn("railprobe: #{message}") : Kernel.warn("railprobe: #{message}")
    rescue StandardError, ScriptError
      nil
    end

    # An environment variable; one that is empty counts as unset.
    def setting(name)
      value = ENV.fetch(name, "")
      value unless value.empty?
    end

    # Nil for what is relative to a working directory that is gone.
    def absolute(path)
      path.start_with?("/") ? File.absolute_path(path) : File.absolute_path(path, yield)
    rescue SystemCallError
      nil
    end

    def interval_ms
      @interval_ms ||= Integer(ENV.fetch("RAILPROBE_POLL_MS", POLL_MS), exception: false)&.clamp(1, 60_000) || POLL_MS
    end

    def fast_site?(site)
      wanted = (site || setting("RAILPROBE_SITE") || :safe).to_s.to_sym
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
