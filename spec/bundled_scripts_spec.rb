# frozen_string_literal: true

require "open3"
require "support/bundled_script"

# The scripts of examples/bpftrace as texts: what their headers promise, and that bpftrace takes them. What they
# count is in spec/e2e/bundled_scripts_spec.rb.
RSpec.describe BundledScript do
  headings = %w[USAGE REQUIRES OUTPUT READING OVERHEAD]
  # That without an argument there is no $1, and that delete() gives something, is what the newest has to say.
  harmless = /RLIMIT_MEMLOCK|Positional parameter|Return value discarded/
  by_name = 6 # arguments that bpftrace 0.17 has names for
  table = Railprobe::Engine.builtin_probes.to_h { |row| [row.fetch(:name), row.fetch(:arguments).keys] }

  # bpftrace checks nothing without root.
  def self.checker
    return if Tracing.unavailable_reason

    Open3.capture2e("bpftrace", "--help").first.include?("--dry-run") ? "--dry-run" : "-d"
  end

  it "is there" do
    expect(described_class.all.map(&:name)).to include("reqlat", "reqslower", "sqllat", "sqlslower", "nplus1",
                                                       "poolwait", "methodlat", "overhead")
  end

  it "has a row for each in the README, whose output is one that its head shows" do
    readme = File.read(File.expand_path("../README.md", __dir__))
    expect(readme.scan(/^\| `(\w+)[^`]*` \| .*\? \|$/).flatten).to match_array(described_class.all.map(&:name))
    shown = readme[/^What `nplus1` said.*?^```\n(.*?)^```/m, 1]
    expect(described_class.new("nplus1").section("OUTPUT").gsub(/^ {4}/, "").strip).to eq(shown.strip)
  end

  described_class.all.each do |script|
    describe script.name do
      it "says what it is for, how to use it, what it needs, what it prints, how to read that and what it costs" do
        expect(script.title).to match(/\A[a-z].*[^.]\z/)
        expect(headings.map { |heading| script.section(heading).to_s }).to all(match(/\S+\s\S+/))
        expect(script.section("USAGE")).to include("bpftrace #{script.name}.bt", "'tracing:run[#{script.name}")
        expect(script.text).not_to match(/\t|.{141}/)
      end

      it "names the probes that it is on, which are in the table, and the oldest bpftrace", :native do
        requires = script.section("REQUIRES")
        expect(requires).to match(/\Abpftrace 0\.17(?: on x86_64)?; /)
        expect(requires.scan(/\w+:\w+/)).to match_array(script.probes)
        expect(table.keys).to include(*script.probes)
      end

      it "says so where it reads the stack, as is right on x86_64 only, and reads nothing that is not there", :native do
        expect(script.section("REQUIRES").include?("x86_64")).to eq(script.text.include?('reg("sp")'))
        most = script.text.scan(/reg\("sp"\) \+ (\d+)/).flatten.map { |offset| (offset.to_i / 8) + by_name }.max.to_i
        expect(script.probes.map { |probe| table.fetch(probe).size }.max).to be >= most
      end

      it "keeps to what bpftrace 0.17 and the newest both take" do
        code = script.text.sub(%r{\A.*?^ \*/$}m, "")
        expect(code.scan(/^(?:begin|end)\b/i)).to all(match(/\A[A-Z]+\z/))
        expect(code).not_to match(/args[.-]|delete\(@\w+,|@\w*(?:\[[^\]]*\])?\+\+/)
      end

      it "is taken by bpftrace", :native, :runtime, if: checker do
        Railprobe.start("no_such.yml", optional: true)
        image = Railprobe.report[:images].find { |facts| facts[:path].include?("builtin") }[:path]
        output, status = Open3.capture2e("bpftrace", self.class.checker, "-e", script.text_on(image))
        trouble = output.lines.grep(/\b(?:ERROR|WARNING):/).grep_v(harmless)
        expect([status.success?, trouble]).to eq([true, []]), output
      end
    end
  end
end
