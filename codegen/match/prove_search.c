/* Search: the shortest string that makes a claim true, over sets of NFA states of the claim's labels alone. Sets are followed
 * in the order of the least length a string through them can have (A*): what was read, and what the labels that must hold
 * still need. A set is not followed when the claim can no longer hold, or when a set seen before can do whatever it can:
 * labels that the claim only forbids do no harm by being fewer (an antichain), all others must be equal. docs/proofs.md. */
#include "codegen/match/prover.h"

#include <stdlib.h>
#include <string.h>

/* NODES_MAX, MEMBERS_MAX: some 10 and 16 MB of a search. RUNS_FROM: nodes from which on states of one label are followed one by
 * one. SEARCH_STEPS: what one search costs that finds its answer at once, so that many cheap questions end as well. */
enum { NODES_MAX = 1 << 18, MEMBERS_MAX = 1 << 22, MEMBERS_FIRST = 64, SLOTS_FIRST = 256, RUNS_FROM = 1024,
       SEARCH_STEPS = 128 /* what one search costs that finds its answer at once */ };

/* One search for names and one for strings: arrays are as large as the prover's automaton and used again for every claim. */
void search_init(struct search *s, struct prover *p, unsigned reads)
{
    struct arena *arena = p->arena;
    *s = (struct search){.prover = p, .arena = arena, .reads = reads};
    s->polarity = ARENA_ARRAY(arena, p->label_count + 1, unsigned char);
    s->status = ARENA_ARRAY(arena, p->label_count + 1, unsigned char);
    s->labels = ARENA_ARRAY(arena, p->label_count + 1, uint32_t);
    s->required = ARENA_ARRAY(arena, p->label_count + 1, uint32_t);
    s->nearest = ARENA_ARRAY(arena, p->label_count + 1, uint32_t);
    s->free_tests = ARENA_ARRAY(arena, p->program->test_count + 1, uint32_t);
    s->state_marks = ARENA_ARRAY(arena, p->nfa->state_count + 1, uint32_t);
    s->group_marks = ARENA_ARRAY(arena, p->nfa->group_count + 1, uint32_t);
    s->class_marks = ARENA_ARRAY(arena, p->nfa->class_count + 1, uint32_t);
    s->set = ARENA_ARRAY(arena, p->nfa->state_count + 1, uint32_t);
    s->runs = ARENA_ARRAY(arena, p->nfa->state_count + 1, uint32_t);
    s->blocks = ARENA_ARRAY(arena, ((size_t)p->alphabet.symbol_count + 1) * p->nfa->class_words, uint64_t);
    s->block_symbols = ARENA_ARRAY(arena, p->alphabet.symbol_count + 1, uint32_t);
    s->slot_capacity = s->slot_count = SLOTS_FIRST;
    s->slots = ARENA_ARRAY(arena, s->slot_count, uint32_t);
    s->member_capacity = MEMBERS_FIRST; /* never NULL, which has no place 0 */
    s->members = ARENA_ARRAY(arena, s->member_capacity, uint32_t);
}

static void begin_claim(struct search *s, const struct claim *claim, enum subject_kind kind, uint32_t longest)
{
    for (size_t i = 0; i < s->label_count; i++)
        s->polarity[s->labels[i]] = s->status[s->labels[i]] = 0;
    s->slot_count = SLOTS_FIRST;
    memset(s->slots, 0, s->slot_count * sizeof *s->slots);
    s->claim = claim;
    s->kind = kind;
    s->longest = longest;
    s->label_count = s->free_count = s->required_count = s->node_count = s->member_count = s->queue_size = s->queue_count = 0;
    s->open = false;
    claim_note(s);
}

/* ---- sets ---- */

/* Stamps in place of clearing: a step costs what it touches. */
static void begin_set(struct search *s)
{
    s->set_count = 0;
    if (!++s->stamp) {
        memset(s->state_marks, 0, s->prover->nfa->state_count * sizeof *s->state_marks);
        memset(s->group_marks, 0, s->prover->nfa->group_count * sizeof *s->group_marks);
        memset(s->class_marks, 0, s->prover->nfa->class_count * sizeof *s->class_marks);
        s->stamp = 1;
    }
    for (size_t i = 0; i < s->label_count; i++)
        s->status[s->labels[i]] = 0;
}

