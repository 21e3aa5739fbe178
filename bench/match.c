/* bench_match: Quern's matcher against the engines found at configure time. One thread, its CPU time; every figure is the
 * median of interleaved samples of one run, every answer is compared, and a difference ends the run with 1.
 *
 *   bench_match [--format json] [--names N] [--passes N] [--rules N] [--without ENGINE]... [TEST]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/match.h"
#include "bench/samples.h"

/* Names an engine is given at a time; names of a block for an engine that is slow; table places; ns a name that make it slow. */
enum { BLOCK = 100000, SLOW_BLOCK = 200, ENGINES_MAX = 8, SLOW_NS = 20000 };

static const struct engine *const engines[] = {
#define ENGINE(name) &name##_engine,
#include "bench/match_engines.def"
#undef ENGINE
};
enum { ENGINES = sizeof engines / sizeof *engines };

/* The command line, and what was found so far. */
struct bench {
    bool json;
    size_t name_count, passes, rule_count; /* 0: every number of rules */
    bool without[ENGINES];
    bool differ;
    unsigned rows; /* printed so far */
};

/* ---- output: one table of all figures; value 0: there is none ---- */

/* value in unit; ratio: the best peer's value divided by this one's, so that above 1 is faster than every peer. */
static void print_figure(struct bench *b, const char *test, size_t rules, const char *engine, const char *what, double value, const char *unit, double ratio)
{
    if (b->json)
        printf("%s\n  {\"test\": \"%s\", \"rules\": %zu, \"engine\": \"%s\", \"what\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"ratio\": %.4g}",
               b->rows ? "," : "[", test, rules, engine, what, value, unit, ratio);
    else {
        if (!b->rows)
            printf("%-16s %7s  %-12s %-22s %12s %-8s %s\n", "test", "rules", "engine", "what", "value", "unit", "best peer / this");
        printf("%-16s %7zu  %-12s %-22s %12.1f %-8s", test, rules, engine, what, value, unit);
        if (ratio > 0)
            printf(" %.2f", ratio);
        putchar('\n');
    }
    b->rows++;
    fflush(stdout);
}

/* ---- a race: all engines over the same names ---- */

struct runner {
    const struct engine *engine;
    void *opened;
    bool slow;           /* takes the first SLOW_BLOCK names of a block alone */
    double *samples;     /* ns a name, of the passes after the first */
    size_t sample_count;
    double cold;         /* ns a name, first pass */
    int *answers;
};
/* One test: all engines over the same names. */
struct race {
    struct bench *bench;
    const char *test;
    const struct rules *rules;
    const struct names *names;
    struct runner runners[ENGINES_MAX];
    size_t passes;
};

/* The first engine is the measure of the others. */
static void compare_answers(struct race *r, size_t begin, size_t runner, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int first = r->runners[0].answers[i], other = r->runners[runner].answers[i];
        if (first == other || r->bench->differ)
            continue;
        fprintf(stderr, "%s, %zu rules: \"%.*s\": %s says %d, %s says %d\n", r->test, r->rules->count, (int)r->names->items[begin + i].size,
                r->names->items[begin + i].bytes, r->runners[0].engine->name, first, r->runners[runner].engine->name, other);
        r->bench->differ = true;
    }
}

/* Engines take turns block by block, so that what else the machine does hits all of them. Only PCRE2, which tries rules one
 * after another, is ever cut short: it would run for hours. */
static void run_block(struct race *r, size_t begin, bool warm)
{
    size_t whole = r->names->count - begin < BLOCK ? r->names->count - begin : BLOCK;
    for (size_t e = 0; e < ENGINES; e++) {
        struct runner *runner = &r->runners[e];
        size_t count = runner->slow && whole > SLOW_BLOCK ? SLOW_BLOCK : whole;
        if (!runner->opened)
            continue;
        double start = now();
        runner->engine->match(runner->opened, r->names->items + begin, count, runner->answers);
        double spent = (now() - start) / (double)count;
        compare_answers(r, begin, e, count);
        if (warm)
            runner->samples[runner->sample_count++] = spent;
        else
            runner->cold += spent * (double)whole / (double)r->names->count;
        runner->slow |= !warm && !begin && runner->engine->peer && spent > SLOW_NS && r->rules->count >= 100 && !strcmp(runner->engine->name, "PCRE2-JIT");
    }
}

/* Without Quern's own engine there is nothing to compare with. */
static void open_race(struct race *r)
{
    size_t blocks = r->names->count / BLOCK + 1;
    for (size_t e = 0; e < ENGINES; e++)
        r->runners[e] = (struct runner){.engine = engines[e], .opened = r->bench->without[e] ? NULL : engines[e]->open(r->rules), .answers = malloc(BLOCK * sizeof(int)),
                                        .samples = malloc(r->passes * blocks * sizeof(double))};
    if (!r->runners[0].opened)
        exit(1);
}

