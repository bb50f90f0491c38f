# frozen_string_literal: true

require "json"
require "railprobe/cli"
require "stringio"
require "tmpdir"

RSpec.describe Railprobe::CLI do
  around do |example|
    Dir.mktmpdir("railprobe") do |directory|
      @directory = directory
      Dir.chdir(directory) { example.run }
    end
  end

  let(:out) { StringIO.new }
  let(:err) { StringIO.new }

  def run(*arguments)
    out.truncate(out.pos = 0)
    described_class.run(arguments, out: out, err: err)
  end

  def write(text, name = "t.yml") = File.write(name, text)

  # The text of a tracer, with further keys.
  def tracer(class_name, methods, more = "")
    "  - class: #{class_name}\n    methods: #{methods}\n#{more.gsub(/^/, "    ")}"
  end

  def write_tracers(*tracers) = write("version: 1\ntracers:\n#{tracers.map(&:chomp).join("\n")}\n")

  def check(*arguments)
    arguments = ["t.yml"] if arguments.empty?
    [run("check", *arguments), out.string]
  end

  describe "its verbs" do
    it "are told when none is given, and when help is asked for" do
      said = [[], ["help"], ["--help"], ["-h"]].map { |arguments| [run(*arguments), out.string] }

      expect(said.uniq.size).to eq(1)
      expect(said.first).to match([0, /\AUsage: railprobe VERB.*^  check +tell what is wrong/m])
    end

    it "come with a version" do
      expect([run("--version"), out.string]).to eq([0, "railprobe #{Railprobe::VERSION}\n"])
    end

    it "are named when one is not there, which is a misuse" do
      expect(run("chek")).to eq(2)
      expect(err.string).to start_with("railprobe: there is no verb \"chek\"\nUsage: ").and include("  check ")
      expect(out.string).to eq("")
    end

    it "explain themselves" do
      %w[--help -h].each do |option|
        expect([run("check", option), out.string]).to match([0, /\AUsage: railprobe check/])
      end
    end

    it "refuse an option that is not there, also behind a file" do
      write_tracers
      expect(run("check", "t.yml", "--jsn")).to eq(2)
      expect(err.string).to start_with("railprobe check: there is no option --jsn\nUsage: railprobe check")
    end

    it "run from the command line", :native do
      write_tracers(tracer("Order", "[pay]"))
      child = ChildRuby.run(<<~RUBY, library: false)
        ARGV.replace(["check", #{File.expand_path("t.yml").inspect}])
        load #{File.join(ChildRuby::ROOT, "exe/railprobe").inspect}
      RUBY

      expect(child.errors).to eq("")
      expect(child.lines.last).to end_with("t.yml: ok, 1 method, 1 probe")
      expect(child.status.exitstatus).to eq(0)
    end
  end

  describe "check without an engine", :idle do
    it "says why files can't be read" do
      expect(run("check", "t.yml")).to eq(1)
      expect(err.string).to eq("railprobe check: files can't be read here, for #{Railprobe.unsupported_reason}\n")
    end
  end

  describe "check", :native do
    it "prints each method, its probes with their arguments, and the cost" do
      write_tracers(tracer("Order", "[pay, .import]", <<~YAML))
        types: [latency, exception]
        capture: {id: self.id, late: "duration > 1s"}
        if: "@total > 3"
      YAML
      common = "overhead_ns: integer, subject: string, ctx: integer"
      cost = ["self.id", "@total > 3", "duration > 1s"].sum { |text| Railprobe::Native.expression(text).cost_ns }

      methods = { "#pay" => "pay", ".import" => "self_import" }.map do |method, stem|
        <<~TEXT
          t.yml:3: Order#{method} (latency, exception)
            order:#{stem}__return(#{common}, duration_ns: integer, status: integer, id: value, late: boolean)
            order:#{stem}__raise(#{common}, exception: string, message: string, id: value)
            captures and condition: at most #{cost} ns a call
        TEXT
      end
      expect(check).to eq([0, "#{methods.join}t.yml: ok, 2 methods, 4 probes\n"])
    end

    it "reads config/tracers.yml when no file is named" do
      Dir.mkdir("config")
      write("probes:\n  - probe: a:b\n    args: {c: string}\n", "config/tracers.yml")

      expect([run("check"), out.string])
        .to eq([0, "config/tracers.yml: a:b(c: string)\nconfig/tracers.yml: ok, 0 methods, 1 probe\n"])
    end

    it "goes through all files, and is right only if all are" do
      write("version: 1\n", "good.yml")
      write("version: 7\n", "bad.yml")

      code, text = check("bad.yml", "none.yml", "good.yml")
      expect(code).to eq(1)
      expect(text.lines.grep(/ok,/).map { |line| line[/\A\S+: (?:not )?ok/] })
        .to eq(["bad.yml: not ok", "none.yml: not ok", "good.yml: ok"])
      expect(check("good.yml", "good.yml").first).to eq(0)
    end

    it "says in the system's words why a file can't be read" do
      Dir.mkdir("t.yml")
      expect(check).to eq([1, "t.yml: can't be read: Is a directory\nt.yml: not ok, 0 methods, 0 probes\n"])
      expect(check("none.yml").last).to start_with("none.yml: can't be read: No such file or directory\n")
    end

    it "shows every error with its place, and what is right beside it" do
      write_tracers("  - klass: Order\n    methods: [pay]", tracer("Item", "[take]"))

      code, text = check
      expect(code).to eq(1)
      expect(text).to match(<<~TEXT.then { |golden| /\A#{Regexp.escape(golden).gsub("ANY", ".*")}/ })
        t.yml:3:5: unknown key "klass" in a tracer
          3 |   - klass: Order
            |     ^^^^^
            = did you mean "class"?
        t.yml:5: Item#take (latency)
          item:take__return(ANY)
        t.yml: not ok, 1 method, 1 probe
      TEXT
    end

    it "shows where an expression is wrong" do
      write_tracers(tracer("Order", "[pay]", "capture: {größe: 1, at: '@at.to_s'}\n"),
                    tracer("Item", "[take]", "types: [entry]\nif: \"sku == 'ö' && duration > 1s\"\n"))

      code, text = check
      expect(code).to eq(1)
      expect(text).to include("  5 |     capture: {größe: 1, at: '@at.to_s'}\n    |#{" " * 34}^\n")
      expect(text).to match(/^t\.yml:5:34: "to_s" is a method;/)
      expect(text).to match(/^t\.yml:9:24: this is known when the call ends, too late for the types entry/)
      expect(text).to end_with("t.yml: not ok, 0 methods, 0 probes\n")
    end

    it "quotes an expression that does not stand in the file as it is" do
      write_tracers(tracer("Order", "[pay]", "if: 'a == ''x'' + 1'\n"))

      expect(check.last).to include("    = at character 10 of \"a == 'x' + 1\"\n")
    end

    it "refuses a condition that is neither true nor false" do
      write_tracers(tracer("Order", "[pay]", "if: \"50ms\"\n"))

      code, text = check
      expect(code).to eq(1)
      expect(text).to match(/\At\.yml:5:10: \S.*\n  5 \|     if: "50ms"\n {4}\| {10}\^\n/)
    end

    it "finds methods whose probes would have one name, and says it once" do
      write_tracers(tracer("Order", "[pay!, pay_bang, pay]", "types: [latency, exception, entry]\n"))

      code, text = check
      expect(code).to eq(1)
      expect(text.lines.grep(/would both/))
        .to eq(["t.yml:3: Order#pay! (line 3) and Order#pay_bang (line 3) would both be order:pay_bang__return: " \
                "give one of them another provider\n"])
    end

    it "finds a tracer's probe that is also declared to be fired by hand" do
      write("tracers:\n#{tracer("Order", "[pay]")}\nprobes:\n  - probe: order:pay__return\n")

      expect(check.last).to match(/Order#pay \(line 2\) and the probe under probes would both be order:pay__return/)
    end

    it "finds names that are too long for a probe, in classes, methods and namespaces" do
      long = "a" * 56
      write_tracers(tracer("Order", "[#{long}, ok]"), tracer("B#{long}c", "[x]"), tracer("B#{long}cde", "[x]"),
                    tracer("Item", "[.#{"ü" * 12}]"), tracer("\"Search::*\"", "[#{"a" * 90}]"),
                    tracer("B" * 90, "[x]", "provider: b\n"), tracer("C" * 90, "\"*\""))

      code, text = check
      expect(code).to eq(1)
      expect(text.lines.grep(/too long/).map { |line| line[/\At\.yml:(\d+):/, 1].to_i }).to eq([3, 9, 12, 15, 21])
      expect(text.lines.first).to eq("t.yml:3: Order##{long} is too long: a probe has at most 63 bytes with its " \
                                     "__return, and the name of its class 59; for that there is provider:\n")
      expect(text).to include("t.yml:3: Order#ok (latency)\n", "t.yml: not ok, 3 methods, 3 probes")
    end

    it "takes names that differ by class for what they are" do
      write_tracers(tracer("Order", "[pay!]"), tracer("Item", "[pay_bang]"),
                    tracer("Order", "[pay_bang]", "provider: o2\n"))

      expect(check.first).to eq(0)
    end

    it "says which classes have longer providers, and why" do
      write_tracers(tracer("A::Item", "[x]"), tracer("B::Item", "[x]"), tracer("C::Item", "[x]", "provider: c\n"))

      code, text = check
      expect(code).to eq(0)
      expect(text.lines.grep(/__return|note/).map { |line| line[/\S+:x__return|note.*/] })
        .to eq(["a_item:x__return", "b_item:x__return", "c:x__return",
                "note: A::Item and B::Item would share the provider item, so theirs are a_item and b_item"])
    end

    it "shows the probes that classes in a namespace and all methods will have" do
      write_tracers(tracer("\"Search::*\"", "[call, .for!]"), tracer("Cart", "\"*\"", "types: [entry]\n"),
                    tracer("\"Jobs::*\"", "\"*\"", "provider: jobs\n"))

      code, text = check
      expect(code).to eq(0)
      expect(text.gsub(/\(.*?\)/, "")).to eq(<<~TEXT)
        t.yml:3: Search::*#call#{" "}
          CLASS:call__return
          for each class in Search, once it is loaded
        t.yml:3: Search::*.for!#{" "}
          CLASS:self_for_bang__return
          for each class in Search, once it is loaded
        t.yml:6: Cart#*#{" "}
          cart:METHOD__entry
          for each public method of Cart, once it is loaded
        t.yml:9: Jobs::*#*#{" "}
          jobs:METHOD__return
          for each public method of each class in Jobs, once it is loaded
        t.yml: ok, 4 methods, 0 probes and those of classes to come
      TEXT
    end

    describe "with helper types of the app's own" do
      before { write_tracers(tracer("Order", "[pay]", "types: [queue_depth, latency]\n")) }

      after { RuntimeState.reset }

      it "takes those that it can't know, and says so" do
        code, text = check
        expect(code).to eq(0)
        expect(text.gsub(/\(overhead.*?\)/, "")).to eq(<<~TEXT)
          t.yml:3: Order#pay (latency, queue_depth)
            order:pay__return
          t.yml: note: queue_depth is none of our helper types: --require the file that registers it, and its arguments are shown
          t.yml: ok, 1 method, 1 probe
        TEXT
      end

      it "loads the files that register them, and the classes" do
        stub_const("Order", Class.new { def pay = 1 })
        write("Railprobe.helper_type(:queue_depth, on: :return, depth: :integer) { |call| call.result }", "types.rb")
        write("Railprobe.helper_type(:other, on: :entry, state: :string) { |call| call.receiver.state }", "other.rb")

        code, text = check("--require", "types.rb", "--require=other.rb", "t.yml")
        expect([code, err.string]).to eq([0, ""])
        expect(text).to include("status: integer, depth: integer)").and end_with("t.yml: ok, 1 method, 1 probe\n")
      end

      it "knows all there are once a file is required" do
        stub_const("Order", Class.new { def pay = 1 })
        write("Railprobe.helper_type(:queue_dept, on: :return, depth: :integer) { 1 }", "types.rb")

        code, text = check("--require", "types.rb", "t.yml")
        expect(code).to eq(1)
        expect(text).to start_with("t.yml:5:13: unknown helper type \"queue_depth\"\n")
          .and include("= did you mean \"queue_dept\"?")
      end

      it "takes an app that is loaded already for one that is required" do
        stub_const("Order", Class.new { def pay = 1 })
        Railprobe.helper_type(:queue_depth, on: :return, depth: :integer) { 1 }
        expect(check("--loaded", "t.yml").last).to include("depth: integer)")
        write_tracers(tracer("Order", "[pya]"))
        expect(check("--loaded", "t.yml").last).to include("Order has no method \"pya\"", "did you mean \"pay\"?")
      end

      it "says why a file can't be required, and what --require takes" do
        write("raise 'broken'", "broken.rb")

        expect(run("check", "--require", "none.rb")).to eq(1)
        expect(run("check", "--require", "broken.rb")).to eq(1)
        expect(err.string)
          .to match(/\Arailprobe check: LoadError while .*none\.rb\nrailprobe check: RuntimeError .*broken$/)
        expect([run("check", "t.yml", "--require"), err.string])
          .to match([2, a_string_including("railprobe check: --require takes a Ruby file\nUsage: ")])
      end
    end

    describe "with --json" do
      def json(*files)
        code = run("check", "--json", *files)
        [code, JSON.parse(out.string, symbolize_names: true)]
      end

      it "gives an object for each file, with the keys that the help tells" do
        write_tracers(tracer("Order", "[pay]", "capture: {id: self.id}\n"), tracer("\"Search::*\"", "[call]"))

        code, files = json("t.yml", "none.yml")
        run("check", "--help")
        expect(code).to eq(1)
        expect(files.map(&:keys).uniq).to eq([%i[file ok errors notes tracers probes]])
        expect(files.map { |file| file.values_at(:file, :ok) }).to eq([["t.yml", true], ["none.yml", false]])
        order, search = files.first.fetch(:tracers)
        expect(order.keys).to eq(%i[line subject types cost_ns probes])
        expect(search.keys).to eq(%i[line subject types cost_ns probes patterns note])
        keys = files.first.keys + search.keys + order.fetch(:probes).first.keys
        expect(out.string).to include(*keys.map(&:to_s))
      end

      it "gives probes with their arguments and what they cost" do
        write_tracers(tracer("Order", "[pay]", "capture: {id: self.id}\n"))

        order = json("t.yml").last.first.fetch(:tracers).first
        expect(order).to include(line: 3, subject: "Order#pay", types: ["latency"],
                                 cost_ns: Railprobe::Native.expression("self.id").cost_ns)
        expect(order.fetch(:probes).first.slice(:name)).to eq(name: "order:pay__return")
        expect(order.fetch(:probes).first.fetch(:arguments).last).to eq(name: "id", type: "value")
      end

      it "gives errors with line, column, message and hint" do
        write_tracers(tracer("Order", "[pay]", "typs: [latency]\n"), tracer("Item", "[a!, a_bang]"))

        code, files = json("t.yml")
        expect(code).to eq(1)
        expect(files.first.fetch(:errors))
          .to match([{ line: 5, column: 5, message: 'unknown key "typs" in a tracer', hint: 'did you mean "types"?' },
                     { line: 6, column: nil, hint: nil,
                       message: a_string_including("would both be item:a_bang__return") }])
      end
    end
  end
end
