# frozen_string_literal: true

require "rails/generators"
require "railprobe/catalog"
require "railprobe/cli"
require "railprobe/cli/file_report"
require_relative "app_classes"
require_relative "doubt"
require_relative "reference"
require_relative "script"
require_relative "script_probes"
require_relative "subject"
require_relative "tracers_file"

module Railprobe
  module Generators
    # rails generate tracing config|tracer|script, and rails destroy of the same. What is written comes from the classes
    # beside it.
    class TracingGenerator < Rails::Generators::Base
      namespace "tracing"
      desc File.read(File.expand_path("USAGE", __dir__))

      argument :what, type: :string, banner: "config|tracer|script"
      argument :names, type: :array, default: [], banner: "NAME..."
      class_option :types, type: :array, banner: "latency allocations", desc: "What a tracer measures"
      class_option :probe, type: :string, banner: "provider:name", desc: "What a script is about, where NAME is its own"
      remove_class_option :skip_namespace, :skip_collision_check

      KINDS = { "config" => :write_config, "tracer" => :edit_tracers, "script" => :write_script }.freeze

      def self.exit_on_failure? = true

      def run_what
        send(KINDS.fetch(what) { raise Thor::Error, "#{what.inspect} is none of #{KINDS.keys.join(", ")}" })
      rescue Subject::Invalid, TracersFile::Refused, ScriptProbes::Unknown, Psych::SyntaxError => error
        raise Thor::Error, error.message
      end

      private

      def write_config
        create_file(path, revoke? ? nil : fresh)
      end

      def edit_tracers
        raise Thor::Error, "name a method, such as Order#checkout" if targets.empty?

        file = TracersFile.new(check(text, "has errors, so it is left alone"))
        changes = targets.flat_map { |class_name, methods| edit(file, class_name, methods) }
        write(check(file.text, "would have errors, so it is left alone"))
        changes.each { |subject, changed| say_change(subject, changed) }
      end

      def write_script
        name = names.first or raise Thor::Error, "name a method, such as Order#checkout, or a probe"
        script = "script/tracing/#{Subject.method?(name) ? Subject.new(name).file_name : name.tr(":", "_")}.bt"
        create_file(script, revoke? ? nil : script_text(script, options[:probe] || name), perm: 0o755)
      end

      # -- tracers ----------------------------------------------------------------------------------

      # An option that takes many words takes methods too that stand behind it.
      def targets = Subject.group(names + words.grep(Subject::METHOD))
      def types = words.grep_v(Subject::METHOD).then { |types| types if types.any? }
      def words = (options[:types] || []).flat_map { |word| word.split(",") }

      # [method, whether that changed anything] of each.
      def edit(file, class_name, methods)
        changed = revoke? ? file.remove(class_name, methods) : file.add(class_name, methods, types)
        methods.map { |method| [Subject.join(class_name, method), changed.include?(method)] }
      end

      def say_change(subject, changed)
        what = "#{subject} in #{path}"
        return say_status(:identical, what, :blue) unless changed
        return say_status(:subtract, what, :red) if revoke?

        say_status(:insert, what, :green)
        doubt = Doubt.new(Subject.new(subject)) { |class_name| find_class(class_name) }.text
        say_status(:warning, doubt, :yellow) if doubt
      end

      # Loads it, as the app would; an app that can't is no concern of ours.
      def find_class(name)
        name.safe_constantize
      rescue StandardError, ScriptError
        nil
      end

      def revoke? = behavior == :revoke
      def there? = File.exist?(File.expand_path(path, destination_root))

      # A new file goes the way of all that are generated.
      def write(after)
        return create_file(path, after) unless there? || revoke?

        File.write(File.expand_path(path, destination_root), after) unless options[:pretend] || after == text
      end

      def text
        there? ? File.read(File.expand_path(path, destination_root), encoding: Encoding::UTF_8) : fresh
      end

      def fresh = Reference.new(AppClasses.new(destination_root).folders).to_s

      # As railprobe check does it, where that can read files at all.
      def check(text, trouble)
        return text if ENGINE_FAILURE || report(text).ok?

        raise Thor::Error, "#{path} #{trouble}:\n#{report(text).errors_text}"
      end

      def report(text) = CLI::FileReport.new(path, text)

      # From the app's root.
      def path = Rails.application.config.railprobe.config.to_s

      # -- scripts ----------------------------------------------------------------------------------

      def script_text(script, about)
        raise Thor::Error, "probes can't be told here, for #{ENGINE_FAILURE}" if ENGINE_FAILURE

        known = ScriptProbes.new(report(text), Catalog.new(root: destination_root))
        found = Subject.method?(about) ? known.of_method(Subject.new(about)) : known.of_name(about)
        Script.new(path: script, **found.to_h).to_s
      end
    end
  end
end
