/* The loader of kernel objects: a good object runs; a damaged one, wherever it is damaged, is refused or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codegen/kernel/kernel.h"
#include "lang/recipe.h"

struct object {
    struct arena arena;
    struct diags diags;
    struct kernel_request request;
    int64_t shape[2];
    char *bytes; /* owned */
    size_t size;
};

static int open_object(void **state)
{
    struct object *o = calloc(1, sizeof *o);
    arena_init(&o->arena, NULL);
    diags_init(&o->diags, &o->arena);
    o->shape[0] = 3;
    o->shape[1] = 100;
    o->request = (struct kernel_request){KERNEL_quantize_dynamic, spec_parse(&o->arena, "int8 symmetric narrow per token", &o->diags),
                                         DTYPE_f32, o->shape, 2, kernel_target_find("x86-64"), false};
    struct kernel_ir *ir = kernel_build(&o->arena, &o->request, NULL, &o->diags);
    assert_non_null(ir);
    bool compiled = kernel_compile(ir, KERNEL_OUTPUT_OBJECT, &o->bytes, &o->size, &o->diags);
    if (!compiled)
        print_message("%s\n", o->diags.first->text);
    assert_true(compiled);
    *state = o;
    return 0;
}

static int close_object(void **state)
{
    struct object *o = *state;
    free(o->bytes);
    arena_close(&o->arena);
    free(o);
    return 0;
}

static void test_runs(void **state)
{
    struct object *o = *state;
    struct kernel_code code;
    float x[300], scale[3];
    int8_t codes[300];
    for (int i = 0; i < 300; i++)
        x[i] = (float)(i % 100 - 50) * (float)(i / 100 + 1);
    struct kernel_args args = {.x = x, .codes = codes, .scale = scale};
    assert_true(kernel_load(o->bytes, o->size, &code, &o->diags));
    args.end = kernel_bind(&o->request, &args);
    kernel_run(&code, &args);
    for (int i = 0; i < 300; i++)
        assert_int_equal(codes[i], (int)__builtin_rint((double)(x[i] / scale[i / 100])));
    assert_true(scale[2] == 150.0f / 127.0f);
    kernel_unload(&code);
    assert_null(code.memory);
}

/* Loads what it can; what is refused has a reason. Nothing is run. */
static bool try_load(const char *bytes, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct kernel_code code;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    char *copy = malloc(size ? size : 1); /* of its own size: reads past the end are seen by the sanitizer */
    memcpy(copy, bytes, size);
    bool loaded = kernel_load(copy, size, &code, &diags);
    assert_int_equal(diags.errors, loaded ? 0 : 1);
    assert_true(loaded == (code.memory != NULL));
    kernel_unload(&code);
    free(copy);
    arena_close(&arena);
    return loaded;
}

static void test_truncated(void **state)
{
    struct object *o = *state;
    for (size_t size = 0; size < o->size; size += size < 256 ? 1 : 37)
        assert_false(try_load(o->bytes, size)); /* the section table stands last */
}

static void test_damaged(void **state)
{
    struct object *o = *state;
    static const unsigned char values[] = {0x00, 0xff, 0x80, 0x01};
    unsigned refused = 0;
    char *copy = malloc(o->size);
    for (size_t i = 0; i < o->size; i++)
        for (unsigned v = 0; v < sizeof values; v++) {
            memcpy(copy, o->bytes, o->size);
            copy[i] = (char)(copy[i] ^ (values[v] ? values[v] : 0x7f));
            refused += !try_load(copy, o->size);
        }
    free(copy);
    assert_true(refused > 100);
}

static void check_message(struct object *o, const char *bytes, size_t size, const char *message)
{
    struct diags diags;
    struct kernel_code code;
    struct text out = text_make(&o->arena);
    diags_init(&diags, &o->arena);
    assert_false(kernel_load(bytes, size, &code, &diags));
    diag_print(&out, diags.first, false);
    assert_string_equal(text_string(&out), message);
}

/* The relocations of the first table, made wrong one way at a time. */
static void test_messages(void **state)
{
    struct object *o = *state;
    char *copy = malloc(o->size);
    Elf64_Ehdr header;
    Elf64_Shdr section = {0};
    Elf64_Rela relocation;
    memcpy(&header, o->bytes, sizeof header);
    for (unsigned i = 0; i < header.e_shnum && section.sh_type != SHT_RELA; i++)
        memcpy(&section, o->bytes + header.e_shoff + i * sizeof section, sizeof section);
    assert_int_equal(section.sh_type, SHT_RELA);
    memcpy(&relocation, o->bytes + section.sh_offset, sizeof relocation);
    check_message(o, o->bytes, 10, "error[Q0907]: this is no kernel object: its size is not an object's\n");
    check_message(o, "not an object, but long enough to hold the header of one: it is a line of text", 78,
                  "error[Q0907]: this is no kernel object: it is not an x86-64 ELF object\n");
    Elf64_Rela wrong = relocation;
    wrong.r_info = ELF64_R_INFO(ELF64_R_SYM(relocation.r_info), R_X86_64_64);
    memcpy(copy, o->bytes, o->size);
    memcpy(copy + section.sh_offset, &wrong, sizeof wrong);
    check_message(o, copy, o->size, "error[Q0907]: this is no kernel object: a relocation is not PC-relative\n");
    wrong = relocation;
    wrong.r_offset = UINT64_MAX - 1;
    memcpy(copy + section.sh_offset, &wrong, sizeof wrong);
    check_message(o, copy, o->size, "error[Q0907]: this is no kernel object: a relocation is out of bounds\n");
    wrong = relocation;
    wrong.r_info = ELF64_R_INFO(0, R_X86_64_PC32);
    memcpy(copy + section.sh_offset, &wrong, sizeof wrong);
    check_message(o, copy, o->size, "error[Q0907]: this is no kernel object: a symbol is defined elsewhere\n");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_truncated), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_messages)};
    return cmocka_run_group_tests(tests, open_object, close_object);
}
