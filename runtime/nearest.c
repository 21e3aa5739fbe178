/* The nearest words. In: a predicate and a model; out: the first word that nothing of the model has, and its nearest. Neither
 * the model's size nor the pattern's costs more than WORDS_MAX comparisons a word. See nearest.h. */
#include "runtime/nearest.h"

#include <stdlib.h>
#include <string.h>
#include "lang/diag.h"
#include "runtime/describe.h"

enum { WORDS_MAX = 20000, WORD_MIN = 3 }; /* words of a pool; bytes of a word that is looked for */

/* ---- the model's words ---- */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* As qsort wants it; words are not terminated yet. */
static int compare_words(const void *left, const void *right)
{
    const struct field *a = left, *b = right;
    int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Words while they are listed: half of them may be repetitions. */
struct listing {
    struct field words[2 * WORDS_MAX];
    size_t count;
    bool full;
};

/* Makes room, or finds that there are too many words to look through. */
static void drop_repetitions(struct listing *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->words, l->count, sizeof *l->words, compare_words);
    for (size_t i = 0; i < l->count; i++)
        if (!kept || compare_words(&l->words[kept - 1], &l->words[i]))
            l->words[kept++] = l->words[i];
    l->count = kept;
    l->full = kept > WORDS_MAX;
}

/* Nothing is listed any more once the listing is full. */
static void list_words(struct listing *l, const char *name, size_t size)
{
    for (size_t at = 0, end; at < size && !l->full; at = end + 1) {
        for (end = at; end < size && is_word(name[end]); end++)
            ;
        if (end - at < WORD_MIN)
            continue;
        if (l->count == 2 * WORDS_MAX)
            drop_repetitions(l);
        if (!l->full)
            l->words[l->count++] = (struct field){name + at, end - at};
    }
}

static void list_fields(struct listing *l, const struct field *fields, size_t count)
{
    for (size_t i = 0; fields && i < count; i++)
        list_words(l, fields[i].bytes, fields[i].size);
}

/* Names: of tensors and of modules' paths. Classes: with their bases. */
static void list_model(const struct vocabulary *v, bool classes, struct listing *l)
{
    const struct description *all = v->model->description;
    for (size_t i = 0; !classes && i < v->model->count; i++)
        list_words(l, v->model->tensors[i]->name, strlen(v->model->tensors[i]->name));
    for (size_t i = 0; all && i < all->module_count; i++) {
        const struct quern_module *m = &all->modules[i];
        list_fields(l, classes ? m->node.types : m->paths, classes ? m->node.type_count : m->path_count);
        list_fields(l, classes ? m->node.bases : NULL, m->node.base_count);
    }
}

/* A pool that is too large stays empty: no word is called misspelt then. */
static const struct word_pool *pool_of(struct vocabulary *v, bool classes)
{
    struct word_pool *pool = classes ? &v->classes : &v->names;
    if (pool->listed)
        return pool;
    struct listing *l = ARENA_NEW(v->arena, struct listing);
    list_model(v, classes, l);
    drop_repetitions(l);
    pool->listed = true;
    pool->full = l->full;
    pool->count = l->full ? 0 : l->count;
    pool->words = ARENA_ARRAY(v->arena, pool->count + 1, const char *);
    for (size_t i = 0; i < pool->count; i++)
        pool->words[i] = arena_copy(v->arena, l->words[i].bytes, l->words[i].size);
    return pool;
}

/* ---- the pattern's words ---- */

/* Behind what is no name at `at` of a pattern of that language: an escape, a set, the head of a group; at itself otherwise. */
static size_t skip_syntax(const struct ast_string *p, size_t at, bool regex)
{
    const char *bytes = p->bytes + at, *close;
    size_t left = p->size - at;
    if (regex && *bytes == '\\')
        return at + (left > 1 ? 2 : 1);
    if (*bytes == '[' && left > 2 && (close = memchr(bytes + 2, ']', left - 2)))
        return at + (size_t)(close - bytes) + 1;
    size_t size = 2;
    if (!regex || left < 2 || memcmp(bytes, "(?", 2))
        return at;
    while (size < left && !strchr(":=!>)", bytes[size]))
        size++;
    return at + size;
}

/* Of regexes; it may make the letter before it be absent. */
static bool is_quantifier(char c)
{
    return c == '?' || c == '*' || c == '+' || c == '{';
}

/* Whether some name has the word, as a part unless whole ones are asked for. */
static bool has_word(const struct word_pool *pool, const char *word, bool whole)
{
    for (size_t i = 0; i < pool->count; i++)
        if (whole ? !strcmp(pool->words[i], word) : strstr(pool->words[i], word) != NULL)
            return true;
    return false;
}

/* nearest stays NULL when the word is there, or nothing is near. */
static bool check_word(struct vocabulary *v, const struct word_pool *pool, const char *bytes, size_t size, bool whole, struct misspelling *found)
{
    if (size < WORD_MIN)
        return false;
    found->word = arena_copy(v->arena, bytes, size);
    found->nearest = has_word(pool, found->word, whole) ? NULL : diag_nearest(found->word, pool->words, pool->count);
    return found->nearest;
}

/* A quantified last letter is none of the word's. */
static bool check_pattern(struct vocabulary *v, const struct ast_predicate *p, struct misspelling *found)
{
    const char *language = atom_rows[p->atom].language;
    bool regex = !strncmp(language, "re_", 3) || !strcmp(language, "under_re");
    bool whole = !strcmp(language, "exact") || !strcmp(language, "under");
    const struct word_pool *pool = pool_of(v, found->is_class);
    const struct ast_string *pattern = &p->pattern;
    for (size_t at = 0, end; at < pattern->size; at = end) {
        end = whole ? at : skip_syntax(pattern, at, regex);
        if (end > at)
            continue;
        while (end < pattern->size && is_word(pattern->bytes[end]))
            end++;
        size_t size = end - at;
        size -= regex && size && end < pattern->size && is_quantifier(pattern->bytes[end]);
        if (check_word(v, pool, pattern->bytes + at, size, whole, found))
            return true;
        end += end == at;
    }
    return false;
}

/* Atoms about ops, tags, roles and dtypes are not looked at. */
static bool check_atom(struct vocabulary *v, const struct ast_predicate *p, struct misspelling *found)
{
    static const char *const names[] = {"module", "parameter", "param_name"}, *const classes[] = {"type", "bases", "outer_type"};
    const char *field = atom_rows[p->atom].field;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(field, names[i]) || !strcmp(field, classes[i])) {
            found->is_class = !strcmp(field, classes[i]);
            return check_pattern(v, p, found);
        }
    return false;
}

/* The recursion is as deep as the predicate, which the parser bounds. */
bool misspelling_find(struct vocabulary *vocabulary, const struct ast_predicate *predicate, struct misspelling *found)
{
    switch (predicate->kind) {
    case AST_OR: case AST_AND:
        return misspelling_find(vocabulary, predicate->left, found) || misspelling_find(vocabulary, predicate->right, found);
    case AST_ATOM:
        return check_atom(vocabulary, predicate, found);
    case AST_NOT: case AST_COMPARE: case AST_IN: case AST_SET: case AST_ANY:
        break;
    }
    return false;
}
