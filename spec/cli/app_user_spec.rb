# frozen_string_literal: true

require "fileutils"
require "railprobe/cli"
require "railprobe/cli/app_user"
require "tmpdir"

RSpec.describe "Railprobe::CLI::AppUser" do
  around do |example|
    Dir.mktmpdir do |root|
      @root = root
      example.run
    end
  end

  # As if the directory belonged to that user, and this process to another.
  def user(uid, euid, directory = @root)
    allow(File).to receive(:stat).and_call_original
    allow(File).to receive(:stat).with(directory).and_return(instance_double(File::Stat, uid: uid))
    allow(Process).to receive(:euid).and_return(euid)
    Railprobe::CLI::AppUser.new(@root)
  end

  it "is the owner of tmp, or of the app where there is none" do
    expect(user(1234, 0).uid).to eq(1234)
    Dir.mkdir(tmp = File.join(@root, "tmp"))
    expect(user(4321, 0, tmp).uid).to eq(4321)
    expect(Railprobe::CLI::AppUser.name_of(0)).to eq("root")
    expect(user(4_294_967_290, 0, tmp).name).to eq("user 4294967290")
  end

  it "keeps root, and nobody else, from an app of somebody else" do
    expect(user(4_294_967_290, 0).hindrance).to start_with("Run this as user 4294967290, as whom the app runs: ")
    expect([user(0, 0).hindrance, user(1234, 1234).hindrance, user(1234, 1235).hindrance]).to eq([nil, nil, nil])
    expect([user(1234, 1234).here?, user(1234, 1235).here?]).to eq([true, false])
  end
end
