# frozen_string_literal: true

module Railprobe
  # What config/tracers.yml asks for, as the engine has read it. A value: reading it again makes another one.
  class Configuration
    # The file can't be read, or has errors; the message has all of them, each with its place.
    class Invalid < Error; end

    attr_reader :path, :tracers, :probes, :site, :frames, :headers, :errors, :rendered

    # Raises Invalid for a file that can't be read; errors in it are in .errors.
    def self.read(path) = new(File.binread(path), path)

    def initialize(text, path)
      value = Native.read_config(text, path.to_s)
      @path = path.to_s
      @tracers = value.fetch(:tracers)
      @probes = value.fetch(:probes)
      @site = value.fetch(:site)
      @frames = value.fetch(:frames)
      @headers = value.fetch(:headers)
      @reload = value.fetch(:reload)
      @errors = value.fetch(:errors)
      @rendered = value[:rendered]
      freeze
    end

    def reload? = @reload
    def valid? = errors.empty?
  end
end
