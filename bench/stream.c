/* bench_stream: names through `quern match` next to as many bytes through cat. A turn is
 *
 *   quern match RULES < NAMES | cat        and        cat < ANSWERS | cat
 *
 * where ANSWERS is what the first prints; the match's time has the recipe's compilation in it. Medians of turns of one run: by
 * the clock on the wall, and of all processes' processor time, which other work on the machine moves less. Then quern's memory
 * for a tenth of the names and for all.
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

enum { TURNS_MAX = 101 }; /* places of static arrays */

/* s of the clock on the wall: a pipeline is several processes. */
static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In the folder made for the run. */
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

/* s of the processor that the children waited for so far took. */
static double processor(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A pipeline's times, in s. */
struct samples {
    double wall[TURNS_MAX], processor[TURNS_MAX];
};

/* The shell's own time is in both pipelines. */
static void run(const char *command, struct samples *samples, size_t turn)
{
    double begin = wall(), spent = processor();
    if (system(command)) {
        fprintf(stderr, "bench_stream: failed: %s\n", command);
        exit(1);
    }
    samples->wall[turn] = wall() - begin;
    samples->processor[turn] = processor() - spent;
}

/* Answers the names of the file into `answers`. */
static struct rusage answer(const char *quern, const char *file)
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
    return usage;
}

/* ru_maxrss is in KiB. */
static double megabytes(const struct rusage *usage)
{
    return (double)usage->ru_maxrss / 1024;
}

/* `few` is the beginning of `names`. */
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

static void print_times(const char *what, double wall, double processor, size_t names, double bytes)
{
    printf("%-12s %8.1f ms %8.1f MB/s %8.1f ns/name %8.1f ms of processors\n", what, 1e3 * wall, 1e-6 * bytes / wall, 1e9 * wall / (double)names,
           1e3 * processor);
}

/* The turns alternate, so that both pipelines meet the same machine. */
static void measure(const char *quern, size_t name_count, size_t turns)
{
    static struct samples match, cat;
    struct rusage few = answer(quern, "few"), all = answer(quern, "names");
    struct stat answers;
    if (stat("answers", &answers))
        exit(1);
    for (size_t i = 0; i < turns; i++) {
        run("\"$QUERN\" match -q rules.qr < names | cat > /dev/null", &match, i);
        run("cat < answers | cat > /dev/null", &cat, i);
    }
    double m = median(match.wall, turns), c = median(cat.wall, turns);
    double match_spent = median(match.processor, turns), cat_spent = median(cat.processor, turns);
    print_times("quern match", m, match_spent, name_count, (double)answers.st_size);
    print_times("cat", c, cat_spent, name_count, (double)answers.st_size);
    printf("of cat's rate %.2f, by processor time %.2f\n", c / m, cat_spent / match_spent);
    printf("memory %.1f MB for %zu names, %.1f MB for %zu\n", megabytes(&few), name_count / 10, megabytes(&all), name_count);
}

/* Everything lies in a folder of its own, where the pipelines run; it is removed at the end. */
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
