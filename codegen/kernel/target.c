/* The targets and which of them this CPU runs: cpuid for the instructions, xgetbv for the registers the OS saves. Levels are
 * those of the x86-64 psABI (x86-64-v1 to v4). Out: a row of kernel_targets, never NULL for the host. */
#include "codegen/kernel/kernel.h"

#include <string.h>

const struct kernel_target kernel_targets[] = {
#define TARGET(name, cpu, features, lanes, fma, f16, level) {name, cpu, features, lanes, fma, f16},
#include "codegen/kernel/targets.def"
#undef TARGET
};
const size_t kernel_target_count = sizeof kernel_targets / sizeof *kernel_targets;

static const int target_levels[] = {
#define TARGET(name, cpu, features, lanes, fma, f16, level) level,
#include "codegen/kernel/targets.def"
#undef TARGET
};

const struct kernel_target *kernel_target_find(const char *name)
{
    for (size_t i = 0; i < kernel_target_count; i++)
        if (!strcmp(kernel_targets[i].name, name))
            return &kernel_targets[i];
    return NULL;
}

#ifdef __x86_64__
#include <cpuid.h>

static bool has_all(unsigned bits, unsigned wanted)
{
    return (bits & wanted) == wanted;
}

/* XCR0: bits 1, 2 the ymm state; 5, 6, 7 the zmm state */
static unsigned read_xcr0(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The microarchitecture level, 1 to 4, as the x86-64 psABI defines it. */
static int host_level(void)
{
    unsigned a, b, c, d, a7 = 0, b7 = 0, c7, d7, ax = 0, bx, cx = 0, dx;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 1;
    __get_cpuid_count(7, 0, &a7, &b7, &c7, &d7);
    __get_cpuid(0x80000001, &ax, &bx, &cx, &dx);
    if (!has_all(c, bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B) || !(cx & bit_LAHF_LM))
        return 1;
    bool os_ymm = (c & bit_OSXSAVE) && has_all(read_xcr0(), 0x06);
    if (!os_ymm || !has_all(c, bit_AVX | bit_F16C | bit_FMA | bit_MOVBE) || !has_all(b7, bit_AVX2 | bit_BMI | bit_BMI2) ||
        !(cx & bit_LZCNT))
        return 2;
    bool os_zmm = has_all(read_xcr0(), 0xe6);
    bool avx512 = has_all(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL);
    return os_zmm && avx512 ? 4 : 3;
}
#else
static int host_level(void)
{
    return 1;
}
#endif

/* The last row is the baseline, which every host runs. */
const struct kernel_target *kernel_target_host(void)
{
    int level = host_level();
    for (size_t i = 0; i + 1 < kernel_target_count; i++)
        if (target_levels[i] <= level)
            return &kernel_targets[i];
    return &kernel_targets[kernel_target_count - 1];
}

/* A narrower level is part of a wider one. */
bool kernel_target_runs(const struct kernel_target *target)
{
    return target >= kernel_target_host();
}
