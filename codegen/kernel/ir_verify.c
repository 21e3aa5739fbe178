/* The verifier: what must hold of any kernel IR, after every pass and of every text read. A violation of IR that a
 * pass made is a bug of the compiler; of a text, the writer's. */
#include "codegen/kernel/ir.h"
#include "codegen/kernel/ir_text.h"

#include <string.h>

struct verifier {
    const struct kernel_ir *ir;
    struct diags *diags;
    const struct ir_region *region;
    bool *seen; /* by index: defined before the place at hand */
    bool ok;
    unsigned reductions; /* of the region */
};

/* All violations are reported, not the first alone: one wrong pass often breaks several values. */
static void complain(struct verifier *v, const struct ir_value *value, const char *rule)
{
    const char *word = ir_op_rows[value->op].word;
    v->ok = false;
    if (value->name)
        diag_report_about(v->diags, DIAG_kernel_rule, v->ir->name, "`%%%s = %s`: %s", value->name, word, rule);
    else
        diag_report_about(v->diags, DIAG_kernel_rule, v->ir->name, "`%s` in `%s`: %s", word, ir_region_words[v->region->kind], rule);
}

static const enum ir_rank region_ranks[IR_REGION_COUNT] = {IR_RANK_T, IR_RANK_B, IR_RANK_E};

/* Defined above; element values in this region; a guarded region keeps all its values. */
static void verify_operand(struct verifier *v, const struct ir_value *value, unsigned i)
{
    const struct ir_value *of = value->operand[i].value;
    if (!ir_operand_fits(v->ir, value, i))
        complain(v, value, "an operand has another type");
    if (!of)
        return;
    if (of->index >= v->ir->count || !v->seen[of->index])
        complain(v, value, "an operand is not defined before its use");
    else if (of->rank > region_ranks[v->region->kind])
        complain(v, value, "an operand has a higher rank than the region");
    else if (of->type == IR_BOOL && of->rank != region_ranks[v->region->kind])
        complain(v, value, "a bool is used in a region of another rank");
}

/* x86 masks a shift's count and LLVM gives poison for larger ones; constants below 32 are the same everywhere. */
static void verify_shift(struct verifier *v, const struct ir_value *value)
{
    bool is_shift = value->op == IR_ishl || value->op == IR_ishr || value->op == IR_isar;
    if (is_shift && (value->operand[1].value || value->operand[1].bits > 31))
        complain(v, value, "a shift is by a constant of 0 to 31");
}

/* How often an item is touched (buffers.def) must be how often the region runs; a T item may be used in `once` too. */
static void verify_buffer(struct verifier *v, const struct ir_value *value)
{
    enum ir_rank rank = ir_buffer_rows[value->buffer].rank, here = region_ranks[v->region->kind];
    bool element = rank == IR_RANK_E || here == IR_RANK_E;
    if (element && rank != here)
        complain(v, value, "elements are loaded and stored in `each`, blocks in `once`");
    if (here == IR_RANK_T && rank != IR_RANK_T)
        complain(v, value, "`start` reads and writes the tensor's own items only");
    if (value->buffer == IR_BUFFER_scale && !v->ir->scale_bits)
        complain(v, value, "the kernel has no scale");
}

static bool has_element_operand(const struct ir_value *value)
{
    for (unsigned i = 0; i < ir_operand_count(value->op); i++)
        if (ir_operand_rank(value->operand[i]) == IR_RANK_E)
            return true;
    return false;
}

/* A value of `each` that depends on no element would be computed once for each of them. */
static void verify_shape(struct verifier *v, const struct ir_value *value)
{
    bool each = v->region->kind == IR_EACH;
    switch (ir_op_rows[value->op].shape) {
    case IR_LOAD:
    case IR_STORE:
        verify_buffer(v, value);
        return;
    case IR_REDUCE:
        if (!each)
            complain(v, value, "a reduction stands in `each`");
        if (++v->reductions > IR_REDUCTIONS_MAX)
            complain(v, value, "a region has at most 4 reductions");
        return;
    case IR_SUMS:
        if (!each || v->ir->op != KERNEL_error)
            complain(v, value, "sums are taken in `each` of an `error` kernel");
        return;
    case IR_FORMAT:
        if (!value->format)
            complain(v, value, "it has no format");
        break;
    case IR_PLAIN:
        break;
    }
    if (each && !has_element_operand(value))
        complain(v, value, "nothing of it depends on the element; it belongs into `once`");
    verify_shift(v, value);
}

