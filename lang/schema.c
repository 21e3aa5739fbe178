/* The JSON Schema (draft 2020-12) of the YAML form, made from the tables that the reader uses: words, keys, atoms. In: nothing.
 * Out: JSON text for editors; it allows somewhat more than the reader, whose checks between values a schema cannot say. Each
 * function gives one value's schema, a new reference. See schema.h. */
#include "lang/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lang/text.h"
#include "lang/words.h"
#include "lang/yaml_print.h"
#include "lang/yaml_read.h"

/* ---- pieces ---- */

static json_t *of_type(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *refer(const char *definition)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", definition));
}

/* anyOf two; both are taken over. */
static json_t *either(json_t *a, json_t *b)
{
    return json_pack("{s:[o, o]}", "anyOf", a, b);
}

/* A section left empty is null in YAML. */
static json_t *map_of(json_t *values)
{
    return json_pack("{s:[s, s], s:o}", "type", "object", "null", "additionalProperties", values);
}

static json_t *list_of(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

/* An object with these properties and no others. */
static json_t *object_of(json_t *properties)
{
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
}

/* One word of a set, perhaps with arguments behind it: the words alone first, which editors offer. */
static json_t *word_in(const char *const *words, size_t count)
{
    json_t *list = json_array(), *pattern = json_string("^(");
    for (size_t i = 0; i < count; i++) {
        if (!*words[i])
            continue;
        bool first = !json_array_size(list);
        json_array_append_new(list, json_string(words[i]));
        json_t *longer = json_sprintf("%s%s%s", json_string_value(pattern), first ? "" : "|", words[i]);
        json_decref(pattern);
        pattern = longer;
    }
    json_t *text = json_pack("{s:s, s:o}", "type", "string", "pattern", json_sprintf("%s)([ (].*)?$", json_string_value(pattern)));
    json_decref(pattern);
    return either(json_pack("{s:o}", "enum", list), text);
}

static json_t *word_of_set(enum word_set set)
{
    return word_in(word_lists[set].words, word_lists[set].count);
}

/* {word: arguments} */
static json_t *call_of(json_t *words)
{
    return json_pack("{s:s, s:i, s:i, s:o}", "type", "object", "minProperties", 1, "maxProperties", 1, "propertyNames", words);
}

static json_t *word_or_call(enum word_set set)
{
    return either(word_of_set(set), call_of(word_of_set(set)));
}

/* ---- specs ---- */

static json_t *schema_scheme(void)
{
    static const char *const schemes[] = {"symmetric", "asymmetric"};
    json_t *pair = object_of(json_pack("{s:o, s:o}", "symmetric", word_of_set(WORDS_symmetric), "asymmetric", word_of_set(WORDS_asymmetric)));
    json_object_set_new(pair, "maxProperties", json_integer(1));
    return either(word_in(schemes, 2), pair);
}

static json_t *schema_scale(void)
{
    json_t *parts = json_pack("{s:o, s:o, s:o, s:o, s:o}", "format", of_type("string"), "pow2", word_of_set(WORDS_pow2), "rounded",
                              word_of_set(WORDS_rounded), "second", of_type("string"), "super", of_type("integer"));
    json_t *map = object_of(parts);
    json_object_set_new(map, "required", json_pack("[s]", "format"));
    return either(of_type("string"), map);
}

static json_t *schema_static(void)
{
    json_t *list = list_of(json_pack("{s:[s, s]}", "type", "number", "null"));
    json_object_set_new(list, "minItems", json_integer(2));
    json_object_set_new(list, "maxItems", json_integer(2));
    return list;
}

static json_t *schema_attribute(enum ast_attribute_kind kind)
{
    switch (kind) {
    case AST_FORMAT: return either(of_type("string"), call_of(word_of_set(WORDS_format_kind)));
    case AST_SCHEME: return schema_scheme();
    case AST_GRANULARITY: return word_or_call(WORDS_granularity);
    case AST_SCALE: return schema_scale();
    case AST_ZERO: return word_of_set(WORDS_zero);
    case AST_FORMULA: return word_of_set(WORDS_formula);
    case AST_RANGE: return word_or_call(WORDS_range);
    case AST_STATIC: return schema_static();
    case AST_ROUNDING: return word_or_call(WORDS_rounding);
    case AST_OVERFLOW: return word_of_set(WORDS_overflow);
    case AST_COMPUTE: return word_of_set(WORDS_compute);
    case AST_TIMING: return word_of_set(WORDS_timing);
    case AST_PACK: return word_of_set(WORDS_layout);
    case AST_RAGGED: return word_of_set(WORDS_ragged);
    case AST_EPS: return json_pack("{s:s, s:i}", "type", "number", "minimum", 0);
    case AST_ATTRIBUTE_COUNT: break;
    }
    return json_true();
}

/* The text of a .qr spec, or a mapping that says its base or its format. */
static json_t *define_spec(void)
{
    json_t *properties = json_pack("{s:o}", "base", of_type("string"));
    for (int i = 0; i < AST_ATTRIBUTE_COUNT; i++)
        json_object_set_new(properties, yaml_spec_key((enum ast_attribute_kind)i), schema_attribute((enum ast_attribute_kind)i));
    json_t *map = object_of(properties);
    json_object_set_new(map, "anyOf", json_pack("[{s:[s]}, {s:[s]}]", "required", "format", "required", "base"));
    return either(of_type("string"), map);
}

/* ---- configs ---- */

/* A spec, `none` or null; input, output and state also by index, by name or "*". */
static json_t *schema_slot(enum slot_role role)
{
    json_t *one = either(refer("spec"), of_type("null"));
    if (role == SLOT_WEIGHT || role == SLOT_BIAS)
        return one;
    json_t *keyed = json_pack("{s:s, s:o, s:{s:{s:[s, s]}}}", "type", "object", "additionalProperties", json_deep_copy(one), "propertyNames", "not",
                              "enum", "format", "base");
    return either(one, keyed);
}

static json_t *define_slots(void)
{
    json_t *slots = json_object();
    for (int i = 0; i < SLOT_ROLE_COUNT; i++)
        json_object_set_new(slots, slot_role_words[i], schema_slot((enum slot_role)i));
    return slots;
}

/* Keys that are no slots make a payload opaque: everything else is allowed. */
static json_t *define_config(void)
{
    json_t *properties = define_slots();
    json_object_set_new(properties, "module", object_of(define_slots()));
    json_object_set_new(properties, "base", of_type("string"));
    json_object_set_new(properties, "schedule", of_type("string"));
    return json_pack("{s:[s, s], s:o}", "type", "object", "null", "properties", properties);
}

/* ---- matchers ---- */

/* A config's key is any YAML scalar, `skip`, or {name: KEY}. */
static json_t *schema_config_name(void)
{
    json_t *named = object_of(json_pack("{s:{s:[s, s, s, s]}}", "name", "type", "string", "number", "boolean", "null"));
    return either(json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean"), named);
}

static json_t *schema_type(void)
{
    json_t *types = json_array();
    for (int i = 0; i < ATOM_COUNT; i++)
        json_array_append_new(types, json_string(atom_rows[i].yaml_type));
    json_array_append_new(types, json_string("expr"));
    return json_pack("{s:o}", "enum", types);
}

/* A matcher that is not enabled is not validated, so only one with `enabled: true` must be whole. */
static json_t *define_matcher(void)
{
    json_t *properties = json_pack("{s:o, s:o, s:o, s:o, s:{}, s:{}, s:o, s:o}", "type", schema_type(), "pattern", of_type("string"), "config",
                                   schema_config_name(), "spec", of_type("string"), "enabled", "optional", "use", of_type("string"),
                                   "label", json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean"));
    json_t *matcher = object_of(properties);
    json_object_set_new(matcher, "if", json_pack("{s:{s:{s:b}}, s:[s], s:{s:[s]}}", "properties", "enabled", "const", 1, "required", "enabled",
                                                 "not", "required", "use"));
    json_object_set_new(matcher, "then", json_pack("{s:[s, s]}", "required", "type", "pattern"));
    return matcher;
}

/* ---- steps ---- */

static json_t *field_boolean(double minimum, double maximum)
{
    (void)minimum, (void)maximum;
    return of_type("boolean");
}

static json_t *field_integer(double minimum, double maximum)
{
    return json_pack("{s:s, s:f, s:f}", "type", "integer", "minimum", minimum, "maximum", maximum);
}

static json_t *field_real(double minimum, double maximum)
{
    return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum", minimum, "maximum", maximum);
}

/* `NAME(arguments)` as text, or {NAME: arguments, where: PREDICATE}. */
static json_t *schema_steps(enum ast_decl_kind kind)
{
    json_t *names = json_pack("{s:o}", "where", of_type("string"));
#define STEP(decl, name) \
    if (kind == AST_DECL_##decl) \
        json_object_set_new(names, #name, json_pack("{s:[s, s, s], s:{}}", "type", "object", "array", "null", "properties"));
#define STEP_FIELD(name, field, value, minimum, maximum) \
    if (json_object_get(names, #name)) \
        json_object_set_new(json_object_get(json_object_get(names, #name), "properties"), #field, field_##value(minimum, maximum));
#include "lang/steps.def"
    json_t *map = object_of(names);
    json_object_set_new(map, "maxProperties", json_integer(2));
    return list_of(either(of_type("string"), map));
}

/* ---- the top-level keys: one function a row of yaml_keys.def ---- */

static json_t *schema_recipe(void)
{
    return either(of_type("string"), object_of(json_pack("{s:o, s:o}", "name", of_type("string"), "version", of_type("integer"))));
}

static json_t *schema_imports(void)
{
    json_t *one = either(of_type("string"), object_of(json_pack("{s:o, s:o}", "path", of_type("string"), "as", of_type("string"))));
    return either(json_deep_copy(one), list_of(one));
}

static json_t *schema_formats(void)
{
    return map_of(schema_attribute(AST_FORMAT));
}

static json_t *schema_specs(void)
{
    return map_of(refer("spec"));
}

static json_t *schema_configs(void)
{
    return map_of(either(refer("config"), of_type("string")));
}

static json_t *schema_sets(void)
{
    json_t *atom = object_of(json_pack("{s:o, s:o}", "type", schema_type(), "pattern", of_type("string")));
    json_object_set_new(atom, "required", json_pack("[s, s]", "type", "pattern"));
    return map_of(either(of_type("string"), atom));
}

static json_t *schema_aliases(void)
{
    return map_of(of_type("string"));
}

static json_t *schema_groups(void)
{
    return map_of(list_of(of_type("string")));
}

static json_t *schema_schedules(void)
{
    json_t *steps = json_object();
    for (size_t i = 0; i < word_lists[WORDS_schedule].count; i++)
        json_object_set_new(steps, word_lists[WORDS_schedule].words[i],
                            either(json_pack("{s:[s, s], s:i}", "type", "integer", "null", "minimum", 0), json_pack("{s:s}", "const", "none")));
    return map_of(either(of_type("string"), object_of(steps)));
}

static json_t *schema_prepare(void)
{
    return schema_steps(AST_DECL_prepare);
}

static json_t *schema_algorithm(void)
{
    return schema_steps(AST_DECL_algorithm);
}

static json_t *schema_policy(void)
{
    return json_pack("{s:[s, s, s, s, s]}", "enum", "first", "last", "specific", "specific compat code", "specific compat doc");
}

static json_t *schema_matchers(void)
{
    return either(map_of(refer("matcher")), list_of(refer("matcher")));
}

static json_t *schema_expects(void)
{
    json_t *config = either(schema_config_name(), of_type("null"));
    json_t *map = object_of(json_pack("{s:o, s:o, s:o}", "module", of_type("string"), "param", of_type("string"), "config", config));
    json_object_set_new(map, "required", json_pack("[s]", "config"));
    return list_of(either(of_type("string"), map));
}

const char *schema_print(struct arena *arena)
{
    json_t *properties = json_object();
#define KEY(key, function) json_object_set_new(properties, #key, schema_##function());
#include "lang/yaml_keys.def"
#undef KEY
    json_t *schema = object_of(properties);
    json_object_set_new(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(schema, "title", json_string("A Quern recipe in the YAML form"));
    json_object_set_new(schema, "$defs", json_pack("{s:o, s:o, s:o}", "spec", define_spec(), "config", define_config(), "matcher", define_matcher()));
    char *dump = json_dumps(schema, JSON_INDENT(2) | JSON_SORT_KEYS);
    const char *copy = arena_printf(arena, "%s\n", dump ? dump : "{}");
    free(dump);
    json_decref(schema);
    return copy;
}
