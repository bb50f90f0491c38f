# frozen_string_literal: true

require "support/shop"

# The demo app with every Rails that this Ruby has, and nobody attached: what each action answers, and exactly which
# queries and events it makes. Whatever counts events elsewhere counts on that.
RSpec.describe Shop do
  drive = File.read(File.expand_path("programs/drive.rb", __dir__))

  # What every request to an action makes.
  action = { "start_processing.action_controller" => 1, "process_action.action_controller" => 1,
             "request.action_dispatch" => 1 }
  text = { "render_template.action_view" => 1 }
  page = { "render_template.action_view" => 1, "render_layout.action_view" => 1 }
  list = page.merge("render_collection.action_view" => 1)
  partial = page.merge("render_partial.action_view" => 1)
  transaction = { "start_transaction.active_record" => 1, "transaction.active_record" => 1 }
  loaded = ->(times) { { "instantiation.active_record" => times } }
  order = { "User Load" => 1, "Product Load" => 1, "TRANSACTION" => 2, "Order Create" => 1, "LineItem Create" => 2 }
  cache = { "cache_read" => 4, "cache_write" => 2, "cache_generate" => 1, "cache_fetch_hit" => 1, "cache_delete" => 4,
            "cache_write_multi" => 1, "cache_read_multi" => 1 }.transform_keys { |name| "#{name}.active_support" }
  performed = { "enqueue.active_job" => 1, "perform_start.active_job" => 1, "perform.active_job" => 1 }
  retried = { "enqueue.active_job" => 1, "perform_start.active_job" => 2, "perform.active_job" => 2,
              "enqueue_retry.active_job" => 1, "enqueue_at.active_job" => 1 }
  mail = { "process.action_mailer" => 1, "deliver.action_mailer" => 1 }
  storage = { "service_upload.active_storage" => 1, "service_download.active_storage" => 1,
              "service_delete.active_storage" => 1 }

  # Request => [status, body, queries, events on top of those of an action].
  actions = {
    "GET /" => [200, "shop\n", {}, text],
    "GET /orders" => [200, %r{(?:<li>User \d: \w+, \w+</li>\s+){23}},
                      { "Order Load" => 1, "User Load" => 5, "User Load cached" => 18, "LineItem Load" => 23,
                        "Product Load" => 7, "Product Load cached" => 39 }, { **list, **loaded[93] }],
    "GET /orders/eager" => [200, %r{(?:<li>User \d: \w+, \w+</li>\s+){23}},
                            { "Order Load" => 1, "User Load" => 1, "LineItem Load" => 1, "Product Load" => 1 },
                            { **list, **loaded[4] }],
    "GET /orders/1" => [200, %r{<h1>Order 1</h1>\s+<li>User 2: Butter, Coffee</li>},
                        { "Order Load" => 1, "User Load" => 1, "LineItem Load" => 1, "Product Load" => 2 },
                        { **partial, **loaded[5] }],
    "POST /orders" => [201, "paid 300\n", { **order, "Order Update" => 1 }, { **text, **loaded[2], **transaction }],
    "POST /orders?card=slow" => [201, "paid 300\n", { **order, "Order Update" => 1 },
                                 { **text, **loaded[2], **transaction }],
    "POST /orders?card=declined" => [402, "300 declined\n", order,
                                     { **text, **loaded[2], **transaction,
                                       "rescue_from_callback.action_controller" => 1 }],
    "POST /orders/2/refund?reason=late" => [204, "", { "Order Load" => 1, "Order Update All" => 1 }, loaded[1]],
    "GET /products" => [200, %r{<p>Bread, Butter, Coffee, Honey, Jam, Milk, Tea</p>\s+<p>2 cached</p>},
                        { "Product Load" => 1 }, { **partial, **loaded[1], **cache }],
    "GET /products/search?q=ea" => [200, %(["Bread","Tea"]), { "Product Pluck" => 1 }, {}],
    "POST /products/import" => [200, "2\n", { "Product Update All" => 2 }, text],
    "GET /reports/slow?ms=5" => [200, "5\n", { "TRANSACTION" => 2, "User Count" => 1 }, { **text, **transaction }],
    "GET /reports/async" => [200, "23 7\n", { "Order Load" => 1, "Product Count" => 1 }, { **text, **loaded[1] }],
    "GET /reports/stream" => [200, (1..7).map { |id| "order #{id}\n" }.join, { "Order Pluck" => 1 }, {}],
    "POST /reports" => [202, "", { "Order Count" => 1 }, performed],
    "POST /reports/flaky" => [202, "", {}, retried],
    "POST /reports/hopeless" => [202, "", {}, { **performed, "discard.active_job" => 1 }],
    "GET /payments/rates" => [200, "100\n", {}, text],
    "GET /payments/rates?currency=XXX" => [404, "", {}, {}],
    "GET /payments/fee" => [200, "20\n", {}, { **text, "deprecation.rails" => 1 }],
    "GET /payments/broken" => [500, "", {}, {}],
    "GET /payments/suspicious" => [204, "", {}, {}],
    "POST /notices/receipt" => [202, "", { "Order Load" => 1, "User Load" => 1 }, { **text, **loaded[2], **mail }],
    "POST /notices/broadcast" => [202, "", {}, { "broadcast.action_cable" => 1 }],
    "POST /notices/upload" => [200, "a note\n", {}, { **text, **storage }],
    "POST /notices/event" => [202, "", {}, {}]
  }.freeze

  # The first Rails that has each of what not all have.
  newer = { "start_transaction.active_record" => "7.2", "transaction.active_record" => "7.1",
            "rescue_from_callback.action_controller" => "8.1" }.freeze
  missing = { "GET /payments/suspicious" => "7.0", "POST /notices/event" => "8.1" }.freeze
  reports = { "GET /payments/broken" => ["7.0", "RuntimeError unhandled"],
              "GET /payments/suspicious" => ["7.0", "ArgumentError handled"],
              "POST /notices/event" => ["8.1", "event order.seen"] }.freeze

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      before(:context) do
        requests = actions.map { |request, (_, _, _, events)| [*request.split, events.fetch("perform.active_job", 0)] }
        @result = described_class.new(gemfile).run(drive, arguments: [JSON.generate(requests)])
        @answers = actions.keys.zip(@result.value).to_h
      end

      let(:shop) { described_class.new(gemfile) }

      actions.each do |request, (status, body, queries, events)|
        it "answers #{request}, and makes of it what is written" do
          answer = @answers.fetch(request)
          if missing.key?(request) && !gemfile.at_least?(missing.fetch(request))
            expect(answer).to include("status" => 501, "body" => /\Anot in Rails #{gemfile.rails}/)
            next
          end

          expect(answer).to include("status" => status, "body" => body)
          expect(answer["queries"]).to eq(gemfile.at_least?("7.0") ? queries : nameless(queries))
          expect(answer["events"]).to eq({ **action, **events }.select { |name, _| here?(gemfile, newer[name]) })
          since, what = reports[request]
          expect(answer["reported"]).to eq(what && gemfile.at_least?(since) ? { what => 1 } : {})
        end
      end

      it "is clean under ruby -w" do
        expect(@result.warnings).to eq([])
      end

      it "reloads its classes in development" do
        program = <<~RUBY
          app = Rack::MockRequest.new(Rails.application)
          2.times.map do
            Rails.application.reloader.reload!
            [app.get("/orders/1").status, Order.object_id]
          end
        RUBY
        first, second = shop.run("require \"rack/mock\"\n#{program}", env: { "RAILS_ENV" => "development" }).value

        expect([first[0], second[0]]).to eq([200, 200])
        expect(first[1]).not_to eq(second[1])
      end

      it "caches in files and runs jobs inline where it is told to" do
        requests = JSON.generate([["GET", "/products", 0], ["POST", "/reports", 1]])
        env = { "SHOP_CACHE" => "file", "SHOP_JOBS" => "inline" }
        products, report = shop.run(drive, arguments: [requests], env: env).value

        expect(products["events"]).to include(cache)
        expect(report["queries"].values.sum).to eq(1)
      end

      it "is served by two Pumas of four threads each, which bin/load asks exactly so many times" do
        output, status = shop.serve do |server|
          expect(server.workers.size).to eq(2)
          shop.load(server.port, "-n", "130", "-c", "6")
        end

        expect(status).to be_success, output
        counts = output.scan(/^((?:GET|POST) \S+|all)\s+(\d*)\s+(\d+)\s+[\d.]+\s+[\d.]+$/)
        expect(counts.size).to eq(14)
        expect(counts.to_h { |name, _, count| [name, count] }.values.tally).to eq("10" => 13, "130" => 1)
        expect(output).to match(/^130 requests in/)
      end
    end
  end

  def nameless(queries)
    queries.transform_keys { |name| name.sub(/\A\w+ (?:Count|Pluck)\z/, "nameless") }
  end

  def here?(gemfile, since) = since.nil? || gemfile.at_least?(since)

  context "with the newest Rails", skip: Gemfiles.here.last.missing do
    let(:shop) { described_class.new(Gemfiles.here.last) }

    it "has its workers replaced one by one" do
      shop.serve(env: { "SHOP_PRELOAD" => "0" }) do |server|
        old = server.workers
        server.phased_restart
        output, status = shop.load(server.port, "-n", "10", "-c", "2", "GET /orders/1")

        expect(status).to be_success, output
        expect(server.workers & old).to eq([])
      end
    end

    it "is told of requests that went unanswered" do
      output, status = shop.serve do |server|
        server.stop
        shop.load(server.port, "-n", "3", "GET /")
      end

      expect(status).not_to be_success
      expect(output).to match(%r{^GET / +Errno::ECONNREFUSED +3 })
    end

    it "keeps its connections with -k" do
      output, status = shop.serve { |server| shop.load(server.port, "-k", "-n", "40", "-c", "4", "GET /") }

      expect(status).to be_success, output
      expect(output).to match(%r{^GET / +200 +40 })
    end
  end
end
