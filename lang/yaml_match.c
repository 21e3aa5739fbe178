/* `matchers` and `policy` in the YAML form: Megatron-LM's ordered matchers, first match wins, `enabled` false unless said. In:
 * nodes. Out: the match declaration. What Megatron-LM does silently (unknown keys, disabled faults) is a warning here.
 * docs/yaml.md, docs/megatron.md. */
#include "lang/yaml_read.h"

#include <stdio.h>
#include <string.h>
#include "lang/words.h"

static const char *const matcher_keys[] = {"config", "spec", "type", "pattern", "enabled", "optional", "use", "label"};
enum { MATCHER_KEY_COUNT = sizeof matcher_keys / sizeof *matcher_keys };

/* ---- predicates ---- */

/* The atom whose yaml_type in atoms.def is the matcher's, or -1. */
static int find_atom(const struct yaml_node *type)
{
    for (int i = 0; i < ATOM_COUNT; i++)
        if (yaml_is(type, atom_rows[i].yaml_type))
            return i;
    return -1;
}

/* Users of both spellings try `re search` here; the help gives the YAML word. */
static void report_type(struct yaml_reading *y, const struct yaml_node *type)
{
    const char *words[ATOM_COUNT + 1] = {[ATOM_COUNT] = "expr"};
    struct diag *diag = diag_report(y->diags, DIAG_yaml_matcher_type, type->span, "there is no matcher type `%s`", type->text);
    for (int i = 0; i < ATOM_COUNT; i++) {
        words[i] = atom_rows[i].yaml_type;
        if (yaml_is(type, atom_rows[i].words)) { /* the .qr spelling */
            diag_help(y->diags, diag, "did you mean `%s`?", words[i]);
            return;
        }
    }
    yaml_help_nearest(y, diag, type->text, words, ATOM_COUNT + 1);
}

/* Atoms of closed sets take one of the set's words. */
static bool check_word(struct yaml_reading *y, int atom, const struct yaml_node *pattern)
{
    if (atom != ATOM_role && atom != ATOM_dtype)
        return true;
    enum word_set set = atom == ATOM_role ? WORDS_role : WORDS_dtype;
    return word_expect(set, pattern->text, NULL, pattern->span, y->diags) >= 0;
}

/* One atom: what the type says, with the pattern as its string. */
static struct ast_predicate *read_atom(struct yaml_reading *y, const struct yaml_node *type, const struct yaml_node *pattern)
{
    int atom = find_atom(type);
    if (atom < 0) {
        report_type(y, type);
        return NULL;
    }
    if (!yaml_expect(y, pattern, YAML_STRING, "a string as pattern") || !check_word(y, atom, pattern))
        return NULL;
    struct ast_predicate *predicate = ARENA_NEW(y->arena, struct ast_predicate);
    predicate->kind = AST_ATOM;
    predicate->span = pattern->span;
    predicate->atom = (enum atom)atom;
    predicate->pattern = yaml_string(pattern);
    return predicate;
}

static struct ast_predicate *read_predicate(struct yaml_reading *y, const struct yaml_node *type, const struct yaml_node *pattern)
{
    if (!yaml_expect(y, type, YAML_STRING, "a matcher type"))
        return NULL;
    return yaml_is(type, "expr") ? yaml_predicate(y, pattern) : read_atom(y, type, pattern);
}

/* ---- one matcher ---- */

struct matcher {
    const char *name; /* for messages */
    struct span span; /* of the name */
    const struct yaml_node *body;
};

/* Missing and null are the same, as in Megatron-LM. */
static const struct yaml_node *get_given(const struct matcher *m, const char *key)
{
    const struct yaml_node *node = yaml_get(m->body, key);
    return node && (node->kind != YAML_NULL || node->bad) ? node : NULL;
}

/* The value, or NULL after the message that it is missing. */
static const struct yaml_node *get_needed(struct yaml_reading *y, const struct matcher *m, const char *key)
{
    const struct yaml_node *node = get_given(m, key);
    if (!node)
        diag_report(y->diags, DIAG_yaml_matcher, m->span, "the matcher `%s` has no `%s`", m->name, key);
    return node;
}

/* `config: skip` beside a config of that name is most likely a mistake. */
static void warn_skip(struct yaml_reading *y, const struct yaml_node *node)
{
    for (size_t i = 0; !y->warned_skip && y->configs && y->configs->kind == YAML_MAPPING && i < y->configs->count; i++) {
        if (!yaml_is(y->configs->pairs[i].key, "skip"))
            continue;
        struct diag *diag = diag_report(y->diags, DIAG_yaml_skip_config, node->span, "`config: skip` skips; it does not mean the config `skip`");
        diag_note(y->diags, diag, y->configs->pairs[i].key->span, "the config is here");
        diag_help(y->diags, diag, "to mean the config write `config: {name: skip}`");
        y->warned_skip = true;
    }
}

