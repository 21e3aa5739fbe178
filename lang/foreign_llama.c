/* llama.cpp's --tensor-type lists, as a file: `PATTERN=TYPE` in words between blanks, or behind commas. A pattern is read in
 * lower case and searched in tensor names; the first that is found decides, for tensors whose names end in "weight".
 * docs/llama-cpp.md. */
#include "lang/foreign.h"

#include <ctype.h>
#include <string.h>
#include "lang/foreign_write.h"
#include "lang/yaml_tree.h"

static const struct ggml_type {
    const char *name, *spec;
} types[] = {
#define GGML_TYPE(name, spec) {name, spec},
#include "lang/ggml.def"
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

static const char weights[] = "*weight";

/* ---- the text as a tree: a list of strings ---- */

static bool is_blank(char c)
{
    return c && strchr(" \t\r\n\v\f", c);
}

/* A comma parts entries once a type has begun: in a pattern it may stand in braces. */
static uint32_t entry_end(const struct source *source, uint32_t at)
{
    bool in_type = false;
    for (; at < source->size && !is_blank(source->bytes[at]) && !(in_type && source->bytes[at] == ','); at++)
        in_type |= source->bytes[at] == '=';
    return at;
}

/* Every text is a list of entries: what is wrong with one is the reader's to say. */
struct yaml_document *foreign_parse_llama(struct arena *arena, struct source *source, struct diags *diags)
{
    struct yaml_document *document = ARENA_NEW(arena, struct yaml_document);
    struct yaml_node *root = ARENA_NEW(arena, struct yaml_node);
    size_t capacity = 0;
    (void)diags;
    *root = (struct yaml_node){.kind = YAML_SEQUENCE, .span = {source, 0, (uint32_t)source->size}};
    for (uint32_t at = 0, end; at < source->size; at = end) {
        end = at + 1;
        if (is_blank(source->bytes[at]) || source->bytes[at] == ',')
            continue;
        end = entry_end(source, at);
        struct yaml_node *entry = ARENA_NEW(arena, struct yaml_node);
        *entry = (struct yaml_node){.kind = YAML_STRING, .span = {source, at, end}, .text = arena_copy(arena, source->bytes + at, end - at), .size = end - at};
        *ARENA_PUSH(arena, root->items, root->count, capacity) = entry;
    }
    *document = (struct yaml_document){.source = source, .root = root->count ? root : NULL};
    return document;
}

/* ---- entries ---- */

struct llama {
    struct yaml_reading *y;
    bool declared[TYPE_COUNT];
};

/* -1 after a message. Types are compared in any case. */
static int find_type(struct llama *l, const char *word, struct span span)
{
    const char *words[TYPE_COUNT];
    for (int i = 0; i < TYPE_COUNT; i++) {
        words[i] = types[i].name;
        if (!strcasecmp(word, words[i]))
            return i;
    }
    struct diag *diag = diag_report(l->y->diags, DIAG_llama_refused, span, "ggml has no type `%s`", word);
    yaml_help_nearest(l->y, diag, word, words, TYPE_COUNT);
    return -1;
}

/* A number format's own name cannot be a spec's. */
static const char *spec_name(struct llama *l, int type)
{
    bool taken = format_find(types[type].name) && !preset_find(types[type].name);
    return taken ? arena_printf(l->y->arena, "ggml_%s", types[type].name) : types[type].name;
}

/* What a type is here: a spec, a config that only keeps its name, or, stored as it is, nothing. */
static enum ast_target_kind declare_type(struct llama *l, int type, struct span span)
{
    const struct ggml_type *t = &types[type];
    bool declared = l->declared[type];
    l->declared[type] = true;
    if (t->spec && !*t->spec)
        return AST_TARGET_SKIP;
    if (t->spec && !declared && !preset_find(t->name))
        foreign_declare(l->y, AST_DECL_spec, spec_name(l, type), span, arena_printf(l->y->arena, "= %s", t->spec));
    if (!t->spec && !declared) {
        foreign_declare(l->y, AST_DECL_config, t->name, span, arena_printf(l->y->arena, "{ extra {ggml_type: %s} }", t->name));
        diag_report(l->y->diags, DIAG_foreign_kept, span, "no spec does what ggml's `%s` does; its name is kept as extra", t->name);
    }
    return t->spec ? AST_TARGET_SPEC : AST_TARGET_CONFIG;
}

/* In lower case as llama-quantize reads it, escapes too: `\D` becomes `\d`. */
static struct ast_predicate *make_predicate(struct llama *l, struct span span, const char *pattern, size_t size)
{
    char *lower = arena_copy(l->y->arena, pattern, size);
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    if (memcmp(lower, pattern, size))
        diag_report(l->y->diags, DIAG_foreign_ignored, span, "patterns are read in lower case: `%s`", lower);
    return foreign_and(l->y, foreign_atom(l->y, span, ATOM_param_re_search, lower, size),
                       foreign_atom(l->y, span, ATOM_param_glob, weights, sizeof weights - 1));
}

static void read_entry(struct llama *l, const struct yaml_node *entry)
{
    const char *sign = strchr(entry->text, '=');
    if (!sign || sign == entry->text || !sign[1]) {
        diag_report(l->y->diags, DIAG_llama_refused, entry->span, "expected PATTERN=TYPE, saw `%s`", entry->text);
        return;
    }
    uint32_t at = (uint32_t)(sign - entry->text);
    struct span pattern = {entry->span.source, entry->span.begin, entry->span.begin + at};
    struct span word = {entry->span.source, pattern.end + 1, entry->span.end};
    int type = find_type(l, sign + 1, word);
    if (type < 0)
        return;
    enum ast_target_kind target = declare_type(l, type, word);
    const char *name = target == AST_TARGET_SPEC ? spec_name(l, type) : types[type].name;
    foreign_rule(l->y, entry->span, NULL, make_predicate(l, pattern, entry->text, at), target, name);
}

void foreign_read_llama(struct yaml_reading *y, const struct yaml_node *root)
{
    struct llama l = {.y = y};
    for (size_t i = 0; i < root->count; i++)
        read_entry(&l, root->items[i]);
}

/* ---- writing ---- */

/* The type of a spec, by the specs the reader makes; NULL: none.
 * Types of one spec (aliases) give the first of ggml.def. */
static const char *type_of_spec(struct arena *arena, const struct spec *spec)
{
    struct diags scratch;
    diags_init(&scratch, arena);
    for (int i = 0; i < TYPE_COUNT; i++) {
        const struct spec *made = types[i].spec && *types[i].spec ? spec_parse(arena, types[i].spec, &scratch) : NULL;
        if (made && spec_same(made, spec))
            return types[i].name;
    }
    return NULL;
}

/* A config that an import made, or one whose only slot is the weight. */
static const char *type_of_config(struct arena *arena, const struct config *config)
{
    for (int i = 0; config->extra && !config->slot_count && i < TYPE_COUNT; i++)
        if (!strcmp(config->extra, arena_printf(arena, "{\"ggml_type\":\"%s\"}", types[i].name)))
            return types[i].name;
    bool weight = !config->extra && config->slot_count == 1 && config->slots[0].role == SLOT_WEIGHT && config->slots[0].spec;
    return weight ? type_of_spec(arena, config->slots[0].spec) : NULL;
}

static const char *type_of_rule(struct foreign_writing *w, const struct rule *rule)
{
    const char *type = rule->target == AST_TARGET_SKIP     ? "f32"
                       : rule->target == AST_TARGET_SPEC ? type_of_spec(w->out->arena, rule->spec)
                                                         : type_of_config(w->out->arena, rule->config);
    if (!type)
        foreign_refuse(w, rule->span, "what `%s` says: no type of ggml does it", rule->name);
    return type;
}

/* `param re search P and param glob "*weight"`, in either order, or the name of a weight. NULL: neither. */
static const char *pattern_of(struct arena *arena, const struct ast_predicate *p)
{
    const struct ast_predicate *left = p->kind == AST_AND ? p->left : p, *right = p->kind == AST_AND ? p->right : NULL;
    bool swapped = right && left->kind == AST_ATOM && left->atom == ATOM_param_glob;
    const struct ast_predicate *search = swapped ? right : left, *end = swapped ? left : right;
    struct text name = text_make(arena);
    if (right && end->kind == AST_ATOM && end->atom == ATOM_param_glob && !strcmp(end->pattern.bytes, weights))
        return search->kind == AST_ATOM && search->atom == ATOM_param_re_search ? search->pattern.bytes : NULL;
    size_t size = p->pattern.size;
    if (p->kind != AST_ATOM || p->atom != ATOM_param_name || size < 6 || strcmp(p->pattern.bytes + size - 6, "weight"))
        return NULL;
    text_char(&name, '^');
    foreign_escape_regex(&name, p->pattern.bytes, size);
    text_char(&name, '$');
    return text_string(&name);
}

/* What a list cannot hold: capitals are read as small letters, blanks and signs end a pattern. */
static bool is_writable(const char *pattern)
{
    for (const char *c = pattern; *c; c++)
        if (isupper((unsigned char)*c) || is_blank(*c) || *c == '=')
            return false;
    return *pattern && *pattern != ',';
}

bool foreign_write_llama(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct foreign_writing w = {out, recipe, diags, "llama-quantize", false};
    size_t count = foreign_rule_count(recipe);
    foreign_refuse_extras(&w, false);
    if (!count)
        foreign_refuse(&w, (struct span){recipe->ast->source, 0, 0}, "a recipe without a rule: a list has an entry");
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &recipe->rules[i];
        const char *type = type_of_rule(&w, rule), *pattern = pattern_of(out->arena, rule->predicate);
        if (!pattern)
            foreign_refuse(&w, rule->predicate->span, "this predicate: it is `param re search \"…\" and param glob \"*weight\"`, or the name of a weight");
        else if (!is_writable(pattern))
            foreign_refuse(&w, rule->predicate->span, "a pattern with capitals, blanks, `=` or a comma in front");
        else if (type)
            text_printf(out, "%s=%s\n", pattern, type);
    }
    return !w.refused;
}
