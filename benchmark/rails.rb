# frozen_string_literal: true

# What all probes of Rails together cost the shop, examples/shop under a clustered Puma, beside nobody attached, as many
# uprobes on functions of C, and OpenTelemetry's instrumentation of Rails. bin/load asks from the same machine.
#
#   ruby benchmark/rails.rb [ROUNDS]

require "net/http"
require_relative "support"
require_relative "../spec/support/bpftrace"
require_relative "../spec/support/semaphores"
require_relative "../spec/support/shop"

module Benchmark
  # The shop with OpenTelemetry: its gems, and a gem of our own that sets it up as its documentation says. Spans are
  # batched and thrown away, so that no collector's work is in the figures.
  class OpenTelemetryGemfile < Gemfiles
    GEMS = %w[opentelemetry-sdk opentelemetry-instrumentation-rails opentelemetry-instrumentation-rack
              opentelemetry-instrumentation-net_http].freeze
    SETUP = <<~RUBY
      require "opentelemetry/sdk"
      require "opentelemetry/instrumentation/rails"
      require "opentelemetry/instrumentation/rack"
      require "opentelemetry/instrumentation/net/http"

      module OtelSetup
        class Nowhere
          def export(_spans, timeout: nil) = OpenTelemetry::SDK::Trace::Export::SUCCESS
          def force_flush(timeout: nil) = OpenTelemetry::SDK::Trace::Export::SUCCESS
          def shutdown(timeout: nil) = OpenTelemetry::SDK::Trace::Export::SUCCESS
        end

        class Railtie < Rails::Railtie
          initializer "otel_setup" do
            OpenTelemetry::SDK.configure do |config|
              config.add_span_processor(OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor.new(Nowhere.new))
              config.use_all
            end
          end
        end
      end
    RUBY

    def initialize(gemfile, directory)
      super(gemfile.rails)
      @directory = directory
      write("lib/otel_setup.rb", SETUP)
      write("otel_setup.gemspec", "Gem::Specification.new { |gem| gem.name = \"otel_setup\"; gem.version = \"1\"; " \
                                  "gem.summary = gem.author = \"-\"; gem.files = [\"lib/otel_setup.rb\"] }")
      write("Gemfile", "eval_gemfile #{gemfile.path.inspect}\n#{GEMS.map { |gem| "gem #{gem.inspect}\n" }.join}" \
                       "gem \"otel_setup\", path: \".\"\n")
    end

    def path = File.join(@directory, "Gemfile")

    def install
      output, status = Open3.capture2e(environment, RbConfig.ruby, "-S", "bundle", "install", "--quiet")
      status.success? ? nil : output.lines.last.to_s.strip
    end

    private

    def write(name, text)
      path = File.join(@directory, name)
      FileUtils.mkdir_p(File.dirname(path))
      File.write(path, text)
    end
  end

  # One way of running the shop.
  class Kind
    CLIENTS = 8

    Round = Struct.new(:requests_a_second, :p99_ms, :cpu_us, :traps, keyword_init: true)

    def initialize(server, requests)
      @server = server
      @requests = requests
    end

    def measure
      before = cpu_ticks
      output, status = Open3.capture2e(RbConfig.ruby, File.join(Shop::ROOT, "bin/load"), "-p", @server.port.to_s,
                                       "-c", CLIENTS.to_s, "-n", @requests.to_s)
      raise output unless status.success?

      Round.new(requests_a_second: output[/, (\d+) a second/, 1].to_f, p99_ms: output[/^all .* ([\d.]+)$/, 1].to_f,
                cpu_us: (cpu_ticks - before) * 1_000_000.0 / Etc.sysconf(Etc::SC_CLK_TCK) / @requests)
    end

    private

    # User and system time of the workers.
    def cpu_ticks
      @server.workers.sum do |pid|
        File.read("/proc/#{pid}/stat").rpartition(")").last.split.values_at(11, 12).sum(&:to_i)
      end
    end
  end

  # The same while bpftrace runs a program that counts.
  class TracedKind < Kind
    def measure
      tracer = Bpftrace.new(program)
      Benchmark.wait_until("attached") { attached?(tracer) }
      super.tap { |round| round.traps = traps(tracer.stop).fdiv(@requests) }
    ensure
      tracer&.stop
      release
    end

    private

    def release = Benchmark.wait_until("released") { @server.workers.all? { |pid| Semaphores.raised(pid).empty? } }

    def traps(tracer) = tracer.maps.values.sum
  end

  # What the traps alone cost: uprobes on functions that this mix calls as often as all probes fire. They begin with a
  # push, which the kernel need not single-step.
  class FloorKind < TracedKind
    FUNCTIONS = { "libruby" => %w[rb_reg_match rb_nogvl], "libsqlite3" => %w[sqlite3_step] }.freeze

    # Whether the server has these libraries, and has not linked them into something else.
    def self.possible?(server) = libraries(server).size == FUNCTIONS.size

    def self.libraries(server)
      files = File.readlines("/proc/#{server.workers.first}/maps").filter_map { |line| line.split[5] }.uniq
      FUNCTIONS.keys.to_h { |name| [name, files.find { |file| File.basename(file).start_with?(name) }] }.compact
    end

    private

    def program
      self.class.libraries(@server).flat_map do |name, path|
        FUNCTIONS.fetch(name).map { |function| "uprobe:#{path}:#{function} { @#{function} = count(); }" }
      end.join("\n")
    end

    def attached?(tracer) = tracer.waiting?
  end

  # With a tracer on every probe that Rails has here.
  class AttachedKind < TracedKind
    PROBES = File.read(File.join(ROOT, "ext/railprobe/rails_probes.h")).scan(/PROBE\(rails, (\w+)/).flatten.freeze

    def initialize(server, requests)
      super
      @image = Semaphores.images(server.workers.first).find { |path| File.basename(path).start_with?("builtin") }
    end

    # Which site it has: not every kernel has a fast one.
    def site = JSON.parse(File.read(@image.sub(/so\z/, "json"))).fetch("site")

    private

    # Requests to / are for finding out which workers are armed.
    def program
      first = "usdt:#{@image}:rails:request__done #{filter("==")} { printf(\"%d\\n\", pid); }"
      probes.map do |name|
        "usdt:#{@image}:rails:#{name} #{filter("!=") if name == "request__done"} { @#{name} = count(); }"
      end.push(first).join("\n")
    end

    def probes = PROBES

    def filter(operator) = "/strncmp(str(arg1), \"GET /\", 6) #{operator} 0/"

    def attached?(tracer)
      return false unless tracer.waiting? && @server.workers.all? { |pid| (wanted - Semaphores.raised(pid)).empty? }

      Net::HTTP.get_response(URI("http://127.0.0.1:#{@server.port}/"))
      (@server.workers - tracer.printed.map(&:to_i)).empty?
    end

    def wanted = PROBES.map { |name| "rails:#{name}" }

    # What was not traced would cost nothing.
    def traps(tracer)
      seen = tracer.count("@request__done")
      raise "#{seen} of #{@requests} requests were traced" unless seen == @requests

      super
    end
  end

  # The same without the traps, but for one a request: every semaphore is up, so everything is done up to the site.
  class ArmedKind < AttachedKind
    def measure
      add(1)
      super
    end

    private

    def release
      add(-1)
      super
    end

    def add(difference) = @server.workers.each { |pid| Semaphores.add(pid, wanted, difference) }
    def probes = %w[request__done]
  end

  # The servers, all of them up while one at a time is asked.
  class RailsBenchmark
    REQUESTS = 1300
    TARGET = 3.0 # percent of throughput
    # All probes at once, of a server that is asked as fast as it can: more than the limits are for.
    TRACERS = "#{File.read(File.join(Shop::ROOT, "config/tracers.yml"))}\nlimits: {rate: 0, cpu: 0}\n".freeze
    ALL = "every probe attached"
    COLUMNS = ["", "traps a request", "requests/s", "throughput, x", "p99, ms", "CPU a request, us", "CPU, x",
               ""].freeze

    def initialize(rounds)
      @rounds = rounds
      @gemfile = Gemfiles.here.last
    end

    def run
      Dir.mktmpdir("otel") do |directory|
        telemetry = OpenTelemetryGemfile.new(@gemfile, directory)
        @why_not = telemetry.install
        serve("safe") do |safe|
          serve("fast") do |fast|
            all = kinds(safe, fast)
            next report(measure(all)) if @why_not

            Shop.new(telemetry).serve do |other|
              report(measure(all.merge("OpenTelemetry" => Kind.new(other, REQUESTS))))
            end
          end
        end
      end
    end

    private

    def serve(site, &) = Shop.new(@gemfile).serve(tracers: "#{TRACERS}site: #{site}\n", &)

    def kinds(safe, fast)
      kinds = { "nobody attached" => Kind.new(safe, REQUESTS), ALL => AttachedKind.new(safe, REQUESTS),
                "the same, but only request__done traps" => ArmedKind.new(safe, REQUESTS) }
      faster = AttachedKind.new(fast, REQUESTS)
      kinds["every probe attached, site: fast"] = faster if faster.site == "fast"
      kinds["uprobes on functions of C"] = FloorKind.new(safe, REQUESTS) if FloorKind.possible?(safe)
      kinds
    end

    def measure(kinds)
      kinds.each_value(&:measure) # caches, pools, compiled views
      Benchmark.rounds(@rounds, kinds.transform_values { |kind| -> { kind.measure } })
    end

    def report(results)
      base = results.fetch("nobody attached")
      rows = results.map { |name, rounds| row(name, rounds, base) }
      rows << ["OpenTelemetry", "not installed: #{@why_not}", "", "", "", "", "", ""] if @why_not
      Benchmark.report("Rails", text, COLUMNS, rows)
    end

    def row(name, rounds, base)
      throughput = Benchmark.ratio(rounds.map(&:requests_a_second), base.map(&:requests_a_second))
      loss = (1 - throughput.median) * 100
      traps = rounds.filter_map(&:traps)
      [name, traps.any? ? Figure.of(traps).median.round : "",
       Figure.of(rounds.map(&:requests_a_second)).to_s(0), throughput.to_s(3),
       Figure.of(rounds.map(&:p99_ms)).to_s(1), Figure.of(rounds.map(&:cpu_us)).to_s(0),
       Benchmark.ratio(rounds.map(&:cpu_us), base.map(&:cpu_us)).to_s(3),
       name == ALL ? Benchmark.verdict(loss, TARGET) : ""]
    end

    def text
      <<~TEXT
        The shop with Rails #{@gemfile.rails}, 2 workers of 4 threads, #{REQUESTS} requests a round over #{Kind::CLIENTS}
        connections from the same machine: a day's mix of N + 1 pages, orders, searches, jobs and mails (bin/load). Attached
        is a count() on each of the #{AttachedKind::PROBES.size} probes of provider rails. Target: at most #{TARGET} % of
        throughput. CPU is that of the workers. Two rows tell what of it is whose: in one everything is done for every
        probe but the trap, in the other there are traps alone, a count() on functions of C
        (#{FloorKind::FUNCTIONS.values.flatten.join(", ")}). OpenTelemetry has the instrumentations of Rails, Rack and
        Net::HTTP, with spans that are batched and thrown away.
      TEXT
    end
  end

  RailsBenchmark.new(Integer(ARGV.fetch(0, 7))).run if $PROGRAM_NAME == __FILE__
end
