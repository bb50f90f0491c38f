# frozen_string_literal: true

RSpec.describe "Railprobe in threads", :native do
  def run(code)
    child = ChildRuby.run(code, options: ["-r#{File.expand_path("../support/semaphore", __dir__)}"])
    expect(child.status).to be_success, "#{child.status}\n#{child.errors}"
    child
  end

  it "fires from eight of them while the main one loads, unloads, attaches and detaches" do
    child = run(<<~RUBY)
      shared = nil
      failures = Thread::Queue.new
      going = true
      threads = Array.new(8) do
        Thread.new do
          fired = 0
          while going
            probe = shared
            fired += 1 if probe&.fire(fired, "some text") { raise "run" }
            Thread.pass # else all others have their 100 ms before the main one has its turn
          end
          fired
        end
      end
      60.times do |round|
        shared = Railprobe.probe("spec:shared", id: :integer, name: :string)
        Railprobe.probe("spec:n\#{round}")
        failures << "load" unless Railprobe.load
        semaphore = Semaphore.new(shared)
        semaphore.add(1)
        20.times { Thread.pass }
        Railprobe.load
        semaphore.add(-1)
        Railprobe.unload if round.odd?
        GC.start if (round % 10).zero?
      end
      going = false
      p threads.sum(&:value).positive?, failures.size
    RUBY

    expect([child.lines, child.errors]).to eq([%w[true 0], ""])
  end

  it "forks while others fire, load and are told of changes" do
    child = run(<<~RUBY)
      probe = Railprobe.probe("spec:shared", id: :integer)
      Railprobe.load
      semaphore = Semaphore.new(probe)
      Railprobe.on_change { |_probe, attached| attached }
      going = true
      threads = Array.new(4) { Thread.new { Thread.pass while probe.fire(1) || going } }
      threads << Thread.new do
        while going
          semaphore.add(1)
          Thread.pass
          semaphore.add(-1)
          Thread.pass
        end
      end
      children = Array.new(20) do |number|
        fork do
          own = Railprobe.probe("spec:child\#{number}")
          loaded = Railprobe.load
          Semaphore.new(own).add(1)
          exit!(loaded && own.fire && Railprobe.report[:watcher][:running] ? 0 : 1)
        end
      end
      statuses = children.map { |pid| Process.wait2(pid).last.exitstatus }
      going = false
      threads.each(&:join)
      p statuses.uniq
    RUBY

    expect([child.output, child.errors]).to eq(["[0]\n", ""])
  end

  it "keeps Ruby's detection of deadlocks, and its list of threads" do
    child = ChildRuby.run(<<~RUBY)
      Railprobe.probe("spec:shared")
      Railprobe.load
      p Thread.list.size
      begin
        Thread::Queue.new.pop
      rescue Exception => error
        puts error.class
      end
    RUBY

    expect(child.lines).to eq(%w[1 fatal])
  end
end
