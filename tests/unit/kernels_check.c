/* One subject through the operations: run, compare with the oracle, say what differs. Bits are compared, not values: the oracle
 * (tests/oracle) computes the formulas in obvious C, and kernels must give the same bytes whatever the vector width. */
#include "tests/unit/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_SHOWN = 40, DIFFERENCES_SHOWN = 3 }; /* of a program, of a case: later ones are counted only */

static void print_shape(char *out, size_t size, const struct oracle *oracle)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int d = 0; d < oracle->rank; d++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", d ? ", " : "", (long long)oracle->shape[d]);
    snprintf(out + used, size - used, "]");
}

void describe_case(char *out, size_t size, const struct subject *subject, enum kernel_op op, const struct variant *variant,
                   const struct sample *sample)
{
    char shape[200];
    print_shape(shape, sizeof shape, &subject->oracle);
    snprintf(out, size, "%s | %s %s %s | %s%s%s", subject->text, kernel_op_words[op], dtype_rows[subject->dtype].word, shape,
             variant ? variant->name : "", sample ? ", " : "", sample ? sample->name : "");
}

void report_failure(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct variant *variant,
                    const struct sample *sample, const char *format, ...)
{
    char name[600], what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    runner->failures++;
    if (runner->failures > FAILURES_SHOWN)
        return;
    describe_case(name, sizeof name, subject, op, variant, sample);
    print_message("DIFFERS %s: %s\n", name, what);
}

/* Every member but the shape of what is not stored. */
static bool same_storage(const struct kernel_storage *a, const struct kernel_storage *b)
{
    bool same = a->rows == b->rows && a->columns == b->columns && a->elements == b->elements &&
                a->code_row_bytes == b->code_row_bytes && a->code_bytes == b->code_bytes &&
                a->scale_rank == b->scale_rank && a->scale_count == b->scale_count &&
                a->scale_bytes == b->scale_bytes && a->has_zero == b->has_zero && a->has_second == b->has_second;
    for (int d = 0; same && d < a->scale_rank; d++)
        same = a->scale_shape[d] == b->scale_shape[d];
    return same;
}

/* What the oracle refuses, kernel_storage must refuse, and the other way round. */
bool subject_open(struct runner *runner, struct subject *subject, const char *text, const struct spec *spec, enum dtype dtype,
                  const int64_t *shape, int rank)
{
    struct kernel_storage storage;
    const char *reason = "";
    *subject = (struct subject){.text = text, .spec = spec, .dtype = dtype};
    bool opened = oracle_open(&subject->oracle, spec, dtype, shape, rank);
    bool accepted = kernel_storage(spec, shape, rank, &storage, &reason);
    if (opened != accepted)
        report_failure(runner, subject, KERNEL_quantize, NULL, NULL, "kernel_storage %s", accepted ? "accepts" : reason);
    else if (opened && !same_storage(&storage, &subject->oracle.storage))
        report_failure(runner, subject, KERNEL_quantize, NULL, NULL,
                       "storage: rows %lld columns %lld code bytes %lld (%lld a row) scales %lld of %u", (long long)storage.rows,
                       (long long)storage.columns, (long long)storage.code_bytes, (long long)storage.code_row_bytes,
                       (long long)storage.scale_count, storage.scale_bytes);
    if (opened && !accepted)
        oracle_close(&subject->oracle);
    return opened && accepted;
}

void subject_close(struct subject *subject)
{
    oracle_close(&subject->oracle);
}

bool subject_supported(struct runner *runner, const struct subject *subject, enum kernel_op op, bool required)
{
    const char *reason = "";
    if (kernel_supports(op, subject->spec, subject->dtype, &reason))
        return true;
    runner->unsupported++;
    if (required)
        report_failure(runner, subject, op, NULL, NULL, "required, but: %s", reason);
    return false;
}

/* ---- comparing buffers ---- */

/* A case while it is compared. */
struct comparison {
    struct runner *runner;
    const struct subject *subject;
    enum kernel_op op;
    const struct variant *variant;
    const struct sample *sample;
    unsigned shown;
};

static uint32_t read_unit(const void *buffer, int64_t i, unsigned width)
{
    uint32_t value = 0;
    memcpy(&value, (const char *)buffer + i * width, width);
    return value;
}

