/* Formatter, first half: the canonical lines of an AST. In: an AST of either spelling. Out: lines with their places in the
 * source; layout and comments are qr_format.c's. A config or a schedule stands on one line when it did in a .qr source (or came
 * from YAML) and fits. */
#include "lang/qr_format.h"

#include <string.h>
#include "lang/qr_print.h"
#include "lang/yaml_value.h"

/* SIZE_MAX: it holds a line break. Widths are in code points. */
size_t qr_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            return SIZE_MAX;
        width += (*text & 0xc0) != 0x80;
    }
    return width;
}

/* left: all of it, or what stands before the aligned part; begin and end: its place in the source */
static struct qr_line *add_line(struct qr_lines *lines, unsigned indent, struct text *left, uint32_t begin, uint32_t end)
{
    struct qr_line *line = ARENA_PUSH(lines->arena, lines->items, lines->count, lines->capacity);
    *line = (struct qr_line){.left = text_string(left), .indent = indent, .begin = begin, .end = end};
    return line;
}

static void print_string(struct text *out, const struct ast_string *string)
{
    text_quote(out, string->bytes, string->size);
}

/* ---- predicates ---- */

/* The operands of the topmost chain, each on a line of its own behind its operator.
 * A chain is a balanced tree of one operator: its leaves in order are what was written. */
static void wrap_chain(struct text *out, const struct ast_predicate *p, const struct ast_predicate *top, unsigned indent)
{
    if (p->kind == top->kind) {
        wrap_chain(out, p->left, top, indent);
        text_printf(out, "\n%*s%s ", (int)indent, "", top->kind == AST_OR ? "or" : "and");
        wrap_chain(out, p->right, top, indent);
        return;
    }
    bool parentheses = top->kind == AST_AND && p->kind == AST_OR;
    text_add(out, parentheses ? "(" : "");
    ast_print_predicate(out, p);
    text_add(out, parentheses ? ")" : "");
}

/* used: columns before the predicate */
static void print_predicate(struct text *out, const struct ast_predicate *p, size_t used, unsigned indent)
{
    struct text flat = text_make(out->arena);
    ast_print_predicate(&flat, p);
    bool chain = p->kind == AST_OR || p->kind == AST_AND;
    if (!chain || used + qr_text_width(text_string(&flat)) <= QR_WIDTH)
        text_add_bytes(out, text_string(&flat), flat.size);
    else
        wrap_chain(out, p, p, indent);
}

/* ---- rules ---- */

/* `=> mlp`, `=> skip`, `=> spec w4` */
static const char *print_target(struct arena *arena, const struct ast_rule *rule)
{
    struct text out = text_make(arena);
    text_add(&out, rule->target == AST_TARGET_SPEC ? "=> spec " : "=> ");
    if (rule->target == AST_TARGET_SKIP)
        text_add(&out, "skip");
    else
        qr_print_name(&out, &rule->name);
    return text_string(&out);
}

/* [LABEL:] [disabled] [optional] predicate => target */
static void add_rule(struct qr_lines *lines, const struct ast_rule *rule, unsigned group)
{
    struct text left = text_make(lines->arena);
    if (rule->label.text) {
        qr_print_name(&left, &rule->label);
        text_add(&left, ": ");
    }
    if (rule->use.text) {
        text_add(&left, "use ");
        qr_print_name(&left, &rule->use);
        add_line(lines, QR_INDENT, &left, rule->span.begin, rule->span.end)->group = group;
        return;
    }
    text_add(&left, rule->disabled ? "disabled " : "");
    text_add(&left, rule->optional ? "optional " : "");
    const char *target = print_target(lines->arena, rule);
    print_predicate(&left, rule->predicate, QR_INDENT + left.size + 1 + strlen(target), 2 * QR_INDENT);
    struct qr_line *line = add_line(lines, QR_INDENT, &left, rule->span.begin, rule->span.end);
    line->right = target;
    line->group = group;
}

/* ---- expectations and steps ---- */

static const char *print_expect_target(struct arena *arena, const struct ast_expect *expect)
{
    struct text out = text_make(arena);
    text_add(&out, "=> ");
    if (expect->no_rule)
        text_add(&out, "none");
    else if (expect->target == AST_TARGET_SKIP)
        text_add(&out, "skip");
    else
        qr_print_name(&out, &expect->config);
    return text_string(&out);
}

