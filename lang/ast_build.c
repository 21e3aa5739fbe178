/* Builder of the .qr grammar: declarations, configs, rules, steps and expectations. One call for each action of
 * qr_parse.y; checks what the grammar leaves open (closed words, ranges, what may be said once). Functions that
 * return NULL have reported why; lists drop NULLs. */
#include "lang/qr.h"

#include <string.h>

/* A string where a name stands: it may hold anything, and means no namespace. */
struct ast_name qr_name_of(struct ast_string string)
{
    return (struct ast_name){.text = string.bytes, .quoted = true, .span = string.span};
}

/* The name a declaration introduces: bare, it has no dot. */
struct ast_name qr_declared(struct qr_parse *parse, struct ast_name name)
{
    if (!name.quoted && strchr(name.text, '.')) {
        struct diag *diag = diag_report(parse->diags, DIAG_dotted_name, name.span,
                                        "`%s` cannot be declared: a dot leads into an import's namespace", name.text);
        diag_help(parse->diags, diag, "write \"%s\" to have a dot in the name", name.text);
    }
    return name;
}

/* ---- declarations ---- */

/* kind is the grammar's guess; qr_decl and ast_parse_body set the one that was written. */
static struct ast_decl *make_decl(struct qr_parse *parse, enum ast_decl_kind kind)
{
    struct ast_decl *decl = ARENA_NEW(parse->arena, struct ast_decl);
    decl->kind = kind;
    decl->span = parse->whole;
    return decl;
}

void qr_add_decl(struct qr_parse *parse, struct ast_decl *decl)
{
    parse->decls = decl_list_add(parse->decls, decl);
}

/* Completes what a body made: the keyword's kind, the name where one is declared, the whole place. */
struct ast_decl *qr_decl(enum ast_decl_kind kind, struct ast_name name, struct ast_decl *body, struct span span)
{
    body->kind = kind;
    body->span = span;
    if (name.text)
        body->name = name;
    return body;
}

/* recipe "llama-w4" version 1 */
struct ast_decl *qr_recipe(struct qr_parse *parse, struct ast_string name, const struct ast_number *version)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_recipe);
    decl->name = qr_name_of(name);
    decl->recipe.has_version = version != NULL;
    decl->recipe.version = version ? version->integer : 0;
    return decl;
}

/* import "base.qr" as base */
struct ast_decl *qr_import(struct qr_parse *parse, struct ast_string path, struct ast_name as)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_import);
    decl->import.path = path;
    decl->import.as = as;
    return decl;
}

/* format e3m4 = float(e = 3, m = 4). format NULL: its fault was reported. */
struct ast_decl *qr_format(struct qr_parse *parse, struct ast_format *format)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_format);
    if (format)
        decl->format = *format;
    return decl;
}

/* spec w4 = int4 per group(128) */
struct ast_decl *qr_spec_decl(struct qr_parse *parse, struct ast_spec *spec)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_spec);
    decl->spec = spec;
    return decl;
}

/* set edges = layer in 0..1 */
struct ast_decl *qr_set(struct qr_parse *parse, struct ast_predicate *predicate)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_set);
    decl->set = predicate;
    return decl;
}

/* alias attn = "layers/self_attn" */
struct ast_decl *qr_alias(struct qr_parse *parse, struct ast_string query)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_alias);
    decl->alias = query;
    return decl;
}

/* group kv = "{p}.k_proj" "{p}.v_proj" */
struct ast_decl *qr_group(struct qr_parse *parse, struct qr_strings members)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_group);
    decl->group.members = members.items;
    decl->group.count = members.count;
    return decl;
}

/* schedule qat { enable_observer 0  disable_observer none } */
struct ast_decl *qr_schedule(struct qr_parse *parse, struct argument_list steps)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_schedule);
    decl->schedule = steps.first;
    return decl;
}

/* prepare { … } and algorithm { … }; whether a step exists is the resolver's to say (steps.def). */
struct ast_decl *qr_steps(struct qr_parse *parse, struct step_list steps)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_prepare);
    decl->steps = steps.first;
    return decl;
}

