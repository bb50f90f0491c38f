# frozen_string_literal: true

require "fileutils"
require "stringio"
require "tmpdir"
require_relative "support/fuzzers"

# A fuzzer that finds what is there to be found, and one that has nothing to find.
RSpec.describe Fuzzers do
  let(:output) { StringIO.new }

  def tree(fuzzer)
    Dir.mktmpdir do |root|
      FileUtils.mkdir_p(["#{root}/spec/c/fuzz", "#{root}/ext/railprobe", "#{root}/config"])
      File.write("#{root}/ext/railprobe/judge.c", judge)
      File.write("#{root}/config/tracers.yml", "version: 1\n")
      File.write("#{root}/spec/c/fuzz/a_fuzz.c", fuzzer)
      fuzzers = described_class.new(seconds: 1, root: root, output: output)
      skip(fuzzers.missing) if fuzzers.missing
      yield fuzzers, root
    end
  end

  let(:judge) do
    <<~C
      int judge(char letter);
      int judge(char letter)
      {
          return 1 / (letter - 'v');
      }
    C
  end

  def fuzzer(condition)
    <<~C
      int judge(char letter);
      int LLVMFuzzerTestOneInput(const char *data, unsigned long size);
      int LLVMFuzzerTestOneInput(const char *data, unsigned long size)
      {
          if (#{condition}) {
              (void)judge(data[0]);
          }
          return 0;
      }
    C
  end

  it "fail with an input that crashes, which is kept" do
    tree(fuzzer("size && data[0] == 'v'")) do |fuzzers, root|
      expect(fuzzers.run).to be(false)
      expect(output.string).to include("division by zero").and end_with("0 passed, 1 failed\n")
      expect(File.binread(Dir["#{root}/tmp/fuzz/a_fuzz-crash-*"].first)).to start_with("v")
    end
  end

  it "pass when nothing is found, and don't when nothing is tried or built" do
    tree(fuzzer("size > 100000")) { |fuzzers, _| expect(fuzzers.run).to be(true) }
    tree("no C") { |fuzzers, _| expect(fuzzers.run).to be(false) }
    tree("no C") do |fuzzers, root|
      File.delete("#{root}/spec/c/fuzz/a_fuzz.c")
      expect(fuzzers.run).to be(false)
    end
  end

  it "say what is missing where there is no clang" do
    stub_const("#{described_class}::CC", "clang-of-nowhere")
    Dir.mktmpdir do |root|
      expect(described_class.new(seconds: 1, root: root).missing).to eq("there is no clang-of-nowhere")
    end
  end
end
