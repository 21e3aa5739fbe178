/* bench_stream: names through `quern match` next to as many bytes through cat. A turn is
 *
 *   cat NAMES | quern match RULES | cat        and        cat ANSWERS | cat
 *
 * where ANSWERS is what the first prints; the match's time has the recipe's compilation in it. Wall-clock medians of turns of
 * one run; then the most memory that quern took for a tenth of the names and for all.
 *
 *   bench_stream QUERN [--names N] [--rules N] [--turns N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/match.h"
#include "bench/samples.h"

enum { TURNS_MAX = 101 };

/* s of the clock on the wall: a pipeline is several processes. */
static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static FILE *create(const char *name)
{
    FILE *file = fopen(name, "w");
    if (!file) {
        perror(name);
        exit(1);
    }
    return file;
}

static void write_names(const char *name, const struct names *names, size_t count)
{
    FILE *file = create(name);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%.*s\n", (int)names->items[i].size, names->items[i].bytes);
    fclose(file);
}

static void write_rules(const char *name, const struct rules *rules)
{
    FILE *file = create(name);
    rules_print(rules, file);
    fclose(file);
}

/* s that the command took. */
static double run(const char *command)
{
    double begin = wall();
    if (system(command)) {
        fprintf(stderr, "bench_stream: failed: %s\n", command);
        exit(1);
    }
    return wall() - begin;
}

/* Answers the names of the file into `answers`; MB that it took at most. */
static double answer(const char *quern, const char *file)
{
    struct rusage usage;
    int status = 1;
    pid_t child = fork();
    if (!child) {
        if (freopen(file, "r", stdin) && freopen("answers", "w", stdout))
            execl(quern, "quern", "match", "-q", "rules.qr", (char *)NULL);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status) {
        fprintf(stderr, "bench_stream: %s failed on %s\n", quern, file);
        exit(1);
    }
    return (double)usage.ru_maxrss / 1024;
}

static void make_files(size_t rule_count, size_t name_count)
{
    struct rules rules = rules_make(FAMILY_MIXED, rule_count);
    struct names names = names_make(name_count);
    write_rules("rules.qr", &rules);
    write_names("few", &names, name_count / 10);
    write_names("names", &names, name_count);
    names_free(&names);
    rules_free(&rules);
}

static void measure(const char *quern, size_t name_count, size_t turns)
{
    double match[TURNS_MAX], cat[TURNS_MAX], few = answer(quern, "few"), all = answer(quern, "names");
    struct stat answers;
    for (size_t i = 0; i < turns; i++) {
        match[i] = run("cat names | \"$QUERN\" match -q rules.qr | cat > /dev/null");
        cat[i] = run("cat answers | cat > /dev/null");
    }
    if (stat("answers", &answers))
        exit(1);
    double m = median(match, turns), c = median(cat, turns);
    printf("quern match  %8.1f ms  %7.1f ns/name  %8.1f MB/s\n", 1e3 * m, 1e9 * m / (double)name_count, 1e-6 * (double)answers.st_size / m);
    printf("cat          %8.1f ms  %7.1f ns/name  %8.1f MB/s\n", 1e3 * c, 1e9 * c / (double)name_count, 1e-6 * (double)answers.st_size / c);
    printf("of cat's rate  %.2f\n", c / m);
    printf("memory  %.1f MB for %zu names, %.1f MB for %zu\n", few, name_count / 10, all, name_count);
}

int main(int argc, char **argv)
{
    size_t turns = option_count(argc, argv, "--turns", 11), names = option_count(argc, argv, "--names", 1000000);
    char folder[] = "/tmp/quern-bench-XXXXXX", *quern = argc > 1 ? realpath(argv[1], NULL) : NULL;
    if (!quern || !turns || turns > TURNS_MAX || !names) {
        fprintf(stderr, "usage: %s QUERN [--names N] [--rules N] [--turns N], at most %d turns\n", argv[0], TURNS_MAX);
        return 2;
    }
    setenv("QUERN", quern, 1);
    if (!mkdtemp(folder) || chdir(folder))
        return perror(folder), 1;
    make_files(option_count(argc, argv, "--rules", 100), names);
    measure(quern, names, turns);
    static const char *const files[] = {"rules.qr", "few", "names", "answers"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    rmdir(folder);
    free(quern);
    return 0;
}
