# frozen_string_literal: true

# A class that is reloaded while its methods are armed: is the new one traced from its first call on? And one that is
# loaded for the first time, by itself or as one of a namespace.
require File.expand_path("attach", ENV.fetch("PROGRAMS"))

def arity = Order.instance_method(:checkout).arity
def states = Railprobe.report[:tracers].to_h { |row| [row[:method], row[:state]] }

before = [Object.autoload?(:Order).nil?, states.fetch("Order#checkout")]
semaphore = Attach.semaphore_of("order:checkout__return")
semaphore.add(1)
Attach.settle
loaded = [arity, states.fetch("Order#checkout")]
reloaded = Array.new(3) do
  Rails.application.reloader.reload!
  [Order.object_id, arity]
end
semaphore.add(-1)
Attach.settle
left = arity
Search::Products.new
Attach.wait { states.key?("Search::Products#call") }

{ before: before, loaded: loaded, classes: reloaded.map(&:first).uniq.size, arities: reloaded.map(&:last), left: left,
  namespace: states.fetch("Search::Products#call"), complaints: Attach.complaints }
