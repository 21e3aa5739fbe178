/* The boundary to LLVM: libquern-jit.so has one function, quern_jit_compile, and is opened on first use. */
#ifndef QUERN_CODEGEN_PROVIDER_H
#define QUERN_CODEGEN_PROVIDER_H

#include "codegen/kernel/ir.h"

/* Compiles checked IR. true: *bytes (malloc, caller frees) and *size. false: a reason in message. Thread-safe. */
typedef bool kernel_jit_compile(const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size,
                                char *message, size_t message_size);
#define KERNEL_JIT_FUNCTION "quern_jit_compile"
#define KERNEL_JIT_FILE "libquern-jit.so.0"

/* Why these bytes are no object that kernel_load takes (static text), or NULL; maps nothing. */
const char *kernel_object_problem(const char *bytes, size_t size);

#endif
