# frozen_string_literal: true

require_relative "../../benchmark/unarmed"

# What a thousand methods in the YAML cost while nobody is attached: nothing, in instructions counted by callgrind. The
# processes that it counts in also hold that each Method object is the original, before and after it was armed.
RSpec.describe "A thousand unarmed methods", :native do
  before { skip "valgrind is not in PATH" unless system("valgrind", "--version", out: File::NULL, err: File::NULL) }

  it "cost what they cost without the gem, within 0.1 %, also when a tracer has come and gone" do
    results = Bundler.with_unbundled_env { Unarmed.new.run }

    expect(results["without"].per_call).to be > 50
    %w[with again].each { |kind| expect(results[kind].difference_from(results["without"]).abs).to be < 0.001 }
  end
end
