# frozen_string_literal: true

RSpec.describe "examples/plain_ruby.rb" do
  let(:child) do
    file = File.join(ChildRuby::ROOT, "examples/plain_ruby.rb")
    # With a directory of its own for images, which is there for as long as the process is.
    ChildRuby.run("ARGV.replace(['1']); load(#{file.inspect}); #{question}", library: false)
  end
  let(:question) { "" }
  let(:calls) { child.lines.grep(/calls\z/).to_h { |line| line.split.first(2) }.transform_values(&:to_i) }

  it "works for as long as it is told, and says how often it called each method" do
    expect([child.errors, child.status.exitstatus]).to eq(["", 0])
    expect(calls.keys).to eq(%w[Inventory#reserve Inventory#restock! Inventory.audit])
    expect(calls.values_at("Inventory#reserve", "Inventory.audit").uniq.size).to eq(1)
    rounds = calls["Inventory#restock!"]
    expect(calls["Inventory#reserve"]).to be_between(rounds * 20, (rounds + 1) * 21)
  end

  context "when it is asked what became of its methods" do
    let(:question) do
      'puts Railprobe.report[:tracers].map { |row| row.values_at(:method, :state).join(" ") }, ' \
        "Railprobe.report[:complaints].size"
    end

    it "has all of them ready, and nothing to complain of", :native do
      expect(child.lines.last(5))
        .to eq(["Inventory#reserve ready", "Inventory#restock! ready", "Inventory.audit ready",
                "Inventory::Price#of ready", "0"])
    end
  end

  it "prints a command that names the common pair in an image that is there", :native do
    expect(child.lines[2]).to match(
      %r{\A  bpftrace -e 'usdt:/\S+/builtin\.so:tracers:method__return \{.*= hist\(arg3 / 1000\); \}'\z}
    )
  end

  it "says why nothing can be traced", :idle do
    expect(child.lines.first).to eq("Nothing can be traced here: #{Railprobe.unsupported_reason}")
  end
end
