/* Kernel IR as text: every kernel reads back to the same bytes after every pass; the reader's and the verifier's
 * messages, whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codegen/kernel/ir.h"
#include "lang/recipe.h"

static const char *const specs[] = {
    "int8 symmetric per tensor", "int8 asymmetric per token scale bf16", "int8 symmetric narrow per channel(0)",
    "int4 symmetric per group(32) scale f16", "int4 symmetric per group(128) ragged pad scale f16 pack i32", "int3 asymmetric per group(5) ragged pad",
    "uint4 asymmetric per channel(-1) scale f16", "uint2 symmetric per group(32, 0) ragged pad scale bf16", "int6 symmetric per tensor pack byte",
    "fp8_e4m3 per channel(0)", "fp8_e5m2 per tensor scale bf16", "fp8_e4m3fnuz per token", "mxfp8", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3",
    "mxfp4", "mxint8", "nvfp4", "bf16", "f16"};
static const char *const passes[] = {"formula", "schedule", "finite", "fast", "legalize", "fold", "check"};
enum { SPECS = sizeof specs / sizeof *specs, PASSES = sizeof passes / sizeof *passes };

static const char *print(struct arena *arena, const struct kernel_ir *ir)
{
    struct text text = text_make(arena);
    kernel_print(&text, ir);
    return text_string(&text);
}

static void check_text(struct arena *arena, const struct kernel_ir *ir, const char *spec)
{
    struct diags diags;
    const char *once = print(arena, ir);
    diags_init(&diags, arena);
    struct kernel_ir *again = kernel_read(arena, source_new(arena, "kernel", once, strlen(once)), &diags);
    if (!again)
        print_message("%s: %s\n%s", spec, diags.first->text, once);
    assert_non_null(again);
    assert_string_equal(print(arena, again), once);
}

static void check_request(const char *text, enum kernel_op op, enum dtype dtype, const struct kernel_target *target, const char *pass)
{
    struct arena arena;
    struct diags diags;
    int64_t shape[2] = {64, 160};
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct kernel_request request = {op, spec_parse(&arena, text, &diags), dtype, shape, 2, target, false};
    assert_non_null(request.spec);
    if (!strcmp(text, "nvfp4") || request.spec->format->bits != 4)
        request.scalar = target == &kernel_targets[0];
    struct kernel_ir *ir = kernel_build(&arena, &request, pass, &diags);
    if (!ir)
        print_message("%s: %s\n", text, diags.first->text);
    assert_non_null(ir);
    check_text(&arena, ir, text);
    arena_close(&arena);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SPECS; s++)
        for (int op = 0; op < KERNEL_OP_COUNT; op++)
            for (unsigned p = 0; p < PASSES; p++) {
                enum dtype dtype = (enum dtype[]){DTYPE_f32, DTYPE_f16, DTYPE_bf16}[(s + p) % 3];
                check_request(specs[s], (enum kernel_op)op, dtype, &kernel_targets[(s + p) % kernel_target_count], passes[p]);
            }
}

/* A kernel a person can read: the letters of the formulas. */
static void test_print(void **state)
{
    struct arena arena;
    struct diags diags;
    int64_t shape[2] = {8, 64};
    (void)state;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct kernel_request request = {KERNEL_quantize_dynamic, spec_parse(&arena, "int4 symmetric per group(32) scale f16", &diags),
                                     DTYPE_f32, shape, 2, kernel_target_find("x86-64-v3"), false};
    struct kernel_ir *ir = kernel_build(&arena, &request, "schedule", &diags);
    assert_non_null(ir);
    assert_string_equal(print(&arena, ir),
                        "kernel quern.int4_sym_g32_f16.quantize_dynamic.f32\n"
                        "spec \"int4 symmetric per group(32) scale f16\"\n"
                        "op quantize_dynamic\n"
                        "x f32\n"
                        "codes 4 unit 1\n"
                        "scale 16\n"
                        "target x86-64-v3\n"
                        "schedule blocks lanes 8 chunk 32 group 32 in_flight 16\n"
                        "each:\n"
                        "    %x = load x\n"
                        "    %a = abs %x\n"
                        "    %finite = finite %x\n"
                        "    %v = select %finite, %a, 0.0\n"
                        "    %A = reduce_max %v\n"
                        "once:\n"
                        "    %t = div %A, 7.5\n"
                        "    %t.2 = min %t, 65504.0\n"
                        "    %S = encode f16 %t.2, %t.2\n"
                        "    %none = iequal %S, 0\n"
                        "    %S.2 = select %none, 15360, %S\n"
                        "    store scale %S.2\n"
                        "    %s = decode f16 %S.2\n"
                        "each:\n"
                        "    %x.2 = load x\n"
                        "    %q = div %x.2, %s\n"
                        "    %c = clamp %q, -8.0, 7.0\n"
                        "    %k = rne %c\n"
                        "    %number = ordered %c\n"
                        "    %code = select %number, %k, 0\n"
                        "    store codes %code\n");
    arena_close(&arena);
}

