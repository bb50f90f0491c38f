# frozen_string_literal: true

module Search
  class Products
    def call(text)
      Product.where("name LIKE ?", "%#{Product.sanitize_sql_like(text)}%").order(:id).pluck(:name)
    end
  end
end
