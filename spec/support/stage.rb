# frozen_string_literal: true

# The half of a target that runs in it (target.rb is the other): every process of a target has a line to the
# spec, on which it answers one question after another until the spec hangs up.
require "json"
require "socket"
require "railprobe"

module Stage
  ANSWERS = {} # rubocop:disable Style/MutableConstant
  CHANGES = [] # rubocop:disable Style/MutableConstant
  CHILDREN = [] # rubocop:disable Style/MutableConstant

  class << self
    attr_reader :line

    def answer(name, &block) = ANSWERS[name.to_s] = block

    def connect(kind = "main")
      @line = UNIXSocket.new(ENV.fetch("STAGE_SOCKET"))
      @line.puts(JSON.generate([Process.pid, kind]))
      @line
    end

    def serve(kind = "main")
      connect(kind)
      while (question = line.gets)
        line.puts(JSON.generate(reply_to(question)))
      end
    end

    # What a forked process does: it must not keep its parent's line open.
    def serve_as(kind)
      line.close
      [CHANGES, CHILDREN].each(&:clear)
      serve(kind)
    end

    # Notes a child that is to be reaped.
    def remember(pid) = CHILDREN << pid

    # As a program that somebody else would run: the whole of it again.
    def command(kind) = [{ "STAGE_KIND" => kind }, RbConfig.ruby, "-r", __FILE__, $PROGRAM_NAME]

    # Declares, listens and loads: what the program of a target begins with. In this order, so that it is told
    # of a tracer that is there already.
    def load
      yield if block_given?
      Railprobe.on_change { |probe, attached| CHANGES << [probe.name, attached] }
      Railprobe.load or abort("Railprobe.load: #{Railprobe.unsupported_reason || Railprobe.report}")
    end

    private

    def reply_to(question)
      name, *arguments = JSON.parse(question)
      { value: ANSWERS.fetch(name).call(*arguments) }
    rescue StandardError, NotImplementedError => error
      { error: error.full_message(highlight: false) }
    end
  end

  answer(:path) { |probe| Railprobe[probe].path }
  answer(:attached) { |probe| Railprobe[probe].attached? }
  answer(:changes) { CHANGES }
  answer(:report) { Railprobe.report }

  # Fires a probe with the same values again and again, and says how often: the number to compare with.
  answer(:fire) do |probe, times = 1, *values|
    fired = 0
    probe = Railprobe[probe]
    times.times do
      probe.fire(*values)
      fired += 1
    end
    fired
  end

  # The same in many threads, each with its own probe object.
  answer(:fire_in_threads) do |probe, threads, times, *values|
    Array.new(threads) { Thread.new { ANSWERS.fetch("fire").call(probe, times, *values) } }.sum(&:value)
  end

  # The ways in which Ruby makes a process.
  KINDS = {
    "fork" => -> { Stage.remember(fork { Stage.serve_as("fork") }) },
    "Process.fork" => -> { Stage.remember(Process.fork { Stage.serve_as("Process.fork") }) },
    "thread" => -> { Thread.new { Stage.remember(fork { Stage.serve_as("thread") }) }.value },
    "double" => -> { Process.wait(fork { fork { Stage.serve_as("double") } }) },
    "popen" => lambda do
      pipe = IO.popen("-", "r+")
      pipe ? Stage.remember(pipe.pid) : (Stage.serve_as("popen") || exit)
    end,
    "daemon" => lambda do
      Process.wait(fork { Process.daemon(true, true) && Stage.serve_as("daemon") })
    end,
    "spawn" => -> { Stage.remember(spawn(*Stage.command("spawn"))) },
    "system" => -> { Thread.new { system(*Stage.command("system")) } && nil },
    "exec" => -> { Stage.remember(fork { exec(*Stage.command("exec")) }) }
  }.freeze

  answer(:fork) do |kind|
    KINDS.fetch(kind).call
    kind
  end

  # How the children ended, once the spec has hung up on them: signals that killed them.
  answer(:reap) { CHILDREN.map { |pid| Process.wait2(pid).last.termsig }.tap { CHILDREN.clear }.compact }
end
