# frozen_string_literal: true

class NoticesController < ApplicationController
  # 1 mail, with 1 Order Load and 1 User Load. Views: a template without a layout.
  def receipt
    ReceiptMailer.receipt(Order.find(params.fetch(:id, 1))).deliver_now
    head :accepted
  end

  # 1 broadcast that nobody hears.
  def broadcast
    ActionCable.server.broadcast("orders", { id: 1, state: "paid" })
    head :accepted
  end

  # An upload, a download and a deletion, on disk.
  def upload
    key = request.request_id
    storage = ActiveStorage::Blob.service
    storage.upload(key, StringIO.new("a note"))
    text = storage.download(key)
    storage.delete(key)
    render plain: "#{text}\n"
  end

  # 1 structured event, from Rails 8.1 on.
  def event
    return not_implemented unless Rails.respond_to?(:event)

    Rails.event.notify("order.seen", id: 1)
    head :accepted
  end
end
