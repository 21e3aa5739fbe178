/* Kernel IR: a quantization formula as typed SSA, and how its loops run. README.md is the guide.
 * A kernel is a list of regions; values have three ranks: T once per tensor, B once per scale block, E once per
 * element. Regions: `start` (T, once a call), `once` (B, once a block), `each` (E, every element of the block).
 * Element values live in their region alone: the next one loads x again, which then is in the first cache. */
#ifndef QUERN_CODEGEN_IR_H
#define QUERN_CODEGEN_IR_H

#include "codegen/kernel/kernel.h"

enum ir_op {
#define IR_OP(name, word, result, operands, shape, level) IR_##name,
#include "codegen/kernel/ir_ops.def"
#undef IR_OP
    IR_OP_COUNT
};
/* Columns of ir_ops.def; their meaning is told there. */
enum ir_shape { IR_PLAIN, IR_FORMAT, IR_LOAD, IR_STORE, IR_REDUCE, IR_SUMS };
enum ir_level { IR_LEVEL_FORMULA, IR_LEVEL_MACHINE };
struct ir_op_row {
    const char *word, *operands;
    char result;
    enum ir_shape shape;
    enum ir_level level;
};
extern const struct ir_op_row ir_op_rows[IR_OP_COUNT];

enum ir_type { IR_NONE, IR_F32, IR_I32, IR_BOOL };
enum ir_rank { IR_RANK_T, IR_RANK_B, IR_RANK_E };
enum ir_buffer {
#define BUFFER(name, rank) IR_BUFFER_##name,
#include "codegen/kernel/buffers.def"
#undef BUFFER
    IR_BUFFER_COUNT
};
struct ir_buffer_row {
    const char *word;
    enum ir_rank rank;
};
extern const struct ir_buffer_row ir_buffer_rows[IR_BUFFER_COUNT];

struct ir_value;
/* A value, or a constant of the type that the operand has: f32 bits or an int. */
struct ir_operand {
    struct ir_value *value; /* NULL: constant */
    uint32_t bits;
    enum ir_type type;      /* of the constant */
};

enum { IR_OPERANDS = 3 };
/* One operation and the value it gives. */
struct ir_value {
    struct ir_value *next;
    enum ir_op op;
    enum ir_type type;  /* IR_NONE: no result */
    enum ir_rank rank;
    const char *name;   /* without the %; unique in the kernel */
    unsigned index;     /* dense, in text order; ir_number */
    const struct format *format; /* FORMAT */
    enum ir_buffer buffer;       /* LOAD, STORE */
    struct ir_operand operand[IR_OPERANDS];
};

enum ir_region_kind {
    IR_START,
    IR_ONCE,
    IR_EACH,
    IR_REGION_COUNT
};
/* Words of the text form, by enum. */
extern const char *const ir_region_words[IR_REGION_COUNT];
enum ir_guard { IR_ALWAYS, IR_IF, IR_UNLESS };

struct ir_region {
    struct ir_region *next;
    enum ir_region_kind kind;
    enum ir_guard guard;     /* IF, UNLESS: run when the B bool `condition` holds for all blocks in flight, or not */
    struct ir_value *condition;
    struct ir_value *first;
};

enum ir_schedule_kind {
#define SCHEDULE(name, word) IR_##name,
#include "codegen/kernel/schedules.def"
#undef SCHEDULE
    IR_SCHEDULE_COUNT
};
extern const char *const ir_schedule_words[IR_SCHEDULE_COUNT];

struct ir_schedule {
    enum ir_schedule_kind kind;
    unsigned lanes;     /* of one vector; 1: scalars */
    unsigned chunk;     /* elements of a tile; a multiple of lanes and of 8 */
    unsigned group;     /* blocks: elements of a block */
    unsigned in_flight; /* blocks: how many at once */
    bool shifted;       /* rows: codes of a block may start inside a byte */
    bool nested;        /* rows: a block is several runs */
};

