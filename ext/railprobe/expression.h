/*
 * Captures and conditions: a line of text from the YAML -> a verified program with a stated
 * worst-case cost, in the spirit of eBPF's verifier. Ruby's values are read by a host's callbacks.
 *
 *   expression  = and { "||" and }
 *   and         = comparison { "&&" comparison }
 *   comparison  = side [ ("==" | "!=" | "<" | "<=" | ">" | ">=") side ]
 *   side        = "nil" | { "!" } value                       nil only beside == and !=
 *   value       = root { "." name | "[" key "]" }
 *   root        = name | "args." position | "@" name | "self" | "result" | "duration"
 *               | literal | "(" expression ")"
 *   key         = integer | string | symbol
 *   literal     = integer | decimal | string | symbol | "true" | "false"
 *
 * name       a parameter, positional or keyword. After a dot: class (its name), length and size
 *            (the same), id (an Active Record's primary key), else an Active Record attribute
 * position   0 to 31: of an argument in the call
 * [key]      an element of an Array, or a value of a Hash; a symbol is no string there, as in Ruby
 * duration   ns. It and result are there only when the method returned
 * integer    64 bits signed, decimal, _ between digits; also of a unit, written at once: ns us ms s
 *            (50ms is 50000000, 1.5us is 1500) and kb mb (10kb is 10240)
 * decimal    at most 15 digits, no exponent, no unit that leaves a fraction
 * string     '...' or "..."; a backslash only before a backslash or the quote; no interpolation
 * symbol     :name, a text of its own kind only as a key
 *
 * That is all: no arithmetic, no assignment, no calls, no loops. Everything else is refused with
 * the reason, the column, and what to write instead.
 *
 * What differs from Ruby: && and || yield true or false, never an operand; a comparison is true
 * only if it is known to be true, so with a missing value (nil, an absent key, a value of a kind
 * that isn't read) both == and != are false. Only == nil and != nil ask for it: == nil is true of
 * whatever is missing. ! of a missing value is true. An integer and a decimal compare by value,
 * exactly; a symbol equals the string of the same bytes; text has no order; values of two kinds
 * differ, and an object (Array, Hash, record, ...) compares with nothing but nil.
 */
#ifndef RAILPROBE_EXPRESSION_H
#define RAILPROBE_EXPRESSION_H

#include "buffer.h"
#include "error.h"

enum {
    RP_EXPRESSION_TEXT_MAX = 1024,       /* bytes of an expression */
    RP_EXPRESSION_INSTRUCTIONS_MAX = 64, /* of a program: each runs once at most */
    RP_EXPRESSION_DEPTH_MAX = 8,         /* values that an evaluation holds at a time */
    RP_EXPRESSION_NESTING_MAX = 16,      /* parentheses inside each other */
    RP_EXPRESSION_POSITION_MAX = 31,     /* the last N of args.N */
    RP_EXPRESSION_COMPARED_MAX = 1024,   /* bytes; equal sizes beyond it compare as unknown */
    RP_EXPRESSION_BASE_NS = 20,          /* to enter and leave rp_expression_evaluate() */
    RP_EXPRESSION_TEXT_NS = 30,          /* more for a comparison that may be one of texts */
};

/*
 * The instructions: code, word, what the operand is, values taken from the stack, worst-case ns.
 * All push one value; AND and OR take theirs only if they do not jump.
 *
 * The costs are for a core of about 3 GHz with warm caches. The evaluator's own share is about twice
 * what it took in a loop (20 ns for duration > 50ms, callback included): 5 ns for what stays inside,
 * 10 for a callback that has its value at hand, or a comparison. The others, the host's share, are
 * estimates, rounded up, until there is a host to measure: 30 ns for a call into the VM's C API that
 * looks at a class, 40 for an instance variable (a shape look-up), 60 for a Hash probe with an
 * immediate key and 120 with a string to be hashed. A record's attribute was measured, on a machine that
 * did other things too: 100 to 400 ns, and 800 for a decimal that has to be cast (attribute.h). A parameter
 * by name may be a keyword, which is a Hash probe too. This is the only place to change when the rest is
 * measured.
 */
