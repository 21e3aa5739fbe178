/* Kernels: the table of compiled code and the quern_kernel_* functions. In: a spec, an operation, a dtype, a shape; out:
 * machine code that any thread may run. An entry is built by the thread that claims it, outside the lock; the others wait. See
 * kernels.h. */
#include "runtime/kernels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lang/recipe.h"
#include "runtime/json.h"
#include "runtime/report.h"

enum { BUCKETS = 1024 }; /* of a chained table: a model takes some dozens of kernels */
enum entry_state { ENTRY_BUILDING, ENTRY_READY, ENTRY_FAILED };

/* code is set once, before state becomes READY, and never changes afterwards: it is read without the lock. */
struct kernel_entry {
    struct kernel_entry *next;
    enum entry_state state;
    struct kernel_code code;
    size_t size; /* of this entry, key included */
    char key[];
};

struct kernel_table {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* some entry left ENTRY_BUILDING */
    _Atomic(const struct kernel_target *) target; /* NULL: this machine's, not looked for yet */
    struct kernel_entry *buckets[BUCKETS];
};

/* ---- the table ---- */

/* An unknown target is the caller's mistake and is said before any kernel is asked for. */
enum quern_status kernel_table_open(struct quern_context *context)
{
    const char *wanted = context->options.target;
    const struct kernel_target *target = wanted ? kernel_target_find(wanted) : NULL;
    if (wanted && !target)
        return QUERN_USAGE;
    struct kernel_table *table = context_allocate(context, sizeof *table);
    if (!table)
        return QUERN_LIMIT;
    table->target = target;
    pthread_mutex_init(&table->lock, NULL);
    pthread_cond_init(&table->changed, NULL);
    context->kernels = table;
    return QUERN_OK;
}

/* Entries that failed to build have no code to unload. */
void kernel_table_close(struct quern_context *context)
{
    struct kernel_table *table = context->kernels;
    for (size_t i = 0; table && i < BUCKETS; i++)
        while (table->buckets[i]) {
            struct kernel_entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            if (entry->state == ENTRY_READY)
                kernel_unload(&entry->code);
            context_release(context, entry, entry->size);
        }
    if (table) {
        pthread_cond_destroy(&table->changed);
        pthread_mutex_destroy(&table->lock);
    }
    context_release(context, table, sizeof *table);
}

/* FNV-1a */
static size_t hash_key(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
    return hash % BUCKETS;
}

/* The entry of key, made when there is none (*mine: then this thread builds it); NULL: no memory. Called with the lock. */
static struct kernel_entry *claim_entry(struct session *session, const char *key, bool *mine)
{
    struct kernel_table *table = session->context->kernels;
    struct kernel_entry **bucket = &table->buckets[hash_key(key)], *entry = *bucket;
    while (entry && strcmp(entry->key, key))
        entry = entry->next;
    /* Claimed under the lock: one thread builds, whatever the others saw. */
    *mine = !entry || entry->state == ENTRY_FAILED;
    if (!entry) {
        size_t size = sizeof *entry + strlen(key) + 1;
        entry = session->context->allocator.allocate(session->context, size);
        if (!entry)
            return NULL;
        memset(entry, 0, size);
        entry->size = size;
        memcpy(entry->key, key, strlen(key) + 1);
        entry->next = *bucket;
        *bucket = entry;
    }
    if (*mine)
        entry->state = ENTRY_BUILDING;
    return entry;
}

/* What build_code is given and gives back. */
struct building {
    const struct kernel_request *request;
    struct kernel_code code;
};

/* IR, then machine code from the code generator, then the loader; the object's bytes are only needed until it is
 * mapped. */
static enum quern_status build_code(struct session *session, void *call)
{
    struct building *building = call;
    const struct kernel_ir *ir = kernel_build(session->arena, building->request, NULL, session->diags);
    char *object = NULL;
    size_t size;
    if (!ir || !kernel_compile_with(session->context->options.jit_path, ir, KERNEL_OUTPUT_OBJECT, &object, &size, session->diags))
        return QUERN_INVALID;
    arena_defer(session->arena, free, object);
    return kernel_load(object, size, &building->code, session->diags) ? QUERN_OK : QUERN_INTERNAL;
}

/* An entry never stays in ENTRY_BUILDING, not even when memory runs out in the compiler: others wait for it. */
static bool build_entry(struct session *session, struct kernel_entry *entry, const struct kernel_request *request)
{
    struct kernel_table *table = session->context->kernels;
    struct building building = {.request = request};
    enum quern_status status = QUERN_LIMIT;
    bool done = session_try(session, NULL, build_code, &building, &status);
    bool built = done && status == QUERN_OK;
    pthread_mutex_lock(&table->lock);
    entry->code = building.code;
    entry->state = built ? ENTRY_READY : ENTRY_FAILED;
    pthread_cond_broadcast(&table->changed);
    pthread_mutex_unlock(&table->lock);
    if (!done)
        session_escape(session);
    return built;
}

