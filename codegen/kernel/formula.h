/* From a spec to the formulas of its operations, as kernel IR. In: a spec that kernel_supports has let in. Out: regions in
 * f->b.ir. The formulas are the comments of formula.c and formula_scale.c. */
#ifndef QUERN_CODEGEN_FORMULA_H
#define QUERN_CODEGEN_FORMULA_H

#include "codegen/kernel/ir.h"

/* What the parts of one kernel share while it is built. */
struct formula_builder {
    struct ir_builder b;
    const struct spec *spec;
    int32_t qmin, qmax;   /* ints */
    float fmax;           /* floats: the largest finite value */
    struct ir_operand A, lo, hi;       /* B: statistics of the block */
    struct ir_operand g;               /* T: second level */
    struct ir_operand s;               /* B: the scale as used (nvfp4: d) */
    struct ir_operand none;            /* B, nvfp4: the stored scale is 0 */
    struct ir_operand p;               /* B, mx: 2^-E */
    struct ir_operand nonzero;         /* B, nvfp4: mask that clears the codes of a block whose scale is 0 */
    struct ir_operand z;               /* B: zero point */
    struct ir_operand zs;              /* B: zero point plus the layout's offset: what is added to rne(q) */
    struct ir_operand code_lo, code_hi; /* B: bounds of x / s before rounding */
};

bool formula_is_float(const struct format *format); /* a small float (not e8m0, not f32) */
bool formula_is_mx(const struct spec *spec);        /* e8m0 scale */
int32_t formula_offset(const struct spec *spec);    /* added to a code when stored: i32 layout */

/* The regions of an op, appended to f->b.ir. */
void formula_observe(struct formula_builder *f);
void formula_quantize(struct formula_builder *f, bool dynamic);
void formula_dequantize(struct formula_builder *f);
void formula_error(struct formula_builder *f);

/* Shared by the files of this part: each continues the region that is open. */
void formula_new_scale(struct formula_builder *f);  /* in `once`: computes and stores scale and zero point; sets s, p, z … */
void formula_given_scale(struct formula_builder *f); /* in `once`: loads them */
void formula_bounds(struct formula_builder *f);      /* in `once`: sets code_lo, code_hi */

static inline struct ir_operand formula_put(struct formula_builder *f, enum ir_op op, const char *name, struct ir_operand a,
                                            struct ir_operand b, struct ir_operand c)
{
    return ir_of(ir_put(&f->b, op, name, a, b, c));
}
static inline struct ir_operand formula_one(struct formula_builder *f, enum ir_op op, const char *name, struct ir_operand a)
{
    return formula_put(f, op, name, a, ir_none, ir_none);
}
static inline struct ir_operand formula_two(struct formula_builder *f, enum ir_op op, const char *name, struct ir_operand a,
                                            struct ir_operand b)
{
    return formula_put(f, op, name, a, b, ir_none);
}
struct ir_operand formula_cast(struct formula_builder *f, enum ir_op op, const char *name, const struct format *format,
                               struct ir_operand a, struct ir_operand b); /* encode, decode */

#endif
