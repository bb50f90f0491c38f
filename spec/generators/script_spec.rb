# frozen_string_literal: true

require_relative "../../generators/tracing/script"
require_relative "../../generators/tracing/subject"

RSpec.describe "Railprobe::Generators::Script" do
  let(:common) { { overhead_ns: :integer, subject: :string, ctx: :integer } }
  let(:timed) { common.merge(duration_ns: :integer, status: :integer) }

  def script(probes, many: false)
    Railprobe::Generators::Script.new(path: "script/tracing/pay.bt", what: "Order#pay", probes: probes,
                                      file: "./x/app.so", many: many).to_s
  end

  # What would be run, and what is there to be taken in, of each probe.
  def blocks(text)
    text.scan(%r{^usdt:(\S+)\n(?:(/[^\n]*)\n)?\{\n(.*?)^\}\n}m).to_h do |probe, condition, body|
      further, shown = body.lines(chomp: true).map(&:strip).partition { |line| line.start_with?("// ") }
      [probe, [condition, shown, further.map { |line| line.delete_prefix("// ") }]]
    end
  end

  it "measures what ends, and counts what is raised" do
    text = script({ "order:pay__return" => timed.merge(gc_ns: :integer, id: :value),
                    "order:pay__raise" => common.merge(exception: :string, message: :string) })

    expect(blocks(text)).to eq(
      "./x/app.so:order:pay__return" =>
        ["/(int64)arg3 >= $1 * 1000000/", ["@us = hist(arg3 / 1000);", "@status[arg4] = count();"],
         ["@gc_ns = hist(arg5);", "@id[*(uint64 *)uptr(reg(\"sp\") + 8)] = count();"]],
      "./x/app.so:order:pay__raise" => [nil, ["@raised[str(arg3)] = count();"], ["@message[str(arg4)] = count();"]]
    )
  end

  it "has a row for each subject where these are many" do
    text = script({ "rails:cache__read__done" => timed.merge(hit: :boolean, store: :string) }, many: true)

    expect(blocks(text).values).to eq(
      [["/(int64)arg3 >= $1 * 1000000/", ["@us[str(arg1)] = hist(arg3 / 1000);", "@status[str(arg1), arg4] = count();"],
        ["@hit[str(arg1), arg5] = count();",
         "@store[str(arg1), str(*(uint64 *)uptr(reg(\"sp\") + 8))] = count();"]]]
    )
  end

  it "counts what only begins, and what is fired by hand" do
    expect(blocks(script({ "order:pay__entry" => common.merge(args: :string) })).values)
      .to eq([[nil, ["@count = count();"], ["@args[str(arg3)] = count();"]]])
    mine = { raw: :bytes, quantity: :integer, rate: :float, at: :time, on: :boolean }
    expect(blocks(script({ "a:b" => mine })).values)
      .to eq([[nil, ["@count = count();"], ["@quantity = hist(arg2);", "@on[arg5] = count();"]]])
    expect(blocks(script({ "a:b" => {} })).values).to eq([[nil, ["@count = count();"], []]])
  end

  it "says how it is run, what it prints and what there is to read" do
    text = script({ "order:pay__return" => timed.merge(objects: :integer, bytes: :integer) })
    head = text[%r{/\*.*?\*/}m]

    expect(head).to include(" * pay - how long Order#pay takes, and how it ends\n",
                            " *     bpftrace script/tracing/pay.bt [MIN_MS]\n",
                            " *     rails 'tracing:run[pay,MIN_MS]'\n", " *     arg5    objects        integer\n",
                            " *     sp + 8  bytes          integer\n", "OVERHEAD", "from bpftrace 0.24 on")
    expect(script({ "a:b" => {} })).to include("a:b carries nothing\n", "bpftrace script/tracing/pay.bt\n")
    expect(text.lines.map { |line| line.chomp.size }.max).to be <= 80
    expect(text.lines.grep(/\s\n\z/)).to eq([])
  end

  describe "Railprobe::Generators::Subject" do
    def subject_of(text) = Railprobe::Generators::Subject.new(text)

    it "reads methods as people write them" do
      { "Order#checkout" => %w[Order checkout], "::Order#checkout" => %w[Order checkout],
        "Order.import" => %w[Order .import], "Admin::Order#refund!" => %w[Admin::Order refund!],
        "Search::*#call" => %w[Search::* call],
        "Order#[]=" => %w[Order []=], "Order#*" => %w[Order *], "Größe#über" => %w[Größe über] }.each do |text, parts|
        expect([subject_of(text).class_name, subject_of(text).method]).to eq(parts)
        expect(subject_of(text).to_s).to eq(text.delete_prefix("::"))
      end
      invalid = Railprobe::Generators::Subject::Invalid
      ["order", "Order", "order#pay", "Order#", "Order.", "Order::pay", "a:b", "Order pay", ""].each do |text|
        expect(Railprobe::Generators::Subject.method?(text)).to be(false)
        expect { subject_of(text) }.to raise_error(invalid, /\A#{Regexp.escape(text.inspect)} is no method: write /)
      end
    end

    it "gathers those of a class" do
      grouped = Railprobe::Generators::Subject.group(%w[A#x B.y A.z A#x])
      expect(grouped).to eq([["A", %w[x .z]], ["B", %w[.y]]])
    end

    it "names files after them", :native do
      { "Order#checkout" => "order_checkout", "Order.import" => "order_self_import", "A#<=>" => "a_cmp",
        "HTTPClient2#[]" => "http_client2_aref", "Admin::LineItem#refund!" => "admin_line_item_refund_bang" }
        .each { |text, name| expect(subject_of(text).file_name).to eq(name) }
    end
  end
end
