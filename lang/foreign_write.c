/* What the writers of other systems' files share. In: a resolved recipe. Out: messages (Q1103) for what the system has no words
 * for; atoms and patterns as it spells them. A writer refuses everything it cannot say in one run, and a file is written only
 * when nothing was. See foreign_write.h. */
#include "lang/foreign_write.h"

#include <string.h>

/* ---- what has no words ---- */

void foreign_refuse(struct foreign_writing *w, struct span span, const char *format, ...)
{
    struct text what = text_make(w->diags->arena);
    va_list args;
    va_start(args, format);
    text_vprintf(&what, format, args);
    va_end(args);
    diag_report(w->diags, DIAG_inexpressible, span, "%s has no words for %s", w->system, text_string(&what));
    w->refused = true;
}

void foreign_refuse_extras(struct foreign_writing *w, bool steps)
{
    const struct recipe *r = w->recipe;
    for (size_t i = 0; i < r->group_count; i++)
        foreign_refuse(w, r->groups[i].span, "the group `%s`", r->groups[i].name);
    for (size_t i = 0; i < r->expect_count; i++)
        foreign_refuse(w, r->expects[i].ast->span, "expectations");
    for (size_t i = 0; i < r->config_count; i++)
        if (r->configs[i]->schedule)
            foreign_refuse(w, r->configs[i]->span, "the schedule of `%s`", r->configs[i]->name);
    for (size_t i = 0; !steps && i < r->step_count; i++)
        foreign_refuse(w, r->steps[i].ast->span, "the step `%s`", r->steps[i].ast->name.text);
}

size_t foreign_rule_count(const struct recipe *recipe)
{
    size_t count = recipe->rule_count;
    while (count && recipe->rules[count - 1].target == AST_TARGET_SKIP)
        count--;
    return count;
}

/* ---- predicates ---- */

/* Resolution has bounded the size with sets written out. */
bool foreign_alternatives(struct arena *arena, const struct ast_predicate *predicate, struct foreign_atoms *atoms)
{
    switch (predicate->kind) {
    case AST_OR:
        return foreign_alternatives(arena, predicate->left, atoms) && foreign_alternatives(arena, predicate->right, atoms);
    case AST_SET:
        return foreign_alternatives(arena, predicate->set_predicate, atoms);
    case AST_ATOM:
    case AST_ANY:
        *ARENA_PUSH(arena, atoms->items, atoms->count, atoms->capacity) = predicate;
        return true;
    case AST_AND:
    case AST_NOT:
    case AST_COMPARE:
    case AST_IN:
        break;
    }
    return false;
}

/* What has a meaning of its own in Python's re outside of sets. */
static const char regex_marks[] = ".^$*+?{}[]\\|()";

/* An escape is of punctuation alone: `\d` and `\1` mean something else than their letter. */
const char *foreign_literal(struct arena *arena, const struct ast_string *regex, size_t *size)
{
    char *text = arena_alloc(arena, regex->size + 1);
    *size = 0;
    for (size_t i = 0; i < regex->size; i++) {
        unsigned char c = (unsigned char)regex->bytes[i];
        bool escape = c == '\\' && i + 1 < regex->size && regex->bytes[i + 1] && strchr("._-/:" "^$*+?{}[]\\|()", regex->bytes[i + 1]);
        if (!escape && (!c || strchr(regex_marks, c)))
            return NULL;
        text[(*size)++] = regex->bytes[i += escape];
    }
    return text;
}

/* The text as a pattern that matches it alone. */
static void escape_glob(struct text *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] && strchr("*?[", bytes[i]))
            text_printf(out, "[%c]", bytes[i]);
        else
            text_char(out, bytes[i]);
}

void foreign_escape_regex(struct text *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] && strchr(regex_marks, bytes[i]))
            text_char(out, '\\');
        text_char(out, bytes[i]);
    }
}

/* BEFORE, the escaped text, BEHIND */
static struct ast_string glob_around(struct arena *arena, const char *before, const char *bytes, size_t size, const char *behind)
{
    struct text text = text_make(arena);
    text_add(&text, before);
    escape_glob(&text, bytes, size);
    text_add(&text, behind);
    return (struct ast_string){.bytes = text_string(&text), .size = text.size};
}

/* Regular expressions only where they are plain text: `.` takes no line break and `?` does.
 * under: the module itself, and what is below it. */
bool foreign_globs(struct arena *arena, const struct ast_predicate *atom, struct ast_string globs[2], size_t *count)
{
    bool regex = atom->kind == AST_ATOM && (atom->atom == ATOM_re || atom->atom == ATOM_re_prefix || atom->atom == ATOM_re_search);
    size_t size = atom->pattern.size;
    const char *bytes = regex ? foreign_literal(arena, &atom->pattern, &size) : atom->pattern.bytes;
    *count = 1;
    if (atom->kind == AST_ANY) {
        globs[0] = (struct ast_string){.bytes = "*", .size = 1};
        return true;
    }
    if (!bytes)
        return false;
    if (atom->atom == ATOM_glob) {
        globs[0] = atom->pattern;
    } else if (atom->atom == ATOM_name || atom->atom == ATOM_re) {
        globs[0] = glob_around(arena, "", bytes, size, "");
    } else if (atom->atom == ATOM_contains || atom->atom == ATOM_re_search) {
        globs[0] = glob_around(arena, "*", bytes, size, "*");
    } else if (atom->atom == ATOM_re_prefix) {
        globs[0] = glob_around(arena, "", bytes, size, "*");
    } else if (atom->atom == ATOM_under) {
        globs[0] = glob_around(arena, "", bytes, size, "");
        globs[1] = glob_around(arena, "", bytes, size, ".*");
        *count = 2;
    } else {
        return false;
    }
    return true;
}
