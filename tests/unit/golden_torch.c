/* Integer quantization against torch 1.13: torchao's formula multiplies by 1 / s where the native one divides, and its
 * scales are doubles made floats. So codes are compared where both quotients round alike and are held to one step of
 * each other elsewhere; the reciprocal formula itself is checked on every element, to show that nothing else differs. */
#include "tests/unit/golden.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *open_json(void)
{
    json_error_t error;
    json_t *root = json_load_file(golden_path("torch113_quantize.json"), 0, &error);
    if (!root)
        fail_msg("%s: %s", golden_path("torch113_quantize.json"), error.text);
    return root;
}

static float hex_float(const json_t *value)
{
    return (float)strtod(json_string_value(value), NULL);
}

/* torch's quantized dtypes: qint8, quint8. */
static struct spec torch_spec(const char *dtype, bool asymmetric)
{
    struct spec spec = golden_spec(dtype + 1, "f32");
    spec.scheme = asymmetric ? SCHEME_asymmetric : SCHEME_symmetric;
    spec.zero = asymmetric ? ZERO_int : ZERO_none;
    return spec;
}

struct element {
    float x, scale;
    int32_t zero, q;
    const char *y;
    uint32_t slack; /* units in the last place that y may differ by */
};

static size_t check_element(const struct oracle *oracle, struct element e)
{
    struct oracle_block block = {.scale = (double)e.scale, .zero = e.zero};
    double product = rint((double)(e.x * (1.0f / e.scale)));
    double clamped = fmin(fmax(product + e.zero, oracle->qmin), oracle->qmax);
    bool same = product == rint((double)(e.x / e.scale));
    int32_t got = oracle_code(oracle, block, e.x, NULL);
    assert_int_equal(e.q, (int32_t)clamped);
    if (same ? got != e.q : abs(got - e.q) > 1)
        fail_msg("%a / %a + %d: %d, not %d", (double)e.x, (double)e.scale, e.zero, got, e.q);
    uint32_t y = oracle_float_bits(oracle_widen(oracle, block, e.q)), golden = oracle_float_bits((float)strtod(e.y, NULL));
    assert_true(y >= golden ? y - golden <= e.slack : golden - y <= e.slack);
    return same;
}

/* quantize_per_tensor of qint8 and quint8; qint32 adds z in f32 and has no format here. */
void golden_test_torch_tensor(void **state)
{
    (void)state;
    json_t *root = open_json(), *inputs = json_object_get(root, "T1_hex"), *row;
    size_t r, same = 0, all = 0;
    int64_t shape[] = {1};
    json_array_foreach(json_object_get(root, "quantize_per_tensor"), r, row) {
        const char *dtype = json_string_value(json_object_get(row, "dtype"));
        if (!strcmp(dtype, "qint32"))
            continue;
        struct spec spec = torch_spec(dtype, true);
        struct oracle oracle;
        assert_true(oracle_open(&oracle, &spec, DTYPE_f32, shape, 1));
        for (size_t i = 0; i < json_array_size(inputs); i++, all++) {
            struct element e = {
                hex_float(json_array_get(inputs, i)), hex_float(json_object_get(row, "scale")),
                (int32_t)json_integer_value(json_object_get(row, "zero_point")),
                (int32_t)json_integer_value(json_array_get(json_object_get(row, "int_repr"), i)),
                json_string_value(json_array_get(json_object_get(row, "dequant_hex"), i)), 0};
            same += check_element(&oracle, e);
        }
        oracle_close(&oracle);
    }
    assert_true(all > 2900 && same * 100 > all * 98);
    json_decref(root);
}

static size_t check_channel_row(const struct oracle *oracle, const json_t *row, size_t r, size_t c, const float *x)
{
    size_t channel = json_integer_value(json_object_get(row, "axis")) == 0 ? r : c;
    struct element e = {
        *x, hex_float(json_array_get(json_object_get(row, "scales"), channel)),
        (int32_t)json_integer_value(json_array_get(json_object_get(row, "zero_points"), channel)),
        (int32_t)json_integer_value(json_array_get(json_array_get(json_object_get(row, "int_repr"), r), c)),
        json_string_value(json_array_get(json_array_get(json_object_get(row, "dequant_hex"), r), c)), 1};
    return check_element(oracle, e);
}

/* quantize_per_channel of rows 0..7 of the blocks, by rows and by columns. Its dequantization multiplies by scales kept
 * as doubles and rounds once, ours by f32 scales: one unit in the last place. */
void golden_test_torch_channel(void **state)
{
    (void)state;
    static float x[GOLDEN_BLOCKS][GOLDEN_WIDTH];
    json_t *root = open_json(), *row;
    size_t index, same = 0, all = 0;
    int64_t shape[] = {1};
    golden_blocks(x);
    json_array_foreach(json_object_get(root, "quantize_per_channel"), index, row) {
        struct spec spec = torch_spec(json_string_value(json_object_get(row, "dtype")), true);
        struct oracle oracle;
        assert_true(oracle_open(&oracle, &spec, DTYPE_f32, shape, 1));
        for (size_t r = 0; r < 8; r++)
            for (size_t c = 0; c < GOLDEN_WIDTH; c++, all++)
                same += check_channel_row(&oracle, row, r, c, &x[r][c]);
        oracle_close(&oracle);
    }
    assert_true(all == 512 && same * 100 > all * 95);
    json_decref(root);
}

/* One forward of a MinMaxObserver: the scale and zero point of a tensor with that minimum and maximum. */
static void check_observed(const json_t *entry, const json_t *forward)
{
    const char *scheme = json_string_value(json_object_get(entry, "qscheme"));
    bool asymmetric = strstr(scheme, "affine") != NULL;
    struct spec spec = torch_spec(json_string_value(json_object_get(entry, "dtype")), asymmetric);
    struct oracle oracle;
    int64_t shape[] = {2};
    float x[2] = {hex_float(json_object_get(forward, "min_hex")), hex_float(json_object_get(forward, "max_hex"))}, scale;
    int32_t zero = 0;
    assert_true(oracle_open(&oracle, &spec, DTYPE_f32, shape, 1));
    oracle_qparams(&oracle, x, 1, &scale, &zero);
    if (!asymmetric)
        zero = oracle_block_read(&oracle, &scale, NULL, 1, 0).zero;
    assert_int_equal(oracle_float_bits(scale), oracle_float_bits(hex_float(json_array_get(json_object_get(forward, "scale_hex"), 0))));
    assert_int_equal(zero, json_integer_value(json_array_get(json_object_get(forward, "zero_point"), 0)));
    oracle_close(&oracle);
}

/* Observers whose scale follows from one minimum and maximum: a moving average changes the range, not the formula, so
 * its rows count too. reduce_range (7 bits) and histograms (a searched range) are not compared; observers per channel
 * list the same formula again. */
void golden_test_torch_observers(void **state)
{
    (void)state;
    json_t *root = open_json(), *entry, *forward;
    size_t i, f, compared = 0;
    json_array_foreach(json_object_get(root, "observers"), i, entry) {
        const char *name = json_string_value(json_object_get(entry, "observer"));
        if (json_is_true(json_object_get(entry, "reduce_range")) || strstr(name, "PerChannel") || strstr(name, "Histogram"))
            continue;
        json_array_foreach(json_object_get(entry, "after_each_forward"), f, forward)
            if (json_is_string(json_object_get(forward, "min_hex"))) {
                check_observed(entry, forward);
                compared++;
            }
    }
    assert_true(compared > 80);
    json_decref(root);
}