#define RP_EXPRESSION_OPS(XX)                                                                      \
    XX(CONSTANT, "constant", CONSTANT, 0, 5)                                                       \
    XX(PARAMETER, "parameter", NAME, 0, 70)                                                        \
    XX(POSITION, "position", NUMBER, 0, 10)                                                        \
    XX(IVAR, "ivar", NAME, 0, 40)                                                                  \
    XX(SELF, "self", NOTHING, 0, 10)                                                               \
    XX(RESULT, "result", NOTHING, 0, 10)                                                           \
    XX(DURATION, "duration", NOTHING, 0, 10)                                                       \
    XX(CLASS, "class", NOTHING, 1, 30)                                                             \
    XX(LENGTH, "length", NOTHING, 1, 30)                                                           \
    XX(ID, "id", NOTHING, 1, 800)                                                                  \
    XX(ATTRIBUTE, "attribute", NAME, 1, 800)                                                       \
    XX(INTEGER_KEY, "integer key", CONSTANT, 1, 60)                                                \
    XX(SYMBOL_KEY, "symbol key", CONSTANT, 1, 60)                                                  \
    XX(STRING_KEY, "string key", CONSTANT, 1, 120)                                                 \
    XX(EQUAL, "==", NOTHING, 2, 10)                                                                \
    XX(UNEQUAL, "!=", NOTHING, 2, 10)                                                              \
    XX(LESS, "<", NOTHING, 2, 10)                                                                  \
    XX(LESS_EQUAL, "<=", NOTHING, 2, 10)                                                           \
    XX(GREATER, ">", NOTHING, 2, 10)                                                               \
    XX(GREATER_EQUAL, ">=", NOTHING, 2, 10)                                                        \
    XX(MISSING, "== nil", NOTHING, 1, 5)                                                           \
    XX(PRESENT, "!= nil", NOTHING, 1, 5)                                                           \
    XX(NOT, "!", NOTHING, 1, 5)                                                                    \
    XX(TRUTH, "truth", NOTHING, 1, 5)                                                              \
    XX(AND, "&&", TARGET, 1, 5)                                                                    \
    XX(OR, "||", TARGET, 1, 5)

#define RP_EXPRESSION_OP_CODE(code, word, operand, takes, cost) RP_EXPRESSION_##code,
enum rp_expression_op { RP_EXPRESSION_OPS(RP_EXPRESSION_OP_CODE) RP_EXPRESSION_OP_COUNT };
#undef RP_EXPRESSION_OP_CODE

/* -- values, as they are read and compared at run time -- */

enum rp_expression_tag {
    RP_EXPRESSION_NONE, /* missing */
    RP_EXPRESSION_BOOLEAN,
    RP_EXPRESSION_INTEGER,
    RP_EXPRESSION_FLOAT,
    RP_EXPRESSION_TEXT,
    RP_EXPRESSION_OBJECT, /* anything else: only good to read something of it */
};

struct rp_expression_value {
    enum rp_expression_tag tag;
    uint64_t object; /* the host's own word for the value, whatever its tag; 0 if it has none */
    union {
        bool boolean;
        int64_t integer;
        double decimal;
        struct {
            const char *bytes; /* size of them, no NUL; valid as long as the host says */
            size_t size;
        } text;
    };
};

/* True of all but a missing value and false, as in Ruby. */
static inline bool rp_expression_truth(const struct rp_expression_value *value)
{
    return value->tag == RP_EXPRESSION_BOOLEAN ? value->boolean : value->tag != RP_EXPRESSION_NONE;
}

/* -- programs -- */

/* What is known of a value before it is read; any but BOOLEAN may still be missing at run time. */
enum rp_expression_type {
    RP_EXPRESSION_TYPE_UNKNOWN,
    RP_EXPRESSION_TYPE_BOOLEAN,
    RP_EXPRESSION_TYPE_INTEGER,
    RP_EXPRESSION_TYPE_FLOAT,
    RP_EXPRESSION_TYPE_STRING,
};

enum rp_expression_reads {
    RP_EXPRESSION_READS_PARAMETER = 1, /* by name: see names */
    RP_EXPRESSION_READS_POSITION = 2,  /* see positions */
    RP_EXPRESSION_READS_IVAR = 4,      /* see names */
    RP_EXPRESSION_READS_SELF = 8,
    RP_EXPRESSION_READS_RESULT = 16,
    RP_EXPRESSION_READS_DURATION = 32,
};

struct rp_expression_instruction {
    uint8_t op;       /* enum rp_expression_op */
    uint8_t operand;  /* an index into constants, names or instructions (further on), or a number */
    uint16_t column;  /* where its text is, in bytes, from 1 */
    uint16_t cost_ns; /* the verifier's: the table's, and what the types add */
};

struct rp_expression_constant {
    struct rp_expression_value value;
    bool symbol; /* a text that was written as one */
};

struct rp_expression_name {
    const char *text; /* with a NUL; an instance variable's with its @ */
    uint16_t size;
    uint8_t op; /* who reads it: RP_EXPRESSION_PARAMETER, IVAR or ATTRIBUTE */
};

/*
 * A program. Constant once it is made; may be shared by threads. Names are unique for each op, in
 * the order of the text, so that a host looks each up once and keeps what it found by index.
 */
struct rp_expression {
    const char *text; /* as it was given, and a NUL */
    struct rp_expression_instruction *instructions;
    struct rp_expression_constant *constants;
    struct rp_expression_name *names;
    uint16_t size; /* of the text */
    uint8_t instruction_count;
    uint8_t constant_count;
    uint8_t name_count;
    uint8_t depth;      /* values on the stack at most */
    uint8_t type;       /* enum rp_expression_type of the result */
    uint8_t reads;      /* enum rp_expression_reads, together */
    uint32_t positions; /* bit N: args.N is read */
    uint32_t cost_ns;   /* the worst case: every instruction runs */
    bool condition;     /* the result is, or may be, true or false */
};

struct rp_expression_error {
    unsigned column;    /* in bytes, from 1: a character of UTF-8 counts as its bytes */
    unsigned character; /* the same place in characters, from 1: where a caret goes */
    char message[256];  /* reason and remedy, with a NUL, without the column */
};

