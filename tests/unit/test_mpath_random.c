/* Random mpath queries on random trees against the definition: a path matches when the fragments derive exactly its modules.
 * What is not known (classes, tags) is taken for no and for yes in turn: where the two agree that is the answer. Each query is
 * back; and by paths alone. The seed is printed; QUERN_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"

enum { QUERIES = 1200, NODES = 18, DEPTH_MAX = 6, ITEMS_MAX = 4 };

static uint64_t seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % limit);
}

/* ---- queries ---- */

enum kind { NAME, ONE, MANY, NOT, EITHER, RE, CLASS, TAGS, SEQUENCE };
struct query {
    enum kind kind;
    const char *text; /* NAME, RE, CLASS, TAGS */
    int choice;       /* RE */
    struct query *items[ITEMS_MAX];
    unsigned count;
};

static const char *const names[] = {"a", "b", "ab", "ba", "0", "12", "a_1", "x"};
static const char *const classes[] = {"t.A", "t.B", "t.Base", "A"};
static const char *const tags[] = {"p", "p/w", " p/w , p ", "q", "p/w/x", ""};
static const char *const regexes[] = {"a.*", ".*b", "[ab\\]+", "^a|b$", "b?", "\\d+", "(?m:^)x|.", "[^a\\].*", "a\\b.*", "(?!a).*", "(?!.*b$).+", "(?<!\\.)b", "(?<!a)b|.*(?<=a)b",
                                      "(?=^).*(?<=^.)"};

static bool regex_matches(int choice, const char *s)
{
    size_t n = strlen(s);
    switch (choice) {
    case 0: return s[0] == 'a';
    case 1: return s[n - 1] == 'b';
    case 2: return strspn(s, "ab") == n;
    case 3: return !strcmp(s, "a") || !strcmp(s, "b");
    case 4: return !strcmp(s, "b");
    case 5: return strspn(s, "0123456789") == n;
    case 6: return n == 1;
    case 7: return s[0] != 'a';
    case 8: return !strcmp(s, "a");
    case 9: return s[0] != 'a';
    case 10: return s[n - 1] != 'b';
    case 11: return !strcmp(s, "b");
    case 12: return !strcmp(s, "b") || (n > 1 && !strcmp(s + n - 2, "ab"));
    default: return n == 1;
    }
}

static struct query *make_query(struct arena *arena, unsigned depth);

static struct query *make_fragment(struct arena *arena, unsigned depth)
{
    struct query *q = ARENA_NEW(arena, struct query);
    unsigned kind = draw(depth ? 14 : 11);
    q->kind = kind < 4 ? NAME : kind < 6 ? ONE : kind < 8 ? MANY : kind == 8 ? RE : kind == 9 ? CLASS : kind == 10 ? TAGS : kind == 11 ? NOT : EITHER;
    q->choice = (int)draw(sizeof regexes / sizeof *regexes);
    q->text = q->kind == NAME ? names[draw(8)] : q->kind == RE ? regexes[q->choice] : q->kind == CLASS ? classes[draw(4)] : tags[draw(6)];
    if (q->kind == EITHER)
        for (unsigned i = 0, n = 1 + draw(3); i < n; i++)
            q->items[q->count++] = make_query(arena, depth - 1);
    if (q->kind == NOT)
        do
            q->items[0] = make_fragment(arena, depth - 1), q->count = 1;
        while (q->items[0]->kind == EITHER);
    for (const struct query *n = q; n->kind == NOT; n = n->items[0])
        if (n->items[0]->kind == EITHER)
            return make_fragment(arena, 0);
    return q;
}

static struct query *make_query(struct arena *arena, unsigned depth)
{
    struct query *q = ARENA_NEW(arena, struct query);
    q->kind = SEQUENCE;
    for (unsigned i = 0, n = 1 + draw(ITEMS_MAX); i < n; i++)
        q->items[q->count++] = make_fragment(arena, depth);
    return q;
}

