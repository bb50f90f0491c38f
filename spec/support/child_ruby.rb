# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

# A Ruby of its own, for what happens once in a process: loading the library, signals, ways to die.
#
#   ChildRuby.run("puts Railprobe.load").output
class ChildRuby
  ROOT = File.expand_path("../..", __dir__)
  LIMIT = 60

  Result = Struct.new(:output, :errors, :status) do
    def lines = output.lines(chomp: true)
  end

  # options go to ruby; library: false leaves it to the code to require ours. Variables that are nil are unset.
  def self.run(code, options: [], env: {}, lib: File.join(ROOT, "lib"), library: true)
    Dir.mktmpdir("railprobe") do |directory|
      required = library ? ["-rrailprobe"] : []
      # Not through Bundler, which would put this checkout in the load path; and nothing is left behind.
      variables = { "RUBYOPT" => nil, "RUBYLIB" => nil, "RAILPROBE_DIR" => directory, "TMPDIR" => directory,
                    "XDG_RUNTIME_DIR" => nil }.merge(env)
      command = [RbConfig.ruby, "-w", "--disable-gems", *options, "-I", lib, *required, "-e", code]
      capture(variables, command, directory)
    end
  end

  def self.capture(variables, command, directory)
    Open3.popen3(variables, *command, chdir: directory) do |input, output, errors, process|
      input.close
      readers = [output, errors].map { |stream| Thread.new { stream.read } }
      ended = process.join(LIMIT)
      Process.kill(:KILL, process.pid) unless ended
      texts = readers.map(&:value)
      raise "the child did not end in #{LIMIT} s:\n#{texts.join}" unless ended

      Result.new(*texts, process.value)
    end
  end
  private_class_method :capture
end
