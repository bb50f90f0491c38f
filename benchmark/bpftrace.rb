# frozen_string_literal: true

module Benchmark
  # bpftrace, counting how often a probe is hit.
  module Bpftrace
    # Runs it for as long as the block takes, which waits for the semaphore itself; gives the count.
    def self.count(probe)
      reader, writer = IO.pipe
      pid = Process.spawn("bpftrace", "-q", "-e", "#{probe} { @ = count(); }", in: File::NULL, out: writer, err: writer)
      writer.close
      begin
        yield
      ensure
        Process.kill("INT", pid)
        output = reader.read
        Process.wait(pid)
      end
      Integer(output[/^@: (\d+)$/, 1] || raise("bpftrace says #{output.inspect}"))
    end
  end
end
