/* Batches: each name is read from where it differs from the one before. See match.h. */
#include "codegen/match/matcher.h"

/* A guard, a second field, or a lazy state that was not decided yet: as one name. */
static int ask(const struct matcher *m, void *scratch, const struct field *path, bool megatron_layers)
{
    struct subject subject;
    subject_of_module(&subject, path->bytes, path->size, megatron_layers);
    return matcher_match(m, scratch, &subject).rule;
}

static int apply_name(const struct names *names, const struct field *path, int rule)
{
    size_t at = 0;
    const struct name_entry *found = names->count ? names_find(names, path, &at) : NULL;
    return found && (rule < 0 || (int)found->rule < rule) ? (int)found->rule : rule;
}

bool matcher_match_path(const struct matcher *m, void *scratch, const char *path, size_t size, int *rule)
{
    if (m->primary != FIELD_module || m->names[NAMES_PARAMETER].count)
        return false;
    uint32_t outcome = stride_run(automata_of(m, scratch_align(scratch)), path, size);
    if (outcome)
        *rule = apply_name(&m->names[NAMES_MODULE], &(struct field){path, size}, (int)outcome - OUTCOME_FIRST);
    return outcome;
}

void matcher_match_batch(const struct matcher *m, void *scratch, const struct field *paths, size_t count, bool megatron_layers, int *rules)
{
    const struct names *names = &m->names[NAMES_MODULE];
    bool automata = m->primary == FIELD_module;
    size_t unknown = automata ? stride_batch(automata_of(m, scratch_align(scratch)), paths, count, rules) : count;
    for (size_t i = 0; i < count && (unknown || names->count); i++) {
        if (!automata || rules[i] == -OUTCOME_FIRST)
            rules[i] = ask(m, scratch, &paths[i], megatron_layers);
        else
            rules[i] = apply_name(names, &paths[i], rules[i]);
    }
}
