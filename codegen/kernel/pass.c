/* The pass runner. In: IR of the formulas. Out: IR that may be lowered. Each row's contract (passes.def) is checked before it
 * runs; kernel_verify holds the IR to its rules after it. */
#include "codegen/kernel/pass.h"

#include <string.h>

struct pass {
    const char *name;
    unsigned requires, keeps, gives;
    void (*run)(struct kernel_ir *ir, const struct kernel_request *request);
};

static const struct pass passes[] = {
#define PASS(name, requires, keeps, gives) {#name, requires, keeps, gives, pass_##name},
#include "codegen/kernel/passes.def"
#undef PASS
};
enum { PASS_COUNT = sizeof passes / sizeof *passes };

/* A missing property is a wrong order of rows: a bug of the compiler, Q-coded as such. */
static bool run_pass(const struct pass *pass, struct kernel_ir *ir, const struct kernel_request *request, struct diags *diags)
{
    if ((ir->properties & pass->requires) != pass->requires) {
        diag_report_about(diags, DIAG_kernel_bug, ir->name, "pass `%s` does not find what it requires", pass->name);
        return false;
    }
    pass->run(ir, request);
    ir->properties = (ir->properties & pass->keeps) | pass->gives;
    return kernel_verify(ir, diags);
}

/* `formula` names the IR before the first pass. */
bool pass_run(struct kernel_ir *ir, const struct kernel_request *request, const char *after, struct diags *diags)
{
    if (!kernel_verify(ir, diags))
        return false;
    if (after && !strcmp(after, "formula"))
        return true;
    for (unsigned i = 0; i < PASS_COUNT; i++) {
        if (!run_pass(&passes[i], ir, request, diags))
            return false;
        if (after && !strcmp(after, passes[i].name))
            return true;
    }
    if (after)
        diag_report_about(diags, DIAG_kernel_text, after, "no pass has this name");
    return after == NULL;
}

/* Everything it asserts is asserted by the verifier, which holds CHECKED IR to the rules of lowering. */
void pass_check(struct kernel_ir *ir, const struct kernel_request *request)
{
    (void)ir, (void)request;
}
