# frozen_string_literal: true

# A helper type of one's own: how long a queue was whenever something was pushed, which no timer could tell.
#
#   ruby -Ilib examples/helper_type.rb [SECONDS]
#
# It prints a bpftrace command to type in another terminal, works for 30 seconds, or as many as are given, and says how
# often it pushed.
require "railprobe"

# Traced as helper_type.yml says.
class WorkQueue
  attr_reader :name

  def initialize(name)
    @name = name
    @jobs = []
  end

  def push(job) = @jobs.push(job)
  def pop = @jobs.shift
  def size = @jobs.size
end

Railprobe.helper_type(:queue_depth, on: :return, depth: :integer, queue: :string) do |call|
  [call.receiver.size, call.receiver.name]
end

seconds = Float(ARGV.fetch(0, 30))
Railprobe.start(File.expand_path("helper_type.yml", __dir__))
if Railprobe.supported?
  puts "In another terminal:", "",
       "  bpftrace -e 'usdt:#{Railprobe["workqueue:push__return"].path}:workqueue:push__return " \
       "{ @depth = lhist(arg5, 0, 50, 10); }'", ""
else
  puts "Nothing can be traced here: #{Railprobe.unsupported_reason}", ""
end
$stdout.flush

queue = WorkQueue.new("mails")
pushed = rounds = 0
finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
  rounds += 1
  burst = rounds % 37
  burst.times { |job| queue.push(job) }
  pushed += burst
  sleep(0.001)
  queue.pop while queue.size > rounds % 5
end
puts "#{pushed} pushed"