static void add_expect(struct qr_lines *lines, const struct ast_expect *expect, unsigned group)
{
    struct text left = text_make(lines->arena);
    if (expect->kind == AST_EXPECT_QUANTITY) {
        text_printf(&left, "%s %s ", expect->quantity.text, word_of(WORDS_comparison, (int)expect->comparison));
        qr_print_number(&left, &expect->value);
        add_line(lines, QR_INDENT, &left, expect->span.begin, expect->span.end)->group = group;
        return;
    }
    text_add(&left, expect->kind == AST_EXPECT_PARAM ? "param " : "");
    print_string(&left, &expect->name);
    struct qr_line *line = add_line(lines, QR_INDENT, &left, expect->span.begin, expect->span.end);
    line->right = print_expect_target(lines->arena, expect);
    line->group = group;
}

/* equalize(alpha = 0.5) where glob "*" */
static void add_step(struct qr_lines *lines, const struct ast_step *step)
{
    struct text left = text_make(lines->arena);
    text_printf(&left, "%s(", step->name.text);
    qr_print_arguments(&left, step->arguments);
    text_char(&left, ')');
    if (step->where) {
        text_add(&left, " where ");
        print_predicate(&left, step->where, QR_INDENT + left.size, 2 * QR_INDENT);
    }
    add_line(lines, QR_INDENT, &left, step->span.begin, step->span.end);
}

/* ---- blocks ---- */

static uint32_t last_byte(struct span span)
{
    return span.end > span.begin ? span.end - 1 : span.end;
}

/* The header has no end of its own: what follows it on its line is a comment behind it. */
static void open_block(struct qr_lines *lines, const struct ast_decl *decl, const char *head)
{
    struct text left = text_make(lines->arena);
    text_printf(&left, "%s {", head);
    add_line(lines, 0, &left, decl->span.begin, decl->span.begin)->opens = true;
}

static void close_block(struct qr_lines *lines, const struct ast_decl *decl)
{
    struct text left = text_make(lines->arena);
    text_char(&left, '}');
    uint32_t at = last_byte(decl->span);
    add_line(lines, 0, &left, at, at)->closes = true;
}

/* What stands inside a block that may stand on one line: texts with their places. */
struct item {
    const char *text;
    struct span span;
};
struct items {
    struct item *items;
    size_t count, capacity;
};

static void add_item(struct arena *arena, struct items *items, struct text *text, struct span span)
{
    *ARENA_PUSH(arena, items->items, items->count, items->capacity) = (struct item){text_string(text), span};
}

/* A comment inside cannot stand on the one line. */
static bool holds_comment(struct qr_lines *lines, struct span span)
{
    while (lines->comment && lines->comment->span.begin < span.begin)
        lines->comment = lines->comment->next;
    return lines->comment && lines->comment->span.begin < span.end;
}

static bool holds_line_break(struct span span)
{
    const char *bytes = span.source ? span.source->bytes + span.begin : "";
    size_t size = span.source ? span.end - span.begin : 0;
    return memchr(bytes, '\n', size) || memchr(bytes, '\r', size);
}

/* `config attn { weight w8  bias none }`; false when it does not fit or should not. */
static bool add_one_line(struct qr_lines *lines, const struct ast_decl *decl, const char *head, bool aligned, const struct items *items)
{
    struct text left = text_make(lines->arena), right = text_make(lines->arena);
    text_add(&left, head);
    text_add(&right, "{ ");
    for (size_t i = 0; i < items->count; i++)
        text_printf(&right, "%s%s", items->items[i].text, i + 1 < items->count ? "  " : " ");
    text_char(&right, '}');
    bool was_long = lines->ast->spelling == SPELLING_QR && holds_line_break(decl->span);
    size_t width = qr_text_width(text_string(&left)), more = qr_text_width(text_string(&right));
    if (was_long || holds_comment(lines, decl->span) || width > QR_WIDTH || more > QR_WIDTH || width + 1 + more > QR_WIDTH)
        return false;
    if (!aligned)
        text_printf(&left, " %s", text_string(&right));
    struct qr_line *line = add_line(lines, 0, &left, decl->span.begin, decl->span.end);
    line->right = aligned ? text_string(&right) : NULL;
    line->group = 1 + decl->kind; /* an unaligned one does not part its neighbours */
    return true;
}

static void add_small_block(struct qr_lines *lines, const struct ast_decl *decl, const char *head, bool aligned, const struct items *items)
{
    if (add_one_line(lines, decl, head, aligned, items))
        return;
    open_block(lines, decl, head);
    for (size_t i = 0; i < items->count; i++) {
        struct text left = text_make(lines->arena);
        text_add(&left, items->items[i].text);
        add_line(lines, QR_INDENT, &left, items->items[i].span.begin, items->items[i].span.end);
    }
    close_block(lines, decl);
}

