# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "gemfiles"
require_relative "shop_server"

# The demo app, examples/shop, with one Rails, in processes of its own. Its files are in a directory of its own too, and
# so are the images.
class Shop
  class Failure < StandardError; end

  ROOT = File.join(Gemfiles::ROOT, "examples/shop")
  LIMIT = 120

  Result = Struct.new(:value, :errors, :log, keyword_init: true) do
    # Lines about code of this checkout; other gems' are their own affair.
    def warnings = errors.lines(chomp: true).grep(/\A#{Regexp.escape(Gemfiles::ROOT)}.*warning: /)
  end

  attr_reader :gemfile

  def initialize(gemfile)
    @gemfile = gemfile
  end

  # Runs a program of Ruby in the booted app; its value is what the program's text gives, by way of JSON.
  def run(program, arguments: [], env: {})
    in_directory do |directory|
      stage = "require #{File.join(ROOT, "config/environment").inspect}\nrequire \"json\"\n" \
              "value = eval(ARGV.shift, TOPLEVEL_BINDING, \"program\", 1)\n$stdout.write(JSON.generate(value))"
      output, errors, status = Open3.capture3(environment(directory).merge(env), "timeout", LIMIT.to_s, RbConfig.ruby,
                                              "-w", "-e", stage, "--", program, *arguments, chdir: directory)
      raise Failure, "#{status}\n#{errors}#{output}" unless status.success?

      Result.new(value: JSON.parse(output), errors: errors, log: read_log(directory))
    end
  end

  # A Puma of it; stopped when the block is left. See ShopServer. With other tracers than its own it is a copy.
  def serve(env: {}, tracers: nil)
    in_directory do |directory|
      root = tracers ? copy(File.join(directory, "app"), tracers) : ROOT
      server = ShopServer.new(environment(directory).merge(env), File.join(directory, "puma.txt"), root)
      yield server.start
    ensure
      server&.stop
    end
  end

  # bin/load on a port: [its output, its status].
  def load(port, *arguments)
    Open3.capture2e(RbConfig.ruby, "-w", File.join(ROOT, "bin/load"), "-p", port.to_s, *arguments)
  end

  private

  def environment(directory)
    gemfile.environment.merge("SHOP_DIR" => directory, "RAILPROBE_DIR" => File.join(directory, "images"),
                              "RAILS_ENV" => "production", "SHOP_JOBS" => nil, "SHOP_CACHE" => nil,
                              "SHOP_POOL" => nil, "SHOP_PRELOAD" => nil, "WEB_CONCURRENCY" => nil)
  end

  def copy(root, tracers)
    Dir.mkdir(root)
    FileUtils.cp_r((Dir.children(ROOT) - %w[tmp log]).map { |name| File.join(ROOT, name) }, root)
    File.write(File.join(root, "config/tracers.yml"), tracers)
    root
  end

  def in_directory
    Dir.mktmpdir("shop") do |directory|
      Dir.mkdir(File.join(directory, "images"), 0o700)
      yield directory
    end
  end

  def read_log(directory)
    Dir[File.join(directory, "*.log")].map { |path| File.read(path) }.join
  end
end
