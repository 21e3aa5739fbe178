/* Climbing: a query as steps over the chain of modules, from the module that is asked about up to the root, all ways at once
 * (Thompson's construction, read backwards). Time is the number of modules times that of steps. mpath.h.
 * What is not known makes a step unknown; the climb then runs twice: over the steps that may be taken, then over those that
 * must be. */
#include "codegen/match/mpath.h"

#include <string.h>

/* ---- building ---- */

struct builder {
    struct program *program;
    struct chain *chain;
    size_t capacity;
    mpath_regex *parse;
    void *user;
    bool failed;
};

static uint32_t add_step(struct builder *b, struct chain_step step)
{
    size_t count = b->chain->count;
    *ARENA_PUSH(b->program->arena, b->chain->steps, count, b->capacity) = step;
    b->chain->count = (uint32_t)count;
    return (uint32_t)count - 1;
}

/* One label for each regex, however often it is written. */
static const struct label *find_label(struct builder *b, const struct mpath *node)
{
    struct program *p = b->program;
    const struct regex *root = b->parse(b->user, &p->pools[FIELD_chain], &node->text);
    b->failed |= !root;
    for (size_t i = 0; i < p->chain_label_count; i++)
        if (p->chain_labels[i]->root == root)
            return p->chain_labels[i];
    struct label *label = ARENA_NEW(p->arena, struct label);
    *label = (struct label){.field = FIELD_chain, .root = root, .span = node->text.span, .number = (uint32_t)p->chain_label_count};
    *ARENA_PUSH(p->arena, p->chain_labels, p->chain_label_count, p->chain_label_capacity) = label;
    return label;
}

/* Negations are folded: twice is not at all. */
static uint32_t add_take(struct builder *b, const struct mpath *node, uint32_t next)
{
    struct chain_step step = {.kind = CHAIN_TAKE, .next = next};
    for (; node->kind == MPATH_NODE_NOT; node = node->items[0])
        step.negated = !step.negated;
    step.never = step.negated && node->kind == MPATH_NODE_ONE;
    step.asked = node->kind == MPATH_NODE_ONE ? NULL : node;
    step.label = node->kind == MPATH_NODE_RE ? find_label(b, node) : NULL;
    b->chain->names |= step.label != NULL;
    return add_step(b, step);
}

/* The steps of the node with `next` behind them, as the climb goes: a sequence is climbed from its last item. */
static uint32_t add_node(struct builder *b, const struct mpath *node, uint32_t next)
{
    uint32_t loop, all;
    switch (node->kind) {
    case MPATH_NODE_MANY:
        loop = add_step(b, (struct chain_step){.kind = CHAIN_SPLIT, .next = next});
        all = add_step(b, (struct chain_step){.kind = CHAIN_TAKE, .next = loop});
        b->chain->steps[loop].other = all;
        return loop;
    case MPATH_NODE_SEQUENCE:
        for (size_t i = 0; i < node->count; i++)
            next = add_node(b, node->items[i], next);
        return next;
    case MPATH_NODE_EITHER:
        all = add_node(b, node->items[0], next);
        for (size_t i = 1; i < node->count; i++)
            all = add_step(b, (struct chain_step){.kind = CHAIN_SPLIT, .next = add_node(b, node->items[i], next), .other = all});
        return all;
    case MPATH_NODE_NAME: case MPATH_NODE_ONE: case MPATH_NODE_NOT: case MPATH_NODE_RE: case MPATH_NODE_CLASS: case MPATH_NODE_TAGS:
        break;
    }
    return add_take(b, node, next);
}

struct chain *chain_build(struct program *program, const struct mpath *query, mpath_regex *parse, void *user)
{
    struct text text = text_make(program->arena);
    struct builder b = {.program = program, .parse = parse, .user = user};
    b.chain = ARENA_NEW(program->arena, struct chain);
    mpath_print(&text, query);
    *b.chain = (struct chain){.text = text_string(&text), .size = text.size};
    uint32_t end = add_step(&b, (struct chain_step){.kind = CHAIN_END});
    b.chain->start = add_node(&b, query, end);
    return b.failed ? NULL : b.chain;
}

/* ---- one module ---- */

