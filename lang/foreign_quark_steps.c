/* Quark's pre_quant_opt_config and algo_config. In: lists of objects, written as `Class`, or `Class: {field: value}`; the names
 * of steps.def stand for the classes too. Out: `prepare` and `algorithm`. See foreign_quark.c. */
#include <string.h>
#include "lang/foreign.h"
#include "lang/quark.h"

static const struct {
    const char *step, *field;
    enum yaml_kind kind;
} fields[] = {
#define STEP_FIELD(name, field, kind, minimum, maximum) {#name, #field, KIND_##kind},
#define KIND_boolean YAML_BOOL
#define KIND_integer YAML_INT
#define KIND_real YAML_FLOAT
#include "lang/steps.def"
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

struct steps {
    struct yaml_reading *y;
    bool algorithm, has_input;
    struct text body;                  /* the declaration's, as .qr text */
    const struct yaml_node *corrector; /* the first of GPTQ, GPFQ and GPFA2Q, of which one kind may stand */
    enum quark_step_class kind;        /* its class */
};

#define REFUSE(s, node, ...) diag_report((s)->y->diags, DIAG_quark_refused, (node)->span, __VA_ARGS__)
#define WARN(s, node, ...) diag_report((s)->y->diags, DIAG_quark_late, (node)->span, __VA_ARGS__)

/* A row of the list that is read, or -1 after a message. */
static int find_class(struct steps *s, const struct yaml_node *name)
{
    const char *words[QUARK_STEP_COUNT];
    size_t count = 0;
    for (int i = 0; i < QUARK_STEP_COUNT; i++) {
        if (quark_steps[i].algorithm != s->algorithm)
            continue;
        if (yaml_is(name, quark_steps[i].class) || yaml_is(name, quark_steps[i].step))
            return i;
        words[count++] = quark_steps[i].class;
    }
    struct diag *diag = REFUSE(s, name, "`%s` has no member `%s`", s->algorithm ? "algo_config" : "pre_quant_opt_config", name->text);
    yaml_help_nearest(s->y, diag, name->text, words, count);
    return -1;
}

/* Integers stand for reals. */
static void add_argument(struct steps *s, int class, const struct yaml_pair *pair)
{
    const char *words[FIELD_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(fields[i].step, quark_steps[class].step))
            continue;
        words[count++] = fields[i].field;
        if (!yaml_is(pair->key, fields[i].field))
            continue;
        if (pair->value->kind != fields[i].kind && !(fields[i].kind == YAML_FLOAT && pair->value->kind == YAML_INT)) {
            REFUSE(s, pair->value, "`%s`: expected %s, saw %s", fields[i].field, yaml_kind_words[fields[i].kind], yaml_kind_words[pair->value->kind]);
            return;
        }
        text_printf(&s->body, "%s%s = ", s->body.bytes[s->body.size - 1] == '(' ? "" : ", ", fields[i].field);
        yaml_call_value(s->y, &s->body, pair->value);
        return;
    }
    struct diag *diag = REFUSE(s, pair->key, "%s has no field `%s`", quark_steps[class].class, pair->key->text);
    yaml_help_nearest(s->y, diag, pair->key->text, words, count);
}

/* What verify_config says of a member, and what Brevitas does differently. */
static void check_member(struct steps *s, int class, const struct yaml_node *name, const struct yaml_node *arguments)
{
    const struct yaml_node *layerwise = arguments ? yaml_get(arguments, "is_layerwise") : NULL;
    bool corrector = class == QUARK_GPTQ || class == QUARK_GPFQ || class == QUARK_GPFA2Q;
    if (layerwise && !yaml_truth(layerwise))
        REFUSE(s, layerwise, "the layer-wise backend has no activation equalization across layers");
    if ((class == QUARK_GPFQ || class == QUARK_GPFA2Q) && !s->has_input)
        REFUSE(s, name, "%s needs `input_tensors`", quark_steps[class].class);
    if (corrector && s->corrector && s->kind != (enum quark_step_class)class) {
        struct diag *diag = REFUSE(s, name, "%s beside %s: only one of GPTQ, GPFQ and GPFA2Q may stand", quark_steps[class].class,
                                   quark_steps[s->kind].class);
        diag_note(s->y->diags, diag, s->corrector->span, "the other is here");
    }
    if (corrector && !s->corrector) {
        s->corrector = name;
        s->kind = (enum quark_step_class)class;
    }
    if (class == QUARK_GPFA2Q)
        WARN(s, name, "Brevitas 0.12 and later run GPFQ for GPFA2Q");
    if (arguments && yaml_get(arguments, "percentage_of_processed_inputs"))
        WARN(s, yaml_get(arguments, "percentage_of_processed_inputs"), "Brevitas 0.12 and later process all inputs");
}

static void add_member(struct steps *s, const struct yaml_node *name, const struct yaml_node *arguments, size_t index)
{
    int class = find_class(s, name);
    if (class < 0)
        return;
    if (class == QUARK_Preprocess && index)
        WARN(s, name, "Quark asks for `Preprocess` as the first step");
    if (arguments && arguments->kind != YAML_MAPPING && arguments->kind != YAML_NULL) {
        REFUSE(s, arguments, "`%s`: expected a mapping of its fields, saw %s", quark_steps[class].class, yaml_kind_words[arguments->kind]);
        return;
    }
    text_printf(&s->body, " %s(", quark_steps[class].step);
    for (size_t i = 0; arguments && i < arguments->count && arguments->kind == YAML_MAPPING; i++)
        add_argument(s, class, &arguments->pairs[i]);
    text_char(&s->body, ')');
    check_member(s, class, name, arguments && arguments->kind == YAML_MAPPING ? arguments : NULL);
}

/* An empty list is what was asked for: no warning. */
static void add_members(struct steps *s, const struct yaml_node *list)
{
    bool preprocess = s->algorithm || !list->count;
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i], *name = item;
        const struct yaml_node *arguments = NULL;
        if (item->kind == YAML_MAPPING && item->count == 1) {
            name = item->pairs[0].key;
            arguments = item->pairs[0].value;
        }
        if (name->kind != YAML_STRING) {
            REFUSE(s, item, "expected a member's class, alone or with a mapping of its fields, saw %s", yaml_kind_words[item->kind]);
            continue;
        }
        preprocess |= yaml_is(name, "Preprocess") || yaml_is(name, "preprocess");
        add_member(s, name, arguments, i);
    }
    if (!preprocess)
        WARN(s, list, "`pre_quant_opt_config` has no `Preprocess`");
}

/* Absent, pre_quant_opt_config is one Preprocess. */
void foreign_read_quark_steps(struct yaml_reading *y, const struct yaml_node *list, bool algorithm, bool has_input)
{
    struct steps s = {.y = y, .algorithm = algorithm, .has_input = has_input, .body = text_make(y->arena)};
    struct span span = list ? list->span : (struct span){y->source, 0, 0};
    text_char(&s.body, '{');
    if (list && list->kind != YAML_SEQUENCE)
        REFUSE(&s, list, "`%s`: expected a list, saw %s", algorithm ? "algo_config" : "pre_quant_opt_config", yaml_kind_words[list->kind]);
    else if (list)
        add_members(&s, list);
    else if (!algorithm)
        text_add(&s.body, " preprocess()");
    text_add(&s.body, " }");
    if (s.body.size > 3 && !y->diags->errors)
        foreign_declare(y, algorithm ? AST_DECL_algorithm : AST_DECL_prepare, NULL, span, text_string(&s.body));
}
