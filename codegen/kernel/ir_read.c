/* Reads kernel IR from text: header lines, then regions of one operation a line. In: bytes of any origin. Out: verified IR,
 * or a diagnostic at the first wrong place. The grammar is in README.md; what the words mean is held to the verifier's
 * rules at the end. Bounded by IR_TEXT_SIZE_MAX and IR_VALUES_MAX; no recursion. Fuzzed by tests/fuzz. */
#include "codegen/kernel/ir.h"
#include "codegen/kernel/ir_text.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct source *source;
    struct diags *diags;
    struct kernel_ir *ir;
    struct ir_region *region;
    struct ir_value **values; /* named ones, in order; for look-up */
    size_t count, capacity;
    unsigned total, header;
    const char *at, *end;     /* of the line at hand */
    bool failed;
};

/* The first failure is reported; what comes after it is a consequence. The span is empty at the end of a line. */
static void fail(struct reader *r, const char *at, const char *expected)
{
    if (r->failed)
        return;
    r->failed = true;
    struct span span = {r->source, (uint32_t)(at - r->source->bytes), (uint32_t)(at - r->source->bytes)};
    span.end += at < r->end;
    diag_report(r->diags, DIAG_kernel_text, span, "expected %s", expected);
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && *r->at == ' ')
        r->at++;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '+';
}

/* The next word, copied; "" when there is none.
 * A longer word is cut at IR_NAME_MAX and its rest is an error of the next reader. */
static const char *read_word(struct reader *r)
{
    skip_blanks(r);
    const char *begin = r->at;
    while (r->at < r->end && is_word_char(*r->at) && r->at - begin < IR_NAME_MAX)
        r->at++;
    return arena_copy(r->arena, begin, (size_t)(r->at - begin));
}

static bool read_char(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static int find_word(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(word, words[i]))
            return i;
    return -1;
}

/* A word of a closed set; 0 after a complaint. */
static int read_member(struct reader *r, const char *const *words, int count, const char *expected)
{
    skip_blanks(r);
    const char *at = r->at;
    int found = find_word(read_word(r), words, count);
    if (found < 0)
        fail(r, at, expected);
    return found < 0 ? 0 : found;
}

static void read_keyword(struct reader *r, const char *word)
{
    skip_blanks(r);
    const char *at = r->at;
    if (strcmp(read_word(r), word))
        fail(r, at, arena_printf(r->arena, "`%s`", word));
}

static long read_integer(struct reader *r, long least, long most)
{
    skip_blanks(r);
    const char *at = r->at, *word = read_word(r);
    char *end;
    errno = 0;
    long value = strtol(word, &end, 10);
    if (!*word || *end || errno || value < least || value > most) {
        fail(r, at, arena_printf(r->arena, "a whole number from %ld to %ld", least, most));
        return least;
    }
    return value;
}

/* ---- header ---- */

static const char *read_quoted(struct reader *r)
{
    struct text out = text_make(r->arena);
    if (!read_char(r, '"')) {
        fail(r, r->at, "a string");
        return "";
    }
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\' && r->at + 1 < r->end && (r->at[1] == '"' || r->at[1] == '\\'))
            r->at++;
        text_char(&out, *r->at);
    }
    if (!read_char(r, '"'))
        fail(r, r->at, "`\"`");
    return text_string(&out);
}

static void read_dtype(struct reader *r)
{
    skip_blanks(r);
    const char *at = r->at;
    int dtype = dtype_find_word(read_word(r));
    if (dtype < 0)
        fail(r, at, "a dtype");
    r->ir->x = dtype < 0 ? DTYPE_f32 : (enum dtype)dtype;
}

static void read_target(struct reader *r)
{
    skip_blanks(r);
    const char *at = r->at;
    r->ir->target = kernel_target_find(read_word(r));
    if (!r->ir->target) {
        fail(r, at, "a target");
        r->ir->target = &kernel_targets[0];
    }
}

