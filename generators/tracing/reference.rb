# frozen_string_literal: true

module Railprobe
  module Generators
    # The annotated reference, config/tracers.yml of this gem, made into the file of an app: the same keys and
    # comments, with a # before whatever declares or sets something, and the app's own classes as entries.
    #
    # A # with a space behind it begins a comment. One without is a line that holds as soon as the # is gone, each
    # by itself: that is why entries are written in one line.
    class Reference
      PATH = File.expand_path("../../config/tracers.yml", __dir__)
      HEAD = <<~YAML
        # What railprobe traces in this app. Nothing so far: take away the # of a line that has no space behind it, and
        # what it says holds, also in processes that are running. A broken edit changes nothing and is logged.
        #
        #   rails tracing:check                            what is wrong here, and which probes come of it
        #   rails generate tracing tracer Order#checkout   adds a method to this file
        #   rails generate tracing script Order#checkout   writes a bpftrace script for it
        #
        # Every key there is stands here. Those with a # have the value that holds without them, if it is not said to be
        # an example. Method names like [] or ! and expressions that begin with @ are written in quotes.
      YAML
      LISTS = %w[tracers probes].freeze # their entries are examples
      Key = Struct.new(:name, :text, :comment, :indentation)

      # folders as AppClasses gives them.
      def initialize(folders, text = File.read(PATH, encoding: Encoding::UTF_8))
        @folders = folders
        @text = text
      end

      def to_s
        sections = keys.chunk_while { |_, key| key.indentation.positive? }
        [HEAD, *sections.map { |section, *inner| render(section, inner) }].join("\n")
      end

      # Every key of the reference with the comment above it, in the order of the file.
      def keys
        comment = []
        @text.lines(chomp: true).filter_map do |line|
          if (words = line[/\A\s*#(.*)/, 1])
            comment << words.delete_prefix(" ")
            next
          elsif line.strip.empty?
            comment.clear
            next
          end
          indentation, name = line.match(/\A(\s*(?:- )?)(\w+):/).captures
          Key.new(name, line.strip, comment, indentation.size).tap { comment = [] }
        end
      end

      private

      def render(section, inner)
        text = comment(section.comment)
        return text + scalar(section) if inner.empty?
        return text + list(section, inner) if LISTS.include?(section.name)

        "#{text}#{section.text}\n#{inner.map { |key| comment(key.comment, "  ") + scalar(key, "  ") }.join("\n")}"
      end

      # The version holds as it is; all else waits.
      def scalar(key, indentation = "") = "#{indentation}#{"#" unless key.name == "version"}#{key.text}\n"

      def list(section, inner)
        keys = inner.reject { |key| key.comment.empty? }.map do |key|
          "#   #{key.text.delete_prefix("- ")}\n#{comment(key.comment, "", 6)}"
        end
        "# The keys of an entry, with an example of each:\n#\n#{keys.join}#{section.text}\n#{entries(section)}"
      end

      def entries(section)
        return "  #- {probe: \"inventory:reserved\", args: {sku: string, quantity: integer}} # an example\n" \
          unless section.name == "tracers"
        return "  ##{Notation.entry("Order", %w[checkout])} # an example\n" if @folders.empty?

        @folders.map { |folder| folder_entries(folder) }.join("\n")
      end

      def folder_entries(folder)
        lines = folder.proposals.map { |proposal| "  ##{proposal}\n" }
        lines << "  # and #{folder.more} more classes\n" if folder.more.positive?
        "  # #{folder.path}\n#{lines.join}"
      end

      def comment(lines, indentation = "", depth = 1)
        lines.map { |line| "#{"#{indentation}##{" " * depth}#{line}".rstrip}\n" }.join
      end
    end
  end
end
