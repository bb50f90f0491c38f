# frozen_string_literal: true

class ApplicationMailer < ActionMailer::Base
  default from: "orders@shop.test"

  # Mails that are "sent" are kept in memory: one is enough.
  before_action { ActionMailer::Base.deliveries.clear }
end