/* IR that will be lowered: what the passes promise. */
static void verify_machine(struct verifier *v, const struct ir_value *value)
{
    const struct kernel_target *target = v->ir->target;
    if ((v->ir->properties & IR_MACHINE) && ir_op_rows[value->op].level == IR_LEVEL_FORMULA)
        complain(v, value, "a formula op is left after `legalize`");
    if ((v->ir->properties & IR_CHECKED) && ((value->op == IR_fma && !target->fma) ||
        ((value->op == IR_narrow_f16 || value->op == IR_widen_f16) && !target->f16)))
        complain(v, value, "the target has no such instruction");
}

static void verify_region(struct verifier *v)
{
    const struct ir_region *r = v->region;
    const struct ir_value *c = r->condition;
    v->reductions = 0;
    if ((r->guard != IR_ALWAYS) != (c != NULL) ||
        (c && (r->kind != IR_EACH || c->rank != IR_RANK_B || c->type != IR_BOOL || !v->seen[c->index]))) {
        v->ok = false;
        diag_report_about(v->diags, DIAG_kernel_rule, v->ir->name, "a region's condition is a bool of a block, before `each`");
    }
    IR_EACH_VALUE(r, value) {
        for (unsigned i = 0; i < ir_operand_count(value->op); i++)
            verify_operand(v, value, i);
        verify_shape(v, value);
        verify_machine(v, value);
        v->seen[value->index] = true;
    }
    if (r->kind == IR_EACH) /* a region's own values end with it; a reduction's result stays */
        IR_EACH_VALUE(r, value)
            if (value->rank == IR_RANK_E)
                v->seen[value->index] = false;
}

static bool is_one_of(unsigned value, unsigned a, unsigned b, unsigned c, unsigned d)
{
    return value == a || value == b || value == c || value == d;
}

/* What the arrays of codegen/jit hold: LOWER_PARTS parts of a value, a power of two as they are joined in pairs; 64 elements of
 * a tile. */
static const char *schedule_problem(const struct kernel_ir *ir)
{
    const struct ir_schedule *s = &ir->schedule;
    if (!is_one_of(s->lanes, 1, 4, 8, 16) || s->lanes > ir->target->lanes)
        return "lanes are 1, 4, 8 or 16, and no more than the target's";
    if (!is_one_of(s->chunk, 8, 16, 32, 64) || s->chunk < s->lanes || s->chunk / s->lanes > 32)
        return "a chunk is 8, 16, 32 or 64 elements, 1 to 32 times the lanes";
    if (ir->code_unit == 4 && s->chunk % 32 && s->kind != IR_stream)
        return "codes in words want chunks of 32";
    if (s->kind != IR_blocks)
        return s->kind == IR_rows || !(s->shifted || s->nested) ? NULL : "only `rows` are nested or shifted";
    if (s->shifted || s->nested)
        return "only `rows` are nested or shifted";
    bool power = s->group && !(s->group & (s->group - 1)) && s->group <= 256;
    if (!power || s->group < s->lanes || s->lanes == 1)
        return "a group is a power of two, at most 256, not less than the lanes; blocks are vectors";
    if (!is_one_of(s->in_flight, 8, 16, 32, 32) || s->in_flight < s->lanes)
        return "8, 16 or 32 blocks are in flight, not less than the lanes";
    return NULL;
}

static const char *header_problem(const struct kernel_ir *ir)
{
    if (ir->code_bits < 1 || (ir->code_bits > 8 && ir->code_bits != 16))
        return "codes have 1 to 8 or 16 bits";
    if ((ir->code_unit != 1 && ir->code_unit != 4) || (ir->code_bits == 16 && ir->code_unit != 1))
        return "the unit is 1, or 4 for codes of at most 8 bits";
    if (ir->scale_bits != 0 && ir->scale_bits != 8 && ir->scale_bits != 16 && ir->scale_bits != 32)
        return "scales have 0, 8, 16 or 32 bits";
    if (ir->x != DTYPE_f32 && ir->x != DTYPE_f16 && ir->x != DTYPE_bf16)
        return "x is f32, f16 or bf16";
    return ir->properties & IR_SCHEDULED ? schedule_problem(ir) : NULL;
}

bool kernel_verify(const struct kernel_ir *ir, struct diags *diags)
{
    struct verifier v = {.ir = ir, .diags = diags, .ok = true};
    const char *problem = header_problem(ir);
    if (problem) {
        diag_report_about(diags, DIAG_kernel_rule, ir->name, "%s", problem);
        return false;
    }
    ir_number((struct kernel_ir *)ir); /* indexes are the verifier's own scratch */
    if (ir->count > IR_VALUES_MAX) {
        diag_report_about(diags, DIAG_too_large, ir->name, "a kernel of more than %d operations", IR_VALUES_MAX);
        return false;
    }
    v.seen = ARENA_ARRAY(ir->arena, ir->count + 1, bool);
    for (v.region = ir->first; v.region; v.region = v.region->next)
        verify_region(&v);
    return v.ok;
}
