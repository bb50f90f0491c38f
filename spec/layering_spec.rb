# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "support/source_tree"

# The rules of CONTRIBUTING.md ("Layers", "Style"), each held against this checkout and against a tree made to
# break it, so that a rule which finds nothing any more is found out.
RSpec.describe SourceTree do
  let(:checkout) { described_class.new(File.expand_path("..", __dir__)) }

  def tree(files)
    Dir.mktmpdir do |root|
      files.each do |path, text|
        FileUtils.mkdir_p(File.dirname(File.join(root, path)))
        File.write(File.join(root, path), text)
      end
      yield described_class.new(root)
    end
  end

  describe "#headers_of_ruby" do
    it "finds none outside the files that may see Ruby" do
      expect(checkout.headers_of_ruby).to be_empty
    end

    it "finds one that comes by way of another header" do
      tree("ext/railprobe/image.c" => %(#include "image.h"\n),
           "ext/railprobe/image.h" => %(#include "capture.h"\n),
           "ext/railprobe/capture.h" => %(#include <ruby/thread.h>\n)) do |sources|
        expect(sources.headers_of_ruby).to contain_exactly(
          "image.c includes Ruby's headers: image.c -> image.h -> capture.h -> ruby/thread.h",
          "image.h includes Ruby's headers: image.h -> capture.h -> ruby/thread.h"
        )
      end
    end
  end

  describe "#ruby_free_sources" do
    it "takes the sources that no include leads to Ruby, comments aside" do
      tree("ext/railprobe/railprobe.c" => %(#include "capture.h"\n),
           "ext/railprobe/capture.h" => %(#include "ruby.h"\n),
           "ext/railprobe/image.c" => %(/*\n#include <ruby.h>\n*/\n#include "loop.h"\n),
           "ext/railprobe/loop.h" => %(#include "loop.h"\n)) do |sources|
        expect(sources.ruby_free_sources.map { |path| File.basename(path) }).to eq(["image.c"])
      end
    end
  end

  describe "#raises_below_the_door" do
    it "finds no raise outside railprobe.c" do
      expect(checkout.raises_below_the_door).to be_empty
    end

    it "finds both ways to raise, but not in railprobe.c or a comment" do
      tree("ext/railprobe/capture.c" => "rb_raise(rb_eArgError, \"no\");\n",
           "ext/railprobe/tracer.c" => "rb_exc_raise(error);\n",
           "ext/railprobe/notifications.c" => "/* never rb_raise */\n",
           "ext/railprobe/railprobe.c" => "rb_raise(rb_eArgError, \"no\");\n") do |sources|
        expect(sources.raises_below_the_door).to contain_exactly("capture.c calls rb_raise: only railprobe.c raises",
                                                                 "tracer.c calls rb_exc_raise: only railprobe.c raises")
      end
    end
  end

  describe "#rails_outside_its_room" do
    it "finds none" do
      expect(checkout.rails_outside_its_room).to be_empty
    end

    it "finds constants and requires, but no comment, no string and not the room itself" do
      tree("lib/railprobe/probe.rb" => %(# Rails\nrequire "active_support/notifications"\nputs "rails"\nRails.root\n),
           "lib/railprobe/railtie.rb" => "Rails::Railtie\n",
           "generators/tracing/script.rb" => "Rails::Generators\n",
           "generators/tracing/tracing_generator.rb" => "Rails::Generators::Base\n",
           "lib/railprobe/rails/sql.rb" => "ActiveRecord::Base\n") do |sources|
        expect(sources.rails_outside_its_room).to eq(["generators/tracing/script.rb:1 knows of Rails",
                                                      "lib/railprobe/probe.rb:2 knows of active_support/notifications",
                                                      "lib/railprobe/probe.rb:4 knows of Rails"])
      end
    end
  end

  describe "#long_files" do
    it "finds none" do
      expect(checkout.long_files).to be_empty
    end

    it "finds a file of 501 lines and leaves one of 500" do
      tree("lib/long.rb" => "#\n" * 501, "ext/railprobe/short.c" => "\n" * 500) do |sources|
        expect(sources.long_files).to eq(["lib/long.rb has 501 lines, more than 500"])
      end
    end
  end

  describe "#long_functions" do
    it "finds none" do
      expect(checkout.long_functions).to be_empty
    end

    it "finds a function of 61 lines and leaves one of 60 and a long table" do
      function = ->(lines) { "static int f(void)\n{\n#{"    g();\n" * (lines - 2)}}\n" }
      table = "struct t {\n#{"    int x;\n" * 100}};\n"
      tree("ext/railprobe/image.c" => table + function[60] + function[61]) do |sources|
        expect(sources.long_functions).to eq(["image.c:165 is a function of 61 lines, more than 60"])
      end
    end
  end

  describe "#unnamed_files" do
    it "finds every file of the engine and of the library in CONTRIBUTING.md" do
      expect(checkout.unnamed_files).to be_empty
    end

    it "finds a source, a header without one and a Ruby file that nobody wrote a line about" do
      tree("CONTRIBUTING.md" => "`a.c` `cli.rb`\n", "ext/railprobe/a.c" => "", "ext/railprobe/a.h" => "",
           "ext/railprobe/b.h" => "", "lib/railprobe/cli.rb" => "", "lib/railprobe/cli/a.rb" => "",
           "lib/railprobe/tasks/a.rake" => "", "generators/a/b.rb" => "") do |sources|
        expect(sources.unnamed_files.map { |offence| offence[/\S+/] })
          .to eq(["b.h", "cli/a.rb", "tasks/a.rake", "generators/a/b.rb"])
      end
    end
  end

  describe "#lost_names" do
    it "finds none" do
      expect(checkout.lost_names).to be_empty
    end

    it "finds a line about a file that is gone" do
      tree("CONTRIBUTING.md" => "| `a.c` | is |\n| `cli/b.rb` | was |\n| `generators/c.rb` | is |\n",
           "ext/railprobe/a.c" => "", "generators/c.rb" => "") do |sources|
        expect(sources.lost_names).to eq(["cli/b.rb is in CONTRIBUTING.md, and nowhere else"])
      end
    end
  end

  describe "#markers" do
    it "finds no unfinished work" do
      expect(checkout.markers).to be_empty
    end

    it "finds what somebody left for later" do
      tree("lib/a.rb" => "# #{%w[TO DO].join}: later\n", "bin/b" => "# #{%w[FIX ME].join}\n") do |sources|
        expect(sources.markers).to match([a_string_starting_with("bin/b:1 "), a_string_starting_with("lib/a.rb:1 ")])
      end
    end
  end

  describe "#without_magic_comment" do
    it "finds no Ruby file without it" do
      expect(checkout.without_magic_comment).to be_empty
    end

    it "finds one without it and takes one behind a shebang" do
      tree("spec/a.rb" => "puts 1\n", "b.rb" => "#!/usr/bin/env ruby\n# frozen_string_literal: true\n") do |sources|
        expect(sources.without_magic_comment).to eq(["spec/a.rb"])
      end
    end
  end

  describe "#sleeping_specs" do
    it "finds no spec that sleeps" do
      expect(checkout.sleeping_specs).to be_empty
    end

    it "finds one that does, for a time" do
      tree("spec/a_spec.rb" => "# sleep\nsleep 1\nsleep(1)\nsleep\n-> { sleep }\n") do |sources|
        expect(sources.sleeping_specs.map { |offence| offence[/\d+/] }).to eq(%w[2 3])
      end
    end
  end
end
