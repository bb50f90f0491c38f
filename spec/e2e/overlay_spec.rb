# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

# An image that is baked into a layer of a container image, and two containers of that layer: overlay mounts
# over one lower directory, each in a mount namespace of its own, which takes the mount with it when it goes.
RSpec.describe "Baked images", :e2e do
  let(:mount) { <<~SHELL }
    set -e
    mount --make-rprivate /
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
    shift 2
    exec "$@"
  SHELL

  let(:lower) { File.join(directory, "lower") }

  def bake
    FileUtils.mkdir_p(File.join(lower, "images"), mode: 0o755)
    start_target(env: { "RAILPROBE_DIR" => File.join(lower, "images") }).stop
    everything(lower)
  end

  def start_container(name)
    place = File.join(directory, name)
    %w[upper work root].each { |part| FileUtils.mkdir_p(File.join(place, part)) }
    start_target(env: { "RAILPROBE_DIR" => File.join(place, "root", "images") },
                 wrapper: ["unshare", "--mount", "sh", "-c", mount, "container", lower, place])
  end

  def copied_up(name) = Dir.glob(File.join(directory, name, "upper", "**", "*")).select { |path| File.file?(path) }

  it "are one to a tracer on the host, and never copied up" do
    baked = bake
    containers = %w[one two].map { |name| start_container(name) }
    inside = containers.map { |container| container.ask(:path, "e2e:hit") }
    expect(inside.map { |path| path[%r{/(one|two)/root/images/}, 1] }).to eq(%w[one two])
    tracer = trace("usdt:#{File.join(lower, "images", "app.so")}:e2e:hit { @hits[pid] = count(); }", on: containers)
    expected = containers.to_h { |container| [container.pid.to_s, container.ask(:fire, "e2e:hit", 2_000, 1, "x")] }
    tracer.stop

    expect(tracer.counts("@hits")).to eq(expected)
    expect_released(containers)
    expect(everything(lower)).to eq(baked)
    expect(copied_up("one") + copied_up("two")).to eq([])
  end
end
