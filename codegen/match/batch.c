/* Batches: each name is read from where it differs from the one before. See match.h. */
#include "codegen/match/matcher.h"

struct batch {
    const struct matcher *m;
    void *scratch;
    const struct automata *automata; /* NULL: the primary field is not the module */
    struct track track;
    bool megatron_layers;
};

/* A guard, a second field, or a lazy state that was not decided yet: as one name. */
static int ask(const struct batch *b, const struct field *path)
{
    struct subject subject;
    subject_of_module(&subject, path->bytes, path->size, b->megatron_layers);
    return matcher_match(b->m, b->scratch, &subject).rule;
}

static int apply_name(const struct names *names, const struct field *path, int rule)
{
    size_t at = 0;
    const struct name_entry *found = names_find(names, path, &at);
    return found && (rule < 0 || (int)found->rule < rule) ? (int)found->rule : rule;
}

static int finish(const struct matcher *m, const struct field *path, uint32_t kept)
{
    const struct names *names = &m->names[NAMES_MODULE];
    return names->count ? apply_name(names, path, (int)kept - OUTCOME_FIRST) : (int)kept - OUTCOME_FIRST;
}

bool matcher_match_path(const struct matcher *m, void *scratch, const char *path, size_t size, int *rule)
{
    if (m->primary != FIELD_module || m->names[NAMES_PARAMETER].count)
        return false;
    uint32_t kept = stride_run(automata_of(m, scratch_align(scratch)), path, size);
    if (kept)
        *rule = finish(m, &(struct field){path, size}, kept);
    return kept != 0;
}

void matcher_match_batch(const struct matcher *m, void *scratch, const struct field *paths, size_t count, bool megatron_layers, int *rules)
{
    struct batch b;
    b.m = m;
    b.scratch = scratch;
    b.megatron_layers = megatron_layers;
    b.track.bytes = NULL;
    b.automata = m->primary == FIELD_module ? automata_of(m, scratch_align(scratch)) : NULL;
    for (size_t i = 0; i < count; i++) {
        uint32_t kept = b.automata ? stride_follow(b.automata, &b.track, paths[i].bytes, paths[i].size) : 0;
        rules[i] = kept ? finish(m, &paths[i], kept) : ask(&b, &paths[i]);
    }
}
