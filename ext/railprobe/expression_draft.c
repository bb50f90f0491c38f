/*
 * A program while it grows. See expression_draft.h.
 */
#include "expression_draft.h"

/* Copies size bytes and a NUL. The room is there: see pool. */
static char *keep(struct rp_expression_draft *draft, const char *text, size_t size)
{
    char *copy = draft->pool + draft->pool_size;
    memcpy(copy, text, size);
    copy[size] = '\0';
    draft->pool_size += size + 1;
    return copy;
}

void rp_expression_draft_start(struct rp_expression_draft *draft, const char *text, size_t size)
{
    draft->pool_size = 0;
    draft->expression = (struct rp_expression){
        .text = keep(draft, text, size),
        .size = (uint16_t)size,
        .instructions = draft->instructions,
        .constants = draft->constants,
        .names = draft->names,
    };
}

bool rp_expression_draft_add(struct rp_expression_draft *draft, enum rp_expression_op op,
                             unsigned operand, size_t at)
{
    struct rp_expression *expression = &draft->expression;
    if (expression->instruction_count == RP_EXPRESSION_INSTRUCTIONS_MAX) {
        return false;
    }
    draft->instructions[expression->instruction_count++] = (struct rp_expression_instruction){
        .op = (uint8_t)op, .operand = (uint8_t)operand, .column = (uint16_t)(at + 1)};
    return true;
}

bool rp_expression_draft_add_constant(struct rp_expression_draft *draft, enum rp_expression_op op,
                                      const struct rp_expression_value *value, bool symbol,
                                      size_t at)
{
    if (!rp_expression_draft_add(draft, op, draft->expression.constant_count, at)) {
        return false;
    }
    struct rp_expression_constant *constant = &draft->constants[draft->expression.constant_count++];
    *constant = (struct rp_expression_constant){.value = *value, .symbol = symbol};
    if (value->tag == RP_EXPRESSION_TEXT) {
        char *text = keep(draft, value->text.bytes, value->text.size);
        size_t size = 0;
        for (size_t i = 0; i < value->text.size; i++) {
            i += text[i] == '\\';
            text[size++] = text[i];
        }
        text[size] = '\0';
        constant->value.text.bytes = text;
        constant->value.text.size = size;
    }
    return true;
}

bool rp_expression_draft_add_name(struct rp_expression_draft *draft, enum rp_expression_op op,
                                  const char *text, size_t size, size_t at)
{
    unsigned i = 0;
    while (i < draft->expression.name_count &&
           (draft->names[i].op != op || draft->names[i].size != size ||
            memcmp(draft->names[i].text, text, size) != 0)) {
        i++;
    }
    if (!rp_expression_draft_add(draft, op, i, at)) {
        return false;
    }
    if (i == draft->expression.name_count) {
        draft->expression.name_count++;
        draft->names[i] = (struct rp_expression_name){
            .text = keep(draft, text, size), .size = (uint16_t)size, .op = (uint8_t)op};
    }
    return true;
}

struct rp_expression *rp_expression_draft_pack(const struct rp_expression_draft *draft)
{
    const struct rp_expression *from = &draft->expression;
    size_t constants = from->constant_count * sizeof *from->constants;
    size_t names = from->name_count * sizeof *from->names;
    size_t instructions = from->instruction_count * sizeof *from->instructions;
    /* What is aligned most comes first. */
    char *bytes = malloc(sizeof *from + constants + names + instructions + draft->pool_size);
    if (!bytes) {
        return NULL;
    }
    struct rp_expression *expression = (void *)bytes;
    *expression = *from;
    bytes += sizeof *from;
    expression->constants = memcpy(bytes, from->constants, constants);
    bytes += constants;
    expression->names = memcpy(bytes, from->names, names);
    bytes += names;
    expression->instructions = memcpy(bytes, from->instructions, instructions);
    bytes += instructions;
    expression->text = memcpy(bytes, draft->pool, draft->pool_size);
    for (unsigned i = 0; i < expression->name_count; i++) {
        expression->names[i].text = bytes + (from->names[i].text - draft->pool);
    }
    for (unsigned i = 0; i < expression->constant_count; i++) {
        struct rp_expression_value *value = &expression->constants[i].value;
        if (value->tag == RP_EXPRESSION_TEXT) {
            value->text.bytes = bytes + (value->text.bytes - draft->pool);
        }
    }
    return expression;
}
