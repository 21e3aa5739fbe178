/* Parallel: workers and their buffers. In: tasks; out: their effects, one failure or none. Two invariants: every task before
 * the earliest failure is run, since tasks are taken in order and none behind a failure is; buffers never pass the limit, since
 * a worker that cannot have a larger one gives its own back before it waits. See parallel.h. */
#define _GNU_SOURCE 1
#include "runtime/parallel.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include "runtime/report.h"

enum { THREADS_MAX = 256 }; /* handles on the caller's stack */

/* One run's shared state; everything below lock is guarded by it. */
struct crew {
    const struct parallel *parallel;
    struct task *tasks;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* a task was finished, memory was given back, or the run stops */
    size_t next;             /* the first task nobody took */
    size_t held;             /* bytes of all buffers */
    unsigned running;        /* workers that have not ended */
    bool stop;
    size_t *done;            /* finished tasks in the order they were */
    size_t done_count, told; /* told: to parallel->finished */
    struct failure failure;
    size_t failed;           /* whose failure it is; count: nobody's */
};

/* A worker's memory, kept from task to task as long as it is large enough. */
struct buffer {
    void *bytes;
    size_t size;
};

/* Workers have no arena: the text is cut to a fixed length. */
void fail_task(struct failure *failure, enum diag_code code, const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *failure = (struct failure){.set = true, .code = code, .subject = subject};
    vsnprintf(failure->text, sizeof failure->text, format, args);
    va_end(args);
}

/* A buffer as large as the task wants, when the limit allows it; a worker that must wait holds none. With the lock. */
static bool fit_buffer(struct crew *crew, struct buffer *buffer, size_t wanted)
{
    if (buffer->size >= wanted)
        return true;
    crew->held -= buffer->size;
    free(buffer->bytes);
    *buffer = (struct buffer){NULL, 0};
    /* With nothing held the task fits: check_memory saw to it. So some worker can always go on, and nobody waits for ever. */
    if (crew->held && wanted > crew->parallel->memory_limit - crew->held)
        return false;
    buffer->bytes = malloc(wanted);
    buffer->size = buffer->bytes ? wanted : 0;
    crew->held += buffer->size;
    return true;
}

/* The next task for this worker, waiting for memory; count when there is none left. With the lock. */
static size_t take_task(struct crew *crew, struct buffer *buffer)
{
    while (!crew->stop && crew->next < crew->count && crew->next < crew->failed) {
        if (fit_buffer(crew, buffer, crew->tasks[crew->next].memory))
            return crew->next++;
        pthread_cond_broadcast(&crew->changed);
        pthread_cond_wait(&crew->changed, &crew->lock);
    }
    return crew->count;
}

/* Runs one task without the lock, and records how it ended. */
static void do_task(struct crew *crew, size_t index, const struct buffer *buffer)
{
    struct task *task = &crew->tasks[index];
    struct failure failure = {0};
    pthread_mutex_unlock(&crew->lock);
    if (!buffer->bytes && task->memory)
        fail_task(&failure, DIAG_out_of_memory, task->name, "no memory left for %zu bytes", task->memory);
    else
        task->work(task, buffer->bytes, &failure);
    pthread_mutex_lock(&crew->lock);
    /* Tasks behind the earliest failure are not begun any more; those that run finish, and may fail earlier. */
    if (failure.set && index < crew->failed) {
        crew->failed = index;
        crew->failure = failure;
    }
    if (!failure.set)
        crew->done[crew->done_count++] = index;
    pthread_cond_broadcast(&crew->changed);
}

/* Tells the caller about finished tasks; the lock is not held meanwhile. */
static void tell(struct crew *crew)
{
    while (crew->told < crew->done_count && !crew->stop) {
        const struct task *task = &crew->tasks[crew->done[crew->told++]];
        pthread_mutex_unlock(&crew->lock);
        bool go_on = crew->parallel->finished(crew->parallel->user, task);
        pthread_mutex_lock(&crew->lock);
        crew->stop |= !go_on;
        if (crew->stop)
            pthread_cond_broadcast(&crew->changed);
    }
}

/* Lives until no task is left for it, then gives its buffer back. */
static void *run_worker(void *data)
{
    struct crew *crew = data;
    struct buffer buffer = {NULL, 0};
    pthread_mutex_lock(&crew->lock);
    for (size_t index; (index = take_task(crew, &buffer)) < crew->count;)
        do_task(crew, index, &buffer);
    crew->held -= buffer.size;
    free(buffer.bytes);
    crew->running--;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* The same loop on the caller's thread; a single-threaded run starts nothing. */
static void run_alone(struct crew *crew)
{
    struct buffer buffer = {NULL, 0};
    pthread_mutex_lock(&crew->lock);
    for (size_t index; (index = take_task(crew, &buffer)) < crew->count;) {
        do_task(crew, index, &buffer);
        tell(crew);
    }
    free(buffer.bytes);
    pthread_mutex_unlock(&crew->lock);
}

/* The caller's thread does no task: it waits, and tells what was finished. Threads that cannot be started are done
 * without; with none at all the caller does everything. */
static void run_together(struct crew *crew, unsigned threads)
{
    pthread_t workers[THREADS_MAX];
    unsigned started = 0;
    pthread_mutex_lock(&crew->lock);
    while (started < threads && !pthread_create(&workers[started], NULL, run_worker, crew))
        crew->running = ++started;
    /* Every finished task is told, those of the last worker too; a stopped run tells no more. */
    while (started && (crew->running || crew->told < crew->done_count)) {
        if (crew->told == crew->done_count || crew->stop) {
            if (!crew->running)
                break;
            pthread_cond_wait(&crew->changed, &crew->lock);
        }
        tell(crew);
    }
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    if (!started)
        run_alone(crew);
}

/* The CPUs this process may use, which in a container are fewer than the machine's. */
static unsigned count_cpus(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

/* A task that can never run: the same answer for any number of threads. */
static bool check_memory(struct session *session, const struct parallel *parallel, const struct task *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i].memory > parallel->memory_limit)
            return REPORT_ABOUT(session->diags, tensor_too_large, tasks[i].name,
                                "this tensor needs %zu bytes of buffers at once, the limit is %zu", tasks[i].memory,
                                parallel->memory_limit);
    return true;
}

/* Messages are made after the last worker has ended: diagnostics belong to one thread. */
enum quern_status parallel_run(struct session *session, const struct parallel *parallel, struct task *tasks, size_t count)
{
    if (!check_memory(session, parallel, tasks, count))
        return QUERN_LIMIT;
    struct crew crew = {.parallel = parallel, .tasks = tasks, .count = count, .failed = count};
    crew.done = ARENA_ARRAY(session->arena, count + 1, size_t);
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.changed, NULL);
    unsigned threads = parallel->threads ? parallel->threads : count_cpus();
    threads = threads > THREADS_MAX ? THREADS_MAX : threads;
    threads = threads > count ? (unsigned)count : threads;
    if (threads <= 1)
        run_alone(&crew);
    else
        run_together(&crew, threads);
    pthread_cond_destroy(&crew.changed);
    pthread_mutex_destroy(&crew.lock);
    if (crew.stop)
        return QUERN_CANCELLED;
    if (crew.failed == count)
        return QUERN_OK;
    diag_report_about(session->diags, crew.failure.code, crew.failure.subject, "%s", crew.failure.text);
    return diags_status(session->diags);
}
