# frozen_string_literal: true

require "railprobe/catalog"
require "railprobe/cli"
require "stringio"

RSpec.describe "Railprobe::CLI::List" do
  let(:out) { StringIO.new }
  let(:err) { StringIO.new }

  # Of what a process has, without the builtin probes that this one may have.
  def list(*arguments)
    catalog = Railprobe::Catalog.new(builtin: [])
    code = Railprobe::CLI::List.new(out, err, catalog).run(*arguments)
    [code, out.string.gsub(catalog.directory || "none", "DIR"), err.string]
  end

  it "says what to type, what comes with it, and who is attached", :native, :runtime do
    Railprobe.probe("shop:sold", sku: :string, raw: :bytes, count: :integer)
    Railprobe.probe("shop:open")
    Railprobe.load

    Semaphore.raise_for(Railprobe["shop:sold"]) do
      expect(list).to eq([0, <<~TEXT, ""])
        usdt:DIR/app.so:shop:open
            no arguments

        usdt:DIR/app.so:shop:sold  attached
            arg0 sku (string), arg1 raw (bytes), arg3 count

        2 probes of the app, 0 builtin, 1 attached
      TEXT
    end
  end

  it "leaves out what was not asked for, and says so where nothing is left", :native, :runtime do
    Railprobe.probe("shop:sold")
    Railprobe.probe("cart:open")
    Railprobe.load

    expect(list("cart")[1]).to include(":cart:open\n", "\n1 probe of the app, 0 builtin, 0 attached\n")
    out.truncate(out.pos = 0)
    expect(list("none")).to eq([1, "", "There is no probe \"none\"\n"])
  end

  it "has the builtin ones, with what some of them need", :native, :runtime do
    Railprobe.start("none.yml", optional: true)

    expect(Railprobe::CLI::List.run(["rails:event"], out, err)).to eq(0)
    expect(out.string).to match(/\Ausdt:\S+\.so:rails:event  needs 8\.1 or later\n    arg0 overhead_ns, arg1 subject /)
  end

  it "says why nothing can be attached to", :idle do
    expect(list).to eq([1, "", "Nothing can be attached to here: #{Railprobe.unsupported_reason}\n"])
  end
end
