# frozen_string_literal: true

require "support/shop"

# What is armed in an app with every Rails that this Ruby has, and when; and what of that the app can notice. Semaphores
# are raised in memory, and what would be fired is not seen here: spec/e2e/rails_spec.rb does that.
RSpec.describe "Hooks into Rails", :native do
  programs = File.expand_path("programs", __dir__)
  program = ->(name) { File.read(File.join(programs, "#{name}.rb")) }

  before_and_after = %w[unattached afterwards after_all].freeze
  value = ["value", 1, "nil"].freeze
  deep_stack = { "RUBY_THREAD_VM_STACK_SIZE" => (1 << 24).to_s }.freeze # so that the machine's ends first
  newer = %w[7.0 8.1].freeze # Rails.error, Rails.event
  units = %w[request.action_dispatch perform.active_job]
  nothing = { "armed" => [], "heard" => [], "checkout" => "ActiveRecord::ConnectionAdapters::ConnectionPool",
              "request" => "Net::HTTP", "logger" => "Rails::Rack::Logger" }

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      before(:context) do
        @result = Shop.new(gemfile).run(program["hooks"], env: { "PROGRAMS" => programs, **deep_stack })
        @told = @result.value
      end

      it "are none while nobody is attached, before and after" do
        expect(@told.values_at(*before_and_after)).to all(eq(nothing))
      end

      it "are those of the probes that are attached, and of what begins a unit of work" do
        expect(@told.fetch("sql")).to all(match_array(["sql.active_record", *units]))
        expect(@told.fetch("tracers")).to all(match_array(units))
        expect(@told.fetch("pool").first).to match_array(["#{nothing["checkout"]}#checkout", *units])
        missing = newer.count { |since| !gemfile.at_least?(since) }
        expect(@told.fetch("all")).to eq("armed" => 42 - missing, "heard" => 37, "owners" => Array.new(3))
      end

      it "leave other subscribers their times while a tracer comes and goes in the middle of a request" do
        block = @told.fetch("block")
        expect(block).to include("statuses" => Array.new(5, 200), "times" => true, "left" => 0)
        expect(block["told"]).to include("request.action_dispatch" => 5, "process_action.action_controller" => 5)
        expect(block["told"]["sql.active_record"]).to be >= 25
      end

      it "take any payload" do
        expect(@told.fetch("foreign")).to include("count" => 37 * 23)
        expect(@told.fetch("open").first).to eq(200)
      end

      it "keep to themselves what is raised in them, count it and say it once" do
        expect(@told.fetch("raises").first(4)).to eq([value, value, value, ["value", 0, "nil"]])
        expect(@told.fetch("failing")).to eq([true, [1]])
      end

      it "are left out at the end of the stack, and nothing of them is kept" do
        deep = @told.fetch("deep")
        expect(deep).to match("levels" => be > 200, "errors" => be >= 20, "status" => 200)
      end

      it "are gone while the probe is over a limit" do
        expect(@told.fetch("limited")).to eq([["rails:sql__done"], { "rails:sql__done" => 1 }, []])
      end

      it "let through what others raise meanwhile, and the end of a thread" do
        expect(@told.values_at("timeout", "kill")).to eq([["timeout", true], [false, ["ensured"]]])
      end

      it "subscribe to Rails.event only while somebody wants events" do
        expect(@told.fetch("event")).to eq([0, 1, 0])
      end

      describe "in Rails.event", if: gemfile.at_least?("8.1") do
        before(:context) { @events = Shop.new(gemfile).run(program["events"], env: { "PROGRAMS" => programs }).value }

        let(:own) { { "order.seen" => 1 } } # what the app notifies of
        let(:alone) { @events.fetch("alone") }
        let(:beside) { @events.fetch("beside") }

        it "are none, and Rails makes no events of its own, unless somebody wants events" do
          expect(alone.values_at("unattached", "others", "afterwards"))
            .to all(eq("status" => 202, "asked" => false, "made" => own, "heard" => {}, "silenced" => true,
                       "subscribers" => []))
        end

        it "are one while somebody wants events, and what is for debugging stays silent" do
          expect(alone.fetch("event")).to include("asked" => false, "silenced" => false,
                                                  "subscribers" => ["Railprobe::Reporter"])
          expect(alone.fetch("event")["made"]).to include(**own, "action_controller.request_started" => 2)
          expect(alone.fetch("event")["made"]).not_to include("active_record.sql", "order.looked_at")
        end

        it "change nothing of what another subscriber hears, of debugging neither" do
          plain = beside.fetch("unattached")
          expect(plain).to include("subscribers" => ["Events::Other"], "asked" => false, "silenced" => false)
          expect(plain["heard"]).to include(**own, "action_controller.request_started" => 2)
          expect(beside.values_at("others", "afterwards")).to all(eq(plain))
          expect(beside.fetch("event").except("subscribers")).to eq(plain.except("subscribers"))
          expect(beside.fetch("debug")["heard"]).to include("active_record.sql", "order.looked_at")
        end

        it "leave behind nothing that costs" do
          before, after = @events.fetch("costs")
          expect(after).to eq(before)
        end
      end

      it "is clean under ruby -w" do
        expect(@result.warnings).to eq([])
      end

      it "keep a class traced that is reloaded, from its first call on" do
        env = { "RAILS_ENV" => "development", "PROGRAMS" => programs }
        told = Shop.new(gemfile).run(program["reload"], env: env)

        expect(told.value).to eq("before" => [true, "ready"], "loaded" => [-1, "armed"], "classes" => 3,
                                 "arities" => [-1, -1, -1], "left" => -2, "namespace" => "ready", "complaints" => {})
      end
    end
  end
end
