# frozen_string_literal: true

RSpec.describe Railprobe::Runtime, :runtime do
  subject(:runtime) { described_class.instance }

  describe "#directories" do
    def directories(**variables)
      unset = { "RAILPROBE_DIR" => nil, "XDG_RUNTIME_DIR" => nil, "TMPDIR" => nil }
      with_env(unset.merge(variables.transform_keys(&:to_s))) { runtime.directories }
    end

    let(:last) { "/tmp/railprobe-#{Process.euid}" }

    before { Railprobe.root = images_directory }

    it "has a private one under the system's temporary directory as the last" do
      expect(directories).to eq([last])
      expect(directories(TMPDIR: "/var/tmp")).to eq(["/var/tmp/railprobe-#{Process.euid}"])
    end

    it "has all of them in their order" do
      Dir.mkdir("#{images_directory}/tmp")

      expect(directories(RAILPROBE_DIR: "/srv/images", XDG_RUNTIME_DIR: "/run/user/0"))
        .to eq(["/srv/images", "#{images_directory}/tmp/railprobe", "/run/user/0/railprobe", last])
    end

    it "has the app's only if it has a tmp" do
      File.write("#{images_directory}/tmp", "a file")
      expect(directories).to eq([last])
    end

    it "takes a root that is a Pathname, or relative" do
      Dir.mkdir("#{images_directory}/tmp")
      Railprobe.root = Pathname(images_directory)
      expect(directories.first).to eq("#{images_directory}/tmp/railprobe")
      Dir.chdir(File.dirname(images_directory)) do
        Railprobe.root = File.basename(images_directory)
        expect(directories.first).to eq("#{Dir.pwd}/#{File.basename(images_directory)}/tmp/railprobe")
      end
    end

    it "takes empty variables as unset" do
      expect(directories(RAILPROBE_DIR: "", XDG_RUNTIME_DIR: "", TMPDIR: "")).to eq([last])
    end

    it "has absolute paths, each once" do
      expect(directories(RAILPROBE_DIR: "images", XDG_RUNTIME_DIR: "/run//user/../user/0"))
        .to eq([File.absolute_path("images"), "/run/user/0/railprobe", last])
      expect(directories(RAILPROBE_DIR: last)).to eq([last])
    end

    it "knows no home directories" do
      expect(directories(RAILPROBE_DIR: "~nobody-of-that-name/images").first)
        .to eq(File.absolute_path("~nobody-of-that-name/images"))
    end

    it "does without a working directory" do
      child = ChildRuby.run(<<~RUBY, env: { "RAILPROBE_DIR" => "images" })
        gone = File.join(Dir.pwd, "gone")
        Dir.mkdir(gone)
        Dir.chdir(gone)
        Dir.rmdir(gone)
        Railprobe.probe("spec:probe")
        puts Railprobe.load, Railprobe::Runtime.instance.directories
      RUBY

      expect(child.lines.first).to eq("true")
      expect(child.lines.drop(1)).to all(start_with("/"))
      expect(child.errors).to eq("")
    end
  end

  describe "the directory that the file names", :native do
    let(:file) { "#{images_directory}/tracers.yml" }

    before { Railprobe.root = images_directory }

    # Without any other place but the last; variables may give more.
    def places(**variables, &block)
      unset = { "RAILPROBE_DIR" => nil, "XDG_RUNTIME_DIR" => nil, "TMPDIR" => "#{images_directory}/t" }
      with_env(unset.merge(variables.transform_keys(&:to_s)), &block)
    end

    # What the load gave, the directory that the image is in, and the directories in their order.
    def start(directory, **variables)
      File.write(file, "directory: #{directory}\nprobes:\n  - probe: spec:placed\n")
      places(**variables) do
        [Railprobe.start(file), File.dirname(Railprobe["spec:placed"].path || "none"), runtime.directories]
      end
    end

    def last = "#{images_directory}/t/railprobe-#{Process.euid}"

    it "comes before all others, from the app's root on, and is made" do
      Dir.mkdir("#{images_directory}/tmp")
      place = "#{images_directory}/var/images"

      expect(start("var/images")).to eq([true, place, [place, "#{images_directory}/tmp/railprobe", last]])
      expect(File.stat(place).mode & 0o022).to eq(0)
      expect(messages).to eq([])
    end

    it "may be any absolute path" do
      place = "#{images_directory}/any"
      expect(start(place)).to eq([true, place, [place, last]])
    end

    it "comes second to RAILPROBE_DIR, and is then not even made" do
      expect(start("var/images", RAILPROBE_DIR: "#{images_directory}/first"))
        .to eq([true, "#{images_directory}/first",
                ["#{images_directory}/first", "#{images_directory}/var/images", last]])
      expect(File.exist?("#{images_directory}/var")).to be(false)
    end

    it "counts for probes that are loaded later, and no longer once an edit takes it away" do
      start("var/images")
      places { expect(File.dirname(loaded("spec:late").path)).to eq("#{images_directory}/var/images") }
      File.write(file, "version: 1\n")
      places { expect([Railprobe.reload!, runtime.directories]).to eq([true, [last]]) }
    end

    it "is passed over where it can't be used, and why is said once" do
      Dir.mkdir("#{images_directory}/open")
      File.chmod(0o777, "#{images_directory}/open")
      expect(start("open").first(2)).to eq([true, last])
      places { expect(File.dirname(loaded("spec:late").path)).to eq(last) }

      expect(messages).to eq(["railprobe: the directory that #{file} names can't be used, so images are elsewhere " \
                              "(Railprobe.report tells where): #{images_directory}/open: " \
                              "#{Railprobe.report[:attempts].first.fetch(1)}"])
      expect(messages.first).to include("others may write in the directory")
      expect(Railprobe.report[:complaints].values).to eq([2])
    end

    it "is raised of under strict, once the probes are there" do
      File.write("#{images_directory}/file", "")
      Railprobe.strict = true

      expect { start("file") }.to raise_error(Railprobe::LoadError, %r{names can't be used.*/file: .*Not a directory})
      expect(Railprobe["spec:placed"].path).to start_with(last)
    end
  end

  describe "the poll interval" do
    { nil => 100, "" => 100, "soon" => 100, "50" => 50, " 7 " => 7, "0" => 1, "-3" => 1, "1.5" => 100,
      "99999999999999999999" => 60_000 }.each do |value, interval|
      it "is #{interval} ms with RAILPROBE_POLL_MS=#{value.inspect}" do
        child = ChildRuby.run("p Railprobe.report[:watcher][:interval_ms]", env: { "RAILPROBE_POLL_MS" => value })
        expect(child.output + child.errors).to eq("#{interval}\n")
      end
    end
  end

  describe "the wake-up signal", :native do
    def wake_signal(before, env: {})
      child = ChildRuby.run(<<~RUBY, env: env)
        #{before}
        Railprobe.probe("spec:probe")
        abort("not loaded") unless Railprobe.load
        p Railprobe.report[:watcher][:wake_signal]
      RUBY
      expect(child.errors).to eq("")
      child.output.chomp
    end

    it "is the first that nobody has a handler for, from the first load on" do
      expect(wake_signal("p Railprobe.report[:watcher][:wake_signal]")).to eq("nil\n60")
    end

    it "is not one that the app traps or ignores, and its trap stays" do
      expect(wake_signal('trap(60) { puts "mine" }; trap(61, "IGNORE")')).to eq("59")
      expect(wake_signal('trap(60) { puts "mine" }; at_exit { Process.kill(60, $$); Thread.pass }')).to eq("61\nmine")
    end

    it "is not one that somebody took in C" do
      taken = <<~RUBY
        require "fiddle"
        Fiddle::Function.new(Fiddle::Handle::DEFAULT["signal"], [Fiddle::TYPE_INT, Fiddle::TYPE_VOIDP],
                             Fiddle::TYPE_VOIDP).call(60, Fiddle::Handle::DEFAULT["abs"])
      RUBY
      expect(wake_signal(taken)).to eq("61")
    end

    it "is none where all are taken" do
      expect(wake_signal('(56..61).each { |signal| trap(signal, "IGNORE") }')).to eq("nil")
    end

    it "is none with RAILPROBE_WAKE=0, and none is trapped" do
      untouched = "at_exit { puts [60, 61].map { |signal| trap(signal) {} }.uniq.inspect }"
      expect(wake_signal(untouched, env: { "RAILPROBE_WAKE" => "0" })).to match(/\Anil\n\["\w*DEFAULT"\]\z/)
    end

    it "stays the same one" do
      expect(wake_signal("Railprobe.load; Railprobe.unload")).to eq("60")
    end
  end

  describe "changes", :native do
    let(:probe) { loaded("spec:changing") }
    let(:told) { Thread::Queue.new }
    let(:kept) { [] }

    def next_change = within { told.pop }

    def listen(&block)
      block ||= ->(*change) { told << change }
      Railprobe.on_change(&block)
    end

    it "are told in their order, with the probe" do
      listen
      3.times do
        Semaphore.raise_for(probe) { expect(next_change).to eq([probe, true]) }
        expect(next_change).to eq([probe, false])
      end
    end

    it "are told to all who asked, and not to those who took it back" do
      gone = listen { |*| told << :gone }
      listen { |*| told << :first }
      listen { |*| told << :second }
      Railprobe.off_change(gone)

      Semaphore.raise_for(probe) { expect([next_change, next_change]).to eq(%i[first second]) }
      expect([next_change, next_change]).to eq(%i[first second])
    end

    it "are told where a lock may be taken and a thread started" do
      lock = Mutex.new
      listen { |_probe, attached| lock.synchronize { told << [Thread.current.name, Thread.new { attached }.value] } }

      Semaphore.raise_for(probe) do
        lock.synchronize { wait_until { lock.owned? && Thread.list.any? { |one| one.name == "railprobe changes" } } }
        expect(next_change).to eq(["railprobe changes", true])
      end
      expect(next_change.last).to be(false)
      wait_until { Thread.list.none? { |one| one.name == "railprobe changes" } }
    end

    it "are told of a tracer that was there first" do
      path = probe.path
      child = ChildRuby.run(<<~RUBY, options: ["-r#{__dir__}/../support/semaphore"])
        Railprobe.probe("spec:changing")
        Railprobe.load
        semaphore = Semaphore.new(Railprobe["spec:changing"])
        semaphore.add(1)
        Railprobe.on_change { |probe, attached| puts "\#{probe.name} \#{attached}" }
        Railprobe.probe("spec:more")
        Railprobe.load
        Thread.list.reject { |thread| thread == Thread.main }.each(&:join)
      RUBY

      expect(path).not_to be_nil
      expect([child.output, child.errors]).to eq(["spec:changing true\n", ""])
    end

    it "begin for a listener with what is attached, but not with what was taken back" do
      attached = [probe, loaded("spec:removed"), loaded("spec:stays")]
      listen
      semaphores = attached.map { |one| Semaphore.new(one).tap { |semaphore| semaphore.add(1) } }
      expect(attached.map { next_change }).to match_array(attached.map { |one| [one, true] })
      Railprobe.remove("spec:removed")
      late = []
      listen { |one, state| late << [one.name, state] }
      expect(late).to contain_exactly(["spec:changing", true], ["spec:stays", true])

      Railprobe.unload
      listen { |*change| late << change }
      expect(late.size).to eq(2)
    ensure
      semaphores&.each { |semaphore| semaphore.add(-1) }
    end

    it "go on behind a listener that raises, which is complained of once" do
      failing = [RuntimeError, NotImplementedError]
      failing.each { |error| listen { |*| raise error, "broken" } }
      listen

      2.times do
        Semaphore.raise_for(probe) { expect(next_change).to eq([probe, true]) }
        expect(next_change).to eq([probe, false])
      end
      expect(messages).to match_array(failing.map do |error|
        "railprobe: a block given to on_change raised #{error}: broken"
      end)
    end

    it "let the listener load and unload" do
      listen do |changed, attached|
        Railprobe.probe("spec:from_listener")
        told << [changed.name, attached, Railprobe.load]
      end

      Semaphore.raise_for(probe) { expect(next_change).to eq(["spec:changing", true, true]) }
      expect(Railprobe["spec:from_listener"].path).not_to be_nil
    end

    it "reach a forked child, and its own tracers only" do
      semaphore = Semaphore.new(probe)
      reader, writer = IO.pipe
      listen
      child = fork do
        told.clear
        semaphore.add(1)
        change = next_change
        writer.write(Marshal.dump([change.first.name, change.last, probe.fire, semaphore.value]))
      ensure
        writer.close
        exit!
      end
      writer.close

      expect(Marshal.load(within { reader.read })).to eq(["spec:changing", true, true, 1]) # rubocop:disable Security/MarshalLoad
      expect([semaphore.value, probe.attached?, told.empty?]).to eq([0, false, true])
      Semaphore.raise_for(probe) { expect(next_change).to eq([probe, true]) }
    ensure
      Process.wait(child) if child
    end
  end

  it "raises in a listener's thread under strict, with the error itself", :native do
    child = ChildRuby.run(<<~RUBY, options: ["-r#{__dir__}/../support/semaphore"])
      require "timeout"
      Thread.report_on_exception = false
      Thread.abort_on_exception = true
      Odd = Class.new(StandardError) { def initialize(one, two) = super("\#{one} \#{two}") }
      Railprobe.strict = true
      Railprobe.probe("spec:changing")
      Railprobe.load
      Railprobe.on_change { raise Odd.new("very", "odd") }
      Semaphore.new(Railprobe["spec:changing"]).add(1)
      begin
        Timeout.timeout(20) { Thread::Queue.new.pop }
      rescue Odd => error
        puts error.message
      end
    RUBY

    expect([child.output, child.errors]).to eq(["very odd\n", ""])
  end

  it "wakes a process that does nothing", :native do
    sleeping = ["IO.select([silent])", "silent.read", "Thread.new { silent.read }.join"]
    results = sleeping.map do |idle|
      ChildRuby.run(<<~RUBY, options: ["-r#{__dir__}/../support/semaphore"]).output
        Railprobe.probe("spec:changing")
        Railprobe.load
        Railprobe.on_change { |probe, attached| puts "\#{probe.name} \#{attached}"; exit!(0) if $stdout.flush }
        Semaphore.new(Railprobe["spec:changing"]).add(1)
        silent, _writer = IO.pipe
        #{idle}
      RUBY
    end

    expect(results).to all(eq("spec:changing true\n"))
  end
end
