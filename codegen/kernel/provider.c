/* Opens libquern-jit.so and hands IR or match code to it. Out: bytes of malloc that the caller frees, or a diagnostic. The
 * library is never closed: LLVM does not survive being unloaded, and the dynamic loader keeps one copy however often it is
 * opened, so no state is held here and calls from several threads need no lock. */
#define _GNU_SOURCE /* dladdr */
#include "codegen/kernel/provider.h"
#include "codegen/match/code.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef QUERN_LIBDIR
#define QUERN_LIBDIR "/usr/local/lib"
#endif

/* The folder of the library or program that holds this code, ending in a slash. A library is known by its path; the
 * program by the word it was started with, which says nothing of its folder, so the kernel is asked. */
static const char *own_folder(struct arena *arena)
{
    Dl_info info;
    char program[4096];
    if (!dladdr((const void *)own_folder, &info) || !info.dli_fname)
        return "";
    ssize_t size = *info.dli_fname == '/' ? 0 : readlink("/proc/self/exe", program, sizeof program);
    const char *path = size > 0 ? arena_copy(arena, program, (size_t)size) : info.dli_fname, *slash = strrchr(path, '/');
    return slash ? arena_copy(arena, path, (size_t)(slash - path) + 1) : "";
}

static void *open_at(struct arena *arena, const char *folder, const char *below, const char **error)
{
    void *library = dlopen(arena_printf(arena, "%s%s%s", folder, below, KERNEL_JIT_FILE), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        *error = arena_string(arena, dlerror());
    return library;
}

/* A given path alone; else beside this code, as libtool has it before installation, and where it is installed. */
static void *open_provider(struct arena *arena, const char *path, const char **error)
{
    void *library = NULL;
    if (path) {
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library)
            *error = arena_string(arena, dlerror());
        return library;
    }
    const char *folder = own_folder(arena);
    if (*folder) {
        library = open_at(arena, folder, "", error);
        if (!library)
            library = open_at(arena, folder, ".libs/", error);
    }
    return library ? library : open_at(arena, QUERN_LIBDIR "/", "", error);
}

/* Every failure to open or find is one diagnostic with the loader's own words. */
static void *find_function(struct diags *diags, const char *path, const char *function)
{
    const char *error = "";
    void *library = open_provider(diags->arena, path, &error), *symbol = library ? dlsym(library, function) : NULL;
    if (!symbol)
        diag_report_about(diags, DIAG_kernel_provider, KERNEL_JIT_FILE, "the code generator cannot be opened: %s",
                          library ? "it is of another version" : error);
    return symbol;
}

/* A library call in generated code is a bug of the lowering: every op has its own instructions. */
static bool check_object(const char *name, char **bytes, size_t size, struct diags *diags)
{
    const char *problem = kernel_object_problem(*bytes, size);
    if (!problem)
        return true;
    free(*bytes);
    *bytes = NULL;
    diag_report_about(diags, DIAG_kernel_bug, name, "the object is not self-contained: %s", problem);
    return false;
}

bool kernel_compile_with(const char *path, const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size,
                         struct diags *diags)
{
    char message[512] = "";
    if (!(ir->properties & IR_CHECKED)) {
        diag_report_about(diags, DIAG_kernel_bug, ir->name, "a kernel is compiled before its passes have run");
        return false;
    }
    kernel_jit_compile *compile = NULL;
    void *symbol = find_function(diags, path, KERNEL_JIT_FUNCTION);
    if (!symbol)
        return false;
    memcpy(&compile, &symbol, sizeof symbol);
    if (!compile(ir, output, bytes, size, message, sizeof message)) {
        diag_report_about(diags, DIAG_kernel_bug, ir->name, "%s", message);
        return false;
    }
    return output != KERNEL_OUTPUT_OBJECT || check_object(ir->name, bytes, *size, diags);
}

/* whole = false: the object is for a linker, and may define more than one function. */
bool match_compile_with(const char *path, const struct match_code *code, const struct kernel_target *target, enum kernel_output output,
                        bool whole, char **bytes, size_t *size, struct diags *diags)
{
    char message[512] = "";
    match_jit_compile *compile = NULL;
    void *symbol = find_function(diags, path, MATCH_JIT_FUNCTION);
    if (!symbol)
        return false;
    memcpy(&compile, &symbol, sizeof symbol);
    if (compile(code, target, output, bytes, size, message, sizeof message))
        return !whole || check_object(code->name, bytes, *size, diags);
    diag_report_about(diags, DIAG_kernel_bug, code->name, "%s", message);
    return false;
}

bool kernel_compile(const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size, struct diags *diags)
{
    return kernel_compile_with(NULL, ir, output, bytes, size, diags);
}
