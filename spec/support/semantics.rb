# frozen_string_literal: true

require "tmpdir"
require_relative "semaphore"

# A table of what Ruby programs do with methods. Each case is run three times, with classes made anew: with
# methods that nobody traces, with armed ones, and with armed ones that measure and fire everything there is.
# What comes out has to be the same; what may differ is told in docs/differences.md and in differences_spec.rb.
#
#   semantics "optional parameters" do
#     subject { def f(one, two = 2) = [one, two] }
#     outcome { |scene| scene.subject.new.f(1) }
#   end
#
# No tracer is needed: the semaphores are raised in memory, and a site without a breakpoint may be called.
module Semantics
  # Mode => the types of its tracers. With exception alone a call is armed and fires nothing unless it raises.
  MODES = {
    plain: nil,
    armed: %i[exception],
    firing: %i[latency entry args result exception stack allocations gc cpu asked_entry asked_return asked_raise]
  }.freeze
  # Helper types of the app's own: the probe of each, and a block that asks everything there is.
  ASKED = {
    asked_entry: [:entry, ->(call) { [call.method_name.size, call.arguments.size] }],
    asked_return: [:return, ->(call) { [call.duration_ns, call.exception ? 1 : 0].tap { call.result } }],
    asked_raise: [:raise, ->(call) { [call.duration_ns, call.exception.object_id].tap { call.receiver } }]
  }.freeze
  CLASSES = %i[Subject Base Mixin].freeze
  NAMES = %w[
    f g h f? f! f= + - * [] []= -@ ! == != call <=> =~ << % initialize initialize_copy each to_s inspect hash eql?
    to_str to_proc method_missing respond_to_missing? coerce marshal_dump marshal_load reader writer= upcase gsub match?
    instance_eval block_given? method_added inherited süß
  ].freeze

  # The classes of each mode, while a case runs.
  MODES.each_key { |mode| const_set(mode.to_s.capitalize, Module.new) }

  # One line of the table.
  class Case
    attr_reader :name, :bodies

    def initialize(name, &)
      @name = name
      @bodies = {}
      instance_eval(&)
    end

    # Bodies of the classes; Subject descends from Base, and includes Mixin if it says so.
    %i[mixin base subject outcome afterwards].each do |part|
      define_method(part) { |&block| @bodies[part] = block }
    end

    # What Base descends from; and without a Base, Subject.
    def root(root = nil)
      root ? @root = root : @root || Object
    end

    # A case that makes Subject by itself, such as a Struct.
    def make(&block)
      block ? @make = block : @make
    end

    # For an outcome with several errors: the class and message of one.
    def failure
      [:value, yield]
    rescue Exception => error # rubocop:disable Lint/RescueException
      [error.class, error.message]
    end

    # A case of what arming itself does begins with nothing armed.
    def unarmed! = @unarmed = true
    def unarmed? = @unarmed
  end

  # The probes of all modes, declared once for the whole run: what changes are the classes.
  module Tracers
    class << self
      # The probes of the methods that are there in a mode, armed or ready.
      def of(mode)
        start
        Railprobe::Runtime.instance.deliver
        prefix = "Semantics::#{mode.to_s.capitalize}::"
        Railprobe.report[:tracers].select { |row| row[:method].start_with?(prefix) && row[:state] != :waiting }
      end

      def semaphore(row) = @semaphores[row[:probes].first] ||= Semaphore.new(Railprobe[row[:probes].first])

      # Leaves the process as if there had never been any.
      def stop
        return unless @directory

        apply("version: 1\n")
        Railprobe.unload
        ENV["RAILPROBE_DIR"] = @outer
        FileUtils.remove_entry(@directory)
        @directory = nil
      end

      private

      def start
        return if @directory

        @semaphores = {}
        ASKED.each do |name, (moment, block)|
          Railprobe.helper_type(name, on: moment, "#{name}_one": :integer, "#{name}_two": :integer, &block)
        end
        @directory = Dir.mktmpdir("semantics")
        @outer = ENV.fetch("RAILPROBE_DIR", nil)
        ENV["RAILPROBE_DIR"] = File.join(@directory, "images").tap { |path| Dir.mkdir(path, 0o700) }
        apply(yaml)
      end

      def apply(text)
        path = File.join(@directory, "tracers.yml")
        File.write(path, "limits: {rate: 0, cpu: 0}\n#{text}")
        Railprobe.start(path) or raise "the tracers do not start: #{Railprobe.report}"
      end

      def yaml
        MODES.compact.flat_map { |mode, types| CLASSES.map { |name| entry(mode, types, name) } }
             .unshift("version: 1\nreload: false\ntracers:\n").join
      end

      def entry(mode, types, name)
        methods = (NAMES + %w[.f .g .new .inherited]).map { |method| %("#{method}") }.join(", ")
        "  - class: Semantics::#{mode.to_s.capitalize}::#{name}\n    methods: [#{methods}]\n    " \
          "types: [#{types.join(", ")}]\n"
      end
    end
  end

  # A case in one of its modes.
  class Scene
    attr_reader :mode, :subject, :base, :mixin

    def initialize(kase, mode)
      @kase = kase
      @mode = mode
      @scope = Semantics.const_get(mode.to_s.capitalize)
      @raised = []
    end

    # What came of it: of the outcome, and of what follows once all is disarmed.
    def play
      build
      arm unless @kase.unarmed?
      told = [tell(@kase.bodies.fetch(:outcome))]
      disarm
      told << tell(@kase.bodies[:afterwards]) if @kase.bodies[:afterwards]
      told << wrapped
    ensure
      disarm
      CLASSES.each { |name| @scope.send(:remove_const, name) if @scope.const_defined?(name, false) }
    end

    # Does what the kernel does when a tracer comes, and arms as the watcher would have it done.
    def arm
      return if mode == :plain

      rows = Tracers.of(mode)
      raise "nothing to arm in #{@kase.name}" if rows.empty?

      @raised = rows.map { |row| Tracers.semaphore(row).tap { |semaphore| semaphore.add(1) } }
      Railprobe::Engine.settle
      @wrappers ||= wrappers
      @armed_once = states.include?(:armed) or raise "nothing was armed in #{@kase.name}: #{Tracers.of(mode)}"
      nil
    end

    def disarm
      @raised.each { |semaphore| semaphore.add(-1) }
      @raised = []
      Railprobe::Engine.settle unless mode == :plain
      nil
    end

    def states = Tracers.of(mode).map { |row| row[:state] }.uniq
    def armed_once? = @armed_once || mode == :plain

    private

    def build
      @mixin = define(:Mixin, Module.new)
      @base = define(:Base, Class.new(@kase.root)) if @kase.bodies[:base]
      @subject = define(:Subject, @kase.make ? @kase.make.call : Class.new(@base || @kase.root))
    end

    def define(name, made)
      @scope.const_set(name, made)
      body = @kase.bodies[name.downcase]
      made.class_exec(self, &body) if body
      made
    end

    def wrappers
      [subject, base, mixin].compact.flat_map { |made| [made, made.singleton_class] }
                            .flat_map { |made| made.ancestors.take_while { |ancestor| !ancestor.equal?(made) } }
    end

    # Methods that are left in the modules that were prepended: none ever.
    def wrapped
      (@wrappers || []).select { |found| found.name.nil? }
                       .flat_map { |found| found.instance_methods(false) + found.private_instance_methods(false) }
    end

    def tell(block)
      value = block.call(self)
      [:value, Plain.of(value)]
    rescue Exception => error # rubocop:disable Lint/RescueException
      raise if error.is_a?(RSpec::Expectations::ExpectationNotMetError)

      [:raised, Plain.of(error)]
    end
  end

  # Outcomes as values that can be compared: without addresses, without the mode's own name, and backtraces
  # without the frames that a wrapper adds.
  module Plain
    FRAME = /\A(.+:\d+):in [`'](.+)'\z/ # from Ruby 3.4 on with the name of the class, if it has one

    module_function

    def of(value)
      case value
      when Array then value.map { |element| of(element) }
      when Hash then value.to_h { |key, element| [of(key), of(element)] }
      when String then text(value)
      when Exception then [value.class.name, text(value.message), frames(value.backtrace), of(value.cause)]
      when Integer, Float, Symbol, true, false, nil then value
      else text(Kernel.instance_method(:inspect).bind_call(value))
      end
    end

    def text(string)
      string.dup.force_encoding(Encoding::UTF_8).gsub(/0x\h+/, "0x").gsub(/Semantics::(?:Plain|Armed|Firing)/, "Mode")
    end

    # A wrapper's frame has the place of its caller, and the label of the method.
    def frames(lines)
      return unless lines

      lines = lines.take_while { |line| !line.include?(__FILE__) }
      lines.each_cons(2).reject { |line, outer| place(line) == place(outer) && wrapper?(line) }.map(&:first)
           .push(*lines.last).map { |line| text(line) }
    end

    def place(line) = line[FRAME, 1]
    def wrapper?(line) = NAMES.include?(line[FRAME, 2])
  end

  # In a group of examples: a case, and the example that plays it in all modes.
  module Table
    def semantics(name, &)
      kase = Case.new(name, &)
      it "has the same #{name}" do
        plain, *others = MODES.each_key.map do |mode|
          scene = Scene.new(kase, mode)
          told = scene.play
          expect(scene).to be_armed_once
          told
        end
        expect(plain.last).to eq([])
        others.each { |other| expect(other).to eq(plain) }
      end
    end
  end
end

RSpec.configure do |config|
  config.extend(Semantics::Table, :semantics)
  config.after(:context, :semantics) { Semantics::Tracers.stop } # other specs load and unload as well
end