/* A word that may be missing: nothing is consumed then. */
static bool read_flag(struct reader *r, const char *word)
{
    size_t size = strlen(word);
    skip_blanks(r);
    if ((size_t)(r->end - r->at) < size || strncmp(r->at, word, size))
        return false;
    r->at += size;
    return true;
}

/* A text with a schedule is held to be past `fast`: its divisions are final as they stand. */
static void read_schedule(struct reader *r)
{
    struct ir_schedule *s = &r->ir->schedule;
    s->kind = (enum ir_schedule_kind)read_member(r, ir_schedule_words, IR_SCHEDULE_COUNT, "a schedule");
    read_keyword(r, "lanes");
    s->lanes = (unsigned)read_integer(r, 1, 64);
    read_keyword(r, "chunk");
    s->chunk = (unsigned)read_integer(r, 1, 4096);
    if (s->kind == IR_blocks) {
        read_keyword(r, "group");
        s->group = (unsigned)read_integer(r, 1, 4096);
        read_keyword(r, "in_flight");
        s->in_flight = (unsigned)read_integer(r, 1, 64);
    }
    s->nested = read_flag(r, "nested");
    s->shifted = read_flag(r, "shifted");
    r->ir->properties |= IR_SCHEDULED | IR_DIVIDED;
}

static void read_codes(struct reader *r)
{
    r->ir->code_bits = (unsigned)read_integer(r, 1, 16);
    read_keyword(r, "unit");
    r->ir->code_unit = (unsigned)read_integer(r, 1, 4);
}

static void read_name(struct reader *r)
{
    r->ir->name = read_word(r);
    if (!*r->ir->name)
        fail(r, r->at, "the kernel's name");
}

static void read_spec(struct reader *r)
{
    r->ir->spec = read_quoted(r);
}

static void read_op(struct reader *r)
{
    r->ir->op = (enum kernel_op)read_member(r, kernel_op_words, KERNEL_OP_COUNT, "an operation of a kernel");
}

static void read_scale(struct reader *r)
{
    r->ir->scale_bits = (unsigned)read_integer(r, 0, 32);
}

/* The header's lines, in this order; the last one is missing before the pass `schedule`. */
static const struct header_line {
    const char *word;
    void (*read)(struct reader *r);
} header_lines[] = {{"kernel", read_name},  {"spec", read_spec},   {"op", read_op},         {"x", read_dtype},
                    {"codes", read_codes},  {"scale", read_scale}, {"target", read_target}, {"schedule", read_schedule}};
enum { HEADER_LINES = sizeof header_lines / sizeof *header_lines };

/* ---- operations ---- */

/* From the last: uses are mostly of what was just defined. */
static struct ir_value *find_value(struct reader *r, const char *name)
{
    for (size_t i = r->count; i-- > 0;)
        if (!strcmp(r->values[i]->name, name))
            return r->values[i];
    return NULL;
}

static struct ir_value *read_use(struct reader *r)
{
    const char *at = r->at;
    struct ir_value *value = find_value(r, read_word(r));
    if (!value)
        fail(r, at, "a value defined above");
    return value;
}

/* strtod reads the C locale's point whatever the program's locale is. */
static double parse_double(const char *word, char **end)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = c ? uselocale(c) : (locale_t)0;
    double value = strtod(word, end);
    if (c) {
        uselocale(before);
        freelocale(c);
    }
    return value;
}

/* Floats have a point, an exponent or are inf; all else is an int, decimal or 0x with eight digits. */
static struct ir_operand read_constant(struct reader *r)
{
    const char *at = r->at, *word = read_word(r);
    char *end = NULL;
    bool is_hex = word[0] == '0' && word[1] == 'x';
    if (!is_hex && strpbrk(word, ".en")) {
        double value = parse_double(word, &end);
        bool fits = isinf(value) ? strchr(word, 'n') != NULL : fabs(value) <= (double)FLT_MAX;
        if (end > word && !*end && fits && (double)(float)value == value)
            return ir_float((float)value);
    } else if (*word) {
        errno = 0;
        long long value = strtoll(word, &end, is_hex ? 16 : 10);
        if (!*end && !errno && value >= INT32_MIN && value <= UINT32_MAX)
            return ir_int(value);
    }
    fail(r, at, "a value, an int or an f32 number");
    return ir_int(0);
}

