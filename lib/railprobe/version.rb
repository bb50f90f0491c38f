# frozen_string_literal: true

module Railprobe
  VERSION = "0.1.0"
end
