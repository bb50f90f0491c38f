# frozen_string_literal: true

require "fiddle"

# Tells the callgrind that this process runs under what to count. Start it with --instr-atstart=no and
# --collect-atstart=no: then all until #start takes no longer than under any valgrind. For x86_64.
#
#   callgrind.start
#   callgrind.count { work }       # each ends with a file of its own, and its line "totals: "
#   callgrind.stop
class Callgrind
  # Valgrind's request (valgrind.h): four turns of a register that come to nothing, and what else does nothing.
  CODE = ["4889f84889f248c1c70348c1c70d48c1c73d48c1c7334887db4889d0c3"].pack("H*")
  REQUESTS = { dump: 0, toggle: 2, start: 4, stop: 5 }.transform_values do |number|
    [(("C".ord << 24) | ("T".ord << 16)) + number, 0, 0, 0, 0, 0].pack("Q6")
  end
  READ_WRITE_EXECUTE = 7
  PRIVATE_ANONYMOUS = 0x22
  PAGE = 4096

  def self.possible? = RUBY_PLATFORM.start_with?("x86_64")

  # The counts of a process whose option was --callgrind-out-file=path, in order.
  def self.counts(path)
    Dir["#{path}.*"].sort_by { |name| Integer(name[/\d+\z/]) }
                    .map { |name| Integer(File.read(name)[/^totals: (\d+)/, 1]) }
  end

  def initialize
    @request = Fiddle::Function.new(page, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_LONG], Fiddle::TYPE_LONG, need_gvl: true)
  end

  def start = ask(:start)
  def stop = ask(:stop)

  def count
    ask(:toggle)
    yield
    ask(:toggle)
    ask(:dump)
  end

  private

  def ask(what) = @request.call(REQUESTS.fetch(what), 0)

  def page
    types = [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, *[Fiddle::TYPE_INT] * 3, Fiddle::TYPE_LONG]
    mmap = Fiddle::Function.new(Fiddle.dlopen(nil)["mmap"], types, Fiddle::TYPE_VOIDP)
    mmap.call(nil, PAGE, READ_WRITE_EXECUTE, PRIVATE_ANONYMOUS, -1, 0).tap { |page| page[0, CODE.bytesize] = CODE }
  end
end
