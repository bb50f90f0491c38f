# frozen_string_literal: true

# Does nothing, for ever, in one of the ways Ruby has; what it is told of, it passes on.
Railprobe.probe("e2e:hit", number: :integer)
Railprobe.load or abort("Railprobe.load")

line = nil
Railprobe.on_change do |probe, attached|
  line.syswrite("#{JSON.generate([probe.name, attached])}\n")
end
line = Stage.connect

# Without another thread that could wake it, Ruby calls a main thread that waits for others a deadlock.
Thread.new { line.wait_readable }

case ENV.fetch("IDLE")
when "sleep" then sleep
when "queue" then Queue.new.pop
when "select" then IO.select([line, IO.pipe.first])
when "join" then Thread.list.last.join
when "accept" then TCPServer.new("127.0.0.1", 0).accept
end
