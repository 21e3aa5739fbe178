/* Opening models: directories, indexes, lists of names, kinds known by their first bytes. */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit/models.h"

static void refuse(struct place *place, const char *name, enum quern_status status, const char *expected)
{
    quern_model *model = NULL;
    assert_int_equal(quern_model_open(place->context, in(place, name), &model), status);
    assert_null(model);
    assert_string_equal(messages(place), expected);
}

static void write_one(struct place *place, const char *file, const char *tensor)
{
    struct entry entry = {tensor, "F32", {2, -1}, NULL, 8};
    write_tensors(place, file, &entry, 1);
}

static void test_directories(void **state)
{
    struct place *place = *state;
    refuse(place, "none", QUERN_IO, "DIR/none: error[Q0001]: cannot open the model: No such file or directory\n");
    write_text(place, "empty/readme.txt", "");
    refuse(place, "empty", QUERN_INVALID,
           "DIR/empty: error[Q0807]: no .safetensors file and no model.safetensors.index.json in this directory\n");
    write_one(place, "one/weights.safetensors", "a");
    quern_model *model = open_model(place, "one");
    assert_int_equal(quern_model_count(model), 1);
    assert_string_equal(quern_model_at(model, 0).name, "a");
    quern_model_close(model);
    write_one(place, "one/more.safetensors", "b");
    refuse(place, "one", QUERN_INVALID,
           "DIR/one: error[Q0807]: 2 .safetensors files, no model.safetensors and no model.safetensors.index.json\n");
    write_one(place, "one/model.safetensors", "c");
    model = open_model(place, "one");
    assert_string_equal(quern_model_at(model, 0).name, "c");
    quern_model_close(model);
}

static void test_kinds(void **state)
{
    struct place *place = *state;
    write_text(place, "m.gguf", "GGUF");
    refuse(place, "m.gguf", QUERN_INVALID, "DIR/m.gguf: error[Q0845]: the file ends within its first 24 bytes\n");
    write_text(place, "other", "GGUF....");
    refuse(place, "other", QUERN_INVALID, "DIR/other: error[Q0845]: version 774778414; versions 2 and 3 are read\n");
    write_text(place, "m.json", "{}");
    refuse(place, "m.json", QUERN_INVALID,
           "DIR/m.json: error[Q0840]: expected the key \"format\" with \"quern-modules\"\n");
}

/* ---- indexes; two shards, x in the first and y in the second ---- */

static const struct {
    const char *index;
    enum quern_status status;
    const char *message;
} indexes[] = {
    {"", QUERN_INVALID, "error[Q0809]: the index is not a JSON object: expected '{', saw the end\n"},
    {"{}", QUERN_INVALID, "error[Q0809]: there is no \"weight_map\"\n"},
    {"{\"weight_map\":{\"x\":1}}", QUERN_INVALID, "error[Q0809]: \"weight_map\": the file of 'x' is not a string\n"},
    {"{\"weight_map\":{},\"weight_map\":{}}", QUERN_INVALID, "error[Q0809]: \"weight_map\" stands twice\n"},
    {"{\"weight_map\":{\"x\":\"1.safetensors\",\"x\":\"2.safetensors\"}}", QUERN_INVALID,
     "error[Q0806]: \"weight_map\": tensor 'x' stands twice\n"},
    {"{\"weight_map\":{\"x\":\"../1.safetensors\"}}", QUERN_INVALID,
     "error[Q0810]: \"weight_map\": '../1.safetensors' is not the name of a file beside the index\n"},
    {"{\"weight_map\":{\"x\":\"/etc/passwd\"}}", QUERN_INVALID,
     "error[Q0810]: \"weight_map\": '/etc/passwd' is not the name of a file beside the index\n"},
    {"{\"weight_map\":{\"x\":\"..\"}}", QUERN_INVALID,
     "error[Q0810]: \"weight_map\": '..' is not the name of a file beside the index\n"},
    {"{\"weight_map\":{\"x\":\"\"}}", QUERN_INVALID, "error[Q0810]: \"weight_map\": '' is not the name of a file beside the index\n"},
    {"{\"weight_map\":{\"x\":\"link.safetensors\"}}", QUERN_INVALID,
     "error[Q0810]: \"weight_map\": 'link.safetensors' is a link that leaves the directory\n"},
    {"{\"weight_map\":{\"x\":\"1.safetensors\",\"z\":\"2.safetensors\"}}", QUERN_INVALID,
     "error[Q0811]: tensor 'y' of 2.safetensors is not in \"weight_map\"\n"},
    {"{\"weight_map\":{\"x\":\"1.safetensors\",\"y\":\"2.safetensors\",\"z\":\"2.safetensors\"}}", QUERN_INVALID,
     "error[Q0811]: \"weight_map\": tensor 'z' is not in '2.safetensors'\n"},
    {"{\"weight_map\":{\"x\":\"2.safetensors\",\"y\":\"1.safetensors\"}}", QUERN_INVALID,
     "error[Q0811]: \"weight_map\": tensor 'x' is not in '2.safetensors' but in 1.safetensors\n"},
    {"{\"weight_map\":{\"x\":\"1.safetensors\",\"y\":\"3.safetensors\"}}", QUERN_INVALID,
     "error[Q0806]: tensor 'x' is in two files: 1.safetensors and 3.safetensors\n"},
};

