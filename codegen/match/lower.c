/* Lowering: the recipe's rules to predicates over labels and guards, patterns to regexes. In: resolved predicates. Out: a
 * predicate for each rule, labels with their regexes, tables of exact names; false after diagnostics at the patterns' places.
 * Rule: an atom is a field and a language (lang/atoms.def); what an atom means for a name is in docs/language.md, for Python's
 * re, fnmatch and FastForward's mpath in the parsers. With names_only whatever is not in a module path is unknown. See
 * matcher.h. */
#include <string.h>
#include "codegen/match/matcher.h"
#include "codegen/match/mpath.h"

struct memo {
    const struct ast_predicate *key;
    uint32_t pred;
};
struct lowering {
    struct matcher *m;
    struct program *p;
    struct diags *diags;
    bool failed;
    unsigned depth;
    struct mpath_parser mpath;
    struct span faulty; /* the last one reported: rules may share a pattern */
    struct memo *memos; /* of sets, so that each is lowered once */
    size_t memo_count, memo_slots;
};

/* ---- patterns ---- */

/* A pattern that several rules share is reported once. */
static void report_fault(struct lowering *l, const struct ast_string *s, const struct regex_fault *fault)
{
    struct span span = pattern_span(s, fault->begin, fault->end);
    bool said = l->faulty.source == span.source && l->faulty.begin == span.begin && l->faulty.end == span.end && span.source;
    l->failed = true;
    l->faulty = span;
    if (said)
        return;
    switch (fault->kind) {
    case REGEX_FAULT_NONE:
        break;
    case REGEX_FAULT_PYTHON:
        diag_report(l->diags, DIAG_bad_regex, span, "Python's re refuses this pattern: %s", fault->message);
        break;
    case REGEX_FAULT_NOT_REGULAR:
        diag_report(l->diags, DIAG_not_regular, span, "%s", fault->message);
        break;
    case REGEX_FAULT_NAME: {
        struct diag *d = diag_report(l->diags, DIAG_character_name, span, "%s", fault->message);
        diag_help(l->diags, d, "write the character itself, or \\uXXXX");
        break;
    }
    case REGEX_FAULT_LIMIT:
        diag_report(l->diags, DIAG_too_large, span, "%s", fault->message);
        break;
    }
}

/* An atomic group is refused only here, so that Python's own faults come first. */
static const struct regex *parse_regex(struct lowering *l, struct regex_pool *pool, const struct ast_string *s)
{
    struct regex_pattern r = regex_parse(pool, s->bytes, s->size);
    if (!r.root)
        report_fault(l, s, &r.fault);
    if (!r.root || !r.atomic.found)
        return r.root;
    l->failed = true;
    diag_report(l->diags, DIAG_atomic_group, pattern_span(s, r.atomic.begin, r.atomic.end),
                "this atomic group or possessive quantifier is not an exact regular language here");
    return NULL;
}

/* equal to the name, or the name and a `.` and anything */
static const struct regex *make_under(struct regex_pool *pool, const struct ast_string *s)
{
    const struct regex *name = regex_literal(pool, s->bytes, s->size), *dot = regex_code_point(pool, '.');
    const struct regex *inside = regex_as_prefix(pool, dot);
    const struct regex *rest = regex_or(pool, (const struct regex *[]){pool->empty, inside}, 2);
    return regex_cat(pool, (const struct regex *[]){name, rest}, 2);
}

/* Paths of modules inside one whose own path, taken alone, is in `item`: a `.` and anything follow it. The root's path is
 * empty and every module is inside it. As an operand of AND an item is a language of its own: its `$` and look-arounds
 * see the end of the holder's path, not of the whole. */
static const struct regex *make_under_re(struct regex_pool *pool, const struct regex *item)
{
    const struct regex *all = regex_as_prefix(pool, pool->empty), *dot = regex_code_point(pool, '.');
    const struct regex *holder = regex_and(pool, (const struct regex *[]){item, all}, 2);
    const struct regex *inside = regex_cat(pool, (const struct regex *[]){holder, dot, all}, 3);
    const struct regex *root = regex_and(pool, (const struct regex *[]){item, pool->empty}, 2);
    return regex_or(pool, (const struct regex *[]){item, inside, regex_as_prefix(pool, root)}, 3);
}

static const struct regex *parse_child(void *user, struct regex_pool *pool, const struct ast_string *pattern)
{
    return parse_regex(user, pool, pattern);
}

/* The names that a query without aliases can take.
 * A query that the text form of a matcher holds has its aliases written out. */
