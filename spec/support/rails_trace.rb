# frozen_string_literal: true

require "json"
require_relative "bpftrace"
require_relative "gemfiles"
require_relative "target"

# The shop in a process of its own with one Rails, and everything that its builtin probes fire while a block asks it
# for something: each firing with all of its arguments, by their names.
class RailsTrace
  # name is that of the probe; arguments are a Hash, with the subject in it.
  Firing = Struct.new(:name, :arguments) do
    def [](argument) = arguments.fetch(argument)
    def subject = self[:subject]
    def ctx = self[:ctx]
    # Without those that no two runs have in common, and the status if all went well.
    def facts
      arguments.except(:overhead_ns, :subject, :ctx, :duration_ns, :allocations, :gc_ns, :connection)
               .reject { |name, value| name == :status && value.zero? }
    end
    def inspect = "#{name} #{arguments}"
  end

  # It is the last line when all others are there: what prints is kept on one CPU (EndToEnd#trace).
  END_PATH = "/the/end"
  WORDS = 6 # arguments that bpftrace 0.17 knows by name; the rest are on the stack

  # Counts checkouts in the app, in front of ours.
  COUNT_CHECKOUTS = <<~RUBY
    $checkouts = 0
    ActiveRecord::ConnectionAdapters::ConnectionPool.prepend(Module.new do
      def checkout(...)
        $checkouts += 1
        super
      end
    end)
  RUBY

  attr_reader :target, :gemfile

  # The block gives a target, as EndToEnd#start_target does.
  def initialize(gemfile, directory, env: {})
    @gemfile = gemfile
    shop = File.join(directory, "shop-#{gemfile.rails}").tap { |path| Dir.mkdir(path) }
    environment = gemfile.environment.merge("RUBYLIB" => Target::LIBRARY, "SHOP_DIR" => shop, "SHOP_JOBS" => "inline",
                                            "RAILS_ENV" => "production", **env)
    @target = yield("rails.rb", env: environment, requires: ["bundler/setup"])
    target.ask(:eval, "Railprobe::Engine.limits = nil") # printing every argument takes a while on a busy machine
    @image = target.ask(:report)["images"].find { |image| image["path"].include?("builtin") }.fetch("path")
  end

  # A program that prints every firing of the probes; by default all of provider rails.
  def program(names = probes.keys)
    names.map { |name| "usdt:#{@image}:rails:#{name} { #{prints(name)} }" }.join("\n")
  end

  # Probe => [[argument, type], ...].
  def probes
    @probes ||= JSON.parse(File.read(@image.sub(/so\z/, "json"))).fetch("probes").filter_map do |row|
      next unless row["provider"] == "rails"

      [row.fetch("probe"), row.fetch("arguments").map { |argument| argument.values_at("name", "type") }]
    end.to_h
  end

  def ask(...) = target.ask(...)
  def armed = ask(:rails).fetch("armed")

  # Whether all that is attached is armed, and nothing else is.
  def settled? = ask(:eval, "!Railprobe::Runtime.instance.instance_variable_get(:@hooks).changed?")

  # Asks for the end, waits until it was printed, and gives all that was fired before.
  def firings(tracer)
    ask(:request, "GET", END_PATH)
    tracer.wait_for_line(END_PATH)
    yield if block_given?
    tracer.stop
    # What is behind it may be cut off by the end of the tracer.
    tracer.lines.take_while { |line| !line.include?(END_PATH) }.map { |line| parse(line) }
  end

  private

  def prints(name)
    arguments = probes.fetch(name)
    parts = arguments.each_with_index.map do |(_, type), index|
      place = index < WORDS ? "arg#{index}" : "*(uint64 *)uptr(reg(\"sp\") + #{8 * (index - WORDS + 1)})"
      type == "string" ? %(printf("\\t%s", str(#{place}));) : %(printf("\\t%lld", #{place});)
    end
    %(printf("#{name}"); #{parts.join(" ")} printf("\\n");)
  end

  def parse(line)
    name, *values = line.split("\t", -1)
    arguments = probes.fetch(name).zip(values).to_h do |(argument, type), value|
      [argument.to_sym, type == "string" ? value : Integer(value)]
    end
    Firing.new(name, arguments)
  end
end

# For specs that are EndToEnd.
module RailsTracing
  def start_rails(gemfile, **options)
    rails = RailsTrace.new(gemfile, directory, **options) { |program, **more| start_target(program, **more) }
    rails.ask(:request, "GET", "/orders/1") # what a process does once
    rails
  end

  # A tracer on all probes, or on those, which are armed.
  def attach(rails, names = rails.probes.keys)
    tracer = trace(rails.program(names), on: rails.target, pages: 1024, strlen: 150)
    wait_until("armed: #{rails.armed}") { rails.settled? }
    tracer
  end

  # What a new connection asks for itself, checkouts, and what Rails notifies of itself while somebody wants events.
  def own?(firing)
    firing.name.start_with?("pool__") || (firing.name == "event" && !firing.subject.start_with?("order.")) ||
      (firing.name.start_with?("sql__") && (firing.subject == "SCHEMA" || firing[:sql].include?("sqlite_version")))
  end

  # Request => what was fired from its start to that of the next.
  def by_request(firings, requests)
    groups = firings.slice_before { |firing| firing.name == "request__start" }.to_a
    expect(groups.map { |group| group.first.subject }).to eq(requests.map { |request| request[/[^?]+/] })
    requests.zip(groups).to_h
  end

  # What probes told, of those: [[subject, facts], ...].
  def facts(group, *names)
    group.select { |firing| names.include?(firing.name) && !own?(firing) }
         .map { |firing| [firing.subject, firing.facts] }
  end
end

RSpec.configure { |config| config.include(RailsTracing, :rails_trace) }
