# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

# What captures and conditions read of real calls. Each value is read by the tracer as a register, or as a text.
RSpec.describe "Captures", :e2e do
  let(:file) { File.join(directory, "tracers.yml") }
  let(:target) { start_target("captures.rb", env: { "TRACERS_FILE" => file }) }
  let(:app) { File.join(images, "app.so") }

  # Calls each piece of Ruby while the expressions are captured of the method's entry, and gives what was captured, a
  # list for each call. Texts are compared as text: kinds has "s" for these, "d" for numbers.
  def captured(class_name, method, expressions, kinds, calls)
    pairs = expressions.map.with_index { |expression, number| "c#{number}: #{expression.inspect}" }
    write(class_name, method, "types: [entry]\n    capture: {#{pairs.join(", ")}}")
    provider = class_name.downcase
    values = kinds.chars.map.with_index(3) { |kind, number| kind == "s" ? "str(arg#{number})" : "arg#{number}" }
    format = kinds.chars.map { |kind| kind == "s" ? "<%s>" : "%lld" }.join("|")
    program = "usdt:#{app}:#{provider}:#{method}__entry { printf(\"#{format}\\n\", #{values.join(", ")}); }"
    tracer = trace_armed(program, "#{class_name}##{method}")
    calls.each { |call| target.ask(:call, call) }
    tracer.stop(lines: calls.size)
    tracer.lines.map { |line| line.split("|", -1).map { |text| text.start_with?("<") ? text[1..-2] : text.to_i } }
  end

  def write(class_name, method, more)
    File.write(file, "limits: {rate: 0, cpu: 0}\ntracers:\n  - class: #{class_name}\n    methods: [#{method}]\n    " \
                     "#{more}\n")
  end

  def trace_armed(program, subject)
    trace(program, on: target).tap do
      wait_until("#{subject} is armed") { target.ask(:states)[subject] == "armed" }
    end
  end

  it "read parameters that are required, optional and behind a splat" do
    calls = ["1, 9", "1, 7, 9", "1, 7, 8, 8, 9"].map { |values| "Taker.new(0).all(#{values}, key: 5)" }

    expect(captured("Taker", "all", %w[one two last], "ddd", calls)).to eq([[1, -1, 9], [1, 7, 9], [1, 7, 9]])
  end

  it "read keywords, and miss the default of one that isn't given" do
    calls = ["all(1, 9, key: 5)", "all(1, 9, other: 6, key: -5)"].map { |call| "Taker.new(0).#{call}" }

    expect(captured("Taker", "all", %w[key other @held], "ddd", calls)).to eq([[5, -1, 0], [-5, 6, 0]])
  end

  it "read elements of a Hash, without asking its default" do
    expect(captured("Taker", "take", ["value[:k]", "value['k']", "value[3]"], "ddd",
                    ["Taker.new(0).take({ k: 1, 'k' => 2, 3 => 4 })", "Taker.new(0).take({})",
                     "Taker.new(0).take(Hash.new { raise 'asked' })", "Taker.new(0).take(Hash.new(8))",
                     "Taker.new(0).take(5)"]))
      .to eq([[1, 2, 4], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1]])
  end

  it "read elements of an Array from both ends" do
    expect(captured("Taker", "take", ["value[0]", "value[-1]", "value[-3]"], "ddd",
                    ["Taker.new(0).take([1, 2, 3])", "Taker.new(0).take([4])", "Taker.new(0).take([])"]))
      .to eq([[1, 3, 1], [4, 4, -1], [-1, -1, -1]])
  end

  it "read class, length and size of every kind of value" do
    values = { "'größe'" => ["String", 5, 5], ":abc" => ["Symbol", 3, 3], "[1, 2]" => ["Array", 2, 2],
               "{ a: 1 }" => ["Hash", 1, 1], "12" => ["Integer", -1, -1], "1.5" => ["Float", -1, -1],
               "true" => ["TrueClass", -1, -1], "Record.new({})" => ["Record", -1, -1],
               "Class.new.new" => ["", -1, -1] }

    expect(captured("Taker", "take", %w[value.class value.length value.size], "sdd",
                    values.keys.map { |value| "Taker.new(0).take(#{value})" })).to eq(values.values)
  end

  it "read attributes of a record and of its row, and call none of its methods" do
    calls = ["Record.new({ 'id' => 8, 'state' => 'raw', 'n' => 4 })",
             "Record.new(Row.new({ 'id' => 9, 'n' => nil, 'state' => 'row' }))",
             "Record.new(Row.new({ 'n' => 5 }), known: { 'id' => Object.new })",
             "Record.new(Row.new({ 'n' => '5' }), types: { 'n' => Object.new })"].map { |record| "#{record}.save" }

    expect(captured("Record", "save", %w[self.id self.state self.n], "dsd", calls))
      .to eq([[8, "raw", 4], [9, "row", -1], [-1, "", 5], [-1, "", -1]])
  end

  it "read numbers beyond 64 bits as the nearest, and booleans as 0 and 1" do
    expect(captured("Taker", "take", ["value", "@held", "value == 1"], "ddd",
                    ["Taker.new(true).take(2**70)", "Taker.new(false).take(-2**70)", "Taker.new(nil).take(1)"]))
      .to eq([[(2**63) - 1, 1, 0], [-2**63, 0, 0], [1, -1, 1]])
  end

  it "fire only when a condition on arguments holds" do
    write("Taker", "take", "if: \"value > 10 && @held != 'x'\"")
    tracer = trace_armed("usdt:#{app}:taker:take__return { @calls = count(); }", "Taker#take")
    ["Taker.new(1).take(11)", "Taker.new(1).take(10)", "Taker.new('x').take(12)", "Taker.new('y').take(12)",
     "Taker.new(1).take(nil)", "Taker.new(nil).take(13)", "Taker.new(1).take('99')"]
      .each { |call| target.ask(:call, call) }
    tracer.stop

    expect(tracer.count("@calls")).to eq(2)
  end

  it "fire only when a condition on the duration holds" do
    write("Taker", "pass", "if: \"duration > 400ms\"")
    tracer = trace_armed("usdt:#{app}:taker:pass__return { @calls = count(); @shortest = min(arg3); }", "Taker#pass")
    target.ask(:pass, 200, 0)
    target.ask(:pass, 3, 0.41)
    tracer.stop

    expect(tracer.count("@calls")).to eq(3)
    expect(tracer.count("@shortest")).to be > 400_000_000
  end

  it "cut a text at 1 KiB, between two characters" do
    write("Taker", "take", "types: [entry]\n    capture: {a: \"value\"}")
    # The last two bytes, and the NUL behind them.
    bytes = [1022, 1023, 1024].map { |offset| "*(uint8 *)(arg3 + #{offset})" }
    print = "printf(\"%d %d %d\\n\", #{bytes.join(", ")});"
    tracer = trace_armed("usdt:#{app}:taker:take__entry { #{print} }", "Taker#take")
    ["'x' * 3000", "'x' * 1023 + 'ö'", "'x' * 1022 + 'ö'"].each do |text|
      target.ask(:call, "Taker.new(0).take(#{text})")
    end
    tracer.stop(lines: 3)

    expect(tracer.lines.map { |line| line.split.map(&:to_i) })
      .to match([[120, 120, 0], [120, 0, a_kind_of(Integer)], [0xc3, 0xb6, 0]])
  end
end
