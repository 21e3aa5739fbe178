/* Specs of coreai_opt 0.2.0: a mapping's fields, checked as coreai_opt checks them, and the .qr
 * text that means the same. In: a YAML node. Out: a struct coreai_spec of the reading's arena, or NULL after messages; then text
 * for spec_parse.
 *   integers          scale = max(A / ((qmax - qmin) / 2), 2^-23): A the greatest absolute value, qmin and qmax the end codes
 *   fp8               the same with A / fmax; `scale_dtype` e8m0 and fp4: the floor power of two, at least 2^-126
 *   per_block         one size: along the axis, the other of the first two dimensions is 1, all further ones are whole
 * Quantization parameters of half-precision tensors are computed in f32 here, in the tensor's own type there. */
#include "lang/foreign_coreai.h"

#include <math.h>
#include <string.h>

/* The least scale: of f32 ones the step after 1, of e8m0 ones the least normal float. */
#define EPS_TEXT " eps 1.1920928955078125e-07"
#define EPS_E8M0_TEXT " eps 1.1754943508222875e-38"

static const struct {
    const char *word, *format;
} dtypes[] = {
#define COREAI_DTYPE(word, format) {word, format},
#include "lang/coreai.def"
};
static const struct {
    const char *word, *scheme;
} schemes[] = {
#define COREAI_SCHEME(word, scheme) {word, scheme},
#include "lang/coreai.def"
};
static const struct {
    const char *word, *state, *activation;
} calculators[] = {
#define COREAI_CALCULATOR(word, state, activation) {word, state, activation},
#include "lang/coreai.def"
};

static bool is_float(const struct coreai_spec *s)
{
    return !strncmp(s->format, "fp", 2);
}

/* ---- words ---- */

static bool refuse_word(struct coreai *c, const struct yaml_node *node, const char *what, const char *const *words, size_t count)
{
    struct text list = text_make(c->y->arena);
    for (size_t i = 0; i < count; i++)
        text_printf(&list, i ? ", %s" : "%s", words[i]);
    struct diag *diag;
    if (node->kind == YAML_STRING)
        diag = coreai_refuse(c, node->span, "Unsupported %s: '%s'", what, node->text);
    else
        diag = coreai_refuse(c, node->span, "Unsupported %s: %s", what, yaml_kind_words[node->kind]);
    if (node->kind == YAML_STRING)
        yaml_help_nearest(c->y, diag, node->text, words, count);
    diag_help(c->y->diags, diag, "allowed are %s", text_string(&list));
    return false;
}

/* The index of the node's word, or -1 after a message. */
static int read_word(struct coreai *c, const struct yaml_node *node, const char *what, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (yaml_is(node, words[i]))
            return (int)i;
    refuse_word(c, node, what, words, count);
    return -1;
}

static bool read_dtype(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    const char *words[sizeof dtypes / sizeof *dtypes];
    enum { COUNT = sizeof words / sizeof *words };
    for (size_t i = 0; i < COUNT; i++)
        words[i] = dtypes[i].word;
    int found = read_word(c, node, "dtype", words, COUNT);
    s->format = found < 0 ? s->format : dtypes[found].format;
    return found >= 0;
}

static bool read_scheme(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    const char *words[sizeof schemes / sizeof *schemes];
    enum { COUNT = sizeof words / sizeof *words };
    for (size_t i = 0; i < COUNT; i++)
        words[i] = schemes[i].word;
    int found = read_word(c, node, "qscheme", words, COUNT);
    s->scheme = found < 0 ? s->scheme : schemes[found].scheme;
    return found >= 0;
}

static bool read_formulation(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    static const char *const words[] = {"zp", "minval"};
    int found = read_word(c, node, "qformulation", words, 2);
    s->minval = found == 1;
    return found >= 0;
}

/* Classes that a program registers by itself are not known here. */
static bool read_key(struct coreai *c, const struct yaml_node *node, const char *registry, const char *const *words, size_t count, int *found)
{
    for (*found = 0; *found < (int)count; ++*found)
        if (yaml_is(node, words[*found]))
            return true;
    struct diag *diag;
    if (node->kind != YAML_STRING) {
        coreai_refuse(c, node->span, "Expected str or type for registry lookup, saw %s", yaml_kind_words[node->kind]);
        return false;
    }
    diag = coreai_refuse(c, node->span, "No class is registered with key: '%s' in registry %s", node->text, registry);
    yaml_help_nearest(c->y, diag, node->text, words, count);
    return false;
}

