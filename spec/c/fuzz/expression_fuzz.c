/*
 * Expressions under libFuzzer. The first byte of an input chooses: text for rp_expression_parse(),
 * or bytes taken for instructions, so that the verifier meets programs that no parser writes. What
 * verifies is run on a host that answers at random.
 *
 *   rake fuzz SECONDS=300
 */
#include "expression.h"

#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* -- the host -- */

struct host {
    uint64_t state;
    unsigned calls;
};

static uint64_t next(struct host *host)
{
    host->state ^= host->state << 13;
    host->state ^= host->state >> 7;
    host->state ^= host->state << 17;
    return host->state;
}

static bool answer(void *context, struct rp_expression_value *value)
{
    static const char text[RP_EXPRESSION_COMPARED_MAX + 2] = "paid";
    static const size_t sizes[] = {0, 4, RP_EXPRESSION_COMPARED_MAX, sizeof text};
    struct host *host = context;
    host->calls++;
    uint64_t chosen = next(host);
    value->object = chosen;
    value->tag = (enum rp_expression_tag)(chosen % 6);
    switch (value->tag) {
    case RP_EXPRESSION_BOOLEAN:
        value->boolean = chosen >> 8 & 1;
        break;
    case RP_EXPRESSION_INTEGER:
        value->integer = (int64_t)next(host) >> (chosen >> 8 & 63);
        break;
    case RP_EXPRESSION_FLOAT:
        chosen = next(host);
        memcpy(&value->decimal, &chosen, sizeof chosen);
        break;
    case RP_EXPRESSION_TEXT:
        value->text.bytes = text;
        value->text.size = sizes[chosen >> 8 & 3];
        break;
    default:
        break;
    }
    return chosen >> 16 & 3;
}

static bool answer_at(void *context, unsigned index, struct rp_expression_value *value)
{
    (void)index;
    return answer(context, value);
}

static const struct rp_expression_host callbacks = {
    .read_parameter = answer_at,
    .read_position = answer_at,
    .read_ivar = answer_at,
    .read_self = answer,
    .read_result = answer,
    .read_duration = answer,
    .read_class = answer,
    .read_length = answer,
    .read_id = answer,
    .read_attribute = answer_at,
    .read_key = answer_at,
};

/* -- what must be true -- */

static void check_error(const struct rp_expression_error *error, size_t size)
{
    require(error->column >= 1 && error->column <= size + 1);
    require(error->character >= 1 && error->character <= error->column);
    size_t length = strnlen(error->message, sizeof error->message);
    require(length && length < sizeof error->message);
    uint32_t character = 0;
    for (size_t at = 0; at < length;) {
        size_t bytes = rp_utf8_read(error->message + at, length - at, &character);
        require(bytes != 0);
        at += bytes;
    }
}

static void run(const struct rp_expression *expression, uint64_t seed)
{
    struct host host = {.state = seed | 1};
    struct rp_expression_value value = {.tag = RP_EXPRESSION_OBJECT};
    require(expression->depth >= 1 && expression->depth <= RP_EXPRESSION_DEPTH_MAX);
    for (unsigned i = 0; i < 4; i++) {
        host.calls = 0;
        rp_expression_evaluate(expression, &callbacks, &host, &value);
        require(value.tag <= RP_EXPRESSION_OBJECT);
        require(host.calls <= expression->instruction_count);
        /* A host may leave a boolean missing only where the type is not known. */
        require(expression->type != RP_EXPRESSION_TYPE_BOOLEAN ||
                value.tag == RP_EXPRESSION_BOOLEAN);
    }
    struct rp_buffer text = {0};
    require(rp_expression_describe(expression, &text) == RP_OK);
    rp_buffer_free(&text);
}

static void parse(const char *text, size_t size, uint64_t seed)
{
    struct rp_expression *expression = NULL;
    struct rp_expression_error error = {0};
    if (rp_expression_parse(text, size, &expression, &error)) {
        require(!expression);
        check_error(&error, size);
        return;
    }
    uint32_t cost = expression->cost_ns;
    run(expression, seed);
    require(rp_expression_verify(expression, &error) == RP_OK && expression->cost_ns == cost);
    rp_expression_free(expression);
}

static void verify(const uint8_t *data, size_t size, uint64_t seed)
{
    static struct rp_expression_constant constants[] = {
        {{.tag = RP_EXPRESSION_BOOLEAN, .boolean = true}, false},
        {{.tag = RP_EXPRESSION_INTEGER, .integer = 1}, false},
        {{.tag = RP_EXPRESSION_FLOAT, .decimal = 1.5}, false},
        {{.tag = RP_EXPRESSION_TEXT, .text = {"paid", 4}}, false},
        {{.tag = RP_EXPRESSION_TEXT, .text = {"paid", 4}}, true},
        {{.tag = RP_EXPRESSION_NONE}, false},
    };
    static struct rp_expression_name names[] = {{"amount", 6, RP_EXPRESSION_PARAMETER},
                                                {"@state", 6, RP_EXPRESSION_IVAR},
                                                {"total", 5, RP_EXPRESSION_ATTRIBUTE}};
    struct rp_expression_instruction instructions[RP_EXPRESSION_INSTRUCTIONS_MAX] = {0};
    struct rp_expression expression = {.text = "text",
                                       .size = 4,
                                       .instructions = instructions,
                                       .constants = constants,
                                       .names = names,
                                       .constant_count = sizeof constants / sizeof *constants,
                                       .name_count = sizeof names / sizeof *names};
    for (; size >= 2 && expression.instruction_count < RP_EXPRESSION_INSTRUCTIONS_MAX;
         data += 2, size -= 2) {
        instructions[expression.instruction_count++] = (struct rp_expression_instruction){
            .op = data[0], .operand = data[1], .column = data[1]};
    }
    struct rp_expression_error error = {0};
    if (rp_expression_verify(&expression, &error)) {
        check_error(&error, expression.size);
    } else {
        run(&expression, seed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    uint64_t seed = data[1] * UINT64_C(0x9e3779b97f4a7c15);
    if (data[0] & 1) {
        verify(data + 2, size - 2, seed);
    } else {
        parse((const char *)data + 2, size - 2, seed);
    }
    return 0;
}
