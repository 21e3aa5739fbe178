/* Fuzz target: rules of several patterns, decided by every execution of the automaton and by the oracle of backtrack.h. The input
 * is lines up to a NUL, each `f`, `m` or `s` (fullmatch, match, search) and a pattern, then short names separated by NULs. */
#include "tests/fuzz/fuzz_match.h"
#include "tests/fuzz/backtrack.h"

enum { RULES_MAX = 8, PATTERN_MAX = 48, NAME_MAX = 12 };
struct rules {
    struct test_rule items[RULES_MAX];
    struct oracle oracles[RULES_MAX];
    const struct node *roots[RULES_MAX];
    char how[RULES_MAX];
    size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum atom atom_of(char how)
{
    return how == 'f' ? ATOM_re : how == 'm' ? ATOM_re_prefix : ATOM_re_search;
}

/* False: some line is nothing the oracle knows. */
static bool read_rules(struct rules *r, const char *at, const char *end)
{
    for (r->count = 0; at < end && r->count < RULES_MAX; r->count++) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line ? line : end) - at);
        if (!size || size > PATTERN_MAX || !strchr("fms", *at))
            return false;
        r->how[r->count] = *at;
        r->items[r->count] = (struct test_rule){atom_of(*at), at + 1, size - 1};
        r->roots[r->count] = oracle_parse(&r->oracles[r->count], at + 1, size - 1);
        if (!r->roots[r->count])
            return false;
        at += size + 1;
    }
    return r->count > 0;
}

/* The first rule that takes the name, -1: none, -2: not known. */
static int first_rule(struct rules *r, const char *name, size_t size)
{
    for (size_t i = 0; i < r->count; i++) {
        int found = oracle_match(&r->oracles[i], r->roots[i], r->how[i], name, size);
        if (found)
            return found < 0 ? -2 : (int)i;
    }
    return -1;
}

static bool is_ascii(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (name[i] & 0x80)
            return false;
    return true;
}

static void check_name(struct rules *r, struct matcher *const *matchers, void *const *scratch, size_t count, const char *name, size_t size)
{
    struct subject s;
    int expected = is_ascii(name, size) ? first_rule(r, name, size) : -2;
    subject_of_module(&s, name, size, false);
    for (size_t i = 0; i < count && expected > -2; i++)
        if (matcher_match(matchers[i], scratch[i], &s).rule != expected)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct match_options options[] = {{0}, {.state_budget = 5}, {.force_fallback = true}};
    enum { COUNT = sizeof options / sizeof *options };
    struct rules rules;
    const char *bytes = (const char *)data, *nul = size ? memchr(bytes, 0, size) : NULL;
    if (!nul || !read_rules(&rules, bytes, nul))
        return 0;
    struct arena arena;
    struct diags diags;
    struct matcher *matchers[COUNT];
    void *scratch[COUNT];
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    const struct recipe *recipe = make_recipe(&arena, rules.items, rules.count);
    for (size_t i = 0; i < COUNT; i++) {
        matchers[i] = matcher_compile(recipe, &options[i], &diags);
        if (!matchers[i] && diags.first->code != DIAG_too_large)
            abort(); /* what the oracle knows, the parser takes */
        scratch[i] = matchers[i] ? open_scratch(matchers[i]) : NULL;
    }
    for (const char *at = nul + 1, *end = bytes + size; matchers[0] && at <= end;) {
        const char *next = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        size_t length = (size_t)((next ? next : end) - at);
        check_name(&rules, matchers, scratch, COUNT, at, length < NAME_MAX ? length : NAME_MAX);
        at += length + 1;
    }
    for (size_t i = 0; i < COUNT; i++)
        free(scratch[i]);
    arena_close(&arena);
    return 0;
}