static bool read_calculator(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    const char *words[sizeof calculators / sizeof *calculators];
    enum { COUNT = sizeof words / sizeof *words };
    int found;
    for (size_t i = 0; i < COUNT; i++)
        words[i] = calculators[i].word;
    if (!read_key(c, node, "QParamsCalculatorBase", words, COUNT, &found))
        return false;
    s->range_of_state = calculators[found].state;
    s->range_of_activation = calculators[found].activation;
    return true;
}

static bool read_fake_quantize(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    static const char *const words[] = {"default"};
    int found;
    (void)s;
    return read_key(c, node, "FakeQuantizeImplBase", words, 1, &found);
}

static bool read_range_calculator(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    static const char *const words[] = {"minmax"};
    int found;
    (void)s;
    return read_key(c, node, "RangeCalculatorBase", words, 1, &found);
}

/* ---- numbers ---- */

/* YAML's .inf and .nan are floats there as well; no spec's bound is one. */
static bool read_end(struct coreai *c, const struct yaml_node *node, bool *has, double *end)
{
    *has = node->kind != YAML_NULL;
    if (!*has)
        return true;
    if (node->kind != YAML_INT && node->kind != YAML_FLOAT) {
        coreai_refuse(c, node->span, "float_range elements must be int, float or None, saw %s", yaml_kind_words[node->kind]);
        return false;
    }
    *end = node->number;
    if (isfinite(*end))
        return true;
    diag_report(c->y->diags, DIAG_coreai_unsayable, node->span, "a range's end is a finite number here");
    return false;
}

/* coreai_opt asks for low < high, low <= 0 <= high; an end that is None is observed. */
static bool read_float_range(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE || node->count != 2) {
        coreai_refuse(c, node->span, "float_range must be a list of 2 elements");
        return false;
    }
    if (!read_end(c, node->items[0], &s->has_low, &s->low) || !read_end(c, node->items[1], &s->has_high, &s->high))
        return false;
    const char *fault = s->has_low && s->has_high && s->low >= s->high ? "float_range[0] must be less than float_range[1]"
                        : s->has_low && s->low > 0                     ? "float_range[0] must be <= 0"
                        : s->has_high && s->high < 0                   ? "float_range[1] must be >= 0"
                                                                       : NULL;
    if (fault)
        coreai_refuse(c, node->span, "%s", fault);
    return !fault;
}

/* Both spellings mean E8M0; null is the default: f32, and E8M0 for fp4 (check). */
static bool read_scale_dtype(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    static const char *const words[] = {"float8_e8m0fnu", "float8_e8m0"};
    if (node->kind == YAML_NULL)
        return true;
    s->e8m0 = read_word(c, node, "scale_dtype", words, 2) >= 0;
    return s->e8m0;
}

/* ---- granularity ---- */

/* No axis: the default depends on the op, which the variants of a rule say. */
static bool read_axis(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    if (!node || node->kind == YAML_NULL)
        return true;
    s->has_axis = true;
    return coreai_integer(c, node, "axis", &s->axis);
}

/* One integer is a size along the axis (a group), a list one size for each dimension; -1, the whole dimension, only in a list. */
static bool read_block_size(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    s->granularity = node->kind == YAML_SEQUENCE ? GRANULARITY_block : GRANULARITY_group;
    s->rank = s->granularity == GRANULARITY_block ? (unsigned)node->count : 1;
    if (!s->rank || s->rank > SPEC_BLOCK_DIMS_MAX || (s->granularity == GRANULARITY_block && node->count > SPEC_BLOCK_DIMS_MAX)) {
        coreai_refuse(c, node->span, "a block has 1 to %d dimensions", SPEC_BLOCK_DIMS_MAX);
        return false;
    }
    for (unsigned i = 0; i < s->rank; i++) {
        const struct yaml_node *size = s->granularity == GRANULARITY_block ? node->items[i] : node;
        if (!coreai_integer(c, size, "block_size", &s->dims[i]))
            return false;
        if (s->dims[i] < 1 && !(s->dims[i] == -1 && s->granularity == GRANULARITY_block)) {
            coreai_refuse(c, size->span, "block_size must be greater than 0");
            return false;
        }
    }
    return true;
}

