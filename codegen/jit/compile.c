/* The functions of libquern-jit.so: checked kernel IR, or match code, to LLVM text, assembly or an object. One context, one
 * module and one target machine a call; nothing of LLVM's is global but the registration of the target, done once. */
#include "codegen/jit/lower.h"
#include "codegen/jit/match.h"
#include "codegen/kernel/provider.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static void register_target(void)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
}

struct compilation {
    const struct kernel_ir *ir;    /* one of these two */
    const struct match_code *match;
    const struct kernel_target *target;
    struct arena arena;            /* of the lowering */
    LLVMContextRef context;        /* owned */
    LLVMModuleRef module;          /* owned */
    LLVMTargetMachineRef machine;  /* owned */
    char *message;
    size_t message_size;
};

static bool fail(struct compilation *c, const char *what, const char *why)
{
    snprintf(c->message, c->message_size, "%s: %s", what, why ? why : "no reason given");
    return false;
}

/* Features by their full list; the CPU name only picks a scheduling model. A matcher's many blocks are chosen instructions for
 * quickly: it is no slower for it. */
static bool open_machine(struct compilation *c)
{
    static const char triple[] = "x86_64-unknown-linux-gnu";
    LLVMTargetRef target;
    char *error = NULL;
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        fail(c, "LLVM has no x86-64 target", error);
        LLVMDisposeMessage(error);
        return false;
    }
    c->machine = LLVMCreateTargetMachine(target, triple, c->target->cpu, c->target->features, c->match ? LLVMCodeGenLevelLess : LLVMCodeGenLevelDefault,
                                         LLVMRelocPIC, LLVMCodeModelSmall);
    return c->machine || fail(c, "LLVM has no machine", c->target->name);
}

/* Kernels are lowered to what they shall be; a matcher's variables become registers. */
static bool run_passes(struct compilation *c)
{
    if (!c->match)
        return true;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(c->module, "mem2reg", c->machine, options);
    char *reason = error ? LLVMGetErrorMessage(error) : NULL;
    if (reason) {
        fail(c, "LLVM cannot promote the variables", reason);
        LLVMDisposeErrorMessage(reason);
    }
    LLVMDisposePassBuilderOptions(options);
    return !error;
}

/* LLVM's verifier runs on every module: what it refuses is a fault of the lowering, and is told as a message. */
static bool make_module(struct compilation *c)
{
    c->module = c->match ? lower_match(c->match, c->context, &c->arena) : lower_kernel(c->ir, c->context, &c->arena);
    LLVMSetTarget(c->module, "x86_64-unknown-linux-gnu");
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(c->machine);
    LLVMSetModuleDataLayout(c->module, layout);
    LLVMDisposeTargetData(layout);
    char *error = NULL;
    bool broken = LLVMVerifyModule(c->module, LLVMReturnStatusAction, &error);
    if (broken)
        fail(c, "LLVM refuses the module", error);
    LLVMDisposeMessage(error);
    return !broken && run_passes(c);
}

/* bytes is malloc'ed, the caller's to free, with a NUL behind its size. */
static bool give_copy(struct compilation *c, const char *from, size_t from_size, char **bytes, size_t *size)
{
    *bytes = malloc(from_size + 1);
    if (!*bytes)
        return fail(c, "no memory", "for the object");
    memcpy(*bytes, from, from_size);
    (*bytes)[from_size] = '\0';
    *size = from_size;
    return true;
}

static bool write_text(struct compilation *c, char **bytes, size_t *size)
{
    char *text = LLVMPrintModuleToString(c->module);
    bool ok = give_copy(c, text, strlen(text), bytes, size);
    LLVMDisposeMessage(text);
    return ok;
}

static bool write_code(struct compilation *c, enum kernel_output output, char **bytes, size_t *size)
{
    LLVMCodeGenFileType type = output == KERNEL_OUTPUT_ASM ? LLVMAssemblyFile : LLVMObjectFile;
    LLVMMemoryBufferRef buffer = NULL;
    char *error = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(c->machine, c->module, type, &error, &buffer)) {
        fail(c, "LLVM cannot emit the kernel", error);
        LLVMDisposeMessage(error);
        return false;
    }
    bool ok = give_copy(c, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), bytes, size);
    LLVMDisposeMemoryBuffer(buffer);
    return ok;
}

static void dispose(struct compilation *c)
{
    if (c->machine)
        LLVMDisposeTargetMachine(c->machine);
    if (c->module)
        LLVMDisposeModule(c->module);
    LLVMContextDispose(c->context);
    arena_close(&c->arena);
}

__attribute__((visibility("default"))) kernel_jit_compile quern_jit_compile;
__attribute__((visibility("default"))) match_jit_compile quern_jit_match;

static bool compile(struct compilation *c, enum kernel_output output, char **bytes, size_t *size)
{
    jmp_buf escape;
    c->arena.escape = &escape;
    if (setjmp(escape))
        return fail(c, "no memory", "for the lowering");
    if (!open_machine(c) || !make_module(c))
        return false;
    return output == KERNEL_OUTPUT_LLVM ? write_text(c, bytes, size) : write_code(c, output, bytes, size);
}

/* Safe in several threads at once: they share the registration alone. */
static bool run(struct compilation *c, enum kernel_output output, char **bytes, size_t *size)
{
    pthread_once(&registered, register_target);
    arena_init(&c->arena, NULL);
    c->context = LLVMContextCreate();
    bool ok = compile(c, output, bytes, size);
    dispose(c);
    return ok;
}

bool quern_jit_compile(const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size, char *message,
                       size_t message_size)
{
    struct compilation c = {.ir = ir, .target = ir->target, .message = message, .message_size = message_size};
    return run(&c, output, bytes, size);
}

bool quern_jit_match(const struct match_code *code, const struct kernel_target *target, enum kernel_output output, char **bytes,
                     size_t *size, char *message, size_t message_size)
{
    struct compilation c = {.match = code, .target = target, .message = message, .message_size = message_size};
    return run(&c, output, bytes, size);
}
