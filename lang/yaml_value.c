/* YAML texts: libyaml's events become a tree. In: a source. Out: a document of typed nodes, or a root of NULL after messages.
 * Rule: YAML 1.1 as PyYAML's SafeLoader reads it; what a recipe cannot mean (foreign tags, several documents, keys that are
 * collections) is refused. Anchors are resolved to shared nodes, so memory stays linear in the text; what an alias adds to the
 * unfolded tree is charged to a budget. Nothing recurses: open collections stand on an explicit stack. See yaml_value.h. */
#include "lang/yaml_tree.h"

#include <string.h>
#include <yaml.h>

struct frame {
    struct yaml_node *node;
    struct yaml_node *key; /* of a mapping, while its value is awaited */
    size_t capacity;
};

struct reader {
    yaml_parser_t parser; /* owned; released by close_reader, which arena_close calls too */
    yaml_event_t event;   /* owned, likewise */
    struct arena *arena;
    struct source *source;
    struct diags *diags;
    struct yaml_document *document;
    size_t scalar_capacity;
    uint32_t characters, bytes, begin, end; /* a character index with its byte offset; the range read */
    struct yaml_table anchors;    /* name -> index into nodes */
    struct yaml_node **nodes;
    size_t node_count, node_capacity;
    struct frame *frames;
    size_t depth, frame_capacity;
    int64_t budget;
    uint32_t last_end; /* of the latest event with text of its own */
    bool over; /* a document was read to its end */
};

/* Safe to run twice, and before there is a parser: libyaml zeroes what it deletes. */
static void close_reader(void *resource)
{
    struct reader *r = resource;
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

/* ---- places ---- */

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* libyaml counts characters; marks move forward but for short steps back, so a walking cursor is linear. */
static uint32_t locate(struct reader *r, yaml_mark_t mark)
{
    const char *text = r->source->bytes;
    while (r->characters < mark.index && r->bytes < r->end) {
        r->characters++;
        do
            r->bytes++;
        while (r->bytes < r->end && continues_character(text[r->bytes]));
    }
    while (r->characters > mark.index && r->bytes > r->begin) {
        r->characters--;
        do
            r->bytes--;
        while (r->bytes > r->begin && continues_character(text[r->bytes]));
    }
    return r->bytes;
}

static struct span event_span(struct reader *r)
{
    uint32_t begin = locate(r, r->event.start_mark);
    return (struct span){r->source, begin, locate(r, r->event.end_mark)};
}

/* The one character at a mark. */
static struct span point(struct reader *r, yaml_mark_t mark)
{
    uint32_t at = locate(r, mark);
    return (struct span){r->source, at, at + (at < r->end)};
}

/* ---- libyaml's errors ---- */

/* The three mistakes that users of Megatron's form make. */
static void help_with_syntax(struct reader *r, struct diag *diag, uint32_t at)
{
    const char *text = r->source->bytes;
    if (text[at] == '\t')
        diag_help(r->diags, diag, "a tab cannot indent YAML; use blanks");
    else if ((at > 0 && text[at - 1] == '*') || text[at] == '*')
        diag_help(r->diags, diag, "a pattern that begins with `*` needs quotes: \"*…\"");
    else if (text[at] == '%' || text[at] == '@' || text[at] == '`')
        diag_help(r->diags, diag, "a value that begins with `%c` needs quotes", text[at]);
}

/* libyaml's problem at its place, and the context it was reading as a note. */
static void report_syntax(struct reader *r)
{
    yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        diag_report(r->diags, DIAG_out_of_memory, (struct span){0}, "no memory left while reading YAML");
        return;
    }
    if (p->error == YAML_READER_ERROR) { /* offset of the byte, not a mark */
        uint32_t at = r->begin + (uint32_t)p->problem_offset;
        at = at < r->end ? at : r->end;
        diag_report(r->diags, DIAG_bad_character, (struct span){r->source, at, at + (at < r->end)},
                    "the character U+%04X cannot stand in YAML", (unsigned)p->problem_value);
        return;
    }
    struct span place = point(r, p->problem_mark);
    struct diag *diag = diag_report(r->diags, DIAG_yaml_syntax, place, "%s", p->problem ? p->problem : "a syntax error");
    if (p->context)
        diag_note(r->diags, diag, point(r, p->context_mark), "%s", p->context);
    help_with_syntax(r, diag, place.begin);
}

/* ---- anchors ---- */

static struct yaml_node *new_node(struct reader *r, enum yaml_kind kind)
{
    struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
    node->kind = kind;
    node->span = event_span(r);
    return node;
}

