# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"
require "support/shop_copy"

# `rails tracing:build` in a layer of a container image, and two containers of that layer, each with a file system that
# can't be written: overlay mounts in mount namespaces of their own, which take the mount with them when they go.
RSpec.describe "Images that tracing:build wrote", :e2e do
  let(:mount) { <<~SHELL }
    set -e
    mount --make-rprivate /
    mount -t overlay overlay -o "ro,lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
    shift 2
    exec "$@"
  SHELL
  let(:gemfile) { Gemfiles.here.last }

  def start_container(name, lower)
    place = File.join(directory, name)
    %w[upper work root files].each { |part| FileUtils.mkdir_p(File.join(place, part)) }
    env = { "RAILPROBE_DIR" => nil, "RAILS_ENV" => "production", "SHOP_ROOT" => File.join(place, "root"),
            "SHOP_DIR" => File.join(place, "files") }
    start_target("rails_shop.rb", wrapper: ["unshare", "--mount", "sh", "-c", mount, "container", lower, place],
                                  env: gemfile.environment.except("RUBYLIB").merge(env))
  end

  def wait_until_armed(containers)
    wait_until("charge armed in all") do
      containers.all? { |container| container.ask(:states).fetch("PaymentGateway#charge") == "armed" }
    end
  end

  it "are one to a tracer on the host, whose attach counts both exactly, and stay untouched" do
    skip(gemfile.missing) if gemfile.missing
    ShopCopy.with(gemfile, env: { "RAILS_ENV" => "production" }) do |shop|
      shop.write("config/tracers.yml", "tracers:\n  - {class: PaymentGateway, methods: \"*\"}\n")
      built = shop.rails("tracing:build")
      expect([built.code, built.errors]).to eq([0, ""])
      shop.close
      before = everything(shop.directory)

      containers = %w[one two].map { |name| start_container(name, shop.directory) }
      expect(containers.map { |container| container.ask(:complaints) }).to eq([[], []])
      inside = containers.map { |container| container.ask(:images).join(" ").scan(%r{/(\w+)/root/tmp/railprobe/}) }
      expect(inside).to eq([[["one"]] * 2, [["two"]] * 2])
      expect(containers.map { |container| container.ask(:write) }).to eq(["Errno::EROFS"] * 2)
      image = shop.path("tmp/railprobe/app.so")
      tracer = trace("usdt:#{image}:paymentgateway:charge__return { @calls[pid] = count(); }", on: containers)
      wait_until_armed(containers)
      expected = containers.zip([23, 41]).to_h do |container, times|
        container.ask(:charge, times)
        [container.pid.to_s, times]
      end
      tracer.stop

      expect(tracer.counts("@calls")).to eq(expected)
      expect_released(containers)
      expect(everything(shop.directory)).to eq(before)
      expect(Dir.glob(File.join(directory, "{one,two}/upper/**/*")).select { |path| File.file?(path) }).to eq([])
    end
  end
end
