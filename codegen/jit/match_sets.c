/* A matcher whose automaton is beyond the budget: the NFA's states are bits on the stack, which every character moves on; then the
 * predicates of the rules in order, three-valued, from the labels of the states that end. See codegen/match/code.h. */
#include "codegen/jit/match.h"

enum { WORD = 64, TRUTHS = 3 };

/* A state is bit state % 64 of word state / 64. */
struct sets {
    const struct match_sets *sets;
    uint32_t words;                 /* of a set */
    emit_value set, next, truths;   /* on the stack: sets; a byte for each predicate */
    struct match_table first, classes, targets; /* of moves: by state; the class's first word; by move */
    emit_value class_words;
    emit_value at, class, bits;     /* variables */
};

static emit_value number(struct match_lowering *l, uint64_t value)
{
    return emit_i64(&l->e, (int64_t)value);
}

static emit_value word_at(struct match_lowering *l, emit_value words, emit_value index)
{
    return emit_element(&l->e, l->e.i64, words, index);
}

static emit_value load_word(struct match_lowering *l, emit_value words, emit_value index)
{
    return emit_load(&l->e, l->e.i64, word_at(l, words, index), 8, "");
}

/* for (i = 0; i < words; i++) to[i] = from[i], or 0 without from */
static void lower_copy(struct match_lowering *l, const struct sets *s, emit_value to, emit_value from)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    emit_loop_open(e, &loop, number(l, 0), number(l, s->words), number(l, 1), NULL, 0, "copy");
    emit_store(e, from ? load_word(l, from, loop.index) : number(l, 0), word_at(l, to, loop.index), 8);
    emit_loop_close(e, &loop, NULL);
}

/* ---- constants ---- */

/* A table of one more entry than there are moves: none may be empty. */
static void make_moves(struct match_lowering *l, struct sets *s)
{
    const struct nfa *nfa = s->sets->nfa;
    uint32_t count = nfa->first_move[nfa->state_count];
    uint32_t *classes = ARENA_ARRAY(l->arena, count + 1, uint32_t), *targets = ARENA_ARRAY(l->arena, count + 1, uint32_t);
    for (uint32_t m = 0; m < count; m++) {
        classes[m] = nfa->moves[m].symbols * (uint32_t)nfa->class_words;
        targets[m] = nfa->moves[m].target;
    }
    s->first = match_make_table(l, nfa->first_move, nfa->state_count + 1, "first");
    s->classes = match_make_table(l, classes, count + 1, "classes");
    s->targets = match_make_table(l, targets, count + 1, "targets");
    s->class_words = emit_data(&l->e, nfa->class_bits, nfa->class_count * nfa->class_words * sizeof *nfa->class_bits, 64, "class_words");
}

static emit_value make_start(struct match_lowering *l, const struct sets *s)
{
    const struct nfa *nfa = s->sets->nfa;
    uint64_t *words = ARENA_ARRAY(l->arena, s->words, uint64_t);
    for (uint32_t i = 0; i < nfa->start_count; i++)
        words[nfa->starts[i] / WORD] |= (uint64_t)1 << nfa->starts[i] % WORD;
    return emit_data(&l->e, words, s->words * sizeof *words, 64, "start");
}

/* ---- one character ---- */

/* Moves m of first..end whose class has the symbol: next gets their targets. */
static void lower_moves(struct match_lowering *l, const struct sets *s, emit_value state)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    struct emit_branch taken;
    emit_value first = match_read_table(l, &s->first, state), end = match_read_table(l, &s->first, emit_add(e, state, number(l, 1)));
    emit_loop_open(e, &loop, first, end, number(l, 1), NULL, 0, "move");
    emit_value symbol = emit_get(e, s->class), row = match_read_table(l, &s->classes, loop.index);
    emit_value word = load_word(l, s->class_words, emit_add(e, row, emit_shift_right(e, symbol, number(l, 6))));
    emit_value bit = emit_and(e, emit_shift_right(e, word, emit_and(e, symbol, number(l, WORD - 1))), number(l, 1));
    emit_when_open(e, &taken, emit_compare(e, LLVMIntNE, bit, number(l, 0), ""), "taken");
    emit_value target = match_read_table(l, &s->targets, loop.index), place = emit_shift_right(e, target, number(l, 6));
    emit_value mask = emit_shift_left(e, number(l, 1), emit_and(e, target, number(l, WORD - 1)));
    emit_store(e, emit_or(e, load_word(l, s->next, place), mask), word_at(l, s->next, place), 8);
    emit_when_close(e, &taken);
    emit_loop_close(e, &loop, NULL);
}

/* for each word, while (bits) { state = least bit; bits &= bits - 1; moves }
 * A set has no order and no duplicates, so that a step takes at most all moves once: the time for a name is linear in it. */