/* Anchors are known from their first character on, so that a node that contains itself is told apart.
 * An anchor defined twice keeps its first node: later aliases are already in doubt. */
static void set_anchor(struct reader *r, const yaml_char_t *anchor, struct yaml_node *node)
{
    if (!anchor)
        return;
    bool found;
    const char *name = arena_string(r->arena, (const char *)anchor);
    uint32_t *index = yaml_table_at(&r->anchors, name, &found);
    if (found) {
        struct diag *diag = diag_report(r->diags, DIAG_yaml_alias, node->span, "the anchor `&%s` is defined twice", name);
        diag_note(r->diags, diag, r->nodes[*index]->span, "the first one is here");
        return;
    }
    *index = (uint32_t)r->node_count;
    *ARENA_PUSH(r->arena, r->nodes, r->node_count, r->node_capacity) = node;
}

/* Stands where something was reported, so that nothing more is said about it. */
static struct yaml_node *bad_node(struct reader *r)
{
    struct yaml_node *node = new_node(r, YAML_NULL);
    node->bad = true;
    node->text = "";
    node->weight = node->height = 1;
    return node;
}

/* The anchored node; a stand-in after a message; NULL when a limit ends the reading.
 * weight 0 says that the node is still being read. An unknown anchor is entered, so that it is reported once. */
static struct yaml_node *resolve_alias(struct reader *r)
{
    bool found;
    const char *name = arena_string(r->arena, (const char *)r->event.data.alias.anchor);
    uint32_t *index = yaml_table_at(&r->anchors, name, &found);
    if (!found) {
        struct diag *diag = diag_report(r->diags, DIAG_yaml_alias, event_span(r), "the alias `*%s` has no anchor", name);
        diag_help(r->diags, diag, "a pattern that begins with `*` needs quotes: \"*%s…\"", name);
        *index = (uint32_t)r->node_count;
        return *ARENA_PUSH(r->arena, r->nodes, r->node_count, r->node_capacity) = bad_node(r);
    }
    struct yaml_node *node = r->nodes[*index];
    if (!node->weight) {
        struct diag *diag = diag_report(r->diags, DIAG_yaml_alias, event_span(r), "the alias `*%s` stands inside what it names", name);
        diag_note(r->diags, diag, node->span, "the anchor is here");
        return bad_node(r);
    }
    r->budget -= node->weight;
    if (r->budget < 0) {
        yaml_report_budget(r->diags, event_span(r));
        return NULL;
    }
    if (r->depth + node->height <= YAML_DEPTH_MAX)
        return node;
    diag_report(r->diags, DIAG_too_large, event_span(r), "collections nest deeper than %d", YAML_DEPTH_MAX);
    return NULL;
}

/* ---- building ---- */

static void check_key(struct reader *r, struct yaml_node *key)
{
    if (key->bad)
        return;
    if (key->kind == YAML_SEQUENCE || key->kind == YAML_MAPPING)
        diag_report(r->diags, DIAG_yaml_key, key->span, "expected a scalar as key, saw %s", yaml_kind_words[key->kind]);
    else if (memchr(key->text, 0, key->size))
        diag_report(r->diags, DIAG_yaml_key, key->span, "a key cannot hold a NUL");
}

static bool is_usable_key(const struct yaml_node *key)
{
    return !key->bad && key->kind != YAML_SEQUENCE && key->kind != YAML_MAPPING && !memchr(key->text, 0, key->size);
}

/* `=` and `<<` have types of their own in YAML 1.1 that make no value. */
static void check_value(struct reader *r, struct yaml_node *node)
{
    if (node->kind != YAML_STRING || node->quoted || node->bad)
        return;
    if (strcmp(node->text, "=") && strcmp(node->text, "<<"))
        return;
    diag_report(r->diags, DIAG_yaml_value, node->span, "a plain `%s` has no value in YAML; quote it", node->text);
    node->bad = true;
}

/* Keys and values come in turn; a pair with an unusable key is dropped whole. */
static void add_to_mapping(struct reader *r, struct frame *frame, struct yaml_node *node)
{
    struct yaml_node *mapping = frame->node;
    if (!frame->key) {
        frame->key = node;
        check_key(r, node);
        return;
    }
    check_value(r, node);
    if (is_usable_key(frame->key))
        *ARENA_PUSH(r->arena, mapping->pairs, mapping->count, frame->capacity) = (struct yaml_pair){frame->key, node, false};
    frame->key = NULL;
}

/* Into the innermost open collection, or as the root.
 * The root's value is checked like any other. */
