# frozen_string_literal: true

require "fileutils"
require "open3"
require "shellwords"
require_relative "source_tree"

# Builds spec/c/fuzz/*_fuzz.c with libFuzzer and sanitizers, linked with all sources that need no Ruby, and lets each
# run for some seconds on a corpus seeded from spec/fixtures. An input that crashes one stays in tmp/fuzz.
class Fuzzers
  CC = ENV.fetch("CLANG", "clang")
  SANITIZERS = %w[-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all].freeze
  FLAGS = %w[-std=c11 -g -O1 -D_GNU_SOURCE -pthread -Iext/railprobe].freeze
  TRIAL = "int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return data == 0 && size == 1; }\n"
  MAX_LENGTH = 4096
  NUMBERS = %w[0 -1 +42 150.25 -0.5e7 9223372036854775807 -9223372036854775809 1e308 1e-308 0x1p3 1_000
               .5 5. nan].freeze

  def initialize(seconds:, root: File.expand_path("../..", __dir__), output: $stdout)
    @seconds = seconds
    @root = root
    @output = output
  end

  # Why there can be no fuzzer here, or nil.
  def missing
    return @missing if defined?(@missing)

    FileUtils.mkdir_p(directory)
    trial = File.join(directory, "trial")
    _, status = Open3.capture2e(CC, *SANITIZERS, "-x", "c", "-", "-o", trial, stdin_data: TRIAL)
    @missing = ("#{CC} has no run-time library for fuzzers" unless status.success?)
  rescue Errno::ENOENT
    @missing = "there is no #{CC}"
  end

  # Runs every fuzzer and prints the sum as the last line. True if there are fuzzers and none found anything.
  def run
    passed, failed = fuzzers.partition { |source| build(source) && fuzz(source) }
    @output.puts "#{passed.size} passed, #{failed.size} failed"
    failed.empty? && passed.any?
  end

  private

  def fuzzers = Dir[File.join(@root, "spec/c/fuzz/*_fuzz.c")]
  def directory = File.join(@root, "tmp/fuzz")
  def name(source) = File.basename(source, ".c")
  def program(source) = File.join(directory, name(source))

  def build(source)
    sources = SourceTree.new(@root).ruby_free_sources
    Dir.chdir(@root) do
      shown(CC, *FLAGS, *SANITIZERS, source, *sources, "-lyaml", "-o", program(source), quiet: true)
    end
  end

  def fuzz(source)
    corpus = File.join(directory, "#{name(source)}-corpus")
    seed(source, corpus)
    dictionary = source.sub(/_fuzz\.c\z/, ".dict")
    @output.puts "#{name(source)}: #{@seconds} s from #{Dir.children(corpus).size} inputs"
    shown(program(source), "-max_total_time=#{@seconds}", "-max_len=#{MAX_LENGTH}", "-timeout=10",
          "-artifact_prefix=#{program(source)}-", *("-dict=#{dictionary}" if File.file?(dictionary)), corpus)
  end

  # The first byte of an expression's input chooses what it is taken for; 0 is text.
  def seed(source, corpus)
    FileUtils.rm_rf(corpus)
    FileUtils.mkdir_p(corpus)
    inputs = case name(source)
             when "expression_fuzz" then expressions
             when "number_text_fuzz" then NUMBERS
             else files
             end
    inputs.each.with_index { |input, number| File.binwrite(File.join(corpus, "seed-#{number}"), input) }
  end

  def files
    Dir[File.join(@root, "spec/fixtures/config/bad/*.yml"), File.join(@root, "config/tracers.yml")]
      .map { |path| File.binread(path) }
  end

  def expressions
    lines = File.binread(File.join(@root, "spec/fixtures/expressions/refused.txt")).lines(chomp: true)
    lines.grep(/\A> /).map { |line| "\0#{line.delete_prefix("> ")}" }
  end

  # The output of what fails is shown whole, of what doesn't the last line; of a compiler none.
  def shown(*command, quiet: false)
    text, status = Open3.capture2e(*command, binmode: true)
    if !status.success?
      @output.puts command.shelljoin, text
    elsif !quiet
      @output.puts text.lines.last
    end
    status.success?
  end
end
