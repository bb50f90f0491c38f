# frozen_string_literal: true

require "spec_helper"
require "support/end_to_end"
require "support/rails_trace"

# Captures and conditions over records of the shop, as a tracer sees them. Of every kind of attribute:
# spec/rails/records_spec.rb.
RSpec.describe "Attributes of records in the shop", :e2e do
  yaml = <<~YAML
    limits: {rate: 0, cpu: 0}
    tracers:
      - class: Checkout
        methods: [call]
        capture: {id: result.id, total: result.total, state: result.state, user: result.user_id, name: result.user.name}
      - class: Order
        methods: [refund!]
        types: [entry]
        capture: {id: self.id, total: self.total, refunds: self.refunds}
        if: "self.total > 1000 && self.state == 'paid'"
  YAML
  orders = [9, 10, 11, 23].freeze # the total of each is 100 times its id
  on_stack = [8, 16, 24, 32].map { |offset| "*(uint64 *)uptr(reg(\"sp\") + #{offset})" }
  bought = "printf(\"bought %lld %lld <%s> %lld %lld\\n\", arg5, #{on_stack[0]}, str(#{on_stack[1]}), " \
           "#{on_stack[2]}, #{on_stack[3]});"
  refunded = "printf(\"refunded %lld %lld %lld\\n\", arg3, arg4, arg5);"

  Gemfiles.here.each do |gemfile|
    it "are those of the record, with Rails #{gemfile.rails}", skip: gemfile.missing do
      file = File.join(directory, "tracers.yml")
      File.write(file, yaml)
      rails = RailsTrace.new(gemfile, directory, env: { "TRACERS_FILE" => file }) do |program, **options|
        start_target(program, **options)
      end
      app = File.join(images, "app.so")
      tracer = trace("usdt:#{app}:checkout:call__return { #{bought} } " \
                     "usdt:#{app}:order:refund_bang__entry { #{refunded} }", on: rails.target)
      armed = "Railprobe.report[:tracers].count { |row| row[:state] == :armed }"
      wait_until("both are armed") { rails.ask(:eval, armed) == 2 }
      rails.ask(:request, "POST", "/orders")
      orders.each { |id| rails.ask(:request, "POST", "/orders/#{id}/refund?reason=late") }
      tracer.stop(lines: 3)

      user, total = rails.ask(:eval, "Order.last.attributes.values_at('user_id', 'total')")
      expect(tracer.lines).to eq(["bought 24 #{total} <paid> #{user} -1", "refunded 11 1100 0", "refunded 23 2300 0"])
    end
  end
end
