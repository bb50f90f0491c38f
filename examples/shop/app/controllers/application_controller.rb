# frozen_string_literal: true

# What stands above an action is what a tracer has to count, and spec/rails/shop_spec.rb counts it. Queries are those of
# sql.active_record, by name, but for what a new connection asks for itself: SCHEMA, and in Rails 6.1 the version of
# SQLite. "Cached" are those of them that the query cache answered. In Rails 6.1 a count and a pluck have no name.
# An answer in plain text is one template.
class ApplicationController < ActionController::Base
  # For what only newer versions of Rails have.
  def not_implemented = render(plain: "not in Rails #{Rails.version}\n", status: :not_implemented)
end
