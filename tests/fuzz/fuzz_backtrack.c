/* Fuzz target: rules decided by every execution of the automaton that needs no code generator, one name at a time and in batches,
 * and by the oracle of backtrack.h. The input is lines of rule_lines.h up to a NUL, then names separated by NULs. Those are matched
 * in their order, then all short names, then long ones that begin alike. */
#include "tests/fuzz/fuzz_match.h"
#include "tests/fuzz/rule_lines.h"

enum { NAMES_MAX = 64, NAME_MAX = 48, /* longer names take the oracle too long */
       LONG_NAMES = 100, LONG_MAX = 200, WORD_MAX = 40 }; /* beyond a window of the steps over pieces, and a piece */
/* As usual; hardly any states, then none at all: lazy ones in a bounded cache; the smallest cache; module paths alone. */
static const struct match_options options[] = {
    {0}, {.state_budget = 5}, {.force_fallback = true}, {.force_fallback = true, .cache = 1}, {.names_only = true},
};
enum { EXECUTIONS = sizeof options / sizeof *options };
struct execution {
    const struct matcher *matcher;
    void *scratch;
};
/* What the oracle says of each rule. */
struct judged {
    bool known;
    unsigned char verdicts[RULES_MAX];
};
/* Each name in memory of its own, so that a sanitizer sees a read past its end. */
struct names {
    struct field *items;
    struct judged *judged;
    size_t count, capacity;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- names ---- */

static void add_name(struct arena *arena, struct names *names, const char *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    *ARENA_PUSH(arena, names->items, names->count, names->capacity) = (struct field){copy, size};
}

static void read_names(struct arena *arena, struct names *names, const char *at, const char *end)
{
    while (at <= end && names->count < NAMES_MAX) {
        const char *next = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        size_t size = (size_t)((next ? next : end) - at);
        add_name(arena, names, at, size < NAME_MAX ? size : NAME_MAX);
        at += size + 1;
    }
}

static unsigned draw(uint64_t *seed, unsigned limit)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((*seed >> 33) % limit);
}

/* A word of bytes of the text, or of one, or a number; then a dot, mostly. */
static size_t draw_word(uint64_t *seed, const char *text, size_t text_size, char word[WORD_MAX])
{
    bool number = draw(seed, 2), one = draw(seed, 2);
    size_t size = 1 + draw(seed, number || draw(seed, 4) ? 4 : WORD_MAX - 2);
    for (size_t i = 0; i < size; i++)
        word[i] = number ? (char)('0' + draw(seed, 10)) : one && i ? word[0] : text[draw(seed, (unsigned)text_size)];
    if (draw(seed, 8))
        word[size++] = '.';
    return size;
}

/* Each begins like the one before it, up to some place, or differs from it in a byte; what is new is drawn from the bytes of the
 * input. */
static void draw_names(struct arena *arena, struct names *names, const char *text, size_t text_size)
{
    char name[LONG_MAX + WORD_MAX] = "";
    uint64_t seed = text_size;
    for (size_t i = 0, size = 0; i < LONG_NAMES; i++) {
        size_t wanted = size && draw(&seed, 2) ? 0 : draw(&seed, LONG_MAX);
        if (!wanted && size)
            name[draw(&seed, (unsigned)size)] = text[draw(&seed, (unsigned)text_size)];
        else
            size = draw(&seed, (unsigned)size + 1);
        while (size < wanted)
            size += draw_word(&seed, text, text_size, name + size);
        add_name(arena, names, name, size);
    }
}

/* Once, for all executions. */
static void judge_names(struct arena *arena, struct names *names, struct rule_lines *lines)
{
    names->judged = ARENA_ARRAY(arena, names->count, struct judged);
    for (size_t i = 0; i < names->count; i++) {
        struct subject s;
        subject_of_module(&s, names->items[i].bytes, names->items[i].size, false);
        names->judged[i].known = rule_lines_verdicts(lines, &s, names->judged[i].verdicts);
    }
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free((char *)names->items[i].bytes);
}

/* ---- answers ---- */

/* The name's rule. What the oracle does not know is as each rule's own verdict has it, which no other name bears on. */
static int check_name(const struct execution *e, const struct field *name, const struct judged *judged, size_t rule_count)
{
    struct subject s;
    unsigned char verdicts[RULES_MAX];
    int rule;
    subject_of_module(&s, name->bytes, name->size, false);
    struct match_outcome outcome = matcher_match(e->matcher, e->scratch, &s);
    if (matcher_match_path(e->matcher, e->scratch, name->bytes, name->size, &rule) && (rule != outcome.rule || outcome.unknown >= 0))
        abort();
    matcher_verdicts(e->matcher, e->scratch, &s, verdicts);
    if (judged->known && memcmp(judged->verdicts, verdicts, rule_count))
        abort();
    struct match_outcome expected = first_of(verdicts, rule_count);
    if (outcome.rule != expected.rule || outcome.unknown != expected.unknown)
        abort();
    return expected.rule;
}

/* In a batch before anything is known of the names, and again afterwards. */
static void check_names(struct arena *arena, const struct execution *e, const struct names *names, size_t rule_count)
{
    int *first = ARENA_ARRAY(arena, names->count, int), *again = ARENA_ARRAY(arena, names->count, int);
    matcher_match_batch(e->matcher, e->scratch, names->items, names->count, false, first);
    for (size_t i = 0; i < names->count; i++)
        if (check_name(e, &names->items[i], &names->judged[i], rule_count) != first[i])
            abort();
    matcher_match_batch(e->matcher, e->scratch, names->items, names->count, false, again);
    if (memcmp(first, again, names->count * sizeof *first))
        abort();
}

/* Nothing, where the rules are beyond the limits of the matcher. */
static void check_execution(struct arena *arena, const struct recipe *recipe, const struct match_options *how, const struct names *names)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct execution e = {.matcher = matcher_compile(recipe, how, &diags)};
    if (!e.matcher && diags.first->code != DIAG_too_large)
        abort(); /* what the oracle knows, the parser takes */
    if (!e.matcher)
        return;
    e.scratch = open_scratch(e.matcher);
    check_names(arena, &e, names, recipe->rule_count);
    free(e.scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rule_lines lines;
    struct names names = {0};
    const char *bytes = (const char *)data, *nul = size ? memchr(bytes, 0, size) : NULL;
    if (!nul || !rule_lines_read(&lines, bytes, nul))
        return 0;
    struct arena arena;
    size_t short_count;
    arena_init(&arena, NULL);
    read_names(&arena, &names, nul + 1, bytes + size);
    const struct field *short_names = rule_lines_names(&arena, &lines, &short_count);
    for (size_t i = 0; i < short_count; i++)
        add_name(&arena, &names, short_names[i].bytes, short_names[i].size);
    draw_names(&arena, &names, bytes, size);
    judge_names(&arena, &names, &lines);
    const struct recipe *recipe = rule_lines_recipe(&arena, &lines);
    for (size_t i = 0; i < EXECUTIONS; i++)
        check_execution(&arena, recipe, &options[i], &names);
    free_names(&names);
    arena_close(&arena);
    return 0;
}
