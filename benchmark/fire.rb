# frozen_string_literal: true

# What Probe#fire costs while nobody is attached, against a C method that does nothing.
#
#   ruby benchmark/fire.rb

require_relative "support"

module Benchmark
  module Fire
    MOST = 1.5
    ROUNDS = 41
    COLUMNS = ["", "values", "fire, ns", "empty C method, ns", "ratio", "most", ""].freeze
    CALLS = 200_000 # a round; in a loop of ten calls, whose own cost is part of both sides

    module_function

    def run
      modes = { "interpreter" => [] }
      modes["--yjit"] = ["--yjit"] if Benchmark.yjit?
      rows = modes.flat_map { |mode, flags| rows(mode, Benchmark.child(__FILE__, "measure", flags: flags)) }
      Benchmark.report("Nobody attached", <<~TEXT, COLUMNS, rows)
        A call of Probe#fire that finds nobody attached, against a call of an empty C method with as many
        arguments; #{ROUNDS} rounds of #{CALLS} calls each in turns, CPU time.
      TEXT
    end

    def rows(mode, results)
      [["integer", :fire_integer, :empty_one], ["string, integer", :fire_both, :empty_two]].map do |what, fire, empty|
        figure = Benchmark.ratio(results[fire], results[empty])
        [mode, what, ns(results[fire]), ns(results[empty]), figure, MOST, Benchmark.verdict(figure.median, MOST)]
      end
    end

    def ns(results) = format("%.1f", Figure.of(results).median.fdiv(CALLS))

    # In a process of its own: prints the ns of each round.
    def measure
      require "railprobe"
      Benchmark.require_baseline
      Benchmark.image_directory do |directory|
        ENV["RAILPROBE_DIR"] = directory
        integer = Railprobe.probe("benchmark:integer", number: :integer)
        both = Railprobe.probe("benchmark:both", text: :string, number: :integer)
        Railprobe.load or raise "nothing was loaded"
        cases = cases(integer, both, Baseline.new)
        Benchmark.rounds(5, cases) # warm
        puts JSON.generate(Benchmark.rounds(ROUNDS, cases))
      end
    end

    def cases(integer, both, baseline)
      { fire_integer: loop_of("target.fire(7)", integer), empty_one: loop_of("target.one(7)", baseline),
        fire_both: loop_of("target.fire(text, 7)", both), empty_two: loop_of("target.two(text, 7)", baseline) }
    end

    # A method of its own for each call, so that each has its own inline caches.
    def loop_of(call, target)
      looping = Object.new
      looping.instance_eval(<<~RUBY, __FILE__, __LINE__ + 1)
        def run(target, text, count)   # def run(target, text, count)
          while count.positive?        #   while count.positive?
            #{"#{call}; " * 10}        #     target.fire(7); target.fire(7); ...
            count -= 10                #     count -= 10
          end                          #   end
        end                            # end
      RUBY
      -> { Benchmark.cpu_ns { looping.run(target, "a text of twenty b.", CALLS) } }
    end
  end
end

Benchmark::Fire.public_send(ARGV.fetch(0, "run")) if $PROGRAM_NAME == __FILE__
