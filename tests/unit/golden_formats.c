/* Number formats against ml_dtypes: every code decoded, every finite float of the list encoded.
 * Not compared: rows of Inf and NaN (ml_dtypes' `default` and `saturate` are overflow modes of their own), and encoding to
 * e8m0, which rounds to nearest there and is a `pow2` mode here. */
#include "tests/unit/golden.h"

#include <math.h>
#include <stdio.h>

/* ml_dtypes' name, and the same format here. float8_e4m3 with Inf has no row of its own. */
static const struct format e4m3_ieee = {
    .name = "e4m3 with Inf", .kind = FORMAT_KIND_FLOAT, .bits = 8, .is_signed = true, .e = 4, .m = 3, .bias = 7,
    .specials = SPECIALS_IEEE};
static const struct {
    const char *golden, *ours;
} names[] = {
    {"float8_e3m4", "fp8_e3m4"},         {"float8_e4m3", NULL},
    {"float8_e4m3fn", "fp8_e4m3"},       {"float8_e4m3fnuz", "fp8_e4m3fnuz"},
    {"float8_e4m3b11fnuz", "fp8_e4m3b11fnuz"}, {"float8_e5m2", "fp8_e5m2"},
    {"float8_e5m2fnuz", "fp8_e5m2fnuz"}, {"float6_e2m3fn", "fp6_e2m3"},
    {"float6_e3m2fn", "fp6_e3m2"},       {"float4_e2m1fn", "fp4_e2m1"},
    {"float8_e8m0fnu", "fp8_e8m0"},
};
enum { NAME_COUNT = sizeof names / sizeof *names };

static const struct format *find_format(size_t i)
{
    return names[i].ours ? format_find(names[i].ours) : &e4m3_ieee;
}

void golden_test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        char file[64];
        struct golden_table table;
        const struct format *format = find_format(i);
        snprintf(file, sizeof file, "ml_dtypes_decode_%s.csv", names[i].golden);
        golden_open(&table, file);
        assert_int_equal(table.lines - 1, 1u << format->bits);
        for (size_t line = 1; line < table.lines; line++) {
            float expected = oracle_bits_float(golden_hex(&table, line, 2));
            float got = (float)oracle_decode(format, golden_hex(&table, line, 0));
            if (isnan(expected) ? !isnan(got) : oracle_float_bits(expected) != oracle_float_bits(got))
                fail_msg("%s code %s: %a, not %a", format->name, golden_field(&table, line, 0), (double)got, (double)expected);
        }
        golden_close(&table);
    }
}

/* Integers are read back from one-code buffers in both layouts that hold them. */
void golden_test_decode_ints(void **state)
{
    (void)state;
    static const enum layout layouts[] = {LAYOUT_lsb, LAYOUT_byte};
    struct golden_table table;
    golden_open(&table, "ml_dtypes_decode_intn.csv");
    for (size_t line = 1; line < table.lines; line++)
        for (size_t l = 0; l < 2; l++) {
            struct spec spec = golden_spec(golden_field(&table, line, 0), "f32");
            struct kernel_storage storage;
            uint8_t code = (uint8_t)golden_hex(&table, line, 1), again = 0;
            int64_t shape[] = {1};
            spec.layout = layouts[l];
            assert_true(oracle_storage(&spec, shape, 1, &storage));
            int32_t value = oracle_get_code(&spec, &storage, &code, 0);
            assert_int_equal(value, (int)golden_float(&table, line, 2));
            oracle_put_code(&spec, &storage, &again, 0, value);
            assert_int_equal(again & ((1 << spec.format->bits) - 1), code);
        }
    golden_close(&table);
}

static void check_encode(const char *file, bool saturate)
{
    struct golden_table table;
    golden_open(&table, file);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct oracle_table codes;
        const struct format *format = find_format(i);
        if (format->specials == SPECIALS_E8M0)
            continue;
        size_t column = golden_column(&table, names[i].golden), compared = 0;
        oracle_table_open(&codes, format);
        for (size_t line = 1; line < table.lines; line++) {
            float x = oracle_bits_float(golden_hex(&table, line, 0));
            if (!isfinite(x))
                continue;
            unsigned expected = golden_hex(&table, line, column), got = oracle_encode(&codes, x, saturate);
            if (expected != got)
                fail_msg("%s of %a: %x, not %x", format->name, (double)x, got, expected);
            compared++;
        }
        assert_true(compared > 2000);
        oracle_table_close(&codes);
    }
    golden_close(&table);
}

void golden_test_encode(void **state)
{
    (void)state;
    check_encode("ml_dtypes_encode_default.csv", false);
    check_encode("ml_dtypes_encode_saturate.csv", true);
}

/* bf16 and f16 three ways: as a format (table search), as a tensor's dtype (rounded mantissa), as Eigen rounds. */
void golden_test_halves(void **state)
{
    (void)state;
    static const struct {
        const char *golden, *format;
        enum dtype dtype;
    } halves[] = {{"bfloat16", "bf16", DTYPE_bf16}, {"float16", "f16", DTYPE_f16}};
    struct golden_table table;
    golden_open(&table, "ml_dtypes_encode_default.csv");
    for (size_t i = 0; i < 2; i++) {
        struct oracle_table codes;
        size_t column = golden_column(&table, halves[i].golden);
        oracle_table_open(&codes, format_find(halves[i].format));
        for (size_t line = 1; line < table.lines; line++) {
            float x = oracle_bits_float(golden_hex(&table, line, 0));
            uint16_t stored;
            if (!isfinite(x))
                continue;
            oracle_store(halves[i].dtype, &stored, 0, x);
            assert_int_equal(stored, golden_hex(&table, line, column));
            assert_int_equal(oracle_encode(&codes, x, false), golden_hex(&table, line, column));
        }
        oracle_table_close(&codes);
    }
    golden_close(&table);
}
