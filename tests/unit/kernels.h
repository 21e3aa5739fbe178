/* Kernels against the oracle, bit for bit: what test_kernels and test_exhaustive share.
 *   kernels_data.c     tensors that hit every rule
 *   kernels_fence.c    buffers with inaccessible pages on both sides
 *   kernels_run.c      compile, call in a hostile float environment, in pieces
 *   kernels_check.c    one subject through every operation; wording of differences
 * Environment: QUERN_TEST_QUICK=1 one shape and two fills a spec (for a developer's loop; so under the sanitizers),
 * QUERN_TEST_FULL=1 every target for every spec, QUERN_TEST_SPEC=TEXT only specs whose text starts so. */
#ifndef QUERN_TESTS_KERNELS_H
#define QUERN_TESTS_KERNELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lang/recipe.h"
#include "tests/oracle/oracle.h"

/* ---- data ---- */

/* FILL(name): how a tensor is filled; the function of that name in kernels_data.c */
#define FILLS \
    FILL(random) FILL(ties) FILL(near_ties) FILL(subnormal) FILL(signed_zeros) FILL(specials) FILL(all_special) FILL(zero) \
    FILL(tiny) FILL(huge) FILL(outlier) FILL(bits) FILL(positive) FILL(negative) FILL(constant)
enum fill {
#define FILL(name) FILL_##name,
    FILLS
#undef FILL
    FILL_COUNT
};
extern const char *const fill_names[FILL_COUNT];
/* splitmix64: advances *seed. */
uint64_t next_random(uint64_t *seed);
/* x: as many elements as the oracle's tensor has, of its dtype. */
void fill_tensor(enum fill fill, const struct oracle *oracle, uint64_t *seed, void *x);

/* ---- fenced buffers ---- */

/* Memory between two inaccessible pages. A placed buffer touches the last page, the first page, or neither and is
 * aligned to its elements alone; the bytes beside it are known and checked. */
struct fence {
    char *map;    /* owned: the lower page, size bytes, the upper page */
    size_t size;
    char *at;     /* the buffer placed last */
    size_t bytes;
};
enum edge { EDGE_END, EDGE_BEGIN, EDGE_ODD, EDGE_COUNT };
/* size: the most bytes a buffer placed later may have. Fails the test when there is no memory. */
void fence_open(struct fence *fence, size_t size);
void fence_close(struct fence *fence);
/* bytes filled with 0xa5, or with a copy of content. */
void *fence_place(struct fence *fence, enum edge edge, size_t bytes, size_t alignment, const void *content);
/* Whether the bytes beside the buffer placed last are what fence_place put there. */
bool fence_intact(const struct fence *fence);

/* ---- running ---- */

/* A target a kernel is compiled for, or W = 1 on the host's. */
struct variant {
    char name[24];
    const struct kernel_target *target;
    bool scalar;
};
enum { VARIANTS_MAX = 8, CACHE_SIZE = 2048 }; /* rows of targets.def and the scalar one; kernels kept at once */

/* A compiled kernel by its key; the code stays loaded until the cache is emptied. */
struct cached {
    uint64_t hash;
    char *key; /* owned */
    struct kernel_code code;
};

/* A spec, a dtype and a shape. */
struct subject {
    const char *text;
    const struct spec *spec;
    enum dtype dtype;
    struct oracle oracle;
};

/* What a whole test program carries along: kernels, buffers, and figures printed at the end. */
struct runner {
    struct arena arena; /* specs */
    struct variant variants[VARIANTS_MAX];
    unsigned variant_count;
    struct cached cache[CACHE_SIZE];
    unsigned cached;
    struct fence x, codes, scale, zero, small;
    uint64_t seed;
    bool quick, full;
    bool rare;     /* a format that few use: the narrower targets less often */
    const char *only; /* NULL: every spec */
    int64_t cases, kernels, elements, failures, unsupported;
    unsigned turn; /* rotates places, environments, piece counts */
    unsigned lot;  /* of the spec and dtype: which narrower target it also runs on, which scales it is given */
    char current[600]; /* the case that runs, for a crash's message */
};
void runner_open(struct runner *runner);
/* Prints the figures. */
void runner_close(struct runner *runner);
/* The spec of an expression; NULL with *message when the language refuses it. */
const struct spec *runner_spec(struct runner *runner, const char *text, const char **message);

/* What an operation reads and what the oracle says it writes; NULL where the spec has none. */
struct sample {
    const char *name; /* for messages */
    const void *x, *codes, *scale;
    const int32_t *zero;
    float second, amax;
    const void *y; /* dequantize's x */
    struct kernel_sums sums;
};
/* Runs op for the subject and compares. Counts a case; prints and counts differences. */
void check_op(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct variant *variant, const struct sample *sample);
/* Compiled code of the request; false when it could not be made (counted as a failure and printed). */
bool runner_kernel(struct runner *runner, const struct subject *subject, const struct kernel_request *request, struct kernel_code *code);
/* Calls code over [0, units) in up to `most` pieces, last first, with FTZ, DAZ and upward rounding set by the caller every
 * other time; false when the caller's float environment was not given back. combine: after each piece; may be NULL. */
bool run_pieces(struct runner *runner, const struct kernel_code *code, struct kernel_args *args, int64_t units, int64_t most,
                void (*combine)(void *user), void *user);

/* ---- comparing ---- */

/* "SPEC | OP DTYPE [SHAPE] | TARGET, SAMPLE" */
void describe_case(char *out, size_t size, const struct subject *subject, enum kernel_op op, const struct variant *variant,
                   const struct sample *sample);
void report_failure(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct variant *variant,
                    const struct sample *sample, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Opens a subject; false (nothing to close) when the oracle says that shape and spec do not go together; then
 * kernel_storage must say the same. Also compares the sizes kernel_storage gives. */
bool subject_open(struct runner *runner, struct subject *subject, const char *text, const struct spec *spec, enum dtype dtype,
                  const int64_t *shape, int rank);
void subject_close(struct subject *subject);
/* Whether kernels of this subject exist; a required one that does not is a failure. */
bool subject_supported(struct runner *runner, const struct subject *subject, enum kernel_op op, bool required);
/* All operations over the fills with the variants picked for this lot. shape: its number among the spec's shapes. */
void check_subject(struct runner *runner, const struct subject *subject, unsigned shape, bool required);

#endif
