# frozen_string_literal: true

require "support/gemfiles"

# One list of what the suite runs on, and all that has to agree with it.
RSpec.describe Gemfiles do
  def read(path) = File.read(File.join(described_class::ROOT, path), encoding: Encoding::UTF_8)

  let(:runs) { described_class::RUNS }

  it "has a file for each Rails, and for no other" do
    files = runs.flat_map(&:rails).map { |rails| described_class.new(rails).path }

    expect(Dir[File.join(described_class::ROOT, "gemfiles/rails_*.gemfile")]).to match_array(files)
  end

  it "has one of them for this Ruby" do
    expect(described_class.here).not_to be_empty
  end

  it "is the table of the README" do
    expect(read("README.md")).to include("\n\n#{described_class.table}\n")
  end

  it "has the Ruby that bin/matrix builds, with as many Rails as it runs" do
    version = read("bin/matrix")[/^VERSION=(.*)$/, 1]
    run = runs.find { |one| one.command == "bin/matrix" }

    expect(version).to start_with("#{run.ruby[/\A[\d.]+/]}.")
    expect(Gem::Requirement.new(run.requirement)).to be_satisfied_by(Gem::Version.new(version))
  end
end
