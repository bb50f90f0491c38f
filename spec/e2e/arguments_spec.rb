# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "Arguments", :e2e do
  let(:target) { start_target("arguments.rb") }
  let(:image) { target.ask(:path, "type:long") }

  # What a reader of an old bpftrace writes: it knows the first six by name, and the rest are on the stack.
  def operand(number)
    number < 6 ? "arg#{number}" : "*(uint64 *)uptr(reg(\"sp\") + #{8 * (number - 5)})"
  end

  def signed(number) = "(int64)#{operand(number)}"

  def printing(probe, format, *operands)
    "usdt:#{image}:#{probe} { @#{probe.tr(":", "_")} = count(); printf(\"#{format}\\n\", #{operands.join(", ")}); }"
  end

  it "are right in every number from none to twelve, the seventh and later on the stack" do
    counts = (0..12).to_a
    clauses = counts.map do |count|
      printing("count:of_#{count}", "#{count}:#{" %lld" * count}#{"%s" if count.zero?}",
               *(count.zero? ? ["\"\""] : (0...count).map { |number| signed(number) }))
    end
    tracer = trace(clauses.join("\n"), on: target)
    fired = target.ask(:fire_counts, counts)
    tracer.stop(lines: fired.size)

    seen = tracer.lines.to_h { |line| [line[/\A\d+/], line.split(":").last.split.map(&:to_i)] }
    expect(seen).to eq(fired.merge("0" => [0]))
    expect(counts.map { |count| tracer.count("@count_of_#{count}") }).to all(eq(1))
    expect_released(target)
  end

  it "are 64 bits: booleans, the bits of floats, times in nanoseconds, integers that end at the ends" do
    tracer = trace(printing("type:numbers", "%lld %llx %lld %lld", signed(0), "arg1", signed(2), signed(3)), on: target)
    fired = target.ask(:fire_values, "numbers")
    tracer.stop(lines: fired)

    highest = (2**63) - 1
    lowest = -(2**63)
    expect(tracer.lines.map(&:split)).to eq(
      [
        ["1", bits(1.5), "1000000005", highest.to_s],
        ["0", bits(-0.1), "-1000000000", lowest.to_s],
        ["-1", bits(Float::INFINITY), "-1", "-1"],
        ["1", bits(0.0), "1700000000999999999", highest.to_s],
        ["1", bits(2.0), "0", lowest.to_s]
      ]
    )
    expect(tracer.count("@type_numbers")).to eq(fired)
  end

  it "have no sign where they are ids, and stay within 64 bits" do
    tracer = trace(printing("type:ids", "%llu", "arg0"), on: target)
    fired = target.ask(:fire_values, "ids")
    tracer.stop(lines: fired)

    most = (2**64) - 1
    expect(tracer.lines.map(&:to_i)).to eq([0, 2**63, most, most, 0, 0, most])
    expect(tracer.count("@type_ids")).to eq(fired)
  end

  it "are text in UTF-8, empty where there is none" do
    tracer = trace(printing("type:text", "[%s] [%s]", "str(arg0)", "str(arg1)"), on: target)
    fired = target.ask(:fire_values, "text")
    tracer.stop(lines: fired)

    expect(tracer.lines).to eq(["[plain] [symbol]", "[gr\u00fc\u00df dich \u2713] [s\u00fc\u00df]", "[] []", "[] []"])
    expect(tracer.count("@type_text")).to eq(fired)
  end

  it "are bytes with their length, so that NUL bytes are kept" do
    tracer = trace(printing("type:bytes", "%r %lld", "buf(arg0, 4)", signed(1)), on: target)
    fired = target.ask(:fire_values, "bytes")
    tracer.stop(lines: fired)

    lines = tracer.lines
    expect(lines.first).to eq("a\\x00b\\xff 4")
    expect(lines.drop(1).map { |line| line[/-?\d+\z/] }).to eq(%w[0 0])
    expect(tracer.count("@type_bytes")).to eq(fired)
  end

  it "are text cut at a character, within 1 KiB" do
    # The last character of 1 to 4 bytes is put across the border, and one text ends just before it.
    texts = ["x" * 2_000, *["\u00e9", "\u20ac", "\u{1F642}"].map { |character| "#{"x" * 1_001}#{character * 30}" },
             "y" * 1_000]
    tracer = trace(printing("type:long", "%s", "str(arg0 + 860)"), strlen: 200, on: target)
    fired = target.ask(:fire_long, texts)
    tracer.stop(lines: fired)

    expect(tracer.lines.size).to eq(fired)
    texts.zip(tracer.lines) { |text, line| expect_cut(text, line) }
  end

  private

  def bits(float) = [float].pack("G").unpack1("Q>").to_s(16)

  # end_part is what was seen from byte 860 on: nothing but whole characters, and all that fit.
  def expect_cut(text, end_part)
    expect(text.byteslice(860..)).to start_with(end_part)
    size = 860 + end_part.bytesize
    expect(size).to be <= 1_024
    following = text.byteslice(size..)[0]
    expect(size + following.bytesize).to be > 1_023 if following
  end
end
