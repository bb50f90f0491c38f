# frozen_string_literal: true

require "json"
require "tempfile"
require_relative "waiting"

# A running bpftrace, whose results are read when it has stopped.
#
# That it counts from now on is seen from two things together (EndToEnd#trace waits for them): the semaphore
# in the target is up, and bpftrace waits for events. The first alone is early by some 100 us: the kernel
# raises the semaphore when the event is opened, and only then is the program set on it and the event enabled;
# a busy target lost 75 fires of 3,000 so. The second alone is early where the target is not there yet. What
# bpftrace prints comes before both and means nothing.
class Bpftrace
  class Failure < StandardError; end

  # Memory of BPF programs is accounted by cgroup today, so this limit is not needed.
  HARMLESS = /couldn't set RLIMIT_MEMLOCK/
  # Where tracefs is not mounted, bpftrace looks in vain for events that it never made there. The detaching
  # itself is done by then, and every spec asserts it in the target.
  NO_TRACEFS = /uprobe_events\): No such file/
  FOR_WANT_OF_IT = /failed to detach probe/
  AGAIN = 1 # s
  TROUBLE = /ERROR|WARNING|Lost|Parse error|couldn't|failed|No such file/

  @running = []

  class << self
    attr_reader :running
  end

  attr_reader :pid

  # pid limits it to one process, strlen is how much of a string it reads (200 at most up to 0.19), pages how many it
  # keeps of what is printed, for each CPU; arguments are what the program knows as $1 and so on.
  def initialize(program, pid: nil, strlen: nil, pages: nil, arguments: [])
    @program = program
    @output = Tempfile.new("bpftrace-output")
    @errors = Tempfile.new("bpftrace-errors")
    command = ["bpftrace", "-f", "json", "-e", program]
    command.push("-p", pid.to_s) if pid
    command.concat(arguments.map(&:to_s))
    environment = { "BPFTRACE_STRLEN" => strlen&.to_s, "BPFTRACE_PERF_RB_PAGES" => pages&.to_s, "RUBYOPT" => nil }
    @pid = spawn(environment, *command, pgroup: true, in: File::NULL, out: @output.path, err: @errors.path)
    self.class.running << self
  end

  # Ends it as Ctrl-C does and waits until it has printed its maps. Detaching takes 0.1 s a probe.
  #
  # lines: how many lines printf has to have printed before. What is in the buffer when the signal comes may
  # be dropped without a word, so no spec may look at lines without saying how many there will be.
  def stop(deadline: 60, lines: 0)
    wait_for_lines(lines) if lines.positive?
    finish("INT", deadline)
    check
    self
  end

  # Ends it as an out-of-memory killer does; there are no results.
  def kill!
    finish("KILL", 60)
    self
  end

  # Whether it has printed that, as JSON has it.
  def printed?(text) = File.read(@output.path).include?(text)

  def wait_for_line(text)
    Waiting.wait_until("the line #{text.inspect}") { printed?(text) }
  end

  # What printf has printed so far, while it runs.
  def printed
    File.readlines(@output.path).grep(/^\{"type": "printf".*\}$/).map { |line| JSON.parse(with_bytes(line))["data"] }
  end

  # Whether it is gone by itself, which only a mistake makes it do. Used while waiting for it to attach.
  def check_running
    return unless running? && Process.wait(@pid, Process::WNOHANG)

    forget
    raise Failure, "bpftrace ended by itself\n#{transcript}"
  end

  # Whether it has attached everything it was told to, and waits for events.
  def waiting? = File.read("/proc/#{@pid}/wchan").match?(/ep_poll|epoll_wait/)

  def running? = self.class.running.include?(self)

  # The number in a map, under a key if it has any: 0 where nothing was counted.
  def count(map, *key)
    value = maps.fetch(map) { raise Failure, "no map #{map}\n#{transcript}" }
    return value if value.is_a?(Integer) && key.empty?

    value.fetch(key.join(","), 0)
  end

  # The map with its keys; empty where nothing was counted.
  def counts(map)
    value = maps.fetch(map, {})
    value.is_a?(Hash) ? value : {}
  end

  # How many values are in a histogram; with a key, in the one that is kept under it.
  def values(map, *key)
    found = messages("hist").filter_map { |data| key.empty? ? data[map] : data[map]&.fetch(key.join(","), nil) }
    found.sum { |buckets| buckets.sum { |bucket| bucket.fetch("count") } }
  end

  # Those of a histogram without keys.
  def buckets(map) = messages("hist").filter_map { |data| data[map] }.first.to_a

  # The keys of a map of histograms, in no order.
  def histograms(map) = messages("hist").filter_map { |data| data[map] }.flat_map(&:keys)

  # What stats() has of a key: count, average, total.
  def stats(map, *key) = messages("stats").filter_map { |data| data[map] }.first.to_h.fetch(key.join(","), {})

  # What printf printed, a line each, with every byte as it was.
  def lines = messages("printf").join.split("\n")

  def maps = @maps ||= messages("map").reduce({}, :merge)

  private

  def wait_for_lines(count)
    Waiting.wait_until("#{count} lines") { File.read(@output.path).scan(/^\{"type": "printf"/).size >= count }
  end

  def finish(signal, deadline)
    return unless running?

    begin
      signal_until_gone(signal, deadline)
    rescue Waiting::TimeUp
      Process.kill("KILL", @pid)
      Process.wait(@pid)
      raise
    ensure
      forget
    end
  end

  # 0.17 looks for an interrupt only where one has ended its waiting for events. One that came between two waits is
  # noted there and then forgotten, so a bpftrace that goes on waiting is interrupted again.
  def signal_until_gone(signal, deadline)
    signalled = nil
    Waiting.wait_until("the exit of process #{@pid}", deadline: deadline) do
      if signalled.nil? || (Waiting.monotonic - signalled > AGAIN && waiting?)
        Process.kill(signal, @pid)
        signalled = Waiting.monotonic
      end
      Process.wait(@pid, Process::WNOHANG)
    end
  end

  def forget
    self.class.running.delete(self)
    @output_text = File.binread(@output.path)
    @errors_text = File.binread(@errors.path)
    [@output, @errors].each(&:close!)
  end

  def check
    tolerated = HARMLESS
    tolerated = Regexp.union(HARMLESS, NO_TRACEFS, FOR_WANT_OF_IT) if @errors_text.match?(NO_TRACEFS)
    trouble = @errors_text.lines.grep(TROUBLE).grep_v(tolerated)
    raise Failure, "bpftrace complains\n#{transcript}" if trouble.any? || messages("lost_events").any?
  end

  def messages(type)
    parsed.select { |message| message["type"] == type }.map { |message| message["data"] }
  end

  def parsed
    @parsed ||= @output_text.lines.grep(/\S/).map { |line| JSON.parse(with_bytes(line)) }
  end

  # 0.17 writes a byte above 127 as if it were a negative number: \uffffffc3.
  def with_bytes(line)
    line.b.gsub(/\\uffffff(\h\h)/n) { [Regexp.last_match(1)].pack("H2") }.force_encoding(Encoding::UTF_8)
  end

  def transcript = "#{@program}\n#{@output_text}\n#{@errors_text}"
end
