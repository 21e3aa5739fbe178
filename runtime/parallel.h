/* Parallel: a list of tasks on several threads within a memory limit. Tasks are handed out in order; each gets a buffer of the
 * size it asked for. A failure is a value, and of several the one of the earliest task counts, so that a run fails with the
 * same words however its threads interleave. */
#ifndef QUERN_RUNTIME_PARALLEL_H
#define QUERN_RUNTIME_PARALLEL_H

#include "runtime/context.h"

struct failure {
    bool set;
    enum diag_code code;
    const char *subject; /* borrowed */
    char text[192];
};
/* Sets the failure; the text is cut to fit. subject must outlive the run. */
void fail_task(struct failure *failure, enum diag_code code, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One piece of work. It writes its buffer, its own results and file ranges that no other task writes: nothing else is shared. */
struct task {
    void (*work)(struct task *task, void *buffer, struct failure *failure);
    size_t memory;   /* bytes of buffer */
    int64_t bytes;   /* for the progress */
    void *job;       /* what it belongs to */
    int64_t piece;
    const char *name; /* of the tensor */
};
struct parallel {
    unsigned threads;      /* 0: one per CPU */
    size_t memory_limit;   /* bytes of buffers at once */
    /* After tasks have been finished, from the calling thread: false stops the run. */
    bool (*finished)(void *user, const struct task *task);
    void *user;
};
/* Runs all tasks, or those before the first that fails and some behind it; QUERN_OK, QUERN_CANCELLED, or the status of what was
 * reported. QUERN_LIMIT before anything runs when one task's buffer passes the limit. With one thread nothing is started. */
enum quern_status parallel_run(struct session *session, const struct parallel *parallel, struct task *tasks, size_t count);

#endif