/* status is of the set at hand, which claim_is_possible reads. */
static void add_state(struct search *s, uint32_t state)
{
    const struct nfa *nfa = s->prover->nfa;
    if (s->state_marks[state] == s->stamp)
        return;
    s->state_marks[state] = s->stamp;
    s->group_marks[nfa->group[state]] = s->stamp;
    s->set[s->set_count++] = state;
    s->status[nfa->label[state]] |=
        (unsigned char)(HAS_STATE | (nfa->flags[state] & NFA_ENDS ? CAN_END : 0) | (nfa->flags[state] & NFA_UNIVERSAL ? IS_UNIVERSAL : 0));
}

/* Another state of the same label takes whatever this one takes. */
static bool is_idle(const struct search *s, uint32_t state)
{
    const struct nfa *nfa = s->prover->nfa;
    if (nfa->flags[state] & NFA_UNIVERSAL)
        return false;
    if (s->status[nfa->label[state]] & IS_UNIVERSAL)
        return true;
    for (uint32_t g = nfa->above[nfa->group[state]]; g != UINT32_MAX; g = nfa->above[g])
        if (s->group_marks[g] == s->stamp)
            return true;
    return false;
}

static int compare_states(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_states(uint32_t *states, uint32_t count)
{
    enum { INSERTION_MAX = 12 };
    if (count > INSERTION_MAX) {
        qsort(states, count, sizeof *states, compare_states);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        uint32_t state = states[i], k = i;
        for (; k && states[k - 1] > state; k--)
            states[k] = states[k - 1];
        states[k] = state;
    }
}

static void drop_idle(struct search *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->set_count; i++)
        if (!is_idle(s, s->set[i]))
            s->set[kept++] = s->set[i];
    s->set_count = kept;
}

/* The set as members: those that must be equal, then the others, ascending each.
 * equal counts the first kind. Two sets with equal first parts are compared by inclusion of the second. */
static struct search_node store_set(struct search *s)
{
    const struct nfa *nfa = s->prover->nfa;
    struct search_node node = {.first = s->member_count};
    for (int forbidden = 0; forbidden < 2; forbidden++) {
        size_t first = s->member_count;
        for (uint32_t i = 0; i < s->set_count; i++)
            if ((s->polarity[nfa->label[s->set[i]]] == POLARITY_FORBIDS) == forbidden)
                *ARENA_PUSH(s->arena, s->members, s->member_count, s->member_capacity) = s->set[i];
        if (s->member_count > first) /* else members may be NULL, to which nothing may be added, not even 0 */
            sort_states(s->members + first, (uint32_t)(s->member_count - first));
        node.equal = forbidden ? node.equal : (uint32_t)(s->member_count - first);
    }
    node.count = (uint32_t)(s->member_count - node.first);
    return node;
}

/* Steps are counted down to 0 and no further: s->steps 0 stops the search, and the answer is open. */
static void step_set(struct search *s, const struct search_node *node, uint32_t symbol)
{
    const struct nfa *nfa = s->prover->nfa;
    begin_set(s);
    for (uint32_t i = 0; i < node->count; i++) {
        uint32_t state = s->members[node->first + i];
        for (uint32_t m = nfa->first_move[state]; m < nfa->first_move[state + 1]; m++)
            if (nfa_class_has(nfa, nfa->moves[m].symbols, symbol))
                add_state(s, nfa->moves[m].target);
        uint64_t moves = nfa->first_move[state + 1] - nfa->first_move[state];
        s->steps -= moves < s->steps ? moves : s->steps;
    }
    drop_idle(s);
}

/* ---- sets seen before ---- */

/* Both ascending. */
static bool is_subset(const uint32_t *small, uint32_t count, const uint32_t *large, uint32_t large_count)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++, k++) {
        while (k < large_count && large[k] < small[i])
            k++;
        if (k == large_count || large[k] != small[i])
            return false;
    }
    return true;
}

static size_t slot_of(const struct search *s, const struct search_node *n)
{
    size_t slot = set_hash(s->members + n->first, n->equal) & (s->slot_count - 1);
    for (; s->slots[slot]; slot = (slot + 1) & (s->slot_count - 1)) {
        const struct search_node *old = &s->nodes[s->slots[slot] - 1];
        if (old->equal == n->equal && (!n->equal || !memcmp(s->members + old->first, s->members + n->first, n->equal * sizeof *s->members)))
            break;
    }
    return slot;
}

