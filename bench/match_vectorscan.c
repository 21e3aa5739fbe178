/* Vectorscan, block mode, one report a rule (HS_FLAG_SINGLEMATCH). It reports every rule that matches; the least number is the
 * first. */
#include <hs/hs.h>
#include <limits.h>
#include <stdlib.h>
#include "bench/match.h"

/* One scratch: the benchmark is one thread. */
struct database {
    hs_database_t *compiled;
    hs_scratch_t *scratch;
};

/* NULL: too large for it, or a rule it cannot compile. */
static void *open_database(const struct rules *rules)
{
    struct database *self = calloc(1, sizeof *self);
    const char **regexes = malloc(rules->count * sizeof *regexes);
    unsigned *flags = malloc(rules->count * sizeof *flags), *numbers = malloc(rules->count * sizeof *numbers);
    hs_compile_error_t *error = NULL;
    for (size_t i = 0; i < rules->count; i++) {
        regexes[i] = rules->items[i].regex;
        flags[i] = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH;
        numbers[i] = (unsigned)i;
    }
    bool made = hs_compile_multi(regexes, flags, numbers, (unsigned)rules->count, HS_MODE_BLOCK, NULL, &self->compiled, &error) ==
                HS_SUCCESS && hs_alloc_scratch(self->compiled, &self->scratch) == HS_SUCCESS;
    hs_free_compile_error(error);
    free(regexes);
    free(flags);
    free(numbers);
    if (!made)
        free(self);
    return made ? self : NULL;
}

/* 0: go on; a smaller rule may end later in the name. */
static int keep_first(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *first)
{
    unsigned *least = first;
    (void)from, (void)to, (void)flags;
    *least = number < *least ? number : *least;
    return 0;
}

/* Every rule that matches is reported once, in no order: all of the name is scanned. */
static void match(void *opened, const struct quern_name *names, size_t count, int *answers)
{
    struct database *self = opened;
    for (size_t i = 0; i < count; i++) {
        unsigned first = UINT_MAX;
        hs_scan(self->compiled, names[i].bytes, (unsigned)names[i].size, 0, self->scratch, keep_first, &first);
        answers[i] = first == UINT_MAX ? -1 : (int)first;
    }
}

static void close_database(void *opened)
{
    struct database *self = opened;
    hs_free_scratch(self->scratch);
    hs_free_database(self->compiled);
    free(self);
}

const struct engine vectorscan_engine = {"Vectorscan", true, open_database, match, close_database};
