# frozen_string_literal: true

require "railprobe/cli"
require "railprobe/cli/app_user"

# What `rails --tasks tracing` lists: each is a class of cli/, given what it needs of the app.
namespace :tracing do
  run = lambda do |name, arguments = []|
    code = Railprobe::CLI.const_get(name).run(arguments.to_a, $stdout, $stderr)
    exit(code) unless code == Railprobe::CLI::OK
  end
  file = -> { Rails.application.config.railprobe.config.to_s }

  # Before the app boots.
  task :user do
    why = Railprobe::CLI::AppUser.new(Rails.root).hindrance
    abort why if why
  end

  # With every class there, as a server has it in production. Comes before the app boots.
  task :eager do
    ActiveSupport.on_load(:before_initialize) { config.rake_eager_load = true }
  end

  # Active Record makes the methods of a model's columns with its first record. Those of a model without a table, or
  # without a database, stay unknown.
  task columns: :environment do
    ActiveSupport.on_load(:active_record) do
      descendants.reject(&:abstract_class?).each do |model|
        model.define_attribute_methods
      rescue StandardError
        next
      end
    end
  end

  desc "Tell what is wrong in config/tracers.yml, and which probes it gives"
  task(check: %i[user eager environment columns]) { run[:Check, ["--loaded", file.call]] }

  desc "List every probe: what to type to attach to it, its arguments, whether a tracer is on it"
  task(:list, %i[part] => %i[user eager environment]) { |_, arguments| run[:List, arguments] }

  desc "Tell what became of config/tracers.yml in the app: images, methods, complaints"
  task(report: %i[user eager environment]) { run[:Report] }

  desc "Tell whether this machine can trace the app, and what to do if it can't"
  task(doctor: %i[user environment]) { run[:Doctor, [file.call]] }

  desc "Write the images ahead of time, for a container image"
  task(build: %i[eager build_directory environment]) { run[:Build, [file.call]] }
  task(:build_directory) { mkdir_p Rails.root.join("tmp"), verbose: false }

  desc "Run a bpftrace script on the app (as root); without a name, list those there are"
  task(:run, %i[name]) do |_, arguments|
    Railprobe.root = Rails.root
    run[:Run, arguments]
  end
end