/* ---- messages ---- */

#define HEAD "kernel k\nspec \"\"\nop quantize\nx f32\ncodes 8 unit 1\nscale 32\ntarget x86-64-v3\n"
#define ROWS HEAD "schedule rows lanes 8 chunk 32\n"
static const struct message_case {
    const char *text, *message;
} message_cases[] = {
    {"", "kernel:1:1: error[Q0901]: expected `kernel`\n    1 | \n      | ^\n"},
    {"kernel k\nspec int8\n", "kernel:2:6: error[Q0901]: expected a string\n    2 | spec int8\n      |      ^\n"},
    {"kernel k\nspec \"\"\nop divide\n", "kernel:3:4: error[Q0901]: expected an operation of a kernel\n    3 | op divide\n      |    ^\n"},
    {"kernel k\nspec \"\"\nop observe\nx f33\n", "kernel:4:3: error[Q0901]: expected a dtype\n    4 | x f33\n      |   ^\n"},
    {HEAD "schedule rows lanes 99 chunk 32\n", "kernel:8:21: error[Q0901]: expected a whole number from 1 to 64\n    8 | schedule rows lanes 99 chunk 32\n      |                     ^\n"},
    {ROWS "often:\n", "kernel:9:1: error[Q0901]: expected `start`, `once` or `each`\n    9 | often:\n      | ^\n"},
    {ROWS "each:\n    %x = load y\n", "kernel:10:15: error[Q0901]: expected a buffer\n   10 |     %x = load y\n      |               ^\n"},
    {ROWS "each:\n    %x = log 1.0\n", "kernel:10:10: error[Q0901]: expected an operation of kernel IR\n   10 |     %x = log 1.0\n      |          ^\n"},
    {ROWS "each:\n    %x = load x\n    %x = load x\n", "kernel:11:6: error[Q0901]: expected a name that is not taken\n   11 |     %x = load x\n      |      ^\n"},
    {ROWS "each:\n    %y = abs %x\n", "kernel:10:15: error[Q0901]: expected a value defined above\n   10 |     %y = abs %x\n      |               ^\n"},
    {ROWS "each:\n    %y = abs 1.0 2\n", "kernel:10:18: error[Q0901]: expected the end of the line\n   10 |     %y = abs 1.0 2\n      |                  ^\n"},
    {ROWS "each:\n    %y = abs 1e999\n", "kernel:10:14: error[Q0901]: expected a value, an int or an f32 number\n   10 |     %y = abs 1e999\n      |              ^\n"},
    {ROWS "each:\n    store codes\n", "kernel:10:16: error[Q0901]: expected a value, an int or an f32 number\n   10 |     store codes\n      |                ^\n"},
    {HEAD "schedule rows lanes 16 chunk 64\n", "k: error[Q0902]: lanes are 1, 4, 8 or 16, and no more than the target's\n"},
    {HEAD "schedule rows lanes 8 chunk 24\n", "k: error[Q0902]: a chunk is 8, 16, 32 or 64 elements, 1 to 32 times the lanes\n"},
    {HEAD "schedule rows lanes 1 chunk 64\n", "k: error[Q0902]: a chunk is 8, 16, 32 or 64 elements, 1 to 32 times the lanes\n"},
    {HEAD "schedule columns lanes 8 chunk 32 shifted\n", "k: error[Q0902]: only `rows` are nested or shifted\n"},
    {HEAD "schedule blocks lanes 8 chunk 32 group 20 in_flight 8\n",
     "k: error[Q0902]: a group is a power of two, at most 256, not less than the lanes; blocks are vectors\n"},
    {HEAD "schedule blocks lanes 8 chunk 32 group 32 in_flight 7\n", "k: error[Q0902]: 8, 16 or 32 blocks are in flight, not less than the lanes\n"},
    {ROWS "each:\n    %y = abs 1\n", "k: error[Q0902]: `%y = abs`: an operand has another type\nk: error[Q0902]: `%y = abs`: nothing of it depends on the element; it belongs into `once`\n"},
    {ROWS "once:\n    %x = load x\n", "k: error[Q0902]: `%x = load`: elements are loaded and stored in `each`, blocks in `once`\n"},
    {ROWS "each:\n    %x = load x\nonce:\n    %y = abs %x\n", "k: error[Q0902]: `%y = abs`: an operand is not defined before its use\n"},
    {ROWS "start:\n    %s = load scale\n", "k: error[Q0902]: `%s = load`: `start` reads and writes the tensor's own items only\n"},
    {ROWS "each:\n    %x = load x\n    %b = bits %x\n    %c = ishl %b, 32\n", "k: error[Q0902]: `%c = ishl`: a shift is by a constant of 0 to 31\n"},
    {ROWS "once:\n    %A = reduce_max 1.0\n", "k: error[Q0902]: `%A = reduce_max`: a reduction stands in `each`\n"},
    {ROWS "once:\n    %s = load scale\neach if %s:\n", "k: error[Q0902]: a region's condition is a bool of a block, before `each`\n"},
    {HEAD "schedule rows lanes 8 chunk 32\neach:\n    %x = load x\n    sums %x, %x, %x\n",
     "k: error[Q0902]: `sums` in `each`: an operand has another type\nk: error[Q0902]: `sums` in `each`: sums are taken in `each` of an `error` kernel\n"},
    {"kernel k\nspec \"\"\nop quantize\nx f32\ncodes 8 unit 1\nscale 32\ntarget x86-64\nschedule rows lanes 4 chunk 16\neach:\n    %x = load x\n"
     "    %y = fma %x, %x, %x\n", "k: error[Q0902]: `%y = fma`: the target has no such instruction\n"},
};
enum { MESSAGE_CASES = sizeof message_cases / sizeof *message_cases };

