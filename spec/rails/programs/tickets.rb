# frozen_string_literal: true

# Models with a column of every kind that sqlite has, and whatever an app may do about attributes. What of theirs is
# called is noted.
module Tickets
  CALLS = [] # rubocop:disable Style/MutableConstant

  # A type of an app's own.
  class Secret < ActiveRecord::Type::String
    def deserialize(value)
      Tickets.note(:deserialize)
      super(value&.reverse)
    end
  end

  def self.note(call, value = nil)
    CALLS << call
    value
  end

  def self.since?(version) = Gem::Version.new(Rails.version) >= Gem::Version.new(version)
end

ActiveRecord::Schema.define do
  create_table :tickets do |t|
    t.integer :count
    t.bigint :big
    t.decimal :amount, precision: 10, scale: 2
    t.decimal :ratio
    t.decimal :whole, precision: 10, scale: 0
    t.float :weight
    t.boolean :paid
    t.datetime :due
    t.date :day
    t.time :clock
    t.string :title
    t.text :body
    t.json :data
    t.integer :state, default: 0
    t.string :kind, default: "plain"
    t.text :settings
    t.string :secret
    t.string :type
    t.integer :user_id
    t.integer :level, default: 3
  end
  create_table(:codes, id: false) { |t| t.string(:code, primary_key: true) }
  create_table(:pairs, primary_key: %i[one two]) { |t| %i[one two].each { |name| t.integer(name) } }
end

class Ticket < ApplicationRecord
  enums = { state: { fresh: 0, paid: 1, lost: 7 }, kind: { plain: "plain", fancy: "f" } }
  Tickets.since?("7.0") ? enums.each { |name, labels| enum(name, labels, prefix: true) } : enum(**enums, _prefix: true)
  Tickets.since?("7.1") ? serialize(:settings, coder: JSON) : serialize(:settings, JSON)
  attribute :secret, Tickets::Secret.new
  attribute :virtual, :integer
  attribute :points, :integer, default: "5"
  attribute :lazy, :string, default: -> { (Tickets::CALLS << :default) && "late" }
  alias_attribute :heading, :title
  belongs_to :user, optional: true

  after_initialize { Tickets.note(:after_initialize) }
  after_find { Tickets.note(:after_find) }

  def count
    Tickets.note(:count)
    super
  end
end

class RushTicket < Ticket; end

class Code < ApplicationRecord
  self.primary_key = :code
end

class Pair < ApplicationRecord
  self.primary_key = %i[one two] if Tickets.since?("7.1")
end