static struct ir_operand read_operand(struct reader *r)
{
    if (!read_char(r, '%'))
        return read_constant(r);
    struct ir_value *value = read_use(r);
    return value ? ir_of(value) : ir_int(0);
}

/* The ranges of kernel.c's format_reason; m up to 10 for f16 spelt out. */
static const struct format *read_float_format(struct reader *r)
{
    struct format *f = ARENA_NEW(r->arena, struct format);
    bool ok = read_char(r, '(');
    *f = (struct format){.kind = FORMAT_KIND_FLOAT, .is_signed = true};
    f->e = (int)read_integer(r, 1, 5);
    ok &= read_char(r, ',');
    f->m = (int)read_integer(r, 1, 10);
    ok &= read_char(r, ',');
    f->bias = (int)read_integer(r, -60, 60);
    ok &= read_char(r, ',');
    f->specials = (enum specials)read_member(r, ir_specials_words, SPECIALS_E8M0, "the format's specials");
    f->bits = (unsigned)(1 + f->e + f->m);
    if (!ok || !read_char(r, ')'))
        fail(r, r->at, "float(E,M,BIAS,SPECIALS)");
    return f;
}

/* f32 is no operand of encode or decode. */
static const struct format *read_format(struct reader *r)
{
    skip_blanks(r);
    const char *at = r->at, *word = read_word(r);
    if (!strcmp(word, "float"))
        return read_float_format(r);
    const struct format *f = format_find(word);
    if (!f || f->kind != FORMAT_KIND_FLOAT || f->m > 10)
        fail(r, at, "a float format of at most 16 bits");
    return f;
}

static void read_operands(struct reader *r, struct ir_value *v)
{
    for (unsigned i = 0; i < ir_operand_count(v->op) && !r->failed; i++) {
        if (i && !read_char(r, ','))
            fail(r, r->at, "`,`");
        skip_blanks(r);
        v->operand[i] = read_operand(r);
    }
}

static int find_op(const char *word)
{
    for (int i = 0; i < IR_OP_COUNT; i++)
        if (!strcmp(ir_op_rows[i].word, word))
            return i;
    return -1;
}

static int find_buffer(const char *word)
{
    for (int i = 0; i < IR_BUFFER_COUNT; i++)
        if (!strcmp(ir_buffer_rows[i].word, word))
            return i;
    return -1;
}

static void read_details(struct reader *r, struct ir_value *v)
{
    enum ir_shape shape = ir_op_rows[v->op].shape;
    if (shape == IR_FORMAT)
        v->format = read_format(r);
    if (shape != IR_LOAD && shape != IR_STORE)
        return;
    skip_blanks(r);
    const char *at = r->at;
    int buffer = find_buffer(read_word(r));
    if (buffer < 0)
        fail(r, at, "a buffer");
    v->buffer = buffer < 0 ? IR_BUFFER_x : (enum ir_buffer)buffer;
}

static const char *read_result(struct reader *r)
{
    skip_blanks(r);
    if (!read_char(r, '%'))
        return NULL;
    const char *at = r->at, *name = read_word(r);
    if (!*name || find_value(r, name))
        fail(r, at, "a name that is not taken");
    if (!read_char(r, '='))
        fail(r, r->at, "`=`");
    return name;
}

/* As ir.c's result_rank. */
static enum ir_rank rank_in(const struct ir_region *region, enum ir_op op)
{
    static const enum ir_rank ranks[IR_REGION_COUNT] = {IR_RANK_T, IR_RANK_B, IR_RANK_E};
    return ir_op_rows[op].shape == IR_REDUCE ? IR_RANK_B : ranks[region->kind];
}