/* What is known of the IR; passes.def says which pass needs, keeps and gives what. */
enum ir_property { IR_FORMULA = 1, IR_SCHEDULED = 2, IR_DIVIDED = 4, IR_MACHINE = 8, IR_CHECKED = 16 };

struct kernel_ir {
    struct arena *arena; /* borrowed */
    const char *name;    /* quern.SPEC.OP.DTYPE; the function's name */
    const char *spec;    /* its canonical text, for the reader */
    enum kernel_op op;
    enum dtype x;               /* f32, f16, bf16 */
    unsigned code_bits;         /* 1..8, 16 */
    unsigned code_unit;         /* bytes a code row is padded to: 1, or 4 (layout i32) */
    unsigned scale_bits;        /* 32, 16, 8; 0: none */
    const struct kernel_target *target;
    struct ir_schedule schedule;
    unsigned properties;        /* enum ir_property */
    struct ir_region *first;
    struct ir_value *finite;    /* B bool: every element of the block is finite; set by the pass of that name */
    unsigned count;             /* values, after ir_number */
};

/* An IR of property FORMULA without header; the arena is borrowed and outlives it. */
struct kernel_ir *ir_new(struct arena *arena);
/* A new region behind all others. */
struct ir_region *ir_region(struct kernel_ir *ir, enum ir_region_kind kind);

/* Where operations are put: at the end of region, or before `before`. */
struct ir_builder {
    struct kernel_ir *ir;
    struct ir_region *region;
    struct ir_value *before;
};
/* An operation named after `name` (made unique by a number), with rank and type from its operands. */
struct ir_value *ir_put(struct ir_builder *b, enum ir_op op, const char *name, struct ir_operand a, struct ir_operand c,
                        struct ir_operand d);
/* A load or a store in the open region; the type follows from the buffer's bits (ir_buffer_type), name made unique. */
struct ir_value *ir_load(struct ir_builder *b, enum ir_buffer buffer, const char *name);
void ir_store(struct ir_builder *b, enum ir_buffer buffer, struct ir_operand value);
/* Links a finished value at the builder's place; or takes one out of its region. Uses are not looked at. */
void ir_insert(struct ir_builder *b, struct ir_value *value);
void ir_remove(struct ir_region *region, struct ir_value *value);
/* Every use of old becomes new. */
void ir_replace(struct kernel_ir *ir, const struct ir_value *old, struct ir_operand new);
/* Sets every value's index, dense and in text order, and ir->count. */
void ir_number(struct kernel_ir *ir);
/* name, or name.N with the least N from 2 that no value has; in the IR's arena. */
const char *ir_unique(const struct kernel_ir *ir, const char *name);

static inline struct ir_operand ir_of(struct ir_value *value)
{
    return (struct ir_operand){.value = value, .type = value->type};
}
static inline struct ir_operand ir_int(int64_t value)
{
    return (struct ir_operand){.bits = (uint32_t)value, .type = IR_I32};
}
struct ir_operand ir_float(float value);
static const struct ir_operand ir_none = {0};

/* Operands of the row; the rank of a constant is T. */
unsigned ir_operand_count(enum ir_op op);
enum ir_rank ir_operand_rank(struct ir_operand operand);
enum ir_type ir_buffer_type(const struct kernel_ir *ir, enum ir_buffer buffer);
unsigned ir_buffer_bits(const struct kernel_ir *ir, enum ir_buffer buffer); /* of one item */
/* The types of op's operands and result given the operands; IR_NONE where they do not fit. */
enum ir_type ir_result_type(const struct kernel_ir *ir, const struct ir_value *value);
bool ir_operand_fits(const struct kernel_ir *ir, const struct ir_value *value, unsigned i);

#define IR_EACH_REGION(ir, r) for (struct ir_region *r = (ir)->first; r; r = r->next)
#define IR_EACH_VALUE(region, v) for (struct ir_value *v = (region)->first; v; v = v->next)

#endif
