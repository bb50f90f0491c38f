/*
 * Random expressions against an evaluator of their own, which walks a tree and knows nothing of
 * programs.
 */
#include "check.h"
#include "expression_host.h"

/* -- trees -- */

enum kind { LITERAL, ROOT, PART, COMPARE, NIL, NOT, AND, OR };

struct node {
    enum kind kind;
    const char *word; /* as it is written: a root, a part, a literal, a sign */
    struct rp_expression_value value;
    struct node *left;
    struct node *right;
    enum rp_expression_type type;
};

struct generator {
    uint64_t state;
    struct node nodes[512];
    unsigned count;
};

static unsigned below(struct generator *generator, unsigned limit)
{
    generator->state ^= generator->state << 13;
    generator->state ^= generator->state >> 7;
    generator->state ^= generator->state << 17;
    return (unsigned)(generator->state >> 11) % limit;
}

static struct node *node(struct generator *generator, enum kind kind, const char *word,
                         struct node *left, struct node *right)
{
    struct node *made = &generator->nodes[generator->count++];
    *made = (struct node){.kind = kind, .word = word, .left = left, .right = right};
    made->type = kind >= COMPARE ? RP_EXPRESSION_TYPE_BOOLEAN : RP_EXPRESSION_TYPE_UNKNOWN;
    return made;
}

static struct node *literal(struct generator *generator)
{
    const struct {
        const char *word;
        struct rp_expression_value value;
        enum rp_expression_type type;
    } literals[] = {
        {"true", BOOLEAN(true), RP_EXPRESSION_TYPE_BOOLEAN},
        {"false", BOOLEAN(false), RP_EXPRESSION_TYPE_BOOLEAN},
        {"-1", INTEGER(-1), RP_EXPRESSION_TYPE_INTEGER},
        {"50ns", INTEGER(50), RP_EXPRESSION_TYPE_INTEGER},
        {"0.5", FLOAT(0.5), RP_EXPRESSION_TYPE_FLOAT},
        {"1.0", FLOAT(1), RP_EXPRESSION_TYPE_FLOAT},
        {"'x'", TEXT("x"), RP_EXPRESSION_TYPE_STRING},
        {":y", TEXT("y"), RP_EXPRESSION_TYPE_STRING},
        {"\"\"", TEXT(""), RP_EXPRESSION_TYPE_STRING},
    };
    unsigned i = below(generator, sizeof literals / sizeof *literals);
    struct node *made = node(generator, LITERAL, literals[i].word, NULL, NULL);
    made->value = literals[i].value;
    made->type = literals[i].type;
    return made;
}

/* A root, and parts behind it. */
static struct node *path(struct generator *generator)
{
    static const char *const roots[] = {"name", "args.0", "args.9", "@state",
                                        "self", "result", "other",  "duration"};
    static const char *const parts[] = {".id",    ".total",  "[0]",    "[-1]",
                                        "[:sku]", "['sku']", ".class", ".length"};
    unsigned root = below(generator, 8);
    struct node *made = node(generator, ROOT, roots[root], NULL, NULL);
    if (root == 7) {
        made->type = RP_EXPRESSION_TYPE_INTEGER;
    }
    while (made->type == RP_EXPRESSION_TYPE_UNKNOWN && below(generator, 3) == 0) {
        unsigned part = below(generator, 8);
        made = node(generator, PART, parts[part], made, NULL);
        made->type = part == 6   ? RP_EXPRESSION_TYPE_STRING
                     : part == 7 ? RP_EXPRESSION_TYPE_INTEGER
                                 : RP_EXPRESSION_TYPE_UNKNOWN;
    }
    return made;
}

static struct node *condition(struct generator *generator, unsigned depth);

static struct node *side(struct generator *generator, unsigned depth)
{
    unsigned choice = below(generator, 8);
    return choice < 2             ? literal(generator)
           : choice < 7 || !depth ? path(generator)
                                  : condition(generator, depth - 1);
}

