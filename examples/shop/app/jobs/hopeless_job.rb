# frozen_string_literal: true

class HopelessJob < ApplicationJob
  class NoUse < StandardError; end

  discard_on NoUse

  def perform = raise(NoUse, "never works")
end
