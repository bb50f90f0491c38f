# frozen_string_literal: true

require "fileutils"
require "railprobe/catalog"
require "tmpdir"

RSpec.describe "Railprobe::Catalog" do
  def catalog = Railprobe::Catalog.new

  context "with probes", :native, :runtime do
    # The builtin ones stay once they are loaded.
    def mine = catalog.rows.reject(&:builtin)

    before do
      Railprobe.probe("b:second", sku: :string)
      Railprobe.probe("a:first")
      Railprobe.load
    end

    it "has each, with what to type to attach to it, by a link that stays" do
      directory = catalog.directory
      expect(mine.map { |row| [row.label, row.arguments, row.file, row.attached, row.builtin] })
        .to eq([["a:first", {}, "#{directory}/app.so", false, false],
                ["b:second", { sku: :string }, "#{directory}/app.so", false, false]])
      expect(File.realpath("#{directory}/app.so")).to eq(Railprobe["a:first"].path)
      Semaphore.raise_for(Railprobe["b:second"]) do
        expect(catalog.rows.select(&:attached).map(&:label)).to eq(["b:second"])
      end
    end

    it "leaves out what has no place yet" do
      Railprobe.probe("c:third")

      expect(mine.map(&:provider)).to eq(%w[a b])
    end

    it "tells paths from the root where they are below it" do
      root = Railprobe.root
      Railprobe.root = File.dirname(catalog.directory)
      expect(mine.map(&:file).uniq).to eq(["./#{File.basename(catalog.directory)}/app.so"])
    ensure
      Railprobe.root = root
    end
  end

  it "has the builtin probes with their arguments", :native, :runtime do
    Railprobe.start("none.yml", optional: true)
    rows = catalog.rows.to_h { |row| [row.label, row] }

    expect(rows.fetch("rails:sql__start").to_h)
      .to eq(label: "rails:sql__start", builtin: true, attached: false, file: rows.fetch("rails:event").file,
             arguments: { overhead_ns: :integer, subject: :string, ctx: :integer, sql: :string }, needs: "",
             left_out: false)
    expect(rows.fetch("rails:event").needs).to eq("8.1 or later")
    expect(rows.fetch("rails:event").file).to match(%r{/builtin(?:-\h+)?\.so\z})
  end

  it "is empty where nothing is loaded" do
    catalog = Railprobe::Catalog.new(report: { images: [] }, providers: {}, builtin: [], root: "/app")

    expect([catalog.rows, catalog.directory]).to eq([[], nil])
  end
end
