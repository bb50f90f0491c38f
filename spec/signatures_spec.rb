# frozen_string_literal: true

require "rbs"

# sig/ is held against the code: what is public is in it, with the arguments that are there, and nothing else is.
RSpec.describe "the type signatures" do
  attr_reader :definitions

  before(:all) do
    loader = RBS::EnvironmentLoader.new
    loader.add(path: Pathname(File.expand_path("../sig", __dir__)))
    environment = RBS::Environment.from_loader(loader).resolve_type_names
    @definitions = RBS::DefinitionBuilder.new(env: environment)
  end

  def signed(definition, constant)
    definition.methods.select { |_, method| method.defined_in&.to_s == "::#{constant.name}" && method.public? }
  end

  def type_name(constant) = RBS::TypeName.parse("::#{constant.name}")

  # Whether a method of that signature can be called with so many positional arguments as the method takes.
  def arities(method)
    method.defs.map do |one|
      function = one.type.type
      required = function.required_positionals.size
      next required + 1 if function.required_keywords.any? # as Ruby counts them

      optional = function.optional_positionals.any? || function.rest_positionals || function.optional_keywords.any? ||
                 function.rest_keywords
      optional ? -required - 1 : required
    end
  end

  constants = [Railprobe, Railprobe::Signature, Railprobe::Runtime, Railprobe::HelperType, Railprobe::HelperTypes,
               Railprobe::Inspection, Railprobe::Suggestion,
               Railprobe::IdleProbe, Railprobe::Idle]
  constants += [Railprobe::Probe, Railprobe::Native, Railprobe::Call, Railprobe::OwnType] if Railprobe.supported?
  constants.uniq.each do |constant|
    it "have the functions of #{constant}" do
      expected = constant.singleton_methods(false) - %i[new allocate yaml_tag]
      found = signed(definitions.build_singleton(type_name(constant)), constant)

      expect(found.keys - %i[new]).to match_array(expected)
      expected.each { |name| expect([name, arities(found[name])]).to eq([name, [constant.method(name).arity]]) }
    end

    next unless constant.is_a?(Class)

    it "have the methods of #{constant}" do
      expected = constant.public_instance_methods(false)
      found = signed(definitions.build_instance(type_name(constant)), constant)

      expect(found.keys - %i[initialize]).to match_array(expected)
      expected.each do |name|
        expect([name, arities(found[name])]).to eq([name, [constant.instance_method(name).arity]])
      end
    end
  end

  it "have the keys of the report, and their types" do
    report = definitions.env.type_alias_decls.fetch(RBS::TypeName.parse("::Railprobe::report")).decl.type
    actual = Railprobe.report

    expect(report.fields.keys).to eq(actual.keys)
    expect(report.fields[:watcher].fields.keys).to eq(actual[:watcher].keys)
  end

  it "have the types of arguments" do
    types = definitions.env.type_alias_decls.fetch(RBS::TypeName.parse("::Railprobe::argument_type")).decl.type

    expect(types.types.map(&:literal)).to eq(Railprobe::Signature::TYPES.keys)
  end
end
