# frozen_string_literal: true

RSpec.describe "examples/plain_probes.rb" do
  let(:child) do
    file = File.join(ChildRuby::ROOT, "examples/plain_probes.rb")
    # What the command reads is there for as long as the process is.
    ChildRuby.run("ARGV.replace(['0.01']); load(#{file.inspect}); #{inspect_command}", library: false)
  end
  let(:inspect_command) { "" }

  it "runs, and ends" do
    expect(child.status).to be_success
    expect(child.errors).to eq("")
  end

  it "says what to type", :native do
    expect(child.lines).to match(
      ["Attach with:",
       %r{\A  bpftrace -e 'usdt:/\S+/app-\h+\.so:inventory:reserved \{ @\[str\(arg0\)\] = sum\(arg1\); \}'\z}]
    )
  end

  context "when its words are followed" do
    let(:inspect_command) do
      'puts Railprobe["inventory:reserved"].then { |probe| [probe.path, File.file?(probe.path), probe.arguments] }'
    end

    it "names a probe that is there, with the arguments in that order", :native do
      path = child.lines[1][/usdt:([^:]+):/, 1]

      expect(child.lines.drop(2)).to eq([path, "true", { sku: :string, quantity: :integer }.inspect])
    end
  end

  it "says why nobody can attach", :idle do
    expect(child.output).to eq("No tracer can attach: #{Railprobe.unsupported_reason}.\n")
  end
end