/* match first { … } */
struct ast_decl *qr_match(struct qr_parse *parse, enum ast_policy policy, struct rule_list rules)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_match);
    decl->match.policy = policy;
    decl->match.rules = rules.first;
    return decl;
}

/* expect { … } */
struct ast_decl *qr_expects(struct qr_parse *parse, struct expect_list expects)
{
    struct ast_decl *decl = make_decl(parse, AST_DECL_expect);
    decl->expects = expects.first;
    return decl;
}

struct qr_strings qr_strings_add(struct qr_parse *parse, struct qr_strings strings, struct ast_string string)
{
    *ARENA_PUSH(parse->arena, strings.items, strings.count, strings.capacity) = string;
    return strings;
}

/* ---- configs ---- */

/* The empty config that the items are added to. */
struct ast_decl *qr_config(struct qr_parse *parse)
{
    return make_decl(parse, AST_DECL_config);
}

/* `config NAME = none`: the null payload of the YAML form. */
struct ast_decl *qr_config_null(struct qr_parse *parse)
{
    struct ast_decl *config = make_decl(parse, AST_DECL_config);
    config->config.is_null = true;
    return config;
}

/* config kv = attn { … } */
struct ast_decl *qr_config_base(struct ast_decl *config, struct ast_name base)
{
    config->config.base = base;
    return config;
}

/* Slots are appended in source order; two for one place are the resolver's to refuse. */
struct ast_decl *qr_config_slot(struct qr_parse *parse, struct ast_decl *config, struct ast_slot *slot)
{
    if (!slot)
        return config;
    if (config->config.slots)
        parse->last_slot->next = slot;
    else
        config->config.slots = slot;
    parse->last_slot = slot;
    return config;
}

static void report_twice(struct qr_parse *parse, const char *what, struct span span)
{
    diag_report(parse->diags, DIAG_given_twice, span, "%s is given twice in one config", what);
}

struct ast_decl *qr_config_schedule(struct qr_parse *parse, struct ast_decl *config, struct ast_name name, struct span span)
{
    if (config->config.schedule.text)
        report_twice(parse, "`schedule`", span);
    config->config.schedule = name;
    return config;
}

/* json: the flow mapping as JSON, with the place of what was written */
struct ast_decl *qr_config_extra(struct qr_parse *parse, struct ast_decl *config, struct ast_string json, struct span span)
{
    if (config->config.extra)
        report_twice(parse, "`extra`", span);
    config->config.extra = json.bytes;
    config->config.extra_span = json.span;
    return config;
}

/* spec NULL: `none`, the slot is off */
struct ast_slot *qr_slot(struct qr_parse *parse, int role, struct qr_key key, struct ast_spec *spec, struct span span)
{
    struct ast_slot *slot = ARENA_NEW(parse->arena, struct ast_slot);
    *slot = (struct ast_slot){.span = span, .role = (enum slot_role)role, .key = key.kind, .index = key.index,
                              .name = key.name, .none = !spec, .spec = spec};
    return slot;
}

/* module input[0] S: the boundary of the module as a whole */
struct ast_slot *qr_module_slot(struct ast_slot *slot, struct span span)
{
    slot->module = true;
    slot->span = span;
    return slot;
}

struct qr_key qr_key_index(struct qr_parse *parse, struct ast_number number)
{
    if (number.integer < 0 || number.integer > INT32_MAX) {
        diag_report(parse->diags, DIAG_number_range, number.span, "an index lies between 0 and %d, saw %s", INT32_MAX, number.spelling);
        number.integer = 0;
    }
    return (struct qr_key){.kind = SLOT_KEY_INDEX, .index = number.integer};
}

/* "*" is every one, as no key at all. */
struct qr_key qr_key_name(struct ast_string name)
{
    if (name.size == 1 && name.bytes[0] == '*')
        return (struct qr_key){0};
    return (struct qr_key){.kind = SLOT_KEY_NAME, .name = name};
}

