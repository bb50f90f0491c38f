# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "bpftrace"
require_relative "target"

# What every end-to-end spec does: a directory for its images, targets, tracers, and afterwards the proof
# that nothing is left of them: no process, no raised semaphore, no file.
module EndToEnd
  include Waiting

  attr_reader :directory

  # A target with its images in the spec's directory.
  def start_target(program = "plain.rb", env: {}, **options)
    Target.new(program, env: { "RAILPROBE_DIR" => images }.merge(env), **options)
  end

  def images = File.join(directory, "images")

  # A tracer, returned when it is attached: when the probes, or those that the program names, are raised in
  # all of the targets and peers. Those of a program that prints stay on one CPU from now on: bpftrace has a buffer
  # for each CPU and reads one after the other, so only what one CPU has printed is sure to come in its order.
  def trace(program, on:, probes: program.scan(/usdt:[^:\s]+:(\w+:\w+)/).flatten.uniq, **options)
    pids_of(on).each { |pid| keep_on_one_cpu(pid) } if program.include?("printf")
    Bpftrace.new(program, **options).tap { |tracer| wait_attached(tracer, on, probes) }
  end

  def wait_attached(tracer, peers, probes)
    pids = pids_of(peers)
    wait_until("#{probes} attached in #{pids}") do
      tracer.check_running
      raise Target::Failure, "ended: #{pids.select { |pid| gone?(pid) }}" if pids.any? { |pid| gone?(pid) }

      tracer.waiting? && pids.all? { |pid| (probes - Semaphores.raised(pid)).empty? }
    end
  end

  # Waits until no semaphore is up in any of them; it would be a leak if one stayed.
  def expect_released(*peers)
    pids_of(peers).each do |pid|
      wait_until("semaphores 0 in #{pid}: #{Semaphores.raised(pid)}") { Semaphores.raised(pid).empty? }
    end
  end

  def pids_of(peers)
    [peers].flatten.flat_map { |peer| peer.is_a?(Target) ? peer.peers.map(&:pid) : peer.pid }
  end

  def clean_up
    left = Bpftrace.running.dup.each(&:kill!)
    expect_released(*Target.running) if left.empty?
  ensure
    Target.running.dup.each { |target| stop_quietly(target) }
  end

  # What would change if anything below a directory were touched: of every file its inode, times, mode and owner.
  def everything(top)
    Dir.glob("**/*", base: top).sort.to_h do |name|
      stat = File.lstat(File.join(top, name))
      [name, [stat.ino, stat.mtime, stat.ctime, stat.mode, stat.uid, stat.nlink, stat.size]]
    end
  end

  # Every descendant is gone. Those that Process.daemon passes through on its way are left for us to reap.
  def expect_no_children
    wait_until("no child process is left", deadline: 10) do
      Process.wait(-1, Process::WNOHANG)
      false
    rescue Errno::ECHILD
      true
    end
  end

  private

  def keep_on_one_cpu(pid)
    said, status = Open3.capture2e("taskset", "--all-tasks", "--cpu-list", "--pid", "0", pid.to_s)
    raise Target::Failure, said unless status.success?
  end

  # One that fails to stop must not keep the others running.
  def stop_quietly(target)
    target.stop
  rescue Target::Failure, Waiting::TimeUp => error
    @stop_failure ||= error
  end
end

RSpec.configure do |config|
  config.include(EndToEnd, :e2e)

  config.around(:each, :e2e) do |example|
    Target.adopt
    Dir.mktmpdir("railprobe") do |directory|
      @directory = directory
      Dir.mkdir(images, 0o700)
      begin
        example.run
      ensure
        clean_up
      end
      raise @stop_failure if @stop_failure && !example.exception

      expect_no_children
    end
  end
end
