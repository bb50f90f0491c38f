# frozen_string_literal: true

require "open3"
require "rbconfig"
require "support/semantics"

# What a method can see of its caller and of the machine that runs it.
RSpec.describe "The machine around a traced method", :native, :semantics do
  semantics "caller_locations(1, 1), __method__, __callee__ and __FILE__" do
    subject do
      def f = caller_locations(1, 1).map { |at| [at.path, at.lineno] }
      def g = [__method__, __callee__, __FILE__, __LINE__]
    end
    outcome { |scene| [scene.subject.new.f, scene.subject.new.g] }
  end

  semantics "binding, eval and local variables in the body" do
    subject do
      def f(one, two = 2)
        three = one + two
        [binding.local_variables, eval("one + three", binding, __FILE__, __LINE__), local_variables,
         binding.receiver.equal?(self), three]
      end
    end
    outcome { |scene| scene.subject.new.f(1) }
  end

  semantics "binding that outlives the call" do
    subject { def f(one) = binding }
    outcome { |scene|
      scene.subject.new.f(5).then { |kept|
        GC.start || [kept.local_variable_get(:one), kept.eval("one + 1")]
      }
    }
  end

  semantics "closures that outlive the call" do
    subject { def f(one) = [-> { one += 1 }, -> { one }] }
    outcome { |scene| scene.subject.new.f(1).then { |add, read| [add.call, add.call, read.call] } }
  end

  semantics "$~ of the caller, which the body leaves alone" do
    subject { def f(text) = text =~ /(b)/ && $1 }
    outcome { |scene| "a" =~ /(a)/ && [scene.subject.new.f("b"), $1] }
  end

  semantics "$_, $; and other variables of the frame" do
    subject { def f = $_ = "inner" }
    outcome do |scene|
      $_ = "outer"
      [scene.subject.new.f, $_]
    end
  end

  semantics "warning with its caller's place" do
    subject { def f = warn("railprobe's own", uplevel: 0) }
    outcome do |scene|
      error = $stderr
      $stderr = StringIO.new
      scene.subject.new.f
      $stderr.string
    ensure
      $stderr = error
    end
  end

  semantics "refinement of the method" do
    subject { def f = [:own] }
    outcome do |scene|
      eval(<<~RUBY, TOPLEVEL_BINDING.dup, __FILE__, __LINE__ + 1) # rubocop:disable Style/EvalWithLocation
        refinement = Module.new do
          refine(#{scene.subject.name}) { def f = [:refined] + super }
        end
        using refinement
        [#{scene.subject.name}.new.f, #{scene.subject.name}.new.send(:f), [#{scene.subject.name}.new].map(&:f)]
      RUBY
    end
    afterwards { |scene| scene.subject.new.f }
  end

  semantics "recursion, mutual and through a block" do
    subject do
      def f(number) = number < 2 ? number : f(number - 1) + f(number - 2)
      def g(number) = number.zero? ? 0 : h(number) { |one| g(one - 1) }
      def h(number) = 1 + yield(number)
    end
    outcome { |scene| [scene.subject.new.f(15), scene.subject.new.g(100)] }
  end

  # -- the collector --

  semantics "values under GC.stress" do
    subject do
      def f(one, *rest, key: "k", &block) = [one, rest, key, block&.call("b")].map { |value| value.inspect + "!" }
      def g = raise("text #{[1, 2].map(&:to_s)}")
    end
    outcome do |scene|
      subject = scene.subject.new
      GC.stress = 1 # a minor collection at each allocation; rake spec:gc has the major ones
      [subject.f("a", "b", "c", key: "d") { |text| text + "e" }, failure { subject.g }, subject.f(%w[x y])]
    ensure
      GC.stress = false
    end
  end

  semantics "values that are moved by GC.compact" do
    subject { def f(*values, **keywords) = GC.compact && [values, keywords, yield] }
    outcome do |scene|
      5.times.map { |number|
        scene.subject.new.f("text #{number}", [number.to_s], key: { number.to_s => 1 }) {
          "block #{number}"
        }
      }
    end
  end

  semantics "references that are verified to be up to date" do
    subject { def f(one) = GC.verify_compaction_references(double_heap: true, toward: :empty) && one }
    outcome { |scene| scene.subject.new.f("text" * 20) }
  end if GC.respond_to?(:verify_compaction_references) # rubocop:disable Style/MultilineIfModifier

  semantics "receiver and arguments that nothing else holds" do
    subject { def f(one, two) = GC.start && [one.reverse, two.call, self.class.name] }
    outcome { |scene| scene.subject.new.f("abc" * 3, -> { "kept" }) }
  end

  # With the type gc each call reads Ruby's own, whatever has been put in its place.
  semantics "another GC.total_time, which is not called" do
    subject { def f = :value }
    outcome do |scene|
      called = []
      GC.singleton_class.class_eval do
        alias_method :kept_total_time, :total_time
        define_method(:total_time) { called << :called }
      end
      [scene.subject.new.f, called.dup, GC.total_time.size]
    ensure
      GC.singleton_class.class_eval do
        alias_method :total_time, :kept_total_time
        remove_method :kept_total_time
      end
    end
  end

  # -- the ends of the stack --

  describe "a stack overflow" do
    runners = { "main thread" => :call.to_proc, "thread" => ->(work) { Thread.new(&work).value },
                "fiber" => ->(work) { Fiber.new(&work).resume } }

    runners.each do |place, runner|
      semantics "rescue of it in a #{place}" do
        subject do
          def f(depth) = [f(depth + 1)]
          def g
            f(0)
          rescue SystemStackError => error
            [error.class.name, error.message]
          end
        end
        outcome do |scene|
          work = -> { [scene.subject.new.g, failure { scene.subject.new.f(0) }, 1.then { |one| one + 1 }] }
          2.times.map { runner.call(work) }
        end
      end
    end

    # How deep a method can call itself, in the three places.
    def depths(mode, runners)
      kase = Semantics::Case.new("depth") do
        subject do
          attr_reader :depth

          def f
            @depth = (@depth || 0) + 1
            f
          end
        end
        outcome do |scene|
          runners.transform_values do |runner|
            object = scene.subject.new
            runner.call(-> { failure { object.f } })
            object.depth
          end
        end
      end
      Semantics::Scene.new(kase, mode).play.first.last
    end

    it "comes sooner in armed methods: the depths are those of docs/differences.md" do
      plain, armed, firing = Semantics::MODES.keys.map { |mode| depths(mode, runners) }

      # A level goes through C, and takes machine stack: 8 MiB in the main thread, 1 MiB in others, less in a fiber.
      expect(plain.values).to all(be > 1_000)
      expect(armed["main thread"]).to be_between(2_500, plain["main thread"])
      expect(armed["thread"]).to be_between(400, plain["thread"])
      expect(armed["fiber"]).to be_between(200, plain["fiber"])
      expect(firing.values.zip(armed.values)).to all(satisfy { |with, without| with > without * 0.8 })
    end

    # The texts of a probe take as much of the stack as Ruby keeps back for a function of C, and at the last level a
    # block may start a collection behind them.
    deep = <<~RUBY
      require #{File.expand_path("../support/semaphore", __dir__).inspect}
      class Deep
        attr_reader :depth

        def f(*values) = (@depth = (@depth || 0) + 1) && [f(*values)]
      end
      last = Float::INFINITY
      Railprobe.helper_type(:collected, on: :entry, depth: :integer) do |call|
        call.receiver.depth.to_i.tap { |depth| GC.start if depth > last - 3 }
      end
      File.write("t.yml", "tracers: [{class: Deep, methods: [f], types: [args, stack, result, exception, collected]}]")
      Railprobe.start("t.yml")
      Railprobe::Engine.limits = nil
      %w[entry return raise].each { |moment| Semaphore.new(Railprobe["deep:f__\#{moment}"]).add(1) }
      Railprobe::Engine.settle
      overflow = lambda do
        object = Deep.new
        object.f(1, "two")
      rescue SystemStackError
        object.depth
      end
      runners = [:call.to_proc, ->(work) { Thread.new(&work).value }, ->(work) { Fiber.new(&work).resume }]
      depths = runners.map do |runner|
        last = Float::INFINITY
        last = runner.call(overflow)
        runner.call(overflow)
      end
      puts depths.inspect, Railprobe.report[:helper_types].inspect
    RUBY

    it "finds room for what a probe tells at the last level, a collection included" do
      child = ChildRuby.run(deep)

      expect([child.errors, child.status.success?]).to eq(["", true])
      expect(JSON.parse(child.lines.first)).to all(be > 200)
      expect(child.lines.last).to include("failures: 0").or include(":failures=>0")
    end
  end

  describe "a Ractor" do
    it "calls armed methods, in parallel with others, with the values that are right" do
      Dir.mktmpdir do |directory|
        Dir.mkdir(File.join(directory, "images"), 0o700)
        program = File.expand_path("../support/ractors.rb", __dir__)
        output, status = Bundler.with_unbundled_env do
          Open3.capture2e({ "RAILPROBE_DIR" => File.join(directory, "images") }, RbConfig.ruby, "-W:no-experimental",
                          "-I", File.expand_path("../../lib", __dir__), program, directory)
        end
        expect([output, status.success?]).to eq(["armed [1498500, 1498500, 1498500, 1498500]\n", true])
      end
    end
  end
end
