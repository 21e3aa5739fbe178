/* Parts: many rules as several lazy automata. In: plain rules, a union of labels without guard, negation or conjunction. Out:
 * the part of each label. What a rule asks of one number of a name and what another asks of a second are independent, so that
 * one automaton has a state for each pair of numbers: rules over layers and rules over experts make 61 x 256 of them. Apart they
 * make 61 and 256, and the name's rule is the first of the parts', since a plain rule wins exactly when it is the first with a
 * label that holds. */
#include <string.h>
#include "codegen/match/matcher.h"

/* LABELS_LEAST: fewer labels are one automaton. SHARE_LEAST: a word's part must have a sixteenth of all
 * labels. WORDS_MAX: words told apart; further ones are with the rest. */
enum { LABELS_LEAST = 256, SHARE_LEAST = 16, WORDS_MAX = 64 };

/* ---- plain rules ---- */

/* FALSE stands for rules that a table of names answers. */
static bool is_plain(const struct matcher *m, uint32_t pred)
{
    const struct pred *p = &m->program.preds[pred];
    for (; p->kind == PRED_OR; p = &m->program.preds[p->a])
        if (!is_plain(m, p->b))
            return false;
    return p->kind == PRED_FALSE || (p->kind == PRED_TEST && m->program.tests[p->a].kind == TEST_LABEL &&
                                     m->program.tests[p->a].label->field == m->primary);
}

void matcher_find_plain(struct matcher *m)
{
    m->otherwise = -1;
    m->plain = m->primary != FIELD_COUNT;
    for (size_t i = 0; i < m->rule_count && m->plain && m->otherwise < 0; i++) {
        if (m->program.rules[i] == PRED(TRUE))
            m->otherwise = (int)i;
        else
            m->plain = is_plain(m, m->program.rules[i]);
    }
}

/* ---- what number a rule asks about ---- */

struct word {
    uint32_t hash, uses;
};

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* The first character of what is one or more literals; 0: not that. A set of some digits counts as one of them. */
static uint32_t first_character(const struct regex *n)
{
    while (n->kind == REGEX_OR || n->kind == REGEX_CAT)
        n = n->items[0];
    if (n->kind != REGEX_SET || n->set->count != 1)
        return 0;
    const struct code_range *r = &n->set->ranges[0];
    return r->low == r->high || (is_digit(r->low) && is_digit(r->high) && r->high - r->low < 9) ? r->low : 0;
}

/* The word before the first digit that is told, hashed: `layers` of `*layers.17.*`; 0: none. */
static uint32_t find_word(const struct regex *root)
{
    uint32_t word = 0;
    bool inside = false;
    for (size_t i = 0; root->kind == REGEX_CAT && i < root->count; i++) {
        uint32_t c = first_character(root->items[i]);
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (is_digit(c) && word)
            return word;
        if (letter || c == '_')
            word = ((inside ? word : 0) ^ c) * 0x9e3779b1u | 1;
        else if (c != '.')
            word = 0;
        inside = letter || c == '_';
    }
    return 0;
}

static unsigned find_use(struct word *words, unsigned *count, uint32_t hash)
{
    unsigned i = 0;
    while (i < *count && words[i].hash != hash)
        i++;
    if (i == *count && i < WORDS_MAX)
        words[(*count)++] = (struct word){.hash = hash};
    return i;
}

/* The words that are asked most have parts of their own; all other rules are with the one asked least of these. */
unsigned char *matcher_choose_parts(const struct matcher *m, enum field_id field, struct arena *scratch)
{
    const struct engine *e = &m->engines[field];
    unsigned char *parts = ARENA_ARRAY(scratch, e->label_count, unsigned char);
    uint32_t *hashes = ARENA_ARRAY(scratch, e->label_count, uint32_t);
    struct word words[WORDS_MAX];
    unsigned count = 0, part = 0;
    if (field != m->primary || !m->plain || e->label_count < LABELS_LEAST)
        return parts;
    for (uint32_t l = 0; l < e->label_count; l++) {
        hashes[l] = find_word(e->labels[l]->root);
        unsigned use = hashes[l] ? find_use(words, &count, hashes[l]) : WORDS_MAX;
        if (use < count)
            words[use].uses++;
    }
    for (; part < PARTS_MAX; part++) {
        struct word *most = NULL;
        for (unsigned i = 0; i < count; i++)
            most = !most || words[i].uses > most->uses ? &words[i] : most;
        if (!most || most->uses < e->label_count / SHARE_LEAST)
            break;
        for (uint32_t l = 0; l < e->label_count; l++)
            parts[l] = hashes[l] == most->hash || !part ? (unsigned char)part : parts[l];
        most->uses = 0;
    }
    return parts;
}