static bool is_number(enum rp_expression_type type)
{
    return type == RP_EXPRESSION_TYPE_INTEGER || type == RP_EXPRESSION_TYPE_FLOAT;
}

static struct node *comparison(struct generator *generator, unsigned depth)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">="};
    struct node *left = side(generator, depth);
    struct node *right = side(generator, depth);
    bool left_free = left->type == RP_EXPRESSION_TYPE_UNKNOWN;
    bool right_free = right->type == RP_EXPRESSION_TYPE_UNKNOWN;
    bool equal = left_free || right_free || left->type == right->type ||
                 (is_number(left->type) && is_number(right->type));
    bool ordered = (left_free || is_number(left->type)) && (right_free || is_number(right->type));
    if (!equal) {
        return node(generator, NIL, signs[below(generator, 2)], path(generator), NULL);
    }
    return node(generator, COMPARE, signs[below(generator, ordered ? 6 : 2)], left, right);
}

static struct node *condition(struct generator *generator, unsigned depth)
{
    struct node *left = NULL;
    switch (depth ? below(generator, 6) : 0) {
    case 1:
        return node(generator, NOT, "!", condition(generator, depth - 1), NULL);
    case 2:
    case 3:
        left = condition(generator, depth - 1);
        return node(generator, AND, "&&", left, condition(generator, depth - 1));
    case 4:
        left = condition(generator, depth - 1);
        return node(generator, OR, "||", left, condition(generator, depth - 1));
    default:
        left = path(generator);
        return left->type == RP_EXPRESSION_TYPE_UNKNOWN && below(generator, 2)
                   ? left
                   : comparison(generator, depth);
    }
}

/* How tightly a node holds together; what stands inside one that holds tighter is put into
 * parentheses, and sometimes anything is. */
static void write_tree(struct generator *generator, const struct node *tree, enum kind outside,
                       struct rp_buffer *text)
{
    enum kind kind = tree->kind == NIL ? COMPARE : tree->kind;
    bool tight = kind < COMPARE || (kind == COMPARE && outside > NOT) ||
                 (kind == NOT && outside != PART) || (kind == AND && outside >= AND) ||
                 (kind == OR && outside == OR);
    bool parentheses = !tight || below(generator, 12) == 0;
    rp_buffer_text(text, parentheses ? "(" : "");
    switch (tree->kind) {
    case LITERAL:
    case ROOT:
        rp_buffer_text(text, tree->word);
        break;
    case PART:
        write_tree(generator, tree->left, PART, text);
        rp_buffer_text(text, tree->word);
        break;
    case NOT:
        rp_buffer_text(text, "!");
        write_tree(generator, tree->left, NOT, text);
        break;
    case NIL:
        rp_buffer_printf(text, "nil %s ", tree->word);
        write_tree(generator, tree->left, COMPARE, text);
        break;
    default:
        write_tree(generator, tree->left, kind, text);
        rp_buffer_printf(text, below(generator, 2) ? " %s " : "%s", tree->word);
        write_tree(generator, tree->right, kind, text);
    }
    rp_buffer_text(text, parentheses ? ")" : "");
}

/* -- the other evaluator -- */

static bool true_of(struct rp_expression_value value)
{
    return value.tag != RP_EXPRESSION_NONE &&
           !(value.tag == RP_EXPRESSION_BOOLEAN && !value.boolean);
}

/* A long double holds 64 bits of integer, so that both kinds of number go into it unharmed. */
static bool compared(const char *sign, struct rp_expression_value a, struct rp_expression_value b)
{
    bool not_equal = sign[0] == '!';
    if (!a.tag || !b.tag || a.tag == RP_EXPRESSION_OBJECT || b.tag == RP_EXPRESSION_OBJECT) {
        return false;
    }
    bool numbers = (a.tag == RP_EXPRESSION_INTEGER || a.tag == RP_EXPRESSION_FLOAT) &&
                   (b.tag == RP_EXPRESSION_INTEGER || b.tag == RP_EXPRESSION_FLOAT);
    if (!numbers) {
        bool equality = not_equal || strcmp(sign, "==") == 0;
        return equality && same_value(&a, &b) != not_equal;
    }
    long double x = a.tag == RP_EXPRESSION_FLOAT ? a.decimal : (long double)a.integer;
    long double y = b.tag == RP_EXPRESSION_FLOAT ? b.decimal : (long double)b.integer;
    bool or_equal = sign[1] == '=' && x == y;
    return not_equal ? x != y : or_equal || (sign[0] == '<' && x < y) || (sign[0] == '>' && x > y);
}

