# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"
require "support/rails_trace"

# The shop with every Rails that this Ruby has, all builtin probes of it attached: each event is told of once, with
# these arguments. What each action does is in spec/rails/shop_spec.rb.
RSpec.describe "Probes of Rails", :e2e, :rails_trace do
  # What each request makes beside the request and the action: probe => how often. Queries that a new connection makes
  # for itself are left out, as are checkouts, which are compared with a count made in the app.
  action = %w[request__start request__done action__start action__done].to_h { |name| [name, 1] }
  text = { "view__start" => 1, "view__done" => 1 }
  nested = { "view__start" => 3, "view__done" => 3 }
  sql = ->(times, records) { { "sql__start" => times, "sql__done" => times, "instantiate__done" => records } }
  bought = { "transaction__start" => 1, "transaction__done" => 1 }
  cached = { "cache__read__done" => 4, "cache__write__done" => 2, "cache__delete__done" => 4,
             "cache__generate__done" => 1, "cache__multi__done" => 2 }
  job = { "job__enqueue__done" => 1, "job__start" => 1, "job__done" => 1 }
  requests = {
    "GET /" => text,
    "GET /orders" => { **nested, **sql[93, 93] },
    "GET /orders/eager" => { **nested, **sql[4, 4] },
    "GET /orders/1" => { **nested, **sql[5, 5] },
    "POST /orders" => { **text, **sql[8, 2], **bought },
    "POST /orders?card=declined" => { **text, **sql[7, 2], **bought },
    "POST /orders/2/refund?reason=late" => sql[2, 1],
    "GET /products" => { **nested, **sql[1, 1], **cached },
    "GET /products/search?q=ea" => sql[1, 0],
    "GET /reports/slow?ms=5" => { **text, **sql[3, 0], **bought },
    "GET /reports/async" => { **text, **sql[2, 1] },
    "GET /reports/stream" => sql[1, 0],
    "POST /reports" => { **job, **sql[1, 0] },
    "POST /reports/hopeless" => { **job, "job__discard" => 1 },
    "GET /payments/rates" => { **text, "http__start" => 1, "http__done" => 1 },
    "GET /payments/fee" => { **text, "deprecation" => 1 },
    "GET /payments/suspicious" => { "error__reported" => 1 },
    "GET /payments/broken" => { "error__reported" => 1 },
    "POST /notices/receipt" => { **text, **sql[2, 2], "mail__deliver__done" => 1 },
    "POST /notices/broadcast" => { "cable__broadcast__done" => 1 },
    "POST /notices/upload" => { **text, "storage__done" => 3 },
    "POST /notices/event" => { "event" => 1 }
  }.freeze
  since = { "transaction__start" => "7.2", "transaction__done" => "7.1", "error__reported" => "7.0",
            "event" => "8.1" }.freeze

  # A query that ran on another thread is told of when it is done.
  def counts(gemfile, group, expected, since)
    asynchronous = group.count { |firing| firing.name == "sql__done" && firing[:async] == 1 && !own?(firing) }
    expected = expected.merge("sql__start" => expected["sql__start"] - asynchronous) if asynchronous.positive?
    expected.select { |name, count| count.positive? && gemfile.at_least?(since.fetch(name, "6.1")) }
  end

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      it "fire once for each event, and leave nothing behind" do
        rails = start_rails(gemfile)
        tracer = attach(rails)
        rails.ask(:eval, RailsTrace::COUNT_CHECKOUTS)
        answers = requests.keys.to_h { |request| [request, rails.ask(:request, *request.split).first] }
        checkouts = rails.ask(:eval, "$checkouts")
        firings = rails.firings(tracer)
        expect_released(rails.target)
        wait_until("disarmed: #{rails.armed}") { rails.armed.empty? }
        expect([rails.ask(:rails), rails.ask(:complaints)]).to eq([{ "armed" => [], "errors" => 0 }, {}])

        groups = by_request(firings, requests.keys)
        requests.each do |request, expected|
          group = groups.fetch(request)
          expected = { **expected, **text } if answers.fetch(request) == 501 # the answer to what this Rails has not
          expected = counts(gemfile, group, { **action, **expected }, since)
          expect([request, group.reject { |firing| own?(firing) }.map(&:name).tally]).to eq([request, expected])
          expect(group.find { |firing| firing.name == "request__done" }[:http_status]).to eq(answers.fetch(request))
        end
        expect(firings.count { |firing| firing.name == "pool__checkout__done" }).to eq(checkouts)
        started = firings.count { |firing| firing.subject == "action_controller.request_started" }
        expect(started).to eq(gemfile.at_least?("8.1") ? requests.size : 0)
      end
    end
  end
end
