/*
 * libyaml's complaints in words that help. libyaml says where it noticed, which often is not where
 * the mistake is: the table below chooses between its two marks, what was being read and where it
 * stopped.
 */
#include "yaml_problem.h"
#include "utf8.h"

#include <string.h>

enum mark { AT_STOP, AT_BEGIN };

struct problem {
    const char *words;   /* what libyaml's problem contains */
    const char *context; /* what its context contains; "" for any */
    enum mark mark;
    const char *message;
    const char *hint;
};

static const struct problem problems[] = {
    {"did not find expected alphabetic", "alias", AT_BEGIN, "a bare * begins an alias in YAML",
     "write it in quotes: \"*\""},
    {"did not find expected alphabetic", "anchor", AT_BEGIN, "a bare & begins an anchor in YAML",
     "write it in quotes: \"&\""},
    {"mapping values are not allowed", "", AT_STOP, "a \":\" is not expected here",
     "a text with \": \" in it is quoted; else, is this line indented too far, or a \":\" above "
     "without a space behind it?"},
    {"did not find expected key", "", AT_STOP, "the indentation fits no line above",
     "keys of one mapping begin in the same column, and so do the dashes of one list"},
    {"did not find expected '-' indicator", "", AT_STOP, "an item without its dash",
     "every item of this list begins with \"- \", in the same column"},
    {"block sequence entries are not allowed", "", AT_STOP, "a \"-\" is not expected here",
     "a list begins on a line of its own below its key; the method - is quoted: \"-\""},
    {"could not find expected ':'", "", AT_BEGIN, "a key without its \":\"",
     "write \"key: value\"; an item of a list begins with \"- \""},
    {"found unexpected end of stream", "quoted", AT_BEGIN, "a quote is opened and never closed",
     "close it with the same quote"},
    {"found unexpected document indicator", "quoted", AT_BEGIN,
     "a quote is opened and never closed", "close it with the same quote"},
    {"found unknown escape character", "", AT_STOP, "an escape that YAML does not know",
     "in single quotes a backslash is just a backslash"},
    {"did not find expected hexdecimal", "", AT_STOP, "hexadecimal digits are missing",
     "\\x takes two of them, \\u four; in single quotes a backslash is just a backslash"},
    {"invalid Unicode character escape", "", AT_STOP, "an escape for what is no character",
     "in single quotes a backslash is just a backslash"},
    {"found undefined tag handle", "", AT_BEGIN, "tags (!name) are not taken",
     "remove it; a text that begins with ! is quoted: \"!\", \"!=\""},
    {"", "a tag", AT_BEGIN, "tags (!name) are not taken",
     "remove it; a text that begins with ! is quoted: \"!\", \"!=\""},
    {"did not find expected <document start>", "", AT_STOP, "text behind the end of the document",
     "is this line indented less than the first one?"},
    {"mapping keys are not allowed", "", AT_STOP, "a \"? \" is not expected here",
     "write \"key: value\"; a text that begins with \"? \" is quoted"},
    {"found a tab character", "", AT_STOP, "a tab where YAML takes spaces only",
     "indent with spaces"},
    {"", "directive", AT_BEGIN, "a line that begins with % is a directive in YAML",
     "remove it; a text that begins with % is quoted: \"%\""},
    {"", "block scalar", AT_STOP, "a text block (| or >) that is not well formed",
     "an expression fits on one line, in quotes"},
    {"incompatible YAML document", "", AT_STOP, "a version of YAML that is not known",
     "remove the line %YAML"},
    {"found duplicate %YAML", "", AT_STOP, "two %YAML lines", "remove them"},
    {"did not find expected node content", "", AT_STOP, "a value is expected here",
     "a bracket or brace is not closed, or there is a comma too many"},
};

/* Where in text the line begins that is line number line (from 0). */
static size_t find_line(const char *text, size_t size, size_t line)
{
    size_t i = 0;
    while (line > 0 && i < size) {
        bool half = text[i] == '\r' && i + 1 < size && text[i + 1] == '\n';
        line -= (text[i] == '\n' || text[i] == '\r') && !half;
        i++;
    }
    return i;
}

