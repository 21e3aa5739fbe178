/* Builder of the .qr grammar: formats, specs, attributes and arguments. See ast_build.c. */
#include "lang/qr.h"

#include <math.h>
#include <string.h>

/* A limit on arguments that have names: each new one is compared with those before it. */
enum { NAMED_ARGUMENTS_MAX = 64, AXIS_MAX = 8 };

/* False after a message, with *number set to the lowest allowed so that reading goes on. high INT64_MAX: no bound. */
static bool check_range(struct qr_parse *parse, const char *what, struct ast_number *number, int64_t low, int64_t high)
{
    if (number->integer >= low && number->integer <= high)
        return true;
    if (high == INT64_MAX)
        diag_report(parse->diags, DIAG_number_range, number->span, "%s is at least %lld, saw %s", what, (long long)low, number->spelling);
    else
        diag_report(parse->diags, DIAG_number_range, number->span, "%s lies between %lld and %lld, saw %s", what, (long long)low,
                    (long long)high, number->spelling);
    number->integer = low;
    return false;
}

/* ---- formats ---- */

/* `float(…, inf)`: a flag, not the number. */
static void read_flags(struct ast_argument *arguments)
{
    for (struct ast_argument *a = arguments; a; a = a->next) {
        const char *spelling = a->value.number.spelling;
        if (a->key.text || a->value.kind != AST_VALUE_NUMBER || (strcmp(spelling, "inf") && strcmp(spelling, "nan")))
            continue;
        a->value.kind = AST_VALUE_WORD;
        a->value.string = (struct ast_string){spelling, 3, a->value.span};
    }
}

/* kind: the word before the parenthesis */
struct ast_format *qr_definition(struct qr_parse *parse, struct ast_name kind, struct argument_list arguments)
{
    static const enum format_kind kinds[] = {FORMAT_KIND_INT, FORMAT_KIND_FLOAT, FORMAT_KIND_CODEBOOK, FORMAT_KIND_INT};
    const struct preset *preset = preset_find(kind.text);
    if (preset && !preset->text) {
        diag_report(parse->diags, DIAG_no_preset, kind.span, "preset `%s` is not available in this version", kind.text);
        return NULL;
    }
    int word = word_expect(WORDS_format_kind, kind.text, NULL, kind.span, parse->diags);
    if (word < 0)
        return NULL;
    struct ast_format *format = ARENA_NEW(parse->arena, struct ast_format);
    format->kind = kinds[word];
    format->is_signed = strcmp(kind.text, "uint") != 0;
    format->arguments = arguments.first;
    if (format->kind == FORMAT_KIND_FLOAT)
        read_flags(arguments.first);
    return format;
}

/* format mine = fp8_e4m3 */
struct ast_format *qr_format_alias(struct qr_parse *parse, struct ast_name name)
{
    struct ast_format *format = ARENA_NEW(parse->arena, struct ast_format);
    format->alias = name;
    return format;
}

/* ---- specs ---- */

/* base or definition, and what tail changes of it */
struct ast_spec *qr_spec(struct qr_parse *parse, struct ast_name base, struct ast_format *definition, struct qr_tail tail, struct span span)
{
    struct ast_spec *spec = ARENA_NEW(parse->arena, struct ast_spec);
    *spec = (struct ast_spec){.base = base, .definition = definition, .with = tail.with,
                              .attributes = tail.attributes.first, .span = span};
    if (!base.text)
        spec->base.span = span;
    if (!base.text && !definition)
        spec->base.text = "int8"; /* the definition's fault was reported; later stages see a whole spec */
    return spec;
}

/* format: what replaces the base's, or NULL */
struct qr_tail qr_tail(bool with, struct ast_attribute *format, struct attribute_list attributes)
{
    if (format) {
        format->next = attributes.first;
        attributes.first = format;
    }
    return (struct qr_tail){with, attributes};
}

static struct ast_attribute *make_attribute(struct qr_parse *parse, enum ast_attribute_kind kind, struct span span)
{
    struct ast_attribute *attribute = ARENA_NEW(parse->arena, struct ast_attribute);
    attribute->kind = kind;
    attribute->span = span;
    return attribute;
}

/* name or definition, whose fault was reported when both are absent */
struct ast_attribute *qr_attribute_format(struct qr_parse *parse, struct ast_name name, struct ast_format *definition, struct span span)
{
    if (!name.text && !definition)
        return NULL;
    struct ast_attribute *attribute = make_attribute(parse, AST_FORMAT, span);
    attribute->format = name;
    attribute->format.span = span;
    attribute->definition = definition;
    return attribute;
}