/* `%name = op …` or `store buffer %v` */
static void read_value(struct reader *r)
{
    struct ir_value *v = ARENA_NEW(r->arena, struct ir_value);
    struct ir_builder b = {.ir = r->ir, .region = r->region};
    if (++r->total > IR_VALUES_MAX)
        fail(r, r->at, "no more operations: a kernel has at most 2048");
    v->name = read_result(r);
    skip_blanks(r);
    const char *at = r->at;
    int op = find_op(read_word(r));
    if (op < 0)
        fail(r, at, "an operation of kernel IR");
    if (r->failed)
        return;
    v->op = (enum ir_op)op;
    read_details(r, v);
    read_operands(r, v);
    v->type = ir_result_type(r->ir, v);
    v->rank = rank_in(r->region, v->op);
    if ((v->type != IR_NONE) != (v->name != NULL))
        fail(r, at, v->name ? "an operation with a result" : "`%NAME =` before an operation with a result");
    ir_insert(&b, v);
    if (v->name)
        *ARENA_PUSH(r->arena, r->values, r->count, r->capacity) = v;
}

/* `each if %c:` */
static void read_region(struct reader *r)
{
    r->region = ir_region(r->ir, (enum ir_region_kind)read_member(r, ir_region_words, IR_REGION_COUNT, "`start`, `once` or `each`"));
    skip_blanks(r);
    if (r->at < r->end && *r->at != ':') {
        static const char *const guards[] = {"if", "unless"};
        r->region->guard = read_member(r, guards, 2, "`if` or `unless`") ? IR_UNLESS : IR_IF;
        if (read_char(r, '%'))
            r->region->condition = read_use(r);
        else
            fail(r, r->at, "a value");
    }
    if (!read_char(r, ':'))
        fail(r, r->at, "`:`");
}

/* Header lines that were read count in r->header. */
static void read_line(struct reader *r)
{
    bool is_scheduled = (size_t)(r->end - r->at) >= 8 && !strncmp(r->at, "schedule", 8);
    if (r->header == HEADER_LINES - 1 && !is_scheduled)
        r->header = HEADER_LINES;
    if (r->header < HEADER_LINES) {
        read_keyword(r, header_lines[r->header].word);
        if (!r->failed)
            header_lines[r->header++].read(r);
    } else if (*r->at != ' ') {
        read_region(r);
    } else if (!r->region) {
        fail(r, r->at, "a region");
    } else {
        read_value(r);
    }
    skip_blanks(r);
    if (!r->failed && r->at < r->end)
        fail(r, r->at, "the end of the line");
}

/* Empty lines are skipped anywhere. */
static void read_lines(struct reader *r)
{
    const char *at = r->source->bytes, *end = at + r->source->size;
    while (at < end && !r->failed) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        r->at = at;
        r->end = newline ? newline : end;
        if (r->at < r->end)
            read_line(r);
        at = newline ? newline + 1 : end;
    }
    r->at = r->end = end;
    if (r->header < HEADER_LINES - 1)
        fail(r, end, arena_printf(r->arena, "`%s`", header_lines[r->header].word));
}

/* A text without formula ops is what the passes end with. */
static void set_properties(struct kernel_ir *ir)
{
    bool formula = false;
    IR_EACH_REGION(ir, region)
        IR_EACH_VALUE(region, v)
            formula |= ir_op_rows[v->op].level == IR_LEVEL_FORMULA;
    if (!formula && (ir->properties & IR_SCHEDULED))
        ir->properties = (ir->properties & ~IR_FORMULA) | IR_MACHINE | IR_CHECKED;
}

struct kernel_ir *kernel_read(struct arena *arena, struct source *source, struct diags *diags)
{
    struct reader r = {.arena = arena, .source = source, .diags = diags, .ir = ir_new(arena)};
    if (source->size > IR_TEXT_SIZE_MAX) {
        diag_report_about(diags, DIAG_too_large, source->name, "a kernel text of more than %d bytes", IR_TEXT_SIZE_MAX);
        return NULL;
    }
    r.ir->target = &kernel_targets[0];
    read_lines(&r);
    if (r.failed)
        return NULL;
    set_properties(r.ir);
    return kernel_verify(r.ir, diags) ? r.ir : NULL;
}
