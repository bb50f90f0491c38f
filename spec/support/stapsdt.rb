# frozen_string_literal: true

# The probes of an ELF file: notes of the owner "stapsdt", as the SystemTap wiki (UserSpaceProbeImplementation)
# describes them and as libbpf's usdt.c and bcc's bcc_elf.c read them.
#
#   note owner "stapsdt\0", type 3
#   description: u64 location, u64 base, u64 semaphore, then provider, name and arguments, each NUL-terminated
module Stapsdt
  # location, base and semaphore are addresses; the offsets are where those are in the file, nil if the
  # file has nothing there.
  Probe = Struct.new(
    :provider, :name, :arguments, :operands, :location, :base, :semaphore, :location_offset, :semaphore_offset,
    :note, :file, keyword_init: true
  ) do
    def pair = [provider, name]
    def to_s = "#{provider}:#{name}"
    def inspect = format("#<Probe %s at %#x semaphore %#x %p>", self, location, semaphore, arguments)

    # The machine code at the location.
    def site_bytes(count) = location_offset && file.bytes.byteslice(location_offset, count)
  end

  # One argument. The text is the operand in the assembler's words: "%rdi", "8(%rsp)", "[sp, 16]".
  Operand = Struct.new(:size, :signed, :float, :text, keyword_init: true) do
    def to_s = "#{"-" if signed}#{size}#{"f" if float}@#{text}"
  end

  SECTION = ".note.stapsdt"
  OWNER = "stapsdt"
  TYPE = 3
  ADDRESSES = 24

  # Size, "@", operand; aarch64 writes a space inside the brackets of an operand.
  OPERAND = /\G(?<sign>-?)(?<size>\d+)(?<float>f?)@(?<text>[^\s\[\]]*\[[^\[\]]*\]|[^\s\[\]]+)(?: |\z)/

  def probes
    @probes ||= stapsdt_notes.map { |note| read_probe(note) }.freeze
  end

  # Whoever the owner field says "stapsdt" to, however long the field is: the length is the reader's to judge.
  def stapsdt_notes
    @stapsdt_notes ||= notes.select { |note| note.owner.unpack1("Z*") == OWNER }.freeze
  end

  private

  def read_probe(note)
    malformed(note.offset, "stapsdt note of type #{note.type}") unless note.type == TYPE
    provider, name, arguments = read_strings(note)
    location, base, semaphore = note.description.unpack("Q<3")
    Probe.new(
      provider: provider, name: name, arguments: arguments, operands: read_operands(note, arguments),
      location: location, base: base, semaphore: semaphore,
      location_offset: file_offset(location), semaphore_offset: semaphore.zero? ? nil : file_offset(semaphore, 2),
      note: note, file: self
    ).freeze
  end

  # Three strings fill the description to its last byte; bcc drops a note that has one byte more.
  def read_strings(note)
    text = note.description.byteslice(ADDRESSES..) || malformed(note.description_offset, "no room for three addresses")
    malformed(note.description_offset, "the description does not end with NUL") unless text.end_with?("\0")
    strings = text.split("\0", -1)
    strings.pop
    malformed(note.description_offset, "#{strings.size} strings instead of three") unless strings.size == 3
    strings
  end

  def read_operands(note, arguments)
    operands = []
    position = 0
    while position < arguments.bytesize
      match = OPERAND.match(arguments, position)
      malformed(note.description_offset, "arguments #{arguments.inspect} at byte #{position}") if match.nil?
      operands << Operand.new(size: match[:size].to_i, signed: match[:sign] == "-", float: match[:float] == "f",
                              text: match[:text])
      position = match.end(0)
    end
    operands
  end
end