static void close_race(struct race *r)
{
    for (size_t e = 0; e < ENGINES; e++) {
        if (r->runners[e].opened)
            r->runners[e].engine->close(r->runners[e].opened);
        free(r->runners[e].answers);
        free(r->runners[e].samples);
    }
}

/* Pass 0 is cold; the others make the median. */
static void run_race(struct race *r)
{
    double medians[ENGINES], best_warm = 0, best_cold = 0;
    open_race(r);
    for (size_t pass = 0; pass <= r->passes; pass++)
        for (size_t begin = 0; begin < r->names->count; begin += BLOCK)
            run_block(r, begin, pass > 0);
    for (size_t e = 0; e < ENGINES; e++) {
        struct runner *runner = &r->runners[e];
        medians[e] = median(runner->samples, runner->sample_count);
        if (!runner->engine->peer || !runner->opened)
            continue;
        best_warm = !best_warm || medians[e] < best_warm ? medians[e] : best_warm;
        best_cold = !best_cold || runner->cold < best_cold ? runner->cold : best_cold;
    }
    for (size_t e = 0; e < ENGINES; e++)
        if (r->runners[e].opened) {
            print_figure(r->bench, r->test, r->rules->count, engines[e]->name, "warm", medians[e], "ns/name", best_warm / medians[e]);
            print_figure(r->bench, r->test, r->rules->count, engines[e]->name, "first pass", r->runners[e].cold, "ns/name", best_cold / r->runners[e].cold);
        }
    close_race(r);
}

/* Rules and names are made anew: no engine finds what another left in a cache. */
static void race(struct bench *b, const char *test, enum family family, size_t rule_count, size_t name_count, bool shuffled)
{
    struct rules rules = rules_make(family, rule_count);
    struct names names = names_make(name_count);
    if (shuffled)
        names_shuffle(&names);
    struct race r = {.bench = b, .test = test, .rules = &rules, .names = &names, .passes = b->passes};
    run_race(&r);
    names_free(&names);
    rules_free(&rules);
}

/* In model order, where neighbours share their beginnings, and shuffled, where few do. */
static void measure_rates(struct bench *b)
{
    static const size_t counts[] = {10, 100, 1000, 10000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (b->rule_count && b->rule_count != counts[i])
            continue;
        race(b, "mixed", FAMILY_MIXED, counts[i], b->name_count, false);
        race(b, "mixed, shuffled", FAMILY_MIXED, counts[i], b->name_count, true);
    }
}

/* ---- what an engine costs before and beside its rate: each in a process of its own ---- */

struct cost {
    double open, pass;   /* ns: compiling, then the names once */
    double memory, peak, used; /* bytes, above what there was: resident after compiling, highest meanwhile, resident after matching */
    bool made;
};

/* Bytes in memory, by the system's own count of pages. */
static double resident(void)
{
    long pages = 0, all;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* In a process of its own, whose memory nothing else has touched: what it grows by is the engine's. */
static struct cost measure_here(const struct engine *engine, const struct rules *rules, const struct names *names)
{
    struct cost cost = {0};
    struct rusage usage;
    int *answers = calloc(names->count + 1, sizeof *answers);
    for (size_t i = 0; i < names->count; i++)
        answers[i] = 1; /* so that its pages are there */
    double before = resident(), start = now();
    void *opened = engine->open(rules);
    cost.open = now() - start;
    cost.memory = resident() - before;
    getrusage(RUSAGE_SELF, &usage);
    cost.peak = (double)usage.ru_maxrss * 1024 - before;
    start = now();
    if (opened && names->count)
        engine->match(opened, names->items, names->count, answers);
    cost.pass = now() - start;
    cost.used = resident() - before;
    cost.made = opened != NULL;
    return cost;
}

/* The figures come back through a pipe; a process that died made nothing. */
static struct cost measure_apart(const struct engine *engine, const struct rules *rules, const struct names *names)
{
    struct cost cost = {0};
    int ends[2];
    fflush(stdout);
    if (pipe(ends))
        return cost;
    pid_t child = fork();
    if (!child) {
        cost = measure_here(engine, rules, names);
        _exit(write(ends[1], &cost, sizeof cost) != (ssize_t)sizeof cost);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &cost, sizeof cost) != (ssize_t)sizeof cost)
        cost = (struct cost){0};
    close(ends[0]);
    waitpid(child, NULL, 0);
    return cost;
}

