/* Kernels: (op, spec, dtype, shape class, target) -> kernel IR -> passes -> machine code. README.md is the guide.
 * Nothing here needs LLVM except kernel_compile, which opens libquern-jit.so on its first use. */
#ifndef QUERN_CODEGEN_KERNEL_H
#define QUERN_CODEGEN_KERNEL_H

#include "lang/spec.h"
#include "lang/diag.h"

enum kernel_op {
#define KERNEL_OP(name, word, reads, writes) KERNEL_##name,
#include "codegen/kernel/ops.def"
#undef KERNEL_OP
    KERNEL_OP_COUNT
};
/* By enum kernel_op: the word of requests, IR texts and messages. */
extern const char *const kernel_op_words[KERNEL_OP_COUNT];

enum { KERNEL_RANK_MAX = 8, KERNEL_EXTENTS = 16 };

/* How a tensor of `shape` is stored under `spec`: what the buffers of struct kernel_args must hold.
 * Codes: the tensor is rows × columns (columns = last dimension, 1 for rank 0; rows = product of the others); each row is
 * one little-endian bit stream in the spec's layout, rows start at a multiple of the layout's unit (1 byte; i32: 4).
 *   lsb   element j at bits [j·n, j·n+n), two's complement for signed ints
 *   byte  one code a byte, signed ints with their sign extended (8-bit formats are always this); 16-bit formats: 2 bytes
 *   i32   as lsb but signed codes are stored plus 2^(n-1) and rows are padded to 4 bytes (compressed-tensors)
 * Scales: dense, row-major in scale_shape; each in the scale format's own width (f32 4 bytes, f16 and bf16 2, e4m3 and e8m0 1).
 *   per tensor []            per channel(a) [shape[a]]          per token shape[..-1] with the last dimension 1
 *   per group(n, a) shape with dimension a replaced by ceil(shape[a] / n)
 * Zero points: i32 each, same shape as the scales, when spec->zero is int.
 * second: one f32 for the tensor (nvfp4's g). */
struct kernel_storage {
    int64_t rows, columns, elements;
    int64_t code_row_bytes, code_bytes;
    int scale_rank;
    int64_t scale_shape[KERNEL_RANK_MAX];
    int64_t scale_count;  /* 0: the spec has no scale */
    unsigned scale_bytes; /* of one scale */
    bool has_zero, has_second;
};
/* false with *reason (static text) when shape and spec do not go together: a ragged group without `ragged pad`, an axis
 * out of range, sizes that overflow 63 bits. */
bool kernel_storage(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *storage, const char **reason);
/* false with *reason when this version has no kernel for op with this spec and x dtype (f32, f16, bf16). */
bool kernel_supports(enum kernel_op op, const struct spec *spec, enum dtype dtype, const char **reason);

/* nvfp4's g from the largest |x| of its tensors: 2688 / amax, 1 when amax is 0 or g not finite. */
float kernel_second(float amax);

/* What `error` adds up over a tensor; e = x - dequantized. All sums are f64, in 64 virtual lanes by
 * index mod 64 within chunks of 4096 elements (index in row-major order of the tensor), lanes as halves (i with i + 32, then
 * i + 16, …), chunks in order. x and y are f32: y before any rounding to x's dtype. */
struct kernel_sums {
    double e2, x2, y2, xy; /* Σe², Σx², Σy², Σxy over finite x */
    double max_error;      /* max |e| over finite x */
    int64_t saturated;     /* finite x that the clamp changed: rne(x / s) + z outside [qmin, qmax]; floats: |x / s| > fmax */
    int64_t nan, inf;      /* of x */
};

/* The arguments of a kernel in machine code; ABI: one pointer to this. Unused pointers are NULL. No alignment beyond the
 * element's own is assumed. Buffers do not overlap. */
struct kernel_args {
    const void *x;        /* float tensor, dense, row-major; dequantize writes it */
    void *codes;
    void *scale;
    int32_t *zero;
    const float *second;
    float *amax;          /* observe: max |x| over finite elements of the range, 0 when none */
    struct kernel_sums *sums; /* error */
    int64_t extent[KERNEL_EXTENTS]; /* the loop nest's trip counts and strides; filled by kernel_bind */
    int64_t begin, end;   /* the range of work units to do */
};

