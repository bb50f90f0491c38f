# frozen_string_literal: true

RSpec.describe "Railprobe::Probe", :native do
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
