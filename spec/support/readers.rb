# frozen_string_literal: true

require "io/wait"
require "open3"

# The programs that people read our images with. Each tells the probes of a file, in the order of their names:
#
#   Readers::Readelf.probes(path)   #=> [["order", "hit", "-8@%rdi 8@%rsi"], ...]
#   Readers::Tplist.probes(path)    #=> [["order", "hit", 2], ...]            only counts arguments
#   Readers::Gdb.probes(path)       #=> [["order", "hit"], ...]               says nothing of arguments
#
# What a program says beyond what we know to expect raises Readers::Failure with all of its output: a
# complaint about our image must not go unread.
module Readers
  class Failure < StandardError; end

  # Nobody takes this long; a program that hangs must not take the suite with it.
  DEADLINE = 120

  # Runs a command and gives its standard output. expected: what it may say on standard error.
  def self.run(*command, env: {}, expected: nil)
    environment = { "LC_ALL" => "C", "DEBUGINFOD_URLS" => nil }.merge(env)
    output, errors, status = Open3.capture3(environment, "timeout", "--kill-after=5", DEADLINE.to_s, *command)
    complaints = errors.lines.reject { |line| line.strip.empty? || (expected && line.match?(expected)) }
    return output if status.success? && complaints.empty?

    raise Failure, "#{command.join(" ")}: #{status}\n#{output}#{errors}"
  end

  # What a reader shares with the others: the program's name, and whether it is here.
  class Reader
    class << self
      attr_reader :program

      # Why the program can't be asked on this machine, or nil.
      def missing
        found = ENV.fetch("PATH").split(":").any? { |directory| File.executable?(File.join(directory, program)) }
        "#{program} is not installed" unless found
      end

      private

      def run(*arguments, **options) = Readers.run(program, *arguments, **options)

      # As many probes were understood as there are notes shown.
      def expect_whole(output, note, found)
        notes = output.scan(note).size
        return if notes == found.size

        raise Failure, "#{program} shows #{notes} notes, #{found.size} of them as we know them\n#{output}"
      end

      # The captures of each line. A line that is neither a probe nor known to be something else is a failure.
      def scan(output, probe, other: /\A\s*\z/)
        output.each_line(chomp: true).filter_map do |line|
          match = probe.match(line)
          raise Failure, "#{program} says #{line.inspect}\n#{output}" unless match || line.match?(other)

          match&.captures
        end.sort
      end
    end
  end

  # binutils.
  class Readelf < Reader
    @program = "readelf"
    NOTE = /^ +stapsdt +0x\h+\tNT_STAPSDT .*\n +Provider: (.*)\n +Name: (.*)\n +Location: .*\n +Arguments: ?(.*)$/

    def self.probes(path)
      output = run("--notes", path)
      found = output.scan(NOTE)
      expect_whole(output, /^ +stapsdt /, found)
      found.map { |provider, name, arguments| [provider, name, arguments.rstrip] }.sort
    end
  end

  # elfutils.
  class EuReadelf < Reader
    @program = "eu-readelf"
    NOTE = /^    Provider: (.*), Name: (.*), Args: '(.*)'$/

    def self.probes(path)
      output = run("--notes", path)
      found = output.scan(NOTE)
      expect_whole(output, /^  stapsdt /, found)
      found.sort
    end
  end

  # Checks a file against the ELF specification; it tells no probes.
  class EuElflint < Reader
    @program = "eu-elflint"
    # It knows no owner but GNU and the like, and says so of every object with probes.
    KNOWN = /unknown object file note type 3 with owner name 'stapsdt'/
    NOTHING = /\A(No errors)?\s*\z/

    def self.violations(path)
      output, status = Open3.capture2e({ "LC_ALL" => "C" }, "timeout", DEADLINE.to_s, program, path)
      # 0 and 1 are its answers; with anything else it has given none.
      raise Failure, "#{program} #{path}: #{status}\n#{output}" unless [0, 1].include?(status.exitstatus)

      output.lines(chomp: true).grep_v(KNOWN).grep_v(NOTHING)
    end
  end

  # By way of bcc, and in newer versions of libbpf.
  class Bpftrace < Reader
    @program = "bpftrace"

    def self.probes(path) = scan(run("-l", "usdt:#{path}:*"), /\Ausdt:#{Regexp.escape(path)}:([^:]+):([^:]+)\z/)

    def self.missing = super || ("bpftrace asks for root" unless Process.euid.zero?)
  end

  # bcc. Debian calls it tplist-bpfcc.
  class Tplist < Reader
    @program = "tplist-bpfcc"
    PROBE = /\A(?<provider>[^:]+):(?<name>\S+) \[sema 0x(?<semaphore>\h+)\]\z/
    LOCATION = /\A  location #1 /
    ARGUMENT = /\A    argument #\d+ 8 (un)?signed +bytes @ /

    def self.probes(path)
      # It succeeds where it has failed, and says so on standard output.
      output = run("-l", path, "-vv")
      output.each_line(chomp: true).with_object([]) do |line, found|
        if (match = PROBE.match(line))
          found << [match[:provider], match[:name], 0]
        elsif line.match?(ARGUMENT)
          found.last[2] += 1
        elsif !line.match?(LOCATION)
          raise Failure, "tplist says #{line.inspect}\n#{output}"
        end
      end.sort
    end
  end

  class Gdb < Reader
    @program = "gdb"
    PROBE = /\Astap +(\S+) +(\S+) +0x\h+ +0x\h+ +\S+ *\z/
    HEAD = /\AType +Provider +Name +Where +Semaphore +Object *\z/

    # -nx and a HOME that isn't: whoever runs this may have a .gdbinit.
    def self.probes(path)
      output = run("-nx", "-batch", "-ex", "info probes stap", path, env: { "HOME" => "/nonexistent" })
      scan(output, PROBE, other: HEAD)
    end
  end
end
