# frozen_string_literal: true

# PORT=0 takes a free one, and says which. SHOP_PRELOAD=0 lets each worker load the app itself, so that a new version
# is taken in by a phased restart (SIGUSR1). WEB_CONCURRENCY=0 is one process without workers.
bind "tcp://127.0.0.1:#{ENV.fetch("PORT", 3000)}"
environment ENV.fetch("RAILS_ENV", "production")
threads 4, 4
workers Integer(ENV.fetch("WEB_CONCURRENCY", 2))
worker_check_interval 1 # seconds, and a phased restart waits for a look at each worker
preload_app!(ENV.fetch("SHOP_PRELOAD", "1") == "1")
pidfile ENV["PIDFILE"] if ENV.key?("PIDFILE")
