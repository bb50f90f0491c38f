# frozen_string_literal: true

require "support/elf_file"
require "support/probes_document"

# PROBES.md against the engine's table, and both against the notes in the image, which is what tracers read.
RSpec.describe ProbesDocument, :native, :runtime do
  let(:rows) { Railprobe::Native.builtin_probes }

  # What all begin with: overhead_ns, subject, ctx, duration_ns, status.
  let(:common) { [true, false, true, true, true] }

  def image
    Railprobe.start("none.yml", optional: true)
    paths = Railprobe.report[:images].map { |facts| facts[:path] }
    ElfFile.new(File.binread(paths.find { |path| File.basename(path).start_with?("builtin") }))
  end

  it "is what rake probes writes" do
    expect(File.read(described_class::PATH)).to eq(described_class.new(rows).text)
  end

  it "has each probe of the image, with as many arguments, signed where they are" do
    documented = described_class.new(rows).text.split("\n### ").drop(1).to_h do |section|
      name = section[/\A\S+/]
      known = name.match?(/__(?:done|return)\z/) ? 5 : 3
      specifics = section.scan(/^\| arg\d+ \| \w+ \| ([\w, ]+) \|/).flatten
      [name, common.first(known) + specifics.map { |type| type.end_with?(", signed") }]
    end

    expect(image.probes.to_h { |probe| [probe.to_s, probe.operands.map(&:signed)] }).to eq(documented)
  end

  it "finds a table that differs" do
    other = Marshal.load(Marshal.dump(rows))
    other.first[:arguments][:late] = [:integer, "one more"]

    expect(described_class.new(other).text).not_to eq(described_class.new(rows).text)
  end
end
