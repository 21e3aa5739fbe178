/* Lowering of a coreai_opt configuration to one first-match list. In: what foreign_coreai.c read. Out: configs and rules in this
 * order:
 *   levels    names, then types, then the global config; within each the entry defined last comes first
 *   an entry  reaches its module and everything inside it: `under re`, `under type`, `_`
 *   inside    op names, then op types, each the one defined last first, then the entry's own config
 *   module_*  hold where the entry takes the module itself: a rule `re` or `type` with them stands before the one without
 * Configs with equal texts are one declaration; a config without any slot and schedule is skip. docs/coreai.md. */
#include "lang/foreign_coreai.h"

#include <string.h>

/* Where a variant of a config holds; PLAIN: everywhere else. Ops are asked for in graph mode, where the op's own kind
 * decides, not its module's class. */
static const char *const variant_suffixes[COREAI_VARIANTS] = {"", "_deep", "_transposed"};
static const char *const variant_texts[COREAI_VARIANTS] = {
    NULL, "ndim > 2", "type re \"torch\\.nn\\.modules\\.conv\\.ConvTranspose[123]d\""};
static const char transposed_in_graphs[] =
    "type re \"torch\\.nn\\.modules\\.conv\\.ConvTranspose[123]d\" or op \"conv_transpose1d\" or op \"conv_transpose2d\" or op \"conv_transpose3d\"";

/* One config of the entry: its slots and what they are for. */
struct body {
    const struct coreai_slots *slots;
    bool module;            /* with the module's own slots */
    const char *schedule;
    const char *stem;       /* what the declaration is named after */
    size_t stem_size;
    const char *suffix;
    struct span span;
};

/* ---- names ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Bytes of a name made of a pattern: enough to tell by eye. */
enum { STEM_MAX = 40 };

/* Letters and digits of the stem, with `_` between them. */
static const char *make_stem(struct arena *arena, const char *stem, size_t size)
{
    struct text out = text_make(arena);
    for (size_t i = 0; i < size && out.size < STEM_MAX; i++) {
        if (!is_letter(stem[i]))
            continue;
        bool gap = out.size && i && !is_letter(stem[i - 1]);
        if (!out.size && stem[i] >= '0' && stem[i] <= '9')
            text_char(&out, '_');
        if (gap)
            text_char(&out, '_');
        text_char(&out, stem[i]);
    }
    return out.size ? text_string(&out) : "all";
}

/* Numbers from 2 on; what was given is remembered by stem, so that a thousand equal stems are linear. */
const char *coreai_name(struct coreai *c, const char *stem, size_t size, const char *suffix)
{
    bool found;
    const char *base = arena_printf(c->y->arena, "%s%s", make_stem(c->y->arena, stem, size), suffix), *name = base;
    uint32_t *next = yaml_table_at(&c->taken, base, &found);
    while (found) {
        name = arena_printf(c->y->arena, "%s_%u", base, (unsigned)(*next += 1) + 1);
        yaml_table_at(&c->taken, name, &found);
        next = yaml_table_at(&c->taken, base, &(bool){false});
    }
    return name;
}

/* ---- configs ---- */

static void add_slot(struct text *out, const struct coreai_slot *s, enum coreai_variant variant)
{
    text_printf(out, "%s%s", s->module ? "module " : "", slot_role_words[s->role]);
    if (s->key == SLOT_KEY_INDEX)
        text_printf(out, "[%lld]", (long long)s->index);
    if (s->key == SLOT_KEY_NAME) {
        text_char(out, '[');
        text_quote(out, s->name, strlen(s->name));
        text_char(out, ']');
    }
    text_char(out, ' ');
    if (s->preset)
        text_add(out, s->preset);
    else if (s->spec)
        coreai_spec_text(out, s->spec, s->role == SLOT_INPUT || s->role == SLOT_OUTPUT, variant);
    else
        text_add(out, "none");
    text_char(out, ' ');
}

static bool is_empty(const struct body *b)
{
    for (size_t i = 0; i < b->slots->count; i++)
        if (b->module || !b->slots->items[i].module)
            return false;
    return !b->schedule;
}

/* The declaration's name; NULL: skip.
 * The text is the key: two configs of one meaning and one spelling are the same. */
static const char *declare(struct coreai *c, const struct body *b, enum coreai_variant variant)
{
    struct text text = text_make(c->y->arena);
    bool found;
    if (is_empty(b))
        return NULL;
    text_add(&text, "{ ");
    for (size_t i = 0; i < b->slots->count; i++)
        if (b->module || !b->slots->items[i].module)
            add_slot(&text, &b->slots->items[i], variant);
    if (b->schedule)
        text_printf(&text, "schedule %s ", b->schedule);
    text_char(&text, '}');
    uint32_t *known = yaml_table_at(&c->bodies, text_string(&text), &found);
    if (!found) {
        const char *suffix = arena_printf(c->y->arena, "%s%s", b->suffix, variant_suffixes[variant]);
        const char *name = coreai_name(c, b->stem, b->stem_size, suffix);
        *ARENA_PUSH(c->y->arena, c->declared, c->declared_count, c->declared_capacity) = name;
        *known = (uint32_t)c->declared_count - 1;
        foreign_declare(c->y, AST_DECL_config, name, b->span, text_string(&text));
    }
    return c->declared[*known];
}

static bool varies(const struct body *b, enum coreai_variant variant)
{
    for (size_t i = 0; i < b->slots->count; i++) {
        const struct coreai_slot *s = &b->slots->items[i];
        if (s->spec && (b->module || !s->module) && coreai_spec_varies(s->spec, variant))
            return true;
    }
    return false;
}

