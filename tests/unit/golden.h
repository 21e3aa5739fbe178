/* Reading of tests/data/golden, and what its tests share. */
#ifndef QUERN_TESTS_GOLDEN_H
#define QUERN_TESTS_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/oracle/oracle.h"

enum { GOLDEN_FIELDS_MAX = 32, GOLDEN_BLOCKS = 64, GOLDEN_WIDTH = 32 };

/* The path of a golden file; static memory, good until the next call. */
const char *golden_path(const char *name);
/* The lines of a comma-separated file. Fails the test when the file is missing. */
struct golden_table {
    char *bytes;        /* owned */
    char **fields;      /* owned: lines × columns */
    size_t lines, columns;
};
void golden_open(struct golden_table *table, const char *name);
void golden_close(struct golden_table *table);
const char *golden_field(const struct golden_table *table, size_t line, size_t column);
size_t golden_column(const struct golden_table *table, const char *head); /* by the first line */
unsigned golden_hex(const struct golden_table *table, size_t line, size_t column);
double golden_float(const struct golden_table *table, size_t line, size_t column);

/* blocks64x32_inputs.txt: 64 blocks of 32. */
void golden_blocks(float x[GOLDEN_BLOCKS][GOLDEN_WIDTH]);

/* The defaults of a spec over a format; the caller changes what it needs. */
struct spec golden_spec(const char *format, const char *scale);
struct spec golden_group_spec(const char *format, const char *scale, int64_t group);

void golden_test_decode(void **state);
void golden_test_decode_ints(void **state);
void golden_test_encode(void **state);
void golden_test_halves(void **state);
void golden_test_mx(void **state);
void golden_test_shared_exponent(void **state);
void golden_test_ggml_mxfp4(void **state);
void golden_test_ggml_nvfp4(void **state);
void golden_test_ggml_q8_0(void **state);
void golden_test_torch_tensor(void **state);
void golden_test_torch_channel(void **state);
void golden_test_torch_observers(void **state);

#endif
