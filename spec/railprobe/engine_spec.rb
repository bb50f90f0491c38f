# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# How the library starts; each in a process of its own.
RSpec.describe "Railprobe::Engine" do
  let(:questions) { "puts Railprobe::Engine, Railprobe::Probe, Railprobe.supported?, Railprobe.unsupported_reason" }

  # A copy of lib without the extension, or with something else in its place.
  def without_extension(content = nil)
    Dir.mktmpdir("railprobe") do |copy|
      FileUtils.cp_r(File.join(ChildRuby::ROOT, "lib/."), copy)
      FileUtils.rm_f(Dir[File.join(copy, "railprobe/*.so")])
      File.write(File.join(copy, "railprobe/railprobe.so"), content) if content
      yield copy
    end
  end

  it "is the native one where there is one", :native do
    child = ChildRuby.run(questions)

    expect(child.lines).to eq(["Railprobe::Native", "Railprobe::Probe", "true", ""])
    expect(child.errors).to eq("")
  end

  it "is the idle one with RAILPROBE=0" do
    child = ChildRuby.run(questions, env: { "RAILPROBE" => "0" })

    expect(child.lines).to eq(["Railprobe::Idle", "Railprobe::IdleProbe", "false", "it is switched off by RAILPROBE=0"])
    expect(child.errors).to eq("")
  end

  it "is not switched off by anything else than 0", :native do
    ["", "1", "no"].each do |value|
      expect(ChildRuby.run(questions, env: { "RAILPROBE" => value }).lines.first).to eq("Railprobe::Native")
    end
  end

  it "is the idle one without the extension, and says what was looked for" do
    without_extension do |lib|
      child = ChildRuby.run(questions, lib: lib, env: { "RAILPROBE" => nil })

      missing = %r{\Athe native extension is not there for ruby on \S+ \(.*railprobe/railprobe\)\z}
      expect(child.lines).to match(["Railprobe::Idle", "Railprobe::IdleProbe", "false", missing])
      expect(child.errors).to eq("")
    end
  end

  it "is the idle one with an extension that is none" do
    without_extension("no library at all") do |lib|
      child = ChildRuby.run(questions, lib: lib, env: { "RAILPROBE" => nil })

      expect(child.lines.first).to eq("Railprobe::Idle")
      expect(child.lines.last).to match(/\Athe native extension is not there .*railprobe\.so/)
      expect(child.errors).to eq("")
    end
  end

  it "lets an app run that knows nothing of it" do
    without_extension do |lib|
      child = ChildRuby.run(<<~RUBY, lib: lib)
        probe = Railprobe.probe("inventory:reserved", sku: :string)
        p Railprobe.load, Railprobe["inventory:reserved"].equal?(probe), probe.fire("a"), Railprobe.unload
        p Railprobe.report.slice(:supported, :probes, :images)
      RUBY

      expect(child.lines).to eq(["true", "true", "false", "true", { supported: false, probes: 0, images: [] }.inspect])
      expect(child.errors).to eq("")
    end
  end

  it "starts nothing until something is loaded", :native do
    threads = "p Dir.children('/proc/self/task').size\n" # from 3.3 on Ruby has a second one by itself
    child = ChildRuby.run(<<~RUBY)
      #{threads}
      p Railprobe.report[:watcher][:running], Thread.list.size
      Railprobe.probe("spec:probe")
      Railprobe.load
      p File.read("/proc/self/task/\#{Dir.children("/proc/self/task").max_by(&:to_i)}/comm")
      p Railprobe.report[:watcher][:running], Thread.list.size
    RUBY

    alone = ChildRuby.run(threads, library: false).lines.first
    expect(child.lines).to eq([alone, "false", "1", "\"railprobe\\n\"", "true", "1"])
  end

  it "ends with the process, however it ends", :native do
    endings = { "exit(3)" => 3, "exit!(4)" => 4, "abort" => 1, "raise Interrupt" => nil,
                "Process.kill(:TERM, $$)" => nil, "exec('true')" => 0,
                "fork { exit(5) }; exit(Process.wait2.last.exitstatus)" => 5 }
    statuses = endings.keys.map do |ending|
      ChildRuby.run("Railprobe.probe('spec:probe'); Railprobe.load or abort('not loaded'); #{ending}").status.exitstatus
    end

    expect(statuses).to eq(endings.values)
  end
end
