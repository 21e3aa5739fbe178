/* Witnesses: strings made to look like names, and the subjects they stand for. In: what a search found. Out: a subject for each
 * recipe, a name as models have them, the facts besides the name as the end of a sentence. */
#include "codegen/match/prover.h"

#include <string.h>

/* Characters of names, the plainest first; a newline comes last of all. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_.ABCDEFGHIJKLMNOPQRSTUVWXYZ-/:+=@#%&~^!?,;|$*()[]{}<>'\"`\\ ";

/* Smaller is better: `plain` in its order, other characters by number, controls and surrogates last. */
static uint32_t rank_of(uint32_t code_point)
{
    const char *found = code_point && code_point < 0x80 ? strchr(plain, (int)code_point) : NULL;
    if (found)
        return (uint32_t)(found - plain);
    if (code_point < ' ' || (code_point >= 0x7f && code_point < 0xa0))
        return UINT32_MAX - 1 - (code_point != '\n');
    return code_point >= 0xd800 && code_point <= 0xdfff ? UINT32_MAX - 4 : (uint32_t)sizeof plain + code_point;
}

/* The first 0x100 characters of a range are looked at: all of ASCII, and enough of what is beyond. */
void prover_rank_symbols(struct prover *p)
{
    const struct alphabet *a = &p->alphabet;
    p->code_points = ARENA_ARRAY(p->arena, a->symbol_count, uint32_t);
    p->ranks = ARENA_ARRAY(p->arena, a->symbol_count, uint32_t);
    memset(p->ranks, 0xff, a->symbol_count * sizeof *p->ranks);
    for (size_t i = 0; i < a->range_count; i++)
        for (uint32_t c = a->ranges[i].low, n = 0; c <= a->ranges[i].high && n < 0x100; c++, n++)
            if (rank_of(c) < p->ranks[a->ranges[i].symbol]) {
                p->ranks[a->ranges[i].symbol] = rank_of(c);
                p->code_points[a->ranges[i].symbol] = c;
            }
}

struct subject witness_subject(const struct prover *p, const struct witness *w, size_t recipe)
{
    struct subject s;
    const struct subject *k = &w->subject;
    bool megatron = p->recipes[recipe]->megatron_layers;
    if (w->parameter)
        subject_of_parameter(&s, w->name, w->size, k->dtype, k->rank, k->shape, megatron);
    else
        subject_of_module(&s, w->name, w->size, megatron);
    s.types = k->types, s.type_count = k->type_count;
    s.bases = k->bases, s.base_count = k->base_count;
    s.outer_types = k->outer_types, s.outer_type_count = k->outer_type_count;
    s.tags = k->tags, s.tag_count = k->tag_count;
    s.op = k->op;
    s.op_name = k->op_name;
    if (!w->parameter)
        s.role = k->role;
    return s;
}

struct match_outcome prover_winner(const struct prover *p, const struct witness *w, size_t recipe)
{
    struct subject s = witness_subject(p, w, recipe);
    return matcher_match(p->matchers[recipe], p->scratches[recipe], &s);
}

/* ---- names as models have them ---- */

/* Some two hundred names, each judged by the matchers: no search. */
void witness_find_typical(struct prover *p, struct witness *w, witness_judge *judge, void *user)
{
    static const char *const paths[] = {
#define NAME(path) path,
#include "codegen/match/prove_names.def"
#undef NAME
    };
    static const int numbers[] = {0, 1, 2, 3, 5, 10, 31};
    struct claim_part ignored;
    for (size_t i = 0; i < sizeof paths / sizeof *paths * (sizeof numbers / sizeof *numbers); i++) {
        const char *path = paths[i % (sizeof paths / sizeof *paths)], *number = strstr(path, "%d");
        struct witness other = *w;
        if (!number && i >= sizeof paths / sizeof *paths)
            continue;
        struct text name = text_make(p->arena);
        text_printf(&name, "%.*s", number ? (int)(number - path) : (int)strlen(path), path);
        if (number)
            text_printf(&name, "%d%s", numbers[i / (sizeof paths / sizeof *paths)], number + 2);
        text_add(&name, w->parameter ? ".weight" : "");
        other.name = text_string(&name);
        other.size = strlen(other.name);
        if (judge(user, &other, &ignored) != PROOF_YES)
            continue;
        w->typical = other.name;
        return;
    }
}

/* ---- what must be known besides the name ---- */

static void add_strings(struct text *out, const char *word, const struct field *strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_printf(out, "%s%s%.*s", i ? " and " : ", ", i ? "" : word, (int)strings[i].size, strings[i].bytes);
}

const char *witness_facts(struct arena *arena, const struct witness *w)
{
    struct text out = text_make(arena);
    const struct subject *s = &w->subject;
    add_strings(&out, "type ", s->types, s->type_count);
    add_strings(&out, "base ", s->bases, s->base_count);
    add_strings(&out, "outer type ", s->outer_types, s->outer_type_count);
    add_strings(&out, "tag ", s->tags, s->tag_count);
    add_strings(&out, "op ", &s->op, s->op.bytes != NULL);
    add_strings(&out, "opname ", &s->op_name, s->op_name.bytes != NULL);
    if (!w->parameter)
        add_strings(&out, "role ", &s->role, s->role.bytes != NULL);
    if (s->dtype >= 0)
        text_printf(&out, ", dtype %s", dtype_rows[s->dtype].word);
    for (int i = 0; i < s->rank; i++)
        text_printf(&out, "%s%lld", i ? ", " : ", shape [", (long long)s->shape[i]);
    text_add(&out, s->rank > 0 ? "]" : s->rank == 0 ? ", shape []" : "");
    return text_string(&out);
}