/* An attribute that is one word of a closed set. */
struct ast_attribute *qr_attribute(struct qr_parse *parse, enum ast_attribute_kind kind, int value, struct span span)
{
    struct ast_attribute *a = make_attribute(parse, kind, span);
    switch (kind) {
    case AST_SCHEME:
        a->scheme = (enum scheme)value;
        break;
    case AST_ZERO:
        a->zero = (enum zero)value;
        break;
    case AST_FORMULA:
        a->formula = (enum formula)value;
        break;
    case AST_OVERFLOW:
        a->overflow = (enum overflow_mode)value;
        break;
    case AST_COMPUTE:
        a->compute_input = value;
        break;
    case AST_TIMING:
        a->timing = (enum timing)value;
        break;
    case AST_PACK:
        a->layout = (enum layout)value;
        break;
    case AST_RAGGED:
        a->ragged_pad = value;
        break;
    case AST_FORMAT:
    case AST_GRANULARITY:
    case AST_SCALE:
    case AST_RANGE:
    case AST_STATIC:
    case AST_ROUNDING:
    case AST_EPS:
    case AST_ATTRIBUTE_COUNT:
        break; /* have functions of their own */
    }
    return a;
}

/* `zero float`, `formula minval`, `overflow nan`, `compute input`, `pack msb`, `ragged pad` */
struct ast_attribute *qr_attribute_word(struct qr_parse *parse, enum ast_attribute_kind kind, struct ast_name word, struct span span)
{
    static const struct {
        enum word_set set;
        const char *after;
    } sets[AST_ATTRIBUTE_COUNT] = {
        [AST_ZERO] = {WORDS_zero, "`zero`"},         [AST_FORMULA] = {WORDS_formula, "`formula`"},
        [AST_OVERFLOW] = {WORDS_overflow, "`overflow`"}, [AST_COMPUTE] = {WORDS_compute, "`compute`"},
        [AST_PACK] = {WORDS_layout, "`pack`"},       [AST_RAGGED] = {WORDS_ragged, "`ragged`"},
    };
    int value = word_expect(sets[kind].set, word.text, sets[kind].after, word.span, parse->diags);
    return value < 0 ? NULL : qr_attribute(parse, kind, value, span);
}

/* set: WORDS_symmetric or WORDS_asymmetric */
struct ast_attribute *qr_scheme(struct qr_parse *parse, enum word_set set, struct ast_name word, struct span span)
{
    const char *after = set == WORDS_symmetric ? "`symmetric`" : "`asymmetric`";
    int value = word_expect(set, word.text, after, word.span, parse->diags);
    return value < 0 ? NULL : qr_attribute(parse, AST_SCHEME, value, span);
}

/* ---- granularity ---- */

struct qr_numbers qr_numbers_add(struct qr_parse *parse, struct qr_numbers numbers, struct ast_number number)
{
    *ARENA_PUSH(parse->arena, numbers.items, numbers.count, numbers.capacity) = number;
    return numbers;
}

/* How many numbers stand in the parentheses: tensor and token none, channel its axis, group its size and perhaps
 * an axis, block a size for each dimension. */
static bool check_count(struct qr_parse *parse, enum granularity granularity, size_t count, struct span span)
{
    static const struct {
        size_t least, most;
        const char *form;
    } forms[] = {
        [GRANULARITY_tensor] = {0, 0, "`per tensor` takes no numbers"},
        [GRANULARITY_channel] = {1, 1, "`per channel` takes its axis: `per channel(0)`"},
        [GRANULARITY_token] = {0, 0, "`per token` takes no numbers"},
        [GRANULARITY_group] = {1, 2, "`per group` takes its size, and an axis if not the last: `per group(128)`"},
        [GRANULARITY_block] = {1, SPEC_BLOCK_DIMS_MAX, "`per block` takes a size for each dimension, at most 8: `per block(128, 128)`"},
    };
    if (count >= forms[granularity].least && count <= forms[granularity].most)
        return true;
    diag_report(parse->diags, DIAG_syntax, span, "%s", forms[granularity].form);
    return false;
}

/* Axes count from either end; no tensor has more than AXIS_MAX dimensions. */
static void read_axis(struct qr_parse *parse, struct ast_granularity *g, struct ast_number number)
{
    check_range(parse, "an axis", &number, -AXIS_MAX, AXIS_MAX - 1);
    g->has_axis = true;
    g->axis = number.integer;
}

/* One size of a group or block; the first keeps its spelling (`1Ki`). */
static void read_dimension(struct qr_parse *parse, struct ast_granularity *g, struct ast_number number)
{
    if (g->granularity == GRANULARITY_group)
        check_range(parse, "a group's size", &number, 1, INT64_MAX);
    else if (number.integer != -1 && !check_range(parse, "a block's size other than -1 (the whole dimension)", &number, 1, INT64_MAX))
        number.integer = 1;
    if (g->rank == 0)
        g->spelling = qr_own_spelling(parse->arena, number);
    g->dims[g->rank++] = number.integer;
}

