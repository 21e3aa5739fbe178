/* Calls a kernel in the floating-point environment it was made for. numerics.md §1.9. */
#include "codegen/kernel/kernel.h"

#ifdef __x86_64__
#include <immintrin.h>

/* All exceptions masked, round to nearest even, no flush to zero, denormals are not zero. */
enum { MXCSR_STANDARD = 0x1f80 };

void kernel_run(const struct kernel_code *code, const struct kernel_args *args)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(MXCSR_STANDARD);
    code->function(args);
    _mm_setcsr(before);
}
#else
#include <fenv.h>

void kernel_run(const struct kernel_code *code, const struct kernel_args *args)
{
    fenv_t before;
    feholdexcept(&before);
    fesetenv(FE_DFL_ENV);
    code->function(args);
    fesetenv(&before);
}
#endif
