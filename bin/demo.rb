# frozen_string_literal: true

# The demo that bin/demo runs. Demo#run is the story.

require "English"
require "fileutils"
require "json"
require "socket"
require "tmpdir"
require_relative "../spec/support/waiting"
require_relative "../spec/support/semaphores"

# A Rails app under a clustered Puma, watched from outside while it serves requests.
class Demo
  class Failure < StandardError; end

  # A bpftrace beside the demo. Its maps are kept as they come; what it prints goes to the block.
  class Watcher
    attr_reader :maps

    def initialize(program, &on_line)
      @maps = {}
      @on_line = on_line
      @errors = File.open(File.join(Dir.tmpdir, "railprobe-demo-#{$PROCESS_ID}-#{object_id}"), "w+")
      output, writer = IO.pipe
      @pid = spawn({ "RUBYOPT" => nil }, "bpftrace", "-f", "json", "-e", program,
                   pgroup: true, in: File::NULL, out: writer, err: @errors)
      writer.close
      @reader = Thread.new { output.each_line { |line| take(line) } }
    end

    # Whether it has attached all its probes, and waits for events.
    def ready?
      raise Failure, "bpftrace has ended: #{File.read(@errors.path)}" if Process.wait(@pid, Process::WNOHANG)

      waiting?
    end

    # As Ctrl-C does: it detaches, and prints its maps.
    def stop
      return if @stopped

      @stopped = true
      interrupt_until_gone
      @reader.join
    rescue Waiting::TimeUp
      Process.kill("KILL", @pid)
      Process.wait(@pid)
    rescue Errno::ESRCH, Errno::ECHILD
      nil # it has ended before
    ensure
      FileUtils.rm_f(@errors.path)
    end

    private

    # bpftrace 0.17 forgets an interrupt that comes between two waits for events, and is interrupted again then.
    def interrupt_until_gone
      interrupted = nil
      Waiting.wait_until("the exit of bpftrace", deadline: 60) do
        if interrupted.nil? || (Waiting.monotonic - interrupted > 1 && waiting?)
          Process.kill("INT", @pid)
          interrupted = Waiting.monotonic
        end
        Process.wait(@pid, Process::WNOHANG)
      end
    end

    def waiting? = File.read("/proc/#{@pid}/wchan").match?(/ep_poll|epoll_wait/)

    def take(line)
      message = JSON.parse(line)
      data = message["data"]
      case message["type"]
      when "map", "stats" then @maps.merge!(data)
      when "printf" then data.each_line(chomp: true) { |text| @on_line&.call(text) unless text.empty? }
      end
    rescue JSON::ParserError
      nil # an empty line
    end
  end

  WORKERS = 2
  REQUESTS = 1300 # a hundred times the day of examples/shop/bin/load, which has 13 requests
  SHOP = File.expand_path("../examples/shop", __dir__)
  SLOW_MS = 20
  ADDED = "ProductsController#cached_pairs" # private; called once by GET /products, which is one of the 13
  TRACER = <<YAML

  - class: ProductsController
    methods: [cached_pairs]
