# frozen_string_literal: true

require "ripper"

# Reads the sources of a checkout and tells where they break the rules of CONTRIBUTING.md. Every rule returns
# its offences as lines of text; an empty list is a clean tree.
class SourceTree
  SEES_RUBY = %w[railprobe.c capture.c capture.h object.c object.h wake.c
                 tracer.c tracer.h call.c call.h collector.c collector.h render.c render.h header.c header.h
                 evaluate.c evaluate.h attribute.c attribute.h value.c value.h vm_events.c vm_events.h gvl_events.c
                 expression_object.c expression_object.h configuration.c configuration.h own_type.c own_type.h
                 notifications.c notifications.h breaker_report.c breaker_report.h
                 loader_report.c loader_report.h changes.c changes.h builtin_table.c builtin_table.h
                 rails_hooks.c rails_hooks.h notifications.c hook.c hook.h reporter.c reporter.h rails.c rails.h
                 firing.c firing.h events.c events.h payload.c payload.h payload_request.c payload_record.c
                 payload_job.c payload_http.c guard.c guard.h ctx.c ctx.h wrapper.c wrapper.h].freeze
  # call.c, hook.c: the SystemStackError of the wrapped method itself. guard.c: what another thread has raised.
  RAISES = %w[railprobe.c call.c hook.c guard.c].freeze
  RUBY_HEADER = %r{\Aruby(?:\.h|/.+)\z}
  RAILS = /\A(?:Rails|ActiveSupport|Active[A-Z]\w+|Action[A-Z]\w+|ApplicationRecord)\z/
  RAILS_LIBRARY = %r{\A(?:rails|active_\w+|action_\w+|activesupport|activerecord)(?:/|\z)}
  KNOWS_RAILS = %r{\Alib/railprobe/(?:rails/|railtie\.rb\z|railtie/)|\Agenerators/\w+/\w+_generator\.rb\z}
  MARKERS = /\bTO(?:DO)\b|\bFIX(?:ME)\b/ # written so that it is none itself
  ROOT_FILES = %w[Gemfile Rakefile *.gemspec].freeze
  NO_ARGUMENT = %i[on_nl on_rbrace].freeze # what comes behind a call without one
  FILE_LINES = 500
  FUNCTION_LINES = 60

  def initialize(root)
    @root = root
  end

  # Sources and headers of the engine, by name.
  def engine
    @engine ||= files("ext/railprobe/*.{c,h}").to_h { |path| [File.basename(path), read(path)] }
  end

  # The sources that can be compiled without Ruby, as paths.
  def ruby_free_sources
    engine.keys.select { |name| name.end_with?(".c") && !reaches_ruby?(name) }
          .map { |name| File.join(@root, "ext/railprobe", name) }
  end

  def headers_of_ruby
    engine.keys.select { |name| reaches_ruby?(name) && !SEES_RUBY.include?(name) }
          .map { |name| "#{name} includes Ruby's headers: #{way_to_ruby(name).join(" -> ")}" }
  end

  def raises_below_the_door
    engine.except(*RAISES).filter_map do |name, text|
      call = without_comments(text)[/\brb_(?:exc_)?raise\b/]
      "#{name} calls #{call}: only #{RAISES.first} raises" if call
    end
  end

  def rails_outside_its_room
    files("lib/railprobe/**/*.rb", "generators/**/*.rb").grep_v(KNOWS_RAILS).flat_map do |path|
      Ripper.lex(read(path)).filter_map do |(line, _), type, token|
        next unless (type == :on_const && token.match?(RAILS)) ||
                    (type == :on_tstring_content && token.match?(RAILS_LIBRARY) && requires?(path, line))

        "#{path}:#{line} knows of #{token}"
      end
    end
  end

  def long_files
    files("{ext,lib,generators}/**/*.{c,h,rb,rake}").filter_map do |path|
      lines = read(path).count("\n")
      "#{path} has #{lines} lines, more than #{FILE_LINES}" if lines > FILE_LINES
    end
  end

  # With our clang-format a function's braces, and no others, stand alone in the first column.
  def long_functions
    engine.flat_map do |name, text|
      opened = nil
      text.lines.each.with_index(1).filter_map do |line, number|
        opened = number if line == "{\n"
        next unless line == "}\n" && opened

        length = number - opened + 1
        "#{name}:#{opened} is a function of #{length} lines, more than #{FUNCTION_LINES}" if length > FUNCTION_LINES
      end
    end
  end

  # A header that has a source of the same name is told of with it.
  def unnamed_files
    text = read("CONTRIBUTING.md")
    names = files("ext/railprobe/*.{c,h,rb}").map { |path| File.basename(path) }
    names.reject! { |name| name.end_with?(".h") && names.include?(name.sub(/h\z/, "c")) }
    names += files("lib/railprobe/**/*.{rb,rake}").map { |path| path.delete_prefix("lib/railprobe/") }
    names += files("generators/**/*.rb")
    names.reject { |name| text.include?("`#{name}`") }
         .map { |name| "#{name} is not in CONTRIBUTING.md: say in a line what it is for" }
  end

  # Names in its tables that no file has.
  def lost_names
    read("CONTRIBUTING.md").scan(%r{^\| `([\w/]+\.(?:c|h|rb|rake))` \|}).flatten
                           .reject { |name| files("{ext,lib}/railprobe/#{name}", name).any? }
                           .map { |name| "#{name} is in CONTRIBUTING.md, and nowhere else" }
  end

  def markers
    files("{.ci,benchmark,bin,config,examples,exe,ext,generators,lib,sig,spec}/**/*", *ROOT_FILES)
      .flat_map { |path| lines_matching(path, MARKERS) }
  end

  def without_magic_comment
    files("**/*.rb", *ROOT_FILES).reject do |path|
      read(path).sub(/\A#!.*\n/, "").start_with?("# frozen_string_literal: true\n")
    end
  end

  # For a time, that is: a sleep without one waits until it is woken or killed, in a method that is under test.
  def sleeping_specs
    files("spec/**/*_spec.rb").flat_map do |path|
      tokens = Ripper.lex(read(path)).reject { |_, type, _| type == :on_sp }
      tokens.each_cons(2).filter_map do |((line, _), type, token), (_, following, _)|
        next unless type == :on_ident && token == "sleep" && !NO_ARGUMENT.include?(following)

        "#{path}:#{line} sleeps: wait for what must happen instead"
      end
    end
  end

  private

  def reaches_ruby?(name) = !way_to_ruby(name).nil?

  # The chain of includes from a file to one of Ruby's headers; nil when there is none.
  def way_to_ruby(name, seen = [])
    return if seen.include?(name) || !engine.key?(name)

    without_comments(engine.fetch(name)).scan(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/).flatten.each do |header|
      return [name, header] if header.match?(RUBY_HEADER)

      rest = way_to_ruby(header, seen + [name])
      return [name, *rest] if rest
    end
    nil
  end

  def without_comments(text) = text.gsub(%r{/\*.*?\*/|//[^\n]*}m, "")

  def requires?(path, line) = read(path).lines.fetch(line - 1).match?(/\A\s*(?:require|load|autoload)\b/)

  def lines_matching(path, pattern)
    File.binread(File.join(@root, path)).lines.each.with_index(1).filter_map do |line, number|
      "#{path}:#{number} #{line.strip}" if line.match?(pattern)
    end
  end

  def files(*globs)
    Dir.glob(globs, base: @root)
       .select { |path| File.file?(File.join(@root, path)) }
       .grep_v(%r{(?:\A|/)(?:tmp|pkg|vendor|log)/|\.(?:so|o)\z}).sort
  end

  # Whatever the locale says.
  def read(path) = File.read(File.join(@root, path), encoding: Encoding::UTF_8)
end
