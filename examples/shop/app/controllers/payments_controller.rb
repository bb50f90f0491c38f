# frozen_string_literal: true

class PaymentsController < ApplicationController
  # 1 HTTP request to the bank, on the loopback interface, from another thread of this process. No queries.
  def rates
    rate = PaymentGateway.new.rate(params.fetch(:currency, "EUR"))
    rate ? render(plain: "#{rate}\n") : head(:not_found)
  end

  # 1 deprecation.
  def fee
    render plain: "#{PaymentGateway.new.old_fee(1000)}\n"
  end

  # Raises out of the action: 500. From Rails 7.1 on that is 1 error reported, unhandled.
  def broken
    raise "the bank is closed"
  end

  # 1 error reported, handled, from Rails 7.0 on.
  def suspicious
    return not_implemented unless Rails.respond_to?(:error)

    Rails.error.handle(ArgumentError, context: { card: "stolen" }) { raise ArgumentError, "suspicious" }
    head :no_content
  end
end
