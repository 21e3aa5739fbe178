/* Lints of a plan: what each tensor gets is possible, but will not be what its loader or its twin expects. language.md §4. */
#include "runtime/check.h"

#include "runtime/json.h"
#include "runtime/report.h"

static const struct span *rule_span(const struct quern_plan *plan, const struct plan_item *item)
{
    static const struct span none;
    return item->outcome.rule < 0 ? &none : &plan->recipe->recipe->rules[item->outcome.rule].span;
}

static const struct plan_item *find_item(const struct quern_plan *plan, const char *name)
{
    const struct stored *stored = model_find(plan->model, name);
    for (size_t i = 0; stored && i < plan->count; i++)
        if (plan->items[i].stored == stored)
            return &plan->items[i];
    return NULL;
}

static bool same_spec(const struct plan_item *a, const struct plan_item *b)
{
    return !a->spec == !b->spec && (!a->spec || spec_same(a->spec, b->spec));
}

/* One storage, two answers: whichever is written, the other tensor gets it too. */
static void check_tied(struct session *session, const struct quern_plan *plan, const struct plan_item *item)
{
    const struct plan_item *other = item->stored->shares ? find_item(plan, item->stored->shares) : NULL;
    if (!other || same_spec(item, other))
        return;
    struct diag *diag = diag_report_about(session->diags, DIAG_tied_differs, item->stored->name, "%s, and %s, whose storage it is, gets %s",
                                          item->spec ? item->spec_text : item->reason, name_shown(session->arena, other->stored->name),
                                          other->spec ? other->spec_text : other->reason);
    diag_note(session->diags, diag, *rule_span(plan, item), "the rule of the one");
    diag_note(session->diags, diag, *rule_span(plan, other), "the rule of the other");
}

/* pack-quantized: ceil(columns · bits / 32) words a row; older readers of it want columns · bits / 32. */
static void check_packed_row(struct session *session, const struct quern_plan *plan, const struct plan_item *item)
{
    enum { WORD_BITS = 32 };
    const struct stored *t = item->stored;
    if (!item->spec || !item->consumer || item->consumer->id != CONSUMER_pack_quantized || t->rank < 1)
        return;
    int64_t columns = t->shape[t->rank - 1];
    int bits = (int)item->spec->format->bits;
    if (columns % WORD_BITS * bits % WORD_BITS == 0)
        return;
    struct diag *diag = diag_report_about(session->diags, DIAG_ragged_row, t->name, "rows of %lld codes of %d bits do not fill whole words of 32 bits",
                                          (long long)columns, bits);
    diag_note(session->diags, diag, *rule_span(plan, item), "by this rule");
}

void check_plan_tensors(struct session *session, const struct quern_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        check_tied(session, plan, &plan->items[i]);
        check_packed_row(session, plan, &plan->items[i]);
    }
}
