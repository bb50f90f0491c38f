# frozen_string_literal: true

require "fileutils"
require "open3"
require "shellwords"
require_relative "source_tree"

# Builds and runs the C tests: every spec/c/*_test.c becomes a program of its own, linked with all sources of
# the engine that need no Ruby, under AddressSanitizer and UndefinedBehaviorSanitizer.
#
# A test that needs more of the linker says so in a line of its own:
#   // LINK: -Wl,--wrap=malloc
class CSuite
  CC = ENV.fetch("CC", "gcc")
  FLAGS = %w[-std=c11 -g -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsanitize=address,undefined
             -fno-sanitize-recover=all -fno-omit-frame-pointer -D_GNU_SOURCE -pthread -Iext/railprobe -Ispec/c].freeze
  COUNTS = /^(\d+) passed, (\d+) failed$/

  def initialize(root: File.expand_path("../..", __dir__), output: $stdout)
    @root = root
    @output = output
    @passed = @failed = 0
  end

  # Runs every test, prints the sum as the last line. True if there are tests and all pass.
  def run
    Dir.chdir(@root) do
      FileUtils.rm_rf("tmp/c")
      FileUtils.mkdir_p("tmp/c")
      objects = sources.map { |source| compile(source) }
      Dir["spec/c/*_test.c"].each { |test| run_test(test, objects) } if objects.all?
    end
    @output.puts "#{@passed} passed, #{@failed} failed"
    @failed.zero? && @passed.positive?
  end

  private

  def sources = SourceTree.new(".").ruby_free_sources

  # The path of the object file; nil, and one failure, when the compiler refuses.
  def compile(source)
    object = File.join("tmp/c", "#{File.basename(source, ".c")}.o")
    return object if succeeds?(CC, *FLAGS, "-c", source, "-o", object)

    @failed += 1
    nil
  end

  def run_test(test, objects)
    program = File.join("tmp/c", File.basename(test, ".c"))
    object = compile(test) or return
    unless succeeds?(CC, *FLAGS, object, *objects, "-o", program, *libraries, *link_flags(test))
      @failed += 1
      return
    end
    @output.puts test
    output, status = Open3.capture2e(program, binmode: true)
    @output.puts output
    count(output, status)
  end

  # A program that dies has no counts: that is one failure, as is a bad exit that its counts do not explain.
  def count(output, status)
    passed, failed = output.scan(COUNTS).last&.map(&:to_i)
    @passed += passed.to_i
    @failed += failed.to_i
    return if status.success? || failed.to_i.positive?

    @output.puts "ended by #{status.to_s.sub(/\Apid \d+ /, "")}"
    @failed += 1
  end

  def libraries
    yaml = sources.any? { |source| File.binread(source).match?(/^\s*#\s*include\s*<yaml\.h>/) }
    yaml ? %w[-lyaml] : []
  end

  def link_flags(test)
    File.binread(test).scan(%r{^// LINK: (.+)$}).flatten.flat_map { |flags| Shellwords.split(flags) }
  end

  def succeeds?(*command)
    output, status = Open3.capture2e(*command, binmode: true)
    return true if status.success?

    @output.puts command.shelljoin, output
    false
  end
end
