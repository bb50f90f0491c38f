# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"

RSpec.describe "A storm of forks while tracers come and go", :e2e do
  let(:forks) { 250 }
  let(:cycles) { 20 }

  # The tracers that come and go, one after the other: how often each probe was counted.
  def cycle(target, path)
    Array.new(cycles) do
      trace("usdt:#{path}:storm:cycled { @hits = count(); }", on: target).stop.count("@hits")
    end
  end

  # Forks and fires as long as the block, in a thread of its own, runs. What the block gave.
  def storm(target, &block)
    cycling = Thread.new(&block)
    cycling.report_on_exception = false
    forked = 0
    while cycling.alive? || forked < forks
      target.ask(:work)
      forked = target.ask(:fork_child) if forked < forks * 3 / 2
    end
    cycling.value
  ensure
    cycling.kill.join
  end

  %w[safe fast].each do |site|
    it "kills nobody, leaks nothing and loses no count with the #{site} site" do
      target = start_target("storm.rb", env: { "RAILPROBE_SITE" => site })
      path = target.ask(:path, "storm:cycled")
      always = trace("usdt:#{path}:storm:always { @hits = count(); }", on: target)
      counted = storm(target) { cycle(target, path) }
      fired, alive = target.ask(:settle)
      always.stop

      expect(always.count("@hits")).to eq(fired)
      expect(counted.sum).to be_between(1, fired)
      expect(alive.size).to be >= forks
      alive.each { |pid| wait_until("semaphores 0 in child #{pid}") { Semaphores.raised(pid).empty? } }
      expect_released(target)
      expect(target.ask(:open_gate)).to eq([])
    end
  end
end
