/* Kernel IR: the tables made of the .def rows, and the building blocks of ir.h. In: operations in program order. Out: a
 * list of regions, each a list of values, all in ir->arena. Ranks and types follow from the region and the op's row, so
 * that a builder cannot state them wrongly; names are made unique on insertion. Lists are short (IR_VALUES_MAX), so that
 * every search is linear. ir_verify.c holds the result to the rules. */
#include "codegen/kernel/ir.h"

#include <string.h>

const struct ir_op_row ir_op_rows[IR_OP_COUNT] = {
#define IR_OP(name, word, result, operands, shape, level) {word, operands, result, IR_##shape, IR_LEVEL_##level},
#include "codegen/kernel/ir_ops.def"
#undef IR_OP
};
const struct ir_buffer_row ir_buffer_rows[IR_BUFFER_COUNT] = {
#define BUFFER(name, rank) {#name, IR_RANK_##rank},
#include "codegen/kernel/buffers.def"
#undef BUFFER
};
const char *const ir_region_words[IR_REGION_COUNT] = {"start", "once", "each"};
const char *const ir_schedule_words[IR_SCHEDULE_COUNT] = {
#define SCHEDULE(name, word) word,
#include "codegen/kernel/schedules.def"
#undef SCHEDULE
};
const char *const kernel_op_words[KERNEL_OP_COUNT] = {
#define KERNEL_OP(name, word, reads, writes) word,
#include "codegen/kernel/ops.def"
#undef KERNEL_OP
};

struct kernel_ir *ir_new(struct arena *arena)
{
    struct kernel_ir *ir = ARENA_NEW(arena, struct kernel_ir);
    ir->arena = arena;
    ir->properties = IR_FORMULA;
    return ir;
}

/* Regions run in list order. */
struct ir_region *ir_region(struct kernel_ir *ir, enum ir_region_kind kind)
{
    struct ir_region *region = ARENA_NEW(ir->arena, struct ir_region), **last = &ir->first;
    region->kind = kind;
    while (*last)
        last = &(*last)->next;
    return *last = region;
}

struct ir_operand ir_float(float value)
{
    struct ir_operand operand = {.type = IR_F32};
    memcpy(&operand.bits, &value, sizeof operand.bits);
    return operand;
}

unsigned ir_operand_count(enum ir_op op)
{
    return (unsigned)strlen(ir_op_rows[op].operands);
}

enum ir_rank ir_operand_rank(struct ir_operand operand)
{
    return operand.value ? operand.value->rank : IR_RANK_T;
}

unsigned ir_buffer_bits(const struct kernel_ir *ir, enum ir_buffer buffer)
{
    switch (buffer) {
    case IR_BUFFER_x:
        return dtype_rows[ir->x].bits;
    case IR_BUFFER_codes:
        return ir->code_bits;
    case IR_BUFFER_scale:
        return ir->scale_bits;
    case IR_BUFFER_zero:
    case IR_BUFFER_second:
    case IR_BUFFER_amax:
    case IR_BUFFER_COUNT:
        break;
    }
    return 32;
}

/* Floats of 32 bits are f32, anything narrower is its bits. */
enum ir_type ir_buffer_type(const struct kernel_ir *ir, enum ir_buffer buffer)
{
    bool is_code = buffer == IR_BUFFER_codes || buffer == IR_BUFFER_zero;
    return !is_code && ir_buffer_bits(ir, buffer) == 32 ? IR_F32 : IR_I32;
}

static enum ir_type letter_type(const struct kernel_ir *ir, const struct ir_value *value, char letter)
{
    switch (letter) {
    case 'f':
        return IR_F32;
    case 'i':
        return IR_I32;
    case 'b':
        return IR_BOOL;
    case 'T': /* select: the second operand decides */
        return value->operand[1].type;
    case '*':
        return ir_buffer_type(ir, value->buffer);
    }
    return IR_NONE;
}

enum ir_type ir_result_type(const struct kernel_ir *ir, const struct ir_value *value)
{
    return letter_type(ir, value, ir_op_rows[value->op].result);
}