/*
 * Compiles and verifies size bytes of text. The program is one allocation and keeps nothing of
 * text; the caller frees it with rp_expression_free().
 *
 * Returns RP_OK, with the program in *made; RP_EXPRESSION, with *error filled; RP_MEMORY. But for
 * RP_OK, *made is NULL. Linear in size, apart from the look-up of at most 64 names in each other;
 * the C stack it takes is bounded (RP_EXPRESSION_NESTING_MAX).
 */
enum rp_error rp_expression_parse(const char *text, size_t size, struct rp_expression **made,
                                  struct rp_expression_error *error);

/* Frees a program; NULL is fine. */
void rp_expression_free(struct rp_expression *expression);

/*
 * The verifier, which rp_expression_parse() has run already: trusts nothing but the counts, and
 * the values of constants and names. Sees that every operand is in range, jumps lead forward, the
 * stack is neither under- nor overrun and ends with one value, and that no operation is given a
 * type it can do nothing with; fills depth, type, condition, reads, positions, cost_ns and the
 * cost_ns of each instruction.
 *
 * Returns RP_OK or RP_EXPRESSION, with *error filled. Linear in the instructions.
 */
enum rp_error rp_expression_verify(struct rp_expression *expression,
                                   struct rp_expression_error *error);

/*
 * For a place where some roots are not there, as result isn't in an entry probe: missing is a mask
 * of enum rp_expression_reads.
 *
 * Returns RP_OK; RP_EXPRESSION, with *error at the first of them.
 */
enum rp_error rp_expression_check_reads(const struct rp_expression *expression, unsigned missing,
                                        struct rp_expression_error *error);

/* For a place that takes a condition. Returns RP_OK; RP_EXPRESSION, with *error filled. */
enum rp_error rp_expression_check_condition(const struct rp_expression *expression,
                                            struct rp_expression_error *error);

/* The worst case in words ("at most 190 ns"), into out, with a NUL. */
void rp_expression_bound(const struct rp_expression *expression, char out[32]);

/*
 * Appends the program to text for people to read: a line for each instruction (number, word,
 * operand, ns), then one with the result's type, the stack's depth, the bound and the roots read.
 * Without a NUL.
 *
 * Returns RP_OK or RP_MEMORY.
 */
enum rp_error rp_expression_describe(const struct rp_expression *expression,
                                     struct rp_buffer *text);

/* -- evaluation -- */

/*
 * How a host's values are read: a callback for each instruction that reads. It takes no longer than
 * the table of costs says, raises nothing and runs no code of the app. It fills *value whole and
 * returns true; or false if there is nothing, or nothing that can be read that fast: the value is
 * then missing, whatever is in it.
 *
 * name and constant are indices into the program's names and constants. The second group finds in
 * *value what to read of, as a callback of this host gave it, and puts the result into its place.
 * Whole numbers beyond 64 bits are the host's to saturate. read_key's constant is an integer, or a
 * text, which is a symbol or a string.
 */
struct rp_expression_host {
    bool (*read_parameter)(void *context, unsigned name, struct rp_expression_value *value);
    bool (*read_position)(void *context, unsigned position, struct rp_expression_value *value);
    bool (*read_ivar)(void *context, unsigned name, struct rp_expression_value *value);
    bool (*read_self)(void *context, struct rp_expression_value *value);
    bool (*read_result)(void *context, struct rp_expression_value *value);
    bool (*read_duration)(void *context, struct rp_expression_value *value);

    bool (*read_class)(void *context, struct rp_expression_value *value);
    bool (*read_length)(void *context, struct rp_expression_value *value);
    bool (*read_id)(void *context, struct rp_expression_value *value);
    bool (*read_attribute)(void *context, unsigned name, struct rp_expression_value *value);
    bool (*read_key)(void *context, unsigned constant, struct rp_expression_value *value);
};

/*
 * Runs a verified program; *out is its result, with the tag RP_EXPRESSION_NONE if that is missing
 * (a capture is then -1 or "", a condition false: see rp_expression_truth()). A text of the program
 * itself lives as long as the program.
 *
 * Never fails, allocates, locks or recurses. At most instruction_count steps and as many callbacks,
 * none of them for a missing value; about 300 bytes of stack. Callbacks that a short circuit skips
 * are not called.
 */
void rp_expression_evaluate(const struct rp_expression *expression,
                            const struct rp_expression_host *host, void *context,
                            struct rp_expression_value *out);

/* -- conditions on the duration alone -- */

/* The durations, ns, for which a condition is true: none where least is above most. */
struct rp_expression_span {
    int64_t least;
    int64_t most;
};

/*
 * Whether the program only compares duration with a whole number, as most conditions do: *span then tells what
 * rp_expression_evaluate() would, in a tenth of the time. It holds no duration below 0, which stands for a missing one.
 */
bool rp_expression_durations(const struct rp_expression *expression,
                             struct rp_expression_span *span);

static inline bool rp_expression_spans(struct rp_expression_span span, int64_t duration)
{
    return duration >= span.least && duration <= span.most;
}

#endif
