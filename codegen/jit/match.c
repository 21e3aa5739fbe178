/* The matcher as code: a block for each state of a small automaton, a table and its walker for a large one; either ends in the
 * blocks of the decisions. In: struct match_code. Out: a module with `i32 NAME(name, size, unknown)` and what surrounds it.
 * Rule: the answer is the table automaton's (run.c) for every name. Characters beyond ASCII are rare: wherever one comes, the
 * walker takes over from the state reached so far. */
#include "codegen/jit/match.h"

#include <string.h>

emit_value match_function_open(struct match_lowering *l, const char *function, LLVMTypeRef result, const LLVMTypeRef *more, unsigned count,
                               bool internal)
{
    LLVMTypeRef parameters[4] = {l->e.pointer, l->e.i64};
    for (unsigned i = 0; i < count; i++)
        parameters[2 + i] = more[i];
    emit_value made = emit_function_open(&l->e, function, result, parameters, 2 + count, internal);
    l->name = emit_parameter(&l->e, 0, "name");
    l->size = emit_parameter(&l->e, 1, "size");
    return made;
}

emit_value match_byte(struct match_lowering *l, emit_value at)
{
    return emit_load(&l->e, l->e.i8, emit_offset(&l->e, l->name, at), 1, "");
}

/* ---- constants ---- */

/* Little-endian, written byte by byte: the bytes do not depend on the machine that compiles. */
struct match_table match_make_table(struct match_lowering *l, const uint32_t *values, size_t count, const char *name)
{
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    struct match_table table = {NULL, most > UINT16_MAX ? 4 : 2};
    unsigned char *bytes = ARENA_ARRAY(l->arena, count * table.width, unsigned char);
    for (size_t i = 0; i < count; i++)
        for (unsigned b = 0; b < table.width; b++)
            bytes[i * table.width + b] = (unsigned char)(values[i] >> 8 * b);
    table.data = emit_data(&l->e, bytes, count * table.width, 64, name);
    return table;
}

emit_value match_read_table(struct match_lowering *l, const struct match_table *table, emit_value index)
{
    LLVMTypeRef type = table->width == 2 ? l->e.i16 : l->e.i32;
    return emit_resize(&l->e, emit_load(&l->e, type, emit_element(&l->e, type, table->data, index), table->width, ""), l->e.i64);
}

/* ---- the walker ---- */

/* A row: the place of the next state's row for each class, then the decision. Places, not state numbers: a step is one addition
 * and one load, without a multiplication. */
static struct match_table make_rows(struct match_lowering *l)
{
    const struct match_code *code = l->code;
    uint32_t width = code->class_count + 1, *rows = ARENA_ARRAY(l->arena, (size_t)code->state_count * width, uint32_t);
    for (uint32_t s = 0; s < code->state_count; s++) {
        for (uint32_t c = 0; c < code->class_count; c++)
            rows[(size_t)s * width + c] = code->next[(size_t)s * code->class_count + c] * width;
        rows[(size_t)s * width + code->class_count] = code->decision[s];
    }
    return match_make_table(l, rows, (size_t)code->state_count * width, "rows");
}

/* The class of a character: the first range that does not end before it.
 * Ranges are sorted and cover all code points, so the search always ends on one. */
static emit_value lower_search(struct match_lowering *l, emit_value c)
{
    struct emit *e = &l->e;
    size_t count = l->code->range_count;
    uint32_t *highs = ARENA_ARRAY(l->arena, count, uint32_t), *classes = ARENA_ARRAY(l->arena, count, uint32_t);
    for (size_t i = 0; i < count; i++) {
        highs[i] = l->code->ranges[i].high;
        classes[i] = l->code->ranges[i].symbol;
    }
    struct match_table ends = match_make_table(l, highs, count, "ends"), symbols = match_make_table(l, classes, count, "symbols");
    LLVMBasicBlockRef head = emit_block(e, "search"), body = emit_block(e, "half"), exit = emit_block(e, "found");
    emit_value low = emit_variable(e, e->i64, emit_i64(e, 0), "low"), high = emit_variable(e, e->i64, emit_i64(e, 0), "high");
    emit_set(e, low, emit_i64(e, 0));
    emit_set(e, high, emit_i64(e, (int64_t)count - 1));
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, low), emit_get(e, high), ""), body, exit);
    emit_at(e, body);
    emit_value middle = emit_shift_right(e, emit_add(e, emit_get(e, low), emit_get(e, high)), emit_i64(e, 1));
    emit_value before = emit_compare(e, LLVMIntULT, match_read_table(l, &ends, middle), c, "");
    emit_set(e, low, emit_select(e, before, emit_add(e, middle, emit_i64(e, 1)), emit_get(e, low), ""));
    emit_set(e, high, emit_select(e, before, emit_get(e, high), middle, ""));
    emit_jump(e, head);
    emit_at(e, exit);
    return match_read_table(l, &symbols, emit_get(e, low));
}

