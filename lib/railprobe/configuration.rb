# frozen_string_literal: true

module Railprobe
  # What config/tracers.yml asks for, as the engine has read it. A value: reading it again makes another one.
  class Configuration
    # The file can't be read, or has errors; the message has all of them, each with its place.
    class Invalid < Error; end

    PLAIN_HEADERS = %w[CONTENT_TYPE CONTENT_LENGTH].freeze # a Rack env has them without HTTP_

    attr_reader :path, :tracers, :probes, :site, :directory, :limits, :headers, :rails, :errors,
                :rendered, :text

    # Raises what the system says of a file that can't be read; errors in it are in .errors. any_type: whether to take
    # helper types that nobody has registered, as the app that would do so is not there. places: whether to keep what
    # an Inspection takes, the text and where the classes and methods stand in it.
    def self.read(path, **options) = new(File.binread(path), path, **options)

    def initialize(text, path, any_type: false, places: false)
      own_types = Runtime.instance.helper_types.rows unless any_type
      value = Native.read_config(text, path.to_s, own_types, places)
      @path = path.to_s
      @text = text if places
      @tracers = value.fetch(:tracers)
      @probes = value.fetch(:probes)
      @site = value.fetch(:site)
      @directory = value.fetch(:directory)
      @limits = value.fetch(:limits).freeze
      @headers = value.fetch(:headers)
      @rails = [*value.fetch(:rails), env_names].freeze
      @reload = value.fetch(:reload)
      @errors = value.fetch(:errors)
      @rendered = value[:rendered]
      freeze
    end

    def reload? = @reload
    def valid? = errors.empty?

    private

    # What a Rack env calls the headers.
    def env_names
      headers.map do |name|
        name = name.upcase.tr("-", "_")
        (PLAIN_HEADERS.include?(name) ? name : "HTTP_#{name}").freeze
      end.freeze
    end
  end
end
