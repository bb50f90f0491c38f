# frozen_string_literal: true

require "support/counted_request"
require "tmpdir"

# What the gem costs a request to the shop while nobody is attached: nothing, in instructions that callgrind counts. The
# request makes a query, renders a page and reads the cache, and calls 50 of a thousand methods that are in the YAML.
#
# Two figures of one process differ by 0.02 % at most, those of two processes without the gem by up to 0.05 %: they have
# the same addresses and the same hash seed, but what they allocated before is not the same. So it is their mean that
# the gem is held against. A sample may have 0.05 % more than the others, for something that grows once in a while, and
# each figure is the median of 11.
#
# With YJIT two processes compile at different times, and their counts have nothing in common: it is left out there.
yjit = defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled?

RSpec.describe "A request to the shop that nobody traces", :native, unless: yjit do
  gemfile = Gemfiles.here.last
  promised = 0.001
  most = 3 # further pairs of processes, where the first differ by more: what is due to chance is averaged out

  before(:context) do
    skip(CountedRequest.missing(gemfile)) if CountedRequest.missing(gemfile)
    @without = [count(gemfile, "without"), count(gemfile, "without")]
    @with = [count(gemfile, "with")]
    most.times do
      break if differences.all? { |difference| difference < promised }

      @without << count(gemfile, "without")
      @with << count(gemfile, "with")
    end
  end

  def count(gemfile, kind)
    Dir.mktmpdir("request") { |directory| CountedRequest.new(gemfile, directory).run(kind) }
  end

  def mean(values) = values.sum.fdiv(values.size)
  def without = mean(@without.flat_map { |told| told["medians"].values })
  def difference(name) = (mean(@with.map { |told| told["medians"].fetch(name) }) / without) - 1
  def differences = %w[with again].map { |name| difference(name).abs }

  it "takes what it takes without the gem, within 0.1 %, also when a tracer of everything has come and gone" do
    expect(differences).to all(be < promised)
  end

  it "is counted well enough to tell one subscriber" do
    expect(difference("attached")).to be > 5 * promised
  end

  it "has no listener of ours, and methods that are ready and no more" do
    ready = { "ready" => 1000 }

    expect(@with.first.values_at("ready", "states", "armed", "heard")).to eq([ready, ready, [], []])
    expect(@with.first["once"]).to match("methods" => { "armed" => 1000 }, "events" => be > 30)
    expect(@without.map { |told| told["listeners"] }).to all(eq(@with.first["listeners"]))
  end
end
