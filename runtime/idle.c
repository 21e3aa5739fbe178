/* Idle rules. In: a filled plan and each rule's wins; out: for each rule without one something it matches, or the reason why
 * nothing was found. Each pass shows at least one rule or is the last, so passes are at most as many as rules. See idle.h. */
#include "runtime/idle.h"

#include <string.h>

/* Passes over the model; then each rule that is left is judged by itself, for at most so many (rule, tensor) pairs: some
 * seconds. What is left then stays unjudged. */
enum { PASSES_MAX = 16, PAIRS_MAX = 1 << 28 };

/* One call of idle_judge. Rule numbers of `matcher` are places in `list`. */
struct judging {
    struct session *session;
    const struct quern_plan *plan;
    struct idle_rule *rules;
    size_t *list, count; /* the rules in question, ascending */
    struct recipe some;  /* the recipe with those rules alone */
    struct matcher *matcher;
    void *scratch;
    struct scratch *whole; /* for the whole recipe; NULL: the model has tensors alone */
};

/* A matcher for the rules in the list. They were compiled before, so nothing is reported. */
static void compile(struct judging *j)
{
    const struct recipe *whole = j->plan->recipe->recipe;
    struct arena *arena = j->session->arena;
    struct diags none;
    diags_init(&none, arena);
    j->some = *whole;
    j->some.arena = arena;
    j->some.rules = ARENA_ARRAY(arena, j->count + 1, struct rule);
    j->some.rule_count = j->count;
    for (size_t i = 0; i < j->count; i++)
        j->some.rules[i] = whole->rules[j->list[i]];
    j->matcher = matcher_compile(&j->some, NULL, &none);
    j->scratch = arena_alloc(arena, matcher_scratch_size(j->matcher));
    matcher_scratch_init(j->matcher, j->scratch);
}

/* Items are the tensors, then the model's other subjects. */
static size_t count_items(const struct judging *j)
{
    return j->plan->count + model_other_count(j->plan->model);
}

static struct subject subject_of_item(const struct judging *j, size_t item)
{
    if (item >= j->plan->count) {
        struct quern_subject other = model_other_at(j->plan->model, item - j->plan->count);
        return subject_of_listed(j->plan->recipe, &other);
    }
    struct quern_tensor tensor = stored_tensor(j->plan->items[item].stored);
    return subject_of_tensor(j->plan->recipe, &tensor);
}

/* An op without a name of the kind is "". */
static const char *name_of_item(const struct judging *j, size_t item)
{
    return item < j->plan->count ? j->plan->items[item].stored->name : model_other_at(j->plan->model, item - j->plan->count).name;
}

/* The first item that shows the rule stays. */
static void note_match(struct judging *j, size_t rule, size_t item)
{
    struct idle_rule *r = &j->rules[rule];
    if (r->match)
        return;
    struct subject subject = subject_of_item(j, item);
    r->match = name_of_item(j, item);
    r->winner = item < j->plan->count ? j->plan->items[item].outcome.rule
                                      : recipe_match(j->plan->recipe, j->whole, &subject).rule;
}

/* Tensors alone: a rule for parameters is never decided for modules and ops. */
static void note_undecided(struct judging *j, size_t rule, size_t item)
{
    if (!j->rules[rule].undecided && item < j->plan->count)
        j->rules[rule].undecided = name_of_item(j, item);
}

/* Rules about which something is known now leave the list; false: none did. */
static bool drop_known(struct judging *j)
{
    size_t kept = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct idle_rule *r = &j->rules[j->list[i]];
        if (!r->match && !r->undecided && !r->container)
            j->list[kept++] = j->list[i];
    }
    bool dropped = kept < j->count;
    j->count = kept;
    return dropped;
}

/* The first of the list that matches each tensor, and the first before it that could not be decided. */
static bool pass_over_tensors(struct judging *j)
{
    compile(j);
    for (size_t i = 0; i < count_items(j); i++) {
        struct subject subject = subject_of_item(j, i);
        struct match_outcome outcome = matcher_match(j->matcher, j->scratch, &subject);
        /* A rule behind it in the list may match the item, too: it is seen in a later pass, when this one has left. */
        if (outcome.rule >= 0)
            note_match(j, j->list[outcome.rule], i);
        if (outcome.unknown >= 0)
            note_undecided(j, j->list[outcome.unknown], i);
    }
    return drop_known(j);
}

/* Rules that each hide behind another of the list: every one of them for every tensor. */
static void judge_each(struct judging *j)
{
    unsigned char *verdicts = ARENA_ARRAY(j->session->arena, j->count + 1, unsigned char);
    size_t items = count_items(j), reached = PAIRS_MAX / j->count < items ? PAIRS_MAX / j->count : items;
    compile(j);
    for (size_t i = 0; i < reached; i++) {
        struct subject subject = subject_of_item(j, i);
        matcher_verdicts(j->matcher, j->scratch, &subject, verdicts);
        for (size_t r = 0; r < j->count; r++)
            if (verdicts[r] == 1)
                note_match(j, j->list[r], i);
            else if (verdicts[r] == 2)
                note_undecided(j, j->list[r], i);
    }
    drop_known(j);
    for (size_t r = 0; r < j->count; r++)
        j->rules[j->list[r]].unjudged = reached < items;
}

/* Containers have no tensor of their own: only rules for modules can match them. */
static bool pass_over_containers(struct judging *j, const char *const *containers, size_t count)
{
    compile(j);
    for (size_t i = 0; i < count; i++) {
        struct subject subject;
        subject_of_module(&subject, containers[i], strlen(containers[i]), j->some.megatron_layers);
        struct match_outcome outcome = matcher_match(j->matcher, j->scratch, &subject);
        if (outcome.rule >= 0 && !j->rules[j->list[outcome.rule]].container)
            j->rules[j->list[outcome.rule]].container = containers[i];
    }
    return drop_known(j);
}

/* Three rounds, each over the rules of which nothing is known yet: all items at once, rule by rule where rules hide behind one
 * another for long, and the containers. */
struct idle_rule *idle_judge(struct session *session, const struct quern_plan *plan, const size_t *wins, const char *const *containers,
                             size_t container_count)
{
    size_t rules = plan->recipe->recipe->rule_count;
    struct judging *j = ARENA_NEW(session->arena, struct judging);
    *j = (struct judging){.session = session, .plan = plan};
    j->rules = ARENA_ARRAY(session->arena, rules + 1, struct idle_rule);
    j->list = ARENA_ARRAY(session->arena, rules + 1, size_t);
    for (size_t i = 0; i < rules; i++)
        if (!wins[i])
            j->list[j->count++] = i;
    if (model_other_count(plan->model))
        j->whole = recipe_borrow_for(session, plan->recipe);
    int passes = 0;
    while (j->count && passes < PASSES_MAX && pass_over_tensors(j))
        passes++;
    if (j->count && passes == PASSES_MAX)
        judge_each(j);
    for (passes = 0; j->count && passes < PASSES_MAX && pass_over_containers(j, containers, container_count);)
        passes++;
    return j->rules;
}
