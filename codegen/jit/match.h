/* Lowering match code to LLVM IR: state shared by match.c (the automaton), match_sets.c (sets of NFA states) and match_name.c
 * (characters and layer numbers of a name). Variables are memory here; the pipeline of compile.c makes registers of them.
 * Functions of the module are made one at a time: name and size are those of the function that is open. */
#ifndef QUERN_JIT_MATCH_H
#define QUERN_JIT_MATCH_H

#include "codegen/jit/emit.h"
#include "codegen/match/code.h"

struct match_lowering {
    struct emit e;
    const struct match_code *code;
    struct arena *arena;
    emit_value decode, number, layer, walk; /* functions; NULL: not needed */
    emit_value function;                    /* the matcher */
    emit_value name, size;                  /* of the function being made */
};

/* A constant array of 2 or 4 bytes an entry, and an entry of it as i64. */
struct match_table {
    emit_value data;
    unsigned width;
};
struct match_table match_make_table(struct match_lowering *l, const uint32_t *values, size_t count, const char *name);
emit_value match_read_table(struct match_lowering *l, const struct match_table *table, emit_value index);

/* Opens FUNCTION(const char *name, size_t size, …) with `count` more parameters. */
emit_value match_function_open(struct match_lowering *l, const char *function, LLVMTypeRef result, const LLVMTypeRef *more, unsigned count,
                               bool internal);
/* name[at], an i8; at is an i64 below the size. */
emit_value match_byte(struct match_lowering *l, emit_value at);
/* Reads what stands in the name at the variable `at`, which moves on: its class goes to the variable `class`.
 * Both are variables of i64; at lies below the size when it comes, and at most at the size when it is done. */
void match_lower_class(struct match_lowering *l, emit_value at, emit_value class);
/* Whether the guard holds for this layer number.
 * An i1, of use only where the number is known: 0 or more. */
emit_value match_lower_guard(struct match_lowering *l, const struct guard *guard, emit_value layer);
/* match_sets.c: the whole function, by sets of states. */
void match_lower_sets(struct match_lowering *l);
/* match_name.c: `i64 decode(name, size, at)`: the character, and its bytes above bit 32, as utf8_next has it. */
void match_lower_decode(struct match_lowering *l);
/* `i64 layer(name, size)`: the layer number, or -1, as subject.c reads it. */
void match_lower_layer(struct match_lowering *l);

/* The module of a matcher, its plain form and its texts. It belongs to context and keeps nothing of code or arena. */
LLVMModuleRef lower_match(const struct match_code *code, LLVMContextRef context, struct arena *arena);

#endif
