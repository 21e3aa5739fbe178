/* Kernel IR as text; ir_read.c reads it back to the same bytes. In: any IR that verifies. Out: the form that README.md gives,
 * floats in the shortest digits that read back (text_double), names of formats only where they mean the built-in row. */
#include "codegen/kernel/ir.h"
#include "codegen/kernel/ir_text.h"

#include <string.h>

const char *const ir_specials_words[] = {
    [SPECIALS_NONE] = "none", [SPECIALS_IEEE] = "ieee", [SPECIALS_FN] = "fn",
    [SPECIALS_FNUZ] = "fnuz", [SPECIALS_E8M0] = "e8m0"};

static void print_format(struct text *out, const struct format *f)
{
    const struct format *builtin = f->name ? format_find(f->name) : NULL;
    if (builtin && format_same(builtin, f))
        text_add(out, f->name);
    else
        text_printf(out, "float(%d,%d,%d,%s)", f->e, f->m, f->bias, ir_specials_words[f->specials]);
}

static float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Small ints in decimal, masks in hexadecimal. */
static void print_int(struct text *out, uint32_t bits)
{
    int32_t value = (int32_t)bits;
    if (value >= -65536 && value <= 65536)
        text_printf(out, "%d", value);
    else
        text_printf(out, "0x%08x", bits);
}

static void print_operand(struct text *out, struct ir_operand operand)
{
    if (operand.value)
        text_printf(out, "%%%s", operand.value->name);
    else if (operand.type == IR_F32)
        text_double(out, bits_to_float(operand.bits));
    else
        print_int(out, operand.bits);
}

static void print_value(struct text *out, const struct ir_value *v)
{
    const struct ir_op_row *row = &ir_op_rows[v->op];
    text_add(out, "    ");
    if (v->type != IR_NONE)
        text_printf(out, "%%%s = ", v->name);
    text_add(out, row->word);
    if (row->shape == IR_LOAD || row->shape == IR_STORE)
        text_printf(out, " %s", ir_buffer_rows[v->buffer].word);
    if (row->shape == IR_FORMAT) {
        text_char(out, ' ');
        print_format(out, v->format);
    }
    for (unsigned i = 0; i < ir_operand_count(v->op); i++) {
        text_add(out, i ? ", " : " ");
        print_operand(out, v->operand[i]);
    }
    text_char(out, '\n');
}

static void print_region(struct text *out, const struct ir_region *r)
{
    text_add(out, ir_region_words[r->kind]);
    if (r->guard != IR_ALWAYS)
        text_printf(out, " %s %%%s", r->guard == IR_IF ? "if" : "unless", r->condition->name);
    text_add(out, ":\n");
    IR_EACH_VALUE(r, v)
        print_value(out, v);
}

static void print_schedule(struct text *out, const struct ir_schedule *s)
{
    text_printf(out, "schedule %s lanes %u chunk %u", ir_schedule_words[s->kind], s->lanes, s->chunk);
    if (s->kind == IR_blocks)
        text_printf(out, " group %u in_flight %u", s->group, s->in_flight);
    text_add(out, s->nested ? " nested" : "");
    text_add(out, s->shifted ? " shifted\n" : "\n");
}

void kernel_print(struct text *out, const struct kernel_ir *ir)
{
    text_printf(out, "kernel %s\n", ir->name);
    text_add(out, "spec ");
    text_quote(out, ir->spec, strlen(ir->spec));
    text_printf(out, "\nop %s\nx %s\n", kernel_op_words[ir->op], dtype_rows[ir->x].word);
    text_printf(out, "codes %u unit %u\nscale %u\n", ir->code_bits, ir->code_unit, ir->scale_bits);
    text_printf(out, "target %s\n", ir->target->name);
    if (ir->properties & IR_SCHEDULED)
        print_schedule(out, &ir->schedule);
    for (const struct ir_region *r = ir->first; r; r = r->next)
        print_region(out, r);
}
