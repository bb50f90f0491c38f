# frozen_string_literal: true

require "fileutils"
require "railprobe/cli"
require "railprobe/cli/app_user"
require "railprobe/cli/machine"
require "stringio"
require "tmpdir"

RSpec.describe "Railprobe::CLI::Run" do
  around do |example|
    Dir.mktmpdir("railprobe") do |root|
      @root = File.realpath(root)
      example.run
    end
  end

  let(:out) { StringIO.new }
  let(:err) { StringIO.new }
  let(:commands) { [] }

  before do
    stub_const("Railprobe::CLI::Run::GEM", File.join(@root, "gem"))
    # One who has no images outside of the app.
    owner = instance_double(Railprobe::CLI::AppUser, uid: 4_294_967_290)
    allow(Railprobe::CLI::AppUser).to receive(:new).with(@root).and_return(owner)
    write("gem/reqlat.bt", "#!/usr/bin/env bpftrace\n/*\n * reqlat - how long actions take\n *\n */\nBEGIN { }\n")
    write("script/tracing/pay.bt", "/*\n * pay.bt  - mine\n */\nusdt:./tmp/railprobe/app.so:a:b { @ = count(); }\n")
  end

  def write(path, text = "")
    FileUtils.mkdir_p(File.dirname(File.join(@root, path)))
    File.write(File.join(@root, path), text)
  end

  def run(*arguments, superuser: true, bpftrace: "0.17.0")
    machine = instance_double(Railprobe::CLI::Machine, superuser?: superuser, bpftrace: bpftrace)
    Railprobe::CLI::Run.new(out, err, machine: machine, root: @root, become: ->(*command) { commands << command })
                       .run(*arguments)
  end

  it "becomes bpftrace, on the images of the app, with the arguments" do
    write("tmp/railprobe/builtin.so")

    expect(run("pay", "50", "x")).to eq(0)
    program = "/*\n * pay.bt  - mine\n */\nusdt:#{@root}/tmp/railprobe/app.so:a:b { @ = count(); }\n"
    expect(commands).to eq([["bpftrace", "-e", program, "50", "x"]])
  end

  it "finds the images where the file has them", :native do
    write("config/tracers.yml", "directory: var/images\n")
    write("tmp/railprobe/builtin.so")
    write("var/images/builtin.so")
    run("pay")

    expect(commands.flatten.grep(/usdt/)).to all(include("usdt:#{@root}/var/images/app.so:"))
  end

  it "prefers a script of the app to one of the gem" do
    write("tmp/railprobe/builtin.so")
    write("script/tracing/reqlat.bt", "mine")
    run("reqlat")

    expect(commands).to eq([["bpftrace", "-e", "mine"]])
  end

  it "lists the scripts, with what they say of themselves" do
    expect(run).to eq(0)
    expect(out.string).to eq(<<~TEXT)
      Usage: rails 'tracing:run[NAME,ARGUMENT,...]', as root

        pay     mine
        reqlat  how long actions take
    TEXT
  end

  it "says so where there is none of that name, or none at all" do
    expect(run("reqlta")).to eq(1)
    expect(err.string).to start_with("There is no script \"reqlta\"; did you mean reqlat?\n  pay ")
    FileUtils.rm_r([File.join(@root, "gem"), File.join(@root, "script")])
    run
    expect(out.string).to end_with("There are none yet: rails generate tracing script Order#checkout\n")
  end

  it "says what keeps it from running" do
    expect([run("pay"), err.string]).to match([1, /\AThere are no images in #{@root}.*: start the app first\.$/])
    write("tmp/railprobe/builtin.so")
    expect([run("pay", bpftrace: nil), err.string.lines.last]).to match([1, /\Abpftrace is not in PATH/])
    expect([run("pay", superuser: false), err.string.lines.last]).to match([1, /\Abpftrace takes root/])
    expect(commands).to eq([])
  end
end
