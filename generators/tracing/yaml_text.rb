# frozen_string_literal: true

require "psych"

module Railprobe
  module Generators
    # YAML whose text is edited at the places that the parser tells: comments, order and layout stay. Made for what
    # config/tracers.yml may hold, so there are no anchors, tags or second documents.
    class YamlText
      attr_reader :text

      # Raises Psych::SyntaxError.
      def initialize(text)
        self.text = text
      end

      # The node below a key of the root, and further down; nil where there is none, or nothing in it.
      def value(*keys)
        node = keys.inject(@root) { |inner, key| pair(inner, key)&.last }
        node unless node.is_a?(Psych::Nodes::Scalar) && node.value.empty?
      end

      # Puts a word at the end of a list.
      def append(list, word)
        last = list.children.last
        return insert(offset_after(last), ", #{word}") if flow?(list)

        insert_line(last.end_line, "#{" " * list.start_column}- #{word}")
      end

      # Adds a key to a mapping.
      def add_pair(mapping, key, word)
        last = mapping.children.last
        return insert(offset_after(last), ", #{key}: #{word}") if flow?(mapping)

        insert_line(end_line(last), "#{" " * mapping.start_column}#{key}: #{word}")
      end

      # Adds an entry, pairs of a key and a word, to the list below a key of the root, which need not be there yet.
      def add_item(key, pairs)
        list = value(key)
        return start_list(key, pairs) unless list
        return insert_line(end_line(list), item(pairs, list.start_column)) unless flow?(list)

        inline = "{#{pairs.map { |name, word| "#{name}: #{in_braces(word)}" }.join(", ")}}"
        return insert(offset(list) + 1, inline) if list.children.empty?

        insert(offset_after(list.children.last), ", #{inline}")
      end

      # Takes a child out of a list.
      def remove(list, child)
        flow?(list) ? remove_between_commas(list, child) : remove_lines(dash_line(child), end_line(child))
      end

      private

      def text=(text)
        @text = text
        @root = (Psych.parse(text) || nil)&.root # false is for a text of comments
        @lines = text.lines
      end

      def pair(node, key)
        return unless node.is_a?(Psych::Nodes::Mapping)

        node.children.each_slice(2).find { |name, _| name.is_a?(Psych::Nodes::Scalar) && name.value == key }
      end

      def flow?(node) = node.style == (node.mapping? ? Psych::Nodes::Mapping::FLOW : Psych::Nodes::Sequence::FLOW)

      # Characters before a place; the parser counts lines and columns from 0.
      def offset_of(line, column) = @lines.first(line).sum(&:size) + column
      def offset(node) = offset_of(node.start_line, node.start_column)
      def offset_after(node) = offset_of(node.end_line, node.end_column)

      # The parser lets a block end where the next thing begins.
      def end_line(node)
        block = !node.scalar? && !flow?(node) && node.children.any?
        block ? end_line(node.children.last) : node.end_line
      end

      def dash_line(child)
        before = @text[0...offset(child)]
        before[0..before.rindex("-")].count("\n")
      end

      def insert(position, words) = self.text = @text.dup.insert(position, words)

      # Behind the line of that number.
      def insert_line(number, line)
        lines = @lines.dup
        lines[number] = "#{lines[number]}\n" unless lines[number].end_with?("\n")
        self.text = lines.insert(number + 1, "#{line}\n").join
      end

      # Behind the comments that stand below the key, indented as its entries will be.
      def start_list(key, pairs)
        found = pair(@root, key)&.first
        return self.text = "#{@text.sub(/(?<!\n)\z/, "\n")}\n#{key}:\n#{item(pairs, 2)}\n" unless found

        below = @lines.drop(found.start_line + 1).take_while { |line| line.match?(/\A(?:[ \t]+#|\s*$)/) }
        below.pop while below.last&.strip == ""
        insert_line(found.start_line + below.size, item(pairs, 2))
      end

      def item(pairs, column)
        lines = pairs.map { |name, word| "#{" " * column}  #{name}: #{word}\n" }
        lines.join.chomp.tap { |text| text[column] = "-" }
      end

      def in_braces(word) = word.match?(/\A[\["]/) ? word : Notation.quote(word)

      def remove_lines(first, last) = self.text = (@lines[0...first] + @lines[(last + 1)..]).join

      # With the comma behind it, or before it if it is the last; a line with nothing left on it goes too.
      def remove_between_commas(list, child)
        from = offset(child)
        to = offset_after(child)
        following = list.children[list.children.index(child) + 1]
        previous = list.children[list.children.index(child) - 1] unless child.equal?(list.children.first)
        if following
          to += @text[to...offset(following)][/\A[^,]*,[ \t]*/].size
        elsif previous
          gap = offset_after(previous)
          comma = gap + @text[gap...from].index(",")
          kept = @text[(comma + 1)...from].sub(/\A[ \t]+\z/, "")
          return cut(comma, to, kept)
        end
        cut(from, to, "")
      end

      def cut(from, to, kept)
        line = @text[0...from].count("\n")
        text = @text.dup
        text[from...to] = kept
        lines = text.lines
        lines.delete_at(line) if lines[line]&.strip == "" && @lines[line].strip != ""
        self.text = lines.join
      end
    end
  end
end
