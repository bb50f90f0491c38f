# frozen_string_literal: true

require_relative "support"
require_relative "../lib/railprobe/version"

module Benchmark
  # Runs every benchmark and writes results.md beside this file.
  class Results
    SCRIPTS = %w[fire attached tracers config load watcher events rails].freeze
    FILE = File.join(__dir__, "results.md")
    MISSED = "**missed**"

    def self.write = new.write

    def write
      load_before = load_average
      reports = SCRIPTS.map { |name| report_of(name) }
      File.write(FILE, [head(load_before), verdict(reports), *reports].join("\n"))
    end

    private

    # One after the other, and seen while they run.
    def report_of(name)
      output, status = Open3.capture2(RbConfig.ruby, File.join(__dir__, "#{name}.rb"))
      raise "benchmark/#{name}.rb: #{status}" unless status.success?

      puts output
      "#{output.strip}\n"
    end

    def head(load_before)
      <<~MARKDOWN
        # Benchmarks

        Written by `rake benchmark`; run it to have those of your machine. Figures of different runs are not to be
        compared: each is a ratio, or a limit, taken within one run. Behind a median is the middle half of the rounds.

        #{facts(load_before).map { |name, value| "- #{name}: #{value}" }.join("\n")}
      MARKDOWN
    end

    def facts(load_before)
      { "date" => Time.now.strftime("%Y-%m-%d"), "machine" => "#{cpu}, #{Etc.nprocessors} cores",
        "load average" => "#{load_before} before, #{load_average} after", "kernel" => Etc.uname[:release],
        "Ruby" => RUBY_DESCRIPTION, "railprobe" => [Railprobe::VERSION, commit].compact.join(", "),
        "C compiler" => version_of(ENV.fetch("CC", "cc")), "bpftrace" => version_of("bpftrace") }
    end

    def cpu = File.read("/proc/cpuinfo")[/^(?:model name|CPU part)\s*: (.*)/, 1] || Etc.uname[:machine]

    def load_average = File.read("/proc/loadavg").split.first

    # What a checkout is at, where it is one.
    def commit = first_line("git", "-C", ROOT, "describe", "--always", "--dirty")

    def version_of(program) = first_line(program, "--version") || "none"

    def first_line(*command)
      output, status = Open3.capture2(*command, err: File::NULL)
      output.lines.first&.chomp if status.success?
    rescue Errno::ENOENT
      nil
    end

    def verdict(reports)
      missed = reports.flat_map { |report| missed_in(report) }
      return "Every target is met.\n" if missed.empty?

      "Targets that are missed:\n\n#{missed.map { |line| "- #{line}" }.join("\n")}\n"
    end

    # Under the title of its own table; the limit is in the text where it is not in the row.
    def missed_in(report)
      title = nil
      report.lines.filter_map do |line|
        title = line[/^## (.*)/, 1] || title
        next unless line.include?(MISSED)

        "#{title}: #{(line.split("|").map(&:strip).reject(&:empty?) - [MISSED]).join(", ")}"
      end
    end
  end
end
