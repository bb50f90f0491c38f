# frozen_string_literal: true

require_relative "../catalog"

module Railprobe
  module CLI
    # Writes the images of a booted app ahead of time, as a container image is built: every container of it then maps
    # the very same files, so that one attach on the host sees them all.
    #
    # The sticky bit on a file keeps it for good: a process that has other declarations does not sweep it.
    class Build
      IMAGE = /\A(?:app|builtin)-\h+\.so\z/
      MODE = 0o1555

      def self.run(arguments, out, err) = new(out, err).run(arguments.first || "config/tracers.yml")

      def initialize(out, err)
        @out = out
        @err = err
      end

      def run(file)
        return refuse("No images can be built here: #{Railprobe.unsupported_reason}.") unless Railprobe.supported?

        path = File.expand_path(file, Railprobe.root)
        errors = errors_in(path)
        return refuse(errors) if errors

        Railprobe.reload! if File.exist?(path) # with the classes that are there now
        @images = Railprobe.report.fetch(:images).select { |image| image.fetch(:state) == :current }
        misplaced = where_they_should_not_be
        return refuse(misplaced) if misplaced

        keep
        tell
        OK
      end

      private

      def refuse(why)
        @err.puts why
        FAILED
      end

      def errors_in(path)
        configuration = Configuration.read(path) if File.exist?(path)
        configuration.rendered unless configuration.nil? || configuration.valid?
      end

      # In memory, or in a directory that is none of the app's.
      def where_they_should_not_be
        wanted = Runtime.instance.app_directories
        return if @images.none? { |image| image.fetch(:in_memory) } && (directories - wanted).empty?

        tried = Railprobe.report.fetch(:attempts).map { |path, *why| "#{path}: #{why.compact.join(": ")}" }
        ["The images must go where the app finds them: #{wanted.join(" or ")}", *tried].join("\n")
      end

      def paths = @images.map { |image| image.fetch(:path) }
      def directories = paths.map { |path| File.dirname(path) }.uniq

      def keep
        directories.each { |directory| sweep(directory) }
        File.chmod(0o755, *directories)
        File.chmod(MODE, *paths)
      end

      # What an earlier build left, if nobody maps it.
      def sweep(directory)
        stale = Dir.children(directory).grep(IMAGE).map { |name| File.join(directory, name) } - paths
        stale.each do |path|
          File.open(path) do |image|
            File.unlink(path, *Dir[path.sub(/so\z/, "json")]) if image.flock(File::LOCK_EX | File::LOCK_NB)
          end
        end
      end

      def tell
        catalog = Catalog.new
        @images.each do |image|
          @out.puts "#{image.fetch(:path)}  #{image.fetch(:probes)} probes, to be attached to as " \
                    "#{catalog.typed(image.fetch(:path))}"
        end
      end
    end
  end
end