static void lower_step(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    lower_copy(l, s, s->next, NULL);
    emit_loop_open(e, &loop, number(l, 0), number(l, s->words), number(l, 1), NULL, 0, "word");
    LLVMBasicBlockRef head = emit_block(e, "bits"), body = emit_block(e, "state"), done = emit_block(e, "word_done");
    emit_set(e, s->bits, load_word(l, s->set, loop.index));
    emit_jump(e, head);
    emit_at(e, head);
    emit_value bits = emit_get(e, s->bits);
    emit_jump_if(e, emit_compare(e, LLVMIntNE, bits, number(l, 0), ""), body, done);
    emit_at(e, body);
    emit_value args[] = {bits, LLVMConstNull(e->i1)}, least = emit_intrinsic(e, "llvm.cttz", args, 2, "least");
    emit_set(e, s->bits, emit_and(e, bits, emit_sub(e, bits, number(l, 1))));
    lower_moves(l, s, emit_add(e, emit_shift_left(e, loop.index, number(l, 6)), least));
    emit_jump(e, head);
    emit_at(e, done);
    emit_loop_close(e, &loop, NULL);
    lower_copy(l, s, s->set, s->next);
}

/* After each character `set` holds the states that the part of the name before `at` leads to. */
static void lower_name(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    LLVMBasicBlockRef head = emit_block(e, "head"), body = emit_block(e, "character"), done = emit_block(e, "done");
    emit_jump(e, head);
    emit_at(e, head);
    emit_jump_if(e, emit_compare(e, LLVMIntULT, emit_get(e, s->at), l->size, ""), body, done);
    emit_at(e, body);
    match_lower_class(l, s->at, s->class);
    lower_step(l, s);
    emit_jump(e, head);
    emit_at(e, done);
}

/* ---- predicates ---- */

static emit_value truth_at(struct match_lowering *l, const struct sets *s, emit_value pred)
{
    return emit_offset(&l->e, s->truths, pred);
}

static emit_value load_truth(struct match_lowering *l, const struct sets *s, emit_value pred)
{
    return emit_load(&l->e, l->e.i8, truth_at(l, s, pred), 1, "");
}

static void set_truth(struct match_lowering *l, const struct sets *s, uint32_t pred, emit_value truth)
{
    emit_store(&l->e, truth, truth_at(l, s, number(l, pred)), 1);
}

static emit_value truth_constant(struct match_lowering *l, enum truth truth)
{
    return LLVMConstInt(l->e.i8, truth, false);
}

/* Nothing holds but the constants, the guards of the layer number and the labels of states that end. */
static void lower_tests(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    emit_loop_open(e, &loop, number(l, 0), number(l, s->sets->pred_count), number(l, 1), NULL, 0, "clear");
    emit_store(e, truth_constant(l, TRUTH_NO), truth_at(l, s, loop.index), 1);
    emit_loop_close(e, &loop, NULL);
    set_truth(l, s, PRED(TRUE), truth_constant(l, TRUTH_YES));
    set_truth(l, s, PRED(UNKNOWN), truth_constant(l, TRUTH_UNKNOWN));
    if (!s->sets->test_count)
        return;
    emit_value args[] = {l->name, l->size}, layer = emit_call(e, l->layer, args, 2, "layer");
    emit_value known = emit_compare(e, LLVMIntSGE, layer, number(l, 0), "");
    for (size_t i = 0; i < s->sets->test_count; i++) {
        emit_value holds = emit_resize(e, match_lower_guard(l, &l->code->guards[s->sets->tests[i].guard], layer), e->i8);
        set_truth(l, s, s->sets->tests[i].result, emit_select(e, known, holds, truth_constant(l, TRUTH_UNKNOWN), ""));
    }
}

/* A state that ends makes its label's predicate hold; that of a label none of whose states is in the set stays no. */
static void lower_ends(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    struct emit_branch in;
    size_t count = s->sets->end_count;
    uint32_t *states = ARENA_ARRAY(l->arena, count + 1, uint32_t), *results = ARENA_ARRAY(l->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        states[i] = s->sets->ends[i].state;
        results[i] = s->sets->ends[i].result;
    }
    struct match_table from = match_make_table(l, states, count + 1, "ends"), to = match_make_table(l, results, count + 1, "labels");
    emit_loop_open(e, &loop, number(l, 0), number(l, count), number(l, 1), NULL, 0, "end");
    emit_value state = match_read_table(l, &from, loop.index), word = load_word(l, s->set, emit_shift_right(e, state, number(l, 6)));
    emit_value bit = emit_and(e, emit_shift_right(e, word, emit_and(e, state, number(l, WORD - 1))), number(l, 1));
    emit_when_open(e, &in, emit_compare(e, LLVMIntNE, bit, number(l, 0), ""), "ends");
    emit_store(e, truth_constant(l, TRUTH_YES), truth_at(l, s, match_read_table(l, &to, loop.index)), 1);
    emit_when_close(e, &in);
    emit_loop_close(e, &loop, NULL);
}

