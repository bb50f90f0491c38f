# frozen_string_literal: true

require "spec_helper"
require "support/bundled_script"
require "support/end_to_end"
require "support/rails_trace"

# The scripts of examples/bpftrace as they are, but for the path of the image: on events with values made up, to have
# those that are hard to come by, and on the shop, to have real ones.
RSpec.describe "Bundled scripts", :e2e do
  describe "on made-up events" do
    attr_reader :target

    # The script, attached to a program that has its probes in its app image.
    def run(name, *arguments)
      script = BundledScript.new(name)
      @target = start_target("builtin.rb", env: { "BUILTIN_PROBES" => script.probes.join(",") })
      trace(script.text_on(File.join(images, "app.so")), on: target, probes: script.probes, arguments: arguments)
    end

    def event(name, times = 1, **values) = target.ask(:event, name, values, times)

    def done(subject, milliseconds, times = 1, **values)
      event("rails:action__done", times, subject: subject, duration_ns: milliseconds * 1_000_000, **values)
    end

    def query(subject, milliseconds, times = 1, **values)
      event("rails:sql__done", times, subject: subject, duration_ns: milliseconds * 1_000_000, **values)
    end

    # Columns of what was printed, but the time, without the head.
    def rows(tracer) = tracer.lines.drop(1).map(&:split)

    it "reqlat has every action in its own histogram" do
      tracer = run("reqlat")
      done("OrdersController#index", 3, 23)
      done("OrdersController#show", 800, 5)
      tracer.stop

      expect(tracer.values("@us", "OrdersController#index")).to eq(23)
      expect(tracer.values("@us", "OrdersController#show")).to eq(5)
    end

    it "reqslower shows what took 500 ms, or as long as it is told, and its parts" do
      slow = { db_ns: 611_000_000, view_ns: 90_000_000, gc_ns: 44_000_000, http_status: 200, queries: 93 }
      took = [0, 99, 100, 500]
      [[[], %w[500 812]], [[100], %w[100 500 812]], [[0], %w[0 99 100 500 812]]].each do |arguments, expected|
        tracer = run("reqslower", *arguments)
        took.each { |milliseconds| done("OrdersController#show", milliseconds, status: 1) }
        done("OrdersController#index", 812, **slow)
        tracer.stop(lines: expected.size + 1)

        expect(rows(tracer).map { |row| row[2] }).to eq(expected)
        expect(rows(tracer).last.drop(1)).to eq(%w[200 812 611 90 44 93 OrdersController#index])
        expect(rows(tracer).first.drop(3)).to eq(%w[-1 -1 -1 -1 OrdersController#show])
      end
    end

    it "sqllat leaves out what the query cache answered" do
      tracer = run("sqllat")
      query("User#load", 2, 23, cached: false)
      query("User#load", 0, 29, cached: true)
      query("", 1, 3, cached: false)
      tracer.stop

      expect([tracer.values("@us", "User#load"), tracer.values("@us", "")]).to eq([23, 3])
    end

    it "sqlslower tells which action or job made the query" do
      tracer = run("sqlslower")
      event("rails:action__start", subject: "OrdersController#index", ctx: 7)
      event("rails:job__start", subject: "ReportJob", ctx: 8)
      query("Order#load", 73, ctx: 7, rows: 1200, sql: "SELECT orders")
      query("Order#load", 49, ctx: 7, rows: 1, sql: "SELECT fast")
      query("", 50, ctx: 8, rows: -1, sql: "SELECT reports")
      done("OrdersController#index", 80, ctx: 7)
      query("", 60, ctx: 7, sql: "SELECT after")
      query("", 70, ctx: 0, sql: "SELECT outside")
      tracer.stop(lines: 5)

      expect(rows(tracer).map { |row| row.drop(1) })
        .to eq([%w[73 1200 OrdersController#index SELECT orders], %w[50 -1 ReportJob SELECT reports],
                %w[60 -1 SELECT after], %w[70 -1 SELECT outside]])
    end

    it "nplus1 finds what is repeated in one request, and not what many requests do" do
      tracer = run("nplus1")
      (1..12).each do |request|
        event("rails:action__start", subject: "OrdersController#show", ctx: request)
        query("User#load", 0, 9, ctx: request, fingerprint: 11)
        done("OrdersController#show", 1, ctx: request)
      end
      event("rails:action__start", subject: "OrdersController#index", ctx: 99)
      query("Order#load", 0, ctx: 99, fingerprint: (2**64) - 1, sql: "SELECT orders")
      [23, 29].each { |times| query("User#load", 0, times, ctx: 99, fingerprint: (2**63) + 5, sql: "SELECT users") }
      query("Item#load", 0, 10, ctx: 99, fingerprint: 12, sql: "SELECT items")
      query("", 0, 40, ctx: 0, fingerprint: 13)
      tracer.stop(lines: 3)

      expect(rows(tracer).map { |row| row.drop(1) })
        .to eq([%w[OrdersController#index SELECT users], %w[OrdersController#index SELECT items]])
      expect(tracer.counts("@most")).to eq("OrdersController#index,User#load" => 52,
                                           "OrdersController#index,Item#load" => 10)
      expect(tracer.counts("@requests")).to eq("OrdersController#index,User#load" => 1,
                                               "OrdersController#index,Item#load" => 1)
    end

    it "nplus1 takes another number, and keeps threads apart" do
      tracer = run("nplus1", 23)
      values = { subject: "User#load", ctx: 7, fingerprint: 11, sql: "SELECT users" }
      target.ask(:events_in_threads, [["rails:sql__done", values]] * 22)
      event("rails:sql__done", 22, **values)
      event("rails:sql__done", 23, **values, ctx: 8)
      tracer.stop(lines: 2)

      expect(tracer.counts("@most")).to eq(",User#load" => 23)
    end

    it "poolwait shows waits of 5 ms, or as told, and failures; and counts all" do
      [[[], [%w[7 0], %w[0 2]]], [[8], [%w[0 2]]]].each do |arguments, expected|
        tracer = run("poolwait", *arguments)
        checkout = lambda do |milliseconds, times = 1, **values|
          event("rails:pool__checkout__done", times, subject: "primary", duration_ns: milliseconds * 1_000_000, size: 5,
                                                     status: 0, **values)
        end
        checkout[0, 23, busy: 1, waiting: 0]
        checkout[7, busy: 5, waiting: 3]
        checkout[0, status: 2, busy: 5, waiting: 3]
        tracer.stop(lines: expected.size + 1)

        expect(rows(tracer).map { |row| row.drop(1) })
          .to eq(expected.map { |waited, status| ["primary", waited, "5", "5", "3", status] })
        expect(tracer.values("@us", "primary")).to eq(25)
      end
    end

    it "methodlat shows all methods, or one" do
      [[[], 29], [["Order#checkout"], 0]].each do |arguments, others|
        tracer = run("methodlat", *arguments)
        called = { duration_ns: 3_000_000, status: 0 }
        event("tracers:method__return", 23, subject: "Order#checkout", **called)
        event("tracers:method__return", 5, subject: "Order#checkout", **called, status: 1)
        event("tracers:method__return", 29, subject: "Order#checkout!", **called)
        tracer.stop

        expect(tracer.counts("@status")).to eq({ "Order#checkout,0" => 23, "Order#checkout,1" => 5,
                                                 "Order#checkout!,0" => others }.select { |_, count| count.positive? })
        expect([tracer.values("@us", "Order#checkout"), tracer.values("@us", "Order#checkout!")]).to eq([28, others])
      end
    end

    it "overhead sums up arg0, and its part of the time" do
      tracer = run("overhead")
      done("OrdersController#index", 3, 23, overhead_ns: 1_000_000)
      event("rails:job__done", 5, subject: "ReportJob", duration_ns: 99_000_000, overhead_ns: 1_000_000)
      tracer.stop

      expect(tracer.stats("@us", "OrdersController#index")).to eq("count" => 23, "average" => 1000, "total" => 23_000)
      expect(tracer.stats("@us", "ReportJob")["count"]).to eq(5)
      percent = tracer.buckets("@percent").to_h { |bucket| bucket.values_at("min", "count") }
      expect(percent.select { |_, count| count.positive? }).to eq(1 => 5, 16 => 23)
    end
  end

  # The newest Rails here is enough: what its probes tell with each is in spec/e2e/rails_spec.rb.
  describe "on the shop" do
    let(:gemfile) { Gemfiles.here.last }
    let(:image) { File.join(images, "builtin.so") }
    let(:rails) do
      RailsTrace.new(gemfile, directory) { |program, **options| start_target(program, **options) }
                .tap { |rails| ["GET /orders", "POST /orders", "POST /reports"].each { |request| ask(rails, request) } }
    end

    before { skip(gemfile.missing) if gemfile.missing }

    def ask(rails, request, times = 1) = times.times { rails.ask(:request, *request.split) }

    # The script on the app, with what it needs armed, while the block asks for something.
    def watch(name, *arguments, lines: 0)
      script = BundledScript.new(name)
      tracer = trace(script.text_on(image), on: rails.target, probes: script.probes, arguments: arguments)
      wait_until("armed: #{rails.armed}") { rails.settled? }
      yield
      tracer.stop(lines: lines)
    end

    # JSON of bpftrace 0.27 has none in keys; what people read has them.
    def without_spaces(counts) = counts.transform_keys { |key| key.delete(" ") }

    it "reqlat, reqslower and overhead see each action once" do
      work = -> { ask(rails, "GET /orders/1", 23) && ask(rails, "POST /reports", 5) }
      expect(watch("reqlat", &work).values("@us", "OrdersController#show")).to eq(23)

      slower = watch("reqslower", 0, lines: 29, &work).lines.drop(1).map(&:split)
      expect(slower.map(&:last).tally).to eq("OrdersController#show" => 23, "ReportsController#create" => 5)
      expect(slower.map { |row| row.values_at(1, 6) }.tally).to eq(%w[200 5] => 23, %w[202 1] => 5)

      overhead = watch("overhead", &work)
      counts = %w[OrdersController#show ReportJob].map { |subject| overhead.stats("@us", subject)["count"] }
      expect(counts).to eq([23, 5])
    end

    it "sqllat and sqlslower see each query once" do
      work = -> { ask(rails, "GET /orders/1", 23) }
      lat = watch("sqllat", &work)
      expect(without_spaces(lat.histograms("@us").to_h { |name| [name, lat.values("@us", name)] }))
        .to eq("OrderLoad" => 23, "UserLoad" => 23, "LineItemLoad" => 23, "ProductLoad" => 46)

      slower = watch("sqlslower", 0, lines: 116, &work).lines.drop(1).map { |line| line.split(" ", 5) }
      expect(slower.map { |row| row[3] }.tally).to eq("OrdersController#show" => 115)
      expect(slower.map { |row| row[4][/FROM "(\w+)"/, 1] }.tally)
        .to eq("orders" => 23, "users" => 23, "line_items" => 23, "products" => 46)
    end

    it "nplus1 finds the N+1 of the page of orders, and none in the page without" do
      tracer = watch("nplus1", lines: 4) { ask(rails, "GET /orders", 5) && ask(rails, "GET /orders/eager", 5) }
      expect(without_spaces(tracer.counts("@most")))
        .to eq("OrdersController#index,UserLoad" => 23, "OrdersController#index,LineItemLoad" => 23,
               "OrdersController#index,ProductLoad" => 46)
      expect(tracer.counts("@requests").values).to eq([5, 5, 5])
      tables = tracer.lines.drop(1).map { |line| line[/FROM "(\w+)"/, 1] }
      expect(tables).to contain_exactly("users", "line_items", "products")
    end

    it "poolwait sees a checkout each time there is one" do
      rails.ask(:eval, RailsTrace::COUNT_CHECKOUTS)
      tracer = watch("poolwait") do
        rails.ask(:eval, "$checkouts = 0")
        ask(rails, "GET /orders/1", 23)
      end
      expect(tracer.values("@us", "primary")).to eq(rails.ask(:eval, "$checkouts")).and be_positive
    end

    it "methodlat sees the methods of its config/tracers.yml" do
      tracer = watch("methodlat") do
        wait_until("armed") { rails.ask(:report)["tracers"].all? { |row| row["state"] == "armed" } }
        ask(rails, "POST /orders", 23)
        ask(rails, "POST /orders?card=declined", 5)
      end
      expect(tracer.counts("@status").slice("Checkout#call,0", "Checkout#call,1")).to eq("Checkout#call,0" => 23,
                                                                                         "Checkout#call,1" => 5)
      expect(tracer.values("@us", "Order#checkout")).to eq(28)
    end
  end
end