/* A character beyond ASCII: at and class become what it says. */
static void lower_wide(struct match_lowering *l, emit_value at, emit_value class)
{
    struct emit *e = &l->e;
    emit_value args[] = {l->name, l->size, emit_get(e, at)}, decoded = emit_call(e, l->decode, args, 3, "decoded");
    emit_set(e, at, emit_add(e, emit_get(e, at), emit_shift_right(e, decoded, emit_i64(e, 32))));
    emit_set(e, class, lower_search(l, emit_and(e, decoded, emit_i64(e, UINT32_MAX))));
}

/* Without ranges every character is a byte; with them a byte above 127 (negative as i8) is decode's. */
void match_lower_class(struct match_lowering *l, emit_value at, emit_value class)
{
    struct emit *e = &l->e;
    struct emit_branch wide = {0};
    emit_value class_of = emit_data(e, l->code->class_of, l->code->ranges ? 128 : 256, 64, "class_of");
    emit_value byte = match_byte(l, emit_get(e, at));
    if (l->code->ranges) {
        emit_when_open(e, &wide, emit_compare(e, LLVMIntSLT, byte, LLVMConstNull(e->i8), ""), "wide");
        lower_wide(l, at, class);
        emit_when_else(e, &wide);
    }
    emit_set(e, class, emit_resize(e, emit_load(e, e->i8, emit_offset(e, class_of, emit_resize(e, byte, e->i64)), 1, ""), e->i64));
    emit_set(e, at, emit_add(e, emit_get(e, at), emit_i64(e, 1)));
    if (l->code->ranges)
        emit_when_close(e, &wide);
}

/* i64 walk(name, size, at, row): the decision of the name, of which the part before `at` led to the row. */
static void lower_walk(struct match_lowering *l)
{
    struct emit *e = &l->e;
    l->walk = match_function_open(l, "walk", e->i64, (const LLVMTypeRef[]){e->i64, e->i64}, 2, true);
    struct match_table rows = make_rows(l);
    emit_value at = emit_variable(e, e->i64, emit_parameter(e, 2, "from"), "at"), row = emit_variable(e, e->i64, emit_parameter(e, 3, "row"), "row");
    emit_value class = emit_variable(e, e->i64, emit_i64(e, 0), "class");
    LLVMBasicBlockRef head = emit_block(e, "head"), body = emit_block(e, "byte"), done = emit_block(e, "done");
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, at), l->size, ""), body, done);
    emit_at(e, body);
    match_lower_class(l, at, class);
    emit_set(e, row, match_read_table(l, &rows, emit_add(e, emit_get(e, row), emit_get(e, class))));
    emit_jump(e, head);
    emit_at(e, done);
    emit_give(e, match_read_table(l, &rows, emit_add(e, emit_get(e, row), emit_i64(e, l->code->class_count))));
}

/* ---- states as blocks ---- */

/* All states jump among each other, so `at` and `row` are variables, not parameters. */
struct states {
    LLVMBasicBlockRef *blocks;    /* by state */
    LLVMBasicBlockRef *decisions; /* by decision: where its blocks begin */
    LLVMBasicBlockRef wide;       /* the walker takes over, at `row` */
    emit_value at, row, decision, layer;
};

static uint32_t next_state(const struct match_code *code, uint32_t state, unsigned byte)
{
    return code->next[(size_t)state * code->class_count + code->class_of[byte]];
}

/* The state that most bytes lead to: the switch's default.
 * counts: scratch by state; only the entries that this state reaches are cleared. */
static uint32_t find_usual(const struct match_code *code, uint32_t state, unsigned bytes, uint32_t *counts)
{
    uint32_t usual = next_state(code, state, 0);
    for (unsigned b = 0; b < bytes; b++)
        counts[next_state(code, state, b)] = 0;
    for (unsigned b = 0; b < bytes; b++) {
        uint32_t to = next_state(code, state, b);
        if (++counts[to] > counts[usual])
            usual = to;
    }
    return usual;
}

/* No character leads out of it: its decision is the answer.
 * The rest of the name need not be read; an invalid byte in it changes nothing either. */
static bool is_final(const struct match_code *code, uint32_t state)
{
    for (uint32_t c = 0; c < code->class_count; c++)
        if (code->next[(size_t)state * code->class_count + c] != state)
            return false;
    return true;
}

