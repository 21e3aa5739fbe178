/* The safetensors reader and writer: every way in which a file may be faulty, with its whole message, and
 * what is legal although it looks odd. Files are made in a temporary directory. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "runtime/json.h"
#include "runtime/safetensors.h"

struct fixture {
    struct arena arena, scratch;
    struct diags diags;
    jmp_buf escape;
    char directory[64], path[96];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->arena, NULL);
    arena_init(&f->scratch, NULL);
    f->arena.escape = f->scratch.escape = &f->escape;
    diags_init(&f->diags, &f->arena);
    strcpy(f->directory, "/tmp/quern-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/m.safetensors", f->directory);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    rmdir(f->directory);
    arena_close(&f->arena);
    arena_close(&f->scratch);
    free(f);
    return 0;
}

/* Writes the length announced (-1: the header's), the header and `data` zero bytes. */
static void write_file(struct fixture *f, int64_t announced, const char *header, size_t size, size_t data)
{
    FILE *file = fopen(f->path, "wb");
    uint64_t length = announced < 0 ? size : (uint64_t)announced;
    assert_non_null(file);
    fwrite(&length, 8, 1, file);
    fwrite(header, 1, size, file);
    for (size_t i = 0; i < data; i++)
        fputc(0, file);
    fclose(file);
}

static bool open_file(struct fixture *f, struct shard *shard)
{
    diags_init(&f->diags, &f->arena);
    if (setjmp(f->escape))
        fail_msg("no memory");
    return safetensors_open(&f->arena, f->path, &f->scratch, shard, &f->diags);
}

/* The whole printed message, the path cut off. */
static const char *message(struct fixture *f)
{
    struct text text = text_make(&f->arena);
    for (const struct diag *d = f->diags.first; d; d = d->next)
        diag_print(&text, d, false);
    const char *all = text_string(&text);
    size_t size = strlen(f->path);
    return strncmp(all, f->path, size) ? all : all + size + 2;
}

static void refuse(struct fixture *f, const char *expected)
{
    struct shard shard;
    assert_false(open_file(f, &shard));
    assert_string_equal(message(f), expected);
}

/* ---- malformed headers: the text, the bytes of data behind it, the message ---- */

