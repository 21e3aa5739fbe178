/* The passes of passes.def and their runner. */
#ifndef QUERN_CODEGEN_PASS_H
#define QUERN_CODEGEN_PASS_H

#include "codegen/kernel/ir.h"

/* pass_NAME changes ir in place; it may rely on `requires` and must leave what `keeps` and `gives` say. It never fails. */
#define PASS(name, requires, keeps, gives) void pass_##name(struct kernel_ir *ir, const struct kernel_request *request);
#include "codegen/kernel/passes.def"
#undef PASS

/* Runs the passes up to and including `after` (NULL: all), verifying after each. false with a diagnostic. */
bool pass_run(struct kernel_ir *ir, const struct kernel_request *request, const char *after, struct diags *diags);

/* The schedule for a request; what the pass `schedule` sets and kernel_bind follows. */
struct ir_schedule schedule_choose(const struct kernel_request *request);

#endif
