# frozen_string_literal: true

require "support/semantics"

# What docs/differences.md says: all that is different while a method is armed, and that it is gone afterwards.
RSpec.describe "What differs while armed", :native, :semantics do
  # The outcomes in a mode: armed or not, and after it.
  def told(mode, &)
    Semantics::Scene.new(Semantics::Case.new("difference", &), mode).play.first(2).map(&:last)
  end

  # An example that a question is answered so while armed, and like an original's before and afterwards.
  def self.difference(what, armed:, plain:, subject: proc { def f(one, two = 2) = [one, two] }, question:)
    it "is #{what}, and no more once disarmed" do
      definition = proc do
        subject(&subject)
        outcome { |scene| instance_exec(scene, &question) }
        afterwards { |scene| instance_exec(scene, &question) }
      end
      answers = Semantics::MODES.keys.to_h { |mode| [mode, told(mode, &definition)] }

      expect(answers[:plain]).to eq([plain, plain])
      expect(answers[:armed]).to eq([armed, plain])
      expect(answers[:firing]).to eq([armed, plain])
    end
  end

  difference "the arity", plain: -2, armed: -1, question: proc { |scene| scene.subject.new.method(:f).arity }
  difference "the list of parameters", plain: [%i[req one], %i[opt two]], armed: [[:rest]],
                                       question: proc { |scene| scene.subject.instance_method(:f).parameters }
  difference "the owner", plain: true, armed: false,
                          question: proc { |scene| scene.subject.instance_method(:f).owner.equal?(scene.subject) }
  difference "the place of the source", plain: true, armed: false,
                                        question: proc { |scene|
                                          scene.subject.instance_method(:f).source_location.is_a?(Array)
                                        }
  difference "the super method", plain: true, armed: false,
                                 question: proc { |scene| scene.subject.new.method(:f).super_method.nil? }
  difference "the number of frames", plain: 0, armed: 1, subject: proc { def f = caller.size },
                                     question: proc { |scene| scene.subject.new.f - caller.size - 1 }
  difference "the label of the calling frame", plain: "block", armed: "f",
                                               subject: proc { def f = caller_locations(1, 1).first.label[/\w+/] },
                                               question: proc { |scene| scene.subject.new.f }
  name_of_f = RUBY_VERSION < "3.4" ? "`f'" : "'f'"
  difference "the error for a method that was removed",
             plain: "undefined method #{name_of_f}", armed: "super: no superclass method #{name_of_f}",
             question: proc { |scene|
               scene.subject.send(:remove_method, :f) if scene.subject.instance_methods(false).include?(:f)
               failure { scene.subject.new.f }.last[/\A.*[`']f'/]
             }
  difference "whether it answers to a method that was removed", plain: false, armed: true, question: proc { |scene|
    scene.subject.send(:remove_method, :f) if scene.subject.instance_methods(false).include?(:f)
    scene.subject.new.respond_to?(:f)
  }
  difference "the visibility, when it is changed", plain: false, armed: true, question: proc { |scene|
    scene.subject.send(:private, :f)
    scene.subject.new.respond_to?(:f)
  }
  it "is a method that is made an alias of itself: it never ends, which can be rescued" do
    definition = proc do
      base { def f(one) = one }
      subject { def g = 1 }
      outcome { |scene| scene.subject.send(:alias_method, :f, :f) && failure { scene.subject.new.f(1) }.first.to_s }
    end

    expect(told(:plain, &definition).first).to eq("value")
    expect(told(:armed, &definition).first).to eq("SystemStackError")
  end

  it "is the list of ancestors, which keeps an empty module" do
    definition = proc do
      subject { def f = 1 }
      outcome { |scene| scene.subject.ancestors.index(scene.subject) }
      afterwards { |scene|
        [scene.subject.ancestors.index(scene.subject), scene.subject.ancestors.first.instance_methods(false)]
      }
    end

    expect(told(:plain, &definition)).to eq([0, [0, [:f]]])
    expect(told(:armed, &definition)).to eq([1, [1, []]])
  end

  it "is nothing for a class that was frozen before: it is not armed, and the report says why" do
    kase = Semantics::Case.new("frozen") do
      unarmed!
      subject { freeze }
      base { def f = 1 }
      outcome do |scene|
        scene.arm
        frozen = Semantics::Tracers.of(:armed).find { |row| row[:method].end_with?("Subject#f") }
        [scene.subject.new.f, frozen[:state].to_s, frozen[:reason].sub("Armed", "Mode")]
      end
    end

    expect(Semantics::Scene.new(kase, :armed).play.first.last)
      .to match([1, "failed", /can't modify frozen class: .*Subject/])
  end

  it "would be told by the table" do
    plain, armed = %i[plain armed].map do |mode|
      told(mode) do
        subject { def f(one) = one }
        outcome { |scene| scene.subject.instance_method(:f).arity }
      end
    end

    expect(plain).not_to eq(armed)
  end
end
