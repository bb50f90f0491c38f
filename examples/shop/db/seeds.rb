# frozen_string_literal: true

# 5 users, 7 products, 23 orders of 2 items each: every page shows the same, however many orders are placed later.
User.insert_all!((1..5).map { |id| { id: id, name: "User #{id}", email: "user#{id}@shop.test" } })
Product.insert_all!(%w[Bread Butter Coffee Honey Jam Milk Tea].each.with_index(1).map do |name, id|
  { id: id, name: name, price: id * 100 }
end)
Order.insert_all!((1..23).map { |id| { id: id, user_id: (id % 5) + 1, state: "paid", total: id * 100, refunds: 0 } })
LineItem.insert_all!((1..46).map do |id|
  { id: id, order_id: ((id + 1) / 2), product_id: (id % 7) + 1, quantity: 1 }
end)
