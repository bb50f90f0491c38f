# frozen_string_literal: true

# Declarations at random, as Railprobe::Native.image takes them, and what an image of them has to say.
#
#   declarations = RandomDeclarations.new(Random.new(23))
#   declarations.take(200)   #=> [["order", "hit", [["id", :integer], ...], 0], ...]
class RandomDeclarations
  # What each type takes: one operand prefix for each slot.
  SLOTS = {
    integer: %w[-8], string: %w[8], symbol: %w[8], boolean: %w[-8], float: %w[8], time: %w[-8], bytes: %w[8 8]
  }.freeze

  SLOTS_MAX = 12
  NAME_MAX = 63
  # The kernel takes 63 bytes for the group of an event, and perf puts "sdt_" in front of the provider.
  PROVIDER_MAX = 59
  FIRST = [*"a".."z", *"A".."Z", "_"].freeze
  LATER = [*FIRST, *"0".."9"].freeze

  # How many slots a list of [name, type] takes.
  def self.slots(arguments) = arguments.sum { |_, type| SLOTS.fetch(type).size }

  # The text of a note, given the machine's operands in order.
  def self.note_arguments(arguments, operands)
    sizes = arguments.flat_map { |_, type| SLOTS.fetch(type) }
    sizes.zip(operands).map { |size, operand| "#{size}@#{operand}" }.join(" ")
  end

  # Pairs of declarations that have to share a semaphore are those with the same group, but for group 0:
  # the result has for each declaration the index of the first one that it shares with.
  def self.shared_with(declarations)
    groups = declarations.map(&:last)
    groups.each_with_index.map { |group, index| group.zero? ? index : groups.index(group) }
  end

  def initialize(random)
    @random = random
  end

  # Several probes to a provider, so that names repeat where they may.
  def take(count)
    providers = Array.new(@random.rand(1..8)) { name(PROVIDER_MAX) }
    pairs = {}
    pairs[[pick(providers), name]] = true while pairs.size < count
    grouped = @random.rand(2).zero?
    pairs.keys.map do |provider, name|
      [provider, name, arguments, grouped ? @random.rand(0..count) : 0]
    end
  end

  # Mostly short, and now and then as long as it may be. A short one may turn out to be taken already.
  def name(longest = NAME_MAX)
    length = @random.rand(6).zero? ? longest : @random.rand(1..24)
    [pick(FIRST), *Array.new(length - 1) { pick(LATER) }].join
  end

  def arguments
    left = @random.rand(0..SLOTS_MAX)
    arguments = []
    until left.zero?
      type = pick(SLOTS.keys.select { |candidate| SLOTS[candidate].size <= left })
      left -= SLOTS[type].size
      arguments << ["a#{arguments.size}", type]
    end
    arguments
  end

  private

  def pick(list) = list[@random.rand(list.size)]
end