static void test_messages(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MESSAGE_CASES; i++) {
        struct arena arena;
        struct diags diags;
        arena_init(&arena, NULL);
        diags_init(&diags, &arena);
        const char *text = message_cases[i].text;
        struct text out = text_make(&arena);
        assert_null(kernel_read(&arena, source_new(&arena, "kernel", text, strlen(text)), &diags));
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&out, d, false);
        assert_string_equal(text_string(&out), message_cases[i].message);
        arena_close(&arena);
    }
}

static void check_refusal(const char *text, const int64_t *shape, int rank, const char *message)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct text out = text_make(&arena);
    struct kernel_request request = {KERNEL_quantize_dynamic, spec_parse(&arena, text, &diags), DTYPE_f32, shape, rank, NULL, false};
    assert_non_null(request.spec);
    assert_null(kernel_build(&arena, &request, NULL, &diags));
    diag_print(&out, diags.first, false);
    assert_string_equal(text_string(&out), message);
    arena_close(&arena);
}

static void test_refusals(void **state)
{
    int64_t shape[2] = {3, 100};
    (void)state;
    check_refusal("nf4", shape, 2, "quern.nf4_g64_f32.quantize_dynamic.f32: error[Q0903]: codebook formats have no kernel yet\n");
    check_refusal("int8 symmetric per tensor range mse", shape, 2,
                  "quern.int8_sym_t_f32.quantize_dynamic.f32: error[Q0903]: this range has no kernel yet\n");
    check_refusal("int4 symmetric per group(32)", shape, 2,
                  "quern.int4_sym_g32_f32.quantize_dynamic.f32: error[Q0904]: the group does not divide the dimension; `ragged pad` allows a short last group\n");
    check_refusal("int8 symmetric per channel(2)", shape, 2,
                  "quern.int8_sym_c2_f32.quantize_dynamic.f32: error[Q0904]: the tensor has no such axis\n");
}

/* Shapes that need the same code have the same key, others do not. */
static void test_keys(void **state)
{
    struct arena arena;
    struct diags diags;
    int64_t shape[2] = {64, 160}, other[2] = {3, 4096}, ragged[2] = {64, 161};
    (void)state;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct kernel_request request = {KERNEL_quantize, spec_parse(&arena, "int4 symmetric per group(32) ragged pad", &diags), DTYPE_f32,
                                     shape, 2, &kernel_targets[0], false};
    const char *key = kernel_key(&arena, &request);
    request.shape = other;
    assert_string_equal(kernel_key(&arena, &request), key);
    request.shape = ragged;
    assert_string_not_equal(kernel_key(&arena, &request), key);
    request.shape = shape;
    request.dtype = DTYPE_bf16;
    assert_string_not_equal(kernel_key(&arena, &request), key);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_print), cmocka_unit_test(test_messages),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
