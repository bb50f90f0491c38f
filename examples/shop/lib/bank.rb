# frozen_string_literal: true

require "json"
require "socket"

# The HTTP service of somebody else that the app talks to. It is a thread of whichever process asks for it first, on a
# free port of the loopback interface, so that nothing has to be started beside the app.
class Bank
  LOCK = Mutex.new
  RATES = { "EUR" => 100, "GBP" => 117, "USD" => 92 }.freeze

  class << self
    # A server is its process's own: a forked worker has the parent's socket, and not its thread.
    def url
      LOCK.synchronize do
        unless @pid == Process.pid
          @server = new
          @pid = Process.pid
        end
        "http://127.0.0.1:#{@server.port}"
      end
    end
  end

  attr_reader :port

  def initialize
    @socket = TCPServer.new("127.0.0.1", 0)
    @port = @socket.addr[1]
    Thread.new { loop { answer(@socket.accept) } }
  end

  private

  # One request a connection: GET /rates/EUR, or 404.
  def answer(client)
    path = client.gets.to_s.split[1]
    line = client.gets until line == "\r\n" || line.nil?
    rate = RATES[path.to_s[%r{\A/rates/(\w+)\z}, 1]]
    body = JSON.generate(rate ? { rate: rate } : { error: "no rate" })
    client.write("HTTP/1.1 #{rate ? "200 OK" : "404 Not Found"}\r\nContent-Type: application/json\r\n" \
                 "Content-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
  rescue SystemCallError
    # Whoever asked has gone.
  ensure
    client.close
  end
end
