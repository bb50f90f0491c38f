# frozen_string_literal: true

require "json"

# What holds on both engines; `rake spec` runs it on the native one, `rake spec:idle` on the idle one.
RSpec.describe Railprobe, :runtime do
  describe ".probe" do
    it "gives a probe that tells what was declared" do
      probe = described_class.probe("inventory:reserved", sku: :string, quantity: :integer)

      expect(probe).to be_a(Railprobe::Probe).and be_frozen
      expect(probe).to have_attributes(
        name: "inventory:reserved", provider: "inventory", usdt_name: "reserved",
        arguments: { sku: :string, quantity: :integer }, path: nil, attached?: false, rejected: 0,
        inspect: "#<#{Railprobe::Probe} inventory:reserved(sku: string, quantity: integer)>"
      )
    end

    it "takes all types, and no arguments" do
      types = %i[integer string symbol boolean float time bytes]
      expect(declare("spec:types", **types.to_h { |type| [type, type] }).arguments.values).to eq(types)
      expect(declare("spec:none").arguments).to eq({})
    end

    it "gives the same probe for the same declaration" do
      expect(declare("spec:same", id: :integer)).to equal(declare(:"spec:same", id: :integer))
    end

    it "takes the names that Ruby's methods have" do
      names = %w[order:paid? order:refund! order:total= order:[] order:<=> Order:größe]

      expect(names.map { |name| declare(name).name }).to eq(names)
    end

    it "spells them so that readers take them", :native do
      probes = ["order:paid?", "order:refund!", "order:<=>", "order:[]="].map { |name| declare(name) }

      expect(probes.map(&:usdt_name)).to eq(%w[paid_p refund_bang cmp aset])
    end

    refused = {
      "other arguments" => [["spec:twice", { id: :string }], /spec:twice: .*already declared with other arguments/],
      "an argument more" => [["spec:twice", { id: :integer, more: :integer }], /already declared with other arguments/],
      "13 arguments" => [["spec:a", (1..13).to_h { |number| [:"n#{number}", :integer] }], /at most 12/],
      "an unknown type" => [["spec:a", { id: :sting }], /:sting is no type for id; did you mean :string\?/],
      "half a name" => [["spec", {}], /"spec" is no name of a probe: write "provider:name"/],
      "a NUL byte" => [["spec:a\0b", {}], /"spec:a\\u0000b" is no name of a probe/],
      "broken text" => [["spec:\xFF", {}], /"spec:\\xFF" is no name of a probe/],
      "an argument's name with a NUL byte" => [["spec:a", { "b\x00": :integer }], /is no name for an argument/]
    }
    refused.each do |what, ((name, arguments), message)|
      context "when refusing #{what}" do
        before { declare("spec:twice", id: :integer) }

        it "complains, and gives a probe that does nothing" do
          probe = described_class.probe(name, **arguments)

          expect(probe).to be_a(Railprobe::IdleProbe).and have_attributes(name: name, attached?: false)
          expect([probe.fire, probe.fire(1, 2), probe.path]).to eq([false, false, nil])
          expect(messages).to contain_exactly(a_string_matching(message))
          expect(described_class.report[:probes]).to eq(1)
        end

        it "raises under strict" do
          described_class.strict = true

          expect { described_class.probe(name, **arguments) }.to raise_error(Railprobe::DeclarationError, message)
        end
      end
    end

    it "refuses names that only differ until they are spelled for readers", :native do
      declare("spec:paid?")

      expect(declare("spec:paid_p")).to be_a(Railprobe::IdleProbe)
      expect(messages).to contain_exactly(/spec:paid_p: two names are the same once mangled; the other is spec:paid\?/)
      described_class.strict = true
      expect { declare("spec:paid_p") }.to raise_error(Railprobe::DeclarationError, /the same once mangled/)
    end

    it "refuses names that are longer than the kernel takes", :native do
      longest = [declare("#{"p" * 59}:a"), declare("spec:#{"n" * 63}")]
      longer = [declare("#{"p" * 60}:a"), declare("spec:#{"n" * 64}")]

      expect(longest).to all(be_a(Railprobe::Probe))
      expect(longer).to all(be_a(Railprobe::IdleProbe))
      expect(messages).to all(include("longer than 63 bytes"))
    end
  end

  describe ".[]" do
    it "finds what was declared, by string and symbol" do
      probe = declare("spec:found", id: :integer)

      expect(described_class["spec:found"]).to equal(probe)
      expect(described_class[:"spec:found"]).to equal(probe)
    end

    it "complains of an unknown name once, and gives a probe that does nothing" do
      declare("spec:reserved")
      probes = Array.new(3) { described_class["spec:resevred"] }

      expect(probes).to all(be_a(Railprobe::IdleProbe).and(have_attributes(name: "spec:resevred", attached?: false)))
      expect(probes.map { |probe| probe.fire(1, "two") { raise "not run" } }).to all(be(false))
      expect(messages).to eq(["railprobe: no probe \"spec:resevred\" is declared; did you mean \"spec:reserved\"?"])
    end

    it "suggests nothing where nothing is near" do
      declare("spec:reserved")
      described_class["other:thing_altogether"]

      expect(messages).to eq(["railprobe: no probe \"other:thing_altogether\" is declared"])
    end

    it "raises under strict" do
      declare("spec:reserved")
      described_class.strict = true

      expect { described_class["spec:reservd"] }
        .to raise_error(Railprobe::UnknownProbeError, /"spec:reservd" is declared; did you mean "spec:reserved"\?/)
    end

    it "takes anything for a name" do
      names = [nil, 5, "", "spec", "a:b\0c", "\xFF:b", "a:b".encode("UTF-16LE"), "a:#{"b" * 100}"]

      expect(names.map { |name| described_class[name].fire }).to all(be(false))
      expect(messages.size).to eq(names.uniq(&:to_s).size)
    end

    it "keeps no more than a bounded number of complaints apart" do
      most = Railprobe::Runtime::COMPLAINTS_MAX
      (most + 50).times { |number| described_class["spec:#{number}"] }

      expect(described_class.report[:complaints].size).to eq(most + 1)
      expect(described_class.report[:complaints].values.sum).to eq(most + 50)
      expect(messages.last).to eq("railprobe: there is more to complain of than the #{most} things said")
    end
  end

  describe ".remove" do
    it "takes a declaration back, once" do
      declare("spec:gone")

      expect(described_class.remove("spec:gone")).to be(true)
      expect(described_class.remove("spec:gone")).to be(false)
      expect(described_class["spec:gone"]).to be_a(Railprobe::IdleProbe)
    end

    it "is false for what is no name" do
      expect([nil, "", "spec", "a\0:b", "\xFF:b"].map { |name| described_class.remove(name) }).to all(be(false))
    end

    it "makes room for other arguments" do
      declare("spec:again", id: :integer)
      described_class.remove("spec:again")

      expect(declare("spec:again", id: :string).arguments).to eq(id: :string)
      expect(messages).to be_empty
    end
  end

  describe ".load and .unload" do
    it "says that the probes are there, again and again" do
      declare("spec:one")

      expect(Array.new(2) { described_class.load }).to all(eq(true))
      declare("spec:two")
      expect(described_class.load(site: :safe)).to be(true)
      expect(described_class.unload).to be(true)
      expect(messages).to be_empty
    end

    it "works with nothing declared" do
      expect([described_class.load, described_class.unload, described_class.unload]).to all(be(true))
    end

    it "takes every declaration back" do
      probe = loaded("spec:one")
      described_class.unload

      expect(described_class.providers).to eq({})
      expect(probe).to have_attributes(name: "spec:one", attached?: false, path: nil, fire: false)
      expect(declare("spec:one")).not_to equal(probe)
    end

    it "complains of a site that there is none of, and loads" do
      expect([described_class.load(site: :quick), described_class.load(site: 5)]).to all(be(true))
      expect(messages).to contain_exactly(/no site :quick: write safe or fast/, /no site :"5": write safe or fast/)
      described_class.strict = true
      expect { described_class.load(site: :quick) }.to raise_error(Railprobe::LoadError, /no site :quick/)
    end

    it "puts the image where the probes say", :native do
      probes = [loaded("spec:one"), loaded("other:two")]

      expect(probes.map(&:path).uniq).to contain_exactly(a_string_matching(%r{\A#{images_directory}/app-\h+\.so\z}))
      expect(File.realpath("#{images_directory}/app.so")).to eq(File.realpath(probes.first.path))
      expect(described_class.report[:images].count { |image| image[:path].include?("/app-") }).to eq(1)
    end

    it "reports the images that can be attached to, and counts those that they have replaced", :native do
      loaded("spec:first")
      before = described_class.report
      100.times { |number| loaded("spec:next#{number}") }
      report = described_class.report

      expect(report[:images].size).to eq(before[:images].size)
      expect(report[:images].map { |image| image[:state] }).to all(eq(:current))
      expect(report[:retired_images]).to eq(before[:retired_images] + 100)
    end

    it "makes no directory that it doesn't need", :native do
      unused = %w[XDG_RUNTIME_DIR TMPDIR].to_h { |name| [name, "#{images_directory}/#{name}"] }
      with_env(unused) { loaded("spec:one") }

      expect(Dir.children(images_directory).grep(/DIR/)).to be_empty
    end

    it "uses the image that is there", :native do
      path = loaded("spec:one").path
      described_class.load

      expect(described_class["spec:one"].path).to eq(path)
      expect(described_class.report[:images].select { |image| image[:path] == path }.map { |image| image[:state] })
        .to eq([:current])
    end

    it "ends the probe that was removed before", :native do
      gone = loaded("spec:gone")
      stays = loaded("spec:stays")
      described_class.remove("spec:gone")
      expect(gone.path).to eq(stays.path)

      expect(described_class.load).to be(true)
      expect(gone).to have_attributes(path: nil, attached?: false, fire: false)
      expect(stays.path).not_to be_nil
    end

    it "asks for a fast site only where the kernel has one", :native do
      expect(declare("spec:one").path).to be_nil
      allow(Railprobe::Engine).to receive(:fast_site?).and_return(false)
      described_class.load(site: :fast)
      expect(described_class.report[:images].first[:site]).to eq(:safe)
    end

    it "takes the fast site by argument or RAILPROBE_SITE where there is one", :native do
      skip("this kernel has no fast site") unless Railprobe::Engine.fast_site?
      declare("spec:one")
      with_env("RAILPROBE_SITE" => "fast") { described_class.load }
      expect(described_class.report[:images].first[:site]).to eq(:fast)
      with_env("RAILPROBE_SITE" => "fast") { described_class.load(site: :safe) }
      expect(described_class.report[:images].first[:site]).to eq(:safe)
      with_env("RAILPROBE_SITE" => "") { described_class.load(site: :fast) }
      expect(described_class.report[:images].first[:site]).to eq(:fast)
      expect(messages).to be_empty
    end
  end

  describe ".providers" do
    it "groups the probes, all in the order of their names" do
      %w[b:two a:one b:one].each { |name| declare(name) }

      expect(described_class.providers.transform_values { |probes| probes.map(&:name) }.to_a)
        .to eq([["a", ["a:one"]], ["b", ["b:one", "b:two"]]])
    end
  end

  describe ".report" do
    subject(:report) { described_class.report }

    it "has these keys, whatever the engine" do
      expect(report.keys).to eq(%i[supported unsupported_reason probes attached rejected images retired_images attempts
                                   watcher vm_hooks tracers helper_types limits rails complaints])
      expect(report[:watcher].keys).to eq(%i[running interval_ms wake_signal])
    end

    it "counts" do
      2.times { described_class["spec:unknown"] }
      loaded("spec:one")

      expect(report).to include(supported: described_class.supported?, probes: 1, attached: [], rejected: {},
                                unsupported_reason: described_class.unsupported_reason, attempts: [],
                                complaints: { "no probe \"spec:unknown\" is declared" => 1 })
    end

    it "consists of plain values, which JSON brings over" do
      loaded("spec:one", id: :integer).fire
      described_class["spec:unknown"]

      expect(plain?(report)).to be(true)
      expect(JSON.parse(JSON.generate(report)).keys).to eq(report.keys.map(&:to_s))
    end

    it "is the caller's own" do
      report[:complaints]["mine"] = 1
      expect(described_class.report[:complaints]).to be_empty
    end

    it "tells of the image", :native do
      probe = loaded("spec:one", id: :integer)

      expect(report[:images].first).to include(path: probe.path, state: :current, probes: 1, attached: 0, site: :safe,
                                               bytes: File.size(probe.path), in_memory: false)
      expect(report[:watcher]).to include(running: true)
    end

    def plain?(value)
      case value
      when Hash then value.all? { |key, inner| plain?(key) && plain?(inner) }
      when Array then value.all? { |inner| plain?(inner) }
      when String, Symbol, Integer, true, false, nil then true
      else false
      end
    end
  end

  describe ".supported?" do
    it "is whether there is no reason against it" do
      expect(described_class.supported?).to be(described_class.unsupported_reason.nil?)
    end

    it "is true where the engine runs", :native do
      expect(described_class).to have_attributes(supported?: true, unsupported_reason: nil)
    end

    it "is false, with the reason, where it doesn't", :idle do
      expect(described_class.supported?).to be(false)
      expect(described_class.unsupported_reason).to match(/switched off by RAILPROBE=0|native extension is not there/)
    end
  end

  describe ".strict" do
    it "is off, and true or false once set" do
      expect(described_class.strict).to be(false)
      described_class.strict = "yes"
      expect(described_class.strict).to be(true)
      described_class.strict = nil
      expect(described_class.strict).to be(false)
    end
  end

  describe "firing what nobody is attached to" do
    let(:probe) { loaded("spec:fired", sku: :string, quantity: :integer) }

    it "is false" do
      expect(probe.fire("a", 1)).to be(false)
      expect(probe.rejected).to eq(0)
    end

    it "doesn't run the block, strict or not" do
      [false, true].each do |strict|
        described_class.strict = strict
        expect(probe.fire { raise "run" }).to be(false)
      end
    end

    it "raises under strict for a wrong number of values" do
      described_class.strict = true

      expect { probe.fire("a") }
        .to raise_error(Railprobe::ArgumentError, "spec:fired(sku: string, quantity: integer) was fired with " \
                                                  "(String): the number of values is wrong")
      expect { probe.fire }.to raise_error(Railprobe::ArgumentError, /with \(\): the number/)
      expect(probe.fire("a", 1)).to be(false)
    end

    it "counts a wrong number of values, tells of it once and raises nothing", :native do
      3.times { expect(probe.fire("a")).to be(false) }

      expect(probe.rejected).to eq(3)
      expect(described_class.report[:rejected]).to eq("spec:fired" => 3)
      expect(messages).to contain_exactly(/spec:fired\(.*\) was fired with \(String\): the number of values is wrong/)
    end

    it "never counts and never complains", :idle do
      expect([probe.fire("a"), probe.fire(1, 2)]).to eq([false, false])
      expect(probe.rejected).to eq(0)
      expect(messages).to be_empty
    end
  end

  describe ".on_change" do
    it "wants a block and gives it back" do
      block = ->(_probe, _attached) {}

      expect(described_class.on_change(&block)).to equal(block)
      expect(described_class.off_change(block)).to be_nil
      expect { described_class.on_change }.to raise_error(ArgumentError, "on_change needs a block")
    end
  end

  describe ".root" do
    it "is the working directory until set" do
      expect(described_class.root).to eq(Dir.pwd)
      described_class.root = "/srv/shop"
      expect(described_class.root).to eq("/srv/shop")
    end
  end

  describe ".logger" do
    it "is standard error until set" do
      described_class.logger = nil
      expect { described_class["spec:unknown"] }.to output("railprobe: no probe \"spec:unknown\" is declared\n")
        .to_stderr
    end

    [StandardError, NotImplementedError].each do |error|
      it "may raise #{error} without harm" do
        logger = log
        logger.define_singleton_method(:warn) { |_message| raise error, "the disk is full" }

        expect(described_class["spec:unknown"]).to be_a(Railprobe::IdleProbe)
        expect(described_class.report[:complaints].values).to eq([1])
      end
    end

    it "may have no #warn" do
      described_class.logger = Object.new
      expect(described_class["spec:unknown"].fire).to be(false)
    end
  end

  it "has a version" do
    expect(Railprobe::VERSION).to match(/\A\d+\.\d+\.\d+/)
  end

  it "raises nothing but what descends from Railprobe::Error" do
    errors = [Railprobe::DeclarationError, Railprobe::ArgumentError, Railprobe::UnknownProbeError, Railprobe::LoadError]

    expect(errors).to all(be < Railprobe::Error)
    expect(Railprobe::Error).to be < StandardError
  end
end
