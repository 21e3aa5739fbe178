/* Block formats against microxcaling and ggml. */
#include "tests/unit/golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float blocks[GOLDEN_BLOCKS][GOLDEN_WIDTH];
static const int64_t blocks_shape[] = {GOLDEN_BLOCKS, GOLDEN_WIDTH};

struct coded {
    struct oracle oracle;
    uint8_t codes[GOLDEN_BLOCKS * GOLDEN_WIDTH], scale[4 * GOLDEN_BLOCKS * GOLDEN_WIDTH];
    float y[GOLDEN_BLOCKS][GOLDEN_WIDTH];
};

static void code_blocks(struct coded *coded, const struct spec *spec, float second)
{
    golden_blocks(blocks);
    assert_true(oracle_open(&coded->oracle, spec, DTYPE_f32, blocks_shape, 2));
    oracle_quantize_dynamic(&coded->oracle, blocks, second, coded->codes, coded->scale, NULL);
    oracle_dequantize(&coded->oracle, coded->codes, coded->scale, NULL, second, coded->y);
    oracle_close(&coded->oracle);
}

/* microxcaling's columns with round='even'; 'nearest' (half away) and 'floor' are other rounding modes, int4 another
 * preset. It takes the exponent from log2 in f32: the same for these blocks, wrong a few ulps below a power of two
 * (golden_test_shared_exponent). It drops the sign of zero, so zeros compare as numbers. Block 31 holds subnormals,
 * whose shared exponent is -133 or so there and the least e8m0 (-127) here: not compared. */
void golden_test_mx(void **state)
{
    (void)state;
    static const struct {
        const char *golden, *format;
        enum scheme scheme;
    } columns[] = {
        {"mxfp8_e4m3_even", "fp8_e4m3", SCHEME_symmetric}, {"mxfp8_e5m2_even", "fp8_e5m2", SCHEME_symmetric},
        {"mxfp6_e3m2_even", "fp6_e3m2", SCHEME_symmetric}, {"mxfp6_e2m3_even", "fp6_e2m3", SCHEME_symmetric},
        {"mxfp4_e2m1_even", "fp4_e2m1", SCHEME_symmetric}, {"mxint8_even", "int8", SCHEME_narrow}};
    struct golden_table table;
    golden_open(&table, "microxcaling_mx_blocks64.csv");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        static struct coded coded;
        struct spec spec = golden_group_spec(columns[i].format, "fp8_e8m0", 32);
        size_t column = golden_column(&table, columns[i].golden);
        spec.pow2 = POW2_floor;
        spec.scheme = columns[i].scheme;
        code_blocks(&coded, &spec, 1);
        for (size_t e = 0; e < GOLDEN_BLOCKS * GOLDEN_WIDTH; e++) {
            size_t b = e / GOLDEN_WIDTH, j = e % GOLDEN_WIDTH;
            double expected = golden_float(&table, e + 1, column);
            if (b != 31 && coded.y[b][j] != expected)
                fail_msg("%s [%zu,%zu] of %a: %a, not %a", columns[i].golden, b, j, (double)blocks[b][j],
                         (double)coded.y[b][j], expected);
        }
    }
    golden_close(&table);
}

/* e8m0 of mxfp4 is floor(log2 A) - 2: the exact column, not what log2f gives microxcaling and ggml. */
void golden_test_shared_exponent(void **state)
{
    (void)state;
    struct golden_table table;
    struct spec spec = golden_group_spec("fp4_e2m1", "fp8_e8m0", 32);
    int64_t shape[] = {32};
    struct oracle oracle;
    spec.pow2 = POW2_floor;
    assert_true(oracle_open(&oracle, &spec, DTYPE_f32, shape, 1));
    golden_open(&table, "shared_exponent_log2_edge.csv");
    for (size_t line = 1; line < table.lines; line++) {
        float x[32] = {0};
        uint8_t scale;
        x[line % 32] = (float)golden_float(&table, line, 2);
        oracle_qparams(&oracle, x, 1, &scale, NULL);
        int expected = (int)golden_float(&table, line, 3) - 2;
        assert_int_equal(scale - 127, expected < -127 ? -127 : expected);
    }
    golden_close(&table);
    oracle_close(&oracle);
}

static uint8_t line_byte(const char *line, size_t i)
{
    char digits[3] = {line[2 * i], line[2 * i + 1], 0};
    return (uint8_t)strtoul(digits, NULL, 16);
}

/* Whether v lies halfway between two e2m1 values: ggml takes the lower index there, RNE the even code. */
static bool is_e2m1_tie(double v)
{
    static const double ties[] = {0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5};
    for (size_t i = 0; i < sizeof ties / sizeof *ties; i++)
        if (fabs(v) == ties[i])
            return true;
    return false;
}