/* if (at == size) goto decision; switch (name[at++]) { … } */
static void lower_state(struct match_lowering *l, const struct states *s, uint32_t state, uint32_t *counts)
{
    struct emit *e = &l->e;
    const struct match_code *code = l->code;
    unsigned bytes = code->ranges ? 128 : 256;
    LLVMBasicBlockRef decision = s->decisions[code->decision[state]];
    emit_at(e, s->blocks[state]);
    if (is_final(code, state)) {
        emit_jump(e, decision);
        return;
    }
    LLVMBasicBlockRef more = emit_block(e, "more");
    emit_value at = emit_get(e, s->at);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, at, l->size, ""), more, decision);
    emit_at(e, more);
    emit_value byte = match_byte(l, at);
    if (code->ranges) {
        LLVMBasicBlockRef narrow = emit_block(e, "narrow");
        emit_set(e, s->row, emit_i64(e, (int64_t)state * (code->class_count + 1)));
        emit_jump_if(e, emit_compare(e, LLVMIntSLT, byte, LLVMConstNull(e->i8), ""), s->wide, narrow);
        emit_at(e, narrow);
    }
    emit_set(e, s->at, emit_add(e, at, emit_i64(e, 1)));
    uint32_t usual = find_usual(code, state, bytes, counts);
    emit_value cases = emit_switch(e, byte, s->blocks[usual], bytes);
    for (unsigned b = 0; b < bytes; b++)
        if (next_state(code, state, b) != usual)
            emit_case(cases, e->i8, b, s->blocks[next_state(code, state, b)]);
}

/* State 0 is the start. */
static void lower_states(struct match_lowering *l, struct states *s)
{
    struct emit *e = &l->e;
    uint32_t *counts = ARENA_ARRAY(l->arena, l->code->state_count, uint32_t);
    s->blocks = ARENA_ARRAY(l->arena, l->code->state_count, LLVMBasicBlockRef);
    for (uint32_t i = 0; i < l->code->state_count; i++)
        s->blocks[i] = emit_block(e, "state");
    emit_jump(e, s->blocks[0]);
    for (uint32_t i = 0; i < l->code->state_count; i++)
        lower_state(l, s, i, counts);
}

/* ---- decisions ---- */

static emit_value lower_term(struct match_lowering *l, const struct guard_term *t, emit_value layer)
{
    struct emit *e = &l->e;
    if (t->kind == AST_TERM_INTEGER)
        return emit_i64(e, t->integer);
    return t->modulus ? emit_rest(e, layer, emit_i64(e, t->modulus)) : layer; /* neither is negative */
}

emit_value match_lower_guard(struct match_lowering *l, const struct guard *g, emit_value layer)
{
    static const LLVMIntPredicate predicates[] = {
        [AST_EQ] = LLVMIntEQ, [AST_NE] = LLVMIntNE, [AST_LT] = LLVMIntSLT,
        [AST_LE] = LLVMIntSLE, [AST_GT] = LLVMIntSGT, [AST_GE] = LLVMIntSGE,
    };
    struct emit *e = &l->e;
    emit_value left = lower_term(l, &g->left, layer);
    if (g->kind == GUARD_COMPARE)
        return emit_compare(e, predicates[g->comparison], left, lower_term(l, &g->right, layer), "");
    emit_value above = emit_compare(e, LLVMIntSGE, left, emit_i64(e, g->low), "");
    return emit_and(e, above, emit_compare(e, LLVMIntSLE, left, emit_i64(e, g->high), ""));
}

/* A test's own block expects the layer number in its variable; whoever comes from a state reads it first. So it is read once for
 * a name, however many tests follow. */
static void lower_decisions(struct match_lowering *l, struct states *s)
{
    struct emit *e = &l->e;
    size_t count = l->code->decision_count;
    emit_value unknown = emit_parameter(e, 2, "unknown");
    LLVMBasicBlockRef *tests = ARENA_ARRAY(l->arena, count, LLVMBasicBlockRef);
    for (size_t i = 0; i < count; i++)
        tests[i] = l->code->decisions[i].kind == DECISION_TEST ? emit_block(e, "test") : s->decisions[i];
    for (size_t i = 0; i < count; i++) {
        const struct decision *d = &l->code->decisions[i];
        emit_at(e, s->decisions[i]);
        if (d->kind != DECISION_TEST) {
            emit_store(e, emit_i32(e, d->kind == DECISION_DONE ? d->unknown : -1), unknown, 4);
            emit_give(e, emit_i32(e, d->kind == DECISION_DONE ? d->rule : MATCH_ASK));
            continue;
        }
        emit_value args[] = {l->name, l->size};
        emit_set(e, s->layer, emit_call(e, l->layer, args, 2, "layer"));
        emit_jump(e, tests[i]);
        emit_at(e, tests[i]);
        LLVMBasicBlockRef known = emit_block(e, "known");
        emit_value v = emit_get(e, s->layer);
        emit_jump_if(e, emit_compare(e, LLVMIntSLT, v, emit_i64(e, 0), ""), tests[d->next[TRUTH_UNKNOWN]], known);
        emit_at(e, known);
        emit_jump_if(e, match_lower_guard(l, &l->code->guards[d->test], v), tests[d->next[TRUTH_YES]], tests[d->next[TRUTH_NO]]);
    }
}

