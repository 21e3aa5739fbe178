/* mpath queries of the corpus over the module trees of real models against the bits FastForward's own mpath computed: with the
 * minimised automaton, with the linear-time engine and after the matcher's text was read back; each as it is, and once more
 * as an alternative beside a class that no module has, so that the chain of modules decides and not the path. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"

enum { MODULES_MAX = 4096, DEPTH_MAX = 64 };

struct model {
    struct module_node root, nodes[MODULES_MAX];
    struct field paths[MODULES_MAX];
    struct field types[MODULES_MAX];
    size_t count;
};
struct tally {
    unsigned models, queries, bits, refused;
};

static const struct field bases[] = {{"torch.nn.Module", 15}};

/* The node whose path is what stands before the last dot. */
static const struct module_node *find_parent(const struct model *m, const char *path, size_t size)
{
    for (size_t i = m->count; i-- > 0;)
        if (m->paths[i].size == size && !memcmp(m->paths[i].bytes, path, size))
            return &m->nodes[i];
    return &m->root;
}

static void add_module(struct model *m, struct arena *arena, const char *path, const char *class)
{
    const char *dot = strrchr(path, '.');
    size_t cut = dot ? (size_t)(dot - path) : 0, i = m->count;
    assert_true(i < MODULES_MAX);
    const char *type = strcmp(class, "Box") ? arena_printf(arena, "torch.nn.%s", class) : "Box";
    m->types[i] = (struct field){type, strlen(type)};
    m->nodes[i] = (struct module_node){.parent = dot ? find_parent(m, path, cut) : &m->root, .name = {dot ? dot + 1 : path, strlen(dot ? dot + 1 : path)},
                                       .types = &m->types[i], .type_count = 1, .bases = bases, .base_count = 1};
    m->paths[i] = (struct field){path, strlen(path)};
    m->count++;
}

/* ---- one query ---- */

static const char *make_recipe_text(struct arena *arena, const char *query, size_t size, bool climb)
{
    struct text quoted = text_make(arena), text = text_make(arena);
    if (climb)
        text_printf(&quoted, "{%.*s,[cls:no.such.Class]}", (int)size, query);
    else
        text_add_bytes(&quoted, query, size);
    text_add(&text, "alias \"alias\" = \"**/layers/0\"\nconfig w { weight int8 }\nmatch first { mpath ");
    text_quote(&text, text_string(&quoted), quoted.size);
    text_add(&text, " => w }\n");
    return text_string(&text);
}

static bool bit_of(const char *bits, size_t i)
{
    size_t digits = strlen(bits);
    if (i / 4 >= digits)
        return false;
    char c = bits[digits - 1 - i / 4];
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) >> i % 4 & 1;
}

static void check_modules(const struct bench *b, const struct model *m, const char *query, const char *bits, struct tally *tally)
{
    for (size_t i = 0; i < m->count; i++) {
        struct subject s;
        subject_of_module(&s, m->paths[i].bytes, m->paths[i].size, false);
        int named = matcher_match(b->matcher, b->scratch, &s).rule;
        s.node = &m->nodes[i];
        struct match_outcome found = matcher_match(b->matcher, b->scratch, &s);
        if ((found.rule == 0) != bit_of(bits, i) || found.unknown >= 0)
            fail_msg("%s: %s: rule %d, unknown %d", query, m->paths[i].bytes, found.rule, found.unknown);
        if (named == 0 && !bit_of(bits, i))
            fail_msg("%s: %s: taken by its name alone", query, m->paths[i].bytes);
        tally->bits++;
    }
}

/* What the reference refuses is refused, at the position its message gives. */
static void check_refused(struct bench *b, const char *query, const char *reference, struct tally *tally)
{
    const char *position = strstr(reference, "position "), *text = messages(b);
    if (b->matcher || b->diags.errors != 1)
        fail_msg("%s: not refused: %s", query, text);
    unsigned at = position ? (unsigned)strtoul(position + 9, NULL, 10) : 0;
    if (position && !strstr(text, arena_printf(&b->arena, "at position %u, saw", at)))
        fail_msg("%s: %s: expected position %u: %s", query, reference, at, text);
    tally->refused++;
}

static void check_query(const struct model *m, const char *query, size_t size, const char *bits, const char *reference, struct tally *tally)
{
    for (int run = 0; run < 4; run++) {
        struct bench b, back;
        struct arena arena;
        bool refused = !strcmp(bits, "ERR"), climb = run & 1;
        size_t from = climb && size && query[0] == '/'; /* inside braces there is no first slash, and no last one */
        size_t to = climb && size > 1 && query[size - 1] == '/' ? size - 1 : size;
        if (refused && climb)
            continue;
        arena_init(&arena, NULL);
        open_recipe(&b, make_recipe_text(&arena, query + from, to - from, climb), &(struct match_options){.force_fallback = run > 1});
        if (refused) {
            check_refused(&b, query, reference, tally);
        } else {
            if (!b.matcher)
                fail_msg("%s: %s", query, messages(&b));
            check_modules(&b, m, query, bits, tally);
            check_modules(read_back(&b, &back), m, query, bits, tally);
            close_recipe(&back);
        }
        close_recipe(&b);
        arena_close(&arena);
    }
    tally->queries++;
}

/* ---- the file ---- */

static char *next_field(char **at)
{
    char *field = *at, *end = field + strcspn(field, "\t\n");
    *at = *end ? end + 1 : end;
    *end = 0;
    return field;
}

static void read_line(struct model *m, struct arena *arena, char *line, struct tally *tally)
{
    char *at = line, *kind = next_field(&at);
    if (!strcmp(kind, "M")) {
        m->count = 0;
        tally->models++;
    } else if (!strcmp(kind, "m")) {
        char *path = arena_string(arena, next_field(&at));
        add_module(m, arena, path, next_field(&at));
    } else if (!strcmp(kind, "q")) {
        json_t *json = json_loads(next_field(&at), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        char *bits = next_field(&at);
        check_query(m, json_string_value(json), json_string_length(json), bits, next_field(&at), tally);
        json_decref(json);
    }
}

static void test_corpus(void **state)
{
    (void)state;
    char path[4096], line[65536];
    struct arena arena;
    struct tally tally = {0};
    static struct model model;
    const char *root = getenv("QUERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/data/corpus/mpath.tsv.gz", root ? root : ".");
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    arena_init(&arena, NULL);
    while (gzgets(file, line, sizeof line))
        if (line[0] != '#')
            read_line(&model, &arena, line, &tally);
    gzclose(file);
    arena_close(&arena);
    printf("%u models, %u queries, %u bits, %u refused\n", tally.models, tally.queries, tally.bits, tally.refused);
    assert_true(tally.models == 4 && tally.queries == 364 && tally.refused == 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
