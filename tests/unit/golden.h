/* Reading of tests/data/golden, and what its tests share. The files hold inputs and what other systems computed of them
 * (ml_dtypes, microxcaling, ggml, torch); tests/data/golden/README.md says how each was made. A helper that cannot go on fails
 * the test that called it. */
#ifndef QUERN_TESTS_GOLDEN_H
#define QUERN_TESTS_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/oracle/oracle.h"

enum { GOLDEN_FIELDS_MAX = 32, GOLDEN_BLOCKS = 64, GOLDEN_WIDTH = 32 }; /* columns of a table; rows and columns of the block file */

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
/* line 0 is the head; the string is the table's. */
const char *golden_field(const struct golden_table *table, size_t line, size_t column);
size_t golden_column(const struct golden_table *table, const char *head); /* by the first line */
/* The field as a number: hexadecimal without a prefix, a decimal float. */
unsigned golden_hex(const struct golden_table *table, size_t line, size_t column);
double golden_float(const struct golden_table *table, size_t line, size_t column);

/* blocks64x32_inputs.txt: 64 blocks of 32. */
void golden_blocks(float x[GOLDEN_BLOCKS][GOLDEN_WIDTH]);

/* The defaults of a spec over a format; the caller changes what it needs. */
struct spec golden_spec(const char *format, const char *scale);
struct spec golden_group_spec(const char *format, const char *scale, int64_t group);

/* One cmocka test each, in golden_formats.c, golden_blocks.c and golden_torch.c. */
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