/* per tensor, per channel(0), per token, per group(128, -1), per block(128, 128) */
struct ast_attribute *qr_granularity(struct qr_parse *parse, struct ast_name word, struct qr_numbers numbers, struct span span)
{
    int value = word_expect(WORDS_granularity, word.text, "`per`", word.span, parse->diags);
    if (value < 0 || !check_count(parse, (enum granularity)value, numbers.count, span))
        return NULL;
    struct ast_attribute *attribute = make_attribute(parse, AST_GRANULARITY, span);
    struct ast_granularity *g = &attribute->granularity;
    g->granularity = (enum granularity)value;
    for (size_t i = 0; i < numbers.count; i++) {
        if (value == GRANULARITY_channel || (value == GRANULARITY_group && i == 1))
            read_axis(parse, g, numbers.items[i]);
        else
            read_dimension(parse, g, numbers.items[i]);
    }
    return attribute;
}

/* ---- scale ---- */

/* definition: of a format without a name; NULL when its fault was reported, as with a named one */
/* scale f16; what may follow is added by the next four, in any order but once each. */
struct ast_attribute *qr_scale(struct qr_parse *parse, struct ast_name format, struct ast_format *definition)
{
    struct ast_attribute *attribute = make_attribute(parse, AST_SCALE, format.span);
    attribute->scale.format = format;
    attribute->scale.definition = definition;
    if (!format.text && !definition)
        attribute->scale.format.text = "f32"; /* later stages see a whole scale */
    return attribute;
}

static void check_once(struct qr_parse *parse, bool given, const char *word, struct span span)
{
    if (given)
        diag_report(parse->diags, DIAG_given_twice, span, "`%s` is given twice for one scale", word);
}

struct ast_attribute *qr_scale_pow2(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name mode, struct span span)
{
    int value = word_expect(WORDS_pow2, mode.text, "`pow2`", span, parse->diags);
    check_once(parse, scale->scale.pow2 != POW2_none, "pow2", span);
    scale->scale.pow2 = value < 0 ? POW2_none : (enum pow2)value;
    return scale;
}

/* rounded first: codes from the stored scale; rounded last: from the exact one */
struct ast_attribute *qr_scale_rounded(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name when, struct span span)
{
    int value = word_expect(WORDS_rounded, when.text, "`rounded`", span, parse->diags);
    check_once(parse, scale->scale.rounded, "rounded", span);
    scale->scale.rounded = true;
    scale->scale.last = value == 1;
    return scale;
}

struct ast_attribute *qr_scale_second(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name format, struct span span)
{
    check_once(parse, scale->scale.second.text != NULL, "second", span);
    scale->scale.second = format;
    return scale;
}

/* super(8): blocks under one second-level scale */
struct ast_attribute *qr_scale_super(struct qr_parse *parse, struct ast_attribute *scale, struct ast_number count, struct span span)
{
    check_once(parse, scale->scale.super != 0, "super", span);
    check_range(parse, "the number of blocks under one scale", &count, 1, INT32_MAX);
    scale->scale.super = count.integer;
    return scale;
}

struct ast_attribute *qr_attribute_end(struct ast_attribute *attribute, struct span span)
{
    attribute->span = span;
    return attribute;
}

/* ---- range, static, round, eps ---- */

/* range mse(n = 100); which arguments an estimator takes is the resolver's to say. */
struct ast_attribute *qr_range(struct qr_parse *parse, struct ast_name word, struct argument_list arguments, struct span span)
{
    int value = word_expect(WORDS_range, word.text, "`range`", word.span, parse->diags);
    if (value < 0)
        return NULL;
    struct ast_attribute *attribute = make_attribute(parse, AST_RANGE, span);
    attribute->range.range = (enum range)value;
    attribute->range.arguments = arguments.first;
    return attribute;
}

/* One end of static(lo, hi): a finite number. */
struct qr_bound qr_bound(struct qr_parse *parse, struct ast_number number)
{
    if (isfinite(number.value))
        return (struct qr_bound){true, number};
    struct diag *diag = diag_report(parse->diags, DIAG_number_range, number.span, "an end of `static` is finite, saw %s", number.spelling);
    diag_help(parse->diags, diag, "write `none` for an open end");
    return (struct qr_bound){0};
}

/* static(-8, none) */
struct ast_attribute *qr_static(struct qr_parse *parse, struct qr_bound low, struct qr_bound high, struct span span)
{
    struct ast_attribute *attribute = make_attribute(parse, AST_STATIC, span);
    attribute->bounds.has_low = low.given;
    attribute->bounds.has_high = high.given;
    attribute->bounds.low = low.number;
    attribute->bounds.high = high.number;
    return attribute;
}