/* A module on the way up: its name and, where it is known, its node. */
struct climb {
    const struct module_node *node; /* NULL: names alone */
    struct field name;
    const uint64_t *labels; /* of the name */
};

static bool same(const struct field *a, const struct ast_string *b)
{
    return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

/* A spelling of the class, or its end behind a dot: what a query may call it depends on imports that are not seen here. */
static bool is_spelling(const struct field *class, const struct ast_string *asked)
{
    if (class->size < asked->size || memcmp(class->bytes + class->size - asked->size, asked->bytes, asked->size))
        return false;
    return class->size == asked->size || class->bytes[class->size - asked->size - 1] == '.';
}

static enum truth test_class(const struct module_node *node, const struct ast_string *asked)
{
    bool found = false;
    if (!node)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; node->types && i < node->type_count && !found; i++)
        found = is_spelling(&node->types[i], asked);
    for (size_t i = 0; node->bases && i < node->base_count && !found; i++)
        found = is_spelling(&node->bases[i], asked);
    return found ? TRUTH_YES : node->types && node->bases ? TRUTH_NO : TRUTH_UNKNOWN;
}

/* The tag itself, or one below it: FastForward stores every ancestor of a tag. */
static bool has_tag(const struct module_node *node, const char *bytes, size_t size)
{
    for (size_t i = 0; i < node->tag_count; i++) {
        const struct field *tag = &node->tags[i];
        if (tag->size >= size && !memcmp(tag->bytes, bytes, size) && (tag->size == size || tag->bytes[size] == '/'))
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Every tag between commas, without the blanks around it; a quantizer's alone count. */
static enum truth test_tags(const struct module_node *node, const struct ast_string *asked)
{
    const char *at = asked->bytes, *end = asked->bytes + asked->size;
    if (!node || (node->quantizer && !node->tags))
        return TRUTH_UNKNOWN;
    if (!node->quantizer)
        return TRUTH_NO;
    for (bool more = true; more;) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *from = at, *to = comma ? comma : end;
        while (from < to && is_blank(*from))
            from++;
        while (to > from && is_blank(to[-1]))
            to--;
        if (!has_tag(node, from, (size_t)(to - from)))
            return TRUTH_NO;
        more = comma != NULL;
        at = more ? comma + 1 : end;
    }
    return TRUTH_YES;
}

static enum truth test_asked(const struct climb *c, const struct chain_step *step)
{
    const struct mpath *asked = step->asked;
    switch (asked->kind) {
    case MPATH_NODE_NAME: return same(&c->name, &asked->text) ? TRUTH_YES : TRUTH_NO;
    case MPATH_NODE_RE: return c->labels[step->label->number / 64] >> step->label->number % 64 & 1 ? TRUTH_YES : TRUTH_NO;
    case MPATH_NODE_CLASS: return test_class(c->node, &asked->text);
    case MPATH_NODE_TAGS: return test_tags(c->node, &asked->text);
    case MPATH_NODE_ONE: case MPATH_NODE_MANY: case MPATH_NODE_NOT: case MPATH_NODE_EITHER: case MPATH_NODE_SEQUENCE: break;
    }
    return TRUTH_NO;
}

static enum truth test_step(const struct climb *c, const struct chain_step *step)
{
    if (!step->asked)
        return step->never ? TRUTH_NO : TRUTH_YES;
    enum truth truth = test_asked(c, step);
    return step->negated ? truth_not(truth) : truth;
}

/* ---- the way up ---- */

/* The steps at which the climb stands, each once. */
struct standing {
    uint32_t *steps, count;
};
struct run {
    const struct chain *chain;
    const struct subject *subject;
    chain_labels *labels;
    void *user;
    bool surely;             /* what is unknown is not taken; else it is */
    uint32_t *marks, *stack; /* by step; steps still to be followed */
    uint32_t mark;
    struct standing now, then;
    bool ended;              /* END is among those at which it stands */
};

/* Four arrays by step: marks, stack, and two sets of standing. */
size_t chain_size(const struct chain *chain)
{
    return 4 * sizeof(uint32_t) * ((size_t)chain->count + 1);
}

/* The step and where it leads without taking a module. */
static void stand(struct run *r, struct standing *at, uint32_t step)
{
    uint32_t depth = 0;
    if (r->marks[step] != r->mark)
        r->stack[depth++] = step;
    r->marks[step] = r->mark;
    while (depth) {
        const struct chain_step *s = &r->chain->steps[r->stack[--depth]];
        uint32_t ways[2] = {s->next, s->other};
        if (s->kind == CHAIN_TAKE)
            at->steps[at->count++] = (uint32_t)(s - r->chain->steps);
        r->ended |= s->kind == CHAIN_END;
        for (int w = 0; w < 2 && s->kind == CHAIN_SPLIT; w++)
            if (r->marks[ways[w]] != r->mark) {
                r->marks[ways[w]] = r->mark;
                r->stack[depth++] = ways[w];
            }
    }
}

/* One module up: the steps that take it, and where they lead. */
static void take(struct run *r, struct climb *c)
{
    if (r->chain->names)
        c->labels = r->labels(r->user, &c->name);
    r->then.count = 0;
    r->mark++;
    r->ended = false;
    for (uint32_t i = 0; i < r->now.count; i++) {
        const struct chain_step *step = &r->chain->steps[r->now.steps[i]];
        enum truth truth = test_step(c, step);
        if (truth == TRUTH_YES || (truth == TRUTH_UNKNOWN && !r->surely))
            stand(r, &r->then, step->next);
    }
    struct standing swap = r->now;
    r->now = r->then;
    r->then = swap;
}

static void begin(struct run *r, bool surely)
{
    memset(r->marks, 0, r->chain->count * sizeof *r->marks);
    r->surely = surely;
    r->mark = 1;
    r->now.count = 0;
    r->ended = false;
    stand(r, &r->now, r->chain->start);
}

/* Over the nodes; the root is no part of the path, and no result. */
static bool climb_nodes(struct run *r, const struct module_node *node)
{
    bool any = false;
    for (; node->parent && (r->now.count || !any); node = node->parent) {
        struct climb c = {.node = node, .name = node->name};
        any = true;
        take(r, &c);
    }
    return any && r->ended && !node->parent;
}

/* Over a path's segments; of the last one, the module itself, what `own` says is known. */
static bool climb_path(struct run *r, const struct field *path, const struct module_node *own)
{
    bool more = path->size > 0;
    size_t end = path->size;
    while (more && r->now.count) {
        size_t begin = end;
        while (begin && path->bytes[begin - 1] != '.')
            begin--;
        struct climb c = {.node = own, .name = {path->bytes + begin, end - begin}};
        take(r, &c);
        own = NULL;
        more = begin > 0;
        end = begin ? begin - 1 : 0;
    }
    return path->size && !more && r->ended;
}

/* Any of the module's places in the tree. Paths beyond those the description has nodes for are cut at the dots. */
static bool climb_places(struct run *r, bool surely)
{
    const struct subject *s = r->subject;
    const struct module_node *node = s->node;
    const struct module_node own = {.types = s->types, .bases = s->bases, .tags = s->tags,
                                    .type_count = s->type_count, .base_count = s->base_count, .tag_count = s->tag_count, .quantizer = true};
    size_t paths = s->paths ? s->path_count : 1, done = 0;
    for (; node; node = node->alias, done++) {
        begin(r, surely);
        if (climb_nodes(r, node))
            return true;
    }
    for (; done < paths; done++) {
        begin(r, surely);
        if (climb_path(r, s->paths ? &s->paths[done] : &s->module, s->node ? s->node : &own))
            return true;
    }
    return false;
}

/* Taking what is unknown can only select more, not taking it only less: no way with it is NO, a way without it YES, else
 * UNKNOWN. Negated steps are three-valued themselves, so that this holds for them too. */
enum truth chain_test(const struct chain *chain, const struct subject *subject, void *memory, chain_labels *labels, void *user)
{
    uint32_t *arrays = memory;
    size_t count = (size_t)chain->count + 1;
    struct run r = {.chain = chain, .subject = subject, .labels = labels, .user = user, .marks = arrays, .stack = arrays + count,
                    .now.steps = arrays + 2 * count, .then.steps = arrays + 3 * count};
    if (!subject->node && !subject->module.bytes)
        return TRUTH_UNKNOWN;
    if (!climb_places(&r, false))
        return TRUTH_NO;
    return climb_places(&r, true) ? TRUTH_YES : TRUTH_UNKNOWN;
}
