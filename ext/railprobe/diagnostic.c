/*
 * What is wrong in a file, and where. Three steps: add and hint while reading, finish (sort, and
 * cut the lines out of the source in one pass), render.
 */
#include "diagnostic.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

enum {
    MESSAGE_SIZE = 1024, /* no message is cut: names in it have bounds, other text is quoted */
    EXCERPT_MAX = 100,   /* characters of a line that are shown */
    EXCERPT_BEFORE = 60, /* of these, at most so many before the place */
    QUOTE_MAX = 40
};

__attribute__((format(printf, 2, 0))) static const char *
format_text(struct rp_arena *arena, const char *format, va_list arguments)
{
    char text[MESSAGE_SIZE];
    int size = vsnprintf(text, sizeof text, format, arguments);
    if (size < 0) {
        arena->failed = true;
        return NULL;
    }
    return rp_arena_text(arena, text, strlen(text));
}

void rp_diagnostics_add(struct rp_diagnostics *list, struct rp_place place, const char *format, ...)
{
    list->total++;
    list->last_kept = false;
    if (!list->items) {
        list->items = rp_arena_take(&list->arena, RP_DIAGNOSTICS_MAX, sizeof *list->items);
    }
    if (!list->items || list->count == RP_DIAGNOSTICS_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const char *message = format_text(&list->arena, format, arguments);
    va_end(arguments);
    if (message) {
        list->items[list->count++] = (struct rp_diagnostic){.place = place, .message = message};
        list->last_kept = true;
    }
}

void rp_diagnostics_hint(struct rp_diagnostics *list, const char *format, ...)
{
    if (!list->last_kept) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    list->items[list->count - 1].hint = format_text(&list->arena, format, arguments);
    va_end(arguments);
}

static bool comes_before(const struct rp_diagnostic *a, const struct rp_diagnostic *b)
{
    return a->place.line < b->place.line ||
           (a->place.line == b->place.line && a->place.column < b->place.column);
}

/* By insertion: they are few and nearly sorted, and what is at one place stays in order. */
static void sort(struct rp_diagnostics *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct rp_diagnostic item = list->items[i];
        size_t j = i;
        while (j > 0 && comes_before(&item, &list->items[j - 1])) {
            list->items[j] = list->items[j - 1];
            j--;
        }
        list->items[j] = item;
    }
}

/* One character of the source as it is shown: what a terminal would obey, or can't show, as "?". */
static size_t show(const char *text, size_t size, char *out)
{
    uint32_t code;
    size_t length = rp_utf8_read(text, size, &code);
    bool hidden = length == 0 || (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0) ||
                  (code >= 0x200b && code < 0x2010) || (code >= 0x2028 && code < 0x202f) ||
                  (code >= 0x2060 && code < 0x2070) || code == 0xfeff;
    if (hidden) {
        *out = '?';
        return 1;
    }
    memcpy(out, text, length);
    return length;
}

/* Cuts the part of a line around the place of item into its excerpt. */
static void cut(struct rp_arena *arena, struct rp_diagnostic *item, const char *line, size_t size)
{
    char text[EXCERPT_MAX * 4 + sizeof "......"];
    size_t used = 0, shown = 0, column = 1, i = 0;
    size_t first = 1;
    if (item->place.column > EXCERPT_BEFORE && rp_utf8_count(line, size) > EXCERPT_MAX) {
        first = item->place.column - EXCERPT_BEFORE;
        memcpy(text, "...", 3);
        used = 3;
    }
    item->caret = (uint32_t)(item->place.column - first + used);
    while (i < size && shown < EXCERPT_MAX) {
        uint32_t code;
        size_t length = rp_utf8_read(line + i, size - i, &code);
        if (column >= first) {
            used += show(line + i, size - i, text + used);
            shown++;
        }
        i += length ? length : 1;
        column++;
    }
    if (i < size) {
        memcpy(text + used, "...", 3);
        used += 3;
    }
    while (used > 0 && text[used - 1] == ' ' && used > item->caret) {
        used--;
    }
    item->excerpt = rp_arena_text(arena, text, used);
}

