# frozen_string_literal: true

require "fileutils"
require "railprobe/cli"
require "railprobe/cli/machine"
require "tmpdir"

RSpec.describe "Railprobe::CLI::Machine" do
  around do |example|
    Dir.mktmpdir do |root|
      @root = root
      example.run
    end
  end

  def write(path, text = "")
    FileUtils.mkdir_p(File.dirname(File.join(@root, path)))
    File.write(File.join(@root, path), text)
  end

  def machine(**options) = Railprobe::CLI::Machine.new(root: @root, env: { "PATH" => @root }, **options)

  it "knows nothing of a system that says nothing" do
    here = machine(uid: 1000)

    expect([here.linux?, here.kernel, here.semaphores?, here.kernel?("5.11"), here.superuser?, here.may_trace?,
            here.tracefs, here.locked?, here.container, here.bpftrace])
      .to eq([false, "", false, true, false, false, nil, false, nil, nil])
  end

  it "reads the kernel's version, whatever stands behind it" do
    write("/proc/sys/kernel/osrelease", "5.4.0-150-generic\n")

    expect([machine.linux?, machine.kernel]).to eq([true, "5.4.0-150-generic"])
    expect(%w[5.4 5.10 4.20 5.4.1].map { |version| machine.kernel?(version) }).to eq([true, false, true, false])
  end

  it "reads rights from the bits of the process" do
    bits = ->(*set) { format("Name:\truby\nCapEff:\t%016x\nSeccomp: 0\n", set.sum { |bit| 1 << bit }) }
    found = [[21], [38, 39], [38], [39], [], [1, 2]].map do |set|
      write("/proc/self/status", bits[*set])
      machine.may_trace?
    end

    expect(found).to eq([true, true, false, false, false, false])
  end

  it "finds tracefs where tracers look for it" do
    write("/proc/mounts", "proc /proc proc rw 0 0\nnone /mnt/x tracefs rw 0 0\n")
    expect(machine.tracefs).to be_nil
    write("/proc/mounts", "none /sys/kernel/tracing tracefs rw,relatime 0 0\n")
    expect(machine.tracefs).to eq("/sys/kernel/tracing")
  end

  it "finds semaphores, lockdown and containers by their files" do
    write("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset", "config:32-63\n")
    write("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n")
    expect([machine.semaphores?, machine.locked?]).to eq([true, true])
    write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    expect(machine.locked?).to be(false)

    write("/proc/self/cgroup", "0::/\n")
    expect(machine.container).to be_nil
    write("/proc/self/cgroup", "1:cpu:/kubepods/pod1\n")
    expect(machine.container).to eq("kubepods")
    write("/run/.containerenv")
    expect(machine.container).to eq("Podman")
    pod = Railprobe::CLI::Machine.new(root: @root, env: { "KUBERNETES_SERVICE_HOST" => "x" })
    expect(pod.container).to eq("Kubernetes")
  end

  it "asks bpftrace for its version" do
    write("bpftrace", "#!/bin/sh\necho bpftrace v0.20.2\n")
    File.chmod(0o755, File.join(@root, "bpftrace"))
    expect(machine.bpftrace).to eq("0.20.2")
    write("bpftrace", "#!/bin/sh\nexit 1\n")
    expect(machine.bpftrace).to be_nil
  end
end