static const struct regex *make_mpath(struct lowering *l, struct regex_pool *pool, const struct ast_string *s)
{
    bool exact;
    const struct mpath *query = mpath_parse(&l->mpath, s, NULL);
    return query ? mpath_names(pool, query, parse_child, l, &exact) : NULL;
}

/* The names an atom's string stands for; NULL after a diagnostic. */
static const struct regex *make_language(struct lowering *l, struct regex_pool *pool, enum language language, const struct ast_string *s)
{
    const struct regex *root = NULL;
    switch (language) {
    case LANGUAGE_exact: return regex_literal(pool, s->bytes, s->size);
    case LANGUAGE_glob: return regex_parse_glob(pool, s->bytes, s->size);
    case LANGUAGE_contains: return regex_as_search(pool, regex_literal(pool, s->bytes, s->size));
    case LANGUAGE_under: return make_under(pool, s);
    case LANGUAGE_under_re: root = parse_regex(l, pool, s); return root ? make_under_re(pool, root) : NULL;
    case LANGUAGE_re_full: return parse_regex(l, pool, s);
    case LANGUAGE_re_match: root = parse_regex(l, pool, s); return root ? regex_as_prefix(pool, root) : NULL;
    case LANGUAGE_re_search: root = parse_regex(l, pool, s); return root ? regex_as_search(pool, root) : NULL;
    case LANGUAGE_mpath: return make_mpath(l, pool, s);
    case LANGUAGE_COUNT: break;
    }
    return NULL;
}

/* ---- atoms ---- */

/* Both spellings let only element types through. */
static uint32_t lower_dtype(struct lowering *l, const struct ast_string *s)
{
    struct guard guard = {.kind = GUARD_DTYPE, .dtype = dtype_find_word(s->bytes)};
    return guard.dtype < 0 ? PRED(FALSE) : l->m->names_only ? PRED(UNKNOWN) : pred_of_guard(l->p, &guard);
}

static bool report_long(struct lowering *l, const struct ast_string *s)
{
    diag_report(l->diags, DIAG_too_large, s->span, "the pattern is longer than %d bytes", REGEX_SIZE_MAX);
    l->failed = true;
    return false;
}

/* The names the query can take; where it asks for more than names, what the chain of modules says besides.
 * The label alone is a necessary condition: it keeps the climb from running for names that cannot match. */
static uint32_t lower_mpath(struct lowering *l, const struct ast_predicate *a)
{
    bool exact;
    struct text text = text_make(l->p->arena);
    const struct mpath *query = mpath_parse(&l->mpath, &a->pattern, a->aliases);
    const struct regex *names = query ? mpath_names(&l->p->pools[FIELD_module], query, parse_child, l, &exact) : NULL;
    l->failed |= !names;
    if (!names)
        return PRED(FALSE);
    mpath_print(&text, query);
    if (text.size > REGEX_SIZE_MAX && !report_long(l, &a->pattern))
        return PRED(FALSE);
    struct pattern pattern = {a->atom, text.bytes, text.size};
    uint32_t label = pred_of_label(l->p, FIELD_module, names, &pattern, 1, a->pattern.span);
    const struct chain *chain = exact ? NULL : chain_build(l->p, query, parse_child, l);
    return chain ? pred_and(l->p, label, pred_of_chain(l->p, chain)) : label;
}

/* `temporary` is emptied after each pattern: nothing of it is kept. */
static uint32_t lower_atom(struct lowering *l, const struct ast_predicate *a)
{
    enum field_id field = atom_fields[a->atom];
    enum language language = atom_languages[a->atom];
    if (field == FIELD_dtype)
        return lower_dtype(l, &a->pattern);
    if (a->pattern.size > REGEX_SIZE_MAX && !report_long(l, &a->pattern))
        return PRED(FALSE);
    if (l->m->names_only && field != FIELD_module)
        return PRED(UNKNOWN);
    if (language == LANGUAGE_mpath)
        return lower_mpath(l, a);
    const struct regex *root = make_language(l, &l->p->pools[field], language, &a->pattern);
    arena_close(l->p->pools[field].temporary);
    if (!root)
        return PRED(FALSE);
    struct pattern pattern = {a->atom, a->pattern.bytes, a->pattern.size};
    return pred_of_label(l->p, field, root, &pattern, 1, a->pattern.span);
}

static struct guard_term guard_term_of(const struct ast_term *t)
{
    return (struct guard_term){t->kind, t->integer, t->modulus};
}