/* `skip`, a config's key, or {name: KEY} for a config that is called `skip`. */
static bool read_config_target(struct yaml_reading *y, struct ast_rule *rule, const struct yaml_node *node)
{
    if (yaml_is(node, "skip")) {
        rule->target = AST_TARGET_SKIP;
        warn_skip(y, node);
        return true;
    }
    const struct yaml_node *name = yaml_get(node, "name");
    if (node->kind == YAML_MAPPING && node->count == 1 && name)
        node = name;
    if (!yaml_expect_name(y, node, "a config's key or `skip`"))
        return false;
    rule->target = AST_TARGET_CONFIG;
    rule->name = yaml_config_name(y, node);
    return true;
}

/* Exactly one of `config` and `spec`. */
static bool read_target(struct yaml_reading *y, const struct matcher *m, struct ast_rule *rule)
{
    const struct yaml_node *spec = get_given(m, "spec"), *config = get_given(m, "config");
    if (spec && config) {
        diag_report(y->diags, DIAG_yaml_matcher, spec->span, "the matcher `%s` has a `config` and a `spec`", m->name);
        return false;
    }
    if (!spec) {
        config = get_needed(y, m, "config");
        return config && read_config_target(y, rule, config);
    }
    rule->target = AST_TARGET_SPEC;
    if (!yaml_expect_name(y, spec, "a spec's name"))
        return false;
    rule->name = yaml_ast_name(y, spec);
    return true;
}

/* Everything of an enabled matcher but its label. All faults are reported before it gives up. */
static bool read_rule(struct yaml_reading *y, const struct matcher *m, struct ast_rule *rule)
{
    const struct yaml_node *optional = yaml_get(m->body, "optional"), *use = get_given(m, "use");
    rule->optional = optional && yaml_truth(optional);
    if (use) {
        rule->use = yaml_ast_name(y, use);
        return yaml_expect(y, use, YAML_STRING, "the name of an import");
    }
    const struct yaml_node *type = get_needed(y, m, "type"), *pattern = get_needed(y, m, "pattern");
    bool good = read_target(y, m, rule);
    rule->predicate = type && pattern ? read_predicate(y, type, pattern) : NULL;
    return good && rule->predicate;
}

/* ---- enabled ---- */

/* Python's truth of the value, as Megatron-LM takes it: the string "False" is true, which is worth a warning. */
bool yaml_enabled(struct yaml_reading *y, const char *name, struct span span, const struct yaml_node *body)
{
    const struct yaml_node *enabled = yaml_get(body, "enabled");
    if (!enabled) {
        struct diag *diag = diag_report(y->diags, DIAG_yaml_disabled, span, "the matcher `%s` has no `enabled`, so it is disabled", name);
        diag_help(y->diags, diag, "add `enabled: True`, or `enabled: False` to keep it off");
        return false;
    }
    bool truth = yaml_truth(enabled);
    bool odd = enabled->kind == YAML_STRING || enabled->kind == YAML_SEQUENCE || enabled->kind == YAML_MAPPING;
    if (truth && odd && !enabled->bad) {
        const char *text = enabled->kind == YAML_STRING ? arena_printf(y->arena, "the string \"%s\"", enabled->text)
                                                        : yaml_kind_words[enabled->kind];
        struct diag *diag = diag_report(y->diags, DIAG_yaml_enabled, enabled->span,
                                        "`enabled` is %s, which counts as true", text);
        diag_help(y->diags, diag, "write True or False without quotes");
    }
    return truth;
}

/* Megatron-LM ignores unknown fields silently; here they are warnings, disabled matchers included. */
static void warn_unknown_keys(struct yaml_reading *y, const struct matcher *m)
{
    for (size_t i = 0; i < m->body->count; i++) {
        const struct yaml_node *key = m->body->pairs[i].key;
        bool known = false;
        for (size_t k = 0; k < MATCHER_KEY_COUNT; k++)
            known |= yaml_is(key, matcher_keys[k]);
        if (known)
            continue;
        struct diag *diag = diag_report(y->diags, DIAG_yaml_unknown_key, key->span, "the key `%s` of the matcher `%s` is not read",
                                        key->text, m->name);
        yaml_help_nearest(y, diag, key->text, matcher_keys, MATCHER_KEY_COUNT);
    }
}

/* A disabled matcher is kept when it can be read; what is wrong with it is a warning.
 * Its messages go to diagnostics of their own, which are dropped. */
static bool read_disabled(struct yaml_reading *y, const struct matcher *m, struct ast_rule *rule)
{
    struct diags *diags = y->diags, scratch;
    diags_init(&scratch, y->arena);
    y->diags = &scratch;
    bool good = read_rule(y, m, rule);
    y->diags = diags;
    if (!good || scratch.errors)
        diag_report(diags, DIAG_yaml_unchecked, m->span, "the disabled matcher `%s` is left out; enabled it would be an error: %s",
                    m->name, scratch.first ? scratch.first->text : "it cannot be read");
    return good && !scratch.errors;
}

