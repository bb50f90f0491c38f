# frozen_string_literal: true

require "fiddle"
require "fileutils"
require "json"
require "rbconfig"
require "socket"
require "tempfile"
require "tmpdir"
require_relative "semaphores"
require_relative "waiting"

# A Ruby program with probes, in a process of its own, and the processes it forks. stage.rb is what runs in
# them.
class Target
  class Failure < StandardError; end

  PROGRAMS = File.expand_path("../e2e/programs", __dir__)
  # Another directory tests an installed gem.
  LIBRARY = ENV.fetch("RAILPROBE_LIBRARY") { File.expand_path("../../lib", __dir__) }
  STAGE = File.expand_path("stage.rb", __dir__)
  DEADLINE = 60
  BOOT = 120
  PR_SET_CHILD_SUBREAPER = 36

  @running = []

  class << self
    attr_reader :running

    # Makes orphans among the descendants of this process its children, so that none can be left unnoticed.
    def adopt
      prctl = Fiddle::Function.new(Fiddle.dlopen(nil)["prctl"], [Fiddle::TYPE_INT, *[Fiddle::TYPE_LONG] * 4],
                                   Fiddle::TYPE_INT)
      prctl.call(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end
  end

  # One process and the line to it.
  class Peer
    attr_reader :pid, :kind

    def initialize(line, target)
      @line = line
      @target = target
      @pid, @kind = read
    end

    # What the program answers; what it raises is raised here.
    def ask(question, *arguments)
      @line.puts(JSON.generate([question, *arguments]))
      reply = read
      raise Failure, reply["error"] if reply["error"]

      reply["value"]
    end

    # The next thing it says unasked.
    def read(deadline: DEADLINE)
      @line.wait_readable(deadline) or raise Failure, "process #{pid} says nothing\n#{@target.errors}"
      said = @line.gets or raise Failure, "process #{pid} hung up\n#{@target.errors}"
      JSON.parse(said)
    end

    def hang_up = @line.closed? || @line.close
    def gone? = Waiting.gone?(pid)
    def raised = Semaphores.raised(pid)
    def image?(path) = Semaphores.images(pid).include?(File.realpath(path))
  end

  attr_reader :main, :peers

  # program: a file of spec/e2e/programs. wrapper: words put in front of the command, which must end in an
  # exec of the rest. env: the environment on top of ours. requires: what is loaded before anything else.
  def initialize(program, env: {}, wrapper: [], requires: [], chdir: Dir.pwd)
    @directory = Dir.mktmpdir("target")
    @server = UNIXServer.new(File.join(@directory, "socket"))
    @errors = Tempfile.new("target-errors")
    @peers = []
    required = [*requires, STAGE].flat_map { |path| ["-r", path] }
    @child = spawn(environment.merge(env), *wrapper, RbConfig.ruby, *required, File.join(PROGRAMS, program),
                   in: File::NULL, out: @errors.path, err: [@errors.path, "a"], chdir: chdir)
    self.class.running << self
    @main = accept
  end

  def ask(...) = main.ask(...)
  def pid = main.pid
  def errors = File.read(@errors.path)

  # Another process of it, made in one of the ways that stage.rb knows.
  def fork(kind = "fork")
    main.ask(:fork, kind)
    accept
  end

  def fork_many(count, kind = "fork") = Array.new(count) { fork(kind) }

  # The next process that calls.
  def accept
    Waiting.wait_until("a call from #{@child}\n#{errors}", deadline: BOOT) do
      raise Failure, "the target ended\n#{errors}" if @peers.empty? && reap_early

      @server.wait_readable(Waiting::PAUSE)
    end
    Peer.new(@server.accept, self).tap { |peer| @peers << peer }
  end

  # Ends forked processes, in the order given, and waits until they are gone.
  def end_peers(ended = peers - [main])
    ended.each(&:hang_up)
    ended.each do |peer|
      Waiting.wait_until("the end of #{peer.kind} #{peer.pid}") { peer.gone? }
      bury(peer.pid)
    end
    @peers -= ended
  end

  # Ends all of it. Raises if the program did not end well.
  def stop
    return unless self.class.running.delete(self)

    end_peers
    main&.hang_up
    status = @status || Waiting.reap(@child, deadline: DEADLINE)
    raise Failure, "the target: #{status}\n#{errors}" unless status.success? || @ending
  ensure
    kill unless status
    [@server, @errors].each(&:close)
    FileUtils.remove_entry(@directory)
  end

  # Ends a program that does not listen.
  def terminate
    @ending = true
    Process.kill("TERM", @child)
  end

  private

  def environment
    { "RUBYLIB" => LIBRARY, "RUBYOPT" => nil, "BUNDLER_SETUP" => nil, "BUNDLE_GEMFILE" => nil,
      "STAGE_SOCKET" => @server.path, "RAILPROBE_SITE" => nil }
  end

  def reap_early
    _, @status = Process.wait2(@child, Process::WNOHANG)
    @status
  end

  # A grandchild whose parent went before it is ours since then: see .adopt.
  def bury(pid)
    Process.wait(pid, Process::WNOHANG)
  rescue Errno::ECHILD
    nil # its parent is still there to do it
  end

  def kill
    ([@child] + @peers.map(&:pid)).uniq.each do |pid|
      Process.kill("KILL", pid)
    rescue Errno::ESRCH
      next
    end
    Process.wait(@child)
  rescue Errno::ECHILD
    nil
  end
end