static const struct {
    const char *header;
    size_t data;
    const char *message;
} malformed[] = {
    /* 32: not UTF-8, not JSON, not an object */
    {"{\"a\xff\":1}", 0, "error[Q0802]: the header is not a JSON object: unable to decode byte 0xff near '\"a' at byte 3\n"},
    {"", 0, "error[Q0802]: the header is not a JSON object: expected '{', saw the end\n"},
    {"[]", 0, "error[Q0802]: the header is not a JSON object: expected '{', saw '[' at byte 0\n"},
    {"{", 0, "error[Q0802]: the header is not a JSON object: expected a name in quotes or '}', saw the end\n"},
    {"{}x", 0, "error[Q0802]: the header is not a JSON object: expected nothing after the closing brace, saw 'x' at byte 2\n"},
    {"{\"a\":1}", 0, "error[Q0802]: tensor 'a': expected an object with dtype, shape and data_offsets\n"},
    {"{\"a\":{\"dtype\":\"F32\"", 0, "error[Q0802]: tensor 'a': '}' expected near end of file at byte 19\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},}", 1,
     "error[Q0802]: the header is not a JSON object: expected a name in quotes, saw '}' at byte 53\n"},
    {"{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     "error[Q0802]: tensor 'a': expected a string as \"dtype\"\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1,
     "error[Q0802]: tensor 'a': expected an array of integers as \"shape\"\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1,
     "error[Q0802]: tensor 'a': \"shape\" holds something other than non-negative integers\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1,
     "error[Q0802]: tensor 'a': expected two \"data_offsets\", saw 3\n"},
    {"{\"a\\u0000b\":{}}", 0, "error[Q0802]: the header is not a JSON object: a NUL character in the string at byte 1\n"},
    /* 33: duplicates, metadata that is not strings */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2,
     "error[Q0806]: tensor 'a' stands twice in the header\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     "error[Q0802]: tensor 'a': duplicate object key near '\"dtype\"' at byte 26\n"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "error[Q0806]: \"__metadata__\" stands twice in the header\n"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "error[Q0806]: \"__metadata__\": 'a' stands twice\n"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "error[Q0802]: \"__metadata__\": the value of 'a' is not a string\n"},
    {"{\"__metadata__\":[]}", 0, "error[Q0802]: \"__metadata__\": expected '{', saw '[' at byte 0\n"},
    /* 34: overlap, hole, negative, backwards, beyond the end, trailing bytes */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6,
     "error[Q0803]: tensor 'b': its data begins at 2 where 4 was expected: tensors overlap\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]}}", 6,
     "error[Q0803]: tensor 'b': its data begins at 4 where 2 was expected: there is a hole\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3,
     "error[Q0803]: tensor 'a': its data begins at 1 where 0 was expected: there is a hole\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[-1,1]}}", 2,
     "error[Q0802]: tensor 'a': \"data_offsets\" holds something other than non-negative integers\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,0]}}", 2,
     "error[Q0803]: tensor 'a': its data begins at 2 and ends at 0\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3,
     "error[Q0805]: the tensors take 4 bytes, the file holds 3: it was cut short\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 5,
     "error[Q0805]: 1 bytes follow the last tensor's data\n"},
    /* 35: sizes that overflow or are no whole bytes */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
     "error[Q0804]: tensor 'a': [4294967296,4294967296] of F32 is no number of bytes that can be stored\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,4]}}", 4,
     "error[Q0804]: tensor 'a': [9223372036854775807] of U8 is no number of bytes that can be stored\n"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}", 4,
     "error[Q0802]: tensor 'a': too big integer near '9223372036854775808' at byte 47\n"},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2,
     "error[Q0804]: tensor 'a': [3] of F4 is no number of bytes that can be stored\n"},
    {"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3,
     "error[Q0804]: tensor 'a': [3] of F6_E2M3 is no number of bytes that can be stored\n"},
    /* 36 */
    {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "error[Q0802]: tensor 'a': unknown dtype 'F31'\n"},
    /* 38 */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "error[Q0804]: tensor 'a': [2] of F32 takes 8 bytes, its data_offsets span 4\n"},
    /* 39: names are shown, not obeyed */
    {"{\"../x\\u001b[31m\\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "error[Q0804]: tensor '../x\\x1b[31m\\x0a': [2] of F32 takes 8 bytes, its data_offsets span 4\n"},
};

static void test_malformed(void **state)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        write_file(*state, -1, malformed[i].header, strlen(malformed[i].header), malformed[i].data);
        refuse(*state, malformed[i].message);
    }
}

/* ---- 30, 31: lengths ---- */

static void test_short_files(void **state)
{
    struct fixture *f = *state;
    char expected[128];
    for (int size = 0; size < 8; size++) {
        FILE *file = fopen(f->path, "wb");
        fwrite("\2\0\0\0\0\0\0\0", 1, (size_t)size, file);
        fclose(file);
        snprintf(expected, sizeof expected,
                 "error[Q0801]: the file holds %d bytes; a safetensors file starts with 8 bytes of length\n", size);
        refuse(f, expected);
    }
}

static void test_lengths(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "wb");
    fwrite("\xff\xff\xff\xff\xff\xff\xff\xff{}", 1, 10, file);
    fclose(file);
    refuse(f, "error[Q0801]: a header of 18446744073709551615 bytes is announced; at most 100000000 are read\n");
    write_file(f, 100000001, "{}", 2, 0);
    refuse(f, "error[Q0801]: a header of 100000001 bytes is announced; at most 100000000 are read\n");
    write_file(f, 3, "{}", 2, 0);
    refuse(f, "error[Q0801]: a header of 3 bytes is announced in a file of 10\n");
}

/* ---- 32: nesting; the stack stays bounded ---- */