static struct ast_rule *read_matcher(struct yaml_reading *y, const struct matcher *m)
{
    if (!yaml_expect(y, m->body, YAML_MAPPING, "a matcher: a mapping with `type`, `pattern` and `config`"))
        return NULL;
    struct ast_rule *rule = ARENA_NEW(y->arena, struct ast_rule);
    rule->span = span_join(m->span, m->body->span);
    warn_unknown_keys(y, m);
    rule->disabled = !yaml_enabled(y, m->name, m->span, m->body);
    bool good = rule->disabled ? read_disabled(y, m, rule) : read_rule(y, m, rule);
    return good ? rule : NULL;
}

/* ---- all of them ---- */

/* `policy` and `matchers` are one declaration, whichever comes first. */
static struct ast_decl *get_match(struct yaml_reading *y, const struct yaml_pair *pair)
{
    if (!y->match)
        y->match = yaml_add_decl(y, AST_DECL_match, NULL, span_join(pair->key->span, pair->value->span));
    return y->match;
}

/* A mapping's keys are the labels. */
static struct ast_rule *read_labelled(struct yaml_reading *y, const struct yaml_pair *pair)
{
    if (!yaml_check_string(y, pair->key))
        return NULL;
    struct matcher m = {pair->key->text, pair->key->span, pair->value};
    struct ast_rule *rule = read_matcher(y, &m);
    if (rule)
        rule->label = yaml_ast_name(y, pair->key);
    return rule;
}

/* In a list a label is a key of its own, or there is none. */
static struct ast_rule *read_listed(struct yaml_reading *y, const struct yaml_node *body, size_t index)
{
    const struct yaml_node *label = yaml_get(body, "label");
    if (label && !yaml_expect_name(y, label, "a label"))
        return NULL;
    struct matcher m = {label ? label->text : arena_printf(y->arena, "%zu", index + 1), body->span, body};
    struct ast_rule *rule = read_matcher(y, &m);
    if (rule && label)
        rule->label = yaml_ast_name(y, label);
    return rule;
}

void yaml_read_matchers(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *matchers = pair->value;
    if (matchers->kind == YAML_NULL && !matchers->bad)
        return;
    if (matchers->kind != YAML_SEQUENCE && !yaml_expect(y, matchers, YAML_MAPPING, "a mapping or a list of matchers"))
        return;
    struct ast_rule **end = &get_match(y, pair)->match.rules;
    for (size_t i = 0; i < matchers->count; i++) {
        struct ast_rule *rule = matchers->kind == YAML_MAPPING ? read_labelled(y, &matchers->pairs[i])
                                                               : read_listed(y, matchers->items[i], i);
        if (!rule)
            continue;
        *end = rule;
        end = &rule->next;
    }
}

/* `first`, `last`, `specific`, `specific compat code`: the words after `match` in the .qr spelling. */
void yaml_read_policy(struct yaml_reading *y, const struct yaml_pair *pair)
{
    struct span span = pair->value->span;
    if (!yaml_expect(y, pair->value, YAML_STRING, "`first`, `last` or `specific`"))
        return;
    char first[16] = "", compat[16] = "", mode[16] = "", rest = 0;
    int words = sscanf(pair->value->text, "%15s %15s %15s %c", first, compat, mode, &rest);
    int winner = word_expect(WORDS_winner, first, NULL, span, y->diags);
    if (winner < 0)
        return;
    enum ast_policy policies[] = {AST_FIRST, AST_LAST, AST_SPECIFIC_CODE};
    int doc = words == 3 && !strcmp(compat, "compat") && winner == 2 ? word_expect(WORDS_compat, mode, "compat", span, y->diags) : 0;
    if (words != 1 && !(words == 3 && !strcmp(compat, "compat") && winner == 2))
        yaml_report_shape(y, pair->value, "`first`, `last`, `specific`, `specific compat code` or `specific compat doc`");
    get_match(y, pair)->match.policy = doc == 1 ? AST_SPECIFIC_DOC : policies[winner];
}

/* ---- sets ---- */

/* A predicate in the .qr spelling, or {type: …, pattern: …}. */
static void read_set(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *body = pair->value, *type = yaml_get(body, "type"), *pattern = yaml_get(body, "pattern");
    if (body->kind == YAML_MAPPING && (!type || !pattern || body->count != 2)) {
        diag_report(y->diags, DIAG_yaml_shape, body->span, "expected a set with `type` and `pattern`, or a predicate in the .qr spelling");
        return;
    }
    struct ast_predicate *predicate = body->kind == YAML_MAPPING ? read_predicate(y, type, pattern) : yaml_predicate(y, body);
    if (predicate)
        yaml_add_decl(y, AST_DECL_set, pair->key, span_join(pair->key->span, body->span))->set = predicate;
}

void yaml_read_sets(struct yaml_reading *y, const struct yaml_pair *pair)
{
    if (pair->value->kind == YAML_NULL || !yaml_expect(y, pair->value, YAML_MAPPING, "a mapping of sets"))
        return;
    for (size_t i = 0; i < pair->value->count; i++)
        read_set(y, &pair->value->pairs[i]);
}
