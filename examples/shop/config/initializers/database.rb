# frozen_string_literal: true

# The first process to boot makes the database. No connection is left open, so none is taken into a forked worker; what
# the models have learnt of their tables stays, so a worker's first request makes no more queries than the next.
Rails.application.config.after_initialize do
  FileUtils.mkdir_p(ENV.fetch("SHOP_DIR"))
  File.open(File.join(ENV.fetch("SHOP_DIR"), "database.lock"), File::RDWR | File::CREAT) do |lock|
    lock.flock(File::LOCK_EX)
    ActiveRecord::Migration.verbose = false
    unless ActiveRecord::Base.connection.table_exists?(:line_items) && LineItem.exists?
      ActiveRecord::Base.connection.execute("PRAGMA journal_mode = WAL") # readers and a writer at the same time
      load Rails.root.join("db/schema.rb")
      load Rails.root.join("db/seeds.rb")
    end
  end
  [User, Product, Order, LineItem].each(&:columns_hash)
  ActiveRecord::Base.connection_pool.disconnect!
end
