/* Compiling kernels once per key and calling them as a hostile caller would: denormals flushed, rounding upward, ranges in any
 * order, buffers at the edges of memory. */
#include "tests/unit/kernels.h"

#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

static void add_variant(struct runner *runner, const struct kernel_target *target, bool scalar)
{
    struct variant *variant = &runner->variants[runner->variant_count++];
    assert_true(runner->variant_count <= VARIANTS_MAX);
    snprintf(variant->name, sizeof variant->name, "%s%s", target->name, scalar ? " scalar" : "");
    variant->target = target;
    variant->scalar = scalar;
}

/* The host's target first, then every narrower one (rows after it, the widest first), then W = 1. */
static void find_variants(struct runner *runner)
{
    const struct kernel_target *host = kernel_target_host();
    bool runs = false;
    for (size_t i = 0; i < kernel_target_count; i++) {
        runs = runs || &kernel_targets[i] == host;
        if (runs)
            add_variant(runner, &kernel_targets[i], false);
    }
    add_variant(runner, host, true);
}

/* The runner of the program, for the signal handler. */
static const struct runner *crashing;

/* A kernel left its buffers or ran a wrong instruction: name the case and stop. */
static void name_crash(int number)
{
    static const char head[] = "CRASH in ";
    (void)number;
    if (write(2, head, sizeof head - 1) < 0 || write(2, crashing->current, strlen(crashing->current)) < 0 || write(2, "\n", 1) < 0)
        _exit(3);
    _exit(2);
}

/* A kernel that leaves its buffers meets a fence, and the case is named. */
static void catch_crashes(const struct runner *runner)
{
    struct sigaction action = {.sa_handler = name_crash};
    crashing = runner;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
}

/* The seed is fixed: a failure comes again. The fences hold the largest subjects there are. */
void runner_open(struct runner *runner)
{
    memset(runner, 0, sizeof *runner);
    arena_init(&runner->arena, NULL);
    runner->seed = 20240229;
    const char *sanitizers = getenv("QUERN_SANITIZERS");
    runner->quick = getenv("QUERN_TEST_QUICK") != NULL || (sanitizers && *sanitizers == '1');
    runner->full = getenv("QUERN_TEST_FULL") != NULL;
    runner->only = getenv("QUERN_TEST_SPEC");
    find_variants(runner);
    catch_crashes(runner);
    fence_open(&runner->x, 4 << 20);
    fence_open(&runner->codes, 4 << 20);
    fence_open(&runner->scale, 1 << 20);
    fence_open(&runner->zero, 1 << 20);
    fence_open(&runner->small, 64);
}

/* Forgets compiled kernels. */
static void flush_kernels(struct runner *runner)
{
    for (unsigned i = 0; i < runner->cached; i++) {
        kernel_unload(&runner->cache[i].code);
        free(runner->cache[i].key);
    }
    runner->cached = 0;
}

void runner_close(struct runner *runner)
{
    struct fence *fences[] = {&runner->x, &runner->codes, &runner->scale, &runner->zero, &runner->small};
    flush_kernels(runner);
    for (size_t i = 0; i < sizeof fences / sizeof *fences; i++)
        fence_close(fences[i]);
    arena_close(&runner->arena);
    print_message("%lld cases, %lld elements, %lld kernels compiled, %lld combinations unsupported, %lld failures\n",
                  (long long)runner->cases, (long long)runner->elements, (long long)runner->kernels,
                  (long long)runner->unsupported, (long long)runner->failures);
}

const struct spec *runner_spec(struct runner *runner, const char *text, const char **message)
{
    struct diags diags;
    diags_init(&diags, &runner->arena);
    const struct spec *spec = spec_parse(&runner->arena, text, &diags);
    if (spec && diags.errors == 0)
        return spec;
    *message = diags.first ? diags.first->text : "no spec and no message";
    return NULL;
}

/* The object's bytes are not needed once it is loaded. */
static bool compile(struct arena *arena, const struct kernel_request *request, struct kernel_code *code, struct diags *diags)
{
    char *object = NULL;
    size_t size = 0;
    struct kernel_ir *ir = kernel_build(arena, request, NULL, diags);
    bool done = ir && kernel_compile(ir, KERNEL_OUTPUT_OBJECT, &object, &size, diags) && kernel_load(object, size, code, diags);
    free(object);
    return done;
}

/* FNV-1a */
static uint64_t hash_key(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
    return hash;
}

/* By hash first: keys are long. */
static const struct cached *find_cached(const struct runner *runner, const char *key)
{
    uint64_t hash = hash_key(key);
    for (unsigned i = 0; i < runner->cached; i++)
        if (runner->cache[i].hash == hash && !strcmp(runner->cache[i].key, key))
            return &runner->cache[i];
    return NULL;
}

bool runner_kernel(struct runner *runner, const struct subject *subject, const struct kernel_request *request, struct kernel_code *code)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    const char *key = kernel_key(&arena, request);
    const struct cached *found = find_cached(runner, key);
    bool done = true;
    if (found) {
        *code = found->code;
    } else if ((done = compile(&arena, request, code, &diags))) {
        if (runner->cached == CACHE_SIZE)
            flush_kernels(runner);
        runner->cache[runner->cached++] = (struct cached){hash_key(key), strdup(key), *code};
        runner->kernels++;
    } else {
        struct variant variant = {.name = "compile"};
        report_failure(runner, subject, request->op, &variant, NULL, "%s", diags.first ? diags.first->text : "no message");
    }
    arena_close(&arena);
    return done;
}

/* Rounding upward; on x86 also flush to zero and denormals are zero. */
static unsigned set_hostile(bool hostile)
{
    if (!hostile)
        return 0;
    fesetround(FE_UPWARD);
#ifdef __x86_64__
    _mm_setcsr(_mm_getcsr() | 0x8040);
    return _mm_getcsr() & ~0x3fu;
#else
    return 0;
#endif
}

/* Back to the default; false when the environment in between is not the one that was set. */
static bool set_friendly(bool hostile, unsigned expected)
{
    bool kept = true;
    if (!hostile)
        return true;
    kept = fegetround() == FE_UPWARD;
#ifdef __x86_64__
    kept = kept && (_mm_getcsr() & ~0x3fu) == expected;
    _mm_setcsr(_mm_getcsr() & ~0x8040u);
#else
    (void)expected;
#endif
    fesetround(FE_TONEAREST);
    return kept;
}

bool run_pieces(struct runner *runner, const struct kernel_code *code, struct kernel_args *args, int64_t units, int64_t most,
                void (*combine)(void *user), void *user)
{
    int64_t pieces = runner->turn % 3 == 0 ? 1 : most < units ? most : units;
    bool hostile = runner->turn % 2, kept = true;
    if (pieces < 1)
        pieces = 1; /* an empty tensor: one call with nothing to do */
    for (int64_t p = pieces - 1; p >= 0; p--) {
        args->begin = units * p / pieces;
        args->end = units * (p + 1) / pieces;
        unsigned before = set_hostile(hostile);
        kernel_run(code, args);
        kept = set_friendly(hostile, before) && kept;
        if (combine)
            combine(user);
    }
    return kept;
}
