/*
 * Captures and conditions of a tracer: whether each is an expression, and one that can be read when it is asked.
 */
#include "config_reader.h"
#include "expression.h"

/* Where character number (from 1 on) of the text stands; of text that isn't in the file as it is, the beginning. */
static struct rp_place place_in(const struct rp_config_text *text, size_t character)
{
    struct rp_place place = text->place;
    if (text->verbatim && character) {
        place.column += (uint32_t)character - 1;
        place.width = 1;
    }
    return place;
}

static void refuse(struct rp_config_reader *reader, const struct rp_config_text *text,
                   const struct rp_expression_error *error)
{
    rp_diagnostics_add(reader->errors, place_in(text, error->character), "%s", error->message);
    if (!text->verbatim) {
        rp_diagnostics_hint(reader->errors, "at character %zu of %s", (size_t)error->character,
                            rp_quote(text->bytes, text->size).text);
    }
}

/* The program, or NULL when there is none to be had: that is said, unless memory ran out. */
static struct rp_expression *parse(struct rp_config_reader *reader,
                                   const struct rp_config_text *text)
{
    struct rp_expression_error refusal;
    struct rp_expression *expression = NULL;
    enum rp_error error = rp_expression_parse(text->bytes, text->size, &expression, &refusal);
    if (error == RP_EXPRESSION) {
        refuse(reader, text, &refusal);
    } else if (error) {
        reader->config->arena.failed = true;
    }
    return expression;
}

static bool has_entry(const struct rp_config_reader *reader, const struct rp_config_tracer *tracer)
{
    for (unsigned i = 0; i < RP_HELPER_COUNT; i++) {
        if (tracer->types.helpers & 1u << i &&
            rp_helper_facts((enum rp_helper)i)->moment == RP_MOMENT_ENTRY) {
            return true;
        }
    }
    for (uint32_t i = 0; i < tracer->types.own_count; i++) {
        const struct rp_config_own_type *own = rp_config_own_type(reader, &tracer->types.own[i]);
        if (own && own->moment == RP_MOMENT_ENTRY) {
            return true;
        }
    }
    return false;
}

static void check_condition(struct rp_config_reader *reader, const struct rp_config_tracer *tracer,
                            const struct rp_expression *expression)
{
    const struct rp_config_text *text = &tracer->condition;
    struct rp_expression_error refusal;
    if (rp_expression_check_condition(expression, &refusal)) {
        refuse(reader, text, &refusal);
        return;
    }
    if (has_entry(reader, tracer) &&
        rp_expression_check_reads(
            expression, RP_EXPRESSION_READS_RESULT | RP_EXPRESSION_READS_DURATION, &refusal)) {
        rp_diagnostics_add(reader->errors, place_in(text, refusal.character),
                           "this is known when the call ends, too late for the types entry, args, "
                           "stack and header, and for your own of an entry");
        rp_diagnostics_hint(reader->errors, "give these types a condition that reads arguments, or "
                                            "leave them out");
    }
}

void rp_config_check_expressions(struct rp_config_reader *reader,
                                 const struct rp_config_tracer *tracer)
{
    for (uint32_t i = 0; i < tracer->capture_count; i++) {
        if (tracer->captures[i].expression.bytes) {
            rp_expression_free(parse(reader, &tracer->captures[i].expression));
        }
    }
    if (tracer->condition.bytes) {
        struct rp_expression *expression = parse(reader, &tracer->condition);
        if (expression) {
            check_condition(reader, tracer, expression);
        }
        rp_expression_free(expression);
    }
}
