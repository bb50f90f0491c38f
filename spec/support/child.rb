# frozen_string_literal: true

require "json"
require "open3"
require "rbconfig"

# A Ruby program in a process of its own, with the library loaded. Its value is what the program's text gives,
# by way of JSON.
#
#   Child.run("Railprobe.supported?", env: { "RAILPROBE" => "0" }).value
class Child
  Result = Struct.new(:value, :errors, :status, keyword_init: true)

  LIBRARY = File.expand_path("../../lib", __dir__)
  # What decides where images go is the caller's, not this process's.
  CLEAN = { "RAILPROBE" => nil, "RAILPROBE_DIR" => nil, "RAILPROBE_SITE" => nil, "RAILPROBE_POLL_MS" => nil,
            "XDG_RUNTIME_DIR" => nil, "RUBYOPT" => nil, "BUNDLER_SETUP" => nil }.freeze
  # The library is read before the user changes, who may not be let into the checkout.
  STAGE = <<~RUBY
    require "json"
    require "railprobe"
    program, uid = ARGV
    if uid
      Process::Sys.setgid(uid.to_i)
      Process::Sys.setuid(uid.to_i)
    end
    value = eval(program, TOPLEVEL_BINDING, "child", 1)
    $stdout.write(JSON.generate(value))
  RUBY

  # env is set on top of a clean one; under is a command that runs the one behind it; uid is whom the program
  # runs as; directory is where.
  def self.run(program, env: {}, under: [], uid: nil, directory: "/")
    command = [*under, RbConfig.ruby, "-w", "-I", LIBRARY, "-e", STAGE, "--", program, *uid&.to_s]
    output, errors, status = Open3.capture3(CLEAN.merge(env), *command, chdir: directory)
    value = JSON.parse(output, symbolize_names: true) if status.success?
    Result.new(value: value, errors: errors, status: status)
  end
end
