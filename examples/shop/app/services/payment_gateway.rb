# frozen_string_literal: true

require "net/http"

class PaymentGateway
  class Declined < StandardError; end

  SLOW = 0.02 # seconds that a slow card takes

  # Takes the money. Cards: "ok", "slow", "declined".
  def charge(amount, card)
    sleep(SLOW) if card == "slow"
    raise Declined, "#{amount} declined" if card == "declined"

    fee(amount)
  end

  # What a currency is worth, as the bank tells it; one HTTP request.
  def rate(currency)
    response = Net::HTTP.get_response(URI("#{Bank.url}/rates/#{currency}"))
    JSON.parse(response.body)["rate"] if response.is_a?(Net::HTTPSuccess)
  end

  def old_fee(amount)
    Shop.deprecator.warn("old_fee is gone in 2.0, take charge")
    fee(amount)
  end

  private

  def fee(amount) = amount / 50
end
