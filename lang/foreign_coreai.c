/* coreai_opt configurations (version 0.2.0): `quantization_config`, and beside it a place for anchors.
 *   in    global_config, module_type_configs, module_name_configs, each of ModuleQuantizerConfigs
 *   out   declarations and rules, by foreign_coreai_lower.c
 * A config is complete: what it leaves out has the library's default, never the enclosing config's value; null is off and `{}`
 * the default. What coreai_opt refuses when it loads a file or makes a quantizer is refused here with its reason (pydantic's
 * words where it has them), what it drops without a word is a warning. docs/coreai.md. */
#include "lang/foreign_coreai.h"

#include <string.h>
#include <strings.h>

/* ---- messages and scalars ---- */

struct diag *coreai_refuse(struct coreai *c, struct span span, const char *format, ...)
{
    struct text text = text_make(c->y->arena);
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    return diag_report(c->y->diags, DIAG_coreai_value, span, "%s", text_string(&text));
}

void coreai_unknown_key(struct coreai *c, enum diag_code code, const struct yaml_node *key, const char *what, const char *const *words, size_t count)
{
    const char *effect = code == DIAG_coreai_dropped ? "; it has no effect" : "";
    struct diag *diag = diag_report(c->y->diags, code, key->span, "%s has no field `%s`%s", what, key->text, effect);
    yaml_help_nearest(c->y, diag, key->text, words, count);
}

/* The decimal text of an integer as Python's int() takes it from a user's string, without blanks and underscores. */
static bool read_digits(const struct yaml_node *node, int64_t *value)
{
    size_t i = node->size && (node->text[0] == '-' || node->text[0] == '+');
    *value = 0;
    if (i == node->size)
        return false;
    for (size_t at = i; at < node->size; at++)
        if (node->text[at] < '0' || node->text[at] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, node->text[at] - '0', value))
            return false;
    *value = node->text[0] == '-' ? -*value : *value;
    return true;
}

/* As pydantic's lax mode: bools, whole floats and digits in strings are integers. */
bool coreai_integer(struct coreai *c, const struct yaml_node *node, const char *what, int64_t *value)
{
    double most = 9007199254740992.0; /* 2^53: every integer up to it is a float */
    *value = node->kind == YAML_BOOL ? node->boolean : node->kind == YAML_INT ? node->integer : 0;
    if (node->kind == YAML_BOOL || (node->kind == YAML_INT && !node->too_wide))
        return true;
    if (node->kind == YAML_STRING && read_digits(node, value))
        return true;
    if (node->kind == YAML_FLOAT && node->number >= -most && node->number <= most) {
        *value = (int64_t)node->number;
        if ((double)*value == node->number)
            return true;
    }
    coreai_refuse(c, node->span, "%s: Input should be a valid integer, saw %s", what, yaml_kind_words[node->kind]);
    return false;
}

/* Keys that YAML 1.1 reads as something else (`no`, `on`, `1`) are refused there too. */
static bool expect_key(struct coreai *c, const struct yaml_node *key, const char *what)
{
    if (key->kind == YAML_STRING)
        return yaml_check_string(c->y, key);
    struct diag *diag = diag_report(c->y->diags, DIAG_yaml_shape, key->span, "expected %s, saw %s", what, yaml_kind_words[key->kind]);
    diag_help(c->y->diags, diag, "a key in quotes is a string");
    return false;
}

/* ---- schedules ---- */

static const char *const steps[] = {
#define COREAI_STEP(key) key,
#include "lang/coreai.def"
};
enum { STEPS = sizeof steps / sizeof *steps, OBSERVE = 0, QUANTIZE, SETTLE };

/* null stands for absent where the field may be null, which is the last one alone. */
static bool read_steps(struct coreai *c, const struct yaml_node *node, int64_t at[STEPS], bool has[STEPS])
{
    bool good = true;
    for (size_t i = 0; i < node->count; i++) {
        size_t k = 0;
        while (k < STEPS && !yaml_is(node->pairs[i].key, steps[k]))
            k++;
        if (k == STEPS) {
            coreai_unknown_key(c, DIAG_coreai_dropped, node->pairs[i].key, "qat_schedule", steps, STEPS);
        } else if (node->pairs[i].value->kind != YAML_NULL || k != SETTLE) {
            good &= coreai_integer(c, node->pairs[i].value, steps[k], &at[k]);
            has[k] = true;
        }
    }
    return good;
}

