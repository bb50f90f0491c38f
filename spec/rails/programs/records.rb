# frozen_string_literal: true

# What captures and conditions read of real records. Each name is captured by a method of its own, `args.0.NAME` beside
# whether that is missing; what its probe carries is told beside what Rails says when it is asked afterwards, and what
# is carried then.
require "tempfile"
require "yaml"
%w[attach tickets ../../support/site].each { |name| require File.expand_path(name, ENV.fetch("PROGRAMS")) }

class Records
  NAMES = (Ticket.column_names + %w[points lazy virtual heading user twice none code one]).uniq.freeze
  DECIMALS = %w[amount ratio weight].freeze
  TEXTS = %w[title body state kind type heading code secret lazy].freeze
  OBJECT = "object"
  CONDITIONS = {
    "amount" => "args.0.amount > 100", "state" => "args.0.state == 'paid'", "truth" => "args.0.paid",
    "there" => "args.0.due != nil", "missing" => "args.0.count == nil", "title" => "args.0.title.length == 5",
    "association" => "args.0.user.id == nil", "id" => "args.0.id == 1 && self.id == nil"
  }.freeze
  ASSIGNED = { count: "-12", big: 2**70, amount: "150.25", ratio: BigDecimal("0.1"), whole: 7.9, weight: 3, paid: "off",
               due: Time.utc(2026, 3, 4), day: Date.new(2026, 3, 4), title: :symbol, body: "text", state: :paid,
               kind: "fancy", virtual: "4", points: 6.5, level: "many", lazy: "now" }.freeze
  LOADED = { count: 42, big: 2**40, amount: "150.25", ratio: "0.125", whole: 12, weight: 2.5, paid: true,
             due: Time.utc(2026, 1, 2), day: Date.new(2026, 1, 2), clock: Time.utc(2000, 1, 1, 12), title: "größe",
             body: "long", data: { a: 1 }, state: :paid, kind: :fancy, settings: { b: 2 }, secret: "terces",
             user_id: 1 }.freeze

  CASES = {
    loaded: -> { Ticket.find(1) },
    looked_at: -> { Ticket.find(1).tap { |ticket| NAMES.each { |name| ticket.try(name) } } },
    fresh: -> { Ticket.new },
    assigned: -> { Ticket.find(1).tap { |ticket| ticket.assign_attributes(ASSIGNED) } },
    doubtful: -> { Ticket.new(amount: 12.345, count: "12 apples", due: "tomorrow", title: 5, state: "", weight: "") },
    unset: -> { Ticket.find(Ticket.create!(LOADED.transform_values { nil }).id) },
    saved: -> { Ticket.create!(LOADED) },
    selected: -> { Ticket.select(:id, :count).find(1) },
    calculated: -> { Ticket.select("count * 2 AS twice, title").first },
    destroyed: -> { Ticket.create!(LOADED).destroy },
    frozen: -> { Ticket.find(1).freeze },
    readonly: -> { Ticket.readonly.find(1) },
    duplicate: -> { Ticket.find(1).dup },
    clone: -> { Ticket.find(1).clone },
    rush: -> { RushTicket.create!(LOADED) && Ticket.find_by!(type: "RushTicket") },
    half: -> { Ticket.find(1).tap { |ticket| [ticket.count, ticket.title.upcase!, ticket.title << "!"] } },
    yaml: -> { YAML.unsafe_load(YAML.dump(Ticket.find(1))) },
    marshal: -> { Marshal.load(Marshal.dump(Ticket.find(1))) },
    hashed: -> { Ticket.find(1).tap { |ticket| in_hash(ticket) } },
    code: -> { Code.find("ab") },
    pair: -> { Pair.first }
  }.freeze

  # A method for each, which gives back what it is given.
  class Reader
    NAMES.each { |name| define_method("read_#{name}") { |record| record } }
    CONDITIONS.each_key { |name| define_method("if_#{name}") { |record| record } }
  end

  # A set as they were before Rails 6.1, and as they come out of YAML that was written then.
  def self.in_hash(record)
    set = record.instance_variable_get(:@attributes)
    parts = %i[@types @values @additional_types @default_attributes].map { |name| set.instance_variable_get(name) }
    hash = ActiveModel::LazyAttributeHash.new(*parts)
    record.instance_variable_set(:@attributes, ActiveModel::AttributeSet.new(hash))
  end

  def run
    Ticket.create!(LOADED)
    Code.create!(code: "ab")
    Pair.create!(one: 1, two: 2)
    attach do
      allocations = allocations()
      look
      { cases: CASES.transform_values { |make| tell(make.call) }, allocations: allocations, conditions: conditions,
        errors: Attach.complaints }
    end
  end

  private

  def yaml
    captures = NAMES.map do |name|
      entry("read_#{name}", %(capture: {missing: "args.0.#{name} == nil", value: "args.0.#{name}"}))
    end
    conditions = CONDITIONS.map { |name, text| entry("if_#{name}", %(if: "#{text}")) }
    "version: 1\nreload: false\nlimits: {rate: 0, cpu: 0}\ntracers:\n#{[*captures, *conditions].join}"
  end

  def entry(method, more) = "  - {class: \"Records::Reader\", methods: [#{method}], types: [entry], #{more}}\n"

  def attach
    Tempfile.create(["tracers", ".yml"]) do |file|
      File.write(file.path, yaml)
      Railprobe.start(file.path) or raise Railprobe.report.to_s
    end
    @probes = Railprobe.report[:tracers].flat_map { |row| row[:probes] }.map { |name| Railprobe[name] }
    semaphores = @probes.map { |probe| Semaphore.new(probe) }
    semaphores.each { |semaphore| semaphore.add(1) }
    Attach.settle
    yield
  ensure
    semaphores&.each { |semaphore| semaphore.add(-1) }
  end

  def look
    @sites = @probes.map { |probe| Site.new(probe).watch { |*slots| @seen << slots.drop(3) } }
  end

  # The slots of each firing that the block makes.
  def seen
    @seen = []
    yield
    @seen
  end

  def tell(record)
    before = state_of(record)
    carried = nil
    queries = queries_during { carried = read_all(record) }
    untouched = state_of(record) == before
    { carried: carried, rails: NAMES.to_h { |name| [name, ask(record, name)] }, again: read_all(record),
      queries: queries, untouched: untouched }
  end

  # What of the app's was called, and what Active Record has made of the record so far.
  def state_of(record)
    set = record.instance_variable_get(:@attributes)
    parts = [set, set.instance_variable_get(:@attributes)].flat_map do |part|
      part.instance_variables.map { |name| shape_of(part.instance_variable_get(name)) }
    end
    [Tickets::CALLS.dup, parts, record.instance_variable_get(:@association_cache).keys]
  end

  def shape_of(value)
    return value.class unless value.is_a?(Hash)

    value.transform_values { |part| part.respond_to?(:has_been_read?) ? part.has_been_read? : part.class }
  end

  def queries_during(&)
    count = 0
    ActiveSupport::Notifications.subscribed(->(*) { count += 1 }, "sql.active_record", &)
    count
  end

  def read_all(record) = NAMES.to_h { |name| [name, read(record, name)] }

  def read(record, name)
    firings = seen { Reader.new.public_send(:"read_#{name}", record) }
    raise "#{firings.size} firings for #{name}" unless firings.size == 1

    missing, slot = firings.first
    return if missing == 1

    decode(record.is_a?(Code) ? "code" : name, slot)
  end

  def decode(name, slot)
    if slot == -1 then OBJECT
    elsif name == "paid" then { 1 => true, 0 => false }.fetch(slot)
    elsif DECIMALS.include?(name) then [slot].pack("q").unpack1("d")
    elsif TEXTS.include?(name) then Site.text(slot)
    else slot
    end
  end

  # What the reader says; what Rails has none for is missing.
  def ask(record, name)
    value = record.public_send(name)
    case value
    when BigDecimal then value.to_f
    when Integer then value.clamp(-2**63, (2**63) - 1)
    when Float, String, true, false, nil then value
    else OBJECT
    end
  rescue NoMethodError, ActiveModel::MissingAttributeError
    nil
  end

  # Objects that a call makes which fires.
  def allocations
    ticket = Ticket.find(1)
    uncast = NAMES.to_h { |name| [name, allocated(:"read_#{name}", ticket)] }
    ticket.amount
    { uncast: uncast.select { |_, count| count.positive? }, decimal: allocated(:read_amount, ticket) }
  end

  def allocated(name, record)
    reader = Reader.new
    before = made = 0
    2.times do
      before = GC.stat(:total_allocated_objects)
      20.times { reader.public_send(name, record) }
      made = GC.stat(:total_allocated_objects)
    end
    (made - before) / 20
  end

  # Which records of three fire.
  def conditions
    tickets = [Ticket.find(1), Ticket.new(amount: 100, state: :fresh, paid: 0, count: 0),
               Ticket.new(amount: BigDecimal("100.01"), state: 1, paid: "t", due: Time.now, title: "title")]
    CONDITIONS.keys.to_h do |name|
      [name, tickets.map { |ticket| seen { Reader.new.public_send(:"if_#{name}", ticket) }.size }]
    end
  end
end

Records.new.run
