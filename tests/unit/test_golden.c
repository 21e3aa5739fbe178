/* The oracle against numbers that other systems computed (tests/data/golden). */
#include "tests/unit/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *golden_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("QUERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/data/golden/%s", root ? root : ".", name);
    return path;
}

static char *read_file(const char *name)
{
    FILE *file = fopen(golden_path(name), "rb");
    if (!file)
        fail_msg("cannot open %s", golden_path(name));
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    fclose(file);
    return bytes;
}

static size_t count_char(const char *text, const char *end, char wanted)
{
    size_t count = 0;
    for (; text < end && *text; text++)
        count += *text == wanted;
    return count;
}

void golden_open(struct golden_table *table, const char *name)
{
    table->bytes = read_file(name);
    char *end = table->bytes + strlen(table->bytes);
    table->columns = count_char(table->bytes, strchr(table->bytes, '\n'), ',') + 1;
    table->lines = count_char(table->bytes, end, '\n');
    table->fields = calloc(table->lines * table->columns, sizeof *table->fields);
    char *at = table->bytes;
    for (size_t i = 0; i < table->lines * table->columns; i++) {
        table->fields[i] = at;
        at += strcspn(at, ",\n");
        assert_true((*at == '\n') == (i % table->columns == table->columns - 1));
        *at++ = 0;
    }
}

void golden_close(struct golden_table *table)
{
    free(table->fields);
    free(table->bytes);
}

const char *golden_field(const struct golden_table *table, size_t line, size_t column)
{
    return table->fields[line * table->columns + column];
}

size_t golden_column(const struct golden_table *table, const char *head)
{
    for (size_t c = 0; c < table->columns; c++)
        if (!strcmp(golden_field(table, 0, c), head))
            return c;
    fail_msg("no column %s", head);
    return 0;
}

unsigned golden_hex(const struct golden_table *table, size_t line, size_t column)
{
    return (unsigned)strtoul(golden_field(table, line, column), NULL, 16);
}

double golden_float(const struct golden_table *table, size_t line, size_t column)
{
    return strtod(golden_field(table, line, column), NULL);
}

void golden_blocks(float x[GOLDEN_BLOCKS][GOLDEN_WIDTH])
{
    struct golden_table table;
    golden_open(&table, "blocks64x32_inputs.txt");
    assert_int_equal(table.lines, GOLDEN_BLOCKS * GOLDEN_WIDTH);
    for (size_t i = 0; i < table.lines; i++)
        x[i / GOLDEN_WIDTH][i % GOLDEN_WIDTH] = (float)golden_float(&table, i, 0);
    golden_close(&table);
}

struct spec golden_spec(const char *format, const char *scale)
{
    struct spec spec = {
        .format = format_find(format), .scale = format_find(scale), .scheme = SCHEME_symmetric,
        .granularity = GRANULARITY_tensor, .zero = ZERO_none, .layout = LAYOUT_byte};
    assert_non_null(spec.format);
    assert_non_null(spec.scale);
    return spec;
}

struct spec golden_group_spec(const char *format, const char *scale, int64_t group)
{
    struct spec spec = golden_spec(format, scale);
    spec.granularity = GRANULARITY_group;
    spec.axis = -1;
    spec.group = group;
    return spec;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_test_decode),        cmocka_unit_test(golden_test_decode_ints),
        cmocka_unit_test(golden_test_encode),        cmocka_unit_test(golden_test_halves),
        cmocka_unit_test(golden_test_mx),            cmocka_unit_test(golden_test_shared_exponent),
        cmocka_unit_test(golden_test_ggml_mxfp4),    cmocka_unit_test(golden_test_ggml_nvfp4),
        cmocka_unit_test(golden_test_ggml_q8_0),     cmocka_unit_test(golden_test_torch_tensor),
        cmocka_unit_test(golden_test_torch_channel), cmocka_unit_test(golden_test_torch_observers)};
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
