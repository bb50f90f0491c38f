# frozen_string_literal: true

require "fileutils"
require "support/shop_copy"

# The tasks, in the demo app, as people run them.
RSpec.describe "rails tracing:" do
  yaml = "version: 1\ntracers:\n  - {class: Order, methods: [checkout]}\n  - {class: PaymentGateway, methods: \"*\"}\n"

  def with_shop(gemfile, yaml, **options)
    skip(gemfile.missing) if gemfile.missing
    ShopCopy.with(gemfile, **options) do |shop|
      shop.write("config/tracers.yml", yaml)
      yield shop
    end
  end

  def with_latest(...) = with_shop(Gemfiles.here.last, ...)

  methods = %w[Order#checkout PaymentGateway#charge PaymentGateway#old_fee PaymentGateway#rate]
  gateway = %w[charge old_fee rate].map { |name| "usdt:./tmp/railprobe/app.so:paymentgateway:#{name}__return" }
  images = %w[./tmp/railprobe/app.so ./tmp/railprobe/builtin.so]

  # name => [inode, mode, times] of what is there.
  def everything(directory)
    Dir.children(directory).sort.to_h do |name|
      stat = File.lstat(File.join(directory, name))
      [name, [stat.ino, stat.mode, stat.mtime, stat.ctime]]
    end
  end

  def built(shop) = Dir.children(shop.path("tmp/railprobe")).grep(/\A(?:app|builtin)-\h+\.so\z/).sort

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}" do
      it "list, report and build know every class of the app", :native do
        with_shop(gemfile, yaml) do |shop|
          expect(shop.rails("tracing:list[paymentgateway]").lines.grep(/^usdt/)).to eq(gateway)
          expect(shop.rails("tracing:report").output.scan(/^  (\S+) +ready /).flatten).to eq(methods)
          built = shop.rails("tracing:build")
          expect([built.code, built.errors, built.lines.map { |line| line[/to be attached to as (.*)/, 1] }.sort])
            .to eq([0, "", images])
        end
      end

      it "check finds what the app does not have, but knows columns, associations and scopes", :native do
        present = "version: 1\ntracers:\n  - {class: Order, methods: [total, state=, user, .listed]}\n"
        with_shop(gemfile, present) do |shop|
          checked = shop.rails("tracing:check")
          expect([checked.code, checked.lines.last]).to eq([0, "config/tracers.yml: ok, 4 methods, 4 probes"])

          shop.write("config/tracers.yml", "tracers:\n  - {class: Ordr, methods: [x]}\n  " \
                                           "- {class: Order, methods: [chekout, listed]}\n")
          checked = shop.rails("tracing:check")
          expect([checked.code, checked.output.scan(/^\S+:(\d+:\d+: .*)\n.*\n.*\n +(= .*)/).flatten]).to eq(
            [1, ["2:13: there is no class Ordr", "= did you mean Order?",
                 '3:30: Order has no method "chekout"', '= did you mean "checkout"?',
                 '3:39: Order has no method "listed"', '= did you mean ".listed"? a class method has a dot in front']]
          )
        end
      end
    end
  end

  it "check knows the helper types of the app", :native do
    with_latest("version: 1\ntracers:\n  - {class: Order, methods: [checkout], types: [latency, money]}\n") do |shop|
      expect(shop.rails("tracing:check").output).to match(/tracers\.yml:3:58: unknown helper type "money"/)
      shop.write("config/initializers/money.rb",
                 "Railprobe.helper_type(:money, on: :return, total: :integer, &:result)\n")
      right = shop.rails("tracing:check")
      expect([right.code, right.errors]).to eq([0, ""])
      expect(right.output).to include("Order#checkout (latency, money)\n", "tracers.yml: ok, 1 method, 1 probe\n")
    end
  end

  describe "build" do
    it "writes just what a production server then uses, and keeps it for good", :native do
      with_latest(yaml, env: { "RAILS_ENV" => "production" }) do |shop|
        FileUtils.rm_r(shop.path("tmp/railprobe")) if shop.file?("tmp/railprobe")
        expect(shop.rails("tracing:build").code).to eq(0)
        before = everything(shop.path("tmp/railprobe"))
        modes = built(shop).map { |name| File.stat(shop.path("tmp/railprobe/#{name}")).mode & 0o7777 }
        expect(modes).to eq([0o1555, 0o1555])

        shop.write("used.rb", "puts Railprobe.report[:images].map { _1[:path] }, Railprobe.report[:complaints].size")
        used = shop.rails("runner used.rb")
        expect(used.lines).to match_array(built(shop).map { |name| shop.path("tmp/railprobe/#{name}") } << "0")
        expect(everything(shop.path("tmp/railprobe"))).to eq(before)

        shop.write("config/tracers.yml", "version: 1\ntracers: [{class: Order, methods: [refund!]}]\n")
        expect(shop.rails("runner 1").code).to eq(0)
        expect(everything(shop.path("tmp/railprobe"))).to include(before.slice(*built(shop) & before.keys))
        expect(before.keys - everything(shop.path("tmp/railprobe")).keys).to eq([])
      end
    end

    it "removes what an earlier build kept", :native do
      with_latest(yaml) do |shop|
        shop.rails("tracing:build")
        first = built(shop)
        shop.write("config/tracers.yml", "version: 1\ntracers: [{class: Order, methods: [refund!]}]\n")
        shop.rails("tracing:build")

        expect((built(shop) & first).size).to eq(1)
        expect(built(shop).size).to eq(2)
        expect(Dir.children(shop.path("tmp/railprobe")).grep(/json/).size).to eq(2)
      end
    end

    it "makes tmp, and writes the builtin image where there is no file", :native do
      with_latest(yaml) do |shop|
        File.unlink(shop.path("config/tracers.yml"))
        result = shop.rails("tracing:build")

        expect([result.code, result.errors, built(shop).size]).to eq([0, "", 1])
      end
    end

    it "fails for a file with errors, and where the images would be lost", :native do
      with_latest("version: 1\ntracer: []\n") do |shop|
        result = shop.rails("tracing:build")
        expect([result.code, result.output]).to eq([1, ""])
        expect(result.errors).to match(%r{config/tracers\.yml:2:1: unknown key "tracer"})

        shop.write("config/tracers.yml", yaml)
        FileUtils.rm_r(shop.path("tmp/railprobe"))
        shop.write("tmp/railprobe", "in the way")
        result = shop.rails("tracing:build", env: { "TMPDIR" => shop.path("tmp") })
        expect([result.code, result.output]).to eq([1, ""])
        expect(result.errors).to match(%r{^The images must go where the app finds them: .*/tmp/railprobe$})
      end
    end
  end

  it "doctor says what it takes to trace here" do
    with_latest("version: 2\n", env: { "PATH" => "/nowhere" }) do |shop|
      result = shop.rails("tracing:doctor")

      expect([result.code, result.errors]).to eq([1, ""])
      expect(result.output).to match(/^FAIL  (?:engine|file) /).and match(/^(?:warn|FAIL)  bpftrace  none in/)
    end
  end

  it "run does not boot the app, and lists its scripts" do
    with_latest(yaml) do |shop|
      shop.write("config/initializers/fails.rb", "raise 'booted'")
      shop.write("script/tracing/mine.bt", "/*\n * mine - what I asked\n */\n")
      expect(shop.rails("tracing:run").output).to match(/^  mine +what I asked$/)
      refused = shop.rails("tracing:run[mine]", env: { "PATH" => "/nowhere" })
      expect([refused.code, refused.errors]).to match([1, /\A(?:There are no images in|bpftrace is not in PATH)/])
    end
  end

  it "anything that goes wrong ends with 1", :native do
    with_latest(yaml) { |shop| expect(shop.rails("tracing:list[none]").code).to eq(1) }
  end

  it "list and build say why there is nothing to attach to" do
    with_latest(yaml, env: { "RAILPROBE" => "0" }) do |shop|
      said = { "list" => "Nothing can be attached to here: ", "build" => "No images can be built here: " }
      said.each do |task, words|
        result = shop.rails("tracing:#{task}")
        expect([result.code, result.errors]).to match([1, /\A#{words}it is switched off by RAILPROBE=0/])
      end
    end
  end
end