static void test_deep(void **state)
{
    size_t size = 4000000;
    char *header = malloc(size);
    memset(header, '[', size);
    write_file(*state, -1, header, size, 0);
    refuse(*state, "error[Q0802]: the header is not a JSON object: expected '{', saw '[' at byte 0\n");
    memcpy(header, "{\"a\":{\"b\":", 10);
    write_file(*state, -1, header, size, 0);
    refuse(*state, "error[Q0802]: tensor 'a': maximum parsing depth reached near '[' at byte 2058\n");
    memset(header + 10, ' ', size - 10);
    write_file(*state, -1, header, size, 0);
    refuse(*state, "error[Q0802]: tensor 'a': the value at byte 5 is longer than 1048576 bytes\n");
    free(header);
}

/* ---- 35: many dimensions ---- */

static void test_many_dimensions(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    struct text text = text_make(&f->arena);
    text_add(&text, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
    for (int i = 1; i < 65536; i++)
        text_add(&text, ",1");
    text_add(&text, "],\"data_offsets\":[0,1]}}");
    write_file(f, -1, text.bytes, text.size, 1);
    assert_true(open_file(f, &shard));
    assert_int_equal(shard.tensors[0].rank, 65536);
}

/* ---- legal: blanks, no tensors, zero sizes, rank 0, unknown members, strange names ---- */

static void test_legal(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    const char *empty[] = {"{}", "  {}", "{ }  \n", "{\"__metadata__\":{}}"};
    for (int i = 0; i < 4; i++) {
        write_file(f, -1, empty[i], strlen(empty[i]), 0);
        assert_true(open_file(f, &shard));
        assert_int_equal(shard.count, 0);
    }
    const char *odd = "{\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8],\"more\":[{\"x\":null}]},"
                      "\"z\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,7],\"data_offsets\":[8,8]},"
                      "\"\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[8,10]},"
                      "\"../x\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[10,13]},"
                      "\"__metadata__\":{\"format\":\"pt\",\"a\":\"\\u00e9\"}}";
    write_file(f, -1, odd, strlen(odd), 13);
    assert_true(open_file(f, &shard));
    assert_int_equal(shard.count, 4);
    assert_string_equal(metadata_find(shard.metadata, shard.metadata_count, "format"), "pt");
    assert_string_equal(metadata_find(shard.metadata, shard.metadata_count, "a"), "é");
    assert_null(metadata_find(shard.metadata, shard.metadata_count, "b"));
    assert_int_equal(shard.tensors[0].offset, 8 + (int64_t)strlen(odd));
    assert_int_equal(shard.tensors[0].elements, 1);
    assert_int_equal(shard.tensors[1].elements, 0);
}

/* 39: a name of a megabyte is kept whole and shown cut. */
static void test_long_name(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    struct text text = text_make(&f->arena);
    text_add(&text, "{\"");
    for (int i = 0; i < 1 << 20; i++)
        text_char(&text, 'n');
    size_t keep = text.size;
    text_add(&text, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    write_file(f, -1, text.bytes, text.size, 1);
    assert_true(open_file(f, &shard));
    assert_int_equal(strlen(shard.tensors[0].name), 1 << 20);
    text.size = keep;
    text_add(&text, "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1]}}");
    write_file(f, -1, text.bytes, text.size, 1);
    refuse(f, "error[Q0804]: tensor 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…': "
              "[2] of U8 takes 2 bytes, its data_offsets span 1\n");
}

/* ---- 40: what is not a plain file, what is cut while open ---- */

static void test_not_plain(void **state)
{
    struct fixture *f = *state;
    refuse(f, "error[Q0001]: cannot open the file: No such file or directory\n");
    assert_int_equal(mkfifo(f->path, 0600), 0);
    refuse(f, "error[Q0001]: cannot open the file: not a plain file\n");
    unlink(f->path);
    assert_int_equal(mkdir(f->path, 0700), 0);
    refuse(f, "error[Q0001]: cannot open the file: not a plain file\n");
    rmdir(f->path);
}

static void test_cut_while_open(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    char bytes[4];
    const char *header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    write_file(f, -1, header, strlen(header), 4);
    assert_true(open_file(f, &shard));
    assert_int_equal(file_read_at(shard.file, bytes, 4, shard.tensors[0].offset), 0);
    assert_int_equal(truncate(f->path, shard.tensors[0].offset + 2), 0);
    int error = file_read_at(shard.file, bytes, 4, shard.tensors[0].offset);
    assert_string_equal(file_reason(error), "the file became shorter while it was read");
}

/* A sparse file of 8 TiB is only as expensive as its header. */
static void test_sparse(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    const char *header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1048576,2097152],\"data_offsets\":[0,8796093022208]}}";
    write_file(f, -1, header, strlen(header), 0);
    if (truncate(f->path, 8 + (off_t)strlen(header) + 8796093022208))
        skip(); /* a file system without files of that size */
    assert_true(open_file(f, &shard));
    assert_int_equal(shard.tensors[0].bytes, 8796093022208);
}

/* A hundred thousand tensors, in time that grows as their number does. */
static void test_many_tensors(void **state)
{
    struct fixture *f = *state;
    struct shard shard;
    struct text text = text_make(&f->arena);
    text_add(&text, "{");
    for (int i = 0; i < 100000; i++)
        text_printf(&text, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? "," : "", i, i, i + 1);
    text_add(&text, "}");
    write_file(f, -1, text.bytes, text.size, 100000);
    assert_true(open_file(f, &shard));
    assert_int_equal(shard.count, 100000);
}

/* ---- the writer ---- */

static void test_layout(void **state)
{
    struct fixture *f = *state;
    int64_t two[] = {2}, length;
    struct stored tensors[] = {
        {.name = "b", .dtype = DTYPE_u8, .rank = 1, .shape = two, .bytes = 2},
        {.name = "z", .dtype = DTYPE_f32, .rank = 1, .shape = two, .bytes = 8},
        {.name = "a\"\n", .dtype = DTYPE_f32, .rank = 1, .shape = two, .bytes = 8},
        {.name = "s", .dtype = DTYPE_i64, .rank = 0, .shape = two, .bytes = 8},
    };
    struct stored *order[] = {&tensors[0], &tensors[1], &tensors[2], &tensors[3]};
    struct metadata metadata[] = {{"format", "pt"}};
    struct text header;
    assert_true(safetensors_layout(&f->arena, order, 4, metadata, 1, &header, &length));
    assert_int_equal(header.size % 8, 0);
    assert_string_equal(header.bytes + 8,
                        "{\"__metadata__\":{\"format\":\"pt\"},"
                        "\"s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                        "\"a\\\"\\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                        "\"z\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
                        "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[24,26]}}     ");
    assert_int_equal(length, (int64_t)header.size + 26);
    FILE *file = fopen(f->path, "wb");
    fwrite(header.bytes, 1, header.size, file);
    for (int i = 0; i < 26; i++)
        fputc(i, file);
    fclose(file);
    struct shard shard;
    assert_true(open_file(f, &shard));
    assert_int_equal(shard.tensors[3].offset, order[3]->offset);
}

/* A string that is not UTF-8 is still a string of the object. */
static void test_print_string(void **state)
{
    struct fixture *f = *state;
    struct text text = text_make(&f->arena);
    struct json_hold *hold = json_keep(&f->arena);
    json_print_string(&text, hold, "a\"b");
    json_print_string(&text, hold, "\xff");
    assert_string_equal(text_string(&text), "\"a\\\"b\"\"\"");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_malformed), CASE(test_short_files), CASE(test_lengths), CASE(test_deep), CASE(test_many_dimensions),
        CASE(test_legal), CASE(test_long_name), CASE(test_not_plain), CASE(test_cut_while_open), CASE(test_sparse),
        CASE(test_many_tensors), CASE(test_layout), CASE(test_print_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
