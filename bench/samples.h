/* Samples of a benchmark: this thread's CPU time, which other work on the machine does not move, medians, and how many to take. */
#ifndef QUERN_BENCH_SAMPLES_H
#define QUERN_BENCH_SAMPLES_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ns of the calling thread. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* For qsort. */
static inline int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the samples; 0 when there are none. */
static inline double median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, compare_doubles);
    return count ? samples[count / 2] : 0;
}

/* The number behind an option of that name on the command line, else value. */
static inline size_t option_count(int argc, char **argv, const char *name, size_t value)
{
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], name))
            value = strtoull(argv[i + 1], NULL, 10);
    return value;
}

#endif
