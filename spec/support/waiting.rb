# frozen_string_literal: true

# Waiting for a condition, never for a time: it goes on as soon as the condition holds, and a condition
# that never holds is a failure that says which one it was.
module Waiting
  class TimeUp < StandardError; end

  PAUSE = 0.005

  module_function

  # The first true value of the block.
  def wait_until(what, deadline: 30)
    give_up = monotonic + deadline
    until (value = yield)
      raise TimeUp, "waited #{deadline} s in vain: #{what}" if monotonic > give_up

      IO.select(nil, nil, nil, PAUSE)
    end
    value
  end

  # The status of a child process, reaped.
  def reap(pid, deadline: 30)
    wait_until("the exit of process #{pid}", deadline: deadline) { Process.wait2(pid, Process::WNOHANG) }.last
  end

  # Whether a process, anybody's child, is no more. A zombie is: its memory and its probes are gone.
  def gone?(pid)
    File.read("/proc/#{pid}/stat")[/\) (\w)/, 1] == "Z"
  rescue Errno::ENOENT, Errno::ESRCH
    true
  end

  def monotonic = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
