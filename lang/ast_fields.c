/* The rows of the AST's text: for each class of nodes its kinds, for each kind the word and the fields. In: nothing. Out: tables
 * that the printer and the reader share, so that what is printed reads back. A row: word, type, where the value stands in the
 * struct, where its `given` bool (has) and its count or spelling (extra) stand, flags, the set of words, the class of children.
 * `fault` says what the fields of a node must fulfil together; the parsers make no other nodes. See ast_fields.h. */
#include "lang/ast_fields.h"

#include <string.h>

/* Each macro is one type of field; *_IF has a bool beside it, *_SPELLED the user's spelling. */
#define AT(node, member) offsetof(struct node, member)
#define NAME(node, word, member) {word, FIELD_NAME, AT(node, member), FIELD_NONE, FIELD_NONE, 0, 0, NULL}
#define NAME_REQUIRED(node, word, member) {word, FIELD_NAME, AT(node, member), FIELD_NONE, FIELD_NONE, FIELD_REQUIRED, 0, NULL}
#define STRING(node, word, member, flags) {word, FIELD_STRING, AT(node, member), FIELD_NONE, FIELD_NONE, flags, 0, NULL}
#define STRINGS(node, word, member, count) {word, FIELD_STRINGS, AT(node, member), FIELD_NONE, AT(node, count), FIELD_REQUIRED, 0, NULL}
#define TEXT(node, word, member) {word, FIELD_TEXT, AT(node, member), FIELD_NONE, FIELD_NONE, 0, 0, NULL}
#define INTEGER(node, word, member, flags) {word, FIELD_INTEGER, AT(node, member), FIELD_NONE, FIELD_NONE, flags, 0, NULL}
#define INTEGER_IF(node, word, member, has) {word, FIELD_INTEGER, AT(node, member), AT(node, has), FIELD_NONE, 0, 0, NULL}
#define INTEGER_SPELLED(node, word, member, spelling, flags) {word, FIELD_INTEGER, AT(node, member), FIELD_NONE, AT(node, spelling), flags, 0, NULL}
#define DIMS(node, word, member, count) {word, FIELD_DIMS, AT(node, member), FIELD_NONE, AT(node, count), 0, 0, NULL}
#define NUMBER(node, word, member) {word, FIELD_NUMBER, AT(node, member), FIELD_NONE, FIELD_NONE, FIELD_REQUIRED, 0, NULL}
#define NUMBER_IF(node, word, member, has) {word, FIELD_NUMBER, AT(node, member), AT(node, has), FIELD_NONE, 0, 0, NULL}
#define FLAG(node, word, member) {word, FIELD_FLAG, AT(node, member), FIELD_NONE, FIELD_NONE, 0, 0, NULL}
#define WORD(node, word, member, set) {word, FIELD_WORD, AT(node, member), FIELD_NONE, FIELD_NONE, 0, WORDS_##set, NULL}
#define CHOICE(node, word, member, set) {word, FIELD_CHOICE, AT(node, member), FIELD_NONE, FIELD_NONE, 0, WORDS_##set, NULL}
#define EMBEDDED(node, member, class) {NULL, FIELD_EMBEDDED, AT(node, member), FIELD_NONE, FIELD_NONE, FIELD_REQUIRED, 0, &class}
#define NODE(node, member, class, flags) {NULL, FIELD_NODE, AT(node, member), FIELD_NONE, FIELD_NONE, flags, 0, &class}
#define LIST(node, member, class) {NULL, FIELD_LIST, AT(node, member), FIELD_NONE, FIELD_NONE, 0, 0, &class}
#define END {NULL, 0, 0, 0, 0, 0, 0, NULL}
#define FIELDS(...) (const struct ast_field[]){__VA_ARGS__, END}
#define NO_FIELDS (const struct ast_field[]){END}
#define ROWS(name) name, sizeof name / sizeof *name

static const struct ast_class class_spec, class_value;

/* ---- arguments and values ---- */