static void add_node(struct reader *r, struct yaml_node *node)
{
    if (!r->depth) {
        check_value(r, node);
        r->document->root = node;
        return;
    }
    struct frame *frame = &r->frames[r->depth - 1];
    if (frame->node->kind == YAML_MAPPING) {
        add_to_mapping(r, frame, node);
        return;
    }
    check_value(r, node);
    *ARENA_PUSH(r->arena, frame->node->items, frame->node->count, frame->capacity) = node;
}

/* libyaml has resolved the handle: `!!x` arrives as tag:yaml.org,2002:x. */
static bool check_tag(struct reader *r, struct yaml_node *node, const char *tag)
{
    if (yaml_tag_known(tag, node->kind))
        return true;
    struct diag *diag = diag_report(r->diags, DIAG_yaml_tag, node->span, "the tag `%s` has no meaning in a recipe", tag);
    diag_help(r->diags, diag, "tags a recipe may use: !!str !!int !!float !!bool !!null !!timestamp !!map !!seq");
    node->bad = true;
    return false;
}

/* A scalar's own text begins after its anchor and tag and, for a block scalar, after the line of its `|`: comments
 * may stand before. */
static void note_scalar(struct reader *r, struct span span, bool block)
{
    const char *text = r->source->bytes;
    uint32_t at = span.begin;
    while (at < span.end && strchr(" \t\r\n&!#", text[at]))
        if (text[at] == '#')
            at += (uint32_t)strcspn(text + at, "\r\n");
        else
            at += text[at] == '&' || text[at] == '!' ? (uint32_t)strcspn(text + at, " \t\r\n,]}") : 1;
    while (block && at < span.end && text[at] != '\n' && text[at] != '\r')
        at++;
    span.begin = at < span.end ? at : span.end;
    r->last_end = span.end;
    *ARENA_PUSH(r->arena, r->document->scalars, r->document->scalar_count, r->scalar_capacity) = (struct yaml_extent){span.begin, span.end};
}

/* A scalar that its tag does not fit is kept as a bad node: the tree's shape stays. */
static bool add_scalar(struct reader *r)
{
    const char *value = (const char *)r->event.data.scalar.value, *tag = (const char *)r->event.data.scalar.tag;
    struct yaml_node *node = new_node(r, YAML_STRING);
    node->size = r->event.data.scalar.length;
    node->text = arena_copy(r->arena, value, node->size);
    node->weight = node->height = 1;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (check_tag(r, node, tag)) {
        const char *wrong = yaml_scalar(r->arena, node, plain, tag);
        if (wrong)
            diag_report(r->diags, DIAG_yaml_value, node->span, "`%s` %s", node->text, wrong);
        node->bad = wrong;
    }
    yaml_scalar_style_t style = r->event.data.scalar.style;
    note_scalar(r, node->span, style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE);
    set_anchor(r, r->event.data.scalar.anchor, node);
    add_node(r, node);
    return true;
}

/* The depth is bounded here, before anything below it is read. */
static bool open_collection(struct reader *r, enum yaml_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct yaml_node *node = new_node(r, kind);
    if (r->depth == YAML_DEPTH_MAX) {
        diag_report(r->diags, DIAG_too_large, node->span, "collections nest deeper than %d", YAML_DEPTH_MAX);
        return false;
    }
    check_tag(r, node, (const char *)tag);
    set_anchor(r, anchor, node);
    *ARENA_PUSH(r->arena, r->frames, r->depth, r->frame_capacity) = (struct frame){.node = node};
    return true;
}

/* Merges and measures it, then hands it to its parent. */
static bool close_collection(struct reader *r)
{
    struct yaml_node *node = r->frames[--r->depth].node;
    struct span span = event_span(r);
    if (span.end > span.begin) /* a bracket; a block ends at whatever comes next, comments passed over */
        r->last_end = span.end;
    node->span.end = r->last_end > node->span.end ? r->last_end : node->span.end;
    if (node->kind == YAML_MAPPING && !yaml_merge(r->arena, node, r->document, r->diags, &r->budget))
        return false;
    yaml_measure(node);
    add_node(r, node);
    return true;
}

/* libyaml compares each `%TAG` with all before it, so their number is bounded here. */
static bool check_directives(struct reader *r, uint32_t at)
{
    const char *text = r->source->bytes;
    unsigned count = 0;
    while (at < r->end) {
        count += text[at] == '%';
        if (count > YAML_DIRECTIVES_MAX) {
            diag_report(r->diags, DIAG_too_large, (struct span){r->source, at, at + 1}, "more than %d YAML directives",
                        YAML_DIRECTIVES_MAX);
            return false;
        }
        if (!strchr("%# \t\r\n.", text[at]))
            return true;
        while (at < r->end && text[at] != '\n' && text[at] != '\r')
            at++;
        at++;
    }
    return true;
}

