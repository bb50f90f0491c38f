# frozen_string_literal: true

RSpec.describe "Railprobe::Probe", :native do
  it "lives for as long as it is declared, whether or not anybody holds it" do
    100.times { |number| Railprobe.probe("object_spec:held_#{number}", number: :integer) }
    GC.start
    expect(Railprobe.providers.fetch("object_spec").size).to eq(100)
  ensure
    100.times { |number| Railprobe.remove("object_spec:held_#{number}") }
  end

  it "is never to be found without its probe" do
    Railprobe.probe("object_spec:twice", number: :integer)
    GC.disable
    Railprobe.probe("object_spec:twice", number: :integer) # makes an object that is not used
    found = ObjectSpace.each_object(Railprobe::Probe).map(&:name)
    expect(found.count("object_spec:twice")).to eq(1)
  ensure
    GC.enable
    Railprobe.remove("object_spec:twice")
  end
end