/* The order of QATSchedule's validators; the first fault is the message. */
static const char *schedule_fault(const int64_t at[STEPS], bool settles)
{
    if (at[OBSERVE] < 0 || at[QUANTIZE] < 0)
        return "enable_observer and enable_fake_quant must be >= 0";
    if (at[QUANTIZE] < at[OBSERVE])
        return "enable_fake_quant must be >= enable_observer";
    if (settles && (at[SETTLE] <= 0 || at[SETTLE] <= at[OBSERVE]))
        return "disable_observer must be > 0 and > enable_observer";
    return settles && at[SETTLE] < at[QUANTIZE] ? "disable_observer must be >= enable_fake_quant" : NULL;
}

/* One declaration for equal ones. */
static const char *declare_schedule(struct coreai *c, struct span span, const int64_t at[STEPS], bool settles)
{
    struct text body = text_make(c->y->arena);
    bool found;
    text_printf(&body, "{ enable_observer %lld enable_fake_quant %lld disable_observer ", (long long)at[OBSERVE], (long long)at[QUANTIZE]);
    if (settles)
        text_printf(&body, "%lld }", (long long)at[SETTLE]);
    else
        text_add(&body, "none }");
    uint32_t *known = yaml_table_at(&c->bodies, text_string(&body), &found);
    if (!found) {
        const char *name = coreai_name(c, "qat", 3, "");
        *ARENA_PUSH(c->y->arena, c->declared, c->declared_count, c->declared_capacity) = name;
        *known = (uint32_t)c->declared_count - 1;
        foreign_declare(c->y, AST_DECL_schedule, name, span, text_string(&body));
    }
    return c->declared[*known];
}

static const char *read_schedule(struct coreai *c, const struct yaml_node *node)
{
    int64_t at[STEPS] = {0, 0, 0};
    bool has[STEPS] = {false};
    if (!node || node->kind == YAML_NULL)
        return NULL;
    if (!yaml_expect(c->y, node, YAML_MAPPING, "a schedule such as `{enable_fake_quant: 100}`, or null") || !read_steps(c, node, at, has))
        return NULL;
    const char *fault = schedule_fault(at, has[SETTLE]);
    if (!fault)
        return declare_schedule(c, node->span, at, has[SETTLE]);
    coreai_refuse(c, node->span, "%s", fault);
    return NULL;
}

/* ---- configs ---- */

static const char *const config_keys[] = {
#define COREAI_MAP(key, role, module, only, preset) key,
#include "lang/coreai.def"
    "op_type_config", "op_name_config", "qat_schedule",
};
enum { CONFIG_KEYS = sizeof config_keys / sizeof *config_keys };

static bool is_op_map(const struct coreai_map *map)
{
    return !map->module;
}

/* Both kinds of configs forbid fields they do not have; an op's has the op maps alone. */
static void check_config_keys(struct coreai *c, const struct yaml_node *node, bool of_op)
{
    const char *words[CONFIG_KEYS];
    size_t count = 0;
    for (size_t i = 0; i < CONFIG_KEYS; i++)
        if (!of_op || (i < COREAI_MAPS && is_op_map(&coreai_maps[i])))
            words[count++] = config_keys[i];
    for (size_t i = 0; i < node->count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= yaml_is(node->pairs[i].key, words[k]);
        if (!known)
            coreai_unknown_key(c, DIAG_coreai_key, node->pairs[i].key, of_op ? "an op config" : "a module config", words, count);
    }
}

static void read_maps(struct coreai *c, struct coreai_slots *slots, const struct yaml_node *node, bool of_op)
{
    check_config_keys(c, node, of_op);
    for (size_t i = 0; i < COREAI_MAPS; i++)
        if (!of_op || is_op_map(&coreai_maps[i]))
            coreai_read_map(c, slots, &coreai_maps[i], yaml_get(node, coreai_maps[i].key));
}

