# frozen_string_literal: true

require "fileutils"
require "json"
require "rbconfig"
require "shellwords"
require "socket"
require "tmpdir"
require_relative "gemfiles"
require_relative "waiting"

# A copy of the demo app, for what changes an app's files, and its bin/rails in processes of its own.
#
#   ShopCopy.with(gemfile) { |shop| shop.rails("generate tracing config").output }
#
# One process (shop_stage.rb) has read the gems and config/application.rb, and forks one for each command, which
# boots the app.
class ShopCopy
  class Failure < StandardError; end

  SHOP = File.join(Gemfiles::ROOT, "examples/shop")
  STAGE = File.expand_path("shop_stage.rb", __dir__)
  LIMIT = 120
  # Of the gem command, about gems that this machine has in two versions.
  NOISE = /^WARN: Unresolved .*?^Please report a bug if this causes problems\.\n/m

  Result = Struct.new(:output, :errors, :code) do
    def lines = output.lines(chomp: true)
  end

  attr_reader :directory

  # Without the shop's own config/tracers.yml.
  def self.with(gemfile, env: {})
    Dir.mktmpdir("shop") do |directory|
      files = Dir.glob("*", base: SHOP) - %w[tmp log]
      FileUtils.cp_r(files.map { |name| File.join(SHOP, name) }, directory)
      FileUtils.mkdir(File.join(directory, "tmp"))
      File.unlink(File.join(directory, "config/tracers.yml"))
      shop = new(directory, gemfile.environment.merge(clean, env))
      yield shop
    ensure
      shop&.close
    end
  end

  def self.clean
    { "RAILS_ENV" => "development", "RAILPROBE" => nil, "RAILPROBE_DIR" => nil, "XDG_RUNTIME_DIR" => nil,
      "SHOP_DIR" => nil, "THOR_SHELL" => "Basic", "NO_COLOR" => "1" }
  end
  private_class_method :clean

  def initialize(directory, environment)
    @directory = directory
    @environment = environment
  end

  def path(name) = File.join(directory, name)
  def file?(name) = File.exist?(path(name))
  def read(name) = File.read(path(name), encoding: Encoding::UTF_8)

  def write(name, text)
    FileUtils.mkdir_p(File.dirname(path(name)))
    File.write(path(name), text)
  end

  # command is what is typed behind rails, input what is typed when it asks.
  def rails(command, env: {}, input: "")
    files = %w[in out err].to_h { |name| [name, path("tmp/#{name}.txt")] }
    File.write(files["in"], input)
    code = ask(arguments: command.shellsplit, env: env, files: files)
    Result.new(File.read(files["out"]), File.read(files["err"]).sub(NOISE, ""), code)
  end

  def close
    return unless @pid

    @line.close
    Waiting.reap(@pid)
    @pid = nil
  end

  private

  def ask(request)
    start unless @pid
    @line.puts(JSON.generate(request))
    @line.wait_readable(LIMIT) or raise Failure, "no answer to #{request}\n#{said}"
    Integer(@line.gets || raise(Failure, "no answer to #{request}\n#{said}"))
  end

  def start
    @line, theirs = UNIXSocket.pair
    options = { theirs => theirs, chdir: directory, in: File::NULL, out: path("tmp/stage.txt"), err: %i[child out] }
    @pid = spawn(@environment, RbConfig.ruby, "-W1", STAGE, theirs.fileno.to_s, options)
    theirs.close
  end

  def said = read("tmp/stage.txt")
end
