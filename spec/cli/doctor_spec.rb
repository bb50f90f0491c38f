# frozen_string_literal: true

require "railprobe/cli"
require "railprobe/cli/machine"
require "stringio"

RSpec.describe "Railprobe::CLI::Doctor" do
  let(:out) { StringIO.new }
  let(:err) { StringIO.new }

  # A machine where all is well, but for what is said.
  def machine(**facts)
    all = { linux?: true, kernel: "6.1.0", semaphores?: true, kernel?: true, superuser?: true, may_trace?: true,
            tracefs: "/sys/kernel/tracing", locked?: false, container: nil, bpftrace: "0.17.0" }
    instance_double(Railprobe::CLI::Machine, all.merge(facts))
  end

  def attachment(seconds, said = "")
    object = Object.new
    object.define_singleton_method(:new) { |_file| self }
    object.define_singleton_method(:try) { self }
    object.define_singleton_method(:seconds) { seconds }
    object.define_singleton_method(:said) { said }
    object
  end

  # [exit code, what it says of each thing].
  def doctor(seconds: 0.5, said: "", file: "none.yml", **facts)
    out.truncate(out.pos = 0)
    code = Railprobe::CLI::Doctor.new(out, file: file, machine: machine(**facts),
                                           attachment: attachment(seconds, said)).run
    [code, out.string.scan(/^(ok|warn|FAIL) +(\w+) +(.*)$/).to_h { |state, name, text| [name, [state, text]] }]
  end

  def states(...) = doctor(...).last.transform_values(&:first)

  context "with an engine", :native, :runtime do
    it "is content where everything is as it should be" do
      File.write(file = File.join(images_directory, "t.yml"), "version: 1\n")

      code, said = doctor(file: file)
      expect([code, said.values.map(&:first).uniq]).to eq([0, ["ok"]])
      expect(said.keys).to eq(%w[engine kernel rights tracefs bpftrace memlock images watcher attach file])
      expect(said.fetch("attach").last).to eq("bpftrace was on rails:deprecation after 0.5 s, and left")
      expect(said.fetch("bpftrace").last).to eq("0.17.0, which names arg0 to arg5 on x86_64")
    end

    it "warns of what can be lived with, and says what to do" do
      cases = { { superuser?: false } => "rights", { may_trace?: false } => "rights", { tracefs: nil } => "tracefs",
                { bpftrace: "0.16.1" } => "bpftrace", { kernel?: false } => "memlock" }
      cases.each do |facts, name|
        code, said = doctor(**facts)
        expect([code, said.select { |_, (state, _)| state == "warn" }.keys]).to eq([0, [name, "file"]])
        expect(out.string).to match(/^warn  #{name}.*\n {16}\S.*/)
      end
    end

    it "fails where nothing can be traced" do
      { { semaphores?: false } => "kernel", { locked?: true } => "lockdown", { bpftrace: nil } => "bpftrace",
        { seconds: nil, said: "ERROR: no\n luck" } => "attach" }.each do |facts, name|
        code, said = doctor(**facts)
        expect([code, said.select { |_, (state, _)| state == "FAIL" }.keys]).to eq([1, [name]])
      end
      expect(out.string).to include("bpftrace did not come to rails:deprecation\n#{" " * 16}ERROR: no luck\n")
    end

    it "takes bpftrace for the host's affair in a container, and says how to attach from there" do
      code, said = doctor(bpftrace: nil, container: "Docker")

      expect([code, said.fetch("bpftrace").first, said.key?("attach")]).to eq([0, "warn", false])
      expect(said.fetch("container").last).to match(%r{\ADocker: from the host, attach to /proc/PID/root/})
    end

    it "does not try to attach where it may not" do
      [{ superuser?: false }, { may_trace?: false }].each { |facts| expect(states(**facts)).not_to have_key("attach") }
    end

    it "knows newer tracers", :aggregate_failures do
      expect(doctor(bpftrace: "0.24.1").last.fetch("bpftrace")).to eq(["ok", "0.24.1, which names all arguments"])
      expect(states(container: "Podman").fetch("container")).to eq("ok")
    end

    it "fails for a file with errors, and misses one that is not there" do
      File.write(file = File.join(images_directory, "t.yml"), "versoin: 1\nfoo: 2\n")

      code, said = doctor(file: file)
      expect([code, said.fetch("file")]).to eq([1, ["FAIL", "#{file} has 2 errors"]])
      expect(doctor.last.fetch("file")).to eq(["warn", "none.yml is not there"])
    end
  end

  it "tells why there are no probes, and fails", :idle do
    code, said = doctor
    expect([code, said.fetch("engine").first]).to eq([1, "FAIL"])
    expect(said.fetch("engine").last).to end_with("no probes: #{Railprobe.unsupported_reason}")
    expect(said.keys & %w[images watcher attach]).to eq([])
  end

  it "says nothing of a system that is no Linux" do
    expect(states(linux?: false).keys & %w[kernel rights tracefs bpftrace memlock]).to eq([])
  end

  it "is a verb of the command" do
    expect(Railprobe::CLI.run(%w[doctor --help], out: out, err: err)).to eq(0)
    expect(out.string).to start_with("Usage: railprobe doctor [FILE]\n")
    expect(Railprobe::CLI.run(%w[doctor a b], out: out, err: err)).to eq(2)
    expect(err.string).to start_with("railprobe doctor: b is too much\nUsage: railprobe doctor")
  end
end
