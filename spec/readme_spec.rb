# frozen_string_literal: true

require "spec_helper"
require "railprobe/cli"
require "stringio"
require "tmpdir"

# What the README shows is what happens.
RSpec.describe "README.md", :native do
  let(:text) { File.read(File.expand_path("../README.md", __dir__)) }

  def check(yaml, *options)
    out = StringIO.new
    Dir.mktmpdir do |directory|
      Dir.mkdir(File.join(directory, "config"))
      File.write(File.join(directory, "config/tracers.yml"), yaml)
      Dir.chdir(directory) { Railprobe::CLI.run(["check", *options], out: out, err: out) }
    end
    out.string
  end

  def block(language, number = 0) = text.scan(/^```#{language}\n(.*?)^```$/m).flatten.fetch(number)

  it "begins with a file that is right" do
    expect(check(block("yaml"))).to end_with("config/tracers.yml: ok, 3 methods, 6 probes\n")
  end

  it "shows what check prints" do
    wrong = block("yaml").sub("types: [latency", "typs: [latncy")

    expect(text).to include("$ railprobe check\n#{check(wrong)}```")
  end

  it "shows what check finds with the app loaded" do
    stub_const("Order", Class.new do
      def self.import = 1
      def checkout = 1
      def refund! = 2
    end)
    lines = check(block("yaml").sub(".import", "import"), "--loaded").lines
    said = lines.take_while { |line| !line.include?(": Order#") }

    expect(text).to include("$ railprobe check --require ./app.rb\n#{said.join}```")
  end

  it "names no method that is not there" do
    methods = text.scan(/Railprobe\.(\w+[?!]?)/).flatten.uniq - %w[yml]

    expect(methods).not_to be_empty
    expect(methods.reject { |name| Railprobe.respond_to?(name) }).to be_empty
  end

  it "names no file that is not there" do
    files = text.scan(%r{\]\(([\w./]+)\)}).flatten + text.scan(%r{`((?:examples|bin|config|sig)/[\w./]+)`}).flatten

    expect(files).not_to be_empty
    expect(files.reject { |file| File.exist?(File.expand_path("../#{file}", __dir__)) }).to be_empty
  end
end
