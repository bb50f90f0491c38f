# frozen_string_literal: true

require "psych"
require "support/shop_copy"

# The real generator, in the demo app, as people run it.
RSpec.describe "rails generate tracing" do
  file = "config/tracers.yml"

  # One scenario with every Rails; what depends on none is below.
  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}" do
      before { skip(gemfile.missing) if gemfile.missing }

      it "writes the file, adds methods, writes a script, and takes all of it back", :native do
        ShopCopy.with(gemfile) do |shop|
          expect_done(shop.rails("generate tracing config"), "create  #{file}")
          fresh = shop.read(file)
          expect(fresh).to include("\n  # app/models\n  #- {class: Order, methods: [checkout, refund!]}\n")

          expect_done(shop.rails("generate tracing tracer Order#checkout Product.import --types latency,gc"),
                      "insert  Order#checkout in #{file}", "insert  Product.import in #{file}")
          expect(entries(shop))
            .to eq([["Order", %w[checkout], %w[latency gc]], ["Product", %w[.import], %w[latency gc]]])

          expect_done(shop.rails("generate tracing script Order#checkout"), "create  script/tracing/order_checkout.bt")
          expect(shop.read("script/tracing/order_checkout.bt"))
            .to include("\nusdt:./tmp/railprobe/app.so:order:checkout__return\n")

          expect_done(shop.rails("destroy tracing script Order#checkout"), "remove  script/tracing/order_checkout.bt")
          expect_done(shop.rails("destroy tracing tracer Order#checkout Product.import"),
                      "subtract  Order#checkout in #{file}", "subtract  Product.import in #{file}")
          expect(shop.read(file)).to eq(fresh)
          expect_done(shop.rails("destroy tracing config"), "remove  #{file}")
          expect(shop.file?(file) || shop.file?("script/tracing/order_checkout.bt")).to be(false)
        end
      end
    end
  end

  def expect_done(result, *lines)
    expect([result.lines.map(&:strip), result.errors, result.code]).to eq([lines, "", 0])
  end

  def expect_refused(result, text)
    expect([result.code, result.output]).to eq([1, ""])
    expect(result.errors).to start_with(text)
  end

  def entries(shop)
    (Psych.safe_load(shop.read("config/tracers.yml"))["tracers"] || [])
      .map { |entry| entry.values_at("class", "methods", "types") }
  end

  def with_shop(&block)
    gemfile = Gemfiles.here.last
    skip(gemfile.missing) if gemfile.missing
    ShopCopy.with(gemfile, &block)
  end

  it "says what it can, with examples, and what it can't" do
    with_shop do |shop|
      help = shop.rails("generate tracing --help").output
      expect(help).to include("generate tracing config|tracer|script [NAME...] [options]\n", "--types=", "--probe=",
                              "Examples:\n    `rails generate tracing config`\n")
      expect(shop.rails("generate --help").output).to match(/^Tracing:\n  tracing$/)
      expect_refused(shop.rails("generate tracing confg"), "\"confg\" is none of config, tracer, script\n")
      expect_refused(shop.rails("generate tracing tracer"), "name a method, such as Order#checkout\n")
      expect_refused(shop.rails("generate tracing tracer order"), "\"order\" is no method: write Order#checkout, or ")
      expect(shop.file?(file)).to be(false)
    end
  end

  it "does what its own help shows", :native do
    with_shop do |shop|
      shown = shop.rails("generate tracing --help").output.scan(/^    `rails (.*)`$/).flatten
      expect(shown.size).to be > 5
      shown.each do |command|
        result = shop.rails(command)
        expect([command, result.errors, result.code]).to eq([command, "", 0])
      end
    end
  end

  describe "config" do
    it "asks before it writes over a file, and does as it is told" do
      with_shop do |shop|
        shop.write(file, "version: 1 # mine\n")
        expect(shop.rails("generate tracing config", input: "n\n").lines.last).to match(/skip  config/)
        expect(shop.rails("generate tracing config --skip").lines.last).to match(/skip  config/)
        expect(shop.rails("generate tracing config --force --pretend").lines.last).to match(/force  config/)
        expect(shop.read(file)).to eq("version: 1 # mine\n")
        expect(shop.rails("generate tracing config", input: "y\n").lines.last).to match(/force  config/)
        expect_done(shop.rails("generate tracing config"), "identical  #{file}")
        expect(shop.read(file)).to include("class: Order")
      end
    end
  end

  describe "tracer" do
    it "begins the file where there is none, and does the same only once" do
      with_shop do |shop|
        expect_done(shop.rails("generate tracing tracer Order#checkout"),
                    "create  #{file}", "insert  Order#checkout in #{file}")
        before = shop.read(file)
        expect(before).to include("# How probe sites are built:", "\n  - class: Order\n    methods: [checkout]\n")
        expect_done(shop.rails("generate tracing tracer Order#checkout"), "identical  Order#checkout in #{file}")
        expect(shop.read(file)).to eq(before)
      end
    end

    it "warns of a class or a method that is not there, and writes it all the same" do
      with_shop do |shop|
        shop.write(file, "version: 1\n")
        result = shop.rails("generate tracing tracer Order#chekout Product.imprt Odrer#pay Order#save User#*")
        expect([result.code, result.errors]).to eq([0, ""])
        expect(result.lines.grep(/warning/).map { |line| line.strip.delete_prefix("warning  ") })
          .to eq(["Order has no method chekout so far; did you mean checkout?",
                  "Product has no method .imprt so far; did you mean .import?",
                  "there is no class Odrer so far; did you mean Order?"])
        expect(entries(shop).size).to eq(4)
      end
    end

    it "takes methods behind its types too, and writes nothing when told so" do
      with_shop do |shop|
        shop.write(file, "version: 1\n")
        shop.rails("generate tracing tracer Order#checkout --pretend")
        expect(entries(shop)).to eq([])
        shop.rails("generate tracing tracer --types latency gc Order#checkout Order#refund! Admin::Order#pay")
        expect(entries(shop)).to eq([["Order", %w[checkout refund!], %w[latency gc]],
                                     ["Admin::Order", %w[pay], %w[latency gc]]])
      end
    end

    it "leaves a file alone that it would make wrong, or that is", :native do
      with_shop do |shop|
        shop.write(file, "version: 1\n")
        expect_refused(shop.rails("generate tracing tracer Order#checkout --types latncy"), <<~TEXT)
          #{file} would have errors, so it is left alone:
          #{file}:6:13: unknown helper type "latncy"
        TEXT
        expect(shop.read(file)).to eq("version: 1\n")
        shop.write(file, "version: 7\n")
        expect_refused(shop.rails("generate tracing tracer Order#checkout"),
                       "#{file} has errors, so it is left alone:\n#{file}:1:10: ")
        expect(shop.read(file)).to eq("version: 7\n")
      end
    end

    it "finds the file where the app has it" do
      with_shop do |shop|
        shop.write("config/initializers/tracing.rb", "Rails.application.config.railprobe.config = 'config/other.yml'\n")
        expect_done(shop.rails("generate tracing tracer Order#checkout"),
                    "create  config/other.yml", "insert  Order#checkout in config/other.yml")
      end
    end
  end

  describe "script" do
    let(:yaml) { <<~YAML }
      directory: var/images
      tracers:
        - {class: Order, methods: [checkout], types: [entry, exception, latency, gc]}
        - {class: PaymentGateway, methods: "*", types: [entry]}
      probes:
        - probe: inventory:reserved
          args: {sku: string}
    YAML

    it "is about a method, a probe of Rails, or one that the app fires", :native do
      with_shop do |shop|
        shop.write(file, yaml)
        { "Order#checkout" => %w[order_checkout app.so:order:checkout__return app.so:order:checkout__raise],
          "PaymentGateway#charge" => %w[payment_gateway_charge app.so:paymentgateway:charge__entry],
          "inventory:reserved" => %w[inventory_reserved app.so:inventory:reserved],
          "slow --probe rails:action__done" => %w[slow builtin.so:rails:action__done] }.each do |words, (name, *probes)|
          expect_done(shop.rails("generate tracing script #{words}"), "create  script/tracing/#{name}.bt")
          expect(shop.read("script/tracing/#{name}.bt").scan(%r{^usdt:\./var/images/(.*)}).flatten).to eq(probes)
          expect(File.stat(shop.path("script/tracing/#{name}.bt"))).to be_executable
        end
      end
    end

    it "says what there is no such thing of, and writes nothing", :native do
      with_shop do |shop|
        expect_refused(shop.rails("generate tracing script"), "name a method, such as Order#checkout, or a probe\n")
        expect_refused(shop.rails("generate tracing script Order#pay"),
                       "Order#pay is not in #{file}: rails generate tracing tracer Order#pay\n")
        expect_refused(shop.rails("generate tracing script rails:sql__dne"),
                       "there is no probe rails:sql__dne; did you mean rails:sql__done?\n")
        expect(shop.file?("script")).to be(false)
      end
    end
  end
end