/* ---- rules ---- */

/* NULL stands for "everything". */
static struct ast_predicate *both(struct coreai *c, struct ast_predicate *a, struct ast_predicate *b)
{
    return a && b ? foreign_and(c->y, a, b) : a ? a : b;
}

static void add_rule(struct coreai *c, struct ast_predicate *p, const char *config, struct span span, bool inert)
{
    p = p ? p : foreign_any(c->y, span);
    struct ast_rule *rule = foreign_rule(c->y, span, NULL, p, config ? AST_TARGET_CONFIG : AST_TARGET_SKIP, config);
    rule->disabled = inert;
}

const char *coreai_variant_text(enum coreai_variant variant, bool eager)
{
    return variant == COREAI_TRANSPOSED && !eager ? transposed_in_graphs : variant_texts[variant];
}

static struct ast_predicate *variant_predicate(struct coreai *c, enum coreai_variant variant, struct span span)
{
    const char *text = coreai_variant_text(variant, c->eager);
    return ast_parse_predicate(c->y->arena, c->y->source, span, text, strlen(text), c->y->diags);
}

/* Declares every variant, the plain one last. */
static void declare_all(struct coreai *c, const struct body *b)
{
    for (int v = COREAI_TRANSPOSED; v >= COREAI_PLAIN; v--)
        if (v == COREAI_PLAIN || varies(b, (enum coreai_variant)v))
            declare(c, b, (enum coreai_variant)v);
}

/* The variants before the plain config. */
static void add_rules(struct coreai *c, struct ast_predicate *p, const struct body *b, bool inert)
{
    for (int v = COREAI_TRANSPOSED; v > COREAI_PLAIN; v--)
        if (varies(b, (enum coreai_variant)v))
            add_rule(c, both(c, p, variant_predicate(c, (enum coreai_variant)v, b->span)), declare(c, b, (enum coreai_variant)v), b->span, inert);
    add_rule(c, p, declare(c, b, COREAI_PLAIN), b->span, inert);
}

/* From the last entry back: first match wins here, the last definition there. */
static void lower_ops(struct coreai *c, struct ast_predicate *under, const struct coreai_ops *ops, enum atom atom, const struct coreai_entry *entry)
{
    for (size_t i = ops->count; i--;) {
        const struct coreai_op *op = &ops->items[i];
        struct ast_predicate *own = foreign_atom(c->y, op->key.span, atom, op->key.bytes, op->key.size);
        struct body body = {.slots = &op->slots, .stem = op->key.bytes, .stem_size = op->key.size, .suffix = "_op", .span = op->key.span};
        add_rules(c, both(c, under, own), &body, entry->inert);
    }
}

static bool has_module_slots(const struct coreai_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        if (slots->items[i].module)
            return true;
    return false;
}

/* itself NULL: the global config. */
static void lower_entry(struct coreai *c, struct ast_predicate *itself, struct ast_predicate *under, const struct coreai_entry *entry, struct body body)
{
    lower_ops(c, under, &entry->config.names, ATOM_opname_re, entry);
    lower_ops(c, under, &entry->config.types, ATOM_op, entry);
    body.slots = &entry->config.slots;
    body.schedule = entry->config.schedule;
    body.span = entry->key.span;
    if (itself && has_module_slots(body.slots)) {
        struct body whole = body;
        whole.module = true;
        whole.suffix = "_module";
        add_rules(c, itself, &whole, entry->inert);
    }
    add_rules(c, under, &body, entry->inert);
}

static struct ast_predicate *make_atom(struct coreai *c, enum atom atom, const struct coreai_entry *entry)
{
    return foreign_atom(c->y, entry->key.span, atom, entry->key.bytes, entry->key.size);
}

/* A class's own name; a pattern whole. */
static struct body name_after(const struct coreai_entry *entry, bool last_segment)
{
    struct body body = {.stem = entry->key.bytes, .stem_size = entry->key.size, .suffix = ""};
    const char *dot = last_segment ? strrchr(entry->key.bytes, '.') : NULL;
    if (dot) {
        body.stem = dot + 1;
        body.stem_size = strlen(dot + 1);
    }
    return body;
}

/* The rules stand behind the declarations they name. */
static void move_match_last(struct yaml_reading *y)
{
    struct ast_decl **link = &y->ast->decls;
    while (*link != y->match)
        link = &(*link)->next;
    if (!y->match->next)
        return;
    *link = y->match->next;
    *y->end = y->match;
    y->end = &y->match->next;
    y->match->next = NULL;
}

void coreai_lower(struct coreai *c, struct span span)
{
    struct body global = {.slots = &c->global.config.slots, .schedule = c->global.config.schedule, .stem = "global", .stem_size = 6,
                          .suffix = "", .span = c->global.key.span};
    foreign_match(c->y, span);
    declare_all(c, &global); /* first, so that equal configs are called after it */
    for (size_t i = c->names.count; i--;) {
        const struct coreai_entry *e = &c->names.items[i];
        lower_entry(c, make_atom(c, ATOM_re, e), make_atom(c, ATOM_under_re, e), e, name_after(e, false));
    }
    for (size_t i = c->types.count; i--;) {
        const struct coreai_entry *e = &c->types.items[i];
        lower_entry(c, make_atom(c, ATOM_type, e), make_atom(c, ATOM_under_type, e), e, name_after(e, true));
    }
    lower_entry(c, NULL, NULL, &c->global, global);
    move_match_last(c->y);
}