/* Three samples each, taken in turns; the memory is that of the last. */
static void measure_costs(struct bench *b, const char *test, enum family family, size_t rule_count, size_t name_count)
{
    enum { SAMPLES = 3 };
    struct rules rules = rules_make(family, rule_count);
    struct names names = names_make(name_count);
    double open[ENGINES][SAMPLES], total[ENGINES][SAMPLES], best_open = 0, best_total = 0;
    struct cost last[ENGINES];
    for (size_t sample = 0; sample < SAMPLES; sample++)
        for (size_t e = 0; e < ENGINES; e++) {
            last[e] = b->without[e] ? (struct cost){0} : measure_apart(engines[e], &rules, &names);
            open[e][sample] = last[e].open;
            total[e][sample] = last[e].open + last[e].pass;
        }
    for (size_t e = 0; e < ENGINES; e++) {
        double o = median(open[e], SAMPLES), t = median(total[e], SAMPLES);
        if (!engines[e]->peer || !last[e].made)
            continue;
        best_open = !best_open || o < best_open ? o : best_open;
        best_total = !best_total || t < best_total ? t : best_total;
    }
    for (size_t e = 0; e < ENGINES; e++) {
        if (!last[e].made)
            continue;
        print_figure(b, test, rule_count, engines[e]->name, "compile", open[e][SAMPLES / 2] / 1e6, "ms", best_open / open[e][SAMPLES / 2]);
        if (name_count)
            print_figure(b, test, rule_count, engines[e]->name, "compile and match", total[e][SAMPLES / 2] / 1e6, "ms", best_total / total[e][SAMPLES / 2]);
        print_figure(b, test, rule_count, engines[e]->name, "memory", last[e].memory / 1e6, "MB", 0);
        print_figure(b, test, rule_count, engines[e]->name, "peak memory", last[e].peak / 1e6, "MB", 0);
        if (name_count)
            print_figure(b, test, rule_count, engines[e]->name, "memory after matching", last[e].used / 1e6, "MB", 0);
    }
    names_free(&names);
    rules_free(&rules);
}

/* ---- tests by name ---- */

/* Mixed rules cost names as well; the families of globs compile alone, and then race over few names. */
static void measure_compile(struct bench *b)
{
    enum { RULES = 10000, FEW = 20000 };
    measure_costs(b, "mixed", FAMILY_MIXED, RULES, FEW);
    measure_costs(b, "*a*b*", FAMILY_TWO, RULES, 0);
    measure_costs(b, "*a*b*c*", FAMILY_THREE, RULES, 0);
    race(b, "*a*b*", FAMILY_TWO, RULES, FEW, false);
    race(b, "*a*b*c*", FAMILY_THREE, RULES, FEW, false);
}

/* One pass over a large model, compilation included: what a tool that runs once pays. */
static void measure_model(struct bench *b)
{
    measure_costs(b, "150 k names", FAMILY_MIXED, 1000, 150000);
}

/* Rules whose chunks occur in names and whose whole does not: where engines with exponential states stop. */
static void measure_worst(struct bench *b)
{
    enum { RULES = 1000, FEW = 20000 };
    measure_costs(b, "worst", FAMILY_WORST, RULES, 0);
    race(b, "worst", FAMILY_WORST, RULES, FEW, false);
}

static const struct {
    const char *name;
    void (*measure)(struct bench *b);
} tests[] = {{"rates", measure_rates}, {"compile", measure_compile}, {"model", measure_model}, {"worst", measure_worst}};
enum { TESTS = sizeof tests / sizeof *tests };

/* Quern's own engine is the measure of the others, and cannot be left out. */
static bool leave_out(struct bench *b, const char *name)
{
    size_t e = 1;
    while (e < ENGINES && strcmp(engines[e]->name, name))
        e++;
    if (e < ENGINES)
        b->without[e] = true;
    return e < ENGINES;
}

/* TESTS: no such test. */
static size_t find_test(const char *name)
{
    size_t test = 0;
    while (test < TESTS && strcmp(tests[test].name, name))
        test++;
    return test;
}

/* Tests that are named run, else all; --without may stand several times. The last line of JSON closes the array. */
int main(int argc, char **argv)
{
    struct bench b = {.name_count = 1000000, .passes = 3};
    bool chosen[TESTS + 1] = {0}, any = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--format") && i + 1 < argc)
            b.json = !strcmp(argv[++i], "json");
        else if (!strcmp(argv[i], "--names") && i + 1 < argc)
            b.name_count = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--passes") && i + 1 < argc)
            b.passes = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--rules") && i + 1 < argc)
            b.rule_count = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--without") && i + 1 < argc)
            chosen[TESTS] |= !leave_out(&b, argv[++i]);
        else
            any = chosen[find_test(argv[i])] = true;
    }
    if (chosen[TESTS] || !b.name_count || !b.passes) {
        fprintf(stderr, "usage: %s [--format json] [--names N] [--passes N] [--rules N] [--without ENGINE]... [rates] [compile] [model] [worst]\n", argv[0]);
        return 2;
    }
    for (size_t t = 0; t < TESTS; t++)
        if (chosen[t] || !any)
            tests[t].measure(&b);
    if (b.json)
        puts("\n]");
    return b.differ;
}