bool ir_operand_fits(const struct kernel_ir *ir, const struct ir_value *value, unsigned i)
{
    enum ir_type type = letter_type(ir, value, ir_op_rows[value->op].operands[i]);
    return type != IR_NONE && value->operand[i].type == type;
}

/* Quadratic over a kernel's build; a kernel of all formulas has some hundred values. */
static bool name_is_taken(const struct kernel_ir *ir, const char *name)
{
    IR_EACH_REGION(ir, r)
        IR_EACH_VALUE(r, v)
            if (v->name && !strcmp(v->name, name))
                return true;
    return false;
}

/* The first one keeps its name, later ones get `.2`, `.3`, …: texts of the same request are the same bytes. */
const char *ir_unique(const struct kernel_ir *ir, const char *name)
{
    const char *base = arena_string(ir->arena, name), *unique = base;
    for (unsigned n = 2; name_is_taken(ir, unique); n++)
        unique = arena_printf(ir->arena, "%s.%u", base, n);
    return unique;
}

/* before NULL: at the end. */
void ir_insert(struct ir_builder *b, struct ir_value *value)
{
    struct ir_value **at = &b->region->first;
    while (*at && *at != b->before)
        at = &(*at)->next;
    value->next = *at;
    *at = value;
}

/* An operation of an `each` region is E, of `once` B, of `start` T; a reduction gives B. */
static enum ir_rank result_rank(const struct ir_region *region, enum ir_op op)
{
    if (ir_op_rows[op].shape == IR_REDUCE)
        return IR_RANK_B;
    return region->kind == IR_EACH ? IR_RANK_E : region->kind == IR_ONCE ? IR_RANK_B : IR_RANK_T;
}

/* Operands and buffer must be set: they decide the type. A value without a result has no name. */
static struct ir_value *finish(struct ir_builder *b, struct ir_value *value, const char *name)
{
    value->rank = result_rank(b->region, value->op);
    value->type = ir_result_type(b->ir, value);
    if (value->type != IR_NONE)
        value->name = ir_unique(b->ir, name);
    ir_insert(b, value);
    return value;
}

struct ir_value *ir_put(struct ir_builder *b, enum ir_op op, const char *name, struct ir_operand a, struct ir_operand c,
                        struct ir_operand d)
{
    struct ir_value *value = ARENA_NEW(b->ir->arena, struct ir_value);
    value->op = op;
    value->operand[0] = a;
    value->operand[1] = c;
    value->operand[2] = d;
    return finish(b, value, name);
}

struct ir_value *ir_load(struct ir_builder *b, enum ir_buffer buffer, const char *name)
{
    struct ir_value *value = ARENA_NEW(b->ir->arena, struct ir_value);
    value->op = IR_load;
    value->buffer = buffer;
    return finish(b, value, name);
}

void ir_store(struct ir_builder *b, enum ir_buffer buffer, struct ir_operand operand)
{
    struct ir_value *value = ARENA_NEW(b->ir->arena, struct ir_value);
    value->op = IR_store;
    value->buffer = buffer;
    value->operand[0] = operand;
    finish(b, value, NULL);
}

void ir_remove(struct ir_region *region, struct ir_value *value)
{
    struct ir_value **at = &region->first;
    while (*at && *at != value)
        at = &(*at)->next;
    if (*at)
        *at = value->next;
}

/* Conditions of regions are uses as well. */
void ir_replace(struct kernel_ir *ir, const struct ir_value *old, struct ir_operand new)
{
    IR_EACH_REGION(ir, r) {
        if (r->condition == old)
            r->condition = new.value;
        IR_EACH_VALUE(r, v)
            for (unsigned i = 0; i < ir_operand_count(v->op); i++)
                if (v->operand[i].value == old)
                    v->operand[i] = new;
    }
}

void ir_number(struct kernel_ir *ir)
{
    ir->count = 0;
    IR_EACH_REGION(ir, r)
        IR_EACH_VALUE(r, v)
            v->index = ir->count++;
}
