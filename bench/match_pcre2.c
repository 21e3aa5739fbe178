/* PCRE2 with its JIT: the rules one after another until one matches. The engine without a set of patterns, as most programs use
 * it. Flags: `.` takes line ends, `$` the end alone, groups capture nothing: as the other engines read the rules. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include "bench/match.h"

/* codes[0..count) are compiled. */
struct list {
    size_t count;
    pcre2_match_data *data;
    pcre2_code *codes[];
};

static void close_list(void *opened)
{
    struct list *self = opened;
    for (size_t i = 0; i < self->count; i++)
        pcre2_code_free(self->codes[i]);
    pcre2_match_data_free(self->data);
    free(self);
}

/* NULL: a rule that the JIT refuses. */
static void *open_list(const struct rules *rules)
{
    struct list *self = calloc(1, sizeof *self + rules->count * sizeof *self->codes);
    self->data = pcre2_match_data_create(1, NULL);
    for (; self->count < rules->count; self->count++) {
        int error;
        size_t place;
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)rules->items[self->count].regex, PCRE2_ZERO_TERMINATED,
                                         PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE, &error, &place, NULL);
        if (!code || pcre2_jit_compile(code, PCRE2_JIT_COMPLETE)) {
            close_list(self);
            return NULL;
        }
        self->codes[self->count] = code;
    }
    return self;
}

/* Rules are tried in order, so the first that matches ends the name. */
static void match(void *opened, const struct quern_name *names, size_t count, int *answers)
{
    struct list *self = opened;
    for (size_t i = 0; i < count; i++) {
        size_t rule = 0;
        while (rule < self->count && pcre2_jit_match(self->codes[rule], (PCRE2_SPTR)names[i].bytes, names[i].size, 0, 0, self->data, NULL) < 0)
            rule++;
        answers[i] = rule < self->count ? (int)rule : -1;
    }
}

const struct engine pcre2_engine = {"PCRE2-JIT", true, open_list, match, close_list};
