# frozen_string_literal: true

require_relative "../../generators/tracing/tracers_file"
require "tmpdir"
require "railprobe/cli"
require "railprobe/cli/file_report"

RSpec.describe "Railprobe::Generators::TracersFile" do
  let(:described) { Railprobe::Generators::TracersFile }

  # Every result is a file that holds what it should, to a reader that is not ours, and that check takes.
  def read(text)
    (Psych.safe_load(text)["tracers"] || []).flat_map do |entry|
      Array(entry["methods"]).map { |method| [entry["class"], method, entry["types"]] }
    end
  end

  def valid(text)
    return if Railprobe::ENGINE_FAILURE

    Dir.mktmpdir do |directory|
      File.write(path = File.join(directory, "t.yml"), text)
      expect(Railprobe::CLI::FileReport.new(path).errors).to eq([])
    end
  end

  def edit(text)
    file = described.new(text)
    changed = yield file
    valid(file.text)
    [file.text, changed]
  end

  def add(text, ...) = edit(text) { |file| file.add(...) }
  def remove(text, ...) = edit(text) { |file| file.remove(...) }

  # What a line-wise diff shows: lines that went, and lines that came.
  def difference(before, after) = [before.lines - after.lines, after.lines - before.lines]

  let(:text) { <<~YAML }
    version: 1 # of the format

    # Mine.
    tracers:
      # The till.
      - class: Order # the one
        methods: [checkout, refund!] # of it
        # Why these.
        types: [latency]

      - class: Cart
        methods:
          - add # often
          # and now and then
          - .sweep
      # Not yet:
      #- {class: Later, methods: [on]}

    # The end.
    limits:
      rate: 5
  YAML

  describe "#add" do
    it "puts a method at the end of a list in brackets, and leaves all else" do
      after, changed = add(text, "Order", ["pay"])

      expect(difference(text, after)).to eq([["    methods: [checkout, refund!] # of it\n"],
                                             ["    methods: [checkout, refund!, pay] # of it\n"]])
      expect(changed).to eq(["pay"])
    end

    it "puts methods at the end of a list in lines" do
      after, = add(text, "Cart", ["clear", "[]"])

      expect(difference(text, after)).to eq([[], ["      - clear\n", "      - \"[]\"\n"]])
      expect(after).to include("      - .sweep\n      - clear\n      - \"[]\"\n  # Not yet:\n")
    end

    it "makes an entry behind the last one" do
      after, = add(text, "Admin::User", ["lock!", ".purge"])

      expect(difference(text, after)).to eq([[], ["  - class: Admin::User\n", "    methods: [lock!, .purge]\n"]])
      expect(after).to include("      - .sweep\n  - class: Admin::User\n    methods: [lock!, .purge]\n  # Not yet:\n")
    end

    it "makes an entry of its own for what is measured otherwise" do
      after, = add(text, "Order", ["pay"], %w[latency allocations])

      expect(read(after)).to include(["Order", "pay", %w[latency allocations]], ["Order", "checkout", %w[latency]])
      expect(difference(text, after).first).to eq([])
    end

    it "takes an entry that measures the same, in whatever words" do
      cart, = add(text, "Cart", ["clear"], %w[latency])
      expect(difference(text, cart).last).to eq(["      - clear\n"])

      defaults = text.sub("limits:\n  rate: 5", "defaults: {types: [gc, cpu]}")
      expect(difference(defaults, add(defaults, "Cart", ["clear"], %w[cpu gc]).first).last).to eq(["      - clear\n"])
      expect(read(add(defaults, "Cart", ["clear"], %w[latency]).first)).to include(["Cart", "clear", ["latency"]])
    end

    it "leaves entries with captures and conditions to the methods that these were written for" do
      ["capture: {id: card}", "if: duration > 1s"].each do |key|
        before = "tracers:\n  - class: Order\n    methods: [pay]\n    #{key}\n"

        expect(add(before, "Order", ["refund!"]).first).to eq("#{before}  - class: Order\n    methods: [refund!]\n")
      end
    end

    it "does nothing to what is there" do
      expect(add(text, "Order", ["checkout", "refund!"])).to eq([text, []])
      expect(add(text, "Order", ["checkout"], ["latency"])).to eq([text, []])
    end

    it "measures for more where no other method is concerned" do
      both, changed = add(text, "Order", ["checkout", "refund!"], %w[latency gc])
      expect(difference(text, both)).to eq([["    types: [latency]\n"], ["    types: [latency, gc]\n"]])
      expect(changed).to eq(["checkout", "refund!"])

      cart, = add(text, "Cart", [".sweep", "add"], %w[gc])
      expect(difference(text, cart)).to eq([[], ["    types: [latency, gc]\n"]])
      expect(cart).to include("      - .sweep\n    types: [latency, gc]\n  # Not yet:\n")
    end

    it "refuses to measure others with it" do
      expect { add(text, "Order", ["checkout"], %w[gc]) }
        .to raise_error(described::Refused, "Order#checkout is traced already, at line 6, together with refund!: " \
                                            "write there what to measure")
    end

    it "begins a list behind the comments that stand where it will be" do
      empty = "version: 1\ntracers:\n  # app/models\n  #- {class: A, methods: [b]}\n\n# Fired by hand.\nprobes:\n"
      after, = add(empty, "Order", ["pay"], ["gc"])

      expect(after).to eq(empty.sub("[b]}\n", "[b]}\n  - class: Order\n    methods: [pay]\n    types: [gc]\n"))
    end

    it "begins a file that has no list, no entries, or nothing" do
      entry = "tracers:\n  - class: Order\n    methods: [pay]\n"
      expect(add("version: 1", "Order", ["pay"]).first).to eq("version: 1\n\n#{entry}")
      expect(add("tracers:", "Order", ["pay"]).first).to eq(entry)
      expect(read(add("", "Order", ["pay"]).first)).to eq([["Order", "pay", nil]])
      expect(read(add("tracers: []\nversion: 1\n", "A::B", ["pay", "[]"], ["gc"]).first))
        .to eq([["A::B", "pay", ["gc"]], ["A::B", "[]", ["gc"]]])
    end

    it "writes into braces where braces are" do
      before = "tracers: [{class: Order, methods: [pay]}, {class: Cart, methods: [a]}] # all\n"

      expect(add(before, "Order", ["refund!"]).first).to eq(before.sub("[pay]", "[pay, refund!]"))
      expect(add(before, "Order", ["pay"], ["gc"]).first).to eq(before.sub("[pay]", "[pay], types: [latency, gc]"))
      expect(add(before, "Item", ["take"]).first).to eq(before.sub("[a]}", "[a]}, {class: Item, methods: [take]}"))
    end

    it "takes all methods, and then has each" do
      after, = add("version: 1\n", "Order", ["*"], ["gc"])
      expect(read(after)).to eq([["Order", "*", ["gc"]]])
      expect(add(after, "Order", ["pay"])).to eq([after, []])
      expect(read(add(after, "Order", [".import"]).first)).to eq([["Order", "*", ["gc"]], ["Order", ".import", nil]])
    end

    it "takes a namespace" do
      expect(read(add("version: 1\n", "Search::*", ["call"]).first)).to eq([["Search::*", "call", nil]])
    end

    it "counts characters, not bytes, and keeps the end of the file as it is" do
      before = "tracers:\n  - {class: Größe, methods: [über]} # ü\n  - {class: Order, methods: [pay]}"

      expect(add(before, "Größe", ["unter"]).first).to eq(before.sub("über", "über, unter"))
      expect(add(before, "Order", ["refund!"]).first).to eq(before.sub("pay", "pay, refund!"))
      expect(add(before, "Item", ["a"]).first).to eq("#{before}\n  - class: Item\n    methods: [a]\n")
    end
  end

  describe "#remove" do
    it "takes back what was added, to the byte" do
      {
        ["Order", ["pay"]] => text, ["Cart", ["clear", "[]"]] => text, ["Item", ["take", ".all"]] => text,
        ["Order", ["go!"]] => "tracers: [{class: A, methods: [b]}]\n",
        ["C", ["d"]] => "tracers: [{class: A, methods: [b]}]"
      }.each do |(class_name, methods), before|
        after, = add(before, class_name, methods)
        expect(after).not_to eq(before)
        expect(remove(after, class_name, methods)).to eq([before, methods])
      end
    end

    it "takes a method out of any place of a list in brackets" do
      before = "tracers:\n  - class: A\n    methods: [b, c,  d,e] # x\n"
      left = { "b" => "[c,  d,e]", "c" => "[b, d,e]", "d" => "[b, c,  e]", "e" => "[b, c,  d]" }

      left.each do |method, list|
        expect(remove(before, "A", [method]).first).to eq(before.sub("[b, c,  d,e]", list))
      end
    end

    it "keeps the lines and comments of a list that has some" do
      before = "tracers:\n  - class: A\n    methods: [\n      b, # one\n      c, # two\n      d # three\n    ]\n"

      expect(remove(before, "A", ["b"]).first).to eq(before.sub("b, # one", "# one"))
      expect(remove(before, "A", ["c"]).first).to eq(before.sub("c, # two", "# two"))
      expect(remove(before, "A", ["d"]).first).to eq(before.sub("c, # two\n      d # three", "c # two\n       # three"))
    end

    it "removes an entry with its last method, and the comments inside it" do
      after, = remove(text, "Order", ["checkout", "refund!"])

      expect(after).to eq(text.sub(/^  - class: Order.*?types: \[latency\]\n/m, ""))
      expect(read(remove(after, "Cart", [".sweep", "add"]).first)).to eq([])
    end

    it "never loses track, whatever is added and removed in which order" do
      random = Random.new(RSpec.configuration.seed)
      names = %w[a b? c! d= [] .e + ! .[] größe]
      model = { "Order" => %w[checkout refund!], "Cart" => %w[add .sweep] }
      file = described.new(text)
      200.times do
        class_name = ["Order", "Cart", "A::B", "Item"].sample(random: random)
        methods = names.sample(random.rand(1..3), random: random)
        if random.rand < 0.5
          file.add(class_name, methods)
          model[class_name] = (model[class_name] || []) | methods
        else
          file.remove(class_name, methods)
          model[class_name] = (model[class_name] || []) - methods
        end
        held = read(file.text).group_by(&:first).transform_values { |rows| rows.map { |row| row[1] }.sort }
        expect(held).to eq(model.reject { |_, left| left.empty? }.transform_values(&:sort))
      end
      valid(file.text)
      expect(file.text.scan(/#.*/)).to eq(text.scan(/#.*/))
    end

    it "leaves alone what is not there" do
      expect(remove(text, "Order", ["none"])).to eq([text, []])
      expect(remove(text, "None", ["checkout"])).to eq([text, []])
      expect(remove("version: 1\n", "None", ["checkout"])).to eq(["version: 1\n", []])
    end

    it "refuses to take one out of all methods" do
      before = "tracers:\n  - class: A\n    methods: \"*\"\n    except: [to_s]\n"
      expect { remove(before, "A", ["b"]) }
        .to raise_error(described::Refused, "A#b is one of all the methods of A, at line 2: write there what to except")
      expect(remove(before, "A", ["to_s"])).to eq([before, []])
      expect(read(remove(before, "A", ["*"]).first)).to eq([])
    end
  end
end
