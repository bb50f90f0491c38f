# frozen_string_literal: true

require_relative "../../generators/tracing/method_scan"

RSpec.describe "Railprobe::Generators::MethodScan" do
  def methods(source) = Railprobe::Generators::MethodScan.new(source).types.to_h { |type| [type.name, type.methods] }

  # What Ruby itself says of the same source.
  def truth(source, *names)
    space = Module.new
    space.module_eval(source)
    names.to_h do |name|
      found = space.const_get(name)
      mine = found.public_instance_methods(false).map(&:to_s)
      [name, mine + found.singleton_methods(false).map { |method| ".#{method}" }]
    end
  end

  def agree(source, *names)
    expect(methods(source).transform_values(&:sort)).to eq(truth(source, *names).transform_values(&:sort))
  end

  it "finds public methods of an object and of its class, whatever they are called" do
    agree(<<~RUBY, "Order")
      class Order
        def initialize(id) = @id = id
        def pay!(by, at: nil, **) = [by, at]
        def paid? = true
        def id=(id); end
        def []=(key, value); end
        def +(other) = other
        def !; end
        def `(command) = command
        def class = super
        def Order; end
        def self.import(*) = nil
        def self.[](id) = id
        class << self
          def build(&) = nil
        end
      end
    RUBY
  end

  it "leaves out what is private or protected, in whatever way that is said" do
    agree(<<~RUBY, "Order")
      class Order
        private def one; end
        def two; end
        private :two
        def three; end
        def four?; end
        def five; end
        private :three, "four?"
        private(*%i[five])
        def six; end
        private_class_method def self.seven; end
        def self.eight; end
        private_class_method :eight
        class << self
          def nine; end
          private
          def ten; end
        end
        protected
        def eleven; end
        public
        def twelve; end
        private
        public def thirteen; end
        def self.fourteen; end
        attr_reader :fifteen
        def sixteen; end
      end
    RUBY
  end

  it "takes module_function for what it is" do
    agree(<<~RUBY, "Price")
      module Price
        def plain; end
        def named; end
        module_function :named
        module_function def one; end
        module_function
        def two; end
      end
    RUBY
  end

  it "knows the names of what is nested" do
    expect(methods(<<~RUBY)).to eq("Shop::Order" => %w[pay], "Shop::Order::Line" => %w[sum], "Cart" => %w[add])
      module Shop
        class Order < Struct.new(:id)
          def pay; end
          class Line
            def sum; end
          end
        end
        class ::Cart
          def add; end
        end
        class self::Odd
          def lost; end
        end
      end
      def free; end
    RUBY
    expect(methods("class A::B::C\n  def x; end\nend")).to eq("A::B::C" => %w[x])
  end

  it "gathers a class that is opened twice, and leaves out one without methods" do
    twice = "class A; def x; end; end; class A; def x; end; def y; end; end"
    expect(methods("#{twice}; class B; end")).to eq("A" => %w[x y])
  end

  it "finds nothing in what is no Ruby" do
    ["class A; def", "\0", "<%= x %>", "", "__END__"].each { |source| expect(methods(source)).to eq({}) }
  end
end
