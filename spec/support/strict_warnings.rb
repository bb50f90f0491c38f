# frozen_string_literal: true

# A warning about our own code is an error: in Ruby's words, one that starts with a path of this checkout.
module StrictWarnings
  class Raised < StandardError; end

  ROOT = "#{File.expand_path("../..", __dir__)}/".freeze
  OTHERS = File.join(ROOT, "vendor/")

  def warn(message, ...)
    raise Raised, message if message.start_with?(ROOT) && !message.start_with?(OTHERS)

    super
  end

  Warning.extend(self)
end