static const struct ast_node_row value_rows[] = {
    [AST_VALUE_NUMBER] = {"number", FIELDS(NUMBER(ast_value, "value", number)), NULL},
    [AST_VALUE_STRING] = {"string", FIELDS(STRING(ast_value, "value", string, FIELD_REQUIRED)), NULL},
    [AST_VALUE_WORD] = {"word", FIELDS(STRING(ast_value, "value", string, FIELD_REQUIRED)), NULL},
    [AST_VALUE_LIST] = {"list", FIELDS(LIST(ast_value, items, class_value)), NULL},
    [AST_VALUE_SPEC] = {"spec", FIELDS(NODE(ast_value, spec, class_spec, FIELD_REQUIRED)), NULL},
};
static const struct ast_class class_value = {"a value", sizeof(struct ast_value), AT(ast_value, kind), AT(ast_value, next), AT(ast_value, span), ROWS(value_rows)};

static const struct ast_node_row argument_rows[] = {
    {"argument", FIELDS(NAME(ast_argument, "key", key), EMBEDDED(ast_argument, value, class_value)), NULL},
};
static const struct ast_class class_argument = {"an argument", sizeof(struct ast_argument), FIELD_NONE, AT(ast_argument, next), FIELD_NONE, ROWS(argument_rows)};

/* ---- specs ---- */

static const struct ast_node_row format_rows[] = {
    {"definition", FIELDS(WORD(ast_format, "kind", kind, format_kind), FLAG(ast_format, "signed", is_signed), LIST(ast_format, arguments, class_argument)), NULL},
};
static const struct ast_class class_format = {"a definition", sizeof(struct ast_format), FIELD_NONE, FIELD_NONE, FIELD_NONE, ROWS(format_rows)};

static const char *find_format_fault(const void *node)
{
    const struct ast_attribute *a = node;
    return a->format.text || a->definition ? NULL : "a `format` has a name or a definition";
}

static const char *find_scale_fault(const void *node)
{
    const struct ast_scale *scale = &((const struct ast_attribute *)node)->scale;
    return !scale->format.text == !scale->definition ? "a `scale` has a format or a definition" : NULL;
}

static const char *find_granularity_fault(const void *node)
{
    const struct ast_granularity *g = &((const struct ast_attribute *)node)->granularity;
    bool sized = g->granularity == GRANULARITY_group || g->granularity == GRANULARITY_block;
    for (unsigned i = 0; i < g->rank; i++)
        if (g->dims[i] < 1 && (g->granularity != GRANULARITY_block || g->dims[i] != -1))
            return "a size is at least 1, or -1 in a block";
    return sized == (g->rank > 0) && (g->rank <= 1 || g->granularity == GRANULARITY_block) ? NULL : "`dims` belong to groups (one) and blocks";
}