/* ops of no pattern and no interception: a config for one is never asked for. */
static void warn_inert_op(struct coreai *c, const struct yaml_node *key)
{
    static const struct {
        const char *type;
        bool eager, graph;
    } ops[] = {
#define PATTERN_convolution true
#define PATTERN_linear true
#define PATTERN_embedding true
#define PATTERN_nary true
#define PATTERN_binary true
#define PATTERN_shared true
#define PATTERN_activation false
#define PATTERN_norm false
#define COREAI_OP(type, eager, graph) {type, eager, PATTERN_##graph},
#include "lang/coreai_ops.def"
#undef COREAI_OP
    };
    const char *words[sizeof ops / sizeof *ops];
    size_t count = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (c->eager ? ops[i].eager : ops[i].graph)
            words[count++] = ops[i].type;
        if (yaml_is(key, ops[i].type) && (c->eager ? ops[i].eager : ops[i].graph))
            return;
    }
    struct diag *diag = diag_report(c->y->diags, DIAG_coreai_inert, key->span, "coreai_opt registers no op type `%s` in %s mode", key->text,
                                    c->eager ? "eager" : "graph");
    yaml_help_nearest(c->y, diag, key->text, words, count);
}

/* Order is kept: among entries that match, the one defined last wins. */
static void read_ops(struct coreai *c, struct coreai_ops *ops, const struct yaml_node *node, bool by_type)
{
    if (!node || node->kind == YAML_NULL || !yaml_expect(c->y, node, YAML_MAPPING, "a mapping of op configs, or null"))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        if (!expect_key(c, pair->key, by_type ? "an op type" : "a pattern of op names"))
            continue;
        struct coreai_op *op = ARENA_PUSH(c->y->arena, ops->items, ops->count, ops->capacity);
        *op = (struct coreai_op){.key = yaml_string(pair->key)};
        op->key.span = span_join(pair->key->span, pair->value->span);
        if (by_type)
            warn_inert_op(c, pair->key);
        if (pair->value->kind != YAML_NULL && yaml_expect(c->y, pair->value, YAML_MAPPING, "an op config or null"))
            read_maps(c, &op->slots, pair->value, true);
    }
}

/* node NULL or null: everything off. */
static void read_config(struct coreai *c, struct coreai_config *config, const struct yaml_node *node)
{
    *config = (struct coreai_config){0};
    if (!node || node->kind == YAML_NULL || !yaml_expect(c->y, node, YAML_MAPPING, "a module config or null"))
        return;
    read_maps(c, &config->slots, node, false);
    read_ops(c, &config->types, yaml_get(node, "op_type_config"), true);
    read_ops(c, &config->names, yaml_get(node, "op_name_config"), false);
    config->schedule = read_schedule(c, yaml_get(node, "qat_schedule"));
}

/* ---- levels ---- */

/* A class is compared by the module that defines it: torch.nn.modules.linear.Linear. Its shorter spelling is no such name. */
static bool is_public_spelling(const char *type)
{
    static const char prefix[] = "torch.nn.";
    const char *rest = type + sizeof prefix - 1;
    return !strncmp(type, prefix, sizeof prefix - 1) && *rest >= 'A' && *rest <= 'Z' && !strchr(rest, '.');
}

static bool check_type(struct coreai *c, const struct yaml_node *key, bool *inert)
{
    if (!strchr(key->text, '.')) {
        coreai_refuse(c, key->span, "Expected fully-qualified name, got %s", key->text);
        return false;
    }
    *inert = is_public_spelling(key->text);
    if (*inert) {
        struct diag *diag = diag_report(c->y->diags, DIAG_coreai_inert, key->span, "`%s` is no class's own name: this entry matches nothing in coreai_opt", key->text);
        diag_help(c->y->diags, diag, "write the name of the defining module, as in `torch.nn.modules.linear.Linear`");
    }
    return true;
}

static void read_level(struct coreai *c, struct coreai_level *level, const struct yaml_node *node, bool by_type)
{
    if (!node || node->kind == YAML_NULL || !yaml_expect(c->y, node, YAML_MAPPING, "a mapping of module configs, or null"))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        bool inert = false;
        if (!expect_key(c, pair->key, by_type ? "a class's name" : "a pattern of module names") ||
            (by_type && !check_type(c, pair->key, &inert)))
            continue;
        struct coreai_entry *entry = ARENA_PUSH(c->y->arena, level->items, level->count, level->capacity);
        *entry = (struct coreai_entry){.key = yaml_string(pair->key), .inert = inert};
        entry->key.span = span_join(pair->key->span, pair->value->span);
        read_config(c, &entry->config, pair->value);
    }
}

