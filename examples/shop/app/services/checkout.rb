# frozen_string_literal: true

# Places an order and has it paid, or leaves no trace of it.
class Checkout
  def initialize(user, products)
    @user = user
    @products = products
  end

  # The order. Raises PaymentGateway::Declined.
  def call(card:)
    Order.transaction do
      order = Order.create!(user: @user, total: @products.sum(&:price))
      @products.each { |product| order.line_items.create!(product: product) }
      order.checkout(card)
      order
    end
  end
end
