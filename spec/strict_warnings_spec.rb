# frozen_string_literal: true

require "tempfile"

RSpec.describe StrictWarnings do
  # Source that ruby -w complains about, in a file of the directory.
  def load_doubtful(directory)
    Tempfile.create(%w[doubtful .rb], directory) do |file|
      file.write("def self.unused\n  forgotten = 1\nend\n")
      file.close
      load(file.path, true)
    end
  end

  it "raises for a warning about a file of this checkout" do
    expect { load_doubtful(__dir__) }.to raise_error(described_class::Raised, /assigned but unused variable/)
  end

  it "lets warnings about other files and plain messages through" do
    expect { load_doubtful(Dir.tmpdir) }.to output(/assigned but unused variable/).to_stderr
    expect { warn("railprobe: a message") }.to output("railprobe: a message\n").to_stderr
  end
end