static bool start_document(struct reader *r)
{
    if (!r->over)
        return true;
    diag_report(r->diags, DIAG_yaml_documents, event_span(r), "a second YAML document begins here; a recipe is one");
    return false;
}

static bool handle_event(struct reader *r)
{
    struct yaml_node *node;
    switch (r->event.type) {
    case YAML_DOCUMENT_START_EVENT: return start_document(r);
    case YAML_DOCUMENT_END_EVENT:
        r->over = true;
        return check_directives(r, event_span(r).end);
    case YAML_ALIAS_EVENT:
        node = resolve_alias(r);
        r->last_end = event_span(r).end;
        if (node)
            add_node(r, node);
        return node;
    case YAML_SCALAR_EVENT: return add_scalar(r);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(r, YAML_SEQUENCE, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_collection(r, YAML_MAPPING, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_collection(r);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT: break;
    }
    return true;
}

/* ---- entries ---- */

/* NULL after a message. The parser is deferred before anything else can escape. */
static struct reader *open_reader(struct arena *arena, struct source *source, uint32_t begin, uint32_t end, struct diags *diags)
{
    struct reader *r = ARENA_NEW(arena, struct reader);
    r->arena = arena;
    r->source = source;
    r->diags = diags;
    r->document = ARENA_NEW(arena, struct yaml_document);
    r->document->source = source;
    r->begin = r->bytes = begin;
    r->end = end;
    r->anchors.arena = arena;
    r->budget = YAML_ALIAS_NODES_MAX;
    arena_defer(arena, close_reader, r);
    if (!yaml_parser_initialize(&r->parser)) {
        diag_report(diags, DIAG_out_of_memory, (struct span){0}, "no memory left while reading YAML");
        return NULL;
    }
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)source->bytes + begin, end - begin);
    return r;
}

/* The tree of source[begin, end); NULL root after a fault that ends the reading. */
static struct yaml_document *read_range(struct arena *arena, struct source *source, uint32_t begin, uint32_t end, struct diags *diags)
{
    struct reader *r = open_reader(arena, source, begin, end, diags);
    bool going = r && check_directives(r, begin), failed = !going;
    while (going) {
        if (!yaml_parser_parse(&r->parser, &r->event)) {
            report_syntax(r);
            failed = true;
            break;
        }
        bool last = r->event.type == YAML_STREAM_END_EVENT;
        failed = !handle_event(r);
        yaml_event_delete(&r->event);
        going = !last && !failed;
    }
    if (r)
        close_reader(r);
    if (failed && r)
        r->document->root = NULL;
    return r ? r->document : ARENA_NEW(arena, struct yaml_document);
}

/* libyaml takes a BOM for a character once the encoding is given, so it is left out here. */
struct yaml_document *yaml_read(struct arena *arena, struct source *source, struct diags *diags)
{
    uint32_t bom = source->size >= 3 && !memcmp(source->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
    struct yaml_document *document = read_range(arena, source, bom, (uint32_t)source->size, diags);
    document->source = source;
    return document;
}

struct yaml_node *yaml_read_span(struct arena *arena, struct source *source, struct span span, struct diags *diags)
{
    struct yaml_document *document = read_range(arena, source, span.begin, span.end, diags);
    yaml_report_duplicates(document, DIAG_yaml_duplicate, diags);
    return document->root;
}

/* ---- questions ---- */

struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    for (size_t i = 0; mapping->kind == YAML_MAPPING && i < mapping->count; i++)
        if (yaml_is(mapping->pairs[i].key, key))
            return mapping->pairs[i].value;
    return NULL;
}

bool yaml_is(const struct yaml_node *node, const char *word)
{
    return node && node->kind == YAML_STRING && strlen(word) == node->size && !memcmp(node->text, word, node->size);
}

bool yaml_truth(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_NULL: return false;
    case YAML_BOOL: return node->boolean;
    case YAML_INT: return node->too_wide || node->integer;
    case YAML_FLOAT: return node->number != 0; /* NaN is true */
    case YAML_TIMESTAMP: return true;
    case YAML_STRING: return node->size;
    case YAML_SEQUENCE:
    case YAML_MAPPING: return node->count;
    case YAML_KIND_COUNT: break;
    }
    return false;
}