static bool read_per_block(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    const struct yaml_node *size = yaml_get(node, "block_size"), *axis = yaml_get(node, "axis");
    if (!size) {
        coreai_refuse(c, node->span, "PerBlockGranularity: block_size: Field required");
        return false;
    }
    if (!read_block_size(c, s, size) || !read_axis(c, s, axis))
        return false;
    if (s->has_axis && s->axis != 0 && s->axis != 1)
        coreai_refuse(c, axis->span, "PerBlockGranularity: axis: Input should be 0 or 1");
    else if (s->has_axis && s->granularity == GRANULARITY_block)
        coreai_refuse(c, axis->span, "axis must be None when block_size is a tuple");
    else
        return true;
    return false;
}

static bool read_per_channel(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    s->granularity = GRANULARITY_channel;
    return read_axis(c, s, yaml_get(node, "axis"));
}

static bool read_per_tensor(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    const struct yaml_node *axis = yaml_get(node, "axis");
    s->granularity = GRANULARITY_tensor;
    if (!axis || axis->kind == YAML_NULL)
        return true;
    coreai_refuse(c, axis->span, "PerTensorGranularity: axis: Input should be None");
    return false;
}

/* Its models forbid further fields. */
static bool check_granularity_keys(struct coreai *c, const struct yaml_node *node, bool block)
{
    static const char *const words[] = {"type", "axis", "block_size"};
    size_t count = block ? 3 : 2;
    for (size_t i = 0; i < node->count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= yaml_is(node->pairs[i].key, words[k]);
        if (!known) {
            coreai_unknown_key(c, DIAG_coreai_key, node->pairs[i].key, "granularity", words, count);
            return false;
        }
    }
    return true;
}

static bool read_granularity(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node)
{
    static const char *const words[] = {"per_tensor", "per_channel", "per_block"};
    if (!yaml_expect(c->y, node, YAML_MAPPING, "a granularity such as `{type: per_channel, axis: 0}`"))
        return false;
    const struct yaml_node *type = yaml_get(node, "type");
    if (!type) {
        coreai_refuse(c, node->span, "Missing type key in dict for QuantizationGranularity");
        return false;
    }
    int found = read_word(c, type, "granularity type", words, 3);
    if (found < 0 || !check_granularity_keys(c, node, found == 2))
        return false;
    return found == 0 ? read_per_tensor(c, s, node) : found == 1 ? read_per_channel(c, s, node) : read_per_block(c, s, node);
}

/* ---- the whole ---- */

static const struct {
    const char *key;
    bool (*read)(struct coreai *c, struct coreai_spec *s, const struct yaml_node *node);
} fields[] = {
#define COREAI_SPEC_KEY(key, reader) {key, read_##reader},
#include "lang/coreai.def"
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Fields that a dump writes and that the constructor derives again. */
static bool is_computed(const struct yaml_node *key)
{
    static const char *const words[] = {
#define COREAI_COMPUTED(key) key,
#include "lang/coreai.def"
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (yaml_is(key, words[i]))
            return true;
    return false;
}

/* Unknown fields vanish there without a word. */
static bool read_field(struct coreai *c, struct coreai_spec *s, const struct yaml_pair *pair)
{
    const char *words[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        words[i] = fields[i].key;
        if (yaml_is(pair->key, fields[i].key))
            return fields[i].read(c, s, pair->value);
    }
    if (!is_computed(pair->key))
        coreai_unknown_key(c, DIAG_coreai_dropped, pair->key, "a spec", words, FIELDS);
    return true;
}

/* Rules between fields. */
static bool check(struct coreai *c, struct coreai_spec *s)
{
    bool symmetric = !strcmp(s->scheme, "symmetric");
    const char *fault = is_float(s) && !symmetric ? "FP quantization requires symmetric quantization scheme"
                        : is_float(s) && s->minval ? "FP quantization requires zero-point quantization formulation"
                        : !is_float(s) && s->e8m0  ? "scale_dtype must be None for integer dtypes"
                                                   : NULL;
    if (fault)
        coreai_refuse(c, s->span, "%s", fault);
    s->e8m0 |= !strcmp(s->format, "fp4_e2m1");
    if (s->format[0] == 'u' && !strcmp(s->scheme, "symmetric narrow"))
        s->scheme = "symmetric"; /* clipping moves the least code of signed formats alone */
    return !fault;
}

const struct coreai_spec *coreai_read_spec(struct coreai *c, const struct yaml_node *node)
{
    struct coreai_spec *s = ARENA_NEW(c->y->arena, struct coreai_spec);
    *s = (struct coreai_spec){.format = "int8", .scheme = "symmetric", .range_of_state = "", .span = node->span,
                              .range_of_activation = " range moving_average", .granularity = GRANULARITY_tensor};
    if (node->kind == YAML_STRING && !node->bad) {
        struct diag *diag = coreai_refuse(c, node->span, "a spec is a mapping; '%s' is a string", node->text);
        diag_help(c->y->diags, diag, "there is no reference by name: write an anchor `&%s` and the alias `*%s`", node->text, node->text);
        return NULL;
    }
    if (!yaml_expect(c->y, node, YAML_MAPPING, "a spec such as `{dtype: int8}`, or null"))
        return NULL;
    bool good = true;
    for (size_t i = 0; i < node->count; i++)
        good &= read_field(c, s, &node->pairs[i]);
    return good && check(c, s) ? s : NULL;
}

/* ---- as text ---- */

const char *coreai_dtype_word(const char *format)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(dtypes[i].format, format))
            return dtypes[i].word;
    return NULL;
}

