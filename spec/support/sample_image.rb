# frozen_string_literal: true

require "digest"
require_relative "image_contract"

# A small writer of images in Ruby, so that the checks of ImageContract can be seen to pass and to fail
# without the engine. It keeps the contract, unless told otherwise:
#
#   SampleImage.new(machine: :aarch64).bytes
#   SampleImage.new(order: %w[.note.stapsdt .probes .text]).bytes
class SampleImage
  DEFAULT_PROBES = [
    { provider: "order", name: "checkout__entry", arguments: 12 },
    { provider: "order", name: "refund_bang__return", arguments: 5 },
    { provider: "stock", name: "empty_p", arguments: 0 }
  ].freeze

  ORDER = %w[
    .note.gnu.build-id .stapsdt.base .text .probes .note.stapsdt .symtab .strtab .shstrtab
  ].freeze

  MACHINES = { x86_64: 62, aarch64: 183 }.freeze

  # probes: a Hash each of provider, name and arguments (a number, or the text itself).
  # order: which section headers, in this order. owner: of the notes. extra: bytes behind each description.
  def initialize(probes: DEFAULT_PROBES, machine: :x86_64, site: :safe, order: ORDER, owner: "stapsdt\0", extra: "",
                 build_id_size: 20)
    @probes = probes
    @machine = machine
    @site = site
    @order = order
    @owner = owner
    @extra = extra
    @build_id_size = build_id_size
  end

  def bytes
    place_loaded
    place_rest
    headers_offset = align(@end, 8)
    @image = header(headers_offset) + segments
    @parts.each_value { |part| put(part[:offset], part[:content]) }
    put(headers_offset, section_headers)
    @image
  end

  private

  def page_size = ImageContract::PAGE_SIZES.fetch(@machine)
  def align(offset, alignment) = (offset + alignment - 1) / alignment * alignment
  def offset(name) = @parts.fetch(name)[:offset]
  def size(name) = @parts.fetch(name)[:content].bytesize

  # Behind what is there, at the next multiple of the alignment.
  def place(name, content, alignment, type:, flags: 0, entry_size: 0, link: nil, info: 0)
    @parts[name] = { offset: align(@end, alignment), content: content.b, alignment: alignment, type: type, flags: flags,
                     entry_size: entry_size, link: link, info: info }
    @end = offset(name) + content.bytesize
  end

  def place_loaded
    @parts = {}
    @end = 64 + (5 * 56)
    place(".note.gnu.build-id", note("GNU\0", 3, identity), 4, type: 7, flags: 2)
    place(".stapsdt.base", "\0", 1, type: 1, flags: 2)
    @end = align(@end, page_size)
    place(".text", text, 16, type: 1, flags: 6)
    @end = align(@end, page_size)
    place(".probes", "\0\0" * @probes.size, 2, type: 1, flags: 3)
  end

  def place_rest
    place(".note.stapsdt", @probes.each_index.map { |index| probe_note(index) }.join, 4, type: 7)
    names = strings(@probes.map { |probe| "#{probe[:provider]}:#{probe[:name]}" })
    place(".symtab", symbols(names), 8, type: 2, entry_size: 24, link: ".strtab", info: 1)
    place(".strtab", names, 1, type: 3)
    place(".shstrtab", strings(ORDER), 1, type: 3)
  end

  def identity = (Digest::SHA256.digest([@probes, @machine, @site].inspect) * 2).byteslice(0, @build_id_size)

  def text
    padding = @machine == :x86_64 ? "\xCC".b : ["000020d4"].pack("H*")
    site = ImageContract::SITES.fetch(@machine).fetch(@site)
    (site + (padding * 16)).byteslice(0, 16) * @probes.size
  end

  def note(owner, type, description)
    head = [owner.bytesize, description.bytesize, type].pack("L<3")
    [owner, description].reduce(head) { |all, part| pad(all + part.b) }
  end

  def pad(bytes) = bytes + ("\0" * (-bytes.bytesize % 4))

  def location(index) = offset(".text") + (16 * index)

  def probe_note(index)
    probe = @probes[index]
    addresses = [location(index), offset(".stapsdt.base"), offset(".probes") + (2 * index)].pack("Q<3")
    names = [probe[:provider], probe[:name], arguments(probe[:arguments])].map { |text| "#{text}\0" }
    note(@owner, 3, addresses + names.join.b + @extra)
  end

  def arguments(wanted)
    return wanted if wanted.is_a?(String)

    operands = ImageContract::OPERANDS.fetch(@machine).first(wanted)
    operands.each_with_index.map { |operand, index| "#{"-" if index.odd?}8@#{operand}" }.join(" ")
  end

  def strings(names) = names.uniq.reduce("\0".b) { |all, name| "#{all}#{name.b}\0" }

  def symbols(names)
    entries = @probes.each_with_index.map do |probe, index|
      name = names.index("\0#{probe[:provider]}:#{probe[:name]}\0".b) + 1
      [name, 0x12, 0, @order.index(".text").to_i + 1, location(index), 12].pack("L<CCS<Q<Q<")
    end
    ("\0" * 24) + entries.join
  end

  def header(headers_offset)
    ["\x7FELF\x02\x01\x01".b, 3, MACHINES.fetch(@machine), 1, 0, 64, headers_offset, 0, 64, 56, 5, 64,
     @order.size + 1, @order.index(".shstrtab") + 1].pack("a16S<S<L<Q<Q<Q<L<S<S<S<S<S<S<")
  end

  def segments
    head = offset(".stapsdt.base") + 1
    [
      segment(1, 4, 0, head, page_size),
      segment(1, 5, offset(".text"), size(".text"), page_size),
      segment(1, 6, offset(".probes"), size(".probes"), page_size),
      segment(4, 4, offset(".note.gnu.build-id"), size(".note.gnu.build-id"), 4),
      segment(0x6474e551, 6, 0, 0, 16)
    ].join
  end

  def segment(type, flags, offset, size, alignment)
    [type, flags, offset, offset, offset, size, size, alignment].pack("L<L<Q<6")
  end

  def section_headers
    names = @parts.fetch(".shstrtab")[:content]
    headers = @order.map do |name|
      part = @parts.fetch(name)
      address = part[:flags].zero? ? 0 : part[:offset]
      link = part[:link] ? @order.index(part[:link]).to_i + 1 : 0
      [names.index("\0#{name}\0") + 1, part[:type], part[:flags], address, part[:offset], part[:content].bytesize,
       link, part[:info], part[:alignment], part[:entry_size]].pack("L<L<Q<4L<L<Q<Q<")
    end
    ("\0" * 64) + headers.join
  end

  def put(offset, content)
    @image << ("\0" * (offset - @image.bytesize)) if offset > @image.bytesize
    @image[offset, content.bytesize] = content
  end
end