/* Units of 1, 2 or 4 bytes; prints the first few that differ. */
static void compare_units(struct comparison *c, const char *what, const void *expected, const void *got, int64_t count, unsigned width)
{
    if (count == 0 || !memcmp(expected, got, (size_t)count * width))
        return;
    for (int64_t i = 0; i < count; i++) {
        uint32_t e = read_unit(expected, i, width), g = read_unit(got, i, width);
        if (e != g && c->shown++ < DIFFERENCES_SHOWN)
            report_failure(c->runner, c->subject, c->op, c->variant, c->sample, "%s %lld: %0*x, not %0*x", what, (long long)i,
                           (int)width * 2, g, (int)width * 2, e);
    }
}

/* Codes one by one, with the x and the block they come from; then the bytes, for the bits between codes. */
static void compare_codes(struct comparison *c, const void *got)
{
    const struct oracle *oracle = &c->subject->oracle;
    const struct sample *s = c->sample;
    if (oracle->storage.code_bytes == 0 || !memcmp(s->codes, got, (size_t)oracle->storage.code_bytes))
        return;
    for (int64_t i = 0; i < oracle->storage.elements; i++) {
        int32_t e = oracle_get_code(c->subject->spec, &oracle->storage, s->codes, i);
        int32_t g = oracle_get_code(c->subject->spec, &oracle->storage, got, i);
        if (e == g || c->shown++ >= DIFFERENCES_SHOWN)
            continue;
        struct oracle_block block = oracle_block_at(oracle, s->scale, s->zero, s->second, i);
        float x = oracle_load(c->subject->dtype, s->x, i);
        report_failure(c->runner, c->subject, c->op, c->variant, s, "code %lld: %x, not %x (x = %a %08x, s = %a, z = %d)",
                       (long long)i, (unsigned)g, (unsigned)e, (double)x, oracle_float_bits(x), block.scale, block.zero);
    }
    if (c->shown == 0)
        compare_units(c, "code byte", s->codes, got, oracle->storage.code_bytes, 1);
}

/* By bits: sums have a fixed order of additions. */
static void compare_double(struct comparison *c, const char *what, double expected, double got)
{
    if (memcmp(&expected, &got, sizeof got))
        report_failure(c->runner, c->subject, c->op, c->variant, c->sample, "%s: %a, not %a", what, got, expected);
}

static void compare_count(struct comparison *c, const char *what, int64_t expected, int64_t got)
{
    if (expected != got)
        report_failure(c->runner, c->subject, c->op, c->variant, c->sample, "%s: %lld, not %lld", what, (long long)got, (long long)expected);
}

static void compare_sums(struct comparison *c, const struct kernel_sums *got)
{
    const struct kernel_sums *e = &c->sample->sums;
    compare_double(c, "e2", e->e2, got->e2);
    compare_double(c, "x2", e->x2, got->x2);
    compare_double(c, "y2", e->y2, got->y2);
    compare_double(c, "xy", e->xy, got->xy);
    compare_double(c, "max_error", e->max_error, got->max_error);
    compare_count(c, "saturated", e->saturated, got->saturated);
    compare_count(c, "nan", e->nan, got->nan);
    compare_count(c, "inf", e->inf, got->inf);
}

/* ---- one operation ---- */

static size_t float_bytes(const struct subject *subject)
{
    return dtype_rows[subject->dtype].bits / 8;
}

/* Buffers the operation reads get their content; those it writes are filled with a pattern. */
static void place_buffers(struct comparison *c, struct kernel_args *args)
{
    struct runner *r = c->runner;
    const struct sample *s = c->sample;
    const struct kernel_storage *storage = &c->subject->oracle.storage;
    enum edge edge = r->turn % EDGE_COUNT;
    size_t scales = (size_t)storage->scale_count, width = float_bytes(c->subject);
    size_t unit = c->subject->spec->layout == LAYOUT_i32 ? 4 : c->subject->spec->format->bits == 16 ? 2 : 1;
    bool writes_x = c->op == KERNEL_dequantize, writes_codes = c->op == KERNEL_quantize || c->op == KERNEL_quantize_dynamic;
    bool writes_scale = c->op == KERNEL_quantize_dynamic;
    args->x = fence_place(&r->x, edge, (size_t)storage->elements * width, width, writes_x ? NULL : s->x);
    if (c->op == KERNEL_observe)
        return;
    args->codes = fence_place(&r->codes, edge, (size_t)storage->code_bytes, unit, writes_codes ? NULL : s->codes);
    if (scales)
        args->scale = fence_place(&r->scale, edge, scales * storage->scale_bytes, storage->scale_bytes, writes_scale ? NULL : s->scale);
    if (storage->has_zero)
        args->zero = fence_place(&r->zero, edge, scales * 4, 4, writes_scale ? NULL : s->zero);
    if (storage->has_second)
        args->second = fence_place(&r->small, edge, 4, 4, &s->second);
}

