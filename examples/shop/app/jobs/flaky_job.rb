# frozen_string_literal: true

# Fails the first time, works the second.
class FlakyJob < ApplicationJob
  class Busy < StandardError; end

  retry_on Busy, wait: 0, attempts: 2

  def perform
    raise Busy, "try again" if executions == 1
  end
end
