# frozen_string_literal: true

require "spec_helper"
require "railprobe"
require_relative "support/image_contract"
require_relative "support/random_declarations"

# The engine's images, read back by a reader that shares nothing with the writer.
RSpec.describe "An image", :native do
  def build(declarations, machine: :x86_64, site: :safe) = Railprobe::Native.image(declarations, machine, site)

  def slots(count) = Array.new(count) { |index| ["a#{index}", :integer] }

  # What came out, in the form of what went in.
  def read_back(file) = file.probes.map { |probe| [probe.provider, probe.name, probe.arguments] }

  def expected(declarations, machine)
    operands = ImageContract::OPERANDS.fetch(machine)
    declarations.map do |provider, name, arguments, _|
      [provider, name, RandomDeclarations.note_arguments(arguments, operands)]
    end
  end

  def semaphores_shared(file)
    semaphores = file.probes.map(&:semaphore)
    semaphores.map { |semaphore| semaphores.index(semaphore) }
  end

  def expect_faithful(declarations, machine, site)
    bytes = build(declarations, machine: machine, site: site)
    expect(bytes.encoding).to eq(Encoding::BINARY)
    expect(ImageContract.violations(bytes, site: site)).to eq([])
    file = ElfFile.new(bytes)
    expect(file.machine).to eq(machine)
    expect(read_back(file)).to eq(expected(declarations, machine))
    expect(semaphores_shared(file)).to eq(RandomDeclarations.shared_with(declarations))
    expect(build(declarations, machine: machine, site: site)).to eq(bytes)
    file
  end

  seed = Integer(ENV.fetch("SEED") { Random.new_seed % 1_000_000 })
  machines = %i[x86_64 aarch64]
  sites = %i[safe fast]

  # Small images find most of what there is to find; the others find what only size brings.
  { 1..4 => 240, 5..60 => 120, 100..400 => 24, 3000..3000 => 2 }.each do |sizes, runs|
    it "says what was declared, #{runs} times with #{sizes} probes at random (SEED=#{seed})" do
      runs.times do |run|
        random = Random.new(seed + (1000 * run) + sizes.first)
        declarations = RandomDeclarations.new(random).take(random.rand(sizes))
        machine = machines[run % 2]
        site = sites[run / 2 % 2]
        expect_faithful(declarations, machine, site)
      rescue RSpec::Expectations::ExpectationNotMetError, StandardError => error
        where = "SEED=#{seed}, run #{run}: #{declarations&.size} probes for #{machine}, #{site}"
        raise RSpec::Expectations::ExpectationNotMetError, "#{where}\n#{error.full_message(highlight: false)}"
      end
    end
  end

  it "has another build id for any other content" do
    base = [["order", "hit", [["id", :integer]], 0], ["order", "miss", [["id", :integer]], 0]]
    others = {
      "base" => base, "order of probes" => base.reverse, "one probe" => base.first(1),
      "provider" => [["orders", "hit", [["id", :integer]], 0], base[1]],
      "name" => [["order", "hits", [["id", :integer]], 0], base[1]],
      "sign" => [["order", "hit", [["id", :string]], 0], base[1]],
      "slots" => [["order", "hit", [["id", :bytes]], 0], base[1]],
      "no slots" => [["order", "hit", [], 0], base[1]],
      "shared semaphore" => base.map { |declaration| [*declaration.first(3), 1] }
    }
    images = others.transform_values { |declarations| ElfFile.new(build(declarations)).build_id }
    images["site"] = ElfFile.new(build(base, site: :fast)).build_id
    images["machine"] = ElfFile.new(build(base, machine: :aarch64)).build_id

    expect(images.values.compact.uniq.size).to eq(images.size), images.inspect
  end

  it "gives a probe a semaphore of its own, unless a group shares one" do
    declarations = [0, 1, 2, 1, 0, 2, 1].each_with_index.map { |group, index| ["p", "n#{index}", [], group] }

    expect(semaphores_shared(ElfFile.new(build(declarations)))).to eq([0, 1, 2, 1, 4, 2, 1])
  end

  it "tells probes of one name in two providers apart" do
    probes = ElfFile.new(build([["a", "hit", slots(1), 0], ["b", "hit", slots(2), 0]])).probes

    expect(probes.map(&:pair)).to eq([%w[a hit], %w[b hit]])
    expect(probes.map(&:semaphore).uniq.size).to eq(2)
  end

  it "names the operands of 12 arguments by the C ABI of x86_64" do
    declarations = [["p", "n", slots(12), 0], ["p", "s", [["text", :bytes], ["when", :time], ["ratio", :float]], 0]]
    probes = ElfFile.new(build(declarations)).probes

    expect(probes[0].arguments).to eq(
      "-8@%rdi -8@%rsi -8@%rdx -8@%rcx -8@%r8 -8@%r9 " \
      "-8@8(%rsp) -8@16(%rsp) -8@24(%rsp) -8@32(%rsp) -8@40(%rsp) -8@48(%rsp)"
    )
    expect(probes[1].arguments).to eq("8@%rdi 8@%rsi -8@%rdx 8@%rcx")
  end

  it "names the operands of 12 arguments by the C ABI of aarch64" do
    probe = ElfFile.new(build([["p", "n", slots(12), 0]], machine: :aarch64)).probes.first

    expect(probe.arguments).to eq(
      "-8@x0 -8@x1 -8@x2 -8@x3 -8@x4 -8@x5 -8@x6 -8@x7 -8@[sp] -8@[sp, 8] -8@[sp, 16] -8@[sp, 24]"
    )
  end

  it "has these bytes, by offset, for a site of each kind" do
    {
      %i[x86_64 safe] => "90662e0f1f840000000000c3cccccccc",
      %i[x86_64 fast] => "0f1f440000c3cccccccccccccccccccc",
      %i[aarch64 safe] => "1f2003d5c0035fd6000020d4000020d4",
      %i[aarch64 fast] => "1f2003d5c0035fd6000020d4000020d4"
    }.each do |(machine, site), code|
      bytes = build([["p", "first", [], 0], ["p", "second", [], 0]], machine: machine, site: site)
      # e_phoff is at 32; the second program header is R-X; its offset field is at 8.
      text = bytes.unpack1("Q<", offset: bytes.unpack1("Q<", offset: 32) + 56 + 8)

      expect(text).to eq(machine == :x86_64 ? 0x1000 : 0x10000)
      expect(bytes.byteslice(text, 32).unpack1("H*")).to eq(code * 2)
    end
  end

  it "takes names of 63 bytes, providers of 59, and refuses longer ones" do
    file = expect_faithful([["p" * 59, "n" * 63, slots(12), 0]], :x86_64, :safe)

    expect(file.probes.first.pair).to eq(["p" * 59, "n" * 63])
    expect { build([["p" * 60, "n", [], 0]]) }.to raise_error(Railprobe::Error)
    expect { build([["p", "n" * 64, [], 0]]) }.to raise_error(Railprobe::Error)
    expect { build([["", "n", [], 0]]) }.to raise_error(Railprobe::Error)
    expect { build([["p", "", [], 0]]) }.to raise_error(Railprobe::Error)
  end

  it "refuses a 13th slot, however it comes about" do
    expect { build([["p", "n", slots(13), 0]]) }.to raise_error(Railprobe::Error)
    expect { build([["p", "n", [*slots(11), ["text", :bytes]], 0]]) }.to raise_error(Railprobe::Error)
    expect(ElfFile.new(build([["p", "n", [*slots(10), ["text", :bytes]], 0]])).probes.first.operands.size).to eq(12)
  end

  it "refuses to be empty" do
    expect { build([]) }.to raise_error(Railprobe::Error)
  end
end