/* The decision's number becomes its block. Numbers are the walker's own, so 0 as the default is one of them. */
static void lower_leaf(struct match_lowering *l, const struct states *s)
{
    struct emit *e = &l->e;
    emit_value cases = emit_switch(e, emit_get(e, s->decision), s->decisions[0], (unsigned)l->code->decision_count);
    for (size_t i = 1; i < l->code->decision_count; i++)
        emit_case(cases, e->i64, i, s->decisions[i]);
}

/* i32 NAME(name, size, i32 *unknown)
 * state_count 0: no rule looks at the name, and code->root decides. */
static void lower_function(struct match_lowering *l)
{
    struct emit *e = &l->e;
    const struct match_code *code = l->code;
    struct states s = {.decisions = ARENA_ARRAY(l->arena, code->decision_count, LLVMBasicBlockRef)};
    l->function = match_function_open(l, code->name, e->i32, &e->pointer, 1, false);
    for (size_t i = 0; i < code->decision_count; i++)
        s.decisions[i] = emit_block(e, "decision");
    s.at = emit_variable(e, e->i64, emit_i64(e, 0), "at");
    s.row = emit_variable(e, e->i64, emit_i64(e, 0), "row");
    s.decision = emit_variable(e, e->i64, emit_i64(e, 0), "decision");
    s.layer = emit_variable(e, e->i64, emit_i64(e, -1), "layer");
    s.wide = emit_block(e, "walk");
    if (code->state_count && code->state_count <= code->block_limit)
        lower_states(l, &s);
    else
        emit_jump(e, s.wide);
    emit_at(e, s.wide);
    if (code->state_count) {
        emit_value args[] = {l->name, l->size, emit_get(e, s.at), emit_get(e, s.row)};
        emit_set(e, s.decision, emit_call(e, l->walk, args, 4, "decided"));
        lower_leaf(l, &s);
    } else {
        emit_jump(e, s.decisions[code->root]);
    }
    lower_decisions(l, &s);
}

/* ---- functions around it ---- */

/* i32 NAME(name, size): the same without what is unknown. */
static void lower_plain(struct match_lowering *l)
{
    struct emit *e = &l->e;
    match_function_open(l, l->code->plain_name, e->i32, NULL, 0, false);
    emit_value unknown = emit_variable(e, e->i32, emit_i32(e, 0), "unknown"), args[] = {l->name, l->size, unknown};
    emit_give(e, emit_call(e, l->function, args, 3, "rule"));
}

/* const char *NAME(i32 number): offsets into one run of texts, so that nothing is relocated but by distance.
 * A number outside of the texts, a negative one too, gives the last, `otherwise`. */
static void lower_texts(struct match_lowering *l, const struct match_texts *t)
{
    struct emit *e = &l->e;
    struct text bytes = text_make(l->arena);
    uint32_t *offsets = ARENA_ARRAY(l->arena, t->count + 1, uint32_t);
    for (uint32_t i = 0; i <= t->count; i++) {
        const char *string = i < t->count ? t->texts[i] : t->otherwise;
        offsets[i] = (uint32_t)bytes.size;
        text_add_bytes(&bytes, string, strlen(string) + 1);
    }
    emit_function_open(e, t->name, e->pointer, &e->i32, 1, false);
    struct match_table places = match_make_table(l, offsets, t->count + 1, "places");
    emit_value texts = emit_data(e, bytes.bytes, bytes.size, 1, "texts"), number = emit_parameter(e, 0, "number");
    emit_value inside = emit_compare(e, LLVMIntULT, number, emit_i32(e, t->count), "");
    emit_value index = emit_resize(e, emit_select(e, inside, number, emit_i32(e, t->count), ""), e->i64);
    emit_give(e, emit_offset(e, texts, match_read_table(l, &places, index)));
}

LLVMModuleRef lower_match(const struct match_code *code, LLVMContextRef context, struct arena *arena)
{
    struct match_lowering l = {.code = code, .arena = arena};
    emit_open_module(&l.e, context, code->name);
    if (code->guard_count)
        match_lower_layer(&l);
    if (code->ranges)
        match_lower_decode(&l);
    if (code->state_count)
        lower_walk(&l);
    if (code->sets)
        match_lower_sets(&l);
    else
        lower_function(&l);
    if (code->plain_name)
        lower_plain(&l);
    for (size_t i = 0; i < code->text_count; i++)
        lower_texts(&l, &code->texts[i]);
    emit_close_module(&l.e);
    return l.e.module;
}