#define ATTRIBUTE_WORD(word, member, set) {word, FIELDS(WORD(ast_attribute, "value", member, set)), NULL}
#define ATTRIBUTE_CHOICE(word, member, set) {word, FIELDS(CHOICE(ast_attribute, "value", member, set)), NULL}
static const struct ast_node_row attribute_rows[AST_ATTRIBUTE_COUNT] = {
    [AST_FORMAT] = {"format", FIELDS(NAME(ast_attribute, "name", format), NODE(ast_attribute, definition, class_format, 0)), find_format_fault},
    [AST_SCHEME] = ATTRIBUTE_WORD("scheme", scheme, scheme),
    [AST_GRANULARITY] = {"granularity", FIELDS(WORD(ast_attribute, "per", granularity.granularity, granularity),
                         DIMS(ast_attribute, "dims", granularity.dims, granularity.rank),
                         INTEGER_IF(ast_attribute, "axis", granularity.axis, granularity.has_axis),
                         TEXT(ast_attribute, "spelling", granularity.spelling)), find_granularity_fault},
    [AST_SCALE] = {"scale", FIELDS(NAME(ast_attribute, "format", scale.format), NODE(ast_attribute, scale.definition, class_format, 0), WORD(ast_attribute, "pow2", scale.pow2, pow2),
                   FLAG(ast_attribute, "rounded", scale.rounded), FLAG(ast_attribute, "last", scale.last),
                   NAME(ast_attribute, "second", scale.second), INTEGER(ast_attribute, "super", scale.super, 0)), find_scale_fault},
    [AST_ZERO] = ATTRIBUTE_WORD("zero", zero, zero),
    [AST_FORMULA] = ATTRIBUTE_WORD("formula", formula, formula),
    [AST_RANGE] = {"range", FIELDS(WORD(ast_attribute, "value", range.range, range), LIST(ast_attribute, range.arguments, class_argument)), NULL},
    [AST_STATIC] = {"static", FIELDS(NUMBER_IF(ast_attribute, "low", bounds.low, bounds.has_low),
                    NUMBER_IF(ast_attribute, "high", bounds.high, bounds.has_high)), NULL},
    [AST_ROUNDING] = {"round", FIELDS(WORD(ast_attribute, "value", rounding.rounding, rounding),
                      INTEGER_IF(ast_attribute, "seed", rounding.seed, rounding.has_seed)), NULL},
    [AST_OVERFLOW] = ATTRIBUTE_WORD("overflow", overflow, overflow),
    [AST_COMPUTE] = ATTRIBUTE_CHOICE("compute", compute_input, compute),
    [AST_TIMING] = ATTRIBUTE_WORD("timing", timing, timing),
    [AST_PACK] = ATTRIBUTE_WORD("pack", layout, layout),
    [AST_RAGGED] = ATTRIBUTE_CHOICE("ragged", ragged_pad, ragged),
    [AST_EPS] = {"eps", FIELDS(NUMBER(ast_attribute, "value", eps)), NULL},
};
static const struct ast_class class_attribute = {"an attribute", sizeof(struct ast_attribute), AT(ast_attribute, kind), AT(ast_attribute, next), AT(ast_attribute, span), ROWS(attribute_rows)};

static const char *find_spec_fault(const void *node)
{
    const struct ast_spec *spec = node;
    return !spec->base.text == !spec->definition ? "a `spec` has a base or a definition" : NULL;
}

static const struct ast_node_row spec_rows[] = {
    {"spec", FIELDS(NAME(ast_spec, "base", base), FLAG(ast_spec, "with", with), NODE(ast_spec, definition, class_format, 0),
     LIST(ast_spec, attributes, class_attribute)), find_spec_fault},
};
static const struct ast_class class_spec = {"a spec", sizeof(struct ast_spec), FIELD_NONE, FIELD_NONE, AT(ast_spec, span), ROWS(spec_rows)};

/* ---- predicates ---- */

static const char *find_term_fault(const void *node)
{
    return ((const struct ast_term *)node)->modulus < 0 ? "a divisor is at least 1" : NULL;
}

static const struct ast_node_row term_rows[] = {
    {"term", FIELDS(WORD(ast_term, "kind", kind, term), INTEGER(ast_term, "integer", integer, FIELD_ALWAYS),
     INTEGER(ast_term, "modulus", modulus, 0), TEXT(ast_term, "spelling", spelling)), find_term_fault},
};
static const struct ast_class class_term = {"a term", sizeof(struct ast_term), FIELD_NONE, FIELD_NONE, AT(ast_term, span), ROWS(term_rows)};

