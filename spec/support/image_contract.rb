# frozen_string_literal: true

require_relative "elf_file"

# What readers of our images rely on, as checks.
#
#   ImageContract.violations(bytes)   #=> [] or ["order:hit: semaphore 0x2003 is not 2-byte aligned", ...]
#
# Each rule has a reader that breaks without it, named beside the check. Written from those readers'
# sources and manuals, not from the code that writes images.
class ImageContract
  NAME = /\A[A-Za-z_][A-Za-z0-9_]{0,62}\z/
  PROVIDER = /\A[A-Za-z_][A-Za-z0-9_]{0,58}\z/ # perf's group is "sdt_" and it, and the kernel takes 63 bytes
  ARGUMENTS_MAX = 12
  BUILD_ID_SIZE = 20
  SITE_ALIGNMENT = 16

  # The C ABI, at the first instruction of a called function: on x86_64 the return address is at (%rsp).
  OPERANDS = {
    x86_64: %w[%rdi %rsi %rdx %rcx %r8 %r9 8(%rsp) 16(%rsp) 24(%rsp) 32(%rsp) 40(%rsp) 48(%rsp)],
    aarch64: %w[x0 x1 x2 x3 x4 x5 x6 x7] + ["[sp]", "[sp, 8]", "[sp, 16]", "[sp, 24]"]
  }.freeze

  # The largest page that a kernel for the machine may use.
  PAGE_SIZES = { x86_64: 0x1000, aarch64: 0x10000 }.freeze

  SITES = {
    # nop; nopw %cs:0(%rax,%rax,1); ret | nopl 0(%rax,%rax,1); ret
    x86_64: { safe: ["90662e0f1f840000000000c3"].pack("H*"), fast: ["0f1f440000c3"].pack("H*") },
    # nop; ret
    aarch64: { safe: ["1f2003d5c0035fd6"].pack("H*"), fast: ["1f2003d5c0035fd6"].pack("H*") }
  }.freeze

  # site: :safe or :fast if it matters which; else all sites have to be of one kind, either.
  def self.violations(bytes, site: nil) = new(bytes, site).violations

  def initialize(bytes, site)
    @bytes = bytes
    @site = site
    @violations = []
  end

  def violations
    @file = ElfFile.new(@bytes)
    check_file
    check_sections
    check_segments
    check_pages
    check_probes
    check_names
    check_symbols
    @violations
  rescue ElfFile::Malformed => error
    @violations + ["malformed #{error.message}"]
  end

  private

  attr_reader :file

  def violation(message) = @violations << message
  def expect(condition, message) = condition || (violation(message) && false)
  def hex(number) = "0x#{number.to_s(16)}"
  def page_size = PAGE_SIZES.fetch(file.machine)
  def pages(part) = (part.address / page_size)..((part.address + [part.memory_size, 1].max - 1) / page_size)

  # bcc takes an ET_EXEC only with the x bit. perf wants an identity.
  def check_file
    expect(file.type == :dyn, "the type is #{file.type}, not dyn")
    return unless expect(file.build_id, "there is no build id")

    size = file.build_id.size / 2
    expect(size == BUILD_ID_SIZE, "the build id has #{size} bytes, not #{BUILD_ID_SIZE}")
  end

  # bcc looks for .probes behind the first executable section and for the notes behind .probes, in one
  # pass over the section headers; gdb wants .stapsdt.base. All look sections up by name.
  def check_sections
    [".note.gnu.build-id", ".stapsdt.base", ".text", ".probes", ".note.stapsdt", ".symtab", ".strtab"].each do |name|
      count = file.sections.count { |section| section.name == name }
      violation("there are #{count} sections #{name}, not one") unless count == 1
    end
    check_section_order
    check_section(".text", ElfFile::PROGBITS, "alloc exec")
    check_section(".probes", ElfFile::PROGBITS, "write alloc")
    check_section(".note.stapsdt", ElfFile::NOTE, nil)
    check_section(".symtab", ElfFile::SYMTAB, nil)
    check_section(".strtab", ElfFile::STRTAB, nil)
    check_loaded_sections
    check_semaphore_values
  end

  def check_section_order
    found = [".text", ".probes", ".note.stapsdt"].filter_map { |name| file.section(name)&.index }
    expect(found == found.sort, "the sections .text, .probes, .note.stapsdt are not in this order")
    first = file.sections.find(&:exec?)
    expect(first.nil? || first.name == ".text", "the first executable section is #{first&.name}, not .text")
  end

  def check_section(name, type, flags)
    section = file.section(name) || return
    expect(section.type == type, "section #{name} has type #{section.type}, not #{type}")
    actual = [("write" if section.write?), ("alloc" if section.alloc?), ("exec" if section.exec?)].compact.join(" ")
    expect(flags.nil? || actual == flags, "section #{name} is #{actual.inspect}, not #{flags.inspect}")
  end

  # Addresses are file offsets, so that nobody has to tell them apart, and what is loaded is in a PT_LOAD.
  def check_loaded_sections
    file.sections.each do |section|
      violation("section #{section.name} is writable and executable") if section.write? && section.exec?
      next unless section.alloc?

      expect(section.address == section.offset, "section #{section.name}: the address is not the file offset")
      expect(file.file_offset(section.address, section.size) == section.offset,
             "section #{section.name} is in no PT_LOAD")
    end
  end

  # They count from 0 up.
  def check_semaphore_values
    section = file.section(".probes") || return
    expect(!file.contents(section).match?(/[^\0]/n), "a semaphore is not 0 in the file")
  end

  # The kernel wants text that is not writable, libbpf semaphores that are not executable, and who maps
  # the image wants each where the headers say.
  def check_segments
    file.segments.each do |segment|
      violation("segment #{segment.index} is writable and executable") if segment.write? && segment.exec?
      expect(segment.address == segment.offset, "segment #{segment.index}: the address is not the file offset")
    end
    loads = file.segments.select(&:load?).map(&:permissions)
    expect(loads.sort == %w[R-- R-X RW-], "PT_LOADs are #{loads.join(", ")}, not R--, R-X, RW-")
    check_stack
    check_note_segment
  end

  # Without it, or with X in it, a dlopen would make every stack of the process executable.
  def check_stack
    stacks = file.segments.select { |segment| segment.type == ElfFile::PT_GNU_STACK }.map(&:permissions)
    expect(stacks == ["RW-"], "PT_GNU_STACK is #{stacks.inspect}, not one that is RW-")
  end

  # perf and the kernel read the build id of a mapped file through PT_NOTE.
  def check_note_segment
    ids = file.segment_notes.count { |note| note.owner == "GNU\0" && note.type == ElfFile::BUILD_ID_NOTE }
    expect(ids == 1, "PT_NOTE leads to #{ids} build ids, not one")
  end

  # Each PT_LOAD can be mapped alone, whatever page size the kernel has.
  def check_pages
    loads = file.segments.select(&:load?)
    loads.each do |segment|
      expect(segment.alignment == page_size,
             "PT_LOAD #{segment.index}: alignment #{hex(segment.alignment)}, not #{hex(page_size)}")
      expect((segment.offset % page_size).zero?, "PT_LOAD #{segment.index} does not begin on a page")
      expect(segment.memory_size == segment.file_size, "PT_LOAD #{segment.index} is longer in memory than in the file")
    end
    loads.combination(2) do |one, other|
      shared = pages(one).last >= pages(other).first && pages(other).last >= pages(one).first
      violation("PT_LOAD #{one.index} and #{other.index} share a page") if shared
    end
  end

  def check_probes
    expect(file.probes.any?, "there is no probe")
    outside = file.stapsdt_notes.size - notes_in_section
    expect(outside.zero?, "#{outside} stapsdt notes are outside .note.stapsdt")
    file.probes.each do |probe|
      check_note(probe)
      check_location(probe)
      check_semaphore(probe)
      check_arguments(probe)
    end
    check_site_kinds
    duplicates(file.probes.map(&:location)).each { |location| violation("several probes are at #{hex(location)}") }
  end

  def notes_in_section
    section = file.section(".note.stapsdt")
    return 0 if section.nil?

    file.stapsdt_notes.count { |note| (section.offset...(section.offset + section.size)).cover?(note.offset) }
  end

  def duplicates(values) = values.tally.select { |_, count| count > 1 }.keys

  # bcc skips a note whose owner field isn't 8 bytes. (That the description ends with its third string
  # is for ElfFile to say.) A base that isn't the section's address moves all addresses.
  def check_note(probe)
    size = probe.note.owner.bytesize
    expect(size == 8, "#{probe}: the note's owner has #{size} bytes, not 8")
    base = file.section(".stapsdt.base")&.address
    expect(base.nil? || probe.base == base, "#{probe}: base #{hex(probe.base)} is not where .stapsdt.base is")
  end

  # bcc drops what is below the first executable section, libbpf refuses what is in no executable PT_LOAD.
  def check_location(probe)
    where = "#{probe}: location #{hex(probe.location)}"
    text = file.section(".text")
    expect(text.nil? || text.cover?(probe.location), "#{where} is not in .text")
    executable = file.segments.any? { |segment| segment.load? && segment.exec? && segment.cover?(probe.location) }
    expect(executable, "#{where} is in no executable PT_LOAD")
    expect((probe.location % SITE_ALIGNMENT).zero?, "#{where} is no multiple of #{SITE_ALIGNMENT}")
  end

  # The kernel wants 2-byte alignment and a private writable mapping of the file; offset 0 means none.
  # libbpf wants no X, and bcc finds the offset through .probes only.
  def check_semaphore(probe)
    return violation("#{probe} has no semaphore") if probe.semaphore.zero?

    where = "#{probe}: semaphore #{hex(probe.semaphore)}"
    expect(probe.semaphore.even?, "#{where} is not 2-byte aligned")
    section = file.section(".probes")
    expect(section.nil? || section.cover?(probe.semaphore, 2), "#{where} is not in .probes")
    loads = file.segments.select { |segment| segment.load? && segment.cover?(probe.semaphore, 2) }
    expect(loads.any? { |segment| segment.write? && !segment.exec? }, "#{where} is in no writable PT_LOAD without X")
    expect(probe.semaphore_offset != 0, "#{where} is at file offset 0")
  end

  # libbpf refuses a 13th argument, systemtap aborts on it. No reader takes floats; bcc and bpftrace
  # number arguments anew where one is left out.
  def check_arguments(probe)
    count = probe.operands.size
    expect(count <= ARGUMENTS_MAX, "#{probe}: #{count} arguments")
    expected = OPERANDS.fetch(file.machine)
    probe.operands.each_with_index do |operand, index|
      expect(operand.size == 8 && !operand.float, "#{probe}: argument #{index} is #{operand}, not of 8 bytes")
      next if index >= ARGUMENTS_MAX

      expect(operand.text == expected[index],
             "#{probe}: argument #{index} is #{operand.text}, not #{expected[index]}")
    end
    spelling = probe.operands.join(" ")
    expect(probe.arguments == spelling, "#{probe}: arguments #{probe.arguments.inspect}, not #{spelling.inspect}")
  end

  # All bytes are right and all of one kind: what a kernel makes of a site depends on nothing else.
  def check_site_kinds
    sites = SITES.fetch(file.machine)
    sites = sites.slice(@site) if @site
    kinds = file.probes.map do |probe|
      sites.keys.select { |kind| probe.site_bytes(sites[kind].bytesize) == sites[kind] }
    end
    kinds.zip(file.probes) do |found, probe|
      violation("#{probe}: the site is #{probe.site_bytes(12)&.unpack1("H*").inspect}") if found.empty?
    end
    expect(kinds.include?([]) || kinds.empty? || kinds.reduce(:&).any?, "the sites are not all of one kind")
  end

  # perf refuses the whole image for one name that isn't a C identifier, or is too long for an event.
  # bcc takes the first of two notes of one name.
  def check_names
    file.probes.each do |probe|
      expect(probe.provider.match?(PROVIDER), "#{probe}: provider #{probe.provider.inspect} is no name")
      expect(probe.name.match?(NAME), "#{probe}: name #{probe.name.inspect} is no name")
    end
    duplicates(file.probes.map(&:pair)).each { |pair| violation("#{pair.join(":")} is there twice") }
  end

  # Stacks, and uprobes by symbol, show "provider:probe" for the whole of the site and nothing else.
  def check_symbols
    text = file.section(".text")
    functions = file.symbols.select { |symbol| symbol.type == ElfFile::FUNCTION_SYMBOL }.group_by(&:name)
    file.probes.each do |probe|
      named = functions.fetch(probe.to_s, [])
      next violation("#{probe} has #{named.size} symbols, not one") unless named.size == 1

      symbol = named.first
      expect(symbol.value == probe.location, "#{probe}: the symbol is at #{hex(symbol.value)}")
      expect(symbol.section_index == text&.index, "#{probe}: the symbol is not in .text")
      expect((1..SITE_ALIGNMENT).cover?(symbol.size), "#{probe}: the symbol's size is #{symbol.size}")
    end
  end
end
