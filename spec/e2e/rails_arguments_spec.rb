# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"
require "support/rails_trace"

# Every argument of every probe of Rails, for requests to the shop whose values are known. Facts are arguments but for
# those that no two runs have in common.
RSpec.describe "Arguments of the probes of Rails", :aggregate_failures, :e2e, :rails_trace do
  uuid = /\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/
  no_headers = (1..7).to_h { |number| [:"header#{number}", ""] }
  shown = [["Order Load", 1], ["User Load", 1], ["LineItem Load", 2], ["Product Load", 1], ["Product Load", 1]].freeze
  names = %w[a b c].freeze
  operations = %w[upload download delete].freeze
  store = "ActiveSupport::Cache::MemoryStore"

  attr_reader :rails

  # Request => what was fired by probes of these groups; a request may have what it adds to the Rack env.
  def trace_requests(gemfile, groups, *requests)
    @rails = start_rails(gemfile)
    tracer = attach(rails, ["request__start", *rails.probes.keys.grep(/\A(?:#{groups})(?:_|\z)/)].uniq)
    requests.each { |request, env| rails.ask(:request, *request.split, env || {}) }
    by_request(rails.firings(tracer), requests.map { |request, _| request })
  end

  def find(table) = %(SELECT "#{table}".* FROM "#{table}" WHERE "#{table}"."id" = ? LIMIT ?)
  def view(name, kind, count = -1) = [name, { kind: kind, count: count, cache_hits: -1 }]
  def values(group, probe, *names) = facts(group, probe).map { |subject, facts| [subject, *facts.values_at(*names)] }
  def statuses(group, probe) = group.filter_map { |firing| firing[:status] if firing.name == probe }
  def one(group, probe) = facts(group, probe).then { |all| all.size == 1 ? all.first : all }

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      define_method(:since?) { |version| gemfile.at_least?(version) }
      define_method(:rows) { |count| since?("7.2") ? count : -1 }
      define_method(:nameless) { |name| since?("7.1") ? name : "SQL" }

      it "are those of requests, actions and views" do
        sent = format("t=%.3f", Time.now.to_f - 2)
        groups = trace_requests(gemfile, "request|action|view",
                                ["GET /orders/1?secret=x&a=1", { "HTTP_X_REQUEST_START" => sent }],
                                "POST /orders?card=declined", "POST /payments/broken", "GET /payments/broken")
        show, declined, nowhere, broken = groups.values

        id, waited = show.first.arguments.values_at(:request_id, :queue_us)
        expect(id).to match(uuid)
        expect(waited).to be_between(1_900_000, 60_000_000)
        expect(one(show, "request__start")).to eq(["GET /orders/1", { queue_us: waited, request_id: id, **no_headers }])
        expect(one(show, "request__done"))
          .to eq(["GET /orders/1", { http_status: 200, queue_us: waited, request_id: id }])
        expect(one(show, "action__start"))
          .to eq(["OrdersController#show", { method: "GET", path: "/orders/1?secret=[FILTERED]&a=1", format: "html" }])
        queries = since?("7.2") ? 5 : -1 # nobody is on the queries, who else would count them
        expect(one(show, "action__done"))
          .to match(["OrdersController#show", { db_ns: be > 0, view_ns: be > 0, http_status: 200, queries: queries }])
        expect(facts(show, "view__start").map { |name, facts| [name, facts[:kind]] })
          .to eq([%w[layouts/application layout], %w[orders/show template], %w[orders/_order partial]])
        expect(facts(show, "view__done"))
          .to eq([view("orders/_order", "partial"), view("orders/show", "template"),
                  view("layouts/application", "layout")])

        expect(values(declined, "action__done", :http_status)).to eq([["OrdersController#create", 402]])
        expect(values(declined, "request__done", :http_status, :queue_us)).to eq([["POST /orders", 402, -1]])
        expect(values(nowhere, "request__done", :http_status)).to eq([["POST /payments/broken", 404]])
        expect(values(broken, "action__done", :http_status, :view_ns)).to eq([["PaymentsController#broken", 500, -1]])
        expect([statuses(broken, "action__done"), statuses(broken, "request__done")]).to eq([[1], [0]])
        expect(values(broken, "request__done", :http_status)).to eq([["GET /payments/broken", 500]])
        expect(show.map(&:ctx).uniq).to eq([show.first.ctx])
        expect(groups.each_value.map { |group| group.first.ctx >> 40 }.uniq).to eq([rails.target.pid])
        expect(groups.each_value.map { |group| group.first.ctx }.uniq.size).to eq(4)
      end

      it "are those of queries, records and transactions" do
        show, index, paid, declined = trace_requests(gemfile, "sql|instantiate|transaction|action|view",
                                                     "GET /orders/1", "GET /orders", "POST /orders",
                                                     "POST /orders?card=declined").values

        expect(facts(show, "sql__start").first(2)).to eq([["Order Load", { sql: find("orders") }],
                                                          ["User Load", { sql: find("users") }]])
        queries = facts(show, "sql__done")
        expect(queries.map { |name, facts| [name, facts.except(:sql, :fingerprint)] })
          .to eq(shown.map { |name, count| [name, { rows: rows(count), cached: 0, async: 0, lock_wait_ns: -1 }] })
        fingerprints = queries.map { |_, facts| facts[:fingerprint] }
        expect([fingerprints[3], fingerprints.uniq.size]).to eq([fingerprints[4], 4])
        connections = show.filter_map { |firing| firing[:connection] if firing.name == "sql__done" }.uniq
        expect(connections.map { |connection| connection >> 40 }).to eq([rails.target.pid])
        expect(values(show, "instantiate__done", :records))
          .to eq(shown.map { |name, count| [name.delete_suffix(" Load"), count] })

        expect(values(index, "sql__done", :cached).tally)
          .to eq(["Order Load", 0] => 1, ["User Load", 0] => 5, ["User Load", 1] => 18, ["LineItem Load", 0] => 23,
                 ["Product Load", 0] => 7, ["Product Load", 1] => 39)
        expect(values(index, "action__done", :queries)).to eq([["OrdersController#index", 36]])
        expect(facts(index, "view__done")).to include(view("orders/_order", "collection", 23))

        texts = values(paid, "sql__done", :sql).map { |_, sql| sql[/\A\w+ \S+/] }
        ends = since?("8.0") ? ["BEGIN immediate", "COMMIT TRANSACTION"] : ["begin transaction", "commit transaction"]
        expect(texts).to contain_exactly("SELECT \"users\".*", "SELECT \"products\".*", *ends, "UPDATE \"orders\"",
                                         "INSERT INTO", "INSERT INTO", "INSERT INTO")
        outcomes = [paid, declined].map { |group| values(group, "transaction__done", :outcome) }
        expect(outcomes).to eq(since?("7.1") ? [[%w[primary commit]], [%w[primary rollback]]] : [[], []])
        next unless since?("7.2")

        expect(facts(paid, "transaction__start")).to eq([["primary", {}]])
        transactions = paid.select { |firing| firing.name.start_with?("transaction") }
        expect(transactions.map { |firing| firing[:connection] }.uniq)
          .to eq(paid.filter_map { |firing| firing[:connection] if firing.name == "sql__done" }.uniq)
      end

      it "are those of caches, jobs, mails, channels, storage and what is reported" do
        groups = trace_requests(gemfile, "cache|job|mail|cable|storage|http|error|deprecation",
                                "GET /products", "POST /reports", "POST /reports/hopeless", "GET /payments/fee",
                                "GET /payments/suspicious", "POST /notices/receipt", "POST /notices/broadcast",
                                "POST /notices/upload", "GET /payments/rates", "GET /payments/rates?currency=XXX")
        products, report, hopeless, fee, suspicious, receipt, broadcast, upload, rates, no_rate = groups.values

        key = "#{products.first[:request_id]}/names"
        read = ->(hit) { [key, { hit: hit, store: store }] }
        pair = names.map { |name| "#{products.first[:request_id]}/#{name}" }
        expect(facts(products, "cache__read__done")).to eq([read[0], read[1], read[0], read[1]])
        expect(facts(products, "cache__write__done")).to eq([read[-1]] * 2)
        expect(facts(products, "cache__generate__done")).to eq([read[-1]])
        expect(facts(products, "cache__delete__done").map(&:first)).to eq([key, key, pair[0], pair[1]])
        expect(facts(products, "cache__multi__done"))
          .to eq([[pair.first(2).join(", "), { hits: -1, store: store, keys: 2, operation: "write_multi" }],
                  [pair.join(", "), { hits: 2, store: store, keys: 3, operation: "read_multi" }]])

        id, waited = report.find { |firing| firing.name == "job__start" }.arguments.values_at(:job_id, :latency_us)
        expect([id, waited]).to match([uuid, be_between(0, 2_000_000)])
        job = { queue: "reports", latency_us: waited, job_id: id }
        expect(one(report, "job__start")).to eq(["ReportJob", { **job, executions: 0 }])
        expect(one(report, "job__done")).to eq(["ReportJob", { **job, executions: 1, error_class: "" }])
        enqueued = one(report, "job__enqueue__done")
        expect(enqueued)
          .to eq(["ReportJob", { **job, latency_us: 0, executions: enqueued[1][:executions], error_class: "" }])
        expect(report.find { |firing| firing.name == "job__start" }.ctx).not_to eq(report.first.ctx)
        expect(values(hopeless, "job__discard", :queue, :latency_us, :executions, :error_class))
          .to eq([["HopelessJob", "default", -1, 1, "HopelessJob::NoUse"]])

        expect(one(fee, "deprecation"))
          .to match([start_with("DEPRECATION WARNING: old_fee is gone in 2.0, take charge"),
                     { gem: "Rails", location: %r{/shop/app/controllers/payments_controller\.rb:\d+\z} }])
        if since?("7.0")
          expect(one(suspicious, "error__reported"))
            .to eq(["ArgumentError", { message: "suspicious", handled: 1, severity: "warning",
                                       source: since?("7.1") ? "application" : "" }])
        end
        expect(one(receipt, "mail__deliver__done")).to match(["ReceiptMailer", { recipients: 1, message_id: /@/ }])
        expect(one(broadcast, "cable__broadcast__done")).to eq(["orders", { coder: "ActiveSupport::JSON" }])
        expect(facts(upload, "storage__done"))
          .to eq(operations.map { |name| ["Disk", { operation: name, key: upload.first[:request_id] }] })

        port = rates.find { |firing| firing.name == "http__start" }[:port]
        expect(port).to be > 1024
        expect(one(rates, "http__start")).to eq(["127.0.0.1", { method: "GET", path: "/rates/EUR", port: port }])
        expect(one(rates, "http__done"))
          .to eq(["127.0.0.1", { http_status: 200, method: "GET", path: "/rates/EUR", port: port }])
        expect(values(no_rate, "http__done", :http_status, :path)).to eq([["127.0.0.1", 404, "/rates/XXX"]])
        expect(statuses(no_rate, "http__done")).to eq([0])
      end
    end
  end
end
