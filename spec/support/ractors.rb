# frozen_string_literal: true

# Calls armed methods in Ractors: a program of its own, as a process that has made one is another one ever after.
require "railprobe"
require_relative "semaphore"

class Worker
  def f(one, two: 2, &block) = block ? yield(one) : one + two
  def g(one) = one.odd? ? raise(IndexError, "odd") : one
  def self.h(one) = one
end

file = File.join(ARGV.fetch(0), "tracers.yml")
File.write(file, <<~YAML)
  version: 1
  limits: {rate: 0, cpu: 0}
  tracers:
    - class: Worker
      methods: [f, g, .h]
      types: [latency, entry, args, result, exception, stack, allocations, gc, cpu]
YAML
Railprobe.start(file) or abort("Railprobe.start")
rows = Railprobe.report[:tracers]
rows.each { |row| Semaphore.new(Railprobe[row[:probes].first]).add(1) }
Railprobe::Engine.settle
print Railprobe.report[:tracers].map { |row| row[:state] }.uniq.join, " "

ractors = Array.new(4) do
  Ractor.new do
    worker = Worker.new
    1_000.times.sum do |number|
      odd = begin
        worker.g(number)
      rescue IndexError
        number
      end
      worker.f(number, two: 0) + worker.f(number) { |one| one } + Worker.h(odd)
    end
  end
end
puts ractors.map(&:take).inspect
