# frozen_string_literal: true

# Up to Rails 7.2 a connection that waits for another's write keeps Ruby's lock, and if the writer is a thread of the
# same process, nobody gets on before the timeout. This one waits as Rails 8.0 does.
SQLite3::Database.prepend(
  Module.new do
    def busy_timeout(milliseconds)
      busy_handler do |count|
        sleep(0.001)
        count < milliseconds
      end
    end
  end
)