static void write_shards(struct place *place)
{
    write_one(place, "m/1.safetensors", "x");
    write_one(place, "m/2.safetensors", "y");
    write_one(place, "m/3.safetensors", "x");
    write_one(place, "far.safetensors", "x");
    assert_int_equal(symlink("../far.safetensors", in(place, "m/link.safetensors")), 0);
}

static void test_indexes(void **state)
{
    struct place *place = *state;
    char expected[512];
    write_shards(place);
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        write_text(place, "m/model.safetensors.index.json", indexes[i].index);
        snprintf(expected, sizeof expected, "DIR/m/model.safetensors.index.json: %s", indexes[i].message);
        refuse(place, "m", indexes[i].status, expected);
    }
    write_text(place, "m/model.safetensors.index.json", "{\"weight_map\":{\"x\":\"9.safetensors\"}}");
    refuse(place, "m", QUERN_IO, "DIR/m/9.safetensors: error[Q0001]: cannot open the file: No such file or directory\n");
}

static void test_total_size(void **state)
{
    struct place *place = *state;
    write_shards(place);
    write_text(place, "m/model.safetensors.index.json",
               "{\"metadata\":{\"total_size\":16},\"weight_map\":{\"x\":\"1.safetensors\",\"y\":\"2.safetensors\"}}");
    quern_model_close(open_model(place, "m"));
    assert_string_equal(messages(place), "");
    write_text(place, "m/model.safetensors.index.json",
               "{\"metadata\":{\"total_size\":17},\"weight_map\":{\"y\":\"2.safetensors\",\"x\":\"1.safetensors\"}}");
    quern_model *model = open_model(place, "m/model.safetensors.index.json");
    assert_int_equal(quern_model_count(model), 2);
    quern_model_close(model);
    assert_string_equal(messages(place), "DIR/m/model.safetensors.index.json: warning[Q0812]: \"total_size\" says 17 bytes, the tensors take 16\n");
}

/* The Hub's cache: snapshots/REVISION holds links into ../../blobs. */
static void test_hub_cache(void **state)
{
    struct place *place = *state;
    write_one(place, "c/blobs/abc", "x");
    write_text(place, "c/snapshots/r/model.safetensors.index.json", "{\"weight_map\":{\"x\":\"1.safetensors\"}}");
    assert_int_equal(symlink("../../blobs/abc", in(place, "c/snapshots/r/1.safetensors")), 0);
    quern_model_close(open_model(place, "c/snapshots/r"));
}

/* ---- lists of names ---- */

static const struct {
    const char *text, *message;
} lists[] = {
    {"a\tBF17\n", "line 1: expected a dtype such as BF16, saw 'BF17'\n"},
    {"\na\tBF16\t4,4\n", "line 2: expected a shape such as [4096,4096], saw '4,4'\n"},
    {"a\tBF16\t[4,\n", "line 1: expected a shape such as [4096,4096], saw '[4,'\n"},
    {"a\tBF16\t[1,]\n", "line 1: expected a shape such as [4096,4096], saw '[1,]'\n"},
    {"a\tBF16\t[99999999999999999999]\n", "line 1: expected a shape such as [4096,4096], saw '[99999999999999999999]'\n"},
    {"a\tBF16\t[4611686018427387904,4]\n", "line 1: expected a shape whose bytes can be counted, saw '[4611686018427387904,4]'\n"},
    {"a\tBF16\t[4]\tmore\n", "line 1: expected at most three fields, saw 'more'\n"},
};

static void test_lists(void **state)
{
    struct place *place = *state;
    char expected[256];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        write_text(place, "m.names", lists[i].text);
        snprintf(expected, sizeof expected, "DIR/m.names: error[Q0813]: %s", lists[i].message);
        refuse(place, "m.names", QUERN_INVALID, expected);
    }
    write_text(place, "m.names", "b\na\nb\n");
    refuse(place, "m.names", QUERN_INVALID, "DIR/m.names: error[Q0806]: tensor 'b' stands twice\n");
    write_text(place, "m.names", "b\tbf16\r\n\r\na\tF32\t[2, 3]\nc\tU8\t[]");
    quern_model *model = open_model(place, "m.names");
    assert_int_equal(quern_model_count(model), 3);
    struct quern_tensor a = quern_model_at(model, 0), b = quern_model_at(model, 1), c = quern_model_at(model, 2);
    assert_int_equal(a.bytes, 24);
    assert_int_equal(a.shape[1], 3);
    assert_string_equal(b.dtype, "BF16");
    assert_int_equal(b.rank, -1);
    assert_int_equal(b.bytes, -1);
    assert_int_equal(c.rank, 0);
    assert_int_equal(c.bytes, 1);
    quern_model_close(model);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)
    const struct CMUnitTest tests[] = {
        CASE(test_directories), CASE(test_kinds), CASE(test_indexes), CASE(test_total_size), CASE(test_hub_cache), CASE(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
