# frozen_string_literal: true

require "spec_helper"
require "railprobe/catalog"
require "railprobe/cli"
require "railprobe/cli/file_report"
require "support/end_to_end"
require_relative "../../generators/tracing/script"
require_relative "../../generators/tracing/script_probes"
require_relative "../../generators/tracing/subject"

# What `rails generate tracing script` writes, run as it is, and with every line taken in that it offers.
RSpec.describe "Generated scripts", :e2e do
  let(:file) { File.join(directory, "tracers.yml") }
  let(:target) { start_target("tracers.rb", env: { "TRACERS_FILE" => file }) }

  before { File.write(file, <<~YAML) }
    limits: {rate: 0, cpu: 0}
    tracers:
      - class: Shop
        methods: [call, slow, fail]
        types: [latency, exception, result, allocations, gc]
        capture: {number: args.0}
      - {class: Shop, methods: [busy], types: [entry, args]}
  YAML

  def script(method)
    catalog = Railprobe::Catalog.new(report: { images: [] }, providers: {}, builtin: [], root: directory)
    known = Railprobe::Generators::ScriptProbes.new(Railprobe::CLI::FileReport.new(file), catalog)
    found = known.of_method(Railprobe::Generators::Subject.new("Shop##{method}"))
    Railprobe::Generators::Script.new(path: "script/tracing/x.bt", **found.to_h).to_s.gsub("./tmp/railprobe", images)
  end

  def run(method, text = script(method), **options)
    trace(text, on: target, **options).tap do
      wait_until("Shop##{method} armed") { target.ask(:states)["Shop##{method}"] == "armed" }
    end
  end

  it "count every call, and how each ended" do
    tracer = run("call")
    target.ask(:call, 23)
    tracer.stop

    expect(tracer.counts("@status")).to eq("0" => 23)
    expect(tracer.values("@us")).to eq(23)
    expect_released(target)
  end

  it "leave out what took less than they are told" do
    tracer = run("slow", arguments: [400])
    [0.0, 0.001, 0.41, 0.002, 0.5].each { |seconds| target.ask(:slow, seconds) }
    tracer.stop

    expect(tracer.counts("@status")).to eq("0" => 2)
  end

  it "tell exceptions" do
    tracer = run("fail")
    7.times { target.ask(:fail, "no") }
    tracer.stop

    expect([tracer.counts("@status"), tracer.counts("@raised")]).to eq([{ "1" => 7 }, { "ArgumentError" => 7 }])
  end

  it "offer lines that hold as they are" do
    tracer = run("call", script("call").gsub(%r{^    // @}, "    @"))
    target.ask(:call, 23)
    tracer.stop

    expect(%w[@us @objects @bytes @gc_ns].map { |map| tracer.values(map) }).to eq([23] * 4)
    expect(tracer.counts("@number")).to eq((0...23).to_h { |number| [number.to_s, 1] })
    expect(tracer.counts("@result")).to eq((0...23).to_h { |number| [number.to_s, 1] })
  end

  it "count what only begins" do
    tracer = run("busy")
    5.times { target.ask(:busy, 0.0) }
    tracer.stop

    expect(tracer.count("@count")).to eq(5)
  end
end
