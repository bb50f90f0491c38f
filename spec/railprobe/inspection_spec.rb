# frozen_string_literal: true

require "json"
require "railprobe/cli"

RSpec.describe Railprobe::Inspection, :native, :runtime do
  let(:path) { File.join(images_directory, "tracers.yml") }

  before do
    stub_const("Stock", Class.new do
      def self.open_all = 1
      def take = 1
      def put_back! = 2

      private

      def count_all = 3
    end)
  end

  def inspection(text)
    File.write(path, text)
    described_class.new(Railprobe::Configuration.read(path, places: true))
  end

  def entry(class_name, methods, more = "")
    "tracers:\n  - class: #{class_name}\n    methods: #{methods}\n#{more}"
  end

  # [line, column, message, hint] of each problem.
  def problems(...) = inspection(entry(...)).problems.map { |problem| problem.to_h.values }

  describe "of a file that is right" do
    it "finds nothing: instance and class methods, private ones, attributes, namespaces, all methods" do
      stub_const("Yard", Module.new)
      stub_const("Yard::Pile", Class.new(Stock) { attr_accessor :height })
      expect(problems("Stock", "[take, put_back!, count_all, .open_all, .new, to_s]")).to eq([])
      expect(problems("Yard::Pile", "[take, height, height=]")).to eq([])
      expect(problems("\"Yard::*\"", "[height, .open_all]")).to eq([])
      expect(problems("Stock", "\"*\"", "    except: [take]\n")).to eq([])
      expect(inspection(entry("Stock", "[take]")).rendered).to eq("")
    end

    it "loads what is autoloaded, as the app would" do
      File.write(File.join(images_directory, "lazy.rb"), "class RailprobeLazy\n  def come = 1\nend\n")
      Object.autoload(:RailprobeLazy, File.join(images_directory, "lazy.rb"))

      expect(problems("RailprobeLazy", "[come]")).to eq([])
    ensure
      Object.send(:remove_const, :RailprobeLazy)
    end
  end

  describe "of a class that is not there" do
    it "finds the one that was meant: a slip, a namespace that is missing, both" do
      stub_const("Yard::Pile", Class.new)
      { "Stok" => "Stock", "Pile" => "Yard::Pile", "Yard::Pil" => "Yard::Pile", "Pilee" => "Yard::Pile",
        "Barn::Pile" => "Yard::Pile", "STOCK" => "Stock" }.each do |written, meant|
        expect(problems(written, "[take]"))
          .to eq([[2, 12, "there is no class #{written}", "did you mean #{meant}?"]])
      end
    end

    it "finds none that is gone, and none of ours" do
      gone = Class.new
      stub_const("Gone", gone)
      hide_const("Gone")

      expect([gone.name, *problems("Gonee", "[x]").map(&:last)]).to eq(["Gone", nil])
      expect(problems("HelperTypes", "[x]").map(&:last)).to eq([nil])
    end

    it "says it of constants that are no classes, and of files that fail" do
      stub_const("Limit", 1)
      stub_const("Bare", BasicObject.new)
      File.write(File.join(images_directory, "broken.rb"), "raise 'no database'\n")
      Object.autoload(:RailprobeBroken, File.join(images_directory, "broken.rb"))

      expect(%w[Limit Limit::Part Bare RailprobeBroken].map { |name| problems(name, "[x]").first[2] })
        .to eq(["Limit is no class or module", "Limit::Part is no class or module", "Bare is no class or module",
                "RailprobeBroken can't be loaded: RuntimeError: no database"])
    ensure
      Object.send(:remove_const, :RailprobeBroken)
    end

    it "says it of a namespace, and of one without classes" do
      stub_const("Void", Module.new)

      expect(problems("\"Voyd::*\"", "[x]")).to eq([[2, 13, "there is no class Voyd", "did you mean Void?"]])
      expect(problems("\"Void::*\"", "[x]")).to eq([[2, 13, "there is no class in Void", nil]])
    end
  end

  describe "of a method that is not there" do
    it "finds the one that was meant" do
      expect(problems("Stock", "[tke, put_back, cont_all]")).to eq(
        [[3, 15, "Stock has no method \"tke\"", "did you mean \"take\"?"],
         [3, 20, "Stock has no method \"put_back\"", "did you mean \"put_back!\"?"],
         [3, 30, "Stock has no method \"cont_all\"", "did you mean \"count_all\"?"]]
      )
    end

    it "finds the dot that is missing, or too much" do
      expect(problems("Stock", "[open_all, .take, open_al]")).to eq(
        [[3, 15, "Stock has no method \"open_all\"", "did you mean \".open_all\"? a class method has a dot in front"],
         [3, 26, "Stock has no class method \"take\"", "did you mean \"take\"? a method of instances has no dot"],
         [3, 32, "Stock has no method \"open_al\"", "did you mean \".open_all\"? a class method has a dot in front"]]
      )
    end

    it "names those there are where none is like it, but not all of very many" do
      stub_const("Wide", Class.new { 20.times { |number| define_method("m#{number}") { number } } })

      expect(problems("Stock", "[zebra, .zebra]").map(&:last))
        .to eq(["there are: put_back!, take", "there are: .open_all"])
      expect(problems("Wide", "[zebra]").map(&:last)).to eq(["there are: m0, m1, m10, m11, m12, m13, m14, m15, ..."])
      expect(problems("Wide", "[.zebra]").map(&:last)).to eq([nil])
    end

    it "finds it in a namespace only where no class has it" do
      stub_const("Yard::Pile", Class.new(Stock))
      stub_const("Yard::Deep::Shelf", Class.new { def wipe = 1 })

      expect(problems("\"Yard::*\"", "[wipe, take, wip]"))
        .to eq([[3, 27, "no class in Yard has a method \"wip\"", "did you mean \"wipe\"?"]])
    end
  end

  describe "of all methods" do
    it "finds that there are none, and exceptions that are none" do
      stub_const("Bare", Class.new(Stock) { define_method(:hidden) { 1 }.then { |name| private(name) } })

      expect(problems("Bare", "\"*\""))
        .to eq([[3, 14, "\"*\" means no method here: Bare has no public method of its own", nil]])
      expect(problems("Stock", "\"*\"", "    except: [take, put_back!, tak, count_all]\n")).to eq(
        [[3, 14, "\"*\" means no method here: all those of Stock are left out", nil],
         [4, 31, "Stock has no public method \"tak\" of its own to leave out", "did you mean \"take\"?"],
         [4, 36, "Stock has no public method \"count_all\" of its own to leave out", nil]]
      )
    end
  end

  it "calls no method of a class, whatever it has made of them" do
    stub_const("Odd", Class.new do
      %i[name instance_methods public_instance_methods method_defined? const_get constants].each do |question|
        define_singleton_method(question) { |*| raise "asked for #{question}" }
      end
      def take = 1
    end)

    expect(problems("Odd", "[take]")).to eq([])
    expect(problems("Odd", "[tak]").map(&:last)).to eq(["did you mean \"take\"?"])
    expect(problems("\"Odd::*\"", "[take]").map { |row| row[2] }).to eq(["there is no class in Odd"])
  end

  describe "through railprobe check" do
    let(:fixtures) { File.join(ChildRuby::ROOT, "spec/fixtures/inspection") }

    def check(*arguments)
      child = ChildRuby.run(<<~RUBY, library: false)
        require "railprobe/cli"
        Dir.chdir(#{fixtures.inspect})
        exit Railprobe::CLI.run(#{["check", *arguments].inspect})
      RUBY
      expect(child.errors).to eq("")
      [child.status.exitstatus, child.output]
    end

    it "shows every problem with its place, beside what is right" do
      expect(check("--require", "app.rb", "tracers.yml")).to eq([1, File.read(File.join(fixtures, "tracers.txt"))])
    end

    it "finds none of that where no app is loaded" do
      code, text = check("tracers.yml")

      expect(code).to eq(0)
      expect(text).to end_with("tracers.yml: ok, 20 methods, 12 probes and those of classes to come\n")
    end

    it "has them among the errors with --json" do
      code, text = check("--json", "--require=app.rb", "tracers.yml")
      errors = JSON.parse(text, symbolize_names: true).first.fetch(:errors)

      expect(code).to eq(1)
      expect(errors.first).to eq(line: 3, column: 12, message: "there is no class Ordr", hint: "did you mean Order?")
      expect(errors.map { |error| error[:line] }).to eq(errors.map { |error| error[:line] }.sort)
      expect(File.read(File.join(fixtures, "tracers.txt")).scan(/^tracers\.yml:\d+:\d+: /).size).to eq(errors.size)
    end

    it "shows the methods that a namespace and * mean" do
      File.write(path, entry("\"Shop::*\"", "\"*\""))
      _, text = check("--require", "app.rb", path)

      expect(text.scan(/^\S+:2: (\S+)/).flatten).to eq(%w[Shop::Cart#total Shop::Deep::Item#take])
      expect(text).to end_with("ok, 2 methods, 2 probes\n")
    end
  end
end
