# frozen_string_literal: true

require_relative "stapsdt"

# A strict reader of 64-bit little-endian ELF files, written from the System V ABI (gABI, chapters 4
# and 5) and from the description of SystemTap's probe notes. It shares nothing with the C code that
# writes images, so that the two can disagree.
#
#   file = ElfFile.new(File.binread(path))
#   file.probes.first.arguments   #=> "-8@%rdi 8@%rsi"
#
# Readers of the wild forgive a lot, each something else. This one forgives nothing: whatever does not
# add up raises ElfFile::Malformed, which tells at what offset of the file.
class ElfFile
  class Malformed < StandardError
    attr_reader :offset

    def initialize(offset, message)
      @offset = offset
      super(format("at %#x: %s", offset, message))
    end
  end

  Section = Struct.new(
    :index, :name, :type, :flags, :address, :offset, :size, :link, :info, :alignment, :entry_size,
    :header_offset, keyword_init: true
  ) do
    def write? = flags.anybits?(1)
    def alloc? = flags.anybits?(2)
    def exec? = flags.anybits?(4)
    def file_size = type == NOBITS ? 0 : size
    def cover?(from, length = 1) = from >= address && from + length <= address + size
  end

  Segment = Struct.new(
    :index, :type, :flags, :offset, :address, :physical_address, :file_size, :memory_size, :alignment,
    :header_offset, keyword_init: true
  ) do
    def load? = type == PT_LOAD
    def exec? = flags.anybits?(1)
    def write? = flags.anybits?(2)
    def read? = flags.anybits?(4)
    def cover?(from, length = 1) = from >= address && from + length <= address + file_size
    def permissions = [read? ? "R" : "-", write? ? "W" : "-", exec? ? "X" : "-"].join
  end

  Note = Struct.new(:owner, :type, :description, :offset, :description_offset, keyword_init: true)

  Symbol = Struct.new(:name, :binding, :type, :section_index, :value, :size, :offset, keyword_init: true)

  # System V; GNU, which marks a file that has symbols of the GNU kind.
  ABIS = [0, 3].freeze
  MACHINES = { 62 => :x86_64, 183 => :aarch64 }.freeze
  TYPES = { 1 => :rel, 2 => :exec, 3 => :dyn, 4 => :core }.freeze

  PROGBITS = 1
  SYMTAB = 2
  STRTAB = 3
  NOTE = 7
  NOBITS = 8

  PT_LOAD = 1
  PT_NOTE = 4
  PT_GNU_STACK = 0x6474e551

  HEADER_SIZE = 64
  PROGRAM_HEADER_SIZE = 56
  SECTION_HEADER_SIZE = 64
  SYMBOL_SIZE = 24
  RESERVED_SECTIONS = (0xff00..0xffff)
  BUILD_ID_NOTE = 3
  FUNCTION_SYMBOL = 2
  TLS_SYMBOL = 6

  include Stapsdt

  attr_reader :bytes, :machine, :type, :entry, :flags, :segments, :sections, :notes, :segment_notes, :symbols

  def initialize(bytes)
    @bytes = bytes.b.freeze
    read_header
    read_segments
    read_sections
    name_sections
    check_overlaps
    @notes = sections.select { |section| section.type == NOTE }.flat_map { |section| read_section_notes(section) }
    @segment_notes = segments.select { |segment| segment.type == PT_NOTE }.flat_map { |segment| read_notes(segment) }
    @symbols = sections.select { |section| section.type == SYMTAB }.flat_map { |section| read_symbols(section) }
  end

  # The first section of that name, or nil.
  def section(name) = sections.find { |section| section.name == name }

  # What the section has in the file.
  def contents(section) = bytes.byteslice(section.offset, section.file_size)

  # The content's identity as hexadecimal digits, or nil.
  def build_id
    found = notes.select { |note| note.owner == "GNU\0" && note.type == BUILD_ID_NOTE }
    malformed(found[1].offset, "a second build id") if found.size > 1
    found.first&.description&.unpack1("H*")
  end

  # Where in the file an address is, or nil if no PT_LOAD brings length bytes of the file there.
  def file_offset(address, length = 1)
    segment = segments.find { |candidate| candidate.load? && candidate.cover?(address, length) }
    segment && (segment.offset + address - segment.address)
  end

  private

  def malformed(offset, message) = raise(Malformed.new(offset, message))

  # At least length bytes from offset on are in the file, or it is malformed.
  def within(offset, length, what, at: offset)
    return if offset + length <= bytes.bytesize

    malformed(at, format("%s (%#x bytes at %#x) is not within the file", what, length, offset))
  end

  def unpack(offset, format, length, what)
    within(offset, length, what)
    bytes.unpack(format, offset: offset)
  end

  def read_header
    ident = unpack(0, "a4C4Ca8", 16, "the identification")
    magic, elf_class, data, version, abi, abi_version = ident[0, 6]
    malformed(0, "no ELF magic") unless magic == "\x7FELF".b
    malformed(4, "not a 64-bit file") unless elf_class == 2
    malformed(5, "not little-endian") unless data == 1
    malformed(6, "identification version #{version}") unless version == 1
    malformed(7, "operating system ABI #{abi}") unless ABIS.include?(abi)
    malformed(8, "ABI version #{abi_version}") unless abi_version.zero?
    malformed(9, "padding is not zero") unless bytes.byteslice(9, 7) == "\0".b * 7

    within(0, HEADER_SIZE, "the ELF header")
    type, machine, version, @entry, @program_offset, @section_offset, @flags, header_size, program_size,
      @program_count, section_size, @section_count, @names_index =
      bytes.unpack("S<S<L<Q<Q<Q<L<S<S<S<S<S<S<", offset: 16)
    @type = TYPES[type] || malformed(16, "type #{type}")
    @machine = MACHINES[machine] || malformed(18, "machine #{machine}")
    malformed(20, "version #{version}") unless version == 1
    malformed(52, "header size #{header_size}") unless header_size == HEADER_SIZE
    check_table(54, "program header", program_size, PROGRAM_HEADER_SIZE, @program_count, @program_offset)
    check_table(58, "section header", section_size, SECTION_HEADER_SIZE, @section_count, @section_offset)
  end

  # A table is either absent, with all its fields 0, or there, aligned and in the file.
  def check_table(at, what, size, expected_size, count, offset)
    if count.zero?
      malformed(at, "no #{what}, yet an offset of them") unless offset.zero?
      return
    end
    malformed(at, "#{what} size #{size}") unless size == expected_size
    malformed(at, "#{what}s at #{offset}, not a multiple of 8") unless (offset % 8).zero?
    malformed(at, "#{what}s inside the ELF header") if offset < HEADER_SIZE
    within(offset, size * count, "the #{what} table", at: at)
  end

  def read_segments
    @segments = Array.new(@program_count) do |index|
      at = @program_offset + (index * PROGRAM_HEADER_SIZE)
      fields = bytes.unpack("L<L<Q<Q<Q<Q<Q<Q<", offset: at)
      names = %i[type flags offset address physical_address file_size memory_size alignment]
      Segment.new(index: index, header_offset: at, **names.zip(fields).to_h).tap { |segment| check_segment(segment) }
    end
    loads = @segments.select(&:load?)
    loads.each_cons(2) do |one, other|
      next if one.address + one.memory_size <= other.address

      malformed(other.header_offset, "PT_LOAD #{other.index} is below the end of PT_LOAD #{one.index}")
    end
  end

  def check_segment(segment)
    at = segment.header_offset
    within(segment.offset, segment.file_size, "segment #{segment.index}", at: at)
    malformed(at, "segment #{segment.index} is larger in the file than in memory") if
      segment.file_size > segment.memory_size
    malformed(at, format("segment flags %#x", segment.flags)) if segment.flags > 7
    check_alignment(at, "segment #{segment.index}", segment)
  end

  # An alignment is 0, 1 or a power of two, and the address is aligned as the offset is.
  def check_alignment(at, what, part)
    alignment = part.alignment
    return if alignment < 2

    malformed(at, "#{what}: alignment #{alignment} is no power of two") if alignment.anybits?(alignment - 1)
    return if (part.address - part.offset) % alignment == 0

    both = format("address %#x and offset %#x", part.address, part.offset)
    malformed(at, "#{what}: #{both} differ modulo #{alignment}")
  end

  def read_sections
    @sections = Array.new(@section_count) do |index|
      at = @section_offset + (index * SECTION_HEADER_SIZE)
      name, *fields = bytes.unpack("L<L<Q<Q<Q<Q<L<L<Q<Q<", offset: at)
      names = %i[type flags address offset size link info alignment entry_size]
      Section.new(index: index, name: name, header_offset: at, **names.zip(fields).to_h)
    end
    null, *rest = @sections
    return if null.nil?

    blank = bytes.byteslice(null.header_offset, SECTION_HEADER_SIZE) == "\0".b * SECTION_HEADER_SIZE
    malformed(null.header_offset, "section 0 is not all zero") unless blank
    rest.each { |section| check_section(section) }
  end

  def check_section(section)
    at = section.header_offset
    malformed(at, "section #{section.index} is null") if section.type.zero?
    within(section.offset, section.file_size, "section #{section.index}", at: at)
    malformed(at, "section #{section.index}: link #{section.link}") if section.link >= @section_count
    # A section that is not loaded has address 0, which makes this the alignment of its offset.
    check_alignment(at, "section #{section.index}", section) unless section.type == NOBITS
    malformed(at, "section #{section.index}: address #{section.address} is not aligned") if
      section.alignment > 1 && section.address % section.alignment != 0
    malformed(at, "section #{section.index} is not loaded and has an address") if
      !section.alloc? && section.address != 0 && type != :rel
    check_strings(section) if section.type == STRTAB
  end

  def check_strings(section)
    return if section.size.zero?

    malformed(section.offset, "string table #{section.index} does not begin with NUL") unless
      bytes.getbyte(section.offset).zero?
    last = section.offset + section.size - 1
    malformed(last, "string table #{section.index} does not end with NUL") unless bytes.getbyte(last).zero?
  end

  def name_sections
    return if sections.empty?

    names = sections[@names_index]
    malformed(62, "section name table #{@names_index}") if names.nil? || names.type != STRTAB
    sections.each_with_index do |section, index|
      section.name = string(names, section.name, section.header_offset)
      malformed(section.header_offset, "section #{index} has no name") if index.positive? && section.name.empty?
      section.freeze
    end
  end

  # The string at an offset of a string table, whose last byte is NUL.
  def string(table, offset, at)
    return "" if offset.zero? && table.size.zero?

    malformed(at, "a name at #{offset}, outside its string table") if offset >= table.size
    bytes.unpack1("Z*", offset: table.offset + offset)
  end

  # No byte of the file belongs to two things: the header, the two tables, the sections.
  def check_overlaps
    parts = [[0, HEADER_SIZE, "the ELF header"]]
    parts << [@program_offset, @program_count * PROGRAM_HEADER_SIZE, "the program headers"]
    parts << [@section_offset, @section_count * SECTION_HEADER_SIZE, "the section headers"]
    parts.concat(sections.map { |section| [section.offset, section.file_size, section.name] })
    parts.reject { |_, size, _| size.zero? }.sort.each_cons(2) do |(offset, size, what), (next_offset, _, next_what)|
      malformed(next_offset, "#{what} and #{next_what} overlap") if offset + size > next_offset
    end
  end

  def read_section_notes(section)
    # 8 is what compilers give .note.gnu.property; with anything else readers differ on where a note begins.
    malformed(section.header_offset, "notes aligned to #{section.alignment}") unless
      [4, 8].include?(section.alignment)
    read_notes(section)
  end

  def read_notes(part)
    offset = part.offset
    limit = part.offset + part.file_size
    alignment = [part.alignment, 4].max
    notes = []
    while offset < limit
      notes << read_note(offset, limit, alignment)
      offset = round(notes.last.description_offset + notes.last.description.bytesize, alignment)
    end
    malformed(offset, "a note ends behind its section") if offset > limit
    notes
  end

  def read_note(offset, limit, alignment)
    malformed(offset, "a note header does not fit its section") if offset + 12 > limit
    owner_size, size, type = bytes.unpack("L<3", offset: offset)
    description_offset = round(offset + 12 + owner_size, alignment)
    malformed(offset, "a note (owner #{owner_size}, description #{size} bytes) does not fit its section") if
      description_offset + size > limit
    owner = bytes.byteslice(offset + 12, owner_size)
    malformed(offset + 12, "a note's owner is not NUL-terminated") unless owner.end_with?("\0")
    check_padding(offset + 12 + owner_size, alignment)
    check_padding(description_offset + size, alignment)
    Note.new(owner: owner, type: type, description: bytes.byteslice(description_offset, size), offset: offset,
             description_offset: description_offset)
  end

  def round(size, alignment) = (size + alignment - 1) / alignment * alignment

  def check_padding(offset, alignment)
    padding = bytes.byteslice(offset, round(offset, alignment) - offset)
    malformed(offset, "padding is not zero") if padding&.match?(/[^\0]/n)
  end

  def read_symbols(section)
    at = section.header_offset
    malformed(at, "symbol size #{section.entry_size}") unless section.entry_size == SYMBOL_SIZE
    malformed(at, "symbol table of #{section.size} bytes") unless (section.size % SYMBOL_SIZE).zero?
    names = sections[section.link]
    malformed(at, "the symbols' names are no string table") unless names.type == STRTAB
    count = section.size / SYMBOL_SIZE
    malformed(at, "first global symbol #{section.info} of #{count}") if section.info > count
    Array.new(count) { |index| read_symbol(section, names, index) }.drop(1)
  end

  def read_symbol(table, names, index)
    at = table.offset + (index * SYMBOL_SIZE)
    name, info, _other, section_index, value, size = bytes.unpack("L<CCS<Q<Q<", offset: at)
    blank = bytes.byteslice(at, SYMBOL_SIZE) == "\0".b * SYMBOL_SIZE
    malformed(at, "symbol 0 is not all zero") if index.zero? && !blank
    # Local symbols (binding 0) come first, and sh_info is where they end.
    malformed(at, "symbol #{index} is on the wrong side of sh_info") if (info >> 4).zero? != (index < table.info)
    # The value of a thread-local symbol is an offset, not an address.
    check_symbol_section(at, section_index, value, size) unless info & 15 == TLS_SYMBOL
    Symbol.new(name: string(names, name, at), binding: info >> 4, type: info & 15, section_index: section_index,
               value: value, size: size, offset: at)
  end

  def check_symbol_section(at, index, value, size)
    return if index.zero? || RESERVED_SECTIONS.cover?(index)

    section = sections[index] || malformed(at, "a symbol of section #{index}")
    # The linker's markers have no size, and stand where the next aligned thing would.
    covered = section.cover?(value, size) || (size.zero? && section.cover?(value - section.alignment, 0))
    malformed(at, "a symbol outside its section #{section.name}") unless type == :rel || covered
  end
end
