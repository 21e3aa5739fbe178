/* bench_prove: the proofs next to the automaton's own construction, on the rules of bench_match: `bench_prove [ROUNDS]`.
 * One line a number of rules: loading the recipe (reading and automaton), the proofs of rules that never win, proving that it
 * equals itself spelled in YAML; medians of this thread's CPU time, and what they are of loading. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/match.h"
#include "bench/samples.h"
#include "runtime/quern_prove.h"
#include "runtime/quern.h"

enum { ROUNDS_MAX = 101 };
/* What is timed of a round. */
enum step { STEP_LOAD, STEP_PROVE, STEP_DIFF, STEP_COUNT };

/* Three targets in turn, so that neighbours do different things. */
static char *write_recipe(const struct rules *rules, size_t *size)
{
    static const char *const targets[] = {"w", "v", "skip"};
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    fputs("config w { weight int8 }\nconfig v { weight int4 }\nmatch first {\n", out);
    for (size_t i = 0; i < rules->count; i++)
        fprintf(out, "%s => %s\n", rules->items[i].atom, targets[i % 3]);
    fputs("}\n", out);
    fclose(out);
    return text;
}

/* No figure is better than a wrong one. */
static void expect(quern_context *context, enum quern_status status, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "bench_prove: %s: %s\n", what, quern_context_error(context));
    exit(status);
}

/* One round; the times of its steps go to the arrays. */
static void run_round(const char *text, size_t size, double times[STEP_COUNT][ROUNDS_MAX], int round, unsigned *dead)
{
    quern_context *context;
    quern_recipe *recipe, *translated;
    const char *yaml;
    struct quern_difference difference;
    expect(NULL, quern_context_create(NULL, &context), "a context");
    double begin = now();
    expect(context, quern_recipe_load_memory(context, "bench.qr", text, size, &recipe), "loading");
    times[STEP_LOAD][round] = now() - begin;
    quern_diagnostics_clear(context);
    begin = now();
    expect(context, quern_recipe_prove(recipe, false), "proving");
    times[STEP_PROVE][round] = now() - begin;
    *dead = quern_warning_count(context);
    expect(context, quern_format(context, "bench.qr", text, size, "yaml", &yaml), "translating");
    expect(context, quern_recipe_load_memory(context, "bench.yaml", yaml, strlen(yaml), &translated), "loading YAML");
    begin = now();
    expect(context, quern_recipe_diff(recipe, translated, false, &difference), "comparing");
    times[STEP_DIFF][round] = now() - begin;
    if (difference.found)
        fprintf(stderr, "bench_prove: the translation differs on %s\n", difference.name);
    quern_recipe_close(translated);
    quern_recipe_close(recipe);
    quern_context_destroy(context);
}

/* dead: rules that never win, of the last round; the same in each. */
static void measure(enum family family, const char *word, size_t count, int rounds)
{
    static double times[STEP_COUNT][ROUNDS_MAX];
    struct rules rules = rules_make(family, count);
    unsigned dead = 0;
    size_t size;
    char *text = write_recipe(&rules, &size);
    for (int i = 0; i < rounds; i++)
        run_round(text, size, times, i, &dead);
    double load = median(times[STEP_LOAD], (size_t)rounds), prove = median(times[STEP_PROVE], (size_t)rounds);
    double diff = median(times[STEP_DIFF], (size_t)rounds);
    printf("%-8s %6zu rules %5u dead  load %9.3f ms  prove %9.3f ms = %6.2fx  diff %9.3f ms = %6.2fx\n", word, count, dead, load * 1e-6,
           prove * 1e-6, prove / load, diff * 1e-6, diff / load);
    free(text);
    rules_free(&rules);
}

/* 10 000 rules are left to the matcher's benchmarks: proofs are for recipes that people write. */
int main(int argc, char **argv)
{
    static const size_t counts[] = {10, 100, 1000};
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        measure(FAMILY_MIXED, "mixed", counts[i], rounds);
        measure(FAMILY_TWO, "*a*b*", counts[i], rounds);
        measure(FAMILY_THREE, "*a*b*c*", counts[i], rounds);
        measure(FAMILY_WORST, "worst", counts[i], rounds);
    }
    return 0;
}
