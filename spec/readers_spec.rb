# frozen_string_literal: true

require "spec_helper"
require "tmpdir"
require_relative "support/perf"
require_relative "support/random_declarations"
require_relative "support/sample_image"

# The wrappers of other people's tools, tried on images that no engine is needed for: all of them read a good
# one alike, and each says what it has against a bad one.
RSpec.describe Readers do
  around do |example|
    Dir.mktmpdir("readers") do |directory|
      @path = File.join(directory, "image.so")
      example.run
    end
  end

  attr_reader :path

  def write(bytes) = File.binwrite(path, bytes)

  def ask(reader)
    skip(reader.missing) if reader.missing
    reader.probes(path)
  end

  def longest(provider, name) = [{ provider: "p" * provider, name: "n" * name, arguments: 12 }]

  let(:image) do
    probes = (0..12).map { |count| { provider: "order", name: "n#{count}", arguments: count } }
    SampleImage.new(probes: probes + longest(RandomDeclarations::PROVIDER_MAX, 63)).bytes
  end
  let(:probes) { ElfFile.new(image).probes }

  {
    Readers::Readelf => ->(probe) { [*probe.pair, probe.arguments] },
    Readers::EuReadelf => ->(probe) { [*probe.pair, probe.arguments] },
    Readers::Tplist => ->(probe) { [*probe.pair, probe.operands.size] },
    Readers::Bpftrace => lambda(&:pair),
    Readers::Gdb => lambda(&:pair),
    Readers::Perf => lambda(&:pair)
  }.each do |reader, told|
    it "lists the probes of an image with #{reader.program}" do
      write(image)

      expect(ask(reader)).to eq(probes.map(&told).sort)
    end

    it "fails with what #{reader.program} says of a file that is none" do
      skip(reader.missing) if reader.missing
      write("no image")

      expect { reader.probes(path) }.to raise_error(Readers::Failure, /#{reader.program[/\A[^-]+/]}/)
    end
  end

  it "finds no fault with eu-elflint, on either machine, but in a file that has one" do
    skip(Readers::EuElflint.missing) if Readers::EuElflint.missing
    write(image)
    expect(Readers::EuElflint.violations(path)).to eq([])
    write(SampleImage.new(machine: :aarch64).bytes)
    expect(Readers::EuElflint.violations(path)).to eq([])

    text = ElfFile.new(image).section(".text").header_offset
    write(image.dup.tap { |bytes| bytes[text + 8, 8] = [2].pack("Q<") })
    expect(Readers::EuElflint.violations(path)).not_to be_empty
  end

  it "reads the notes of aarch64 here, too" do
    write(SampleImage.new(machine: :aarch64).bytes)
    expected = ElfFile.new(File.binread(path)).probes.map { |probe| [*probe.pair, probe.arguments] }.sort

    expect(ask(Readers::Readelf)).to eq(expected)
    expect(ask(Readers::EuReadelf)).to eq(expected)
  end

  describe Readers::Perf do
    before { skip(described_class.missing) if described_class.missing }

    it "makes an event and removes it, with the longest names that the kernel takes" do
      write(image)
      event = "sdt_#{"p" * RandomDeclarations::PROVIDER_MAX}:#{"n" * 63}"
      described_class.with(path) do |perf|
        perf.event(event.delete_prefix("sdt_")) { |made| expect([made, perf.events]).to match([event, include(event)]) }
        expect(perf.events).not_to include(event)
      end
    end

    it "refuses a provider of 60 bytes" do
      write(SampleImage.new(probes: longest(RandomDeclarations::PROVIDER_MAX + 1, 3)).bytes)

      described_class.with(path) do |perf|
        expect { perf.event("#{"p" * 60}:nnn") { raise "unreachable" } }
          .to raise_error(Readers::Failure, /Failed to add events/)
        expect(perf.events).not_to include("sdt_#{"p" * 60}:nnn")
      end
    end

    it "records nothing where nothing fires, and ends" do
      write(image)

      described_class.with(path) do |perf|
        expect(perf.event("order:n3") { |event| perf.record(event) { nil } }).to eq(0)
      end
    end

    it "leaves tracefs as it was" do
      mounted = TraceFs.mounted?
      write(image)
      described_class.probes(path)

      expect(TraceFs.mounted?).to eq(mounted)
    end
  end
end