/* ---- configs and schedules ---- */

/* [module] role[key] spec */
static void print_slot(struct text *out, const struct ast_slot *slot)
{
    text_printf(out, "%s%s", slot->module ? "module " : "", slot_role_words[slot->role]);
    if (slot->key == SLOT_KEY_INDEX)
        text_printf(out, "[%lld]", (long long)slot->index);
    if (slot->key == SLOT_KEY_NAME) {
        text_char(out, '[');
        print_string(out, &slot->name);
        text_char(out, ']');
    }
    text_char(out, ' ');
    if (slot->spec)
        ast_print_spec(out, slot->spec);
    else
        text_add(out, "none");
}

static void add_schedule_item(struct qr_lines *lines, struct items *items, const struct ast_decl *decl)
{
    struct text text = text_make(lines->arena);
    text_add(&text, "schedule ");
    qr_print_name(&text, &decl->config.schedule);
    add_item(lines->arena, items, &text, decl->config.schedule.span);
}

/* The user's own YAML where the source has it, else one line made from the JSON. */
static void add_extra_item(struct qr_lines *lines, struct items *items, const struct ast_decl *decl)
{
    struct text text = text_make(lines->arena);
    struct span span = decl->config.extra_span;
    bool written = lines->ast->spelling == SPELLING_QR && span.source == lines->ast->source && span.end > span.begin && span.source->bytes[span.begin] == '{';
    text_add(&text, "extra ");
    if (written)
        text_add_bytes(&text, span.source->bytes + span.begin, span.end - span.begin);
    else
        yaml_print_json(&text, decl->config.extra);
    add_item(lines->arena, items, &text, span);
}

/* Slots in order; `schedule` and `extra` where they stood among them.
 * Slots are a list of their own in the AST; the spans tell where the other two stood. */
static void add_config(struct qr_lines *lines, const struct ast_decl *decl, struct text *head)
{
    struct items items = {0};
    bool schedule = decl->config.schedule.text, extra = decl->config.extra;
    if (decl->config.base.text) {
        text_add(head, " = ");
        qr_print_name(head, &decl->config.base);
    }
    for (const struct ast_slot *slot = decl->config.slots; slot; slot = slot->next) {
        bool after_schedule = schedule && decl->config.schedule.span.begin < slot->span.begin;
        bool after_extra = extra && decl->config.extra_span.begin < slot->span.begin;
        if (after_schedule)
            add_schedule_item(lines, &items, decl);
        if (after_extra)
            add_extra_item(lines, &items, decl);
        schedule &= !after_schedule;
        extra &= !after_extra;
        struct text text = text_make(lines->arena);
        print_slot(&text, slot);
        add_item(lines->arena, &items, &text, slot->span);
    }
    bool extra_first = extra && decl->config.extra_span.begin < decl->config.schedule.span.begin;
    if (extra_first)
        add_extra_item(lines, &items, decl);
    if (schedule)
        add_schedule_item(lines, &items, decl);
    if (extra && !extra_first)
        add_extra_item(lines, &items, decl);
    add_small_block(lines, decl, text_string(head), !decl->config.base.text, &items);
}

static void add_schedule(struct qr_lines *lines, const struct ast_decl *decl, const char *head)
{
    struct items items = {0};
    for (const struct ast_argument *step = decl->schedule; step; step = step->next) {
        struct text text = text_make(lines->arena);
        struct ast_argument value = {.value = step->value};
        text_printf(&text, "%s ", step->key.text);
        qr_print_arguments(&text, &value);
        struct span span = step->key.span.source == step->value.span.source ? span_join(step->key.span, step->value.span) : step->key.span;
        add_item(lines->arena, &items, &text, span);
    }
    add_small_block(lines, decl, head, true, &items);
}

/* ---- declarations ---- */

static void print_group(struct text *out, const struct ast_decl *decl)
{
    for (size_t i = 0; i < decl->group.count; i++) {
        text_add(out, i ? " " : "");
        print_string(out, &decl->group.members[i]);
    }
}

static void print_format(struct text *out, const struct ast_format *format)
{
    if (format->alias.text)
        qr_print_name(out, &format->alias);
    else
        qr_print_definition(out, format);
}

