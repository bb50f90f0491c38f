# frozen_string_literal: true

# The half of a ShopCopy that runs in the app's directory: reads what is the same for every command, and then forks one
# process for each, which is bin/rails from there on.
require "json"
require "socket"

APP_PATH = File.expand_path("config/application")
require APP_PATH

line = UNIXSocket.for_fd(Integer(ARGV.fetch(0)))
while (text = line.gets)
  request = JSON.parse(text)
  pid = fork do
    line.close
    { "in" => $stdin, "out" => $stdout, "err" => $stderr }.each do |name, stream|
      stream.reopen(request.dig("files", name), name == "in" ? "r" : "w")
    end
    ENV.update(request.fetch("env"))
    ARGV.replace(request.fetch("arguments"))
    require "rails/commands"
  end
  line.puts(Process.wait2(pid).last.exitstatus || -1)
end
