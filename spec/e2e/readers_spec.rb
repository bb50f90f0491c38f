# frozen_string_literal: true

require "spec_helper"
require "fileutils"
require "io/wait"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "../support/image_contract"
require_relative "../support/perf"
require_relative "../support/random_declarations"

# What a process has loaded, as the tools that people attach with see it: all of them tell the same probes, and
# those of the manifest, which are those that were declared.
RSpec.describe "Readers of a loaded image", :native do
  # Declares what it is told in JSON on standard input and loads it; says where each probe's image is; then
  # fires the probe named in each further line, that many times, and says so.
  program = <<~'CHILD'
    require "json"
    require "railprobe"

    Railprobe.strict = true
    values = { "integer" => -23, "string" => "text", "symbol" => :symbol, "boolean" => true, "float" => 0.5,
               "time" => Time.at(0), "bytes" => "a\0b" }
    declared = JSON.parse($stdin.gets)
    declared.each do |provider, name, arguments|
      Railprobe.probe("#{provider}:#{name}", **arguments.to_h { |argument, type| [argument.to_sym, type.to_sym] })
    end
    abort(Railprobe.report.inspect) unless Railprobe.load
    $stdout.sync = true
    types = declared.to_h { |provider, name, arguments| ["#{provider}:#{name}", arguments.map(&:last)] }
    puts(JSON.generate(types.keys.to_h { |probe| [probe, Railprobe[probe].path] }))

    while (line = $stdin.gets)
      probe, times = line.split
      Integer(times).times { Railprobe[probe].fire(*values.values_at(*types.fetch(probe))) }
      puts("fired #{probe} #{times}")
    end
  CHILD

  seed = Integer(ENV.fetch("SEED") { Random.new_seed % 1_000_000 })
  define_method(:seed) { seed }

  before(:all) do
    # perf puts up with provider names that are a little shorter than what others take.
    random = RandomDeclarations.new(Random.new(seed))
    @declared = random.take(200).map { |declaration| declaration.first(3) }
    @directory = Dir.mktmpdir("readers")
    environment = { "RAILPROBE_DIR" => @directory, "RAILPROBE_SITE" => nil,
                    "RUBYLIB" => File.expand_path("../../lib", __dir__), "RUBYOPT" => nil }
    @input, @output, @errors, @child =
      Open3.popen3(environment, RbConfig.ruby, "-W0", "-e", program, chdir: @directory)
    @input.puts(JSON.generate(@declared))
    answer = @output.wait_readable(60) && @output.gets
    raise "SEED=#{seed}: the child says nothing\n#{@errors.read_nonblock(65_536, exception: false)}" if answer.nil?

    @paths = JSON.parse(answer)
  end

  after(:all) do
    @input&.close
    @output&.read
    complaints = @errors&.read
    status = @child&.value
    [@output, @errors].each { |stream| stream&.close }
    FileUtils.remove_entry(@directory) if @directory
    raise "SEED=#{seed}: the child: #{status}\n#{complaints}" unless status&.success? && complaints.empty?
  end

  attr_reader :declared, :paths

  # One image or several: every probe is in one, and a file has those probes that say so.
  def images = paths.values.uniq

  def machine = ElfFile.new(File.binread(images.first)).machine

  def manifest(path) = JSON.parse(File.read(path.sub(/\.so\z/, ".json"))).fetch("probes")

  # The manifest's probes in the form of a reader that tells everything.
  def told(path)
    operands = ImageContract::OPERANDS.fetch(machine)
    manifest(path).map do |probe|
      arguments = probe.fetch("arguments").map { |argument| [argument.fetch("name"), argument.fetch("type").to_sym] }
      [probe.fetch("provider"), probe.fetch("probe"), RandomDeclarations.note_arguments(arguments, operands)]
    end.sort
  end

  def expect_agreement(reader, &block)
    skip(reader.missing) if reader.missing
    images.each do |path|
      expected = told(path).map(&block)
      expect(reader.probes(path)).to eq(expected.sort), "SEED=#{seed}: #{reader.program} and the manifest differ"
    end
  end

  def fire(probe, times)
    @input.puts("#{probe} #{times}")
    answer = @output.wait_readable(60) && @output.gets
    raise "SEED=#{seed}: the child answers #{answer.inspect}" unless answer == "fired #{probe} #{times}\n"
  end

  it "finds the probes that were declared in the manifests, each once (SEED=#{seed})" do
    found = images.flat_map do |path|
      manifest(path).map do |probe|
        arguments = probe.fetch("arguments").map { |argument| argument.values_at("name", "type") }
        [probe.fetch("provider"), probe.fetch("probe"), arguments]
      end
    end
    expected = declared.map { |provider, name, arguments| [provider, name, arguments.map { |one| one.map(&:to_s) }] }

    expect(found.sort).to eq(expected.sort)
    images.each do |path|
      there = manifest(path).map { |probe| "#{probe["provider"]}:#{probe["probe"]}" }
      expect(there).to match_array(paths.select { |_, image| image == path }.keys)
    end
  end

  it "finds the image where it was told to put it, in keeping with the contract" do
    images.each do |path|
      expect(File.dirname(path)).to eq(@directory)
      expect(File.stat(path).mode & 0o7777).to eq(0o555)
      expect(ImageContract.violations(File.binread(path))).to eq([])
    end
  end

  it "agrees with the reader of the specs" do
    images.each do |path|
      file = ElfFile.new(File.binread(path))
      expect(file.probes.map { |probe| [*probe.pair, probe.arguments] }.sort).to eq(told(path))
    end
  end

  [Readers::Readelf, Readers::EuReadelf].each do |reader|
    it "agrees with #{reader.program} on names and arguments" do
      expect_agreement(reader, &:itself)
    end
  end

  it "agrees with tplist on names and the number of arguments" do
    expect_agreement(Readers::Tplist) { |provider, name, arguments| [provider, name, arguments.scan("8@").size] }
  end

  [Readers::Bpftrace, Readers::Gdb, Readers::Perf].each do |reader|
    it "agrees with #{reader.program} on names" do
      expect_agreement(reader) { |provider, name, _| [provider, name] }
    end
  end

  it "gives eu-elflint nothing to complain about" do
    skip(Readers::EuElflint.missing) if Readers::EuElflint.missing

    images.each { |path| expect(Readers::EuElflint.violations(path)).to eq([]) }
  end

  it "lets perf count every fire, of probes with no arguments up to the most" do
    skip(Readers::Perf.missing) if Readers::Perf.missing

    by_size = declared.sort_by { |declaration| RandomDeclarations.slots(declaration.last) }
    names = [by_size.first, by_size[100], by_size.last].map { |provider, name, _| "#{provider}:#{name}" }
    names.each do |name|
      Readers::Perf.with(paths.fetch(name)) do |perf|
        count = perf.event(name) { |event| perf.record(event) { fire(name, 23) } }
        expect(count).to eq(23), "SEED=#{seed}: perf counts #{count} fires of #{name}, not 23"
      end
    end
  end
end
