# frozen_string_literal: true

# A script of examples/bpftrace: its text, and what its header says of it.
class BundledScript
  DIRECTORY = File.expand_path("../../examples/bpftrace", __dir__)
  IMAGE = "./tmp/railprobe/builtin.so"
  PROBE = /usdt:#{Regexp.escape(IMAGE)}:(\w+:\w+)/

  def self.all = Dir[File.join(DIRECTORY, "*.bt")].map { |path| new(File.basename(path, ".bt")) }

  attr_reader :name

  def initialize(name)
    @name = name
  end

  def path = File.join(DIRECTORY, "#{name}.bt")
  def text = @text ||= File.read(path, encoding: Encoding::UTF_8)

  # What it runs on, with its probes in that image.
  def text_on(image) = text.gsub(IMAGE, image)

  def probes = text.scan(PROBE).flatten.uniq

  # The comment at its top, without its stars.
  def header = text[%r{\A#!/usr/bin/env bpftrace\n/\*\n(.*?)\n \*/\n}m, 1].to_s.gsub(/^ \* ?/, "")

  def title = header[/\A#{name} - (.+)$/, 1]

  # What it says of itself under a heading, up to the next one.
  def section(heading) = header[/^#{heading}:(.*?)(?=^[A-Z]+:|\z)/m, 1]&.strip
end