/* Whether a node no deeper has the same states but fewer of those that forbid. */
static bool is_covered(struct search *s, const struct search_node *n)
{
    uint32_t at = s->slots[slot_of(s, n)];
    for (; at; at = s->nodes[at - 1].chain) {
        const struct search_node *old = &s->nodes[at - 1];
        s->steps -= s->steps > 0;
        if (old->depth <= n->depth && is_subset(s->members + old->first + old->equal, old->count - old->equal, s->members + n->first + n->equal, n->count - n->equal))
            return true;
    }
    return false;
}

static void grow_slots(struct search *s)
{
    s->slot_count *= 2;
    if (s->slot_count > s->slot_capacity) {
        s->slot_capacity = s->slot_count;
        s->slots = ARENA_ARRAY(s->arena, s->slot_count, uint32_t);
    }
    memset(s->slots, 0, s->slot_count * sizeof *s->slots);
    for (uint32_t i = 0; i < s->node_count; i++) {
        size_t slot = slot_of(s, &s->nodes[i]);
        s->nodes[i].chain = s->slots[slot];
        s->slots[slot] = i + 1;
    }
}

/* What a string still needs: the most that any label that must hold needs from its nearest state.
 * Never more than what is needed (each label's automaton read alone is a relaxation), so the first end taken from the queue is a
 * shortest string. A required label without a state gives UINT32_MAX: nothing can be found here. */
static uint32_t measure_set(struct search *s, const struct search_node *n)
{
    const struct prover *p = s->prover;
    uint32_t most = 0;
    for (size_t i = 0; i < s->required_count; i++)
        s->nearest[s->required[i]] = UINT32_MAX;
    for (uint32_t i = 0; s->required_count && i < n->count; i++) {
        uint32_t state = s->members[n->first + i], *nearest = &s->nearest[p->nfa->label[state]];
        *nearest = p->distances[state] < *nearest ? p->distances[state] : *nearest;
    }
    for (size_t i = 0; i < s->required_count; i++)
        most = s->nearest[s->required[i]] > most ? s->nearest[s->required[i]] : most;
    return most;
}

/* The last one entered is the first of its length to be followed.
 * Buckets by length: lengths are small numbers. */
static void queue_node(struct search *s, uint32_t at)
{
    struct search_node *n = &s->nodes[at];
    if (n->least >= s->queue_size) {
        size_t size = 2 * (size_t)n->least + 64;
        if (size > s->queue_capacity) {
            s->queue = arena_grow(s->arena, s->queue, s->queue_size, size, sizeof *s->queue);
            s->queue_capacity = size;
        }
        memset(s->queue + s->queue_size, 0, (size - s->queue_size) * sizeof *s->queue);
        s->queue_size = size;
    }
    n->next = s->queue[n->least];
    s->queue[n->least] = at + 1;
    s->queue_count++;
}

/* The node, UINT32_MAX: none is left. *least only grows, since no step is longer than it looks. */
static uint32_t take_node(struct search *s, uint32_t *least)
{
    if (!s->queue_count)
        return UINT32_MAX;
    while (!s->queue[*least])
        ++*least;
    uint32_t at = s->queue[*least] - 1;
    s->queue[*least] = s->nodes[at].next;
    s->queue_count--;
    return at;
}

static void enter_node(struct search *s, struct search_node node)
{
    if (2 * (s->node_count + 1) > s->slot_count)
        grow_slots(s);
    size_t slot = slot_of(s, &node);
    node.chain = s->slots[slot];
    *ARENA_PUSH(s->arena, s->nodes, s->node_count, s->node_capacity) = node;
    s->slots[slot] = (uint32_t)s->node_count;
    queue_node(s, (uint32_t)s->node_count - 1);
}

/* ---- symbols ---- */

/* Splits the blocks by a class: each is inside it or outside afterwards.
 * From the last block down: fresh ones are put behind and are not split again by the same class. */
