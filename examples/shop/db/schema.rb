# frozen_string_literal: true

ActiveRecord::Schema.define(version: 1) do
  create_table :users do |t|
    t.string :name, null: false
    t.string :email, null: false
  end

  create_table :products do |t|
    t.string :name, null: false
    t.integer :price, null: false
  end

  create_table :orders do |t|
    t.references :user, null: false, foreign_key: true
    t.string :state, null: false, default: "new"
    t.integer :total, null: false, default: 0
    t.integer :refunds, null: false, default: 0
  end

  create_table :line_items do |t|
    t.references :order, null: false, foreign_key: true
    t.references :product, null: false, foreign_key: true
    t.integer :quantity, null: false, default: 1
  end
end
