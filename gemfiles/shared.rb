# frozen_string_literal: true

# What every gemfile here needs beside its Rails. The shop requires what is its own; the rest is for the specs.
source Gem.sources.first.uri.to_s

gemspec path: ".."

gem "puma", require: false
gem "rake", require: false
gem "rake-compiler", require: false
gem "rspec", require: false
