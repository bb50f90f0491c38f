/*
 * What is known of Ruby: which signs and methods it has, and what to write here instead.
 */
#include "expression_refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define METHODS                                                                                    \
    "method calls are not possible here: an expression runs inside the app at every call; allowed" \
    " after a dot are class, length, size, id and the name of an Active Record attribute"
#define ARITHMETIC "there is no arithmetic here: leave it to the script that reads the probe"
#define ASSIGNMENT "nothing can be assigned here; a comparison is written =="
#define ONLY_VALUES "an expression is values, comparisons, &&, || and !, and nothing else"
#define STATEMENTS "there is one expression to a capture, in one piece"
#define MATCHING "nothing can be matched here: compare with ==, or leave it to the script"
#define RANGES "there are no ranges here: write a >= 1 && a <= 9"
#define BLOCKS "there are no blocks and no hashes here: " ONLY_VALUES

struct spelling {
    const char *text;
    const char *message;
};

/* What Ruby has and we have not. The longer of two that start alike comes first. */
static const struct spelling refused[] = {
    {"<=>", "<=> is not possible here: write <, <=, ==, >= or >"},
    {"===", MATCHING},
    {"=~", MATCHING},
    {"!~", MATCHING},
    {"=>", BLOCKS},
    {"&&=", ASSIGNMENT},
    {"||=", ASSIGNMENT},
    {"&.", "write . instead of &. here: whatever is read of a missing value is missing too"},
    {"::", "constants are not read here: compare .class with the name, as in .class == 'Order'"},
    {"...", RANGES},
    {"..", RANGES},
    {"->", "there are no lambdas here: " ONLY_VALUES},
    {"<<", ARITHMETIC},
    {">>", ARITHMETIC},
    {"+=", ASSIGNMENT},
    {"-=", ASSIGNMENT},
    {"*=", ASSIGNMENT},
    {"/=", ASSIGNMENT},
    {"%=", ASSIGNMENT},
    {"+", ARITHMETIC},
    {"-", ARITHMETIC},
    {"*", ARITHMETIC},
    {"/", "there is no arithmetic and no regular expression here"},
    {"%", "there is no arithmetic here, and a string is written '...'"},
    {"^", ARITHMETIC},
    {"~", ARITHMETIC},
    {"&", "write && for and"},
    {"|", "write || for or"},
    {"=", ASSIGNMENT},
    {"?", "there is no a ? b : c here: capture the condition, and choose in the script"},
    {":", "a symbol is a colon and a name of letters, digits and _, as in :paid"},
    {"{", BLOCKS},
    {"}", BLOCKS},
    {";", STATEMENTS},
    {",", STATEMENTS},
    {"#", "there are no comments inside an expression"},
    {"@@", "class variables are not read here; instance variables are, as in @state"},
    {"@", "an instance variable is @ and a name, as in @state"},
    {"$", "global variables are not read here"},
    {"`", "no command is run from here; a string is written '...'"},
    {"\\", "a backslash is only possible inside a string"},
};

/* What often follows a dot, and what to write for it; "": nothing can be. Hardly an attribute is called
 * so: Active Record refuses a column with the name of a method of its own, and those of other classes
 * are here only if they make no name for a column. */
static const struct spelling methods[] = {
    {"nil?", "== nil"},
    {"blank?", "== nil"},
    {"present?", "!= nil"},
    {"empty?", ".length == 0"},
    {"any?", ".length > 0"},
    {"none?", ".length == 0"},
    {"zero?", "== 0"},
    {"positive?", "> 0"},
    {"negative?", "< 0"},
    {"is_a?", ".class =="},
    {"kind_of?", ".class =="},
    {"instance_of?", ".class =="},
    {"first", "[0]"},
    {"last", "[-1]"},
    {"to_s", ""},
    {"to_str", ""},
    {"to_sym", ""},
    {"to_i", ""},
    {"to_f", ""},
    {"to_a", ""},
    {"to_h", ""},
    {"to_json", ""},
    {"to_param", ""},
    {"inspect", ""},
    {"hash", ""},
    {"public_send", ""},
    {"itself", ""},
    {"dup", ""},
    {"clone", ""},
    {"freeze", ""},
    {"save", ""},
    {"update", ""},
    {"destroy", ""},
    {"delete", ""},
    {"reload", ""},
    {"each", ""},
    {"upcase", ""},
    {"downcase", ""},
    {"strip", ""},
    {"attributes", ""},
    {"instance_variable_get", ""},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

bool rp_expression_refuse(struct rp_expression_error *error, const char *text, size_t at,
                          const char *format, ...)
{
    error->column = (unsigned)at + 1;
    error->character = 1;
    for (size_t i = 0; i < at; i++) {
        error->character += (text[i] & 0xc0) != 0x80;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

int rp_expression_quoted(const char *text, size_t size)
{
    enum { QUOTED_MAX = 32 };
    size_t end = size < QUOTED_MAX ? size : QUOTED_MAX;
    while (end && end < size && (text[end] & 0xc0) == 0x80) {
        end--;
    }
    return (int)end;
}

static const struct spelling *method_called(const char *name, size_t size)
{
    for (size_t i = 0; i < COUNT(methods); i++) {
        if (strlen(methods[i].text) == size && memcmp(methods[i].text, name, size) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

bool rp_expression_is_method(const char *name, size_t size)
{
    return method_called(name, size) != NULL;
}

bool rp_expression_refuse_method(struct rp_expression_error *error, const char *text, size_t at,
                                 size_t size)
{
    const struct spelling *method = method_called(text + at, size);
    if (method && *method->message) {
        return rp_expression_refuse(error, text, at, "write %s instead of %s; " METHODS,
                                    method->message, method->text);
    }
    return rp_expression_refuse(error, text, at, "\"%.*s\" is a method; " METHODS,
                                rp_expression_quoted(text + at, size), text + at);
}

size_t rp_expression_refused_sign(const char *text, size_t size, const char **message)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        size_t length = strlen(refused[i].text);
        if (length <= size && memcmp(text, refused[i].text, length) == 0) {
            *message = refused[i].message;
            return length;
        }
    }
    return 0;
}