static bool is_in_name(const struct guard_term *t)
{
    return t->kind == AST_TERM_LAYER || t->kind == AST_TERM_INTEGER;
}

/* A guard between constants is a constant. */
static uint32_t lower_guard(struct lowering *l, const struct guard *guard)
{
    if (l->m->names_only && !(is_in_name(&guard->left) && (guard->kind == GUARD_RANGE || is_in_name(&guard->right))))
        return PRED(UNKNOWN);
    bool right = guard->kind != GUARD_COMPARE || guard->right.kind == AST_TERM_INTEGER;
    if (guard->left.kind == AST_TERM_INTEGER && right)
        return guard_test(guard, &(struct subject){0}) == TRUTH_YES ? PRED(TRUE) : PRED(FALSE);
    return pred_of_guard(l->p, guard);
}

/* The union of a label's patterns, for a matcher that was read. */
bool label_parse(struct matcher *m, struct label *label, struct diags *diags)
{
    struct lowering l = {.m = m, .p = &m->program, .diags = diags, .mpath = {.arena = m->arena, .diags = diags}};
    struct regex_pool *pool = &m->program.pools[label->field];
    const struct regex **roots = ARENA_ARRAY(m->arena, label->pattern_count, const struct regex *);
    for (size_t i = 0; i < label->pattern_count; i++) {
        const struct pattern *p = &label->patterns[i];
        struct ast_string string = {p->bytes, p->size, label->span};
        roots[i] = p->size <= REGEX_SIZE_MAX ? make_language(&l, pool, atom_languages[p->atom], &string) : NULL;
        if (!roots[i])
            return false;
    }
    label->root = regex_or(pool, roots, label->pattern_count);
    return true;
}

/* A chain of the text that mpath_print writes, for a matcher that was read. */
const struct chain *chain_parse(struct matcher *m, const struct ast_string *text, struct diags *diags)
{
    struct lowering l = {.m = m, .p = &m->program, .diags = diags, .mpath = {.arena = m->arena, .diags = diags}};
    const struct mpath *query = text->size <= REGEX_SIZE_MAX ? mpath_parse(&l.mpath, text, NULL) : NULL;
    return query ? chain_build(l.p, query, parse_child, &l) : NULL;
}

/* ---- sets: each lowered once ---- */

