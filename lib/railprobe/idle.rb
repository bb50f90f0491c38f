# frozen_string_literal: true

module Railprobe
  # A probe that no tracer can attach to: what Railprobe[] gives where probes can't exist, and for a name
  # that could not be declared.
  class IdleProbe
    attr_reader :name, :arguments

    def initialize(name, arguments = {})
      @name = name.to_s.dup.freeze
      @arguments = arguments.dup.freeze
      freeze
    end

    def provider = Signature.split(name).first
    def usdt_name = Signature.split(name).last
    def path = nil
    def attached? = false
    def tripped? = false
    def rejected = 0

    # Never fires and never calls the block; under strict it checks the number of values all the same.
    def fire(*values, &block)
      strict = Ractor.current == Ractor.main && Runtime.instance.strict
      Runtime.reject(self, values, nil) if strict && !block && values.size != arguments.size
      false
    end

    def inspect = "#<#{self.class} #{Signature.describe(name, arguments)}>"
  end

  # The engine where probes can't exist: the functions of Native, remembering declarations only.
  module Idle
    @probes = {}

    class << self
      def start(_interval_ms) = nil

      def declare(provider, name, pairs, _group)
        label = "#{provider}:#{name}"
        arguments = pairs.to_h { |argument, type| [argument.to_sym, type] }
        known = @probes[label] ||= IdleProbe.new(label, arguments)
        return known if known.arguments == arguments

        raise DeclarationError, "#{label}: the probe is already declared with other arguments"
      end

      # Of a method; nil for a moment without pairs.
      def declare_method(provider, name, on_class, pairs, group)
        Tracer::MOMENTS.keys.zip(pairs).map do |moment, own|
          own && declare(provider, "#{"self_" if on_class}#{name}__#{moment}", own, group)
        end
      end

      # Other Ractors can't see what the main one has declared; nothing would come of it anyway.
      def find(provider, name)
        Ractor.current == Ractor.main ? @probes["#{provider}:#{name}"] : IdleProbe.new("#{provider}:#{name}")
      end

      def own_type(_label, _pairs, _block) = nil
      def remove(provider, name) = @probes.delete("#{provider}:#{name}")
      def probes = @probes.values
      def load(_directories, _fast) = nil
      def unload = @probes.clear && true
      def images = []
      def retired_images = 0
      def attempts = []
      def changes = []
      def vm_hooks = []
      def new_trips = []

      def limits
        { rate: 0, cpu: 0, pause: 10, string: 1024, frames: 16, tripped: [], all_tripped: false, trips: {},
          cpu_trips: 0, spent_ns: 0 }
      end

      def limits=(limits); end
      def watching? = false
      def fast_site? = false

      def load_builtin(_directories, _fast) = nil
      def common_attached? = false
      def builtin_probes = []
      def settle = nil
      def hook_errors = 0
      def listeners = []
      def hooks = []
      def reporter = nil
      def rails=(values); end
      def look_again = nil
      def watch_file(_path) = true
      def take_file_change = false
      def strict=(strict); end
      def wake_signal=(signal); end
    end
  end
end
