# frozen_string_literal: true

require "support/rails_app"

RSpec.describe "Railprobe::Railtie" do
  images = "puts Railprobe.report[:images].map { |image| image[:path].delete_prefix(Dir.pwd)[/.*(?=-)/] }"

  Gemfiles.here.each do |gemfile|
    context "with Rails #{gemfile.rails}", skip: gemfile.missing do
      define_method(:run) { |*arguments, **options| RailsApp.run(gemfile, *arguments, **options) }

      it "loads the builtin probes with no file, into the app's tmp", :native do
        result = run(images)

        expect([result.output, result.errors, result.log]).to eq(["/tmp/railprobe/builtin\n", "", ""])
      end

      it "loads what the file asks for, once the app is eager loaded", :native do
        file = { "config/tracers.yml" => "version: 1\ntracers:\n  - class: Early\n    methods: \"*\"\n" }
        settings = "config.to_prepare { Object.const_set(:Early, Class.new { def call = 1 }) }"
        result = run("#{images}\nputs Railprobe.providers.keys", files: file, settings: settings)

        expect(result.lines).to eq(%w[/tmp/railprobe/app /tmp/railprobe/builtin early])
      end
    end
  end

  def run(...) = RailsApp.run(Gemfiles.here.last, ...)

  broken = { "config/tracers.yml" => "version: 1\ntracer: []\nsite: none\n" }

  it "boots with a broken file: all of its errors are logged once, and the builtin probes are there", :native do
    result = run(images, files: broken)

    expect([result.output, result.errors]).to eq(["/tmp/railprobe/builtin\n", ""])
    expect(result.log.scan(/tracers\.yml:\d+:\d+/).size).to eq(2)
    expect(result.log.scan("railprobe:").size).to eq(1)
  end

  it "boots with a file that can't be read", :native do
    result = run("Dir.mkdir(\"config/tracers.yml\"); App.initialize!\n#{images}", initialize: false)

    expect(result.lines).to eq(["/tmp/railprobe/builtin"])
    expect(result.log).to match(/tracers\.yml: Is a directory/)
  end

  it "reads a file that comes later", :native do
    result = run(<<~RUBY)
      File.write("config/tracers.yml", "version: 1\\nprobes:\\n  - probe: later:on\\n")
      require "timeout"
      Timeout.timeout(20) { Thread.pass until Railprobe.providers.key?("later") }
      puts Railprobe.providers.keys
    RUBY

    expect(result.lines).to eq(["later"])
  end

  it "takes another file, and reads none where it is switched off", :native do
    other = { "config/other.yml" => "version: 1\nprobes:\n  - probe: other:one\n" }
    named = run("puts Railprobe.providers.keys", files: other, settings: "config.railprobe.config = 'config/other.yml'")
    off = run("p Railprobe.report[:images]", files: broken, settings: "config.railprobe.enabled = false")

    expect([named.output, off.output, off.log]).to eq(["other\n", "[]\n", ""])
  end

  it "boots in silence with RAILPROBE=0" do
    result = run("p Railprobe.supported?", files: broken, env: { "RAILPROBE" => "0" })

    expect([result.output, result.errors, result.log]).to eq(["false\n", "", ""])
  end

  it "goes to the next directory where the app's can't be written", :native do
    result = run("Dir.rmdir('tmp'); Dir.mkdir('run', 0o700); App.initialize!\n#{images}",
                 initialize: false, env: { "XDG_RUNTIME_DIR" => "run" })

    expect([result.output, result.log]).to eq(["/run/railprobe/builtin\n", ""])
  end
end
