# frozen_string_literal: true

class ReportsController < ApplicationController
  LONGEST = 1000 # ms

  # ms=50: as long in a transaction, so with a connection in hand. 1 User Count, 2 TRANSACTION.
  def slow
    milliseconds = Integer(params.fetch(:ms, 50)).clamp(0, LONGEST)
    count = Order.transaction do
      sleep(milliseconds / 1000.0)
      User.count
    end
    render plain: "#{count}\n"
  end

  # 1 Order Load, on another thread from Rails 7.0 on (unless this one gets there first), and 1 Product Count.
  def async
    orders = Order.listed
    orders = orders.load_async if orders.respond_to?(:load_async)
    products = Product.count
    render plain: "#{orders.to_a.size} #{products}\n"
  end

  # Seven lines, one at a time. 1 Order Pluck, made while they are sent: the action is over then, the request is not.
  def stream
    response.content_type = "text/plain"
    response.headers["Last-Modified"] = Time.now.httpdate # else Rack::ETag reads it all first
    self.response_body = Enumerator.new do |lines|
      Order.listed.limit(7).pluck(:id).each { |id| lines << "order #{id}\n" }
    end
  end

  # 1 job, with 1 Order Count.
  def create
    ReportJob.perform_later("orders")
    head :accepted
  end

  # 1 job that fails, is retried at once and works: 2 performs, 1 retry. Only with SHOP_JOBS=async: the inline adapter
  # takes no job for later.
  def flaky
    FlakyJob.perform_later
    head :accepted
  end

  # 1 job that fails and is discarded.
  def hopeless
    HopelessJob.perform_later
    head :accepted
  end
end
