# frozen_string_literal: true

class ReportJob < ApplicationJob
  queue_as :reports

  def perform(_kind) = Order.count
end