/* seed: of `round stochastic(seed)`, or NULL */
struct ast_attribute *qr_round(struct qr_parse *parse, struct ast_name word, const struct ast_number *seed, struct span span)
{
    int value = word_expect(WORDS_rounding, word.text, "`round`", word.span, parse->diags);
    if (value < 0)
        return NULL;
    struct ast_attribute *attribute = make_attribute(parse, AST_ROUNDING, span);
    attribute->rounding.rounding = (enum rounding)value;
    if (!seed)
        return attribute;
    struct ast_number number = *seed;
    if (value != ROUNDING_stochastic)
        diag_report(parse->diags, DIAG_syntax, number.span, "`round %s` takes no seed; only `round stochastic` does", word.text);
    check_range(parse, "a seed", &number, 0, INT64_MAX);
    attribute->rounding.has_seed = true;
    attribute->rounding.seed = (uint64_t)number.integer;
    return attribute;
}

/* eps 1e-5 */
struct ast_attribute *qr_eps(struct qr_parse *parse, struct ast_number number, struct span span)
{
    if (!(number.value >= 0) || isinf(number.value)) {
        diag_report(parse->diags, DIAG_number_range, number.span, "`eps` is a finite number of at least 0, saw %s", number.spelling);
        return NULL;
    }
    struct ast_attribute *attribute = make_attribute(parse, AST_EPS, span);
    attribute->eps = number;
    return attribute;
}

/* ---- arguments ---- */

/* Appends; a second argument of the same name is reported and left out. */
struct argument_list qr_argument_add(struct qr_parse *parse, struct argument_list list, struct ast_argument *argument)
{
    int named = 0;
    for (const struct ast_argument *a = argument && argument->key.text ? list.first : NULL; a && named < NAMED_ARGUMENTS_MAX; a = a->next) {
        if (!a->key.text)
            continue;
        named++;
        if (strcmp(a->key.text, argument->key.text))
            continue;
        struct diag *diag = diag_report(parse->diags, DIAG_given_twice, argument->key.span, "`%s` is given twice", argument->key.text);
        if (!parse->is_fragment)
            diag_note(parse->diags, diag, a->key.span, "the first is here");
        return list;
    }
    return argument_list_add(list, argument);
}

/* key.text NULL: positional */
struct ast_argument *qr_argument(struct qr_parse *parse, struct ast_name key, struct ast_value *value)
{
    struct ast_argument *argument = ARENA_NEW(parse->arena, struct ast_argument);
    argument->key = key;
    argument->value = *value;
    return argument;
}

static struct ast_value *make_value(struct qr_parse *parse, enum ast_value_kind kind, struct span span)
{
    struct ast_value *value = ARENA_NEW(parse->arena, struct ast_value);
    value->kind = kind;
    value->span = span;
    return value;
}

struct ast_value *qr_value_number(struct qr_parse *parse, struct ast_number number)
{
    struct ast_value *value = make_value(parse, AST_VALUE_NUMBER, number.span);
    value->number = number;
    return value;
}

struct ast_value *qr_value_string(struct qr_parse *parse, struct ast_string string)
{
    struct ast_value *value = make_value(parse, AST_VALUE_STRING, string.span);
    value->string = string;
    return value;
}

/* true, false, none, or any other bare name */
struct ast_value *qr_value_word(struct qr_parse *parse, struct ast_name word)
{
    struct ast_value *value = make_value(parse, AST_VALUE_WORD, word.span);
    value->string = (struct ast_string){word.text, strlen(word.text), word.span};
    return value;
}

struct ast_value *qr_value_spec(struct qr_parse *parse, struct ast_spec *spec)
{
    struct ast_value *value = make_value(parse, AST_VALUE_SPEC, spec->span);
    value->spec = spec;
    return value;
}

struct ast_value *qr_value_list(struct qr_parse *parse, struct value_list items, struct span span)
{
    struct ast_value *value = make_value(parse, AST_VALUE_LIST, span);
    value->items = items.first;
    return value;
}

/* enable_observer 3; only disable_observer may be none. */
struct ast_argument *qr_schedule_step(struct qr_parse *parse, struct ast_name word, struct ast_value *value)
{
    if (word_expect(WORDS_schedule, word.text, NULL, word.span, parse->diags) < 0)
        return NULL;
    bool is_number = value->kind == AST_VALUE_NUMBER;
    if (is_number && !check_range(parse, "a step", &value->number, 0, INT64_MAX))
        value->number.spelling = "0";
    if (!is_number && strcmp(word.text, "disable_observer")) {
        diag_report(parse->diags, DIAG_syntax, value->span, "expected a step number after `%s`, saw `none`", word.text);
        return NULL;
    }
    return qr_argument(parse, word, value);
}
