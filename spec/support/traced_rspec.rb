# frozen_string_literal: true

# Loaded by an rspec in a process of its own, before its specs: traces half of RSpec's own public methods, has them
# armed and firing, and says at the end how many of them were.
require "json"
require "railprobe"
require_relative "semaphore"

module TracedRSpec
  FILES = %w[rspec/core rspec/expectations rspec/matchers rspec/support].freeze
  # Every other class that RSpec has at this point.
  CLASSES = %w[
    RSpec::Core::Example RSpec::Core::Example::ExecutionResult RSpec::Core::Example::Procsy RSpec::Core::ExampleGroup
    RSpec::Core::Reporter RSpec::Core::Configuration RSpec::Core::World RSpec::Core::Hooks::HookCollections
    RSpec::Core::Metadata::HashPopulator RSpec::Core::FilterManager RSpec::Core::MemoizedHelpers
    RSpec::Core::Formatters::ProgressFormatter RSpec::Core::Formatters::JsonFormatter RSpec::Core::Runner
    RSpec::Expectations::ExpectationTarget RSpec::Expectations::PositiveExpectationHandler RSpec::Expectations::Configuration
    RSpec::Matchers::BuiltIn::Eq RSpec::Matchers::BuiltIn::BaseMatcher RSpec::Matchers::BuiltIn::RaiseError
    RSpec::Matchers::BuiltIn::ContainExactly RSpec::Matchers::BuiltIn::All RSpec::Matchers::BuiltIn::Compound
    RSpec::Matchers RSpec::Support::MethodSignature RSpec::Support::ObjectFormatter
  ].freeze
  TYPES = "[latency, entry, args, result, exception, stack, allocations, gc, cpu]"

  class << self
    def start(directory)
      FILES.each { |file| require file }
      require "rspec/core/formatters/progress_formatter"
      require "rspec/core/formatters/json_formatter"
      ENV["RAILPROBE_DIR"] = File.join(directory, "images").tap { |path| Dir.mkdir(path, 0o700) }
      file = File.join(directory, "tracers.yml")
      File.write(file, "version: 1\nlimits: {rate: 0, cpu: 0}\ntracers:\n#{entries.join}")
      Railprobe.start(file) or abort("Railprobe.start: #{Railprobe.report}")
      arm
      harass
    end

    private

    # Without the methods whose names are too long for a probe.
    def entries
      CLASSES.map do |name|
        long = Object.const_get(name).public_instance_methods(false).select { |method| method.size > 45 }
        except = long.any? ? "    except: [#{long.map { |method| method.to_s.inspect }.join(", ")}]\n" : ""
        "  - class: #{name}\n    methods: \"*\"\n#{except}    types: #{TYPES}\n"
      end
    end

    def arm
      rows = Railprobe.report[:tracers]
      rows.each { |row| Semaphore.new(Railprobe[row[:probes].first]).add(1) }
      Railprobe::Engine.settle
      states = Railprobe.report[:tracers].map { |row| row[:state] }.tally
      at_exit { warn "traced: #{JSON.generate(states)}" }
    end

    # With a hostile collector, if that is asked for.
    def harass
      GC.stress = 1 if ENV["TRACED_GC"] == "stress"
      return unless ENV["TRACED_GC"] == "compact"

      RUBY_VERSION < "3.3" ? compact_around_examples : compact_beside_examples
    end

    # Ruby 3.1.2 crashes now and then where a second thread compacts; see the decisions in CONTRIBUTING.md.
    def compact_around_examples
      RSpec.configure { |config| config.around { |example| GC.compact && example.run && GC.compact } }
    end

    # With pauses, and not while files are loaded: each read of one may wait for a whole compaction.
    def compact_beside_examples
      GC.auto_compact = true
      RSpec.configure { |config| config.before(:suite) { Thread.new { loop { GC.compact && sleep(0.01) } } } }
    end
  end
end

TracedRSpec.start(ENV.fetch("TRACED_DIRECTORY"))
