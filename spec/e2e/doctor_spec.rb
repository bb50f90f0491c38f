# frozen_string_literal: true

require "railprobe/cli"
require "railprobe/cli/attachment"
require "spec_helper"
require "support/end_to_end"

# What the doctor does with a real bpftrace.
RSpec.describe "railprobe doctor", :e2e do
  it "has bpftrace attach to its own process, and leave again" do
    command = "ARGV.replace(['doctor']); load #{File.join(ChildRuby::ROOT, "exe/railprobe").inspect}"
    child = ChildRuby.run(command, options: ["--enable-gems"], library: false)

    expect(child.errors).to eq("")
    expect(child.output).to match(/^ok    attach    bpftrace was on rails:deprecation after \d+\.\d s, and left$/)
    expect(child.output).to match(%r{^ok    images    /\S+ \(builtin\.so\)$})
    expect(child.output).not_to match(/^FAIL/)
  end

  it "leaves alone, as root, what is an app of another user" do
    Dir.mkdir(tmp = File.join(directory, "tmp"))
    File.chown(65_534, nil, tmp)
    command = "Dir.chdir(#{directory.inspect}); ARGV.replace(['doctor']); " \
              "load #{File.join(ChildRuby::ROOT, "exe/railprobe").inspect}"
    child = ChildRuby.run(command, options: ["--enable-gems"], library: false, env: { "RAILPROBE_DIR" => nil })

    expect([child.status.exitstatus, child.output]).to eq([1, ""])
    expect(child.errors).to start_with("Run this as nobody, as whom the app runs: ")
    expect(Dir.children(tmp)).to eq([])
  end

  it "tells what bpftrace says where it can't" do
    attachment = Railprobe::CLI::Attachment.new(File.join(directory, "none.so")).try

    expect(attachment.seconds).to be_nil
    expect(attachment.said).to match(/none\.so/)
  end
end