/* The CPU a kernel is made for: rows of targets.def, the widest first. */
struct kernel_target {
    const char *name;     /* "x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64" */
    const char *cpu, *features; /* LLVM's words */
    unsigned lanes;       /* f32 lanes of one vector register */
    bool fma, f16;        /* has fused multiply-add; f16 conversions */
};
extern const struct kernel_target kernel_targets[];
extern const size_t kernel_target_count;
const struct kernel_target *kernel_target_host(void);             /* the widest this CPU and OS can run */
bool kernel_target_runs(const struct kernel_target *target);      /* a row of kernel_targets, on this CPU and OS */
const struct kernel_target *kernel_target_find(const char *name); /* or NULL */

struct kernel_request {
    enum kernel_op op;
    const struct spec *spec;
    enum dtype dtype;     /* of x: f32, f16, bf16 */
    const int64_t *shape;
    int rank;
    const struct kernel_target *target; /* NULL: the host's */
    bool scalar;          /* W = 1: the reference from the same IR */
};

struct kernel_ir; /* codegen/kernel/ir.h */
/* The kernel's IR after all passes (after: the name of a pass, or NULL for all). NULL with a diagnostic. */
struct kernel_ir *kernel_build(struct arena *arena, const struct kernel_request *request, const char *after, struct diags *diags);
/* The key of the kernel's code: equal keys, equal code. Shapes that need the same code have the same key. */
const char *kernel_key(struct arena *arena, const struct kernel_request *request);
/* IR as text, and back (README.md has the grammar). read: everything is in arena; NULL with a diagnostic at the first wrong
 * place, or for each rule of the verifier that the text breaks. */
void kernel_print(struct text *out, const struct kernel_ir *ir);
struct kernel_ir *kernel_read(struct arena *arena, struct source *source, struct diags *diags);
/* The rules of ir_verify.c; a diagnostic for each violation. Numbers the values (ir_number), changes nothing else. */
bool kernel_verify(const struct kernel_ir *ir, struct diags *diags);

typedef void kernel_function(const struct kernel_args *args);
/* Loaded code; the pages are executable and never writable. */
struct kernel_code {
    kernel_function *function;
    void *memory;
    size_t size;
};
/* LLVM text and assembly end in a 0 byte that *size does not count. */
enum kernel_output { KERNEL_OUTPUT_LLVM, KERNEL_OUTPUT_ASM, KERNEL_OUTPUT_OBJECT };
/* IR -> the wanted output in *bytes (malloc, caller frees). false with a diagnostic. Thread-safe. */
bool kernel_compile(const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size, struct diags *diags);
/* The same with the code generator at path (NULL: looked for beside this library, then in the installation). */
bool kernel_compile_with(const char *path, const struct kernel_ir *ir, enum kernel_output output, char **bytes, size_t *size,
                         struct diags *diags);
/* Maps an object that kernel_compile made; finds its one function. No LLVM. false with a diagnostic. */
bool kernel_load(const char *object, size_t size, struct kernel_code *code, struct diags *diags);
/* Unmaps the pages; the function must not be running. Safe on a zeroed or unloaded struct. */
void kernel_unload(struct kernel_code *code);

/* Fills args->extent for the request's shape and gives the number of work units: independent pieces of work [0, units) that may
 * run on different threads in any order with the same result (blocks, rows, column strips; for `error` and `observe` the caller
 * runs [0, units) in one call or, observe only, takes the max of the pieces). Without elements there may be no units; a call
 * with begin = end then still writes what a tensor has however small it is (amax, sums). */
int64_t kernel_bind(const struct kernel_request *request, struct kernel_args *args);
/* Calls the function with round to nearest even and no flush to zero, whatever the caller's MXCSR, and restores it. */
void kernel_run(const struct kernel_code *code, const struct kernel_args *args);

#endif