/* Nibbles of ggml are compared unless v = x / scale is a tie; a zero has no sign there. */
static void check_nibble(const struct coded *coded, size_t element, double v, uint8_t nibble)
{
    uint8_t ours = coded->codes[element];
    if ((nibble & 7) == 0 && (ours & 7) == 0)
        return;
    if (!is_e2m1_tie(v) && ours != nibble)
        fail_msg("element %zu (%a scaled): %x, not %x", element, v, ours, nibble);
}

/* ggml: byte 0 the exponent, byte 1 + j holds elements j and j + 16. Same exponent rule as ours for these blocks (its
 * log2f differs a few ulps below powers of two), but bytes below 2 and above 254 are its own: blocks 23 (1e-30 among
 * zeros: kept), 7 (zeros) and 31 (subnormals) of which 7 and 31 are not compared. */
void golden_test_ggml_mxfp4(void **state)
{
    (void)state;
    static struct coded coded;
    struct golden_table table;
    struct spec spec = golden_group_spec("fp4_e2m1", "fp8_e8m0", 32);
    spec.pow2 = POW2_floor;
    code_blocks(&coded, &spec, 1);
    golden_open(&table, "ggml_mxfp4_ref.txt");
    for (size_t b = 0; b < GOLDEN_BLOCKS; b++) {
        const char *line = golden_field(&table, b, 0);
        if (b == 7 || b == 31)
            continue;
        assert_int_equal(coded.scale[b], line_byte(line, 0));
        for (size_t j = 0; j < 32; j++) {
            uint8_t pair = line_byte(line, 1 + j % 16), nibble = j < 16 ? pair & 15 : pair >> 4;
            check_nibble(&coded, b * 32 + j, (double)blocks[b][j] / ldexp(1, coded.scale[b] - 127), nibble);
        }
    }
    golden_close(&table);
}

/* ggml's block of 64: four e4m3 scales of amax / 6, then per 16 elements 8 bytes holding j and j + 8. Its scale is
 * unsigned e4m3 of the same bits and it has no second level: ours with g = 1. Compared: scale bytes; nibbles where
 * the scale is not 0. Not compared: block 39 (1e30), where ggml's search for the least error finds only infinite
 * ones, and scales of 256 and more, which its conversion all makes 448. */
void golden_test_ggml_nvfp4(void **state)
{
    (void)state;
    static struct coded coded;
    struct golden_table table;
    struct spec spec = golden_group_spec("fp4_e2m1", "fp8_e4m3", 16);
    size_t compared = 0;
    spec.second = format_find("f32");
    code_blocks(&coded, &spec, 1);
    golden_open(&table, "ggml_nvfp4_ref.txt");
    for (size_t s = 0; s < GOLDEN_BLOCKS * 2; s++) {
        const char *line = golden_field(&table, s / 4, 0);
        double scale = oracle_decode(spec.scale, coded.scale[s]);
        if (scale >= 256)
            continue;
        assert_int_equal(coded.scale[s], line_byte(line, s % 4));
        for (size_t j = 0; j < 16 && scale != 0; j++, compared++) {
            uint8_t pair = line_byte(line, 4 + s % 4 * 8 + j % 8), nibble = j < 8 ? pair & 15 : pair >> 4;
            size_t e = s * 16 + j;
            check_nibble(&coded, e, (double)(blocks[e / 32][e % 32] / (float)scale), nibble);
        }
    }
    assert_true(compared > 1000);
    golden_close(&table);
}

/* q8_0: f16 scale amax / 127, as int8 narrow scale f16; a zero or subnormal block's scale is 0 there and 1 here.
 * Codes are roundf(x * (1 / unrounded scale)): another formula, not compared. */
void golden_test_ggml_q8_0(void **state)
{
    (void)state;
    static struct coded coded;
    struct golden_table table;
    struct spec spec = golden_group_spec("int8", "f16", 32);
    size_t compared = 0;
    spec.scheme = SCHEME_narrow;
    code_blocks(&coded, &spec, 1);
    golden_open(&table, "ggml_q8_0_ref.txt");
    for (size_t b = 0; b < GOLDEN_BLOCKS; b++) {
        const char *line = golden_field(&table, b, 0);
        unsigned expected = line_byte(line, 0) | (unsigned)line_byte(line, 1) << 8;
        unsigned got = coded.scale[2 * b] | (unsigned)coded.scale[2 * b + 1] << 8;
        if (expected == 0 || expected == 0x7c00) {
            assert_int_equal(got, expected == 0 ? 0x3c00 : 0x7bff);
            continue;
        }
        assert_int_equal(got, expected);
        compared++;
    }
    assert_true(compared > 55);
    golden_close(&table);
}
