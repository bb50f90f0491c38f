# frozen_string_literal: true

require "support/shop"
require "support/site"

# What captures and conditions read of real records, of models with a column of every kind (programs/tickets.rb), as the
# probes carry it, and beside it what Rails says. docs/attributes.md tells the rules.
RSpec.describe "Attributes of records", :native do
  programs = File.expand_path("programs", __dir__)

  object = "object" # that is there, and no number, text or truth
  most = (2**63) - 1
  loaded = { "id" => 1, "count" => 42, "big" => 2**40, "amount" => 150.25, "ratio" => 0.125, "whole" => 12,
             "weight" => 2.5, "paid" => true, "due" => object, "day" => object, "clock" => object, "title" => "größe",
             "body" => "long", "state" => "paid", "kind" => "fancy", "user_id" => 1, "level" => 3,
             "points" => 5 }.freeze
  defaults = { "state" => "fresh", "kind" => "plain", "level" => 3, "points" => 5 }.freeze
  cast_only = { "data" => object, "settings" => object, "secret" => "secret", "lazy" => "late" }.freeze
  # Case => what is read of it; all else is missing.
  expected = {
    "loaded" => loaded,
    "looked_at" => { **loaded, **cast_only },
    "fresh" => { **defaults, "settings" => nil },
    "assigned" => { **loaded, "count" => -12, "big" => most, "ratio" => 0.1, "whole" => 7, "weight" => 3.0,
                              "paid" => false, "title" => "symbol", "body" => "text", "virtual" => 4, "points" => 6,
                              "level" => nil, "lazy" => "now" },
    "doubtful" => { **defaults, "state" => nil },
    "unset" => { "id" => 2, "level" => 3, "points" => 5 },
    "saved" => { **loaded, "id" => 3, "lazy" => "late" },
    "selected" => { **defaults.slice("points"), "count" => 42, "id" => 1 },
    "calculated" => { **defaults.slice("points"), "twice" => 84, "title" => "größe" },
    "destroyed" => { **loaded, "id" => 4, "lazy" => "late" },
    "frozen" => loaded, "readonly" => loaded, "clone" => loaded, "hashed" => loaded,
    "duplicate" => { **loaded, "id" => nil, "lazy" => "late" }, # Rails has asked for that to copy it
    "rush" => { **loaded, "id" => 5, "type" => "RushTicket" },
    "half" => { **loaded, "title" => "GRÖSSE!" },
    "yaml" => { **loaded, "points" => nil }, # which Rails loses as well
    "marshal" => { **loaded, "lazy" => "late" },
    "code" => { "id" => "ab", "code" => "ab" },
    "pair" => { "one" => 1 }
  }.freeze
  # What Rails says and we can't, for good: another name, an association, a key of two columns.
  never = %w[heading user].freeze
  # And what only Rails' cast would tell of what was assigned.
  doubts = { "assigned" => %w[level], "doubtful" => %w[count amount title] }.freeze

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing || ("for x86_64" unless Site.possible?) do
      before(:context) do
        program = File.read(File.join(programs, "records.rb"))
        @result = Shop.new(gemfile).run(program, env: { "PROGRAMS" => programs })
        @cases = @result.value.fetch("cases")
      end

      expected.each do |name, values|
        it "are read of one that is #{name.tr("_", " ")}, as Rails would" do
          carried, rails, again = @cases.fetch(name).values_at("carried", "rails", "again")
          unknown = [*never, *cast_only.keys, *doubts[name], *("id" if name == "pair")]

          expect(carried.compact).to eq(values.compact)
          expect(carried.except(*unknown)).to eq(rails.except(*unknown))
          expect(again.except(*never, "id")).to eq(rails.except(*never, "id"))
          expect(never.map { |missing| again.fetch(missing) }).to all(be_nil)
        end
      end

      it "are read without a query or a call of the app's, and leave no trace in the record" do
        expect(@cases.values.map { |told| told.values_at("queries", "untouched") }.uniq).to eq([[0, true]])
      end

      it "are read without an object being made, but for a BigDecimal" do
        expect(@result.value.fetch("allocations")).to match("uncast" => {}, "decimal" => be_between(1, 2))
      end

      it "decide in conditions" do
        expect(@result.value.fetch("conditions"))
          .to eq("amount" => [1, 0, 1], "state" => [1, 0, 1], "truth" => [1, 0, 1], "there" => [1, 0, 1],
                 "missing" => [0, 0, 1], "title" => [1, 0, 1], "association" => [1, 1, 1], "id" => [1, 0, 0])
      end

      it "cost no complaint" do
        expect([@result.value.fetch("errors"), @result.warnings]).to eq([{}, []])
      end
    end
  end
end
