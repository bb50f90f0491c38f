# frozen_string_literal: true

RSpec.describe "examples/helper_type.rb" do
  let(:child) do
    file = File.join(ChildRuby::ROOT, "examples/helper_type.rb")
    # With a directory of its own for images, which is there for as long as the process is.
    ChildRuby.run("ARGV.replace(['0.05']); load(#{file.inspect}); #{question}", library: false)
  end
  let(:question) { "" }

  it "runs, ends, and says how often it pushed" do
    expect([child.errors, child.status.exitstatus]).to eq(["", 0])
    expect(child.lines.last[/\A(\d+) pushed\z/, 1].to_i).to be > 30
  end

  context "when its words are followed" do
    let(:question) { 'Railprobe["workqueue:push__return"].then { |one| puts File.file?(one.path), one.arguments }' }

    it "names a probe that is there, with the depth as its sixth argument", :native do
      expect(child.lines[2]).to match(%r{\A  bpftrace -e 'usdt:/\S+/app-\h+\.so:workqueue:push__return \{.*arg5,})
      expect(child.lines.last(2)).to match(["true", /status=>:integer, :depth=>:integer, :queue=>:string\}\z/])
    end
  end

  it "says why nothing can be traced", :idle do
    expect(child.lines.first).to eq("Nothing can be traced here: #{Railprobe.unsupported_reason}")
  end
end
