# frozen_string_literal: true

require "spec_helper"
require_relative "support/sample_image"

# The checks themselves: a good image passes, and an image that is wrong in one way fails for that way.
RSpec.describe ImageContract do
  def violations(bytes, **options) = described_class.violations(bytes, **options)

  # Where fields are in a section header and in a program header, and how they are packed.
  section_fields = { type: [4, "L<"], flags: [8, "Q<"], address: [16, "Q<"], offset: [24, "Q<"], size: [32, "Q<"],
                     link: [40, "L<"], info: [44, "L<"], alignment: [48, "Q<"], entry_size: [56, "Q<"] }
  segment_fields = { type: [0, "L<"], flags: [4, "L<"], offset: [8, "Q<"], address: [16, "Q<"], file_size: [32, "Q<"],
                     memory_size: [40, "Q<"], alignment: [48, "Q<"] }

  define_method(:patch) do |bytes, offset, format, *values|
    bytes.dup.tap { |copy| copy[offset, values.pack(format).bytesize] = values.pack(format) }
  end

  define_method(:patch_section) do |bytes, name, **fields|
    header = ElfFile.new(bytes).section(name).header_offset
    fields.reduce(bytes) do |all, (field, value)|
      offset, format = section_fields.fetch(field)
      patch(all, header + offset, format, value)
    end
  end

  define_method(:patch_segment) do |bytes, index, **fields|
    header = ElfFile.new(bytes).segments.fetch(index).header_offset
    fields.reduce(bytes) do |all, (field, value)|
      offset, format = segment_fields.fetch(field)
      patch(all, header + offset, format, value)
    end
  end

  # The three addresses of a probe's note: 0 location, 1 base, 2 semaphore.
  def patch_address(bytes, probe, which, value)
    patch(bytes, ElfFile.new(bytes).probes.fetch(probe).note.description_offset + (8 * which), "Q<", value)
  end

  def sample(**options) = SampleImage.new(**options).bytes
  def with_probe(**probe) = sample(probes: [{ provider: "order", name: "hit", arguments: 1 }.merge(probe)])
  def without(name) = sample(order: SampleImage::ORDER - [name])

  let(:image) { sample }
  let(:file) { ElfFile.new(image) }

  %i[x86_64 aarch64].product(%i[safe fast]).each do |machine, site|
    it "finds nothing wrong with a good image (#{machine}, #{site})" do
      expect(violations(sample(machine: machine, site: site), site: site)).to eq([])
    end
  end

  it "finds nothing wrong with one that has thousands of probes" do
    probes = Array.new(3000) { |index| { provider: "p", name: "n#{index}", arguments: index % 13 } }

    expect(violations(sample(probes: probes))).to eq([])
  end

  # What is done to the image => what is said about it.
  broken = {
    "a type that is not dyn" => [/type is exec/, ->(bytes) { patch(bytes, 16, "S<", 2) }],
    "no build id" => [/no build id/, ->(_) { without(".note.gnu.build-id") }],
    "a short build id" => [/build id has 16 bytes/, ->(_) { sample(build_id_size: 16) }],
    "no .stapsdt.base" => [/0 sections \.stapsdt\.base/, ->(_) { without(".stapsdt.base") }],
    "no .probes" => [/0 sections \.probes/, ->(_) { without(".probes") }],
    "no notes" => [/there is no probe/, ->(_) { without(".note.stapsdt") }],
    "notes before .probes" => [
      /not in this order/,
      ->(_) { sample(order: [".note.stapsdt", *(SampleImage::ORDER - [".note.stapsdt"])]) }
    ],
    ".probes before .text" => [
      /not in this order/,
      ->(_) { sample(order: [".probes", *(SampleImage::ORDER - [".probes"])]) }
    ],
    "an executable section before .text" => [
      /first executable section is \.stapsdt\.base/, ->(bytes) { patch_section(bytes, ".stapsdt.base", flags: 6) }
    ],
    "text without the executable flag" => [
      /section \.text is "alloc"/, ->(bytes) { patch_section(bytes, ".text", flags: 2) }
    ],
    "a writable .text section" => [
      /section \.text is writable and executable/, ->(bytes) { patch_section(bytes, ".text", flags: 7) }
    ],
    ".probes that is not in the file" => [
      /section \.probes has type 8/, ->(bytes) { patch_section(bytes, ".probes", type: 8) }
    ],
    ".note.stapsdt of another type" => [
      /section \.note\.stapsdt has type 1/, ->(bytes) { patch_section(bytes, ".note.stapsdt", type: 1) }
    ],
    "a section address that is not its offset" => [
      /\.probes: the address is not the file offset/,
      ->(bytes) { patch_section(bytes, ".probes", address: file.section(".probes").address + 2) }
    ],
    "a semaphore that starts at 1" => [
      /a semaphore is not 0/, ->(bytes) { patch(bytes, file.section(".probes").offset, "S<", 1) }
    ],
    "a segment that is writable and executable" => [
      /segment 1 is writable and executable/, ->(bytes) { patch_segment(bytes, 1, flags: 7) }
    ],
    "no writable segment" => [/PT_LOADs are R--, R-X, R--/, ->(bytes) { patch_segment(bytes, 2, flags: 4) }],
    "a segment address that is not its offset" => [
      /segment 2: the address is not the file offset/,
      ->(bytes) { patch_segment(bytes, 2, address: file.segments[2].address + 0x1000) }
    ],
    "an executable stack" => [/PT_GNU_STACK is \["RWX"\]/, ->(bytes) { patch_segment(bytes, 4, flags: 7) }],
    "no stack header" => [/PT_GNU_STACK is \[\]/, ->(bytes) { patch_segment(bytes, 4, type: 0x6474e553) }],
    "no PT_NOTE" => [/PT_NOTE leads to 0 build ids/, ->(bytes) { patch_segment(bytes, 3, type: 0x6474e553) }],
    "segments aligned to less than a page" => [
      /PT_LOAD 1: alignment 0x10,/, ->(bytes) { patch_segment(bytes, 1, alignment: 16) }
    ],
    "text that does not begin on a page" => [
      /PT_LOAD 1 does not begin on a page/,
      ->(bytes) { patch_segment(bytes, 1, offset: 0x1010, address: 0x1010, alignment: 16) }
    ],
    "text and semaphores on one page" => [
      /PT_LOAD 1 and 2 share a page/,
      ->(bytes) { patch_segment(bytes, 2, offset: 0x1ff0, address: 0x1ff0, alignment: 16) }
    ],
    "semaphores beyond the file" => [
      /PT_LOAD 2 is longer in memory/, ->(bytes) { patch_segment(bytes, 2, memory_size: 0x2000) }
    ],
    "pages of 4 KiB on aarch64" => [
      /alignment 0x1000, not 0x10000/, ->(bytes) { patch(bytes, 18, "S<", 183) }
    ],
    "a note owner of another size" => [/owner has 9 bytes/, ->(_) { sample(owner: "stapsdt\0\0") }],
    "a description that is one byte too long" => [/4 strings instead of three/, ->(_) { sample(extra: "\0") }],
    "a base that is not .stapsdt.base" => [/base 0x0 is not where/, ->(bytes) { patch_address(bytes, 1, 1, 0) }],
    "a location outside .text" => [
      /refund_bang__return: location 0x2000 is not in \.text/, ->(bytes) { patch_address(bytes, 1, 0, 0x2000) }
    ],
    "a location that is not executable" => [
      /location 0x2000 is in no executable PT_LOAD/, ->(bytes) { patch_address(bytes, 1, 0, 0x2000) }
    ],
    "a location between two sites" => [
      /location 0x1011 is no multiple of 16/, ->(bytes) { patch_address(bytes, 1, 0, 0x1011) }
    ],
    "two probes at one location" => [
      /several probes are at 0x1000/, ->(bytes) { patch_address(bytes, 1, 0, 0x1000) }
    ],
    "no semaphore" => [/refund_bang__return has no semaphore/, ->(bytes) { patch_address(bytes, 1, 2, 0) }],
    "an odd semaphore" => [/semaphore 0x2001 is not 2-byte aligned/, ->(bytes) { patch_address(bytes, 1, 2, 0x2001) }],
    "a semaphore behind .probes" => [
      /semaphore 0x2006 is not in \.probes/, ->(bytes) { patch_address(bytes, 2, 2, 0x2006) }
    ],
    "a semaphore in the text" => [
      /semaphore 0x1000 is in no writable PT_LOAD/, ->(bytes) { patch_address(bytes, 2, 2, 0x1000) }
    ],
    "a semaphore at the beginning of the file" => [
      /semaphore 0x2000 is at file offset 0/,
      ->(bytes) { patch_segment(patch_segment(bytes, 2, offset: 0), 0, type: 0x6474e553) }
    ],
    "another instruction at a site" => [
      /refund_bang__return: the site is "cc66/, ->(bytes) { patch(bytes, file.probes[1].location_offset, "C", 0xcc) }
    ],
    "a site without ret" => [
      /empty_p: the site is "90662e0f1f84000000000090"/,
      ->(bytes) { patch(bytes, file.probes[2].location_offset + 11, "C", 0x90) }
    ],
    "sites of two kinds" => [
      /not all of one kind/, ->(bytes) { patch(bytes, file.probes[2].location_offset, "C6", 15, 31, 68, 0, 0, 0xc3) }
    ],
    "13 arguments" => [
      /hit: 13 arguments/,
      ->(_) { with_probe(arguments: "#{SampleImage.new.send(:arguments, 12)} 8@%rax") }
    ],
    "an argument of 4 bytes" => [/argument 0 is 4@%rdi, not of 8 bytes/, ->(_) { with_probe(arguments: "4@%rdi") }],
    "a float" => [/argument 0 is 8f@%rdi/, ->(_) { with_probe(arguments: "8f@%rdi") }],
    "operands in another order" => [/argument 0 is %rsi, not %rdi/, ->(_) { with_probe(arguments: "8@%rsi 8@%rdi") }],
    "arguments of another machine" => [/argument 0 is x0, not %rdi/, ->(_) { with_probe(arguments: "8@x0") }],
    "a space behind the arguments" => [/arguments "8@%rdi ", not/, ->(_) { with_probe(arguments: "8@%rdi ") }],
    "arguments that are none" => [/malformed .* arguments "rdi"/, ->(_) { with_probe(arguments: "rdi") }],
    "a name with a dash" => [/name "a-b" is no name/, ->(_) { with_probe(name: "a-b") }],
    "a name that begins with a digit" => [/name "1st" is no name/, ->(_) { with_probe(name: "1st") }],
    "an empty provider" => [/provider "" is no name/, ->(_) { with_probe(provider: "") }],
    "a name of 64 bytes" => [/name "n{64}" is no name/, ->(_) { with_probe(name: "n" * 64) }],
    "a name twice" => [
      /order:hit is there twice/,
      ->(_) { sample(probes: [{ provider: "order", name: "hit", arguments: 1 }] * 2) }
    ],
    "no symbols" => [/0 sections \.symtab/, ->(_) { without(".symtab") }],
    "a symbol with another name" => [
      /order:checkout__entry has 0 symbols/,
      ->(bytes) { patch(bytes, file.section(".strtab").offset + 1, "a", "O") }
    ],
    "a symbol somewhere else" => [
      /refund_bang__return: the symbol is at 0x1020/,
      ->(bytes) { patch(bytes, file.symbols[1].offset + 8, "Q<", 0x1020) }
    ]
  }

  broken.each do |what, (message, change)|
    it "finds #{what}" do
      expect(violations(instance_exec(image, &change))).to include(message)
    end
  end

  it "finds sites of another kind than asked for" do
    expect(violations(sample(site: :fast), site: :safe)).to include(/the site is "0f1f440000c3/)
  end
end