/* Kleene's tables: the truth of an operation from those of its operands. */
static emit_value make_kleene(struct match_lowering *l)
{
    unsigned char bytes[PRED_OR + 1][TRUTHS][TRUTHS] = {0};
    for (int a = 0; a < TRUTHS; a++)
        for (int b = 0; b < TRUTHS; b++) {
            bytes[PRED_NOT][a][b] = (unsigned char)truth_not((enum truth)a);
            bytes[PRED_AND][a][b] = (unsigned char)truth_and((enum truth)a, (enum truth)b);
            bytes[PRED_OR][a][b] = (unsigned char)truth_or((enum truth)a, (enum truth)b);
        }
    return emit_data(&l->e, bytes, sizeof bytes, 1, "kleene");
}

/* for each operation: truths[result] = kleene[kind][truths[a]][truths[b]]
 * Operations stand behind their operands in the program, so that one pass is enough. */
static void lower_ops(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    size_t count = s->sets->op_count;
    uint32_t *columns = ARENA_ARRAY(l->arena, 4 * count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        columns[4 * i] = (uint32_t)s->sets->ops[i].kind * TRUTHS * TRUTHS;
        columns[4 * i + 1] = s->sets->ops[i].a;
        columns[4 * i + 2] = s->sets->ops[i].b;
        columns[4 * i + 3] = s->sets->ops[i].result;
    }
    struct match_table table = match_make_table(l, columns, 4 * count + 1, "ops");
    emit_value kleene = make_kleene(l), column[4];
    emit_loop_open(e, &loop, number(l, 0), number(l, 4 * count), number(l, 4), NULL, 0, "op");
    for (int i = 0; i < 4; i++)
        column[i] = match_read_table(l, &table, emit_add(e, loop.index, number(l, (uint64_t)i)));
    emit_value a = emit_resize(e, load_truth(l, s, column[1]), e->i64), b = emit_resize(e, load_truth(l, s, column[2]), e->i64);
    emit_value place = emit_add(e, emit_add(e, column[0], emit_mul(e, a, number(l, TRUTHS))), b);
    emit_store(e, emit_load(e, e->i8, emit_offset(e, kleene, place), 1, ""), truth_at(l, s, column[3]), 1);
    emit_loop_close(e, &loop, NULL);
}

/* The first rule that holds; the first before it that is unknown. */
static void lower_rules(struct match_lowering *l, const struct sets *s)
{
    struct emit *e = &l->e;
    struct emit_loop loop;
    struct emit_branch found;
    size_t count = s->sets->rule_count;
    uint32_t *preds = ARENA_ARRAY(l->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++)
        preds[i] = s->sets->rules[i];
    struct match_table rules = match_make_table(l, preds, count + 1, "rules");
    emit_value unknown = emit_parameter(e, 2, "unknown");
    emit_store(e, emit_i32(e, -1), unknown, 4);
    emit_loop_open(e, &loop, number(l, 0), number(l, count), number(l, 1), NULL, 0, "rule");
    emit_value truth = load_truth(l, s, match_read_table(l, &rules, loop.index)), rule = emit_resize(e, loop.index, e->i32);
    emit_when_open(e, &found, emit_compare(e, LLVMIntEQ, truth, truth_constant(l, TRUTH_UNKNOWN), ""), "passed");
    emit_value before = emit_load(e, e->i32, unknown, 4, "");
    emit_store(e, emit_select(e, emit_compare(e, LLVMIntSLT, before, emit_i32(e, 0), ""), rule, before, ""), unknown, 4);
    emit_when_close(e, &found);
    LLVMBasicBlockRef give = emit_block(e, "give"), next = emit_block(e, "next");
    emit_jump_if(e, emit_compare(e, LLVMIntEQ, truth, truth_constant(l, TRUTH_YES), ""), give, next);
    emit_at(e, give);
    emit_give(e, rule);
    emit_at(e, next);
    emit_loop_close(e, &loop, NULL);
    emit_give(e, emit_i32(e, MATCH_NO_RULE));
}

/* MATCH_STACK_MAX bounds the three arrays (code.c). */
void match_lower_sets(struct match_lowering *l)
{
    struct emit *e = &l->e;
    struct sets s = {.sets = l->code->sets, .words = (l->code->sets->nfa->state_count + WORD - 1) / WORD};
    l->function = match_function_open(l, l->code->name, e->i32, &e->pointer, 1, false);
    s.set = emit_alloca(e, e->i64, s.words, "set");
    s.next = emit_alloca(e, e->i64, s.words, "next");
    s.truths = emit_alloca(e, e->i8, s.sets->pred_count, "truths");
    s.at = emit_variable(e, e->i64, number(l, 0), "at");
    s.class = emit_variable(e, e->i64, number(l, 0), "class");
    s.bits = emit_variable(e, e->i64, number(l, 0), "bits");
    make_moves(l, &s);
    lower_copy(l, &s, s.set, make_start(l, &s));
    lower_name(l, &s);
    lower_tests(l, &s);
    lower_ends(l, &s);
    lower_ops(l, &s);
    lower_rules(l, &s);
}
