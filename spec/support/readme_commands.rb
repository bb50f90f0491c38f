# frozen_string_literal: true

# What a reader of a section of the README does: files to write, and commands to type, in their order.
class ReadmeCommands
  Step = Struct.new(:kind, :text, :path) # :file, :command, :root_command or :output

  README = File.expand_path("../../README.md", __dir__)

  # title as it stands behind the ##.
  def initialize(title, text = File.read(README, encoding: Encoding::UTF_8))
    @section = text[/^## #{Regexp.escape(title)}\n(.*?)(?=^## |\z)/m, 1] or raise "the README has no section #{title}"
  end

  def steps
    @section.scan(/^```(\w*)\n(.*?)^```$/m).flat_map do |language, body|
      case language
      when "console" then commands(body)
      when "ruby" then [file(body)]
      else [Step.new(:output, body)]
      end
    end
  end

  private

  # What is printed stands below its command, without a prompt.
  def commands(body)
    body.lines(chomp: true).filter_map do |line|
      case line
      when /\A\$ (.*)/ then Step.new(:command, Regexp.last_match(1))
      when /\A# (.*)/ then Step.new(:root_command, Regexp.last_match(1))
      end
    end
  end

  def file(body)
    name, *rest = body.lines
    Step.new(:file, rest.join, name.delete_prefix("# ").chomp)
  end
end
