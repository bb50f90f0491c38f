# frozen_string_literal: true

# What an event of Rails costs: heard by nobody, by a subscriber that does nothing, and by ours.
#
#   ruby benchmark/events.rb

require_relative "support"
require_relative "../spec/support/shop"

module Benchmark
  # In the shop, with the newest Rails that this Ruby has; semaphores are raised by hand, so at the site is no trap.
  class Events
    ROUNDS = 9
    EVENTS = 20_000 # a round
    ATTACH = File.expand_path("../spec/rails/programs/attach", __dir__)

    # instantiation.active_record has no subscriber of Rails' own, and sql.active_record has.
    PROGRAM = <<~'RUBY'
      require ARGV.fetch(0)
      rounds, events = ARGV.drop(1).map { |number| Integer(number) }
      subscriber = Class.new { def start(*) = nil; def finish(*) = nil }.new
      heard = lambda do |name, &work|
        subscription = ActiveSupport::Notifications.subscribe(name, subscriber)
        work.call
      ensure
        ActiveSupport::Notifications.unsubscribe(subscription)
      end
      measure = lambda do |name|
        before = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :nanosecond)
        events.times { ActiveSupport::Notifications.instrument(name, { sql: "SELECT 1 WHERE a = 2", name: "Load" }) { 1 } }
        Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :nanosecond) - before
      end
      probes = { "instantiation.active_record" => %w[rails:instantiate__done],
                 "sql.active_record" => %w[rails:sql__start rails:sql__done] }
      cases = probes.flat_map do |name, wanted|
        [["#{name} as it is", -> { measure.(name) }],
         ["#{name}, a subscriber that does nothing", -> { heard.call(name) { measure.(name) } }],
         ["#{name}, ours: all but the trap", -> { Attach.to(*wanted) { measure.(name) } }]]
      end.to_h
      cases.each_value(&:call) # what the first of all makes
      Array.new(rounds) { cases.to_a.shuffle.to_h { |what, work| [what, work.call] } }
    RUBY

    def run
      gemfile = Gemfiles.here.last
      reason = gemfile.missing
      return puts("## An event of Rails", "", "Not measured: #{reason}.", "") if reason

      rounds = Shop.new(gemfile).run(PROGRAM, arguments: [ATTACH, ROUNDS, EVENTS].map(&:to_s)).value
      Benchmark.report("An event of Rails", text(gemfile), ["", "an event, ns", "more than as it is, ns"], rows(rounds))
    end

    private

    # By event, and each from the plainest to ours.
    def rows(rounds)
      plain, heard = rounds.first.keys.partition { |name| name.end_with?("as it is") }
      plain.sort.flat_map { |name| [name, *heard.grep(/\A#{name.split.first}/).sort] }.map do |name|
        below = "#{name[/\A[\w.]+/]} as it is"
        times = rounds.map { |round| round.fetch(name).fdiv(EVENTS) }
        extra = rounds.map { |round| (round.fetch(name) - round.fetch(below)).fdiv(EVENTS) }
        [name, Figure.of(times).to_s(0), name == below ? "" : Figure.of(extra).to_s(0)]
      end
    end

    def text(gemfile)
      <<~TEXT
        ActiveSupport::Notifications.instrument with Rails #{gemfile.rails}, whose block does nothing. Nobody hears the
        first event as it is; the second has subscribers of Rails' own. #{ROUNDS} rounds of #{EVENTS} events each in
        turns, CPU time.
      TEXT
    end
  end

  Events.new.run if $PROGRAM_NAME == __FILE__
end
