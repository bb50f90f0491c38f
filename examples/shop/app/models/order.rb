# frozen_string_literal: true

class Order < ApplicationRecord
  belongs_to :user
  has_many :line_items

  # Those of the seeds: the pages stay as long as they are while orders are placed.
  scope :listed, -> { order(:id).limit(23) }

  # Has the order paid. Raises PaymentGateway::Declined.
  def checkout(card, gateway: PaymentGateway.new)
    gateway.charge(total, card)
    update!(state: "paid")
  end

  def refund!(reason)
    raise ArgumentError, "a refund needs a reason" if reason.blank?

    increment!(:refunds)
  end
end