/* `WORD NAME = …` */
static void add_assignment(struct qr_lines *lines, const struct ast_decl *decl, struct text *head)
{
    struct text right = text_make(lines->arena);
    text_add(&right, "= ");
    if (decl->kind == AST_DECL_format)
        print_format(&right, &decl->format);
    else if (decl->kind == AST_DECL_spec)
        ast_print_spec(&right, decl->spec);
    else if (decl->kind == AST_DECL_alias)
        print_string(&right, &decl->alias);
    else if (decl->kind == AST_DECL_group)
        print_group(&right, decl);
    else if (decl->kind == AST_DECL_set)
        print_predicate(&right, decl->set, head->size + 3, QR_INDENT);
    else
        text_add(&right, "none"); /* a config's null payload */
    struct qr_line *line = add_line(lines, 0, head, decl->span.begin, decl->span.end);
    line->right = text_string(&right);
    line->group = 1 + decl->kind;
}

static void add_recipe(struct qr_lines *lines, const struct ast_decl *decl)
{
    struct text left = text_make(lines->arena);
    text_add(&left, "recipe ");
    text_quote(&left, decl->name.text, strlen(decl->name.text));
    if (decl->recipe.has_version)
        text_printf(&left, " version %lld", (long long)decl->recipe.version);
    add_line(lines, 0, &left, decl->span.begin, decl->span.end);
}

static void add_import(struct qr_lines *lines, const struct ast_decl *decl)
{
    struct text left = text_make(lines->arena);
    text_add(&left, "import ");
    print_string(&left, &decl->import.path);
    if (decl->import.as.text) {
        text_add(&left, " as ");
        qr_print_name(&left, &decl->import.as);
    }
    add_line(lines, 0, &left, decl->span.begin, decl->span.end);
}

static void add_match(struct qr_lines *lines, const struct ast_decl *decl)
{
    static const char *const heads[] = {"match first", "match last", "match specific", "match specific compat doc"};
    unsigned group = AST_DECL_COUNT + ++lines->groups;
    open_block(lines, decl, heads[decl->match.policy]);
    for (const struct ast_rule *rule = decl->match.rules; rule; rule = rule->next)
        add_rule(lines, rule, group);
    close_block(lines, decl);
}

static void add_steps(struct qr_lines *lines, const struct ast_decl *decl)
{
    open_block(lines, decl, word_of(WORDS_decl, (int)decl->kind));
    for (const struct ast_step *step = decl->steps; step; step = step->next)
        add_step(lines, step);
    close_block(lines, decl);
}

static void add_expects(struct qr_lines *lines, const struct ast_decl *decl)
{
    unsigned group = AST_DECL_COUNT + ++lines->groups;
    open_block(lines, decl, "expect");
    for (const struct ast_expect *expect = decl->expects; expect; expect = expect->next)
        add_expect(lines, expect, group);
    close_block(lines, decl);
}

static void add_decl(struct qr_lines *lines, const struct ast_decl *decl)
{
    struct text head = text_make(lines->arena);
    text_add(&head, word_of(WORDS_decl, (int)decl->kind));
    if (decl->name.text && decl->kind != AST_DECL_recipe) {
        text_char(&head, ' ');
        qr_print_name(&head, &decl->name);
    }
    switch (decl->kind) {
    case AST_DECL_recipe:
        add_recipe(lines, decl);
        break;
    case AST_DECL_import:
        add_import(lines, decl);
        break;
    case AST_DECL_format:
    case AST_DECL_spec:
    case AST_DECL_set:
    case AST_DECL_alias:
    case AST_DECL_group:
        add_assignment(lines, decl, &head);
        break;
    case AST_DECL_config:
        if (decl->config.is_null)
            add_assignment(lines, decl, &head);
        else
            add_config(lines, decl, &head);
        break;
    case AST_DECL_schedule:
        add_schedule(lines, decl, text_string(&head));
        break;
    case AST_DECL_prepare:
    case AST_DECL_algorithm:
        add_steps(lines, decl);
        break;
    case AST_DECL_match:
        add_match(lines, decl);
        break;
    case AST_DECL_expect:
        add_expects(lines, decl);
        break;
    case AST_DECL_COUNT:
        break;
    }
}

/* A blank line parts declarations of different kinds, and blocks from everything. */
void qr_lines_make(struct qr_lines *lines)
{
    const struct ast_decl *before = NULL;
    bool was_block = false;
    for (const struct ast_decl *decl = lines->ast->decls; decl; decl = decl->next) {
        size_t first = lines->count;
        add_decl(lines, decl);
        if (lines->count == first)
            continue;
        bool is_block = lines->count > first + 1;
        lines->items[first].gap = before && (before->kind != decl->kind || was_block || is_block);
        before = decl;
        was_block = is_block;
    }
}
