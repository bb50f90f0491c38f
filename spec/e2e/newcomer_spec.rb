# frozen_string_literal: true

require "net/http"
require "spec_helper"
require "support/end_to_end"
require "support/gemfiles"
require "support/readme_commands"

# The section "In a Rails app" of the README, done as it says: what it shows to write is written, what it shows to type
# is typed, and what it shows at the end comes out.
RSpec.describe "A newcomer to a Rails app", :e2e do
  let(:gemfile) { Gemfiles.here.last }
  let(:steps) { ReadmeCommands.new("In a Rails app").steps }
  let(:shims) { File.join(directory, "bin") }
  let(:background) { [] }
  # Another one than 3000, which somebody may use.
  let(:port) { TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] } }

  after { background.each { |pid| stop(pid, "TERM") } }

  # The newest Rails there is here, whose command need not be in the path; the checkout lies beside the app.
  def prepare
    Dir.mkdir(shims)
    File.write(File.join(shims, "rails"), <<~RUBY)
      #!#{RbConfig.ruby}
      require "bundler" # remembers the environment as it is
      ENV["BUNDLE_GEMFILE"] = #{gemfile.path.inspect}
      require "bundler/setup"
      load Gem.bin_path("railties", "rails")
    RUBY
    File.chmod(0o755, File.join(shims, "rails"))
    File.symlink(ChildRuby::ROOT, File.join(directory, "railprobe"))
    @place = directory
  end

  def environment
    mirror = { "BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/" => Gem.sources.first.uri.to_s }
    gemfile.environment.merge(mirror, "BUNDLE_GEMFILE" => nil, "RAILS_ENV" => nil, "RAILPROBE_DIR" => nil,
                                      "PORT" => port.to_s, "PATH" => "#{shims}:#{ENV.fetch("PATH")}")
  end

  # In a shell, which says where it is when it has done the command.
  def type(command)
    command = command.gsub("localhost:3000", "localhost:#{port}")
    shell = ["timeout", "300", "bash", "-c", "set -e; #{command}\necho; pwd"]
    output, status = Open3.capture2e(environment, *shell, chdir: @place)
    raise "#{command}\n#{output}" unless status.success?

    @place = output.lines.last.chomp
    output
  end

  # [its pid, where it says what it says].
  def start(command, name)
    output = File.join(directory, "#{name}.txt")
    background << spawn(environment, "exec #{command}", chdir: @place, in: File::NULL, out: output,
                                                        err: %i[child out], pgroup: true)
    [background.last, output]
  end

  # The one thing that a reader does not do: the app says when the method is armed, or will be as its class is loaded.
  def start_server(command)
    File.write(File.join(@place, "config/initializers/observer.rb"), <<~RUBY)
      Railprobe.on_change do |_probe, attached|
        Thread.pass until !attached || Railprobe.report[:tracers].all? { |row| %i[waiting armed].include?(row[:state]) }
        File.write(Rails.root.join("tmp/armed"), "") if attached
      end
    RUBY
    start(command, "server")
    wait_until("the server", deadline: 120) { up? }
  end

  # It answers, though not with what is to be traced.
  def up?
    Net::HTTP.get_response(URI("http://localhost:#{port}/up")).is_a?(Net::HTTPResponse)
  rescue SystemCallError
    false
  end

  def start_tracer(command)
    pid, output = @tracer = start(command, "tracer")
    wait_until("the tracer", deadline: 60) do
      raise File.read(output) if gone?(pid)

      File.read("/proc/#{pid}/wchan").match?(/ep_poll|epoll_wait/) && File.exist?(File.join(@place, "tmp/armed"))
    end
  end

  def stop(pid, signal)
    Process.kill(signal, pid)
    Waiting.reap(pid, deadline: 60)
  rescue Errno::ESRCH, Errno::ECHILD
    nil # it is gone already
  end

  def follow(step)
    case step.kind
    when :file then File.write(File.join(@place, step.path), step.text)
    when :root_command then start_tracer(step.text)
    when :command then step.text == "bin/rails server" ? start_server(step.text) : type(step.text)
    end
  end

  # Name of a map => how many values are in its histogram.
  def histograms(text)
    text.scan(/^(@\w+): *\n((?:\[.*\n)+)/).to_h { |map, rows| [map, rows.scan(/\) +(\d+) \|/).flatten.sum(&:to_i)] }
  end

  it "sees a histogram of as many calls as were made" do
    skip(gemfile.missing) if gemfile.missing
    prepare
    done, shown = steps.partition { |step| step.kind != :output }
    said = done.map { |step| follow(step) }
    pid, output = @tracer
    stop(pid, "INT")

    expect(histograms(File.read(output))).to eq("@us" => 100)
    expect(histograms(shown.fetch(0).text)).to eq("@us" => 100)
    expect(said.grep(String)).to include("      create  config/tracers.yml\n\n#{@place}\n")
  end
end