#define OPERAND(member) NODE(ast_predicate, member, ast_class_predicate, FIELD_REQUIRED)
static const struct ast_node_row predicate_rows[] = {
    [AST_OR] = {"or", FIELDS(OPERAND(left), OPERAND(right)), NULL},
    [AST_AND] = {"and", FIELDS(OPERAND(left), OPERAND(right)), NULL},
    [AST_NOT] = {"not", FIELDS(OPERAND(left)), NULL},
    [AST_ATOM] = {"atom", FIELDS(WORD(ast_predicate, "words", atom, atom), STRING(ast_predicate, "pattern", pattern, FIELD_REQUIRED)), NULL},
    [AST_COMPARE] = {"compare", FIELDS(WORD(ast_predicate, "comparison", comparison, comparison),
                     EMBEDDED(ast_predicate, term, class_term), EMBEDDED(ast_predicate, other, class_term)), NULL},
    [AST_IN] = {"in", FIELDS(INTEGER_SPELLED(ast_predicate, "low", low, low_spelling, FIELD_ALWAYS),
                INTEGER_SPELLED(ast_predicate, "high", high, high_spelling, FIELD_ALWAYS), EMBEDDED(ast_predicate, term, class_term)), NULL},
    [AST_SET] = {"set", FIELDS(NAME_REQUIRED(ast_predicate, "name", set)), NULL},
    [AST_ANY] = {"any", NO_FIELDS, NULL},
};
const struct ast_class ast_class_predicate = {"a predicate", sizeof(struct ast_predicate), AT(ast_predicate, kind), FIELD_NONE, AT(ast_predicate, span), ROWS(predicate_rows)};

/* ---- rules, slots, steps, expectations ---- */

static const char *find_rule_fault(const void *node)
{
    const struct ast_rule *rule = node;
    if (!rule->use.text == !rule->predicate)
        return "a `rule` has a predicate or `use`";
    return rule->predicate && !rule->name.text != (rule->target == AST_TARGET_SKIP) ? "a `rule` names its config or spec, and nothing to skip" : NULL;
}

static const struct ast_node_row rule_rows[] = {
    {"rule", FIELDS(NAME(ast_rule, "label", label), FLAG(ast_rule, "disabled", disabled), FLAG(ast_rule, "optional", optional),
     NAME(ast_rule, "use", use), WORD(ast_rule, "target", target, target), NAME(ast_rule, "name", name),
     NODE(ast_rule, predicate, ast_class_predicate, 0)), find_rule_fault},
};
static const struct ast_class class_rule = {"a rule", sizeof(struct ast_rule), FIELD_NONE, AT(ast_rule, next), AT(ast_rule, span), ROWS(rule_rows)};

static const char *find_slot_fault(const void *node)
{
    const struct ast_slot *slot = node;
    if (slot->key != SLOT_KEY_NONE && (slot->role == SLOT_WEIGHT || slot->role == SLOT_BIAS))
        return "only inputs, outputs and states have keys";
    if (slot->key == SLOT_KEY_NAME && !slot->name.bytes)
        return "a `slot` with a name as its key has the name";
    return slot->none == !!slot->spec ? "a `slot` has a spec or is none" : NULL;
}

static const struct ast_node_row slot_rows[] = {
    {"slot", FIELDS(FLAG(ast_slot, "module", module), WORD(ast_slot, "role", role, role), WORD(ast_slot, "key", key, slot_key),
     INTEGER(ast_slot, "index", index, 0), STRING(ast_slot, "name", name, 0), FLAG(ast_slot, "none", none),
     NODE(ast_slot, spec, class_spec, 0)), find_slot_fault},
};
static const struct ast_class class_slot = {"a slot", sizeof(struct ast_slot), FIELD_NONE, AT(ast_slot, next), AT(ast_slot, span), ROWS(slot_rows)};

static const struct ast_node_row step_rows[] = {
    {"step", FIELDS(NAME_REQUIRED(ast_step, "name", name), LIST(ast_step, arguments, class_argument),
     NODE(ast_step, where, ast_class_predicate, 0)), NULL},
};
static const struct ast_class class_step = {"a step", sizeof(struct ast_step), FIELD_NONE, AT(ast_step, next), AT(ast_step, span), ROWS(step_rows)};

static const char *find_expect_fault(const void *node)
{
    const struct ast_expect *expect = node;
    bool nameless = expect->no_rule || expect->target == AST_TARGET_SKIP;
    return !expect->config.text != nameless ? "an expectation names its config, and nothing to skip" : NULL;
}

#define EXPECT_FIELDS                                                                                        \
    FIELDS(STRING(ast_expect, "name", name, FIELD_REQUIRED), WORD(ast_expect, "target", target, target),     \
           FLAG(ast_expect, "no_rule", no_rule), NAME(ast_expect, "config", config))
