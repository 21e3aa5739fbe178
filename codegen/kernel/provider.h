/* The boundary to LLVM: libquern-jit.so has two functions, one for kernels and one for matchers, and is opened on first use. */
#ifndef QUERN_CODEGEN_PROVIDER_H
#define QUERN_CODEGEN_PROVIDER_H

#include "codegen/kernel/ir.h"

/* Compiles checked IR. true: *bytes (malloc, caller frees) and *size. false: a reason in message. Thread-safe. */
typedef bool kernel_jit_compile(const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size,
                                char *message, size_t message_size);
/* The names by which the library is opened and its functions are found. */
#define KERNEL_JIT_FUNCTION "quern_jit_compile"
/* The same of match code (codegen/match/code.h). */
struct match_code;
typedef bool match_jit_compile(const struct match_code *code, const struct kernel_target *target, enum kernel_output output,
                               char **bytes, size_t *size, char *message, size_t message_size);
#define MATCH_JIT_FUNCTION "quern_jit_match"
#define KERNEL_JIT_FILE "libquern-jit.so.0"

/* Match code -> the wanted output with the code generator at path, as kernel_compile_with. whole: the object is to be loaded, so
 * that it must define one function and nothing else. */
bool match_compile_with(const char *path, const struct match_code *code, const struct kernel_target *target, enum kernel_output output,
                        bool whole, char **bytes, size_t *size, struct diags *diags);

/* Why these bytes are no object that kernel_load takes (static text), or NULL; maps nothing. */
const char *kernel_object_problem(const char *bytes, size_t size);

#endif