/* The end of the line that begins at i; next is where the one after it begins. */
static size_t line_end(const char *text, size_t size, size_t i, size_t *next)
{
    while (i < size && text[i] != '\n' && text[i] != '\r') {
        i++;
    }
    *next = i < size ? i + 1 : size;
    if (i + 1 < size && text[i] == '\r' && text[i + 1] == '\n') {
        *next = i + 2;
    }
    return i;
}

enum rp_error rp_diagnostics_finish(struct rp_diagnostics *list, const char *text, size_t size)
{
    size_t begin = 0;
    size_t next = 0;
    uint32_t line = 1;
    sort(list);
    for (size_t i = 0; i < list->count; i++) {
        struct rp_diagnostic *item = &list->items[i];
        while (line < item->place.line && begin < size) {
            (void)line_end(text, size, begin, &next);
            begin = next;
            line++;
        }
        if (item->place.line) {
            cut(&list->arena, item, text + begin, line_end(text, size, begin, &next) - begin);
        }
    }
    return list->arena.failed ? RP_MEMORY : RP_OK;
}

/* Blanks up to the caret; a tab stays a tab, so that the caret stands below its character. */
static void render_caret(const struct rp_diagnostic *item, struct rp_buffer *out)
{
    const char *excerpt = item->excerpt;
    size_t size = strlen(excerpt);
    size_t i = 0;
    for (uint32_t column = 0; column < item->caret; column++) {
        uint32_t code;
        rp_buffer_append(out, i < size && excerpt[i] == '\t' ? "\t" : " ", 1);
        i += i < size ? rp_utf8_read(excerpt + i, size - i, &code) : 0;
    }
    size_t left = i < size ? rp_utf8_count(excerpt + i, size - i) : 0;
    size_t width = item->place.width < left ? item->place.width : left;
    for (size_t column = 0; column < (width ? width : 1); column++) {
        rp_buffer_append(out, "^", 1);
    }
}

static void render_item(const struct rp_diagnostic *item, const char *file, struct rp_buffer *out)
{
    const struct rp_place *place = &item->place;
    if (!place->line) {
        rp_buffer_printf(out, "%s: %s\n", file, item->message);
        if (item->hint) {
            rp_buffer_printf(out, "  = %s\n", item->hint);
        }
        return;
    }
    int gutter = snprintf(NULL, 0, "  %u", place->line);
    rp_buffer_printf(out, "%s:%u:%u: %s\n", file, place->line, place->column, item->message);
    rp_buffer_printf(out, "  %u | %s\n", place->line, item->excerpt);
    rp_buffer_printf(out, "%*s | ", gutter, "");
    render_caret(item, out);
    rp_buffer_text(out, "\n");
    if (item->hint) {
        rp_buffer_printf(out, "%*s = %s\n", gutter, "", item->hint);
    }
}

enum rp_error rp_diagnostics_render(const struct rp_diagnostics *list, const char *file,
                                    struct rp_buffer *out)
{
    for (size_t i = 0; i < list->count; i++) {
        render_item(&list->items[i], file, out);
    }
    size_t more = list->total - list->count;
    if (more) {
        rp_buffer_printf(out, "%s: and %zu more error%s\n", file, more, more == 1 ? "" : "s");
    }
    return rp_buffer_error(out);
}

void rp_diagnostics_free(struct rp_diagnostics *list)
{
    rp_arena_free(&list->arena);
    *list = (struct rp_diagnostics){0};
}

struct rp_quote rp_quote(const char *text, size_t size)
{
    struct rp_quote quote = {"\""};
    size_t used = 1;
    size_t i = 0;
    while (i < size && used < QUOTE_MAX) {
        uint32_t code;
        size_t length = rp_utf8_read(text + i, size - i, &code);
        char shown[5] = "";
        (void)show(text + i, size - i, shown);
        if (length && (shown[0] != '?' || code == '?') && code != '\t') {
            memcpy(quote.text + used, text + i, length);
            used += length;
        } else {
            used += (size_t)snprintf(quote.text + used, sizeof quote.text - used,
                                     length && code == '\t'   ? "\\t"
                                     : length && code == '\n' ? "\\n"
                                     : length                 ? "\\u%04X"
                                                              : "\\x%02X",
                                     length ? code : (unsigned)(unsigned char)text[i]);
        }
        i += length ? length : 1;
    }
    (void)snprintf(quote.text + used, sizeof quote.text - used, "%s", i < size ? "...\"" : "\"");
    return quote;
}
