# frozen_string_literal: true

require_relative "../../generators/tracing/app_classes"
require_relative "../../generators/tracing/reference"
require "fileutils"
require "json"
require "psych"
require "railprobe/cli"
require "railprobe/cli/file_report"
require "tmpdir"

RSpec.describe "the file that an app gets" do
  around do |example|
    Dir.mktmpdir("railprobe") do |directory|
      @directory = directory
      example.run
    end
  end

  def write(path, text)
    FileUtils.mkdir_p(File.dirname(path = File.join(@directory, path)))
    File.write(path, text)
  end

  def folders = Railprobe::Generators::AppClasses.new(@directory).folders
  def made = Railprobe::Generators::Reference.new(folders).to_s

  # path => [entries as they stand there, how many classes were left out].
  def proposed = folders.to_h { |folder| [folder.path, folder.proposals.map(&:to_s)] }

  def errors(text)
    write("t.yml", text)
    Railprobe::CLI::FileReport.new(File.join(@directory, "t.yml")).errors
  end

  def write_app
    write("app/models/order.rb", "class Order\n  def pay! = 1\n  def [](id) = id\n  def self.import = 1\nend\n")
    write("app/models/admin/order.rb", "module Admin\n  class Order\n    def purge; end\n  end\nend\n")
    write("app/models/concerns/priced.rb", "module Priced\n  def price = 1\n  def self.round(sum) = sum\nend\n")
    write("app/services/api_client.rb", "class APIClient\n  def call = 1\n  def ask! = 1\nend\n")
    write("app/jobs/report_job.rb", "class ReportJob\n  def perform = 1\n  def helper = 1\nend\n")
  end

  describe "its entries" do
    it "are the classes of the app, by folder, models, services and jobs first" do
      write_app
      write("app/channels/shop_channel.rb", "class ShopChannel\n  def subscribed; end\nend\n")

      expect(proposed).to eq(
        "app/models" => ['- {class: "Admin::Order", methods: [purge]}', "- {class: Priced, methods: [.round]}",
                         '- {class: Order, methods: [pay!, "[]", .import]}'],
        "app/services" => ["- {class: APIClient, methods: [call, ask!]}"],
        "app/jobs" => ["- {class: ReportJob, methods: [perform]}"],
        "app/channels" => ["- {class: ShopChannel, methods: [subscribed]}"]
      )
    end

    it "leave out controllers, whose actions have probes already, and files without a class of their name" do
      write("app/controllers/orders_controller.rb", "class OrdersController\n  def show; end\nend\n")
      write("app/models/other.rb", "class Order\n  def pay; end\nend\n")
      write("app/models/broken.rb", "class Broken\n  def pay")
      write("app/models/empty.rb", "class Empty\nend\n")
      write("app/models/bytes.rb", "class Bytes # \xFF\n  def pay; end\nend\n")
      File.symlink("nowhere.rb", File.join(@directory, "app/models/gone.rb"))
      write("app/views/orders/show.html.erb", "x")

      expect(proposed).to eq("app/models" => ["- {class: Bytes, methods: [pay]}"])
    end

    it "find a class whose folder stands for a namespace" do
      write("app/services/pay.rb", "module Services\n  class Pay\n    def call; end\n  end\nend\n")

      expect(proposed).to eq("app/services" => ['- {class: "Services::Pay", methods: [call]}'])
    end

    it "fit in a line, and say how many methods did not" do
      methods = Array.new(50) { |number| "  def method_number_#{number}; end\n" }
      write("app/models/big.rb", "class Big\n#{methods.join}end\n")

      expect(proposed["app/models"].first).to match(/\A- {class: Big, methods: \[method_number_0, .*\]} # and 4\d more/)
      expect(proposed["app/models"].first.size).to be_between(90, 110)
    end

    it "are at most a hundred of a folder, and the rest is counted" do
      103.times { |number| write("app/models/m#{number}.rb", "class M#{number}\n  def x; end\nend\n") }

      expect(made).to include("  # and 3 more classes\n")
      expect(proposed["app/models"].size).to eq(100)
    end

    it "leave out what would have the same probe as another", :native do
      write("app/models/order.rb", "class Order\n  def ask! = 1\n  def ask_bang = 1\n  def self.ask! = 1\nend\n")

      expect(proposed).to eq("app/models" => ["- {class: Order, methods: [ask!, .ask!]}"])
    end

    it "leave out what is too long to be a probe", :native do
      long = "a" * 56
      write("app/models/order.rb", "class Order\n  def #{long}; end\n  def #{long.chop}; end\nend\n")
      write("app/models/#{"b" * 60}.rb", "class #{"B" * 60}\n  def x; end\nend\n")

      expect(proposed).to eq("app/models" => ["- {class: Order, methods: [#{long.chop}]}"])
    end

    it "are none where there is no app folder" do
      expect(folders).to eq([])
      expect(made).to include("  #- {class: Order, methods: [checkout]} # an example\n")
    end
  end

  describe "as a whole" do
    before { write_app }

    let(:text) { made }
    let(:waiting) { text.lines.each_index.select { |index| text.lines[index].match?(/\A\s*#[^ \n]/) } }

    def uncomment(text, *indexes)
      lines = text.lines
      indexes.each { |index| lines[index] = lines[index].sub("#", "") }
      lines.join
    end

    it "declares nothing, and is right", :native do
      expect(errors(text)).to eq([])
      configuration = Railprobe::Configuration.read(File.join(@directory, "t.yml"))
      expect([configuration.tracers, configuration.probes]).to eq([[], []])
      expect(Psych.safe_load(text).compact).to eq("version" => 1)
    end

    it "is right with any one of its lines taken in, and declares what that says", :native do
      expect(waiting.size).to be > 15
      wrong = waiting.select { |index| errors(uncomment(text, index)).any? }
      expect(text.lines.values_at(*wrong)).to eq([])

      entry = text.lines.index { |line| line.include?("class: Order,") }
      errors(uncomment(text, entry))
      rows = Railprobe::Configuration.read(File.join(@directory, "t.yml")).tracers
      expect(rows.map { |row| row.values_at(:class_name, :methods) })
        .to eq([["Order", [["pay!", false], ["[]", false], ["import", true]]]])
    end

    it "is right with all of them taken in", :native do
      expect(errors(uncomment(text, *waiting))).to eq([])
      expect(Railprobe::Configuration.read(File.join(@directory, "t.yml")).tracers.size).to eq(5)
    end

    it "has every key of the reference, and says of each what the reference says" do
      keys = Railprobe::Generators::Reference.new([]).keys
      expect(keys.map(&:name)).to include("version", "directory", "rails", "cpu", "capture", "if", "args")
      keys.each do |key|
        expect(text).to match(/^ *#? *(?:- \{)?#{key.name}: ?/)
        key.comment.each { |line| expect(text).to match(/^ *# +#{Regexp.escape(line.strip)}$/) }
      end
    end

    it "has what the reference says to hold without the key as such" do
      defaults = uncomment(text, *waiting.reject { |index| text.lines[index].match?(/an example|- \{/) })
      schema = JSON.parse(File.read(File.expand_path("../../config/tracers.schema.json", __dir__)))
      found = Psych.safe_load(defaults)

      expect(found.keys).to include("site", "reload", "limits")
      found.slice("site", "reload").each do |key, value|
        expect([key, value]).to eq([key, schema.dig("properties", key, "default")])
      end
    end
  end
end
