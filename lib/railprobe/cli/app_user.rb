# frozen_string_literal: true

require "etc"

module Railprobe
  module CLI
    # Whom an app runs as: the one to whom its tmp belongs, or else its directory. Images of one user are not used by
    # another, and where root has put the first one the app can't put the next.
    class AppUser
      attr_reader :uid

      def initialize(root)
        tmp = File.join(root.to_s, "tmp")
        @uid = File.stat(File.directory?(tmp) ? tmp : root.to_s).uid
      end

      def here? = uid == Process.euid
      def name = AppUser.name_of(uid)

      # Why root must not boot the app, or nil.
      def hindrance
        return if here? || !Process.euid.zero?

        "Run this as #{name}, as whom the app runs: what root puts into its tmp/railprobe is in its way. " \
          "rails tracing:run alone takes root."
      end

      def self.name_of(uid)
        Etc.getpwuid(uid).name
      rescue ::ArgumentError # a number that no user has
        "user #{uid}"
      end
    end
  end
end
