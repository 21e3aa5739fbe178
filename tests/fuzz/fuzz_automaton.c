/* Fuzz target: any bytes as the text of an automaton. What is read prints as text that reads back to the same bytes, and
 * answers for names and parameters without harm. */
#include "tests/fuzz/fuzz_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names and shapes that a text of any kind may lead into its corners. */
static void ask(const struct matcher *m, size_t rules)
{
    static const char *const names[] = {"", "a", "model.layers.3.mlp.up_proj.weight", "\xff\xfe.\xe2\x82\xac", "b\n"};
    void *scratch = open_scratch(m);
    unsigned char *verdicts = malloc(rules + 1);
    int64_t shape[] = {3, 128};
    for (size_t i = 0; verdicts && i < sizeof names / sizeof *names; i++) {
        struct subject s;
        subject_of_parameter(&s, names[i], strlen(names[i]), (int)i - 1, (int)(i % 3), shape, false);
        matcher_match(m, scratch, &s);
        matcher_verdicts(m, scratch, &s, verdicts);
        subject_of_module(&s, names[i], strlen(names[i]), false);
        matcher_match(m, scratch, &s);
    }
    free(verdicts);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    const char *text = arena_copy(&arena, (const char *)data, size);
    struct matcher *m = matcher_read(&arena, source_new(&arena, "fuzz", text, size), &diags);
    if (m) {
        read_again(&arena, m, &diags);
        ask(m, size); /* a rule takes more than a byte of text */
    } else if (!diags.errors) {
        abort();
    }
    arena_close(&arena);
    return 0;
}
