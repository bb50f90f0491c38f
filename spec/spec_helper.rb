# frozen_string_literal: true

# Two kinds of examples depend on the machine:
#   :native  need the compiled engine; left out where it is idle (another platform, RAILPROBE=0)
#   :idle    say what an idle engine does; left out where it works
# Those in spec/e2e attach real tracers, and are skipped with the reason where that can't be. CI=true takes no
# skipped example for an answer. GC_LEVEL=stress or compact runs the native ones with a hostile collector.

require_relative "support/strict_warnings"
require_relative "support/tracing"
require "railprobe"
require_relative "support/runtime_state"
require_relative "support/semaphore"
require_relative "support/child_ruby"

# An engine that can't be loaded where it should be would leave out all that needs it, and look well.
if Tracing.engine_expected? && !Railprobe.supported?
  abort "The engine is idle: #{Railprobe.unsupported_reason}. Run `rake clobber compile`."
end

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.expect_with(:rspec) { |expectations| expectations.include_chain_clauses_in_custom_matcher_descriptions = true }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.shared_context_metadata_behavior = :apply_to_host_groups

  config.order = :random
  Kernel.srand(config.seed)
  config.fail_if_no_examples = true
  config.raise_errors_for_deprecations!
  config.filter_run_when_matching(:focus) unless ENV["CI"] == "true"
  config.filter_run_excluding(Railprobe.supported? ? :idle : :native)

  config.define_derived_metadata(file_path: %r{/spec/e2e/}) do |metadata|
    reason = Tracing.unavailable_reason
    metadata[:skip] ||= reason if reason
  end

  case ENV.fetch("GC_LEVEL", nil)
  when "stress"
    # 1: at every allocation a collection of what is young. A full one each time takes a minute an example in a
    # heap full of RSpec; spec/railprobe/gc_spec.rb has them in small processes.
    config.around(:each, :native) do |example|
      GC.stress = 1
      example.run
    ensure
      GC.stress = false
    end
  when "compact"
    config.before(:suite) { GC.auto_compact = true }
    config.before(:each, :native) { GC.compact }
  end

  if ENV["CI"] == "true"
    config.after(:suite) do
      skipped = RSpec.world.all_examples.select { |example| example.execution_result.status == :pending }
      reasons = skipped.map { |example| "#{example.location} #{example.execution_result.pending_message}" }
      raise "CI=true takes no skipped examples:\n#{reasons.join("\n")}" if reasons.any?
    end
  end
end
