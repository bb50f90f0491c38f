# frozen_string_literal: true

# PROBES.md: the builtin probes, made from the engine's own table.
class ProbesDocument
  PATH = File.expand_path("../../PROBES.md", __dir__)
  KINDS = { "start" => 3, "entry" => 3, "done" => 5, "return" => 5 }.freeze # arguments that every probe of a kind has
  SIGNED = %i[integer boolean time value].freeze

  INTRODUCTION = <<~MARKDOWN
    # Builtin probes

    Made by `rake probes` from the table in `ext/railprobe/rails_probes.h`, and held to it and to the image by
    `spec/probes_document_spec.rb`. All of them are in `builtin.so`; a name or an argument, once released, keeps its
    meaning, and what is added comes last.

    Every probe begins with the first three of these, and every `__done` and `__return` with all five:

    | argument | name | type | meaning |
    |---|---|---|---|
    %<common>s

    - `subject` is what the probe is about; the line below each name has an example.
    - `status` 2 is a time-out for `pool__checkout__done`, and for a job one that a callback has stopped. A job that was
      retried or discarded has ended with 0 from Rails 7.0 on: `job__retry` and `job__discard` tell of it.
    - An integer that is not known is -1, an unsigned one all ones, a string empty. Strings end at 1 KiB, at a character.
    - The key of a cache is as it was given before Rails 7.2: the elements of an array with `/` between them, an object as
      the name of its class.
    - `ctx` is 0 in the probes of `rubyvm`.
    - bpftrace up to 0.23 knows six arguments by name on x86_64; the seventh is `*(uint64 *)uptr(reg("sp") + 8)`, the
      eighth is at 16.

  MARKDOWN

  # As Native.builtin_probes gives them.
  def initialize(rows)
    @rows = rows
  end

  def text
    format(INTRODUCTION, common: common) + @rows.group_by { |row| row.fetch(:name)[/\A\w+/] }.map do |provider, rows|
      "## #{provider}\n\n#{rows.map { |row| section(row) }.join("\n")}"
    end.join("\n")
  end

  def write = File.write(PATH, text)

  private

  def common
    row = @rows.find { |found| found.fetch(:name).end_with?("__return") }
    row.fetch(:arguments).map.with_index { |argument, index| line(index, *argument) }.join("\n")
  end

  def section(row)
    label = row.fetch(:name)
    facts = ["for example `#{row.fetch(:subject)}`", "from #{source(row)}"]
    facts << "takes #{needs(row)}" unless row.fetch(:needs).empty?
    facts << "group `#{row.fetch(:group)}`" unless row.fetch(:group).empty?
    "### #{label}\n\n#{facts.join("; ")}\n\n#{table(row)}"
  end

  def source(row) = row.fetch(:source).split(", ").map { |name| name.match?(/[.#]/) ? "`#{name}`" : name }.join(", ")
  def needs(row) = row.fetch(:needs).sub(/\A(?=\d)/, "Rails ")

  def table(row)
    arguments = row.fetch(:arguments).to_a
    known = KINDS.fetch(row.fetch(:name)[/_([a-z]+)\z/, 1], 3)
    specifics = arguments.each_with_index.drop(known)
    return "No further arguments.\n" if specifics.empty?

    lines = specifics.map { |argument, index| line(index, *argument) }
    ["| argument | name | type | meaning |", "|---|---|---|---|", *lines, ""].join("\n")
  end

  def line(index, name, (type, meaning))
    type = "#{type}, signed" if SIGNED.include?(type)
    "| arg#{index} | #{name} | #{type} | #{meaning} |"
  end
end
