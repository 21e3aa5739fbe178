/* Batches: each name is read from where it differs from the one before. See match.h. */
#include <string.h>
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
    const struct name_entry *found = names_find(names, path, &at);
    return found && (rule < 0 || (int)found->rule < rule) ? (int)found->rule : rule;
}

static int finish(const struct matcher *m, const struct field *path, int kept)
{
    const struct names *names = &m->names[NAMES_MODULE];
    return names->count ? apply_name(names, path, kept - OUTCOME_FIRST) : kept - OUTCOME_FIRST;
}

bool matcher_match_path(const struct matcher *m, void *scratch, const char *path, size_t size, int *rule)
{
    if (m->primary != FIELD_module || m->names[NAMES_PARAMETER].count)
        return false;
    int kept = (int)stride_run(automata_of(m, scratch_align(scratch)), path, size);
    if (kept)
        *rule = finish(m, &(struct field){path, size}, kept);
    return kept;
}

void matcher_match_batch(const struct matcher *m, void *scratch, const struct field *paths, size_t count, bool megatron_layers, int *rules)
{
    if (m->primary == FIELD_module)
        stride_batch(automata_of(m, scratch_align(scratch)), paths, count, rules);
    else
        memset(rules, 0, count * sizeof *rules);
    for (size_t i = 0; i < count; i++)
        rules[i] = rules[i] ? finish(m, &paths[i], rules[i]) : ask(m, scratch, &paths[i], megatron_layers);
}
