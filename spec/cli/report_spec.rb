# frozen_string_literal: true

require "railprobe/cli"
require "stringio"

RSpec.describe "Railprobe::CLI::Report" do
  let(:out) { StringIO.new }
  let(:quiet) do
    { supported: true, unsupported_reason: nil, probes: 1, attached: [], rejected: {}, images: [], retired_images: 0,
      attempts: [], watcher: { running: true, interval_ms: 100, wake_signal: 60 }, tracers: [],
      rails: { armed: [], errors: 0 }, complaints: {} }
  end

  def report(facts = {})
    code = Railprobe::CLI::Report.new(out, quiet.merge(facts), "/app").run
    [code, out.string]
  end

  it "is short where there is little to say" do
    expect(report).to eq([0, "1 probe of the app; the watcher looks every 100 ms\n\n"])
  end

  it "tells of images, methods, and all that went wrong" do
    image = { path: "/app/tmp/railprobe/app-1.so", state: :current, probes: 3, attached: 1 }
    methods = [{ method: "Order#pay", types: %i[latency gc], state: :armed, probes: ["order:pay__return"] },
               { method: "Cart#x", types: [:latency], state: :waiting, probes: [], reason: "Cart is not loaded" }]
    facts = { probes: 3, images: [image], retired_images: 12, tracers: methods, attached: ["order:pay__return"],
              rejected: { "a:b" => 7 }, rails: { armed: ["sql.active_record"], errors: 5 },
              attempts: [["/x", "is not there", "No such file"]], complaints: { "one\n  two" => 2 } }

    expect(report(facts).last).to eq(<<~TEXT)
      3 probes of the app; the watcher looks every 100 ms

      Images
        ./tmp/railprobe/app-1.so  current  3 probes  1 attached
        12 older                  retired

      Methods
        Order#pay  armed    latency, gc  order:pay__return
        Cart#x     waiting  latency      Cart is not loaded

      Attached
        order:pay__return

      Armed in Rails
        sql.active_record

      Errors in what is armed in Rails
        5

      Dropped, for their values
        a:b  7

      Places that took no image
        /x  is not there  No such file

      Complaints
        2 times  one

    TEXT
  end

  it "begins with what is most wrong" do
    expect(report(supported: false, unsupported_reason: "so it is").last)
      .to start_with("Nothing can be attached to here: so it is\n")
    out.truncate(out.pos = 0)
    expect(report(watcher: { running: false, interval_ms: 100, wake_signal: nil }).last).to include("does not run\n")
  end

  it "is of this process where nothing else is said" do
    expect(Railprobe::CLI::Report.run([], out, nil)).to eq(0)
    expect(out.string).to match(/of the app|Nothing can be attached to here/)
  end
end
