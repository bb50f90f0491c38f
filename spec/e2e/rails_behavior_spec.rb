# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"
require "support/rails_trace"
require "support/shop"

# What happens around the events: settings, failures, threads and fibers, workers.
RSpec.describe "Probes of Rails", :aggregate_failures, :e2e, :rails_trace do
  traceparent = "00-4bf92f3577b34da623ce929d0e0e4736-00f067aa0ba902b7-01"

  attr_reader :rails

  # Everything fired by these probes while the block asks the app for something.
  def fired(gemfile, *names, env: {})
    @rails = start_rails(gemfile, env: env)
    tracer = attach(rails, ["request__start", *names])
    yield
    rails.firings(tracer)
  end

  def run(code) = rails.ask(:eval, code)
  def of(firings, name) = firings.select { |firing| firing.name == name }

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      it "tell how jobs wait, fail, are retried and end" do
        probes = %w[job__enqueue__done job__start job__done job__retry]
        firings = fired(gemfile, *probes, env: { "SHOP_JOBS" => "async" }) do
          rails.ask(:request, "POST", "/reports/flaky")
          run(<<~RUBY)
            scheduler = ActiveJob::Base.queue_adapter.instance_variable_get(:@scheduler)
            executor = scheduler.instance_variable_get(:@async_executor)
            Timeout.timeout(20) { Thread.pass until executor.completed_task_count >= 2 }
            nil
          RUBY
          run("ReportJob.set(wait: 3600).perform_later('late'); nil")
        end
        jobs = of(firings, "job__start").map { |firing| firing.arguments.slice(:subject, :executions) }
        expect(jobs).to eq([{ subject: "FlakyJob", executions: 0 }, { subject: "FlakyJob", executions: 1 }])
        expect(of(firings, "job__start").map { |firing| firing[:latency_us] }).to all(be_between(0, 30_000_000))
        expect(of(firings, "job__done").map { |firing| firing.arguments.values_at(:executions, :latency_us) })
          .to eq(of(firings, "job__start").each.with_index(1).map { |start, number| [number, start[:latency_us]] })
        expect(of(firings, "job__retry").map(&:facts))
          .to eq([{ queue: "default", latency_us: 0, job_id: of(firings, "job__start").first[:job_id], executions: 1,
                    error_class: "FlakyJob::Busy" }])
        expect(of(firings, "job__enqueue__done").last[:latency_us]).to be_between(3_500_000_000, 3_600_000_000)
      end

      it "tell how pools and other servers fail" do
        firings = fired(gemfile, *%w[pool__checkout__start pool__checkout__done http__start http__done sql__done]) do
          run(<<~RUBY)
            pool = ActiveRecord::Base.connection_pool
            held = Array.new(pool.size) { pool.checkout }
            $late = begin
              pool.checkout(0.05)
            rescue ActiveRecord::ConnectionTimeoutError => error
              error.class.name
            end
            held.each { |connection| pool.checkin(connection) }
            nil
          RUBY
          run("begin; Net::HTTP.new('127.0.0.1', 1).get('/?secret=1'); rescue Errno::ECONNREFUSED; nil; end")
          run("Net::HTTP.start(URI(Bank.url).host, URI(Bank.url).port) { |http| http.request_get('/rates/EUR').code }")
          run("begin; User.connection.execute('SELECT nonsense'); rescue ActiveRecord::StatementInvalid; nil; end")
        end
        size = 10
        expect(run("$late")).to eq("ActiveRecord::ConnectionTimeoutError")
        done = of(firings, "pool__checkout__done").first(size + 1)
        expect(done.map { |firing| firing[:status] }).to eq([*Array.new(size, 0), 2])
        expect(done.map { |firing| firing.arguments.values_at(:size, :busy) })
          .to eq([*1.upto(size).map { |busy| [size, busy] }, [size, size]])
        expect(done.last[:duration_ns]).to be_between(50_000_000, 5_000_000_000)
        expect(of(firings, "pool__checkout__start")[size].facts).to eq(size: size, busy: size, waiting: 0)

        refused, kept = of(firings, "http__done")
        expect(refused.facts).to eq(status: 1, http_status: -1, method: "GET", path: "/", port: 1)
        expect(kept.facts).to include(http_status: 200, path: "/rates/EUR")
        expect(of(firings, "http__start").size).to eq(2)
        failed = of(firings, "sql__done").find { |firing| firing[:sql] == "SELECT nonsense" }
        expect(failed[:status]).to eq(1)
        expect(rails.ask(:rails)["errors"]).to eq(0)
      end

      it "tell of a request when its body is closed, and of none that never came to Rails" do
        firings = fired(gemfile, "request__done", "sql__done", "action__done") do
          run(<<~RUBY)
            env = Rack::MockRequest.env_for("/reports/stream")
            status, _, body = Rails.application.call(env)
            $told = []
            body.each { |line| $told << line }
            sleep(0.02)
            body.close
            nil
          RUBY
          file = "Rack::MockRequest.env_for('/config.ru')"
          expect(run("ActionDispatch::Static.new(Rails.application, Rails.root.to_s).call(#{file}).first")).to eq(200)
        end
        expect(run("$told.size")).to eq(7)
        expect(of(firings, "request__done").first[:duration_ns]).to be > 20_000_000
        expect(firings.map { |firing| [firing.name, firing.subject] })
          .to eq([["request__start", "GET /reports/stream"], ["action__done", "ReportsController#stream"],
                  ["sql__done", gemfile.at_least?("7.0") ? "Order Pluck" : "SQL"],
                  ["request__done", "GET /reports/stream"]])
      end

      it "give a request and a job a number, also to a traced method that is attached alone" do
        told = ctx_of_calls(gemfile, <<~RUBY)
          $asked = lambda do
            worker = CtxWorker.new
            worker.call("request")
            Enumerator.new { |lines| lines << worker.call("enumerator") }.next
            Fiber.new { worker.call("fiber") }.resume
            Thread.new { worker.call("thread") }.join
            CtxJob.perform_now
            worker.call("after the job")
          end
          CtxWorker.new.call("outside")
        RUBY
        number = told.fetch("request")
        expect(number >> 40).to eq(rails.target.pid)
        expect(told.values_at("enumerator", "fiber", "after the job")).to all(eq(number))
        expect(told.fetch("thread")).to eq(RUBY_VERSION >= "3.2" ? number : 0)
        expect(told.fetch("job")).to eq(number + 1)
        expect(told.fetch("outside")).to eq(0)
      end

      it "keep the numbers of requests apart whose fibers take turns in one thread" do
        told = ctx_of_calls(gemfile, <<~RUBY)
          $asked = lambda do
            name = $names.shift
            CtxWorker.new.call(name)
            Fiber.yield
            CtxWorker.new.call(name + " again")
            Enumerator.new { |lines| lines << CtxWorker.new.call(name + " inside") }.next
          end
          $names = %w[one other]
          fibers = Array.new(2) { Fiber.new { Rack::MockRequest.new(Rails.application).get("/") } }
          2.times { fibers.each(&:resume) }
          $asked = nil
        RUBY
        one, other = told.values_at("one", "other")
        expect([one, other]).to all(be_positive)
        expect(one).not_to eq(other)
        expect(told.values_at("one again", "other again")).to eq([one, other])
        # Up to Ruby 3.1 it is not known whose the enumerator is, while there are two.
        expect(told.values_at("one inside", "other inside")).to eq(RUBY_VERSION >= "3.2" ? [one, other] : [0, other])
      end
    end
  end

  context "with the newest Rails", skip: Gemfiles.here.last.missing do
    newest = Gemfiles.here.last

    it "follow the settings of the file, also in a process that is being traced" do
      @file = File.join(directory, "settings.yml")
      File.write(@file, "version: 1\n")
      headers = { "HTTP_X_REGION" => "north", "CONTENT_TYPE" => "text/plain", "HTTP_TRACEPARENT" => traceparent }
      settings = ["{}", "{headers: [X-Region, Content-Type, X-None]}", "{redact: [sql, path, key]}",
                  "{except: [sql, trace]}", "{traceparent: false}", "false"]
      probes = %w[action__start sql__done cache__read__done trace__context]
      firings = fired(newest, *probes, env: { "TRACERS_FILE" => @file }) do
        settings.each do |text|
          change_settings(text)
          rails.ask(:request, "GET", "/products?secret=1", headers)
        end
        change_settings("{}")
      end
      all, headed, redacted, except, untraced = firings.slice_before { |firing| firing.name == "request__start" }.to_a
      expect(all.map(&:name).tally).to eq("request__start" => 1, "trace__context" => 1, "action__start" => 1,
                                          "cache__read__done" => 4, "sql__done" => 1)
      expect(of(all, "trace__context").first.arguments)
        .to include(subject: all.first[:request_id], trace_id_hi: 0x4bf92f3577b34da6, trace_id_lo: 0x23ce929d0e0e4736,
                    span_id: 0x00f067aa0ba902b7, ctx: all.first.ctx)
      expect(headed.first.arguments).to include(header1: "north", header2: "text/plain", header3: "", header7: "")
      expect(redacted.map(&:subject).uniq)
        .to eq(["GET", redacted[1].subject, "ProductsController#index", "", "Product Load"])
      expect(of(redacted, "action__start").first[:path]).to eq("")
      expect(of(redacted, "sql__done").first.arguments.values_at(:sql, :fingerprint))
        .to eq(["", of(all, "sql__done").first[:fingerprint]])
      expect(except.map(&:name).uniq).to eq(%w[request__start action__start cache__read__done])
      expect(untraced.map(&:name).uniq).to eq(%w[request__start action__start cache__read__done sql__done])
      expect(firings.count { |firing| firing.name == "request__start" }).to eq(5)
    end

    it "are seen in all workers of a Puma by one path, those that replace others included" do
      shop = Shop.new(newest)
      shop.serve do |server|
        tracer = trace_requests(server, shop)
        first = shop.load(server.port, "-n", "60", "-c", "6", "GET /orders/eager").last
        Process.kill("KILL", server.workers.first)
        wait_until("a new worker") { server.workers.size == 2 }
        wait_for_workers(server, tracer, shop)
        second = shop.load(server.port, "-n", "60", "-c", "6", "GET /orders/2").last
        tracer.stop

        expect([first, second]).to all(be_success)
        expect(tracer.counts("@done")).to include("GET /orders/eager" => 60, "GET /orders/2" => 60)
        expect(tracer.counts("@status").keys).to eq(["200"])
      end
    end

    it "lose no request while a phased restart replaces the workers that serve them" do
      shop = Shop.new(newest)
      shop.serve(env: { "SHOP_PRELOAD" => "0" }) do |server|
        tracer = trace_requests(server, shop)
        is_over = false
        loads = Thread.new { load_until(shop, server) { is_over } }
        server.phased_restart
        is_over = true
        rounds = loads.value
        tracer.stop

        expect(rounds).to be > 1
        expect(tracer.counts("@done")).to include("GET /orders/2" => 30 * rounds)
        expect(tracer.counts("@status").keys).to eq(["200"])
      end
    end
  end

  def trace_requests(server, shop)
    image = Semaphores.images(server.workers.first).grep(/builtin/).first
    tracer = Bpftrace.new(<<~BPFTRACE)
      usdt:#{image}:rails:request__done {
        printf("%d\\n", pid); @done[str(arg1)] = count(); @status[arg5] = count();
      }
    BPFTRACE
    wait_for_workers(server, tracer, shop)
    tracer
  end

  # 30 requests at a time, until the block says that it is over and then once more; how many times.
  def load_until(shop, server)
    (1..).find do
      is_last = yield
      output, status = shop.load(server.port, "-n", "30", "-c", "4", "GET /orders/2")
      raise output unless status.success?

      is_last
    end
  end

  # Asks until each worker has told of a request: it is armed then.
  def wait_for_workers(server, tracer, shop)
    wait_until("attached: #{server.workers}") do
      tracer.check_running
      server.workers.all? { |pid| Semaphores.raised(pid).include?("rails:request__done") } && tracer.waiting?
    end
    server.workers.each do |pid|
      wait_until("worker #{pid} tells") do
        shop.load(server.port, "-n", "8", "-c", "4", "GET /")
        tracer.printed?("#{pid}\\n")
      end
    end
  end

  # In the file, and taken over.
  def change_settings(text)
    File.write("#{@file}.new", "version: 1\nrails: #{text}\n")
    current = "Railprobe::Runtime.instance.instance_variable_get(:@tracers).configuration.object_id"
    before = run(current)
    File.rename("#{@file}.new", @file)
    wait_until("settings: #{text}") { run(current) != before && rails.settled? }
  end

  # What a traced method was called with => the ctx that its probe told, while the code is run.
  def ctx_of_calls(gemfile, code)
    file = File.join(directory, "ctx.yml")
    tracer = "{class: CtxWorker, methods: [call], types: [entry], capture: {what: args.0}}"
    File.write(file, "version: 1\nlimits: {rate: 0, cpu: 0}\ntracers:\n  - #{tracer}\n")
    @rails = start_rails(gemfile, env: { "TRACERS_FILE" => file })
    run(<<~RUBY)
      class CtxWorker; def call(what) = what; end
      class CtxJob < ActiveJob::Base; def perform = CtxWorker.new.call("job"); end
      ApplicationController.before_action { $asked&.call }
    RUBY
    program = %(usdt:#{images}/app.so:ctxworker:call__entry { printf("%s=%lld\\n", str(arg3), arg2); })
    tracer = trace(program, on: rails.target)
    wait_until("armed") { run("CtxWorker.instance_method(:call).arity") == -1 && rails.settled? }
    run(code)
    rails.ask(:request, "GET", "/")
    run("CtxWorker.new.call('the end')")
    tracer.wait_for_line("the end")
    tracer.stop
    tracer.lines.to_h { |line| line.split("=") }.transform_values(&:to_i)
  end
end