/* `small` is read alone, and needs no look. */
static void check_fences(struct comparison *c, const struct kernel_args *args)
{
    const struct runner *r = c->runner;
    bool intact = fence_intact(&r->x) && (!args->codes || fence_intact(&r->codes)) && (!args->scale || fence_intact(&r->scale)) &&
                  (!args->zero || fence_intact(&r->zero));
    if (!intact)
        report_failure(c->runner, c->subject, c->op, c->variant, c->sample, "a byte outside a buffer was written");
}

/* What an operation does not write must be as it was: x, and the scales that it was given. */
static void compare_written(struct comparison *c, const struct kernel_args *args)
{
    const struct kernel_storage *storage = &c->subject->oracle.storage;
    const struct sample *s = c->sample;
    if (c->op == KERNEL_dequantize)
        compare_units(c, "y", s->y, args->x, storage->elements, (unsigned)float_bytes(c->subject));
    else
        compare_units(c, "x changed", s->x, args->x, storage->elements, (unsigned)float_bytes(c->subject));
    if (args->scale)
        compare_units(c, "scale", s->scale, args->scale, storage->scale_count, storage->scale_bytes);
    if (args->zero)
        compare_units(c, "zero", s->zero, args->zero, storage->scale_count, 4);
    if (args->codes)
        compare_codes(c, args->codes);
}

/* The largest of the pieces so far, and the last piece's. */
struct observed {
    float amax, piece;
};

static void combine_amax(void *user)
{
    struct observed *observed = user;
    if (!(observed->piece <= observed->amax))
        observed->amax = observed->piece;
}

/* sums begin as rubbish: a kernel overwrites them. error runs as one piece, since its sums have one order. */
void check_op(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct variant *variant, const struct sample *sample)
{
    const struct oracle *oracle = &subject->oracle;
    struct kernel_request request = {op, subject->spec, subject->dtype, oracle->shape, oracle->rank, variant->target, variant->scalar};
    struct comparison c = {runner, subject, op, variant, sample, 0};
    struct kernel_args args = {0};
    struct kernel_code code;
    struct observed observed = {0, NAN};
    struct kernel_sums sums;
    if (!runner_kernel(runner, subject, &request, &code))
        return;
    memset(&sums, 0xa5, sizeof sums);
    describe_case(runner->current, sizeof runner->current, subject, op, variant, sample);
    runner->turn++;
    runner->cases++;
    runner->elements += oracle->storage.elements;
    place_buffers(&c, &args);
    args.amax = &observed.piece;
    args.sums = &sums;
    int64_t units = kernel_bind(&request, &args);
    int64_t most = op == KERNEL_error ? 1 : 4;
    if (!run_pieces(runner, &code, &args, units, most, op == KERNEL_observe ? combine_amax : NULL, &observed))
        report_failure(runner, subject, op, variant, sample, "the caller's float environment was not restored");
    check_fences(&c, &args);
    compare_written(&c, &args);
    if (op == KERNEL_observe)
        compare_double(&c, "amax", (double)sample->amax, (double)observed.amax);
    if (op == KERNEL_error)
        compare_sums(&c, &sums);
}

/* ---- one subject ---- */

/* The oracle's buffers. */
struct tensors {
    char *x, *y, *codes, *random_codes, *scale, *given_scale;
    int32_t *zero, *given_zero;
    float given_second;
};

/* Never of size 0; zeroed, as the bits between codes must be. */
static void *allocate(int64_t bytes)
{
    return calloc(1, (size_t)bytes + 1);
}

static void tensors_open(struct tensors *t, const struct subject *subject)
{
    const struct kernel_storage *s = &subject->oracle.storage;
    *t = (struct tensors){
        .x = allocate(s->elements * 4), .y = allocate(s->elements * 4), .codes = allocate(s->code_bytes),
        .random_codes = allocate(s->code_bytes), .scale = allocate(s->scale_count * 4), .given_scale = allocate(s->scale_count * 4),
        .zero = allocate(s->scale_count * 4), .given_zero = allocate(s->scale_count * 4)};
}

