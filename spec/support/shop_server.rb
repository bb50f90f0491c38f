# frozen_string_literal: true

require "rbconfig"
require_relative "waiting"

# A Puma that serves the shop: a master with as many workers as its environment says, on a free port.
class ShopServer
  COMMAND = [RbConfig.ruby, "-rbundler/setup", "-e", "load(Gem.bin_path('puma', 'puma'))", "--",
             "--config", "config/puma.rb"].freeze
  LIMIT = 60

  attr_reader :pid, :port

  # directory is that of the app.
  def initialize(environment, output, directory)
    @environment = { "WEB_CONCURRENCY" => "2", "PORT" => "0" }
    @environment.merge!(environment.compact)
    @cleared = environment.select { |_, value| value.nil? }.except(*@environment.keys)
    @output = output
    @directory = directory
  end

  # Returns when the workers are there.
  def start
    @pid = spawn(@cleared.merge(@environment), *COMMAND, chdir: @directory, in: File::NULL, out: @output,
                                                         err: %i[child out])
    @port = wait_for("the port") { said[%r{Listening on http://127\.0\.0\.1:(\d+)}, 1]&.to_i }
    wait_for("the workers") { workers.size == worker_count }
    self
  end

  # Pids of the workers that have booted and are there, in the order of their numbers.
  def workers
    booted = said.scan(/Worker (\d+) \(PID: (\d+)\) booted/).to_h { |number, pid| [number.to_i, pid.to_i] }
    booted.sort.map(&:last).reject { |pid| Waiting.gone?(pid) }
  end

  # Replaces the workers one by one; needs SHOP_PRELOAD=0. Returns when the new ones are there.
  def phased_restart
    old = workers
    Process.kill("USR1", pid)
    wait_for("the new workers") { workers.size == worker_count && !workers.intersect?(old) }
  end

  # Its status: nil if it had to be killed.
  def stop
    return unless pid

    Process.kill("TERM", pid)
    Waiting.reap(pid, deadline: LIMIT)
  rescue Waiting::TimeUp
    [pid, *workers].each { |process| kill(process) }
    Process.wait(pid)
    raise
  ensure
    @pid = nil
  end

  # All it has printed.
  def said = File.read(@output)

  private

  def worker_count = Integer(@environment.fetch("WEB_CONCURRENCY"))

  def wait_for(what)
    Waiting.wait_until("#{what} of the shop", deadline: LIMIT) do
      raise "the shop ended\n#{said}" if Waiting.gone?(pid)

      yield
    end
  rescue Waiting::TimeUp => error
    raise error.class, "#{error.message}\n#{said}"
  end

  def kill(process)
    Process.kill("KILL", process)
  rescue Errno::ESRCH
    nil
  end
end
