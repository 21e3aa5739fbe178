/* Fuzz target: rules decided by every execution of the automaton that needs no code generator, and by the oracle of backtrack.h.
 * The input is lines of rule_lines.h up to a NUL, then short names separated by NULs. */
#include "tests/fuzz/fuzz_match.h"
#include "tests/fuzz/rule_lines.h"

enum { NAME_MAX = 48 }; /* longer names take the oracle too long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Winner, unknown rule, and every rule's verdict. */
static void check_name(struct rule_lines *lines, struct matcher *const *matchers, void *const *scratch, size_t count, const char *name,
                       size_t size)
{
    struct subject s;
    unsigned char verdicts[RULES_MAX], given[RULES_MAX];
    subject_of_module(&s, name, size, false);
    if (!rule_lines_verdicts(lines, &s, verdicts))
        return;
    struct match_outcome expected = first_of(verdicts, lines->count);
    for (size_t i = 0; i < count; i++) {
        struct match_outcome outcome = matcher_match(matchers[i], scratch[i], &s);
        matcher_verdicts(matchers[i], scratch[i], &s, given);
        if (outcome.rule != expected.rule || outcome.unknown != expected.unknown || memcmp(given, verdicts, lines->count))
            abort();
    }
}

/* The automaton as usual, with hardly any states (lazy ones in a bounded cache), and without any. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct match_options options[] = {{0}, {.state_budget = 5}, {.force_fallback = true}};
    enum { COUNT = sizeof options / sizeof *options };
    struct rule_lines lines;
    const char *bytes = (const char *)data, *nul = size ? memchr(bytes, 0, size) : NULL;
    if (!nul || !rule_lines_read(&lines, bytes, nul))
        return 0;
    struct arena arena;
    struct diags diags;
    struct matcher *matchers[COUNT];
    void *scratch[COUNT];
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    const struct recipe *recipe = rule_lines_recipe(&arena, &lines);
    for (size_t i = 0; i < COUNT; i++) {
        matchers[i] = matcher_compile(recipe, &options[i], &diags);
        if (!matchers[i] && diags.first->code != DIAG_too_large)
            abort(); /* what the oracle knows, the parser takes */
        scratch[i] = matchers[i] ? open_scratch(matchers[i]) : NULL;
    }
    for (const char *at = nul + 1, *end = bytes + size; matchers[0] && at <= end;) {
        const char *next = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        size_t length = (size_t)((next ? next : end) - at);
        check_name(&lines, matchers, scratch, COUNT, at, length < NAME_MAX ? length : NAME_MAX);
        at += length + 1;
    }
    for (size_t i = 0; i < COUNT; i++)
        free(scratch[i]);
    arena_close(&arena);
    return 0;
}
