/* torchao's configs: the rows of torchao.def, and what reading and writing them share. In: a row and the texts of its fields.
 * Out: the text of a spec; or back, the bound that an eps came from. See torchao.h. */
#include "lang/torchao.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct torchao_class torchao_classes[TORCHAO_ID_COUNT] = {
#define CONFIG(name, class, version, word, uses, weight, input) {class, word, version, TORCHAO_##uses, weight, input},
#include "lang/torchao.def"
};
const struct torchao_field torchao_fields[] = {
#define FIELD(config, name, kind, fallback, argument) {TORCHAO_ID_##config, name, TORCHAO_##kind, fallback, argument},
#include "lang/torchao.def"
};
const size_t torchao_field_count = sizeof torchao_fields / sizeof *torchao_fields;
const struct torchao_member torchao_members[] = {
#define MEMBER(set, type, name, value, text) {set, type, name, value, text},
#include "lang/torchao.def"
};
const size_t torchao_member_count = sizeof torchao_members / sizeof *torchao_members;
const struct torchao_dtype torchao_dtypes[] = {
#define DTYPE(torch, text) {torch, text},
#include "lang/torchao.def"
};
const size_t torchao_dtype_count = sizeof torchao_dtypes / sizeof *torchao_dtypes;
const struct torchao_granularity torchao_granularities[TORCHAO_PER_COUNT] = {
#define GRANULARITY(name, class, argument) {class, argument},
#include "lang/torchao.def"
};

/* Fields of a class stand together in the table. */
const struct torchao_field *torchao_fields_of(enum torchao_id config, size_t *count)
{
    size_t first = 0;
    while (first < torchao_field_count && torchao_fields[first].config != config)
        first++;
    for (*count = 0; first + *count < torchao_field_count && torchao_fields[first + *count].config == config;)
        ++*count;
    return &torchao_fields[first];
}

/* ---- templates ---- */

/* `name` or `name.1` of size bytes. */
static const char *find_text(const struct torchao_texts *texts, const char *name, size_t size)
{
    size_t count, side = size > 2 && name[size - 2] == '.' && name[size - 1] == '1';
    const struct torchao_field *fields = torchao_fields_of(texts->config, &count);
    if (size > 2 && name[size - 2] == '.')
        size -= 2;
    for (size_t i = 0; i < count; i++)
        if (strlen(fields[i].name) == size && !memcmp(fields[i].name, name, size))
            return texts->text[i][side];
    return NULL;
}

/* One word of a template: text around at most one field. False when the field has no text. */
static bool expand_word(struct text *out, const struct torchao_texts *texts, const char *word, size_t size)
{
    const char *open = memchr(word, '{', size), *close = open ? memchr(word, '}', size) : NULL;
    const char *text = close ? find_text(texts, open + 1, (size_t)(close - open) - 1) : "";
    if (!text)
        return false;
    if (close && !*text && close - open + 1 == (ptrdiff_t)size) /* nothing to say */
        return true;
    if (out->size)
        text_char(out, ' ');
    text_add_bytes(out, word, close ? (size_t)(open - word) : size);
    if (close) {
        text_add(out, text);
        text_add_bytes(out, close + 1, size - (size_t)(close + 1 - word));
    }
    return true;
}

const char *torchao_expand(struct arena *arena, const char *template, const struct torchao_texts *texts)
{
    struct text out = text_make(arena);
    bool said = template != NULL;
    for (const char *at = template; said && *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        said = expand_word(&out, texts, at, size);
        at += size;
    }
    return said ? text_string(&out) : NULL;
}

/* ---- lists, dtypes, bounds ---- */

/* A list is words with single blanks. */
bool torchao_lists(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; size && (at = strstr(at, word)); at += size)
        if ((at == list || at[-1] == ' ') && (!at[size] || at[size] == ' '))
            return true;
    return false;
}

const struct torchao_dtype *torchao_find_dtype(const char *list, const char *torch, const char *text)
{
    for (size_t i = 0; i < torchao_dtype_count; i++) {
        const struct torchao_dtype *row = &torchao_dtypes[i];
        if (torchao_lists(list, row->torch) && (torch ? !strcmp(row->torch, torch) : !strcmp(row->text, text)))
            return row;
    }
    return NULL;
}

/* torchao bounds the largest magnitude, a spec the scale: eps = bound / fmax. */
double torchao_eps(double bound, const struct format *format)
{
    return bound / format_max(format);
}

/* The shortest bound that gives this eps, since eps was a quotient. */
double torchao_bound(double eps, const struct format *format)
{
    char digits[40];
    double product = eps * format_max(format);
    snprintf(digits, sizeof digits, "%.15g", product);
    double rounded = strtod(digits, NULL);
    return torchao_eps(rounded, format) == eps ? rounded : product;
}