static const struct ast_node_row expect_rows[] = {
    [AST_EXPECT_MODULE] = {"module", EXPECT_FIELDS, find_expect_fault},
    [AST_EXPECT_PARAM] = {"param", EXPECT_FIELDS, find_expect_fault},
    [AST_EXPECT_QUANTITY] = {"quantity", FIELDS(NAME_REQUIRED(ast_expect, "quantity", quantity),
                             WORD(ast_expect, "comparison", comparison, comparison), NUMBER(ast_expect, "value", value)), NULL},
};
static const struct ast_class class_expect = {"an expectation", sizeof(struct ast_expect), AT(ast_expect, kind), AT(ast_expect, next), AT(ast_expect, span), ROWS(expect_rows)};

/* ---- declarations ---- */

#define DECL_NAME NAME_REQUIRED(ast_decl, "name", name)
static const struct ast_node_row decl_rows[AST_DECL_COUNT] = {
    [AST_DECL_recipe] = {"recipe", FIELDS(DECL_NAME, INTEGER_IF(ast_decl, "version", recipe.version, recipe.has_version)), NULL},
    [AST_DECL_import] = {"import", FIELDS(STRING(ast_decl, "path", import.path, FIELD_REQUIRED), NAME(ast_decl, "as", import.as)), NULL},
    [AST_DECL_format] = {"format", FIELDS(DECL_NAME, NAME(ast_decl, "alias", format.alias), WORD(ast_decl, "kind", format.kind, format_kind),
                         FLAG(ast_decl, "signed", format.is_signed), LIST(ast_decl, format.arguments, class_argument)), NULL},
    [AST_DECL_spec] = {"spec", FIELDS(DECL_NAME, NODE(ast_decl, spec, class_spec, FIELD_REQUIRED)), NULL},
    [AST_DECL_config] = {"config", FIELDS(DECL_NAME, NAME(ast_decl, "base", config.base), NAME(ast_decl, "schedule", config.schedule),
                         TEXT(ast_decl, "extra", config.extra), FLAG(ast_decl, "null", config.is_null), LIST(ast_decl, config.slots, class_slot)), NULL},
    [AST_DECL_set] = {"set", FIELDS(DECL_NAME, NODE(ast_decl, set, ast_class_predicate, FIELD_REQUIRED)), NULL},
    [AST_DECL_alias] = {"alias", FIELDS(DECL_NAME, STRING(ast_decl, "query", alias, FIELD_REQUIRED)), NULL},
    [AST_DECL_group] = {"group", FIELDS(DECL_NAME, STRINGS(ast_decl, "member", group.members, group.count)), NULL},
    [AST_DECL_schedule] = {"schedule", FIELDS(DECL_NAME, LIST(ast_decl, schedule, class_argument)), NULL},
    [AST_DECL_prepare] = {"prepare", FIELDS(LIST(ast_decl, steps, class_step)), NULL},
    [AST_DECL_algorithm] = {"algorithm", FIELDS(LIST(ast_decl, steps, class_step)), NULL},
    [AST_DECL_match] = {"match", FIELDS(WORD(ast_decl, "policy", match.policy, policy), LIST(ast_decl, match.rules, class_rule)), NULL},
    [AST_DECL_expect] = {"expect", FIELDS(LIST(ast_decl, expects, class_expect)), NULL},
};
static const struct ast_class class_decl = {"a declaration", sizeof(struct ast_decl), AT(ast_decl, kind), AT(ast_decl, next), AT(ast_decl, span), ROWS(decl_rows)};

static const struct ast_node_row root_rows[] = {
    {"ast", FIELDS(WORD(ast, "spelling", spelling, spelling), LIST(ast, decls, class_decl)), NULL},
};
const struct ast_class ast_class_root = {"an AST", sizeof(struct ast), FIELD_NONE, FIELD_NONE, FIELD_NONE, ROWS(root_rows)};