/* A file without a global config has the library's default one. */
static void read_global(struct coreai *c, const struct yaml_node *node, struct span span)
{
    static const struct yaml_node empty = {.kind = YAML_MAPPING};
    c->global.key.span = node ? node->span : span;
    read_config(c, &c->global.config, node ? node : &empty);
    for (size_t i = 0; node && node->kind == YAML_MAPPING && i < COREAI_MAPS; i++) {
        const struct yaml_node *map = coreai_maps[i].module ? yaml_get(node, coreai_maps[i].key) : NULL;
        if (map && map->kind == YAML_MAPPING && map->count)
            coreai_refuse(c, map->span, "global_config cannot have %s", coreai_maps[i].key);
    }
}

/* ---- the whole ---- */

static bool equals_ignoring_case(const struct yaml_node *node, const char *word)
{
    return node->kind == YAML_STRING && node->size == strlen(word) && !strcasecmp(node->text, word);
}

static void read_mode(struct coreai *c, const struct yaml_node *node)
{
    c->eager = node && yaml_is(node, "eager");
    if (!node || c->eager || yaml_is(node, "graph"))
        return;
    if (equals_ignoring_case(node, "pt2e"))
        diag_report(c->y->diags, DIAG_coreai_dropped, node->span, "`%s` is a deprecated word for `graph`", node->text);
    else
        coreai_refuse(c, node->span, "execution_mode: Input should be 'graph' or 'eager'");
}

static void read_preserved(struct coreai *c, const struct yaml_node *node)
{
    if (!node || node->kind == YAML_NULL || !yaml_expect(c->y, node, YAML_SEQUENCE, "a list of attribute names, or null"))
        return;
    for (size_t i = 0; i < node->count; i++)
        yaml_expect(c->y, node->items[i], YAML_STRING, "an attribute's name");
    diag_report(c->y->diags, DIAG_coreai_dropped, node->span,
                c->eager ? "preserved_attributes has no effect in eager mode"
                         : "preserved_attributes is about the exported model; a recipe does not keep it");
}

static void check_root(struct coreai *c, const struct yaml_node *node, const char *what, const char *const *words, size_t count)
{
    for (size_t i = 0; i < node->count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= yaml_is(node->pairs[i].key, words[k]);
        if (!known)
            coreai_unknown_key(c, DIAG_coreai_key, node->pairs[i].key, what, words, count);
    }
}

static void read_root(struct coreai *c, const struct yaml_node *config)
{
    static const char *const words[] = {"global_config", "module_type_configs", "module_name_configs", "preserved_attributes", "execution_mode"};
    check_root(c, config, "quantization_config", words, sizeof words / sizeof *words);
    read_mode(c, yaml_get(config, "execution_mode"));
    read_preserved(c, yaml_get(config, "preserved_attributes"));
    read_global(c, yaml_get(config, "global_config"), config->span);
    read_level(c, &c->types, yaml_get(config, "module_type_configs"), true);
    read_level(c, &c->names, yaml_get(config, "module_name_configs"), false);
    coreai_lower(c, config->span);
}

void foreign_read_coreai(struct yaml_reading *y, const struct yaml_node *root)
{
    static const char *const words[] = {"quantization_config", "quantization_spec"};
    struct coreai c = {.y = y, .bodies = {.arena = y->arena}, .taken = {.arena = y->arena}};
    if (!yaml_expect(y, root, YAML_MAPPING, "a mapping with `quantization_config`"))
        return;
    check_root(&c, root, "a coreai_opt file", words, 2);
    const struct yaml_node *config = yaml_get(root, "quantization_config");
    if (!config)
        coreai_refuse(&c, root->span, "Did not find 'quantization_config'");
    else if (yaml_expect(y, config, YAML_MAPPING, "a mapping with `global_config` and module configs"))
        read_root(&c, config);
}
