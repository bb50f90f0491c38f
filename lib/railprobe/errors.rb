# frozen_string_literal: true

module Railprobe
  # The root of what Railprobe raises: under Railprobe.strict, and nowhere else.
  class Error < StandardError; end

  # A declaration that cannot be: a bad name, an unknown type, too many arguments, a clash.
  class DeclarationError < Error; end

  # Values that do not fit the probe's arguments.
  class ArgumentError < Error; end

  # No probe of that name is declared.
  class UnknownProbeError < Error; end

  # The images could not be built or mapped.
  class LoadError < Error; end
end