static void tensors_close(struct tensors *t)
{
    void *all[] = {t->x, t->y, t->codes, t->random_codes, t->scale, t->given_scale, t->zero, t->given_zero};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* The host and, for every other lot (every fifth of a rare format), one of the narrower targets or W = 1 in turn; all of
 * them when asked. */
static void check_variants(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct sample *sample)
{
    unsigned others = runner->variant_count - 1, turn = (unsigned)op + runner->lot;
    unsigned pace = runner->rare ? 5 : 2, pick = others && turn % pace == 1 ? 1 + turn / pace % others : 0;
    for (unsigned v = 0; v < runner->variant_count; v++)
        if (v == 0 || runner->full || v == pick)
            check_op(runner, subject, op, &runner->variants[v], sample);
}

/* Any code of the format, whether a tensor would be given it or not. */
static void fill_codes(const struct subject *subject, uint64_t *seed, char *codes)
{
    const struct format *format = subject->spec->format;
    const struct oracle *oracle = &subject->oracle;
    int32_t least = format->kind == FORMAT_KIND_INT && format->is_signed ? -(1 << (format->bits - 1)) : 0;
    uint64_t count = format->kind == FORMAT_KIND_CODEBOOK ? format->count : 1u << format->bits;
    memset(codes, 0, (size_t)oracle->storage.code_bytes);
    for (int64_t i = 0; i < oracle->storage.elements; i++)
        oracle_put_code(subject->spec, &oracle->storage, codes, i, least + (int32_t)(next_random(seed) % count));
}

/* given: with the scales of another tensor. */
static struct sample make_sample(const struct tensors *t, const char *name, bool given, float second)
{
    return (struct sample){
        .name = name, .x = t->x, .codes = t->codes, .scale = given ? t->given_scale : t->scale,
        .zero = given ? t->given_zero : t->zero, .second = given ? t->given_second : second, .y = t->y};
}

/* quantize_dynamic and observe of x; quantize and error with the scales of another tensor (so that values saturate and
 * underflow); dequantize of random codes with both. */
static void check_fill(struct runner *runner, const struct subject *subject, struct tensors *t, enum fill fill, const bool *ops)
{
    const struct oracle *oracle = &subject->oracle;
    fill_tensor(fill, oracle, &runner->seed, t->x);
    float amax = oracle_observe(subject->dtype, t->x, oracle->storage.elements), second = oracle_second(amax);
    fill_codes(subject, &runner->seed, t->random_codes);

    struct sample sample = make_sample(t, fill_names[fill], false, second);
    oracle_quantize_dynamic(oracle, t->x, second, t->codes, t->scale, t->zero);
    sample.amax = amax;
    if (ops[KERNEL_observe])
        check_variants(runner, subject, KERNEL_observe, &sample);
    if (ops[KERNEL_quantize_dynamic])
        check_variants(runner, subject, KERNEL_quantize_dynamic, &sample);
    if (fill == FILL_random) {
        memcpy(t->given_scale, t->scale, (size_t)(oracle->storage.scale_count * oracle->storage.scale_bytes));
        memcpy(t->given_zero, t->zero, (size_t)oracle->storage.scale_count * 4);
        t->given_second = second;
    }

    bool given = (fill + runner->lot) % 2;
    sample = make_sample(t, fill_names[fill], given, second);
    oracle_quantize(oracle, t->x, sample.scale, sample.zero, sample.second, t->codes);
    if (ops[KERNEL_quantize])
        check_variants(runner, subject, KERNEL_quantize, &sample);
    if (ops[KERNEL_error]) {
        oracle_error(oracle, t->x, t->codes, sample.scale, sample.zero, sample.second, &sample.sums);
        check_variants(runner, subject, KERNEL_error, &sample);
    }
    sample.codes = t->random_codes;
    oracle_dequantize(oracle, t->random_codes, sample.scale, sample.zero, sample.second, t->y);
    if (ops[KERNEL_dequantize])
        check_variants(runner, subject, KERNEL_dequantize, &sample);
}

/* The first shape of a spec gets every fill, the others a third of them in turn. */
static bool is_filled(const struct runner *runner, int fill, unsigned shape)
{
    if (runner->quick)
        return fill == FILL_random || fill == FILL_specials;
    return shape == 0 || fill == FILL_random || ((unsigned)fill + shape + runner->lot) % 3 == 0;
}

void check_subject(struct runner *runner, const struct subject *subject, unsigned shape, bool required)
{
    bool ops[KERNEL_OP_COUNT], any = false;
    struct tensors tensors;
    for (int op = 0; op < KERNEL_OP_COUNT; op++)
        any |= ops[op] = subject_supported(runner, subject, op, required);
    if (!any)
        return;
    tensors_open(&tensors, subject);
    for (int fill = 0; fill < FILL_COUNT; fill++)
        if (is_filled(runner, fill, shape))
            check_fill(runner, subject, &tensors, fill, ops);
    tensors_close(&tensors);
}