static void print_query(struct text *out, const struct query *q)
{
    const char *const before[] = {[NOT] = "~", [EITHER] = "{", [RE] = "[re:", [CLASS] = "[cls:", [TAGS] = "[qtag:"};
    text_add(out, q->kind == ONE ? "*" : q->kind == MANY ? "**" : q->kind == NAME || q->kind == SEQUENCE ? "" : before[q->kind]);
    if (q->kind == NAME || q->kind == RE || q->kind == CLASS || q->kind == TAGS)
        text_add(out, q->text);
    for (unsigned i = 0; i < q->count; i++) {
        text_add(out, i ? (q->kind == EITHER ? " , " : "/") : "");
        print_query(out, q->items[i]);
    }
    text_add(out, q->kind == EITHER ? "}" : q->kind == RE || q->kind == CLASS || q->kind == TAGS ? "]" : "");
}

/* ---- the definition ---- */

struct path {
    const struct module_node *nodes[DEPTH_MAX];
    char names[DEPTH_MAX][8];
    unsigned size;
    bool known;  /* nodes are; else names alone */
    bool surely; /* what is unknown is no; else yes */
};

static int class_truth(const struct module_node *n, const char *class)
{
    for (size_t i = 0; n->types && i < n->type_count; i++)
        if (!strcmp(n->types[i].bytes, class) || !strcmp(n->types[i].bytes + 2, class))
            return 1;
    for (size_t i = 0; n->bases && i < n->base_count; i++)
        if (!strcmp(n->bases[i].bytes, class) || !strcmp(n->bases[i].bytes + 2, class))
            return 1;
    return n->types && n->bases ? 0 : 2;
}

static bool has_tag(const struct module_node *n, const char *tag)
{
    for (size_t i = 0; i < n->tag_count; i++)
        if (!strcmp(n->tags[i].bytes, tag) || (!strcmp(tag, "p") && n->tags[i].bytes[0] == 'p'))
            return true;
    return false;
}

static int tag_truth(const struct module_node *n, const char *text)
{
    if (!n->tags || !n->quantizer)
        return n->quantizer ? 2 : 0;
    return strchr(text, ',') ? has_tag(n, "p/w") && has_tag(n, "p") : has_tag(n, text);
}

static int atom_truth(const struct query *q, const struct path *p, unsigned at)
{
    switch (q->kind) {
    case NAME: return !strcmp(q->text, p->names[at]);
    case RE: return regex_matches(q->choice, p->names[at]);
    case CLASS: return p->known ? class_truth(p->nodes[at], q->text) : 2;
    case TAGS: return p->known ? tag_truth(p->nodes[at], q->text) : 2;
    case NOT: {
        int inner = atom_truth(q->items[0], p, at);
        return inner == 2 ? 2 : !inner;
    }
    default: return 1; /* one, or under ~ any number: one module */
    }
}

/* Bits: where a derivation from here may stand after the query. */
static unsigned derive(const struct query *q, const struct path *p, unsigned at)
{
    unsigned ends = 0, here;
    switch (q->kind) {
    case MANY:
        for (; at <= p->size; at++)
            ends |= 1u << at;
        return ends;
    case EITHER:
        for (unsigned i = 0; i < q->count; i++)
            ends |= derive(q->items[i], p, at);
        return ends;
    case SEQUENCE:
        here = 1u << at;
        for (unsigned i = 0; i < q->count; i++, here = ends)
            for (ends = 0, at = 0; at <= p->size; at++)
                ends |= here >> at & 1 ? derive(q->items[i], p, at) : 0;
        return here;
    default: {
        int truth = at < p->size ? atom_truth(q, p, at) : 0;
        return truth == 1 || (truth == 2 && !p->surely) ? 1u << (at + 1) : 0;
    }
    }
}

static int expected(const struct query *q, struct path *p)
{
    p->surely = false;
    if (!p->size || !(derive(q, p, 0) >> p->size & 1))
        return 0;
    p->surely = true;
    return derive(q, p, 0) >> p->size & 1 ? 1 : 2;
}

/* ---- trees ---- */

struct tree {
    struct module_node nodes[NODES];
    struct path paths[NODES];
    char texts[NODES][64];
    struct field fields[NODES][3];
};

static struct field field_of(const char *text)
{
    return (struct field){text, strlen(text)};
}

