# frozen_string_literal: true

require "did_you_mean"
require_relative "app_user"
require_relative "machine"

module Railprobe
  module CLI
    # Runs a bpftrace script, of the app or of this gem, on the images of the app. The app itself is not booted: it is
    # another user's, as a rule, and has its images already.
    class Run
      APP = "script/tracing"
      GEM = File.expand_path("../../../examples/bpftrace", __dir__)
      PLACE = "./tmp/railprobe" # where scripts have the images

      def self.run(arguments, out, err) = new(out, err).run(*arguments)

      # become takes the place of this process.
      def initialize(out, err, machine: Machine.new, root: Railprobe.root, file: "config/tracers.yml",
                     become: ->(*command) { exec(*command) })
        @out = out
        @err = err
        @machine = machine
        @root = root.to_s
        @file = file
        @become = become
      end

      def run(name = nil, *arguments)
        return list unless name

        script = scripts[name]
        return refuse("There is no script #{name.inspect}#{near(name)}", *descriptions) unless script

        directory = images
        why = hindrance(directory)
        return refuse(why) if why

        @become.call("bpftrace", "-e", text(script).gsub(PLACE, directory), *arguments)
        OK
      end

      private

      # Name => path; the app's own come first, and are those that are taken.
      def scripts
        @scripts ||= [GEM, File.join(@root, APP)].flat_map { |directory| Dir[File.join(directory, "*.bt")] }
                                                 .to_h { |path| [File.basename(path, ".bt"), path] }
      end

      def text(path) = File.read(path, encoding: Encoding::UTF_8)

      def list
        @out.puts "Usage: rails 'tracing:run[NAME,ARGUMENT,...]', as root", "", *descriptions
        OK
      end

      # Each with the line that its head begins with.
      def descriptions
        return ["There are none yet: rails generate tracing script Order#checkout"] if scripts.empty?

        width = scripts.each_key.map(&:size).max
        scripts.sort.map do |name, path|
          "  #{name.ljust(width)}  #{text(path)[/^ \* #{Regexp.escape(name)}(?:\.bt)? +- +(.+)/, 1]}".rstrip
        end
      end

      def near(name)
        found = DidYouMean::SpellChecker.new(dictionary: scripts.keys).correct(name).first
        "; did you mean #{found}?" if found
      end

      def refuse(*lines)
        @err.puts lines
        FAILED
      end

      def hindrance(directory)
        return "There are no images in #{candidates.join(", ")}: start the app first." unless directory
        return "bpftrace is not in PATH: ask rails tracing:doctor." unless @machine.bpftrace

        "bpftrace takes root: sudo -E env \"PATH=$PATH\" bin/rails 'tracing:run[...]'." unless @machine.superuser?
      end

      def images = candidates.find { |directory| File.exist?(File.join(directory, "builtin.so")) }

      # Where the processes of the app put them, whoever asks.
      def candidates
        owner = AppUser.new(@root).uid
        [ENV.fetch("RAILPROBE_DIR", nil), configured, "tmp/railprobe", "/run/user/#{owner}/railprobe",
         "/tmp/railprobe-#{owner}"].compact.map { |path| File.expand_path(path, @root) }.uniq
      end

      def configured
        Configuration.read(File.expand_path(@file, @root)).directory unless ENGINE_FAILURE
      rescue SystemCallError
        nil
      end
    end
  end
end
