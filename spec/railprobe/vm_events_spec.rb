# frozen_string_literal: true

# The hooks of the provider rubyvm, in processes of their own: once armed they see all that a process does.
RSpec.describe "Hooks of the VM", :native do
  let(:may_wait) { RUBY_VERSION >= "3.2" ? ["gvl"] : [] }

  def run(code, options: [])
    child = ChildRuby.run(<<~RUBY, options: ["-r#{File.expand_path("../support/semaphore", __dir__)}", *options])
      Railprobe.logger = Object.new.tap { |logger| def logger.warn(message) = Kernel.warn(message) }
      Railprobe.start("no_such.yml", optional: true) or abort(Railprobe.report.to_s)
      IMAGE = Railprobe.report[:images].find { |image| image[:path].include?("builtin") }[:path]
      def probe(name) = Struct.new(:path, :provider, :usdt_name).new(IMAGE, "rubyvm", name)
      def hooks = Railprobe.report[:vm_hooks]

      # With the hooks of the probes in place, as if somebody were attached.
      def attached(*names)
        semaphores = names.map { |name| Semaphore.new(probe(name)) }
        semaphores.each { |semaphore| semaphore.add(1) }
        Railprobe::Engine.settle
        yield
      ensure
        semaphores.each { |semaphore| semaphore.add(-1) }
        Railprobe::Engine.settle
      end
      #{code}
    RUBY
    expect(child.status).to be_success, child.errors
    expect(child.errors.lines.grep_v(/Ractor is experimental/)).to eq([])
    child.lines
  end

  it "are there while somebody is attached, without being asked to look" do
    lines = run(<<~RUBY)
      def wait_for(wanted) = (Thread.pass until hooks == wanted)
      p hooks
      Semaphore.raise_for(probe("gc__done")) { wait_for(%w[gc]) }
      wait_for([])
      Semaphore.raise_for(probe("thread__start")) do
        wait_for(%w[threads])
        Semaphore.raise_for(probe("thread__exit")) { p hooks }
        Semaphore.raise_for(probe("gvl__wait__done")) { wait_for(%w[threads] + #{may_wait}) }
        wait_for(%w[threads])
      end
      wait_for([])
      p hooks
    RUBY
    expect(lines).to eq(["[]", '["threads"]', "[]"])
  end

  it "are gone while their probe is over a limit" do
    lines = run(<<~RUBY)
      said = Thread::Queue.new
      Railprobe.logger = Object.new.tap { |logger| logger.define_singleton_method(:warn) { |line| said << line } }
      Railprobe::Engine.limits = { rate: 5, cpu: 0, pause: 1, string: 1024, frames: 16 }
      attached("gc__done") do
        20.times { GC.start }
        Thread.pass until hooks == []
        p Railprobe.report[:limits][:tripped]
        puts said.pop
        Thread.pass until hooks == %w[gc]
        p Railprobe.report[:limits].values_at(:tripped, :trips)
      end
    RUBY

    expect(lines).to eq(['["rubyvm:gc__done"]',
                         "railprobe: rubyvm:gc__done fires more than 5 times a second (limits: rate); disarmed for 1 s",
                         [[], { "rubyvm:gc__done" => 1 }].inspect])
  end

  it "change nothing where every allocation collects, objects move, and Ractors and threads come and go" do
    lines = run(<<~RUBY)
      work = lambda do
        GC.stress = true
        names = Array.new(5) { |number| Thread.new { Thread.current.name = "thread \#{number}" }.tap(&:join).name }
        dead = Thread.new { Thread.stop }
        Thread.pass until dead.stop?
        dead.kill.join
        failed = begin
          Thread.new { Thread.current.report_on_exception = false; raise KeyError, "gone" }.join
        rescue KeyError => error
          error.message
        end
        GC.stress = false
        GC.compact
        # Not two of them at once: so Ruby 3.4.11 hangs by itself.
        ractors = Array.new(2) { |number| Ractor.new(number) { |value| GC.start; Thread.new { value }.value }.take }
        [names, failed, $!, Thread.list.size, ractors]
      end
      plain = work.call
      traced = attached("gc__done", "thread__start", "thread__exit", "gvl__wait__done") { [hooks, *work.call] }
      p plain, traced, hooks
      exit(plain == traced.drop(1))
    RUBY
    expect(lines.last).to eq("[]")
    expect(lines[1]).to start_with("[#{%w[gc threads] + may_wait},")
  end

  it "are inherited by a fork, which can drop them" do
    lines = run(<<~RUBY)
      attached("gc__done", "thread__exit") do
        reader, writer = IO.pipe
        Process.wait(fork do
          GC.start
          inherited = hooks
          %w[gc__done thread__exit].each { |name| Semaphore.new(probe(name)).add(-1) }
          Railprobe::Engine.settle
          Thread.new { GC.start }.join
          writer.puts([inherited, hooks].inspect)
        end)
        writer.close
        puts reader.read, hooks.inspect
      end
    RUBY
    expect(lines).to eq(['[["gc", "threads"], []]', '["gc", "threads"]'])
  end

  # Compiled code is four to nine times as fast here; TracePoint shows that the measure would see it go.
  it "leave YJIT's code alone, and before Ruby 3.3 do without those that would not", if: defined?(RubyVM::YJIT) do
    lines = run(<<~RUBY, options: ["--yjit"])
      def fib(number) = number < 2 ? number : fib(number - 1) + fib(number - 2)
      def clock = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
      def time = Array.new(10) { from = clock; fib(18); clock - from }.min
      time
      before = time
      %w[gc__done thread__exit gvl__wait__done].each { |name| p [attached(name) { hooks }, time < 2 * before] }
      TracePoint.new(:call) { nil }.tap(&:enable).disable
      p time > 2 * before
    RUBY
    threads = RUBY_VERSION >= "3.3" ? ["threads"] : []
    expect(lines).to eq([[["gc"], true], [threads, true], [may_wait, true], true].map(&:inspect))
  end
end