/* By address: a set's predicate is one node of the AST however many rules name it. */
static size_t find_memo(const struct lowering *l, const struct ast_predicate *key)
{
    size_t slot = ((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u >> 32 & (l->memo_slots - 1);
    while (l->memos[slot].key && l->memos[slot].key != key)
        slot = (slot + 1) & (l->memo_slots - 1);
    return slot;
}

static void keep_memo(struct lowering *l, const struct ast_predicate *key, uint32_t pred)
{
    if (2 * (l->memo_count + 1) > l->memo_slots) {
        struct memo *old = l->memos;
        size_t slots = l->memo_slots;
        l->memo_slots = slots ? 2 * slots : 64;
        l->memos = ARENA_ARRAY(l->p->arena, l->memo_slots, struct memo);
        for (size_t i = 0; i < slots; i++)
            if (old[i].key)
                l->memos[find_memo(l, old[i].key)] = old[i];
    }
    l->memos[find_memo(l, key)] = (struct memo){key, pred};
    l->memo_count++;
}

static uint32_t lower_predicate(struct lowering *l, const struct ast_predicate *a);

static uint32_t lower_set(struct lowering *l, const struct ast_predicate *a)
{
    if (!a->set_predicate)
        return PRED(FALSE);
    size_t slot = l->memo_slots ? find_memo(l, a->set_predicate) : 0;
    if (l->memo_slots && l->memos[slot].key)
        return l->memos[slot].pred;
    uint32_t pred = lower_predicate(l, a->set_predicate);
    keep_memo(l, a->set_predicate, pred);
    return pred;
}

/* Operands are lowered from left to right, so that tests are numbered as they are written. */
static uint32_t lower_node(struct lowering *l, const struct ast_predicate *a)
{
    switch (a->kind) {
    case AST_OR: {
        uint32_t left = lower_predicate(l, a->left);
        return pred_or(l->p, left, lower_predicate(l, a->right));
    }
    case AST_AND: {
        uint32_t left = lower_predicate(l, a->left);
        return pred_and_nots(l->p, left, lower_predicate(l, a->right));
    }
    case AST_NOT:
        return pred_not(l->p, lower_predicate(l, a->left));
    case AST_ATOM:
        return lower_atom(l, a);
    case AST_COMPARE:
        return lower_guard(l, &(struct guard){.kind = GUARD_COMPARE, .comparison = a->comparison,
                                              .left = guard_term_of(&a->term), .right = guard_term_of(&a->other)});
    case AST_IN:
        return lower_guard(l, &(struct guard){.kind = GUARD_RANGE, .left = guard_term_of(&a->term), .low = a->low, .high = a->high});
    case AST_SET:
        return lower_set(l, a);
    case AST_ANY:
        return PRED(TRUE);
    }
    return PRED(FALSE);
}

/* Sets within sets count as depth: a chain of them may be of any length. */
static uint32_t lower_predicate(struct lowering *l, const struct ast_predicate *a)
{
    if (l->depth >= PRED_DEPTH_MAX) {
        if (!l->failed)
            diag_report(l->diags, DIAG_too_large, a->span, "predicates and the sets they name are nested deeper than %d", PRED_DEPTH_MAX);
        l->failed = true;
        return PRED(FALSE);
    }
    l->depth++;
    uint32_t pred = lower_node(l, a);
    l->depth--;
    return pred;
}

/* ---- lists of exact names ---- */

/* Nodes looked at for lists of names, over all rules: sets that share sets would be walked once for each path to them. */
enum { NAME_STEPS = 1 << 22 };

/* Calls for each name of a predicate that is nothing but exact names of one field; false: it is something else. */
static bool collect_names(struct matcher *m, const struct ast_predicate *a, enum atom atom, uint32_t rule, struct names *out, unsigned *steps, unsigned depth)
{
    if (++*steps > NAME_STEPS || depth > PRED_DEPTH_MAX)
        return false;
    if (a->kind == AST_SET && a->set_predicate)
        return collect_names(m, a->set_predicate, atom, rule, out, steps, depth + 1);
    if (a->kind == AST_OR)
        return collect_names(m, a->left, atom, rule, out, steps, depth + 1) && collect_names(m, a->right, atom, rule, out, steps, depth + 1);
    if (a->kind != AST_ATOM || a->atom != atom)
        return false;
    *ARENA_PUSH(m->arena, out->entries, out->count, out->capacity) = (struct name_entry){a->pattern.bytes, a->pattern.size, 0, rule};
    return true;
}

/* Rules of names alone go to a table once there are enough of them.
 * Below NAMES_LEAST names they go to the automaton like other rules. */
static void find_names(struct matcher *m, const struct recipe *recipe, int table, enum atom atom)
{
    struct names *names = &m->names[table];
    unsigned steps = 0;
    *names = (struct names){.field = atom_fields[atom]};
    for (uint32_t i = 0; i < m->rule_count; i++) {
        size_t before = names->count;
        if (m->rule_names[i] == NAMES_COUNT && collect_names(m, recipe->rules[i].predicate, atom, i, names, &steps, 0))
            m->rule_names[i] = (uint32_t)table;
        else
            names->count = before;
    }
    if (names->count >= NAMES_LEAST && !m->names_only) {
        names_index(names, m->arena);
        return;
    }
    names->count = 0;
    for (size_t i = 0; i < m->rule_count; i++)
        m->rule_names[i] = m->rule_names[i] == (uint32_t)table ? NAMES_COUNT : m->rule_names[i];
}

bool matcher_lower(struct matcher *m, const struct recipe *recipe, struct diags *diags)
{
    struct lowering l = {.m = m, .p = &m->program, .diags = diags, .mpath = {.arena = m->arena, .diags = diags, .warn = true}};
    m->rule_names = ARENA_ARRAY(m->arena, m->rule_count, uint32_t);
    for (size_t i = 0; i < m->rule_count; i++)
        m->rule_names[i] = NAMES_COUNT;
    find_names(m, recipe, NAMES_MODULE, ATOM_name);
    find_names(m, recipe, NAMES_PARAMETER, ATOM_param_name);
    l.p->rules = ARENA_ARRAY(m->arena, m->rule_count, uint32_t);
    l.p->rule_count = m->rule_count;
    for (size_t i = 0; i < m->rule_count; i++) {
        l.p->rules[i] = m->rule_names[i] == NAMES_COUNT ? lower_predicate(&l, recipe->rules[i].predicate) : PRED(FALSE);
        if (l.p->preds[l.p->rules[i]].depth > PRED_DEPTH_MAX && !l.failed) {
            diag_report(diags, DIAG_too_large, recipe->rules[i].span, "the rule's sets are nested deeper than %d", PRED_DEPTH_MAX);
            l.failed = true;
        }
    }
    return !l.failed;
}
