/* What match code reads from a name besides bytes: characters (charset.c's utf8_next) and layer numbers (subject.c). The C of each
 * part stands above its IR. */
#include "codegen/jit/match.h"

#include <string.h>

static emit_value byte_constant(struct match_lowering *l, unsigned char value)
{
    return LLVMConstInt(l->e.i8, value, false);
}

static emit_value is_equal(struct match_lowering *l, emit_value a, emit_value b)
{
    return emit_compare(&l->e, LLVMIntEQ, a, b, "");
}

static emit_value plus(struct match_lowering *l, emit_value a, int64_t b)
{
    return emit_add(&l->e, a, emit_i64(&l->e, b));
}

/* ---- characters ---- */

/* values[0] where lead is below bounds[0], and so on; the last one else. The bounds are UTF-8's lead bytes (RFC 3629):
 * continuation or overlong below c2, two bytes below e0, three below f0, four below f5. */
static emit_value select_by_lead(struct match_lowering *l, emit_value lead, const int64_t *values)
{
    static const int bounds[] = {0xc2, 0xe0, 0xf0, 0xf5};
    emit_value v = emit_i64(&l->e, values[4]);
    for (int i = 3; i >= 0; i--)
        v = emit_select(&l->e, emit_compare(&l->e, LLVMIntULT, lead, emit_i64(&l->e, bounds[i]), ""), emit_i64(&l->e, values[i]), v, "");
    return v;
}

/* for (i = 1; i < length && good; i++) good = (name[at + i] & 0xc0) == 0x80, c = c << 6 | (name[at + i] & 0x3f) */
static void lower_continuation(struct match_lowering *l, emit_value at, emit_value length, emit_value good, emit_value c)
{
    struct emit *e = &l->e;
    LLVMBasicBlockRef head = emit_block(e, "continuation"), body = emit_block(e, "byte"), exit = emit_block(e, "decoded");
    emit_value i = emit_variable(e, e->i64, emit_i64(e, 1), "i");
    emit_jump(e, head);
    emit_at(e, head);
    emit_value more = emit_compare(e, LLVMIntULT, emit_get(e, i), length, "");
    emit_jump_if(e, emit_and(e, more, emit_get(e, good)), body, exit);
    emit_at(e, body);
    emit_value byte = emit_resize(e, match_byte(l, emit_add(e, at, emit_get(e, i))), e->i64);
    emit_set(e, good, is_equal(l, emit_and(e, byte, emit_i64(e, 0xc0)), emit_i64(e, 0x80)));
    emit_value low = emit_and(e, byte, emit_i64(e, 0x3f));
    emit_set(e, c, emit_or(e, emit_shift_left(e, emit_get(e, c), emit_i64(e, 6)), low));
    emit_set(e, i, plus(l, emit_get(e, i), 1));
    emit_jump(e, head);
    emit_at(e, exit);
}

/* good && c >= least && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000) ? c | length << 32 : (0xdc00 + lead) | 1 << 32
 * A byte that begins no valid character is one character, dc00 + byte, as Python's surrogateescape has it; surrogates encoded
 * in UTF-8 are invalid there too. */
void match_lower_decode(struct match_lowering *l)
{
    static const int64_t lengths[] = {0, 2, 3, 4, 0}, leasts[] = {0, 0x80, 0x800, 0x10000, 0};
    struct emit *e = &l->e;
    l->decode = match_function_open(l, "decode", e->i64, &e->i64, 1, true);
    emit_value at = emit_parameter(e, 2, "at"), lead = emit_resize(e, match_byte(l, at), e->i64);
    emit_value length = select_by_lead(l, lead, lengths), least = select_by_lead(l, lead, leasts);
    emit_value fits = emit_compare(e, LLVMIntULE, length, emit_sub(e, l->size, at), "");
    emit_value long_enough = emit_compare(e, LLVMIntUGT, length, emit_i64(e, 1), "");
    emit_value good = emit_variable(e, e->i1, LLVMConstNull(e->i1), "good");
    emit_value c = emit_variable(e, e->i64, emit_i64(e, 0), "c");
    emit_set(e, good, emit_and(e, fits, long_enough));
    emit_set(e, c, emit_and(e, lead, emit_shift_right(e, emit_i64(e, 0x7f), length)));
    lower_continuation(l, at, length, good, c);
    emit_value found = emit_get(e, c), ok = emit_get(e, good);
    ok = emit_and(e, ok, emit_compare(e, LLVMIntUGE, found, least, ""));
    ok = emit_and(e, ok, emit_compare(e, LLVMIntULE, found, emit_i64(e, CODE_POINT_MAX), ""));
    ok = emit_and(e, ok, emit_compare(e, LLVMIntUGE, emit_sub(e, found, emit_i64(e, 0xd800)), emit_i64(e, 0x800), ""));
    emit_value escape = emit_or(e, emit_add(e, lead, emit_i64(e, 0xdc00)), emit_i64(e, (int64_t)1 << 32));
    emit_give(e, emit_select(e, ok, emit_or(e, found, emit_shift_left(e, length, emit_i64(e, 32))), escape, ""));
}

/* ---- layer numbers ---- */

static emit_value is_digit(struct match_lowering *l, emit_value byte)
{
    return emit_compare(&l->e, LLVMIntULT, emit_sub(&l->e, byte, byte_constant(l, '0')), byte_constant(l, 10), "");
}

