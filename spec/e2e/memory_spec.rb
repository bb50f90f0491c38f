# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

# Where no directory takes an image: all that could are read-only, or nothing in them may be executed, in a
# mount namespace of the target's own.
RSpec.describe "Images in memory", :e2e do
  let(:read_only) { <<~SHELL }
    set -e
    mount --make-rprivate /
    for place in /tmp /run /var/tmp /dev/shm; do
      mount --rbind "$place" "$place"
      mount -o remount,bind,ro "$place"
    done
    for place in $NOEXEC; do
      mount -t tmpfs -o noexec tmpfs "$place"
    done
    exec "$@"
  SHELL

  let(:noexec) { [] }
  let(:nowhere) { File.join(directory, "nowhere") }
  let(:target) do
    Dir.mkdir(nowhere)
    places = %w[XDG_RUNTIME_DIR HOME TMPDIR].to_h { |name| [name, nowhere] }
    start_target(env: places.merge("NOEXEC" => noexec.join(" ")),
                 wrapper: ["unshare", "--mount", "sh", "-c", read_only, "read-only", "env", "--chdir=#{nowhere}"])
  end

  def count(tracer_path, **options)
    path = target.ask(:path, "e2e:hit")
    expect(path).to match(%r{\A/proc/#{target.pid}/fd/\d+\z})
    target.fork if target.peers.one?
    tracer = trace("usdt:#{tracer_path || path}:e2e:hit { @hits[pid] = count(); }", **options)
    fired = target.peers.to_h { |peer| [peer.pid.to_s, peer.ask(:fire, "e2e:hit", 1_000, 1, "x")] }
    tracer.stop
    expect_released(target)
    [tracer.counts("@hits"), fired]
  end

  it "are attached to by pid" do
    counted, fired = count("*", pid: target.pid, on: target.main)
    expect(counted).to eq(fired.slice(target.pid.to_s))
  end

  context "when the directories can be written to, but not mapped from" do
    let(:noexec) { [images, nowhere] }

    it "are attached to by pid all the same" do
      counted, fired = count("*", pid: target.pid, on: target.main)
      expect(counted).to eq(fired.slice(target.pid.to_s))
    end
  end

  it "are attached to by the path of the descriptor, forked processes too" do
    counted, fired = count(nil, on: target)
    expect(counted).to eq(fired)
  end
end
