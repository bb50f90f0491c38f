# frozen_string_literal: true

RSpec.describe "Railprobe::Native.builtin_probes", :native, :runtime do
  let(:rows) { Railprobe::Native.builtin_probes.to_h { |row| [row.fetch(:name), row] } }

  it "has every probe of the builtin image, with what its arguments mean" do
    Railprobe.start("none.yml", optional: true)

    image = Railprobe.report[:images].find { |found| File.basename(found[:path]).start_with?("builtin-") }
    expect(rows.size).to eq(image[:probes])
    expect(rows.fetch("rails:sql__start")).to eq(
      name: "rails:sql__start", group: "sql", subject: "User Load", source: "sql.active_record", needs: "",
      path: image[:path], attached: false, left_out: false,
      arguments: { overhead_ns: [:integer, "what tracing itself took"], subject: [:string, "what it is about"],
                   ctx: [:integer, "number of the request or job; 0 outside of one"],
                   sql: [:string, "text of the query; bound values never are in it"] }
    )
    expect(rows.values.map { |row| row[:arguments].keys.first(3) }.uniq).to eq([%i[overhead_ns subject ctx]])
  end

  it "knows which of them the file leaves out" do
    File.write(file = File.join(images_directory, "t.yml"), "rails: {except: [view, sql]}\n")
    Railprobe.start(file)

    left_out = rows.select { |_, row| row[:left_out] }.keys
    expect(left_out).to eq(rows.keys.grep(/\Arails:(?:view|sql)__/))
  end
end
