# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require_relative "gemfiles"

# A small Rails app in a process of its own, without Bundler, which would have things to say: what it prints, and how it
# ended.
#
#   RailsApp.run(Gemfiles.here.last, "puts Railprobe.report[:images].size",
#                files: { "config/tracers.yml" => "version: 1\n" })
class RailsApp
  ROOT = File.expand_path("../..", __dir__)
  LIMIT = 120

  BOOT = <<~RUBY
    gem "railties", "~> \#{ENV["RAILS"]}.0"
    require "logger" # up to Rails 7.0 nobody else does
    require "rails"
    require "action_controller/railtie"
    require "railprobe"
    class App < Rails::Application
      config.load_defaults Rails::VERSION::STRING.to_f
      config.root = Dir.pwd
      config.eager_load = true
      config.logger = Logger.new("log.txt")
      config.secret_key_base = "0" * 32
    end
  RUBY

  Result = Struct.new(:output, :errors, :status, :log) do
    def lines = output.lines(chomp: true)
  end

  # code follows the boot; settings go in the class body of the app.
  def self.run(gemfile, code, settings: "", files: {}, env: {}, initialize: true)
    Dir.mktmpdir("railprobe") do |directory|
      %w[tmp config].each { |name| Dir.mkdir(File.join(directory, name)) }
      files.each { |path, text| File.write(File.join(directory, path), text) }
      program = "#{BOOT}class App; #{settings}; end\n#{"App.initialize!\n" if initialize}#{code}"
      File.write(File.join(directory, "app.rb"), program)
      variables = { "RAILS" => gemfile.rails, "GEM_PATH" => Gem.path.join(":"), "RAILS_ENV" => "production",
                    "RUBYOPT" => nil, "RUBYLIB" => nil, "RAILPROBE_DIR" => nil, "XDG_RUNTIME_DIR" => nil }.merge(env)
      capture(variables, directory)
    end
  end

  def self.capture(variables, directory)
    Bundler.with_unbundled_env do
      output, errors, status = Open3.capture3(variables, "timeout", LIMIT.to_s, RbConfig.ruby, "-W1", "-I",
                                              File.join(ROOT, "lib"), "app.rb", chdir: directory)
      log = File.join(directory, "log.txt")
      Result.new(output, errors, status, File.exist?(log) ? File.readlines(log).grep_v(/\A# Logfile/).join : "")
    end
  end
  private_class_method :capture
end
