# frozen_string_literal: true

Rails.application.routes.draw do
  root "products#home"

  resources :orders, only: %i[index show create] do
    get :eager, on: :collection
    post :refund, on: :member
  end

  resources :products, only: %i[index] do
    get :search, on: :collection
    post :import, on: :collection
  end

  get "reports/slow", to: "reports#slow"
  get "reports/async", to: "reports#async"
  get "reports/stream", to: "reports#stream"
  post "reports", to: "reports#create"
  post "reports/flaky", to: "reports#flaky"
  post "reports/hopeless", to: "reports#hopeless"

  get "payments/rates", to: "payments#rates"
  get "payments/fee", to: "payments#fee"
  get "payments/broken", to: "payments#broken"
  get "payments/suspicious", to: "payments#suspicious"

  post "notices/receipt", to: "notices#receipt"
  post "notices/broadcast", to: "notices#broadcast"
  post "notices/upload", to: "notices#upload"
  post "notices/event", to: "notices#event"
end