static void split_blocks(struct search *s, uint32_t class)
{
    const struct nfa *nfa = s->prover->nfa;
    const uint64_t *bits = nfa->class_bits + class * nfa->class_words;
    size_t words = nfa->class_words;
    for (uint32_t b = s->block_count; b--;) {
        uint64_t *block = s->blocks + b * words, *fresh = s->blocks + s->block_count * words, in = 0, out = 0;
        for (size_t w = 0; w < words; w++) {
            fresh[w] = block[w] & ~bits[w];
            in |= block[w] & bits[w];
            out |= fresh[w];
        }
        if (!in || !out)
            continue;
        for (size_t w = 0; w < words; w++)
            block[w] &= bits[w];
        s->block_count++;
    }
}

static uint32_t best_symbol(const struct search *s, const uint64_t *block)
{
    const struct prover *p = s->prover;
    uint32_t best = UINT32_MAX;
    for (size_t w = 0; w < p->nfa->class_words; w++)
        for (uint64_t bits = block[w]; bits; bits &= bits - 1) {
            uint32_t symbol = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
            best = best == UINT32_MAX || p->ranks[symbol] < p->ranks[best] ? symbol : best;
        }
    return best;
}

/* One symbol for all that the node treats alike, the best looking first. */
static void find_symbols(struct search *s, const struct search_node *node)
{
    const struct prover *p = s->prover;
    const struct nfa *nfa = p->nfa;
    begin_set(s);
    s->block_count = 1;
    memcpy(s->blocks, nfa->class_bits, nfa->class_words * sizeof *s->blocks); /* class 0: all */
    for (uint32_t i = 0; i < node->count; i++) {
        uint32_t state = s->members[node->first + i];
        for (uint32_t m = nfa->first_move[state]; m < nfa->first_move[state + 1]; m++) {
            uint32_t class = nfa->moves[m].symbols;
            if (s->class_marks[class] != s->stamp)
                split_blocks(s, class);
            s->class_marks[class] = s->stamp;
        }
    }
    for (uint32_t b = 0; b < s->block_count; b++) {
        uint32_t symbol = best_symbol(s, s->blocks + b * nfa->class_words), k = b;
        for (; k && p->ranks[s->block_symbols[k - 1]] > p->ranks[symbol]; k--)
            s->block_symbols[k] = s->block_symbols[k - 1];
        s->block_symbols[k] = symbol;
    }
    s->steps -= s->block_count < s->steps ? s->block_count : s->steps;
}

/* ---- the search ---- */

/* The status of the labels is that of the node. */
static void look_at(struct search *s, const struct search_node *node)
{
    begin_set(s);
    for (uint32_t i = 0; i < node->count; i++)
        add_state(s, s->members[node->first + i]);
}

/* Whether a string that ends in the node is what is looked for.
 * solve NULL: free tests stay open, and only what is certain counts. */
static bool try_end(struct search *s, const struct search_node *node, search_solve *solve, void *user)
{
    look_at(s, node);
    if (!claim_is_possible(s, true))
        return false;
    if (claim_is_certain(s) && !s->free_count)
        return true;
    enum proof answer = solve ? solve(user, s) : claim_is_certain(s) ? PROOF_YES : PROOF_NO;
    s->open |= answer == PROOF_OPEN;
    return answer == PROOF_YES;
}

/* Makes the set at hand a node behind `at`, unless it leads nowhere new.
 * least never falls on the way (pathmax), so that the queue is taken in order. */
static void follow(struct search *s, uint32_t at, uint32_t symbol)
{
    size_t members = s->member_count;
    if (!claim_is_possible(s, false))
        return;
    struct search_node node = store_set(s);
    uint32_t rest = measure_set(s, &node), before = s->nodes[at].least;
    node.parent = at;
    node.symbol = symbol;
    node.depth = s->nodes[at].depth + 1;
    node.least = node.depth + rest > before ? node.depth + rest : before;
    if (rest > s->longest || node.least > s->longest || is_covered(s, &node))
        s->member_count = members;
    else
        enter_node(s, node);
}

/* A label that the claim only asks for needs one run of its automaton, so its states may be followed one by one: then
 * there are no more sets of them than states. The set at hand with each state of the label alone. */
