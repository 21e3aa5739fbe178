/* Parse: what every spelling refuses, which spelling a text is in, and the dispatch. In: a source of any bytes. Out: an AST,
 * empty after a fault of the text itself. Refused everywhere: bytes that are no UTF-8, NUL, and controls that make a reader see
 * another text than the parser (Unicode TR 36; CVE-2021-42574). */
#include "lang/ast.h"

#include <string.h>

/* ---- text every spelling refuses ---- */

/* Length of the well-formed UTF-8 character at s (RFC 3629: shortest form, no surrogates, at most U+10FFFF) and its
 * code point; 0 when there is none. */
static size_t read_character(const unsigned char *s, size_t size, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    *code = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[length] || surrogate || *code > 0x10ffff ? 0 : length;
}

/* Controls that reorder what a reader sees (CVE-2021-42574): embeddings, overrides, isolates and the marks. */
static bool is_bidi_control(uint32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c;
}

/* The first fault alone: a binary file would have thousands. */
bool ast_check_text(const struct source *source, struct diags *diags)
{
    const unsigned char *s = (const unsigned char *)source->bytes;
    size_t length;
    for (size_t i = 0; i < source->size; i += length) {
        uint32_t code = 0;
        length = read_character(s + i, source->size - i, &code);
        struct span span = {source, (uint32_t)i, (uint32_t)(i + (length ? length : 1))};
        if (length == 0)
            diag_report(diags, DIAG_bad_utf8, span, "byte 0x%02x is not part of a UTF-8 character", s[i]);
        else if (code == 0)
            diag_report(diags, DIAG_bad_character, span, "a NUL byte cannot stand in a recipe");
        else if (is_bidi_control(code))
            diag_report(diags, DIAG_bad_character, span,
                        "the bidirectional control U+%04X cannot stand in a recipe", code);
        else
            continue;
        return false;
    }
    return true;
}

/* ---- which spelling (docs/language.md) ---- */

static size_t skip_blanks_and_comments(const char *s, size_t size)
{
    size_t i = size >= 3 && !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0;
    bool comment = false;
    for (; i < size; i++) {
        bool ends_line = s[i] == '\n' || s[i] == '\r';
        comment = !ends_line && (comment || s[i] == '#');
        if (!comment && !ends_line && s[i] != ' ' && s[i] != '\t')
            break;
    }
    return i;
}

/* [^#"'{}\[\],\n]*?:([ \t\r\n]|$) at the start of the text
 * No .qr text begins so: there a colon follows a rule's label, inside of a block. */
static bool is_yaml_key_line(const char *s, size_t size)
{
    for (size_t i = 0; i < size && !memchr("#\"'{}[],\n", s[i], 9); i++)
        if (s[i] == ':' && (i + 1 == size || memchr(" \t\r\n", s[i + 1], 4)))
            return true;
    return false;
}

/* By the first thing that is no comment; the file's name says nothing. */
enum spelling ast_detect(const char *bytes, size_t size)
{
    size_t begin = skip_blanks_and_comments(bytes, size);
    const char *s = bytes + begin;
    size -= begin;
    if (size == 0)
        return SPELLING_QR;
    bool yaml = (size >= 3 && !memcmp(s, "---", 3)) || (size >= 2 && !memcmp(s, "- ", 2)) ||
                memchr("%[{'\"!&*?|", s[0], 10) || is_yaml_key_line(s, size);
    return yaml ? SPELLING_YAML : SPELLING_QR;
}

struct ast *ast_parse(struct arena *arena, struct source *source, struct diags *diags)
{
    struct ast *nothing = ARENA_NEW(arena, struct ast);
    nothing->source = source;
    if (!ast_check_text(source, diags))
        return nothing;
    if (skip_blanks_and_comments(source->bytes, source->size) == source->size) {
        diag_report(diags, DIAG_empty, (struct span){source, 0, 0}, "the recipe is empty");
        return nothing;
    }
    return ast_detect(source->bytes, source->size) == SPELLING_YAML ? ast_parse_yaml(arena, source, diags)
                                                                    : ast_parse_qr(arena, source, diags);
}
