/* Kernels of a context: a table by kernel_key in which each is compiled once, however many threads ask at once. Kernels stay
 * until the context is destroyed: a model has many tensors and few (spec, shape class) pairs. */
#ifndef QUERN_RUNTIME_KERNELS_H
#define QUERN_RUNTIME_KERNELS_H

#include "codegen/kernel/kernel.h"
#include "runtime/context.h"

/* QUERN_USAGE: there is no target of that name. One that this machine cannot run is taken: its code may be printed, not run. */
enum quern_status kernel_table_open(struct quern_context *context);
/* Unloads every kernel; nothing may run one any more. */
void kernel_table_close(struct quern_context *context);
/* Loaded code for the request, kept until the context is destroyed. NULL after reporting to the session. */
const struct kernel_code *kernel_table_get(struct session *session, const struct kernel_request *request);
/* The context's target and scalar option in a request for op. */
struct kernel_request kernel_request_make(const struct quern_context *context, enum kernel_op op, const struct spec *spec,
                                          enum dtype dtype, const int64_t *shape, int rank);
/* The CPU that the context compiles for. */
const struct kernel_target *kernel_target_of(const struct quern_context *context);
/* Code for it can run here; asked before any is loaded. false after reporting. */
bool kernel_target_check(struct session *session);
int kernel_op_find(const char *word); /* an enum kernel_op, or -1 */

#endif
