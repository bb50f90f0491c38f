# frozen_string_literal: true

require "tmpdir"

RSpec.describe "Railprobe::Configuration", :native do
  def read(text)
    Dir.mktmpdir do |directory|
      path = File.join(directory, "t.yml")
      File.write(path, text)
      Railprobe::Configuration.read(path)
    end
  end

  it "holds what the file says, and can't be changed" do
    value = read(<<~YAML)
      site: fast
      reload: false
      directory: var/images
      limits: {frames: 3}
      tracers:
        - class: "Search::*"
          methods: [call, .for]
          capture: {id: self.id}
      probes:
        - probe: inventory:reserved
          args: {sku: string}
    YAML

    expect([value.site, value.reload?, value.directory]).to eq([:fast, false, "var/images"])
    expect(value.limits).to eq(rate: 100_000, cpu: 10, pause: 10, string: 1024, frames: 3)
    row = { line: 6, class_name: "Search", namespace: true, types: [:latency],
            methods: [["call", false], ["for", true]], captures: [["id", "self.id"]] }
    expect(value.tracers).to match([include(row)])
    expect(value.probes).to eq([["inventory:reserved", [["sku", :string]]]])
    expect([value.valid?, value.errors, value.rendered, value.frozen?]).to eq([true, [], nil, true])
  end

  it "has errors with their places, and what is right beside them" do
    value = read("tracers:\n  - class: A\n    methods: [b]\n    if: a +\n  - class: B\n    methods: [c]\n")

    expect(value.valid?).to be(false)
    expect(value.errors).to match([{ line: 4, column: 11, message: a_kind_of(String), hint: nil }])
    expect(value.rendered).to match(%r{\A/\S+/t\.yml:4:11: .*\n  4 \|     if: a \+\n {4}\| {11}\^\n\z})
    expect(value.tracers.map { |row| row[:class_name] }).to eq(["B"])
  end

  it "raises what the system says of a file that can't be read" do
    expect { Railprobe::Configuration.read("/none/t.yml") }.to raise_error(Errno::ENOENT)
    expect { Railprobe::Configuration.read("/") }.to raise_error(Errno::EISDIR)
  end
end
