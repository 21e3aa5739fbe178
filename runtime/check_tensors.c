/* Lints of a plan: what each tensor gets is possible, but will not be what its loader or its twin expects. In: a filled plan;
 * out: warnings in name order. docs/language.md, Mistakes; rows of words: compressed-tensors' pack_quantized. */
#include "runtime/check.h"

#include "runtime/json.h"
#include "runtime/report.h"

/* One storage, two answers: whichever is written, the other tensor gets it too. */
static void check_tied(struct session *session, const struct quern_plan *plan, const struct plan_item *item)
{
    size_t twin = item->stored->shares ? model_find_index(plan->model, item->stored->shares) : plan->count;
    const struct plan_item *other = &plan->items[twin]; /* items are in the order of the model's tensors */
    if (twin == plan->count || items_alike(item, other))
        return;
    struct diag *diag = diag_report_about(session->diags, DIAG_tied_differs, item->stored->name, "%s, and %s, whose storage it is, gets %s",
                                          item_says(item), name_shown(session->arena, other->stored->name), item_says(other));
    diag_note(session->diags, diag, item_rule_span(plan, item), "the rule of the one");
    diag_note(session->diags, diag, item_rule_span(plan, other), "the rule of the other");
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
    diag_note(session->diags, diag, item_rule_span(plan, item), "by this rule");
}

void check_plan_tensors(struct session *session, const struct quern_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        check_tied(session, plan, &plan->items[i]);
        check_packed_row(session, plan, &plan->items[i]);
    }
}
