# frozen_string_literal: true

class ProductsController < ApplicationController
  # Nothing but the request.
  def home
    render plain: "shop\n"
  end

  # 1 Product Load. Its own cache keys, so that no other request meets them:
  # 4 reads (2 hits), of which fetch makes 2; 2 writes, of which fetch makes 1; 1 generate, 1 fetch_hit, 1 write_multi
  # of 2 keys, 1 read_multi of 3 (2 hits), 4 deletes. Views: template, partial, layout.
  def index
    @names = cached_names
    @cached = cached_pairs
  end

  # 1 Product Pluck.
  def search
    render json: Search::Products.new.call(params.fetch(:q, "ea"))
  end

  # 2 Product Update All.
  def import
    render plain: "#{Product.import([{ name: "Tea", price: 700 }, { name: "Jam", price: 500 }])}\n"
  end

  private

  def key(name) = "#{request.request_id}/#{name}"

  def cached_names
    cache = Rails.cache
    cache.read(key("names"))
    cache.write(key("names"), "none")
    cache.read(key("names"))
    cache.delete(key("names"))
    names = Array.new(2) { cache.fetch(key("names")) { Product.order(:id).map(&:name) } }
    cache.delete(key("names"))
    names.last
  end

  def cached_pairs
    cache = Rails.cache
    cache.write_multi({ key("a") => 1, key("b") => 2 })
    found = cache.read_multi(key("a"), key("b"), key("c")).size
    cache.delete(key("a"))
    cache.delete(key("b"))
    found
  end
end
