# frozen_string_literal: true

class OrdersController < ApplicationController
  rescue_from(PaymentGateway::Declined) { |error| render plain: "#{error.message}\n", status: :payment_required }

  # N + 1. 1 Order Load, 23 User Load (18 cached), 23 LineItem Load, 46 Product Load (39 cached).
  # Views: template, collection of 23, layout.
  def index
    @orders = Order.listed
  end

  # The same page with 4 queries: 1 Order Load, 1 User Load, 1 LineItem Load, 1 Product Load.
  def eager
    @orders = Order.listed.includes(:user, line_items: :product)
    render :index
  end

  # 1 Order Load, 1 User Load, 1 LineItem Load, 2 Product Load. Views: template, partial, layout.
  def show
    @order = Order.find(params[:id])
  end

  # card=ok, slow (20 ms) or declined. 1 User Load, 1 Product Load, and a transaction: 1 Order Create, 2 LineItem
  # Create, and 1 Order Update unless declined. 2 TRANSACTION: BEGIN, and COMMIT or ROLLBACK.
  def create
    checkout = Checkout.new(User.find(params.fetch(:user_id, 1)), Product.order(:id).first(2))
    order = checkout.call(card: params.fetch(:card, "ok"))
    render plain: "#{order.state} #{order.total}\n", status: :created
  end

  # 1 Order Load, 1 Order Update All.
  def refund
    Order.find(params[:id]).refund!(params.fetch(:reason, "broken"))
    head :no_content
  end
end