/* A failed entry is built again by whoever asks next, so that each asker gets the reasons. */
const struct kernel_code *kernel_table_get(struct session *session, const struct kernel_request *request)
{
    struct kernel_table *table = session->context->kernels;
    const char *key = kernel_key(session->arena, request);
    bool mine = false;
    if (!kernel_target_check(session))
        return NULL;
    pthread_mutex_lock(&table->lock);
    struct kernel_entry *entry = claim_entry(session, key, &mine);
    /* Woken by any entry's change: looked at again. A failed entry may be claimed by the thread that was waiting for it. */
    while (entry && !mine && entry->state != ENTRY_READY) {
        if (entry->state == ENTRY_BUILDING)
            pthread_cond_wait(&table->changed, &table->lock);
        else
            entry = claim_entry(session, key, &mine);
    }
    pthread_mutex_unlock(&table->lock);
    if (!entry)
        session_escape(session);
    if (mine && !build_entry(session, entry, request))
        return NULL;
    return &entry->code;
}

const struct kernel_target *kernel_target_of(const struct quern_context *context)
{
    /* Asking the CPU takes microseconds, in a virtual machine many; every thread finds the same answer. */
    const struct kernel_target *target = atomic_load(&context->kernels->target);
    if (!target) {
        target = kernel_target_host();
        atomic_store(&context->kernels->target, target);
    }
    return target;
}

bool kernel_target_check(struct session *session)
{
    const struct kernel_target *target = kernel_target_of(session->context);
    return kernel_target_runs(target) ||
           REPORT_ABOUT(session->diags, kernel_target, NULL, "this machine cannot run code for %s", target->name);
}

/* Every request of a context is for the same CPU and vector width. */
struct kernel_request kernel_request_make(const struct quern_context *context, enum kernel_op op, const struct spec *spec,
                                          enum dtype dtype, const int64_t *shape, int rank)
{
    return (struct kernel_request){.op = op, .spec = spec, .dtype = dtype, .shape = shape, .rank = rank,
                                   .target = kernel_target_of(context), .scalar = context->options.scalar};
}

int kernel_op_find(const char *word)
{
    for (int i = 0; i < KERNEL_OP_COUNT; i++)
        if (!strcmp(kernel_op_words[i], word))
            return i;
    return -1;
}

/* ---- quern_kernel_* ---- */

/* A handle: the request with the table's code for it. Its spec and shape are in its own arena. */
struct quern_kernel {
    struct quern_context *context;
    struct arena arena;
    struct kernel_request request;
    const struct kernel_code *code;
    struct kernel_args args; /* extents filled in, pointers not */
    struct quern_kernel_info info;
    bool has_scale, has_zero, has_second;
};

/* One call of quern_kernel_get. */
struct get_call {
    const char *spec, *op, *dtype;
    const int64_t *shape;
    int rank;
    struct quern_kernel *kernel;
};

/* Words of the call: false after reporting one that means nothing. */
static bool read_call(struct session *session, const struct get_call *get, int *op, int *dtype)
{
    *op = kernel_op_find(get->op);
    *dtype = dtype_find_word(get->dtype);
    if (*op < 0)
        diag_report_about(session->diags, DIAG_bad_kernel, NULL, "there is no operation %s", name_shown(session->arena, get->op));
    else if (*dtype != DTYPE_f32 && *dtype != DTYPE_f16 && *dtype != DTYPE_bf16)
        diag_report_about(session->diags, DIAG_bad_kernel, NULL, "expected f32, f16 or bf16 as the float type, saw %s",
                          name_shown(session->arena, get->dtype));
    else if (get->rank < 0 || get->rank > KERNEL_RANK_MAX)
        diag_report_about(session->diags, DIAG_bad_kernel, NULL, "expected a rank of 0 to %d, saw %d", KERNEL_RANK_MAX, get->rank);
    else
        return true;
    return false;
}

/* Storage and support are asked before the compiler: their reasons are words for the user, the compiler's are bugs. */
static bool fill_info(struct session *session, struct quern_kernel *k)
{
    struct kernel_storage storage;
    const char *reason;
    if (!kernel_storage(k->request.spec, k->request.shape, k->request.rank, &storage, &reason) ||
        !kernel_supports(k->request.op, k->request.spec, k->request.dtype, &reason)) {
        diag_report_about(session->diags, DIAG_no_kernel, NULL, "%s", reason);
        return false;
    }
    k->info = (struct quern_kernel_info){
        .name = kernel_key(&k->arena, &k->request),
        .x_bytes = (size_t)storage.elements * dtype_rows[k->request.dtype].bits / 8,
        .code_bytes = (size_t)storage.code_bytes,
        .scale_bytes = (size_t)storage.scale_count * storage.scale_bytes,
        .zero_bytes = storage.has_zero ? (size_t)storage.scale_count * sizeof(int32_t) : 0,
        .units = kernel_bind(&k->request, &k->args),
    };
    k->has_scale = storage.scale_count > 0;
    k->has_zero = storage.has_zero;
    k->has_second = storage.has_second;
    return true;
}