YAML

  def run
    Dir.mktmpdir("railprobe-demo") do |directory|
      @shop = File.join(directory, "shop")
      boot
      watch
      serve("#{REQUESTS} requests, while bpftrace prints what they take")
      edit
      serve("#{REQUESTS} requests more")
      stop_watching
      sum_up
    ensure
      clean_up
    end
  rescue Failure, Waiting::TimeUp, SystemCallError => error
    abort "demo: #{error.message}"
  end

  private

  def say(text) = puts("", "== #{text}")

  # -- the app ----------------------------------------------------------------------------------------

  def boot
    copy_shop
    @port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
    say "A Rails app: Puma with #{WORKERS} workers of 4 threads on 127.0.0.1:#{@port}"
    environment = { "PORT" => @port.to_s, "WEB_CONCURRENCY" => WORKERS.to_s, "RAILS_ENV" => "production",
                    "SHOP_DIR" => File.join(@shop, "tmp") }
    @server = spawn(environment, "bundle", "exec", "puma", chdir: @shop, pgroup: true,
                                                           in: File::NULL, out: @log, err: @log)
    Waiting.wait_until("the app answers", deadline: 60) { running? && workers.size == WORKERS && answers? }
    puts "Its workers are #{workers.join(" and ")}. Nobody is attached: no method is wrapped, nothing is subscribed to."
  end

  # A copy, since its tracers.yml is going to be edited.
  def copy_shop
    FileUtils.mkdir_p(File.join(@shop, "tmp"))
    FileUtils.cp_r((Dir.children(SHOP) - %w[tmp log]).map { |name| File.join(SHOP, name) }, @shop)
    @log = File.join(@shop, "tmp/puma.log")
  end

  def running?
    return true unless Process.wait(@server, Process::WNOHANG)

    @server = nil
    raise Failure, "the app did not start:\n#{File.read(@log)}"
  end

  def answers?
    TCPSocket.open("127.0.0.1", @port) do |socket|
      socket.write("GET / HTTP/1.0\r\n\r\n")
      socket.gets&.include?("200")
    end
  rescue Errno::ECONNREFUSED
    false
  end

  def workers
    children = File.read("/proc/#{@server}/task/#{@server}/children").split.map(&:to_i)
    children.select { |pid| Semaphores.images(pid).any? }
  end

  # -- bpftrace ---------------------------------------------------------------------------------------

  def watch
    say "bpftrace attaches by path: to both workers, and to any that come later"
    puts "usdt:#{image}:rails:action__done", "usdt:#{image}:tracers:method__return"
    @slow = 0
    @requests = Watcher.new(requests_program) { show_actions }
    @queries = Watcher.new(queries_program) { |text| show_query(text) }
    @methods = Watcher.new(methods_program)
    Waiting.wait_until("bpftrace is attached", deadline: 60) { watchers.all?(&:ready?) && attached? }
    Waiting.wait_until("both workers are armed", deadline: 60) { answers? && workers.all? { |pid| armed?(pid) } }
  end

  def watchers = [@requests, @queries, @methods].compact

  def image = File.join(@shop, "tmp/railprobe/builtin.so")

  def attached?
    wanted = %w[rails:request__done rails:action__done rails:sql__done tracers:method__return]
    workers.all? { |pid| (wanted - Semaphores.raised(pid)).empty? }
  end

  # A worker is armed within two polls of 100 ms: once a request to / is seen, all are.
  def armed?(pid) = @requests.maps.fetch("@first", {}).key?(pid.to_s)

  def requests_program
    <<~BPFTRACE
      usdt:#{image}:rails:request__done /strncmp(str(arg1), "GET /", 6) == 0/ { @first[pid] = count(); }
      usdt:#{image}:rails:request__done /strncmp(str(arg1), "GET /", 6) != 0/ { @requests = count(); }
      interval:ms:100 { print(@first); }
      usdt:#{image}:rails:action__done { @us[str(arg1)] = stats(arg3 / 1000); }
      interval:s:3 { print(@us); printf("shown\\n"); }
    BPFTRACE
  end

  def queries_program
    "usdt:#{image}:rails:sql__done /arg3 > #{SLOW_MS}000000/ { printf(\"%d ms  %s\\n\", arg3 / 1000000, str(arg1)); }"
  end

  def methods_program = "usdt:#{image}:tracers:method__return { @calls[str(arg1)] = count(); }"

  # The actions that took most time so far.
  def show_actions
    actions = @requests.maps.fetch("@us", {})
    return if actions.empty? || actions == @shown

    @shown = actions
    puts "#{"ACTION".ljust(34)} REQUESTS   AVERAGE_ms"
    actions.max_by(5) { |_, stats| stats["total"] }.each do |name, stats|
      puts format("%-34s %8d %12.1f", name, stats["count"], stats["average"] / 1000.0)
    end
  end

  def show_query(text)
    @slow += 1
    puts "slow query: #{text}" if @slow <= 10
  end

  # -- the load ---------------------------------------------------------------------------------------

  def serve(title)
    say title
    command = ["bin/load", "-p", @port.to_s, "-c", "8", "-n", REQUESTS.to_s]
    report = IO.popen({ "RUBYOPT" => nil }, command, chdir: @shop, &:read)
    raise Failure, "a request went unanswered\n#{report}" unless $CHILD_STATUS.success?

    @served = @served.to_i + REQUESTS
    puts report.lines.last
  end

  # -- an edit ----------------------------------------------------------------------------------------

  def edit
    say "config/tracers.yml is edited; nothing is restarted"
    puts TRACER
    File.write(File.join(@shop, "config/tracers.yml"), TRACER, mode: "a")
    Waiting.wait_until("the new probe in every worker") do
      workers.all? { |pid| Semaphores.of(pid).key?("productscontroller:cached_pairs__return") }
    end
    puts "Both workers have mapped the new image."
  end

  # -- the end ----------------------------------------------------------------------------------------

  def stop_watching
    watchers.each(&:stop)
    Waiting.wait_until("everything is as before") { workers.all? { |pid| Semaphores.raised(pid).empty? } }
  end

  def sum_up
    say "What was true"
    @methods.maps.fetch("@calls", {}).sort.each { |name, count| puts format("%-34s %8d calls", name, count) }
    counted = @requests.maps.fetch("@requests", 0)
    puts "", "slow queries seen: #{@slow} above #{SLOW_MS} ms",
         "calls of #{ADDED} after it was added: #{added} (GET /products was asked for #{REQUESTS / 13} times then)",
         "requests served: #{@served}, requests counted: #{counted}"
    raise Failure, "requests served and counted differ" unless counted == @served
    raise Failure, "calls of #{ADDED} went uncounted" unless added == REQUESTS / 13
  end

  def added = @methods.maps.fetch("@calls", {}).fetch(ADDED, 0)

  def clean_up
    watchers.each(&:stop)
    return unless @server

    Process.kill("TERM", @server)
    Waiting.reap(@server)
  rescue Waiting::TimeUp
    Process.kill("KILL", -@server)
    Process.wait(@server)
  end
end

$stdout.sync = true
Demo.new.run
