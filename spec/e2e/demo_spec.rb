# frozen_string_literal: true

require "spec_helper"
require "open3"
require "support/end_to_end"

RSpec.describe "bin/demo", :e2e do
  let(:environment) { { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "RUBYLIB" => nil, "RAILPROBE_DIR" => nil } }

  def leftovers = Dir[File.join(Dir.tmpdir, "railprobe-demo*")]

  it "counts every request that was served, shows a method that is added meanwhile, and leaves nothing behind" do
    output, status = Open3.capture2e(environment, "timeout", "300", File.expand_path("../../bin/demo", __dir__))

    expect(status).to be_success, output
    expect(output).to match(/^requests served: 2600, requests counted: 2600$/)
    expect(output).to match(/^ProductsController#cached_pairs +100 calls$/)
    expect(output).to match(/^ACTION +REQUESTS +AVERAGE_ms\n.* [1-9]\d* +\d+\.\d$/)
    expect(leftovers).to be_empty
  end
end
