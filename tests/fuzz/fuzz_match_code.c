/* Fuzz target: matchers as machine code, in each of its forms, against the table-driven matcher and the oracle of backtrack.h; and
 * the automaton that knows every other name alone. The input is `@`, a form's number and a newline, or nothing for all forms, which
 * takes longer; lines of rule_lines.h up to a NUL; names separated by NULs. Those are matched, all short names, and the characters
 * where classes end. */
#include <sys/mman.h>
#include "codegen/match/charset.h"
#include "tests/fuzz/fuzz_match.h"
#include "tests/fuzz/rule_lines.h"
#include "tests/unit/match_load.h"

/* The forms of machine code: a block a state, one walker over tables, sets of states, a closed world of names. */
enum { BLOCKS, WALKER, SETS, CLOSED, FORMS, NAMES_MAX = 64, NAME_MAX = 48, PAGE = 4096 };
/* One input, compiled. */
struct target {
    struct rule_lines lines;
    bool wanted[FORMS];
    struct field names[NAMES_MAX];
    size_t name_count;
    struct arena arena;
    struct matcher *matcher;
    const struct match_code *code; /* of the matcher */
    void *scratch;
    struct compiled compiled[FORMS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: the input is not of the form. */
static bool read_rules(struct target *t, const char *at, const char *end)
{
    bool one = end - at > 3 && *at == '@' && at[1] >= '0' && at[1] < '0' + FORMS && at[2] == '\n';
    for (int form = 0; form < FORMS; form++)
        t->wanted[form] = !one || form == at[1] - '0';
    return rule_lines_read(&t->lines, at + (one ? 3 : 0), end);
}

/* Cut, not refused: every input has names. */
static void read_names(struct target *t, const char *at, const char *end)
{
    for (t->name_count = 0; at <= end && t->name_count < NAMES_MAX; t->name_count++) {
        const char *next = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        size_t size = (size_t)((next ? next : end) - at);
        t->names[t->name_count] = (struct field){at, size < NAME_MAX ? size : NAME_MAX};
        at += size + 1;
    }
}

/* ---- compiling ---- */

/* code NULL where the form has none; a form that is wanted must compile. */
static void compile(struct target *t, int form, struct match_code *code, uint32_t block_limit)
{
    struct diags diags;
    diags_init(&diags, &t->arena);
    if (!t->wanted[form])
        return;
    if (!code || !load_code(&t->compiled[form], NULL, code, block_limit, &diags))
        abort();
}

/* The world is every other name, so that there are names outside; the outcome of one is its size. */
static struct match_code *close_names(struct target *t)
{
    struct match_name names[NAMES_MAX];
    struct match_outcome outcomes[NAME_MAX + 1];
    size_t count = 0;
    for (size_t i = 1; i < t->name_count; i += 2)
        names[count++] = (struct match_name){t->names[i].bytes, t->names[i].size, (uint32_t)t->names[i].size};
    for (int i = 0; i <= NAME_MAX; i++)
        outcomes[i] = (struct match_outcome){i, i % 3 - 1};
    return match_code_of_names(&t->arena, names, count, outcomes, NAME_MAX + 1);
}

/* False: beyond the limits of the matcher. */
static bool open_target(struct target *t)
{
    struct diags diags;
    arena_init(&t->arena, NULL);
    diags_init(&diags, &t->arena);
    const struct recipe *recipe = rule_lines_recipe(&t->arena, &t->lines);
    struct match_code *code = code_of(&t->arena, recipe, false, false);
    t->matcher = matcher_compile(recipe, NULL, &diags);
    if (!t->matcher || !code) /* the second: beyond the budget */
        return false;
    t->code = code;
    t->scratch = open_scratch(t->matcher);
    if (match_code_asks(code))
        abort();
    compile(t, BLOCKS, code, MATCH_CODE_STATES);
    compile(t, WALKER, code, 0);
    compile(t, SETS, code_of(&t->arena, recipe, false, true), 0);
    compile(t, CLOSED, close_names(t), MATCH_CODE_STATES);
    return true;
}

static void close_target(struct target *t)
{
    for (int form = 0; form < FORMS; form++)
        if (t->compiled[form].function)
            kernel_unload(&t->compiled[form].code);
    free(t->scratch);
    arena_close(&t->arena);
}

/* ---- names ---- */

/* The name's bytes where no byte behind them may be read. */
static const char *fence_name(const struct field *name)
{
    static char *page;
    if (!page) {
        page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE))
            abort();
    }
    return memcpy(page + PAGE - name->size, name->bytes, name->size);
}

/* Written where the next byte cannot be read; -7 is no rule's number, so that one that is not written is seen. */
static void check_form(const struct target *t, int form, const struct field *name, struct match_outcome expected)
{
    if (!t->wanted[form])
        return;
    int32_t unknown = -7, rule = t->compiled[form].function(fence_name(name), name->size, &unknown);
    if (rule != expected.rule || unknown != expected.unknown)
        abort();
}

/* By looking through the world. */
static struct match_outcome outcome_closed(const struct target *t, const struct field *name)
{
    for (size_t i = 1; i < t->name_count; i += 2)
        if (t->names[i].size == name->size && !memcmp(t->names[i].bytes, name->bytes, name->size))
            return (struct match_outcome){(int)name->size, (int)name->size % 3 - 1};
    return (struct match_outcome){MATCH_OUTSIDE, -1};
}

/* The table and the oracle must agree where the oracle knows; every form must agree with them. */
static void check_name(struct target *t, const struct field *name)
{
    struct subject s;
    unsigned char verdicts[RULES_MAX];
    subject_of_module(&s, name->bytes, name->size, false);
    struct match_outcome table = matcher_match(t->matcher, t->scratch, &s), expected = table;
    if (rule_lines_verdicts(&t->lines, &s, verdicts))
        expected = first_of(verdicts, t->lines.count);
    if (table.rule != expected.rule || table.unknown != expected.unknown)
        abort();
    for (int form = 0; form < CLOSED; form++)
        check_form(t, form, name, expected);
    check_form(t, CLOSED, name, outcome_closed(t, name));
}

/* The characters at the ends of the automaton's classes, and the ones behind them. */
static void check_bounds(struct target *t)
{
    for (size_t i = 0; i < 2 * t->code->range_count; i++) {
        uint32_t c = t->code->ranges[i / 2].high + (uint32_t)i % 2;
        char bytes[4];
        if (c <= CODE_POINT_MAX)
            check_name(t, &(struct field){bytes, utf8_put(bytes, c)});
    }
}

static void check_names(struct target *t)
{
    size_t count;
    const struct field *names = rule_lines_names(&t->arena, &t->lines, &count);
    for (size_t i = 0; i < t->name_count; i++)
        check_name(t, &t->names[i]);
    for (size_t i = 0; i < count; i++)
        check_name(t, &names[i]);
    check_bounds(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target t = {0};
    const char *bytes = (const char *)data, *nul = size ? memchr(bytes, 0, size) : NULL;
    if (!nul || !read_rules(&t, bytes, nul))
        return 0;
    read_names(&t, nul + 1, bytes + size);
    if (open_target(&t))
        check_names(&t);
    close_target(&t);
    return 0;
}