/* Node 0 is the root. */
static void make_tree(struct tree *t)
{
    static const struct field spelled[] = {{"t.A", 3}, {"t.B", 3}, {"t.Base", 6}}, tagged[] = {{"p/w", 3}, {"p", 1}, {"q", 1}};
    t->nodes[0] = (struct module_node){0};
    t->paths[0].size = 0;
    t->texts[0][0] = 0;
    for (int i = 1; i < NODES; i++) {
        unsigned parent = draw((unsigned)i);
        struct path *p = &t->paths[i];
        if (t->paths[parent].size == DEPTH_MAX)
            parent = 0;
        *p = t->paths[parent];
        strcpy(p->names[p->size], names[draw(8)]);
        p->nodes[p->size] = &t->nodes[i];
        t->nodes[i] = (struct module_node){.parent = &t->nodes[parent], .name = field_of(p->names[p->size]), .quantizer = draw(4) > 0};
        p->size++;
        snprintf(t->texts[i], sizeof t->texts[i], "%.40s%s%.7s", t->texts[parent], parent ? "." : "", p->names[p->size - 1]);
        if (draw(4))
            t->nodes[i].types = &spelled[draw(2)], t->nodes[i].type_count = 1;
        if (draw(4))
            t->nodes[i].bases = &spelled[2], t->nodes[i].base_count = draw(2);
        if (draw(4))
            t->nodes[i].tags = tagged + draw(2), t->nodes[i].tag_count = draw(3);
    }
}

/* ---- comparison ---- */

static unsigned pairs;

static void check_matcher(const struct bench *b, struct tree *t, const struct query *q, const char *text, const char *engine)
{
    for (int i = 0; i < NODES; i++)
        for (int known = 0; known < 2; known++) {
            struct subject s;
            unsigned char verdict;
            subject_of_module(&s, t->texts[i], strlen(t->texts[i]), false);
            s.node = known ? &t->nodes[i] : NULL;
            t->paths[i].known = known;
            int truth = expected(q, &t->paths[i]);
            struct match_outcome found = matcher_match(b->matcher, b->scratch, &s);
            matcher_verdicts(b->matcher, b->scratch, &s, &verdict);
            if (found.rule != (truth == 1 ? 0 : -1) || found.unknown != (truth == 2 ? 0 : -1) || verdict != truth)
                fail_msg("%s: %s on %s (%s): rule %d unknown %d verdict %d, expected %d", engine, text, t->texts[i],
                         known ? "node" : "name", found.rule, found.unknown, verdict, truth);
            pairs++;
        }
}

static void check_text(struct tree *t, const struct query *q, const char *text, const char *how, bool fallback)
{
    struct bench b, back;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text recipe = text_make(&arena);
    text_add(&recipe, "config w { weight int8 }\nmatch first { mpath ");
    text_quote(&recipe, text, strlen(text));
    text_add(&recipe, " => w }\n");
    open_recipe(&b, text_string(&recipe), &(struct match_options){.force_fallback = fallback});
    if (!b.matcher)
        fail_msg("%s: %s", text, messages(&b));
    check_matcher(&b, t, q, text, how);
    check_matcher(read_back(&b, &back), t, q, text, "read back");
    close_recipe(&back);
    close_recipe(&b);
    arena_close(&arena);
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < QUERIES; round++) {
        struct arena arena;
        struct tree *tree = calloc(1, sizeof *tree);
        arena_init(&arena, NULL);
        struct text text = text_make(&arena);
        struct query *q = make_query(&arena, draw(4));
        make_tree(tree);
        print_query(&text, q);
        check_text(tree, q, text_string(&text), "path", false);
        check_text(tree, q, text_string(&text), "linear", true);
        check_text(tree, q, arena_printf(&arena, "{%s,zz/[cls:no.such.Class]}", text.bytes), "chain", false);
        check_text(tree, q, arena_printf(&arena, "{%s,zz/[cls:no.such.Class]}", text.bytes), "chain, linear", true);
        arena_close(&arena);
        free(tree);
    }
    printf("%u pairs\n", pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    const char *given = getenv("QUERN_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
