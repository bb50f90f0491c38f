# frozen_string_literal: true

module Railprobe
  # Every probe that this process has, its own and the builtin ones, and what to type to attach to each.
  class Catalog
    # label is provider:name, file the image as people type it; needs is what the probe takes to ever fire, in words;
    # left_out says that the file has it never fire.
    Row = Struct.new(:label, :arguments, :file, :attached, :builtin, :needs, :left_out, keyword_init: true) do
      def provider = label[/\A[^:]+/]
    end

    # What Railprobe.report and .providers give; paths below root are told from there.
    def initialize(report: Railprobe.report, providers: Railprobe.providers, builtin: Engine.builtin_probes,
                   root: Railprobe.root)
      @images = report.fetch(:images).select { |image| image.fetch(:state) == :current }
      @providers = providers
      @builtin = builtin
      @root = root.to_s
    end

    def rows = @rows ||= app_rows + builtin_rows

    # The directory of the images; nil where they are in memory, or nowhere.
    def directory
      path = @images.find { |image| !image.fetch(:in_memory) }&.fetch(:path)
      File.dirname(path) if path
    end

    # The image as people type it: by the link that always leads to the newest, and from the app's directory.
    def typed(path)
      link = Dir.glob(File.join(File.dirname(path), "*.so")).find { |other| leads_to?(other, path) } || path
      link.start_with?("#{@root}/") ? link.sub(@root, ".") : link
    end

    private

    def app_rows
      @providers.each_value.to_a.flatten.select(&:path).map do |probe|
        Row.new(label: probe.name, arguments: probe.arguments, file: typed(probe.path), attached: probe.attached?,
                builtin: false, needs: "", left_out: false)
      end
    end

    def builtin_rows
      @builtin.select { |row| row[:path] }.map do |row|
        Row.new(label: row.fetch(:name), arguments: row.fetch(:arguments).transform_values(&:first), builtin: true,
                file: typed(row.fetch(:path)), attached: row.fetch(:attached), needs: row.fetch(:needs),
                left_out: row.fetch(:left_out))
      end
    end

    def leads_to?(link, path) = File.symlink?(link) && File.readlink(link) == File.basename(path)
  end
end
