/* Long runs: their options, the progress bar with rate and time left, and signals. A signal is a request: the run ends at the
 * next task, removes what it wrote, and the command's status is 128 and the signal's number. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tool/tool.h"

static volatile sig_atomic_t caught_signal; /* 0: none; written by the handler alone */

static void note_signal(int number)
{
    caught_signal = number;
}

/* SIGINT and SIGTERM make the progress callback say stop; a second one kills, as without a handler (SA_RESETHAND). A closed
 * pipe is an error of writing, not the end of a run. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int tool_signal_exit_code(void)
{
    return 128 + (caught_signal ? caught_signal : SIGINT);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { BAR_WIDTH = 30 }; /* cells */

/* Times in s of a clock that never goes back. */
struct bar {
    bool shown;
    double start, drawn;
};

/* Over the line before; the last one is wiped away. Time left: as fast as it went so far. */
static void draw(struct bar *bar, const struct quern_progress *progress)
{
    char done[16], total[16], rate[16];
    double share = progress->bytes_total ? (double)progress->bytes_done / (double)progress->bytes_total : 1;
    /* share 0: nothing to go by. */
    double elapsed = now() - bar->start, left = share > 0 ? elapsed / share - elapsed : 0;
    char cells[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        cells[i] = i < share * BAR_WIDTH ? '#' : '.';
    cells[BAR_WIDTH] = 0;
    fprintf(stderr, "\r[%s] %3.0f%% %s of %s, %s/s, %.0f s left \033[K", cells, 100 * share, tool_bytes(done, (double)progress->bytes_done),
            tool_bytes(total, (double)progress->bytes_total),
            tool_bytes(rate, elapsed > 0 ? (double)progress->bytes_done / elapsed : 0), left);
    if (progress->bytes_done == progress->bytes_total)
        fputs("\r\033[K", stderr);
    bar->drawn = now();
}

/* Ten times a second at most, whatever the tasks. */
static bool show_progress(void *user, const struct quern_progress *progress)
{
    struct bar *bar = user;
    bool last = progress->bytes_done == progress->bytes_total;
    if (bar->shown && (last || now() - bar->drawn > 0.1))
        draw(bar, progress);
    return !caught_signal;
}

/* More threads than 4096 are a slip of the keyboard; the library uses 256 at most. */
bool tool_run_options(struct tool *tool, struct quern_run_options *options)
{
    static struct bar bar;
    int64_t threads = 0, limit = 0;
    if ((tool_has(tool, OPTION_threads) && (!tool_parse_count(tool->values[OPTION_threads], &threads) || threads > 4096)) ||
        (tool_has(tool, OPTION_memory_limit) && !tool_parse_count(tool->values[OPTION_memory_limit], &limit)))
        return false;
    bar = (struct bar){.shown = isatty(STDERR_FILENO) && !tool_has(tool, OPTION_quiet) && !tool->json, .start = now()};
    *options = (struct quern_run_options){.threads = (unsigned)threads, .memory_limit = (size_t)limit,
                                          .overwrite = tool_has(tool, OPTION_force), .progress = show_progress, .user = &bar};
    catch_signals();
    return true;
}