/* The spec is parsed into the kernel's own arena: it lives as long as the handle. */
static enum quern_status get_kernel(struct session *session, void *call)
{
    struct get_call *get = call;
    struct quern_kernel *k = get->kernel;
    int op, dtype;
    if (!read_call(session, get, &op, &dtype))
        return QUERN_USAGE;
    const struct spec *spec = spec_parse(&k->arena, get->spec, session->diags);
    if (!spec)
        return QUERN_INVALID;
    int64_t *shape = ARENA_ARRAY(&k->arena, (size_t)get->rank + 1, int64_t);
    if (get->rank)
        memcpy(shape, get->shape, (size_t)get->rank * sizeof *shape);
    k->request = kernel_request_make(session->context, (enum kernel_op)op, spec, (enum dtype)dtype, shape, get->rank);
    if (!fill_info(session, k))
        return QUERN_INVALID;
    k->code = kernel_table_get(session, &k->request);
    enum quern_status status = diags_status(session->diags);
    return k->code ? QUERN_OK : status ? status : QUERN_LIMIT;
}

/* The handle is cheap; what costs, the code, is the table's and stays there. */
enum quern_status quern_kernel_get(quern_context *context, const char *spec, const char *op, const char *dtype,
                                   const int64_t *shape, int rank, quern_kernel **kernel)
{
    if (!context || !spec || !op || !dtype || (rank > 0 && !shape) || !kernel)
        return QUERN_USAGE;
    *kernel = NULL;
    struct quern_kernel *k = context_allocate(context, sizeof *k);
    if (!k)
        return QUERN_LIMIT;
    k->context = context;
    arena_init(&k->arena, &context->allocator);
    struct get_call call = {spec, op, dtype, shape, rank, k};
    enum quern_status status = context_enter(context, &k->arena, get_kernel, &call);
    if (status)
        quern_kernel_release(k);
    else
        *kernel = k;
    return status;
}

/* The code stays in the table for the next one who asks. */
void quern_kernel_release(quern_kernel *kernel)
{
    if (!kernel)
        return;
    struct quern_context *context = kernel->context;
    arena_close(&kernel->arena);
    context_release(context, kernel, sizeof *kernel);
}

struct quern_kernel_info quern_kernel_describe(const quern_kernel *kernel)
{
    return kernel->info;
}

/* Each operation's buffers by name, those it reads and those it writes, of codegen/kernel/ops.def. */
static const char *const op_buffers[KERNEL_OP_COUNT] = {
#define KERNEL_OP(name, word, reads, writes) reads " " writes,
#include "codegen/kernel/ops.def"
#undef KERNEL_OP
};

/* Every buffer that the operation and the spec together need is there. */
static bool has_buffers(const struct quern_kernel *k, const struct quern_buffers *b)
{
    const char *needs = op_buffers[k->request.op];
    bool some = k->info.x_bytes > 0;
    return (!some || !strstr(needs, "x") || b->x) && (!some || !strstr(needs, "codes") || b->codes) &&
           (!k->has_scale || !strstr(needs, "scale") || b->scale) && (!k->has_zero || !strstr(needs, "zero") || b->zero) &&
           (!k->has_second || !strstr(needs, "second") || b->second) && (!strstr(needs, "amax") || b->amax) &&
           (!strstr(needs, "sums") || b->sums);
}

static_assert(sizeof(struct quern_sums) == sizeof(struct kernel_sums), "the public sums are the kernels'");

/* Nothing is allocated and nothing locked: any number of threads run one kernel, on ranges of units that do not meet.
 * */
enum quern_status quern_kernel_run(const quern_kernel *kernel, const struct quern_buffers *buffers, int64_t begin, int64_t end)
{
    if (!kernel || !buffers || !has_buffers(kernel, buffers))
        return QUERN_USAGE;
    end = end < 0 ? kernel->info.units : end;
    if (begin < 0 || end > kernel->info.units || begin > end)
        return QUERN_USAGE;
    /* Its sums are of the whole tensor. */
    if (kernel->request.op == KERNEL_error && end - begin < kernel->info.units)
        return QUERN_USAGE;
    /* Arguments are this call's: the handle is read-only. */
    struct kernel_args args = kernel->args;
    struct kernel_sums sums = {0};
    args.x = buffers->x;
    args.codes = buffers->codes;
    args.scale = buffers->scale;
    args.zero = buffers->zero;
    args.second = buffers->second;
    args.amax = buffers->amax;
    args.sums = &sums;
    args.begin = begin;
    args.end = end;
    kernel_run(kernel->code, &args);
    if (buffers->sums)
        memcpy(buffers->sums, &sums, sizeof sums);
    return QUERN_OK;
}
