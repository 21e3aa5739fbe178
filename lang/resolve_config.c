/* Configs: slots of a base overridden key by key, specs resolved. Schedules. In: config and schedule declarations. Out: struct
 * config with its slots in canonical order. A config derives from one other, whose slots it copies; a slot with the same key
 * replaces the base's, all others are added. */
#include "lang/resolve.h"

#include <stdlib.h>
#include <string.h>

/* ---- slots ---- */

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* The order of canonical texts: op slots before the module's, roles as in the grammar, `*` before exact keys. */
static int compare_slots(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    if (a->module != b->module)
        return a->module - b->module;
    if (a->role != b->role)
        return (int)a->role - (int)b->role;
    if (a->key != b->key)
        return (int)a->key - (int)b->key;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return compare_texts(a->name, b->name);
}

/* As the language writes the slot's key: `module input[0]`. */
static const char *slot_text(struct arena *arena, const struct ast_slot *s)
{
    const char *role = slot_role_words[s->role], *module = s->module ? "module " : "";
    switch (s->key) {
    case SLOT_KEY_NONE:
        break;
    case SLOT_KEY_INDEX:
        return arena_printf(arena, "%s%s[%lld]", module, role, (long long)s->index);
    case SLOT_KEY_NAME:
        return arena_printf(arena, "%s%s[\"%s\"]", module, role, s->name.bytes);
    }
    return arena_printf(arena, "%s%s", module, role);
}

static bool check_slot(struct resolver *r, const struct ast_slot *s)
{
    const char *fault = NULL;
    if (s->module && (s->role == SLOT_WEIGHT || s->role == SLOT_BIAS))
        fault = "a module's boundary has inputs, outputs and states";
    else if (s->key == SLOT_KEY_INDEX && s->role == SLOT_STATE)
        fault = "states have names";
    if (fault)
        diag_report(r->diags, DIAG_bad_slot, s->span, "`%s`: %s", slot_text(r->arena, s), fault);
    return !fault;
}

static struct slot slot_of(const struct ast_slot *s)
{
    return (struct slot){.module = s->module, .role = s->role, .key = s->key,
                         .index = s->key == SLOT_KEY_INDEX ? s->index : 0,
                         .name = s->key == SLOT_KEY_NAME ? s->name.bytes : NULL};
}

static struct slot *find_slot(const struct config *config, const struct slot *key)
{
    for (size_t i = 0; i < config->slot_count; i++)
        if (!compare_slots(&config->slots[i], key))
            return &config->slots[i];
    return NULL;
}

/* The first slot of the same declaration with the same key. */
static const struct ast_slot *find_earlier(const struct ast_slot *slots, const struct ast_slot *before)
{
    struct slot key = slot_of(before);
    for (const struct ast_slot *s = slots; s != before; s = s->next) {
        struct slot other = slot_of(s);
        if (!compare_slots(&other, &key))
            return s;
    }
    return NULL;
}

/* Linear in the slots; SLOTS_MAX bounds the square. */
static void add_slot(struct resolver *r, struct config *config, struct unit *unit, const struct ast_slot *s)
{
    struct slot slot = slot_of(s), *old = find_slot(config, &slot);
    if (!s->none) {
        bool named = s->spec && !s->spec->attributes && s->spec->base.text;
        slot.spec = spec_resolve(r, unit, s->spec);
        slot.spec_name = named ? s->spec->base.text : NULL;
    }
    *(old ? old : &config->slots[config->slot_count++]) = slot;
}

enum { SLOTS_MAX = 4096, SLOTS_TOTAL_MAX = 1 << 20 }; /* of one config; of all, with what they derive */

/* Errors in a slot leave it out. */
static void add_slots(struct resolver *r, struct config *config, struct unit *unit, const struct ast_slot *slots)
{
    for (const struct ast_slot *s = slots; s; s = s->next) {
        if (!check_slot(r, s))
            continue;
        const struct ast_slot *earlier = find_earlier(slots, s);
        if (earlier) {
            struct diag *d = diag_report(r->diags, DIAG_duplicate_slot, s->span, "slot `%s` is given twice", slot_text(r->arena, s));
            diag_note(r->diags, d, earlier->span, "first given here");
            continue;
        }
        add_slot(r, config, unit, s);
    }
}

/* ---- configs ---- */

static struct symbol *find_config(struct resolver *r, struct unit *unit, const struct ast_name *name)
{
    struct symbol *s = unit_find(unit, SPACE_CONFIG, name->text);
    if (s)
        resolve_config_symbol(r, s, name->span);
    else
        report_unknown(r, unit, SPACE_CONFIG, name);
    return s;
}