/* ---- rules ---- */

/* What follows `=>`; the predicate and the flags are put in by the calls below. */
struct ast_rule *qr_rule(struct qr_parse *parse, enum ast_target_kind target, struct ast_name name)
{
    struct ast_rule *rule = ARENA_NEW(parse->arena, struct ast_rule);
    rule->target = target;
    rule->name = name;
    return rule;
}

struct ast_rule *qr_rule_predicate(struct ast_rule *rule, struct ast_predicate *predicate)
{
    rule->predicate = predicate;
    return rule;
}

struct ast_rule *qr_rule_flags(struct ast_rule *rule, struct ast_name label, struct qr_flags flags, struct span span)
{
    rule->label = label;
    rule->disabled = flags.disabled;
    rule->optional = flags.optional;
    rule->span = span;
    return rule;
}

/* use ns; the label serves the YAML form, where every matcher has a key */
struct ast_rule *qr_use(struct qr_parse *parse, struct ast_name label, struct ast_name name, struct span span)
{
    struct ast_rule *rule = ARENA_NEW(parse->arena, struct ast_rule);
    rule->label = label;
    rule->use = name;
    rule->span = span;
    return rule;
}

/* compat.text NULL: `compat` was not written */
enum ast_policy qr_policy(struct qr_parse *parse, struct ast_name word, struct ast_name compat)
{
    static const enum ast_policy policies[] = {AST_FIRST, AST_LAST, AST_SPECIFIC_CODE};
    int winner = word_expect(WORDS_winner, word.text, "`match`", word.span, parse->diags);
    int which = compat.text ? word_expect(WORDS_compat, compat.text, "`compat`", compat.span, parse->diags) : 0;
    enum ast_policy policy = winner < 0 ? AST_FIRST : policies[winner];
    if (compat.text && winner >= 0 && policy != AST_SPECIFIC_CODE)
        diag_report(parse->diags, DIAG_syntax, compat.span, "`compat` belongs to `match specific`, not to `match %s`", word.text);
    return policy == AST_SPECIFIC_CODE && which == 1 ? AST_SPECIFIC_DOC : policy;
}

/* ---- prepare, algorithm, expect ---- */

/* equalize(alpha = 0.5) where glob "*.mlp.*" */
struct ast_step *qr_step(struct qr_parse *parse, struct ast_name name, struct argument_list arguments, struct ast_predicate *where, struct span span)
{
    struct ast_step *step = ARENA_NEW(parse->arena, struct ast_step);
    *step = (struct ast_step){.name = name, .arguments = arguments.first, .where = where, .span = span};
    return step;
}

/* What follows `=>`: no_rule for `none`, config for a name. */
struct ast_expect *qr_expect_target(struct qr_parse *parse, enum ast_target_kind target, bool no_rule, struct ast_name config)
{
    struct ast_expect *expect = ARENA_NEW(parse->arena, struct ast_expect);
    *expect = (struct ast_expect){.target = target, .no_rule = no_rule, .config = config};
    return expect;
}

struct ast_expect *qr_expect(struct ast_expect *expect, enum ast_expect_kind kind, struct ast_string name, struct span span)
{
    expect->kind = kind;
    expect->name = name;
    expect->span = span;
    return expect;
}

/* bits_per_weight < 6.0 */
struct ast_expect *qr_expect_quantity(struct qr_parse *parse, struct ast_name quantity, int comparison, struct ast_number value, struct span span)
{
    if (word_expect(WORDS_quantity, quantity.text, NULL, quantity.span, parse->diags) < 0)
        return NULL;
    struct ast_expect *expect = ARENA_NEW(parse->arena, struct ast_expect);
    *expect = (struct ast_expect){.kind = AST_EXPECT_QUANTITY, .span = span, .quantity = quantity,
                                  .comparison = (enum ast_comparison)comparison, .value = value};
    return expect;
}