const char *coreai_scheme_word(const char *scheme)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strcmp(schemes[i].scheme, scheme))
            return schemes[i].word;
    return NULL;
}

static void add_block(struct text *out, const struct coreai_spec *s)
{
    text_add(out, " per block(");
    for (unsigned i = 0; i < s->rank; i++)
        text_printf(out, i ? ", %lld" : "%lld", (long long)s->dims[i]);
    text_char(out, ')');
}

/* In a tensor of two dimensions the block of one size is a group; in deeper ones it takes in the dimensions beyond. */
static void add_granularity(struct text *out, const struct coreai_spec *s, enum coreai_variant variant)
{
    bool transposed = variant == COREAI_TRANSPOSED && !s->has_axis;
    long long size = (long long)s->dims[0];
    long long channel = s->has_axis ? s->axis : transposed, along = s->has_axis ? s->axis : !transposed;
    switch (s->granularity) {
    case GRANULARITY_channel:
        text_printf(out, " per channel(%lld)", channel);
        break;
    case GRANULARITY_group:
        if (variant == COREAI_PLAIN)
            text_printf(out, " per group(%lld, %lld)", size, along);
        else
            text_printf(out, along ? " per block(1, %lld)" : " per block(%lld, 1)", size);
        break;
    case GRANULARITY_block:
        add_block(out, s);
        break;
    case GRANULARITY_tensor: case GRANULARITY_token:
        text_add(out, " per tensor");
        break;
    }
}

static void add_end(struct text *out, bool has, double end)
{
    if (has)
        text_number(out, end);
    else
        text_add(out, "none");
}

void coreai_spec_text(struct text *out, const struct coreai_spec *s, bool activation, enum coreai_variant variant)
{
    text_add(out, s->format);
    if (!is_float(s))
        text_printf(out, " %s", s->scheme);
    add_granularity(out, s, variant);
    text_add(out, s->e8m0 ? " scale fp8_e8m0 pow2 floor" : " scale f32");
    text_add(out, s->minval ? " formula minval" : "");
    if (!s->has_low || !s->has_high)
        text_add(out, activation ? s->range_of_activation : s->range_of_state);
    if (s->has_low || s->has_high) {
        text_add(out, " static(");
        add_end(out, s->has_low, s->low);
        text_add(out, ", ");
        add_end(out, s->has_high, s->high);
        text_char(out, ')');
    }
    text_add(out, activation ? " static" : "");
    text_add(out, s->e8m0 ? EPS_E8M0_TEXT : EPS_TEXT);
}

bool coreai_spec_varies(const struct coreai_spec *s, enum coreai_variant variant)
{
    switch (variant) {
    case COREAI_DEEP:
        return s->granularity == GRANULARITY_group;
    case COREAI_TRANSPOSED:
        return !s->has_axis && (s->granularity == GRANULARITY_group || s->granularity == GRANULARITY_channel);
    case COREAI_PLAIN: case COREAI_VARIANTS:
        break;
    }
    return false;
}