static size_t count_slots(const struct ast_slot *slots)
{
    size_t count = 0;
    for (; slots; slots = slots->next)
        count++;
    return count;
}

/* What the base says, with room for `more` slots.
 * is_null is not inherited: a config that says something is none. */
static void derive(struct resolver *r, struct config *config, const struct config *base, size_t more)
{
    size_t count = base ? base->slot_count : 0;
    config->slots = ARENA_ARRAY(r->arena, count + more + 1, struct slot);
    if (!base)
        return;
    memcpy(config->slots, base->slots, count * sizeof *base->slots);
    config->slot_count = count;
    config->schedule = base->schedule;
    config->extra = base->extra;
}

static const char *schedule_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name)
{
    struct symbol *s = unit_find(unit, SPACE_SCHEDULE, name->text);
    if (!s) {
        report_unknown(r, unit, SPACE_SCHEDULE, name);
        return NULL;
    }
    s->wanted = true;
    return s->full_name;
}

/* Derived slots count, since a chain of configs copies them at each link. */
static void fill_config(struct resolver *r, struct symbol *symbol, struct config *config)
{
    const struct ast_decl *decl = symbol->decl;
    struct symbol *base = decl->config.base.text ? find_config(r, symbol->unit, &decl->config.base) : NULL;
    size_t count = count_slots(decl->config.slots), inherited = base && base->config ? base->config->slot_count : 0;
    r->slots += count + inherited;
    if (count + inherited > SLOTS_MAX || r->slots > SLOTS_TOTAL_MAX) {
        diag_report(r->diags, DIAG_too_large, decl->name.span, "a config has at most %d slots, a recipe %d", SLOTS_MAX, SLOTS_TOTAL_MAX);
        return;
    }
    derive(r, config, base ? base->config : NULL, count);
    add_slots(r, config, symbol->unit, decl->config.slots);
    qsort(config->slots, config->slot_count, sizeof *config->slots, compare_slots);
    if (decl->config.schedule.text)
        config->schedule = schedule_of_name(r, symbol->unit, &decl->config.schedule);
    if (decl->config.extra)
        config->extra = decl->config.extra;
    config->is_null = decl->config.is_null;
}

void resolve_config_symbol(struct resolver *r, struct symbol *symbol, struct span use)
{
    if (symbol->state == SYMBOL_DONE || !symbol_enter(r, symbol, use))
        return;
    struct config *config = ARENA_NEW(r->arena, struct config);
    config->name = symbol->full_name;
    config->span = symbol->decl->name.span;
    fill_config(r, symbol, config);
    symbol->config = config;
    symbol_leave(r);
}

const struct config *config_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name)
{
    struct symbol *s = find_config(r, unit, name);
    if (s)
        s->wanted = true;
    return s ? s->config : NULL;
}

/* ---- schedules ---- */

enum schedule_step { ENABLE_OBSERVER, ENABLE_FAKE_QUANT, DISABLE_OBSERVER, SCHEDULE_STEPS };
static const char *const schedule_words[SCHEDULE_STEPS] = {"enable_observer", "enable_fake_quant", "disable_observer"};

/* Reads what the parser has checked: known steps, each once, whole numbers or `none`. */
static void read_schedule(const struct ast_argument *a, int64_t at[SCHEDULE_STEPS])
{
    for (; a; a = a->next)
        for (int i = 0; i < SCHEDULE_STEPS; i++)
            if (a->key.text && !strcmp(schedule_words[i], a->key.text) && a->value.kind == AST_VALUE_NUMBER)
                at[i] = a->value.number.integer;
}

/* -1: never. enable_observer <= enable_fake_quant <= disable_observer, enable_observer < disable_observer (coreai_opt's QATSchedule) */
static const char *schedule_order(const int64_t at[SCHEDULE_STEPS])
{
    if (at[ENABLE_FAKE_QUANT] < at[ENABLE_OBSERVER])
        return "fake quantization cannot begin before the observer";
    if (at[DISABLE_OBSERVER] < 0)
        return NULL;
    if (at[DISABLE_OBSERVER] <= at[ENABLE_OBSERVER])
        return "the observer cannot end before it has begun";
    return at[DISABLE_OBSERVER] < at[ENABLE_FAKE_QUANT] ? "the observer cannot end before fake quantization begins" : NULL;
}

void resolve_schedule(struct resolver *r, const struct symbol *symbol)
{
    int64_t at[SCHEDULE_STEPS] = {0, 0, -1};
    read_schedule(symbol->decl->schedule, at);
    const char *fault = schedule_order(at);
    if (fault)
        diag_report(r->diags, DIAG_bad_schedule, symbol->decl->name.span, "schedule `%s`: %s", symbol->name, fault);
}
