# frozen_string_literal: true

# What a thousand methods in the YAML cost while nobody is attached, in instructions: callgrind counts them all, in
# a process with the gem and the tracers loaded, and in one without. So that start-up does not count, it collects within
# a catch only: no other is in these programs.
#
#   ruby benchmark/unarmed.rb        prints the instructions of a call, without and with, and the difference
#
# A run of this file with a kind is one of the processes.
require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

class Unarmed
  CLASSES = 50
  METHODS = 20
  LOOPS = 100
  # Fills the caches, and has YJIT compile all of it where it is on.
  WARM_UP = defined?(RubyVM::YJIT.enabled?) && RubyVM::YJIT.enabled? ? 60 : 2
  LIBRARY = File.expand_path("../lib", __dir__)
  KINDS = %w[without with again].freeze # again: once more with the gem, after each method was armed and disarmed

  Result = Struct.new(:instructions, :calls) do
    def per_call = instructions.fdiv(calls)
    def difference_from(other) = (instructions - other.instructions).fdiv(other.instructions)
  end

  # Kind => Result.
  def run
    Dir.mktmpdir("unarmed") do |directory|
      @directory = directory
      Dir.mkdir(File.join(directory, "images"), 0o700)
      KINDS.map { |kind| [kind, start(kind)] }.to_h { |kind, reader| [kind, count(reader)] }
    end
  end

  private

  def count(reader) = Result.new(instructions(*reader), LOOPS * CLASSES * METHODS)

  # All of them run side by side.
  def start(kind)
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
               "--toggle-collect=rb_catch_obj", RbConfig.ruby, "--disable-gems", "-W0", "-I", LIBRARY, __FILE__, kind,
               @directory]
    environment = { "RAILPROBE_DIR" => File.join(@directory, "images"), "RUBYOPT" => nil, "RUBYLIB" => nil,
                    "RUBY_GC_HEAP_INIT_SLOTS" => "200000", "RAILPROBE_POLL_MS" => "60000" }
    _, output, thread = Open3.popen2e(environment, *command)
    [output, thread]
  end

  def instructions(output, thread)
    text = output.read
    raise "callgrind: #{text}" unless thread.value.success?

    text[/Collected : (\d+)/, 1].to_i
  end

  # One of the processes.
  class Process
    def initialize(kind, directory)
      @kind = kind
      @directory = directory
    end

    def run
      define
      before = facts
      trace unless @kind == "without"
      arm_and_disarm if @kind == "again"
      abort("the methods are others now") unless facts == before
      GC.disable
      work
    end

    private

    def define
      CLASSES.times do |number|
        methods = Array.new(METHODS) { |index| "def method_#{index}(one, two = 2) = @last = one\n" }.join
        Object.const_set("Traced#{number}", Class.new).class_eval(methods, __FILE__, __LINE__)
      end
      @classes = Array.new(CLASSES) { |number| Object.const_get("Traced#{number}") }
    end

    # What there is to ask of a method, and the Method objects themselves.
    def facts
      @classes.flat_map do |traced|
        traced.instance_methods(false).map { |name| traced.instance_method(name) }
              .map { |method| [method, method.owner, method.arity, method.parameters, method.source_location] }
      end
    end

    def trace
      require "railprobe"
      file = File.join(@directory, "tracers-#{::Process.pid}.yml")
      entries = @classes.map { |traced| "  - class: #{traced}\n    methods: \"*\"\n" }
      File.write(file, "version: 1\ntracers:\n#{entries.join}")
      Railprobe.start(file) or abort("Railprobe.start: #{Railprobe.report}")
      states = Railprobe.report[:tracers].map { |row| row[:state] }
      abort(states.tally.to_s) unless states.tally == { ready: CLASSES * METHODS }
    end

    # As a tracer does that sees all of them and leaves.
    def arm_and_disarm
      require_relative "../spec/support/semaphore"
      semaphores = Railprobe.report[:tracers].each_slice(METHODS).map do |rows|
        Semaphore.new(Railprobe[rows[0][:probes][0]])
      end
      semaphores.each { |semaphore| semaphore.add(1) }
      Railprobe::Engine.settle
      armed = Railprobe.report[:tracers].count { |row| row[:state] == :armed }
      abort("#{armed} armed") unless armed == CLASSES
      semaphores.each { |semaphore| semaphore.add(-1) }
      Railprobe::Engine.settle
    end

    # Each method has a call site of its own, as most have in an app.
    def work
      calls = Array.new(CLASSES * METHODS) { |index| "objects[#{index / METHODS}].method_#{index % METHODS}(number)" }
      workload = Object.new
      text = "def call_all(objects, loops)\nloops.times { |number|\n#{calls.join("\n")} }\nend"
      workload.instance_eval(text, __FILE__, __LINE__)
      objects = @classes.map(&:new)
      workload.call_all(objects, WARM_UP)
      catch { workload.call_all(objects, LOOPS) }
    end
  end
end

if $PROGRAM_NAME == __FILE__
  if ARGV.any?
    Unarmed::Process.new(*ARGV).run
  else
    results = Unarmed.new.run
    results.each do |kind, result|
      puts format("%-8s %10.2f instructions a call, %+.4f %%", kind, result.per_call,
                  result.difference_from(results["without"]) * 100)
    end
  end
end