static bool line_contains(const char *text, size_t size, size_t begin, const char *words)
{
    size_t length = strlen(words);
    for (size_t i = begin; i + length <= size && text[i] != '\n' && text[i] != '\r'; i++) {
        if (memcmp(text + i, words, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Where in text mark points; size at the end of the text. */
static size_t find_mark(const char *text, size_t size, const yaml_mark_t *mark)
{
    size_t i = find_line(text, size, mark->line);
    for (size_t column = 0; column < mark->column && i < size; column++) {
        uint32_t code;
        size_t length = rp_utf8_read(text + i, size - i, &code);
        i += length ? length : 1;
    }
    return i < size ? i : size;
}

static struct rp_place place_of(const yaml_mark_t *mark)
{
    return (struct rp_place){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1, 1};
}

static bool is_letter(char byte)
{
    return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* A character that YAML keeps for itself, the first of text, and what people mean by it in this file. */
static void add_bad_start(struct rp_diagnostics *errors, struct rp_place place, const char *text,
                          size_t size)
{
    size_t word = 1;
    if (*text == '\t') {
        rp_diagnostics_add(errors, place, "a tab where YAML takes spaces only");
        rp_diagnostics_hint(errors, "indent with spaces");
        return;
    }
    while (word < size && is_letter(text[word])) {
        word++;
    }
    place.width = (uint32_t)word;
    rp_diagnostics_add(errors, place, "a text can't begin with %c unless it is quoted", *text);
    rp_diagnostics_hint(errors, "write it in quotes: %s", rp_quote(text, word).text);
}

/* A bracket that is not closed: libyaml notices at the next token, the bracket may be lines above. */
static void add_unclosed(struct rp_diagnostics *errors, const yaml_parser_t *parser, bool at_end)
{
    bool list = strstr(parser->problem, "']'") != NULL;
    if (at_end) {
        rp_diagnostics_add(errors, place_of(&parser->context_mark), "the \"%c\" is never closed",
                           list ? '[' : '{');
        rp_diagnostics_hint(errors, "write \"%c\" behind the last item", list ? ']' : '}');
        return;
    }
    rp_diagnostics_add(errors, place_of(&parser->problem_mark),
                       list ? "a \",\" or \"]\" is missing before this"
                            : "a \",\" or \"}\" is missing before this");
    rp_diagnostics_hint(errors, "the \"%c\" was opened on line %zu, column %zu", list ? '[' : '{',
                        parser->context_mark.line + 1, parser->context_mark.column + 1);
}

static void add_known(struct rp_diagnostics *errors, const yaml_parser_t *parser)
{
    const char *context = parser->context ? parser->context : "";
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        const struct problem *problem = &problems[i];
        if (strstr(parser->problem, problem->words) && strstr(context, problem->context)) {
            bool begin = problem->mark == AT_BEGIN && parser->context;
            rp_diagnostics_add(errors,
                               place_of(begin ? &parser->context_mark : &parser->problem_mark),
                               "%s", problem->message);
            rp_diagnostics_hint(errors, "%s", problem->hint);
            return;
        }
    }
    rp_diagnostics_add(errors, place_of(&parser->problem_mark), "not valid YAML: %s",
                       parser->problem);
}

void rp_yaml_problem_add(const yaml_parser_t *parser, const char *text, size_t size,
                         struct rp_diagnostics *errors)
{
    const yaml_mark_t *stop = &parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        return;
    }
    if (!parser->problem || parser->error == YAML_READER_ERROR) {
        rp_diagnostics_add(errors, (struct rp_place){0}, "the file can't be read as YAML");
        return;
    }
    size_t at = find_mark(text, size, stop);
    size_t begin = find_line(text, size, parser->context ? parser->context_mark.line : stop->line);
    if (line_contains(text, size, begin, "<%")) {
        rp_diagnostics_add(errors, place_of(parser->context ? &parser->context_mark : stop),
                           "ERB (<%% %%>) is not run in this file");
        rp_diagnostics_hint(errors, "write the value itself");
    } else if (at < size &&
               (text[at] == '\t' || strstr(parser->problem, "cannot start any token"))) {
        add_bad_start(errors, place_of(stop), text + at, size - at);
    } else if (strstr(parser->problem, "',' or")) {
        add_unclosed(errors, parser, at == size);
    } else {
        add_known(errors, parser);
    }
}