/* i64 number(name, size, at): for (v = 0; at < size && is_digit(name[at]); at++) v = 10 * v + digit; -1 beyond 63 bits. */
static void lower_number(struct match_lowering *l)
{
    struct emit *e = &l->e;
    l->number = match_function_open(l, "number", e->i64, &e->i64, 1, true);
    emit_value first = emit_parameter(e, 2, "at"), at = emit_variable(e, e->i64, emit_i64(e, 0), "at");
    emit_value v = emit_variable(e, e->i64, emit_i64(e, 0), "v");
    emit_set(e, at, first);
    LLVMBasicBlockRef head = emit_block(e, "head"), body = emit_block(e, "body"), digit = emit_block(e, "digit"), more = emit_block(e, "more");
    LLVMBasicBlockRef add = emit_block(e, "add"), beyond = emit_block(e, "beyond"), done = emit_block(e, "done");
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, at), l->size, ""), body, done);
    emit_at(e, body);
    emit_value byte = match_byte(l, emit_get(e, at));
    emit_jump_if(e, is_digit(l, byte), digit, done);
    emit_at(e, digit);
    emit_jump_if(e, emit_compare(e, LLVMIntUGT, emit_get(e, v), emit_i64(e, INT64_MAX / 10), ""), beyond, more);
    emit_at(e, more);
    emit_value next = emit_mul(e, emit_get(e, v), emit_i64(e, 10));
    next = emit_add(e, next, emit_resize(e, emit_sub(e, byte, byte_constant(l, '0')), e->i64));
    emit_jump_if(e, emit_compare(e, LLVMIntSLT, next, emit_i64(e, 0), ""), beyond, add);
    emit_at(e, add);
    emit_set(e, v, next);
    emit_set(e, at, plus(l, emit_get(e, at), 1));
    emit_jump(e, head);
    emit_at(e, beyond);
    emit_give(e, emit_i64(e, -1));
    emit_at(e, done);
    emit_give(e, emit_get(e, v));
}

static void give_number(struct match_lowering *l, emit_value at)
{
    emit_value args[] = {l->name, l->size, at};
    emit_give(&l->e, emit_call(&l->e, l->number, args, 3, "number"));
}

/* Goes on where name[at..] begins with the word and a digit follows it; else to `otherwise`. */
static void lower_word(struct match_lowering *l, emit_value at, const char *word, LLVMBasicBlockRef otherwise)
{
    struct emit *e = &l->e;
    size_t size = strlen(word);
    LLVMBasicBlockRef next = emit_block(e, word);
    emit_jump_if(e, emit_compare(e, LLVMIntUGT, emit_sub(e, l->size, at), emit_i64(e, (int64_t)size), ""), next, otherwise);
    emit_at(e, next);
    for (size_t i = 0; i <= size; i++) {
        emit_value byte = match_byte(l, plus(l, at, (int64_t)i));
        next = emit_block(e, word);
        emit_jump_if(e, i < size ? is_equal(l, byte, byte_constant(l, (unsigned char)word[i])) : is_digit(l, byte), next, otherwise);
        emit_at(e, next);
    }
}

/* The first place of `layers.` and a digit: find_layers. `y` is looked at first, the rarest letter. */
static void lower_layers(struct match_lowering *l, LLVMBasicBlockRef none)
{
    struct emit *e = &l->e;
    LLVMBasicBlockRef head = emit_block(e, "layers"), body = emit_block(e, "place"), word = emit_block(e, "word"), next = emit_block(e, "next");
    emit_value i = emit_variable(e, e->i64, emit_i64(e, 2), "i"); /* the place of `y` */
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, i), l->size, ""), body, none);
    emit_at(e, body);
    emit_jump_if(e, is_equal(l, match_byte(l, emit_get(e, i)), byte_constant(l, 'y')), word, next);
    emit_at(e, word);
    emit_value at = plus(l, emit_get(e, i), -2);
    lower_word(l, at, "layers.", next);
    give_number(l, plus(l, at, 7));
    emit_at(e, next);
    emit_set(e, i, plus(l, emit_get(e, i), 1));
    emit_jump(e, head);
}

/* (^|\.)(h|blk|blocks?|layer)\.(\d+): find_block. */
static void lower_blocks(struct match_lowering *l)
{
    static const char *const words[] = {"h.", "blk.", "block.", "blocks.", "layer."};
    struct emit *e = &l->e;
    LLVMBasicBlockRef head = emit_block(e, "segment"), body = emit_block(e, "words"), none = emit_block(e, "none");
    LLVMBasicBlockRef skip = emit_block(e, "skip"), byte = emit_block(e, "byte"), next = emit_block(e, "next");
    emit_value i = emit_variable(e, e->i64, emit_i64(e, 0), "i");
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, i), l->size, ""), body, none);
    emit_at(e, body);
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        LLVMBasicBlockRef other = w + 1 < sizeof words / sizeof *words ? emit_block(e, words[w + 1]) : skip;
        emit_value at = emit_get(e, i);
        lower_word(l, at, words[w], other);
        give_number(l, plus(l, at, (int64_t)strlen(words[w])));
        emit_at(e, other);
    }
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, i), l->size, ""), byte, none);
    emit_at(e, byte);
    emit_value dot = is_equal(l, match_byte(l, emit_get(e, i)), byte_constant(l, '.'));
    emit_set(e, i, plus(l, emit_get(e, i), 1));
    emit_jump_if(e, dot, next, skip);
    emit_at(e, next);
    emit_jump(e, head);
    emit_at(e, none);
    emit_give(e, emit_i64(e, -1));
}

void match_lower_layer(struct match_lowering *l)
{
    struct emit *e = &l->e;
    lower_number(l);
    l->layer = match_function_open(l, "layer", e->i64, NULL, 0, true);
    LLVMBasicBlockRef none = emit_block(e, "no_layers");
    lower_layers(l, none);
    emit_at(e, none);
    if (l->code->megatron_layers)
        emit_give(e, emit_i64(e, -1));
    else
        lower_blocks(l);
}
