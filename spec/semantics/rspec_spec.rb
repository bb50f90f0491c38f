# frozen_string_literal: true

require "json"
require "open3"
require "rbconfig"
require "tmpdir"

# RSpec's own methods, armed and firing, while RSpec runs our specs: the results are those of an RSpec that is left
# alone.
RSpec.describe "RSpec with its own methods traced", :native do
  let(:root) { File.expand_path("../..", __dir__) }
  # What can be run twice in a short time, and asks nothing about what is loaded in its process.
  let(:units) { %w[elf_file layering object strict_warnings].map { |name| "spec/#{name}_spec.rb" } }

  # The states of its tracers, and the results of the examples.
  def run(specs, traced:, collector: nil)
    Dir.mktmpdir do |directory|
      results = File.join(directory, "results.json")
      command = [RbConfig.ruby, "-S", "rspec", "--options", File::NULL, "--warnings", "-I", "lib", "-I", "spec",
                 "--order", "defined",
                 "--require", "spec_helper", "--format", "json", "--out", results, *specs]
      command.insert(3, "-r", File.join(root, "spec/support/traced_rspec.rb")) if traced
      environment = { "TRACED_DIRECTORY" => directory, "TRACED_GC" => collector, "RAILPROBE_POLL_MS" => "60000" }
      output, = Open3.capture2e(environment, *command, chdir: root)
      raise "rspec did not run:\n#{output}" if output.include?("error occurred outside")

      [output[/^traced: (.*)$/, 1]&.then { |states| JSON.parse(states) }, outcomes(results, output)]
    end
  end

  def outcomes(results, output)
    JSON.parse(File.read(results)).fetch("examples").to_h { |row|
      [row["id"], row.values_at("full_description", "status")]
    }
  rescue SystemCallError, JSON::ParserError
    raise "rspec did not end:\n#{output}"
  end

  def expect_the_same(specs, **options)
    _, plain = run(specs, traced: false)
    states, traced = run(specs, traced: true, **options)

    expect(states["armed"]).to be > 200
    expect(states.keys - %w[armed]).to eq([])
    expect(traced).to eq(plain)
    expect(traced.size).to be > 1
    expect(traced.values.map(&:last).uniq).to eq(["passed"])
  end

  it "runs the unit specs with the same results" do
    expect_the_same(units)
  end

  it "runs some of them with the same results where every allocation collects" do
    expect_the_same(["spec/object_spec.rb", "spec/strict_warnings_spec.rb"], collector: "stress")
  end

  it "runs some of them with the same results where memory is compacted again and again" do
    expect_the_same(["spec/object_spec.rb", "spec/elf_file_spec.rb"], collector: "compact")
  end
end
