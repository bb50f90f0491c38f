# frozen_string_literal: true

require_relative "method_scan"
require_relative "notation"

module Railprobe
  module Generators
    # The classes of an app that are worth an entry, folder by folder, as entries of config/tracers.yml. They are
    # found in the app's files, by the names that Zeitwerk gives these, and none is loaded.
    class AppClasses
      # methods are those that fit in a line; left_out is how many more there are.
      Proposal = Struct.new(:class_name, :methods, :left_out) do
        def entry = Notation.entry(class_name, methods)
        def to_s = left_out.zero? ? entry : "#{entry} # and #{left_out} more"
      end
      # more is how many further classes the folder has.
      Folder = Struct.new(:path, :proposals, :more)

      FIRST = %w[models services jobs].freeze
      # Actions have probes of their own, rails:action__start and __done.
      LEFT_OUT = %w[controllers].freeze
      CLASSES = 100 # of a folder
      COLUMNS = 110
      STEM_MAX = Signature::NAME_MAX - "__return".size

      def initialize(root)
        @root = root.to_s
      end

      def folders
        @folders ||= paths.filter_map do |path|
          proposals = Dir.glob("**/*.rb", base: File.join(@root, path)).sort.filter_map do |file|
            propose(path, file)
          end
          Folder.new(path, proposals.first(CLASSES), [proposals.size - CLASSES, 0].max) if proposals.any?
        end
      end

      private

      def paths
        names = Dir.children(File.join(@root, "app")).sort - LEFT_OUT
        ((FIRST & names) + (names - FIRST)).map { |name| "app/#{name}" }
      rescue SystemCallError # an app may have no such folder
        []
      end

      def propose(path, file)
        type = type_of(file, MethodScan.new(read(File.join(@root, path, file))).types)
        methods = type ? worth_tracing(path, type) : []
        shorten(type.name, methods) if methods.any?
      rescue SystemCallError
        nil # what can't be read has no class
      end

      def read(file) = File.read(file, encoding: Encoding::UTF_8).scrub

      # The class that Zeitwerk expects in the file, however the app writes its acronyms.
      def type_of(file, types)
        expected = plain(file.delete_suffix(".rb").delete_prefix("concerns/").gsub("/", "::"))
        types.find { |type| plain(type.name) == expected } ||
          types.find { |type| plain(type.name).end_with?("::#{expected}") } # the folder stands for a namespace
      end

      def plain(name) = name.delete("_").downcase

      # Of a module the methods of its own; of a job what a queue runs.
      def worth_tracing(path, type)
        return [] unless mangle(type.name.split("::").last, Signature::PROVIDER_MAX)
        return ["perform"] if path == "app/jobs" && type.methods.include?("perform")

        methods = type.class? ? type.methods : type.methods.grep(/\A\./)
        methods.group_by { |method| probe_of(method) }.except(nil).each_value.map(&:first)
      end

      # What two methods must not share; nil for a name that is too long.
      def probe_of(method) = mangle("#{"self_" if method.start_with?(".")}#{method.delete_prefix(".")}", STEM_MAX)

      # Where the engine is idle the name itself has to do.
      def mangle(name, most)
        mangled = ENGINE_FAILURE ? name : Native.mangle(name)
        mangled if mangled.bytesize <= most
      rescue DeclarationError # longer than any
        nil
      end

      # As many methods as fit in a line, one at least.
      def shorten(class_name, methods)
        proposals = methods.size.downto(1).lazy.map do |count|
          Proposal.new(class_name, methods.first(count), methods.size - count)
        end
        proposals.find { |proposal| proposal.to_s.size <= COLUMNS || proposal.methods.one? }
      end
    end
  end
end