static struct rp_expression_value walked(const struct host *host, const struct node *tree,
                                         unsigned *calls)
{
    struct rp_expression_value left = NONE;
    switch (tree->kind) {
    case LITERAL:
        return tree->value;
    case ROOT:
        ++*calls;
        return strcmp(tree->word, "duration") == 0 ? INTEGER((int64_t)(host->seed % 100))
                                                   : chosen(host, tree->word, 0);
    case PART:
        left = walked(host, tree->left, calls);
        *calls += left.tag != RP_EXPRESSION_NONE;
        return left.tag == RP_EXPRESSION_NONE ? left : chosen(host, tree->word, left.object);
    case NIL:
        left = walked(host, tree->left, calls);
        return BOOLEAN((left.tag == RP_EXPRESSION_NONE) == (tree->word[0] == '='));
    case NOT:
        return BOOLEAN(!true_of(walked(host, tree->left, calls)));
    case AND:
        return BOOLEAN(true_of(walked(host, tree->left, calls)) &&
                       true_of(walked(host, tree->right, calls)));
    case OR:
        return BOOLEAN(true_of(walked(host, tree->left, calls)) ||
                       true_of(walked(host, tree->right, calls)));
    default:
        left = walked(host, tree->left, calls);
        return BOOLEAN(compared(tree->word, left, walked(host, tree->right, calls)));
    }
}

/* Evaluates the tree both ways on a few hosts. False when the expression is past a limit. */
static bool check_tree(struct generator *generator, const struct node *tree)
{
    struct rp_buffer text = {0};
    struct rp_expression *expression = NULL;
    struct rp_expression_error error = {0};
    write_tree(generator, tree, OR, &text);
    enum rp_error code =
        rp_expression_parse((const char *)text.bytes, text.size, &expression, &error);
    bool limit = code && (strstr(error.message, "split it") || strstr(error.message, "at most"));
    if (!limit && code) {
        fprintf(stderr, "%.*s: %u: %s\n", (int)text.size, (const char *)text.bytes, error.column,
                error.message);
        CHECK_EQ(code, RP_OK);
    }
    for (unsigned i = 0; !code && i < 8; i++) {
        struct host host = {.expression = expression, .seed = generator->state + i};
        unsigned calls = 0;
        struct rp_expression_value expected = walked(&host, tree, &calls);
        struct rp_expression_value actual = OBJECT(0);
        rp_expression_evaluate(expression, &callbacks, &host, &actual);
        if (!same_value(&actual, &expected) || host.calls != calls) {
            fprintf(stderr, "%.*s\n", (int)text.size, (const char *)text.bytes);
        }
        CHECK(same_value(&actual, &expected));
        CHECK_EQ(host.calls, calls);
    }
    rp_expression_free(expression);
    rp_buffer_free(&text);
    return !limit;
}

static void random_expressions_mean_what_their_tree_means(void)
{
    enum { ROUNDS = 20000 };
    static struct generator generator;
    generator.state = 0x5eed;
    unsigned evaluated_ones = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        generator.count = 0;
        struct node *tree =
            below(&generator, 4) ? condition(&generator, below(&generator, 5)) : path(&generator);
        evaluated_ones += check_tree(&generator, tree);
    }
    CHECK(evaluated_ones > ROUNDS * 9 / 10);
}

int main(void)
{
    RUN(random_expressions_mean_what_their_tree_means);
    return check_finish();
}
