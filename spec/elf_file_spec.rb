# frozen_string_literal: true

require "spec_helper"
require "open3"
require_relative "support/sample_image"

RSpec.describe ElfFile do
  let(:image) { SampleImage.new.bytes }
  let(:file) { described_class.new(image) }

  def patched(offset, format, *values)
    image.dup.tap { |copy| copy[offset, values.pack(format).bytesize] = values.pack(format) }
  end

  def malformed(message) = raise_error(ElfFile::Malformed, message)

  it "reads probes with all that notes and headers tell of them" do
    probe = file.probes[1]

    expect(probe).to have_attributes(
      provider: "order", name: "refund_bang__return", arguments: "8@%rdi -8@%rsi 8@%rdx -8@%rcx 8@%r8",
      location: 0x1010, location_offset: 0x1010, semaphore: 0x2002, semaphore_offset: 0x2002,
      base: file.section(".stapsdt.base").address
    )
    expect(probe.site_bytes(12).unpack1("H*")).to eq("90662e0f1f840000000000c3")
    expect(probe.operands.map { |operand| [operand.size, operand.signed, operand.text] })
      .to eq([[8, false, "%rdi"], [8, true, "%rsi"], [8, false, "%rdx"], [8, true, "%rcx"], [8, false, "%r8"]])
  end

  it "reads operands with spaces in them" do
    operands = described_class.new(SampleImage.new(machine: :aarch64).bytes).probes[0].operands

    expect(operands.last(5).map(&:to_s)).to eq(["-8@x7", "8@[sp]", "-8@[sp, 8]", "8@[sp, 16]", "-8@[sp, 24]"])
  end

  it "reads machine, type, sections, segments and symbols" do
    expect(file).to have_attributes(machine: :x86_64, type: :dyn)
    expect(file.sections.map(&:name)).to eq([""] + SampleImage::ORDER)
    expect(file.segments.map(&:permissions)).to eq(%w[R-- R-X RW- R-- RW-])
    expect(file.symbols.map { |symbol| [symbol.name, symbol.value] })
      .to eq(file.probes.map { |probe| [probe.to_s, probe.location] })
    expect(file.build_id).to match(/\A\h{40}\z/)
  end

  it "agrees with readelf on the files of this machine" do
    mapped = File.readlines("/proc/self/maps", chomp: true).grep(%r{ r-xp .* /}).map { |line| line.split.last }
    paths = [File.realpath("/proc/self/exe"), *mapped].uniq.select { |path| File.file?(path) }
    paths.each do |path|
      output, = Open3.capture2("readelf", "-nW", path)
      note = /Provider: (.*)\n\s*Name: (.*)\n\s*Location: 0x(\h+).*Semaphore: 0x(\h+)\n\s*Arguments: ?(.*)/
      expected = output.scan(note).map { |pair, name, *at, text| [pair, name, *at.map(&:hex), text.rstrip] }
      elf = described_class.new(File.binread(path))

      expect(elf.probes.map { |probe| [*probe.pair, probe.location, probe.semaphore, probe.arguments] }).to eq(expected)
      expect(elf.build_id).to eq(output[/Build ID: (\h+)/, 1])
    end
  end

  it "tells the offset of what is wrong" do
    expect { described_class.new(patched(4, "C", 1)) }.to raise_error(ElfFile::Malformed) { |error|
      expect(error.offset).to eq(4)
      expect(error.message).to eq("at 0x4: not a 64-bit file")
    }
  end

  it "refuses an ELF header that does not add up" do
    {
      [0, "a", "\0"] => /no ELF magic/, [5, "C", 2] => /not little-endian/, [6, "C", 0] => /version 0/,
      [7, "C", 9] => /ABI 9/, [15, "C", 1] => /padding/, [16, "S<", 9] => /type 9/, [18, "S<", 3] => /machine 3/,
      [52, "S<", 52] => /header size 52/, [54, "S<", 32] => /program header size 32/,
      [56, "S<", 0] => /no program header, yet/, [32, "Q<", 68] => /not a multiple of 8/,
      [40, "Q<", 2**40] => /section header table .* not within the file/, [40, "Q<", 8] => /inside the ELF header/,
      [58, "S<", 40] => /section header size 40/, [62, "S<", 900] => /section name table 900/
    }.each do |change, message|
      expect { described_class.new(patched(*change)) }.to malformed(message)
    end
  end

  it "refuses segments and sections that do not add up" do
    segment = file.segments[1].header_offset
    section = file.section(".note.stapsdt").header_offset
    null = file.sections[0].header_offset
    {
      [segment + 8, "Q<", 2**40] => /segment 1 .* not within the file/,
      [segment + 32, "Q<", 2**12] => /larger in the file/,
      [segment + 48, "Q<", 24] => /no power of two/, [segment + 16, "Q<", 0x1004] => /differ modulo/,
      [segment + 40, "Q<", 0x1001] => /PT_LOAD 2 is below/, [segment + 4, "L<", 8] => /segment flags/,
      [null, "C", 1] => /section 0 is not all zero/, [section, "L<", 999] => /outside its string table/,
      [section + 4, "L<", 0] => /is null/, [section + 24, "Q<", 0x1000] => /overlap/,
      [section + 32, "Q<", 2**40] => /not within the file/, [section + 40, "L<", 99] => /link 99/,
      [section + 48, "Q<", 2] => /notes aligned to 2/, [section + 16, "Q<", 8] => /not loaded and has an address/
    }.each do |change, message|
      expect { described_class.new(patched(*change)) }.to malformed(message)
    end
  end

  it "refuses strings, symbols and notes that do not add up" do
    strings = file.section(".strtab")
    symbols = file.section(".symtab")
    note = file.probes[0].note
    {
      [strings.offset, "C", 65] => /does not begin with NUL/,
      [strings.offset + strings.size - 1, "C", 65] => /end with NUL/,
      [symbols.header_offset + 56, "Q<", 16] => /symbol size 16/, [symbols.header_offset + 44, "L<", 4] => /wrong side/,
      [symbols.header_offset + 40, "L<", 3] => /names are no string table/, [symbols.offset, "C", 1] => /symbol 0/,
      [symbols.offset + 24 + 6, "S<", 77] => /symbol of section 77/,
      [symbols.offset + 24 + 8, "Q<", 1] => /outside its section/,
      [note.offset, "L<", 2**31] => /does not fit its section/,
      [note.offset + 4, "L<", 2**31] => /does not fit its section/,
      [note.offset + 12 + 7, "C", 65] => /owner is not NUL-terminated/
    }.each do |change, message|
      expect { described_class.new(patched(*change)) }.to malformed(message)
    end
    expect { described_class.new(patched(note.offset + 8, "L<", 4)).probes }.to malformed(/note of type 4/)
  end

  it "raises nothing else, whatever the bytes are" do
    random = Random.new(23)
    2000.times do
      bytes = image.dup
      # Half of the time in the headers at the beginning, where a byte means more.
      random.rand(1..4).times { bytes.setbyte(random.rand([400, bytes.size].sample(random: random)), random.rand(256)) }
      bytes = bytes.byteslice(0, random.rand(bytes.size)) if random.rand(8).zero?
      begin
        described_class.new(bytes).probes
      rescue ElfFile::Malformed
        next
      end
    end
  end
end
