# frozen_string_literal: true

class ReceiptMailer < ApplicationMailer
  def receipt(order)
    @order = order
    mail(to: order.user.email, subject: "Your order #{order.id}")
  end
end
