/* Models: a text file of names, one tensor a line: FQN, or FQN<TAB>dtype, or FQN<TAB>dtype<TAB>[shape]. Such a model has no
 * data; a field that is missing is unknown. Empty lines are skipped; a carriage return at a line's end is none of the name's. */
#include <inttypes.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/model.h"

/* The list being read; line counts from 1. */
struct lines {
    struct session *session;
    struct quern_model *model;
    struct shard *shard;
    size_t line;
};

/* Lines count from 1, empty ones too. */
static bool refuse(struct lines *l, const char *what, const char *saw)
{
    diag_report_about(l->session->diags, DIAG_bad_names, l->shard->path, "line %zu: %s, saw %s", l->line, what,
                      name_shown(l->session->arena, saw));
    return false;
}

/* Both spellings: safetensors' BF16 and the language's bf16. */
static bool read_dtype(struct lines *l, struct stored *t, const char *word)
{
    t->dtype = dtype_find_file_name(word);
    if (t->dtype < 0)
        t->dtype = dtype_find_word(word);
    return t->dtype >= 0 || refuse(l, "expected a dtype such as BF16", word);
}

/* One dimension's digits; false when there are none or they pass 63 bits. */
static bool read_dimension(const char **at, int64_t *value)
{
    const char *begin = *at;
    *value = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, **at - '0', value))
            return false;
    return *at > begin;
}

/* "[4096,4096]", blanks after commas allowed. One place for each comma and one more: the rank is no larger, so the text bounds
 * the memory. */
static bool read_shape(struct lines *l, struct stored *t, const char *word)
{
    const char *at = word;
    size_t room = 1;
    for (const char *c = word; *c; c++)
        room += *c == ',';
    int64_t *shape = ARENA_ARRAY(&l->model->arena, room, int64_t);
    bool ok = *at++ == '[';
    t->rank = 0;
    while (ok && *at != ']') {
        at += strspn(at, " ");
        ok = read_dimension(&at, &shape[t->rank++]) && (*at == ']' || (*at == ',' && at[1] != ']'));
        at += ok && *at == ',';
    }
    if (!ok || at[1])
        return refuse(l, "expected a shape such as [4096,4096]", word);
    t->shape = shape;
    if (!stored_size(t->dtype, shape, t->rank, &t->elements, &t->bytes))
        return refuse(l, "expected a shape whose bytes can be counted", word);
    return true;
}

/* The part up to the next tab; *rest NULL when it was the last. Fields are copies, NUL-terminated. */
static const char *cut_field(struct arena *arena, const char **rest, const char *end)
{
    const char *begin = *rest, *tab = memchr(begin, '\t', (size_t)(end - begin));
    *rest = tab ? tab + 1 : NULL;
    return arena_copy(arena, begin, (size_t)((tab ? tab : end) - begin));
}

/* Fields that are missing stay unknown, and rules that ask for them are undecided. */
static bool read_line(struct lines *l, const char *line, const char *end)
{
    struct stored *t = ARENA_PUSH(&l->model->arena, l->shard->tensors, l->shard->count, l->shard->capacity);
    *t = (struct stored){.dtype = -1, .rank = -1, .elements = -1, .bytes = -1, .shard = l->shard};
    if (memchr(line, 0, (size_t)(end - line)))
        return refuse(l, "expected a name without NUL bytes", line);
    t->name = cut_field(&l->model->arena, &line, end);
    if (line && !read_dtype(l, t, cut_field(l->session->arena, &line, end)))
        return false;
    if (line && !read_shape(l, t, cut_field(l->session->arena, &line, end)))
        return false;
    return !line || refuse(l, "expected at most three fields", cut_field(l->session->arena, &line, end));
}

/* No shard has a file: nothing can be read from such a model. */
bool model_read_names(struct session *session, struct quern_model *m, const char *path, const char *bytes, size_t size)
{
    struct lines l = {session, m, model_add_list(m, path), 0};
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        stop -= stop > at && stop[-1] == '\r';
        l.line++;
        if (stop > at && !read_line(&l, at, stop))
            return false;
        at = next;
    }
    return true;
}
