/* quern bench: each kernel's rate on this machine next to memcpy, a read-only pass and a mover (the same bytes read and
 * written, no arithmetic), all in one run, interleaved; figures are medians, one thread, GB/s of the float side. Two sizes:
 * beyond every cache, and within the second-level one. Only ratios of one run mean anything: machines differ, and so do their
 * hours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "tool/movers.h"
#include "tool/tool.h"

enum { COLUMNS = 4096, HUGE_PAGE = 2 << 20, SAMPLES_MAX = 999 }; /* of a tensor's rows; bytes; of a figure */
/* What is timed, in the order of each round. */
enum yardstick { YARD_MEMCPY, YARD_READ, YARD_MOVE, YARD_KERNEL, YARD_COUNT };

/* Buffers are allocated once, for the largest size. */
struct bench {
    struct tool *tool;
    int samples;
    int64_t bytes;       /* of the float side */
    const char *size_name;
    unsigned char *x, *y; /* float side, and a buffer as large */
    unsigned char *codes, *scale;
    int32_t *zero;
    json_t *results;
};

struct measured {
    double rate[YARD_COUNT]; /* GB/s, medians */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* one thread: what others run meanwhile does not count */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Zeroed pages, huge where the system gives them, from a huge page's start: page faults and TLB misses would be measured else. */
static void *map(int64_t size)
{
    size_t room = ((size_t)size + HUGE_PAGE) & ~(size_t)(HUGE_PAGE - 1);
    unsigned char *memory = mmap(NULL, room + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    memory += -(uintptr_t)memory & (HUGE_PAGE - 1);
    madvise(memory, room, MADV_HUGEPAGE);
    memset(memory, 0, room);
    return memory;
}

/* Sums of four uniforms: bell-shaped, within ±2, from one linear congruential generator. As f32, or cut to bf16. */
static void fill(void *x, int64_t count, const char *dtype)
{
    uint32_t state = 1;
    bool single = !strcmp(dtype, "f32"), half = !strcmp(dtype, "f16");
    for (int64_t i = 0; i < count; i++) {
        float sum = -2;
        for (int j = 0; j < 4; j++)
            sum += (float)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f;
        uint32_t bits;
        memcpy(&bits, &sum, 4);
        if (single)
            ((float *)x)[i] = sum;
        else if (half)
            ((_Float16 *)x)[i] = (_Float16)sum;
        else
            ((uint16_t *)x)[i] = (uint16_t)(bits >> 16);
    }
}

/* For qsort. */
static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A kernel with its buffers, and what the mover needs to move as much. */
struct job {
    struct bench *bench;
    const quern_kernel *kernel;
    struct quern_buffers buffers;
    size_t per_chunk; /* bytes of codes and scales for each MOVER_CHUNK of floats, in whole vectors */
    bool spreads;     /* dequantize: reads codes, writes floats */
};

/* Keeps the read-only pass from being left out. */
static volatile unsigned char sink;

/* quantize and quantize_dynamic read floats and write codes, as mover_move does; dequantize the other way round. */
static void run_once(const struct job *job, enum yardstick yardstick)
{
    struct bench *b = job->bench;
    switch (yardstick) {
    case YARD_MEMCPY:
        memcpy(b->y, b->x, (size_t)b->bytes);
        break;
    case YARD_READ:
        sink = mover_read(b->x, (size_t)b->bytes);
        break;
    case YARD_MOVE:
        if (job->spreads)
            mover_spread(b->y, b->codes, (size_t)b->bytes, job->per_chunk);
        else
            mover_move(b->codes, b->x, (size_t)b->bytes, job->per_chunk);
        break;
    case YARD_KERNEL:
        quern_kernel_run(job->kernel, &job->buffers, 0, -1);
        break;
    case YARD_COUNT:
        break;
    }
}

/* One sample lasts at least a few milliseconds, whatever the size. */
static double sample(const struct job *job, enum yardstick yardstick)
{
    int64_t rounds = job->bench->bytes < (64 << 20) ? (64 << 20) / job->bench->bytes : 1;
    double start = now();
    for (int64_t i = 0; i < rounds; i++)
        run_once(job, yardstick);
    return (double)rounds * (double)job->bench->bytes / (now() - start) * 1e-9;
}

/* Once unmeasured, to warm caches and branch predictors; then rounds of all four, so that a slow moment hits each alike. */
static void measure(const struct job *job, struct measured *result)
{
    static double rates[YARD_COUNT][SAMPLES_MAX];
    int samples = job->bench->samples;
    for (int y = 0; y < YARD_COUNT; y++)
        run_once(job, (enum yardstick)y);
    for (int i = 0; i < samples; i++)
        for (int y = 0; y < YARD_COUNT; y++)
            rates[y][i] = sample(job, (enum yardstick)y);
    for (int y = 0; y < YARD_COUNT; y++) {
        qsort(rates[y], (size_t)samples, sizeof(double), by_value);
        result->rate[y] = rates[y][samples / 2];
    }
}

static json_t *json_result(const struct bench *b, const char *name, const struct measured *m)
{
    const double *r = m->rate;
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "kernel", name, "size", b->size_name, "bytes",
                     (json_int_t)b->bytes, "gb_per_s", r[YARD_KERNEL], "memcpy_gb_per_s", r[YARD_MEMCPY], "read_gb_per_s",
                     r[YARD_READ], "mover_gb_per_s", r[YARD_MOVE], "ratio_memcpy", r[YARD_KERNEL] / r[YARD_MEMCPY],
                     "ratio_read", r[YARD_KERNEL] / r[YARD_READ], "ratio_mover", r[YARD_KERNEL] / r[YARD_MOVE]);
}

/* Rates and ratios: above 1 the kernel is faster than the yardstick. */
static void report(struct bench *b, const char *name, const struct measured *m)
{
    const double *r = m->rate;
    if (b->tool->json)
        json_array_append_new(b->results, json_result(b, name, m));
    else
        printf("%-58s %-4s %7.1f %8.2f %8.2f %8.2f\n", name, b->size_name, r[YARD_KERNEL], r[YARD_KERNEL] / r[YARD_MEMCPY],
               r[YARD_KERNEL] / r[YARD_READ], r[YARD_KERNEL] / r[YARD_MOVE]);
    fflush(stdout);
}

/* Runs op once over the job's buffers, to give a measured op its scales, codes or amax. */
static enum quern_status prepare(struct bench *b, const char *spec, const char *op, const char *dtype, const int64_t *shape,
                                 const struct quern_buffers *buffers)
{
    quern_kernel *kernel;
    enum quern_status status = quern_kernel_get(b->tool->context, spec, op, dtype, shape, 2, &kernel);
    if (status)
        return status;
    status = quern_kernel_run(kernel, buffers, 0, -1);
    quern_kernel_release(kernel);
    return status;
}

/* The mover's share is a power of two near the kernel's: bytes of codes and scales a chunk, at most 20 % more. */
static size_t chunk_share(const struct bench *b, const struct quern_kernel_info *info)
{
    /* In the mover's own unit. */
    double bytes = (double)(info->code_bytes + info->scale_bytes) * MOVER_CHUNK / (double)b->bytes;
    size_t share = 64;
    while (share * 2 <= bytes * 1.2 && share < MOVER_CHUNK)
        share *= 2;
    return share;
}

/* quantize and dequantize need scales or codes that are some tensor's: quantize_dynamic makes them. dequantize writes the other
 * buffer. */
static enum quern_status bench_kernel(struct bench *b, const char *spec, const char *op, const char *dtype)
{
    int64_t width = strcmp(dtype, "f32") ? 2 : 4, shape[2] = {b->bytes / width / COLUMNS, COLUMNS};
    static float second = 1, amax;
    static struct quern_sums sums;
    quern_kernel *kernel;
    enum quern_status status = quern_kernel_get(b->tool->context, spec, op, dtype, shape, 2, &kernel);
    if (status)
        return status;
    struct quern_kernel_info info = quern_kernel_describe(kernel);
    struct job job = {.bench = b, .kernel = kernel, .per_chunk = chunk_share(b, &info), .spreads = !strcmp(op, "dequantize")};
    job.buffers = (struct quern_buffers){.x = b->x, .codes = b->codes, .scale = b->scale, .zero = b->zero, .second = &second,
                                         .amax = &amax, .sums = &sums};
    fill(b->x, b->bytes / width, dtype);
    /* fill's numbers lie within ±2. */
    second = 2688 / 2.0f; /* nvfp4's g for amax = 2 */
    status = prepare(b, spec, "quantize_dynamic", dtype, shape, &job.buffers);
    if (job.spreads)
        job.buffers.x = b->y;
    struct measured result;
    if (!status) {
        char name[256];
        measure(&job, &result);
        snprintf(name, sizeof name, "%s %s %s", op, dtype, spec);
        report(b, name, &result);
    }
    quern_kernel_release(kernel);
    return status;
}

/* --op and --dtype choose among the cases; with specs as arguments they say what each is measured with. */
static enum quern_status bench_cases(struct bench *b)
{
    static const struct { const char *op, *dtype, *spec; } cases[] = {
#define BENCH_CASE(op, dtype, spec) {op, dtype, spec},
#include "tool/bench_cases.def"
#undef BENCH_CASE
    };
    const char *op = b->tool->values[OPTION_op], *dtype = b->tool->values[OPTION_dtype];
    enum quern_status status = QUERN_OK;
    for (int i = 0; !status && i < b->tool->argument_count; i++)
        status = bench_kernel(b, b->tool->arguments[i], op ? op : "quantize_dynamic", dtype ? dtype : "f32");
    for (size_t i = 0; !status && !b->tool->argument_count && i < sizeof cases / sizeof *cases; i++)
        if ((!op || !strcmp(op, cases[i].op)) && (!dtype || !strcmp(dtype, cases[i].dtype)))
            status = bench_kernel(b, cases[i].spec, cases[i].op, cases[i].dtype);
    return status;
}

/* Whole rows of either float type. */
static enum quern_status bench_size(struct bench *b, const char *name, int64_t bytes)
{
    b->size_name = name;
    b->bytes = bytes - bytes % (4 * COLUMNS);
    return bench_cases(b);
}

/* Codes are never larger than floats; a scale is at most a quarter, one i32 zero point as much as f32 floats. Freed by the
 * exit. */
static bool allocate(struct bench *b, int64_t bytes)
{
    b->x = map(bytes);
    b->y = map(bytes);
    b->codes = map(bytes);
    b->scale = map(bytes / 4);
    b->zero = map(bytes);
    return b->x && b->y && b->codes && b->scale && b->zero;
}

/* Limits: below 1 MiB the clock decides, above 64 GiB the machine. What was measured before an error is printed as text and
 * dropped as JSON. */
int command_bench(struct tool *tool)
{
    int64_t bytes = 256 << 20, samples = 15;
    const char *size = tool_has(tool, OPTION_size) ? tool->values[OPTION_size] : "both";
    if (tool_has(tool, OPTION_bytes) && (!tool_parse_count(tool->values[OPTION_bytes], &bytes) || bytes < (1 << 20) || bytes > (1ll << 36)))
        return tool_usage("expected 1Mi to 64Gi after --bytes, saw `%s`", tool->values[OPTION_bytes]);
    if (tool_has(tool, OPTION_repeat) && (!tool_parse_count(tool->values[OPTION_repeat], &samples) || samples > SAMPLES_MAX))
        return tool_usage("expected 1 to %d after --repeat, saw `%s`", SAMPLES_MAX, tool->values[OPTION_repeat]);
    if (strcmp(size, "dram") && strcmp(size, "l2") && strcmp(size, "both"))
        return tool_usage("expected dram, l2 or both after --size, saw `%s`", size);
    struct bench bench = {.tool = tool, .samples = (int)samples, .results = tool->json ? json_array() : NULL};
    if (!allocate(&bench, bytes))
        return tool_usage("no memory for %lld bytes of input; give fewer with --bytes", (long long)bytes);
    if (!tool->json)
        printf("%-58s %-4s %7s %8s %8s %8s\n", "KERNEL (one thread)", "SIZE", "GB/s", "/memcpy", "/read", "/mover");
    enum quern_status status = QUERN_OK;
    if (strcmp(size, "l2"))
        status = bench_size(&bench, "dram", bytes);
    if (!status && strcmp(size, "dram"))
        status = bench_size(&bench, "l2", 256 << 10);
    int code = tool_finish(tool, status);
    if (status)
        json_decref(bench.results);
    else if (tool->json)
        tool_print_json(bench.results);
    return code;
}
