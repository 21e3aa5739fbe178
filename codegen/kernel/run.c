/* Calls a kernel in the floating-point environment it was made for, and gives the caller's back. In: loaded code and filled
 * arguments. A caller may have FTZ, DAZ or another rounding mode set (-ffast-math does in its start code); no kernel's bits
 * may depend on it. Thread-safe: MXCSR is a thread's own. */
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
