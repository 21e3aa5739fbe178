/* Pass `schedule`: how the loops run, from the spec, the shape and the target. In: a request. Out: struct ir_schedule. The
 * same function answers kernel_bind and kernel_key, so that extents, code and key never disagree. No schedule changes a bit
 * of the result: statistics are maxima, and sums have an order of their own (lower_sums.c). */
#include "codegen/kernel/pass.h"
#include "codegen/kernel/geometry.h"

/* BLOCK_MIN: codes of 8 elements are whole bytes at any width. BLOCK_MAX: a longer block has enough elements to hide its own
 * scale's latency. BATCH: elements in flight that are worth that latency; they stay in the first cache. IN_FLIGHT_MAX: the
 * most that the verifier takes. ALIGNED_CHUNK: 32 codes of any width are whole 4-byte words. */
enum { BLOCK_MIN = 8, BLOCK_MAX = 256, BATCH = 512, IN_FLIGHT_MAX = 32, ALIGNED_CHUNK = 32 };

static bool is_power_of_two(int64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

/* Blocks go `in_flight` at once when they are vectors long and many lie in a row. */
static bool fits_blocks(const struct kernel_request *request, const struct geometry *g, unsigned lanes)
{
    int64_t n = request->spec->group;
    if (request->scalar || !is_power_of_two(n) || n < BLOCK_MIN || n > BLOCK_MAX)
        return false;
    int64_t blocks = (g->columns + n - 1) / n;
    return g->groups_collapse || blocks >= lanes / 2;
}

/* A block whose elements lie a row apart goes down (columns, across); all others run along rows. */
static enum ir_schedule_kind choose_kind(const struct kernel_request *request, const struct geometry *g, unsigned lanes)
{
    bool is_last = g->axis + 1 >= request->rank, is_scaled = request->spec->scale != NULL;
    bool goes_down = is_scaled && ((request->spec->granularity == GRANULARITY_channel && is_last && request->rank > 0) ||
                                   (request->spec->granularity == GRANULARITY_group && !is_last));
    if (request->op == KERNEL_observe)
        return IR_rows;
    if (request->op == KERNEL_error)
        return goes_down ? IR_across : IR_stream;
    if (goes_down)
        return IR_columns;
    if (is_scaled && request->spec->granularity == GRANULARITY_group && fits_blocks(request, g, lanes))
        return IR_blocks;
    return IR_rows;
}

static unsigned at_most(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Blocks of several runs: channels of a middle axis, whole tensors whose rows end inside a byte. */
static bool is_nested(const struct kernel_request *request, const struct geometry *g)
{
    bool is_whole = request->op == KERNEL_quantize_dynamic && request->spec->granularity == GRANULARITY_tensor;
    if (request->op == KERNEL_observe || !request->spec->scale)
        return false;
    if (request->spec->granularity == GRANULARITY_channel)
        return g->before != 1 || !g->collapse;
    return is_whole && !g->collapse;
}

static unsigned at_least(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Elements of one scale in a row, where a spec says so; else 0. At most what matters to a chunk. */
static int64_t run_length(const struct kernel_request *request)
{
    bool is_group = request->spec->scale && request->spec->granularity == GRANULARITY_group;
    return !is_group ? 0 : request->spec->group < BLOCK_MAX ? request->spec->group : BLOCK_MAX;
}

struct ir_schedule schedule_choose(const struct kernel_request *request)
{
    struct geometry g = geometry_of(request);
    unsigned target_lanes = request->target->lanes;
    struct ir_schedule s = {.kind = choose_kind(request, &g, target_lanes), .lanes = request->scalar ? 1 : target_lanes};
    if (s.kind == IR_blocks) {
        s.group = (unsigned)request->spec->group;
        s.lanes = s.group < s.lanes ? s.group : s.lanes;
        s.in_flight = at_least(at_least(s.lanes, BLOCK_MIN), at_most(BATCH / s.group, IN_FLIGHT_MAX));
    }
    s.chunk = request->scalar ? 8 : s.lanes * 4;
    if (s.kind == IR_stream && is_power_of_two(run_length(request)))
        s.chunk = at_least(at_most(s.chunk, (unsigned)run_length(request)), at_least(s.lanes, 8)); /* runs are whole tiles */
    else if (g.unit > 1)
        s.chunk = at_least(s.chunk, ALIGNED_CHUNK); /* a tile of any width ends on 4 bytes */
    s.shifted = s.kind == IR_rows && g.shifted;
    s.nested = s.kind == IR_rows && is_nested(request, &g);
    return s;
}

void pass_schedule(struct kernel_ir *ir, const struct kernel_request *request)
{
    ir->schedule = schedule_choose(request);
}