static void follow_runs(struct search *s, uint32_t at, uint32_t symbol, uint32_t label)
{
    const struct nfa *nfa = s->prover->nfa;
    uint32_t count = s->set_count, others = 0, *all = s->runs;
    for (uint32_t i = 0; i < count; i++)
        if (nfa->label[s->set[i]] != label)
            s->set[others++] = s->set[i];
        else
            all[i - others] = s->set[i];
    for (uint32_t i = 0; i < count - others; i++) {
        unsigned char flags = nfa->flags[all[i]];
        s->status[label] = (unsigned char)(HAS_STATE | (flags & NFA_ENDS ? CAN_END : 0) | (flags & NFA_UNIVERSAL ? IS_UNIVERSAL : 0));
        s->set[others] = all[i];
        s->set_count = others + 1;
        follow(s, at, symbol);
    }
}

/* The first label of several states that the claim only asks for; UINT32_MAX: none, or the search is small as it is. */
static uint32_t find_run_label(const struct search *s)
{
    const struct nfa *nfa = s->prover->nfa;
    for (uint32_t i = 0; i < s->set_count && s->node_count > RUNS_FROM; i++)
        for (uint32_t k = i + 1; k < s->set_count && s->polarity[nfa->label[s->set[i]]] == POLARITY_ASKS; k++)
            if (nfa->label[s->set[k]] == nfa->label[s->set[i]])
                return nfa->label[s->set[i]];
    return UINT32_MAX;
}

static bool is_full(const struct search *s)
{
    return !s->steps || s->node_count >= NODES_MAX || s->member_count >= MEMBERS_MAX;
}

/* Follows every symbol from a node; the best looking one is entered last. */
static void expand(struct search *s, uint32_t at)
{
    struct search_node from = s->nodes[at];
    find_symbols(s, &from);
    for (uint32_t b = s->block_count; b-- && s->steps;) {
        uint32_t symbol = s->block_symbols[b];
        step_set(s, &from, symbol);
        uint32_t label = find_run_label(s);
        if (label == UINT32_MAX)
            follow(s, at, symbol);
        else
            follow_runs(s, at, symbol, label);
    }
}

static void enter_start(struct search *s)
{
    const struct prover *p = s->prover;
    begin_set(s);
    for (size_t i = 0; i < s->label_count; i++)
        if (p->nfa->starts[s->labels[i]] != UINT32_MAX)
            add_state(s, p->nfa->starts[s->labels[i]]);
    if (!claim_is_possible(s, false))
        return;
    drop_idle(s);
    struct search_node start = store_set(s);
    start.least = measure_set(s, &start);
    if (start.least <= s->longest && start.least != UINT32_MAX)
        enter_node(s, start);
}

/* NO is a proof: the queue ran empty, no limit was met and no free test was left open on the way. */
enum proof search_run(struct search *s, const struct claim *claim, enum subject_kind kind, uint32_t longest, search_solve *solve, void *user, uint32_t *node)
{
    struct prover *p = s->prover;
    begin_claim(s, claim, kind, longest);
    uint64_t budget = p->step_limit < p->steps ? p->step_limit : p->steps;
    uint32_t least = 0;
    bool found = false;
    s->steps = budget;
    enter_start(s);
    while (!found && !is_full(s) && (*node = take_node(s, &least)) != UINT32_MAX) {
        struct search_node at = s->nodes[*node];
        found = try_end(s, &at, solve, user);
        if (!found)
            expand(s, *node);
    }
    bool stopped = is_full(s);
    budget -= s->steps;
    p->steps -= budget + SEARCH_STEPS < p->steps ? budget + SEARCH_STEPS : p->steps;
    p->stopped |= stopped && !found;
    return found ? PROOF_YES : stopped || s->open ? PROOF_OPEN : PROOF_NO;
}

const char *search_string(const struct search *s, uint32_t node, size_t *size)
{
    const struct prover *p = s->prover;
    uint32_t depth = s->nodes[node].depth;
    char *bytes = ARENA_ARRAY(p->arena, 4 * (size_t)depth + 1, char);
    uint32_t *symbols = ARENA_ARRAY(p->arena, depth + 1, uint32_t);
    for (uint32_t at = node; s->nodes[at].depth; at = s->nodes[at].parent)
        symbols[s->nodes[at].depth - 1] = s->nodes[at].symbol;
    *size = 0;
    for (uint32_t i = 0; i < depth; i++)
        *size += utf8_put(bytes + *size, p->code_points[symbols[i]]);
    return bytes;
}
