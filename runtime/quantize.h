/* The quantize pipeline's own structures: a run has a job for each tensor, a job has tasks for its pieces. docs/quern-format.md
 * and compressed-tensors say what the parts hold. */
#ifndef QUERN_RUNTIME_QUANTIZE_H
#define QUERN_RUNTIME_QUANTIZE_H

#include "runtime/checkpoint.h"
#include "runtime/config_file.h"
#include "runtime/parallel.h"
#include "runtime/piece.h"
#include "runtime/plan.h"

enum { COPY_BYTES = 4 << 20 }; /* of one copying task */

/* What a tensor's pieces count; summed in piece order when all are done. */
struct piece_result {
    float amax;
    int64_t nan, inf;
    struct kernel_sums sums;
};

/* One tensor of the input. After `prepare` a task writes only results[its piece] and its ranges of the output file. */
struct job {
    struct run *run;
    const struct plan_item *item;
    struct out_shard *out;
    struct stored copy;                  /* when copied: what is written */
    struct stored parts[PART_ROLES];     /* when quantized, by role; name NULL: no such part */
    const struct part *rows[PART_ROLES];
    struct cut cut;
    enum dtype dtype;                    /* kernels read it */
    struct bound *observe, *quantize, *error; /* [2] each, or NULL */
    struct piece_result *results;        /* one a piece */
    float second;                        /* g, when the spec has two levels */
    int64_t left;                        /* tasks of the last phase that are not done */
};

/* One call of quern_quantize; everything but jobs' results and files is the calling thread's. */
struct run {
    struct session *session;
    struct quern_plan *plan;
    const struct quern_run_options *options;
    struct job *jobs;        /* one for each tensor, in name order */
    struct task *observing, *writing;
    size_t observing_count, writing_count;
    struct quern_progress progress;
    size_t reported;         /* jobs told to options->report */
    bool phase_writing;
    int64_t not_finite;      /* tensors with NaN or Inf */
    struct checkpoint *checkpoint;
};

/* Tasks: quantize_task.c; task->job is a struct job. Then the sizes of their buffers, which the memory limit is kept by. */
void observe_piece(struct task *task, void *buffer, struct failure *failure);
void quantize_piece(struct task *task, void *buffer, struct failure *failure);
void copy_piece(struct task *task, void *buffer, struct failure *failure);
size_t observe_memory(const struct job *job, int64_t piece);
size_t quantize_memory(const struct job *job, int64_t piece);
/* The sums of all pieces as the figures of a report; elements: of the tensor. */
struct quern_error_stats stats_of_sums(const struct kernel_sums *sums, int64_t elements);
void sums_add(struct kernel_sums *total, const struct kernel_sums *more);

#endif
