/* YAML scalars: which value a scalar's text stands for.
 * In: the decoded text, its style and tag. Out: kind and value. The rule: PyYAML 6 SafeLoader's resolver and
 * constructors (YAML 1.1), so `yes` is a bool, `017` is fifteen, `0o17` and `1e3` are strings, `1:30` is ninety. */
#include "lang/yaml_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const yaml_kind_words[YAML_KIND_COUNT] = {
    "null", "a bool", "an integer", "a float", "a timestamp", "a string", "a list", "a mapping",
};

/* A cursor over a scalar's text; the text ends with a NUL, which belongs to no class below. */
struct scan {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One character of the set.
 * NUL is in no set, though strchr would find it. */
static bool take(struct scan *s, const char *set)
{
    bool taken = s->at < s->end && *s->at && strchr(set, *s->at);
    s->at += taken;
    return taken;
}

/* As many as there are; gives their number. */
static size_t take_all(struct scan *s, const char *set)
{
    const char *begin = s->at;
    while (take(s, set))
        ;
    return (size_t)(s->at - begin);
}

static bool take_word(struct scan *s, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length))
        return false;
    s->at += length;
    return true;
}

#define DIGITS "0123456789"

/* (:[0-5]?[0-9])+ */
static bool take_sixties(struct scan *s)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at == ':') {
        struct scan part = {s->at + 1, s->end};
        size_t digits = take_all(&part, DIGITS);
        if (digits < 1 || digits > 2 || (digits == 2 && s->at[1] > '5'))
            return false;
        s->at = part.at;
    }
    return s->at > begin;
}

/* ---- integers ---- */

/* The base of an integer's text: 2, 8, 10, 16, or 60 for sexagesimals; 0 when it is none.
 * The resolver's expression for ints, part by part. */
static int integer_base(const char *text, size_t size)
{
    struct scan s = {text, text + size};
    take(&s, "+-");
    struct scan body = s;
    if (take_word(&s, "0b"))
        return take_all(&s, "01_") && s.at == s.end ? 2 : 0;
    if (take_word(&s, "0x"))
        return take_all(&s, DIGITS "abcdefABCDEF_") && s.at == s.end ? 16 : 0;
    if (take(&s, "0"))
        return s.at == s.end ? 10 : take_all(&s, "01234567_") && s.at == s.end ? 8 : 0;
    s = body;
    if (!take(&s, "123456789"))
        return 0;
    take_all(&s, DIGITS "_");
    if (s.at == s.end)
        return 10;
    return take_sixties(&s) && s.at == s.end ? 60 : 0;
}

static int digit_value(char c)
{
    return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* magnitude = magnitude * base + digit, saturating; the double beside it goes on for values beyond 64 bits. */
struct magnitude {
    uint64_t value;
    double approximate;
    bool too_wide;
};

/* Wraps when it is too wide; only the flag and the double count then. */
static void push_digit(struct magnitude *m, unsigned base, unsigned digit)
{
    m->too_wide |= __builtin_mul_overflow(m->value, (uint64_t)base, &m->value);
    m->too_wide |= __builtin_add_overflow(m->value, (uint64_t)digit, &m->value);
    m->approximate = m->approximate * base + digit;
}

/* Sexagesimal: the digits between colons are decimal numbers, each worth 60 of the next. */
static struct magnitude read_sixties(struct scan s)
{
    struct magnitude total = {0};
    while (s.at < s.end) {
        struct magnitude part = {0};
        for (; s.at < s.end && *s.at != ':'; s.at++)
            if (*s.at != '_')
                push_digit(&part, 10, (unsigned)(*s.at - '0'));
        s.at += s.at < s.end;
        uint64_t carried = part.value;
        push_digit(&total, 60, 0);
        total.too_wide |= part.too_wide | __builtin_add_overflow(total.value, carried, &total.value);
        total.approximate += part.approximate;
    }
    return total;
}

/* Bases 2, 8, 10 and 16, behind the prefix that 2 and 16 have. */
static struct magnitude read_digits(struct scan s, unsigned base)
{
    struct magnitude m = {0};
    if (base == 2 || base == 16)
        s.at += 2;
    for (; s.at < s.end; s.at++)
        if (*s.at != '_')
            push_digit(&m, base, (unsigned)digit_value(*s.at));
    return m;
}

/* `0b_` and `0x_` fit the resolver's expression and no number. */
static bool has_digit_after_prefix(struct scan s, int base)
{
    if (base != 2 && base != 16)
        return true;
    for (s.at += 2; s.at < s.end; s.at++)
        if (*s.at != '_')
            return true;
    return false;
}

/* The text is known to be an integer of that base. -2^63 fits, 2^63 does not. */
static const char *set_integer(struct yaml_node *node, int base)
{
    struct scan s = {node->text, node->text + node->size};
    bool negative = *s.at == '-';
    take(&s, "+-");
    if (!has_digit_after_prefix(s, base))
        return "has no digit";
    struct magnitude m = base == 60 ? read_sixties(s) : read_digits(s, (unsigned)base);
    node->kind = YAML_INT;
    node->number = negative ? -m.approximate : m.approximate;
    node->too_wide = m.too_wide || m.value > (uint64_t)INT64_MAX + negative;
    if (!node->too_wide)
        node->integer = negative ? (int64_t)(0 - m.value) : (int64_t)m.value;
    if (!node->too_wide)
        node->number = (double)node->integer;
    return NULL;
}

/* ---- floats ---- */

enum float_form { NOT_FLOAT, DECIMAL, SIXTIES, SPECIAL };

/* [eE][-+][0-9]+, all of it or nothing; tagged floats may leave the sign out. */
static void take_exponent(struct scan *s, bool tagged)
{
    struct scan exponent = *s;
    if (take(&exponent, "eE") && (take(&exponent, "+-") || tagged) && take_all(&exponent, DIGITS))
        *s = exponent;
}

/* The resolver's expression; tagged floats may also be integers and leave the exponent's sign out. */
static enum float_form float_form(const char *text, size_t size, bool tagged)
{
    struct scan s = {text, text + size};
    bool sign = take(&s, "+-");
    if (take_word(&s, ".inf") || take_word(&s, ".Inf") || take_word(&s, ".INF"))
        return s.at == s.end ? SPECIAL : NOT_FLOAT;
    if (take_word(&s, ".nan") || take_word(&s, ".NaN") || take_word(&s, ".NAN"))
        return s.at == s.end && !sign ? SPECIAL : NOT_FLOAT;
    bool whole = take(&s, DIGITS);
    if (whole)
        take_all(&s, DIGITS "_");
    bool sixties = whole && take_sixties(&s), point = take(&s, ".");
    if (!point && !(tagged && whole))
        return NOT_FLOAT;
    if (!whole && ((sign && !tagged) || !take(&s, DIGITS)))
        return NOT_FLOAT;
    if (point)
        take_all(&s, DIGITS "_");
    if (!sixties)
        take_exponent(&s, tagged);
    return s.at < s.end ? NOT_FLOAT : sixties ? SIXTIES : DECIMAL;
}

/* Digits without their point, times a power of ten: strtod then never meets the locale's decimal point. */
static double read_decimal(struct arena *arena, const char *text, size_t size)
{
    char *digits = arena_alloc(arena, size + 32), *end = digits;
    int64_t exponent = 0;
    bool point = false;
    size_t i = 0;
    for (; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
        point |= text[i] == '.';
        exponent -= point && is_digit(text[i]);
        if (is_digit(text[i]) || text[i] == '-')
            *end++ = text[i];
    }
    if (i < size) {
        long written = strtol(text + i + 1, NULL, 10); /* saturates; 2^31 digits do not fit a source */
        exponent += written > INT32_MAX ? INT32_MAX : written < -INT32_MAX ? -INT32_MAX : written;
    }
    snprintf(end, 32, "e%lld", (long long)exponent);
    return strtod(digits, NULL);
}

static double read_float_sixties(struct arena *arena, const char *text, size_t size)
{
    double total = 0, base = 1;
    const char *begin = text + (*text == '-' || *text == '+'), *end = text + size;
    while (end > begin) { /* from the last part on, as PyYAML sums */
        const char *part = end;
        while (part > begin && part[-1] != ':')
            part--;
        total += read_decimal(arena, part, (size_t)(end - part)) * base;
        base *= 60;
        end = part > begin ? part - 1 : begin;
    }
    return *text == '-' ? -total : total;
}

/* The text is known to be a float of that form. */
static void set_float(struct arena *arena, struct yaml_node *node, enum float_form form)
{
    const char *text = node->text;
    node->kind = YAML_FLOAT;
    if (form == DECIMAL)
        node->number = read_decimal(arena, text, node->size);
    else if (form == SIXTIES)
        node->number = read_float_sixties(arena, text, node->size);
    else if ((text[node->size - 1] | 0x20) == 'n')
        node->number = NAN;
    else
        node->number = *text == '-' ? -INFINITY : INFINITY;
}

/* ---- words and times ---- */

static const struct {
    const char *word;
    enum yaml_kind kind;
    bool value;
} words[] = {
    {"yes", YAML_BOOL, true},   {"Yes", YAML_BOOL, true},     {"YES", YAML_BOOL, true},
    {"no", YAML_BOOL, false},   {"No", YAML_BOOL, false},     {"NO", YAML_BOOL, false},
    {"true", YAML_BOOL, true},  {"True", YAML_BOOL, true},    {"TRUE", YAML_BOOL, true},
    {"false", YAML_BOOL, false}, {"False", YAML_BOOL, false}, {"FALSE", YAML_BOOL, false},
    {"on", YAML_BOOL, true},    {"On", YAML_BOOL, true},      {"ON", YAML_BOOL, true},
    {"off", YAML_BOOL, false},  {"Off", YAML_BOOL, false},    {"OFF", YAML_BOOL, false},
    {"~", YAML_NULL, false},    {"null", YAML_NULL, false},   {"Null", YAML_NULL, false},
    {"NULL", YAML_NULL, false}, {"", YAML_NULL, false},
};

static bool set_word(struct yaml_node *node)
{
    if (node->size > 5 || !strchr("yYnNtTfFoO~", *node->text)) /* the empty text passes: strchr finds its NUL */
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (node->size == strlen(words[i].word) && !memcmp(node->text, words[i].word, node->size)) {
            node->kind = words[i].kind;
            node->boolean = words[i].value;
            return true;
        }
    return false;
}

static bool take_digits(struct scan *s, size_t least, size_t most)
{
    const char *begin = s->at;
    while ((size_t)(s->at - begin) < most && take(s, DIGITS))
        ;
    return (size_t)(s->at - begin) >= least;
}

/* (?:[Tt]|[ \t]+)h[h]:mm:ss(.f*)?([ \t]*(Z|[-+]h[h](:mm)?))? */
static bool take_time(struct scan *s)
{
    if (!take(s, "Tt") && !take_all(s, " \t"))
        return false;
    if (!take_digits(s, 1, 2) || !take(s, ":") || !take_digits(s, 2, 2) || !take(s, ":") || !take_digits(s, 2, 2))
        return false;
    if (take(s, "."))
        take_all(s, DIGITS);
    if (s->at == s->end)
        return true;
    take_all(s, " \t");
    if (take(s, "Z"))
        return s->at == s->end;
    if (!take(s, "+-") || !take_digits(s, 1, 2))
        return false;
    return s->at == s->end || (take(s, ":") && take_digits(s, 2, 2) && s->at == s->end);
}

/* A date of full width, or any date with a time. */
static bool is_timestamp(const char *text, size_t size)
{
    struct scan s = {text, text + size};
    if (!take_digits(&s, 4, 4) || !take(&s, "-") || !take_digits(&s, 1, 2) || !take(&s, "-") || !take_digits(&s, 1, 2))
        return false;
    if (s.at == s.end)
        return size == 10;
    return take_time(&s);
}

/* ---- the whole ---- */

/* The order of PyYAML's resolvers does not matter: no text fits two of them. */
static const char *set_implicit(struct arena *arena, struct yaml_node *node)
{
    enum float_form form;
    int base;
    if (set_word(node))
        return NULL;
    if ((form = float_form(node->text, node->size, false)) != NOT_FLOAT) {
        set_float(arena, node, form);
        return NULL;
    }
    if ((base = integer_base(node->text, node->size)))
        return set_integer(node, base);
    if (is_timestamp(node->text, node->size))
        node->kind = YAML_TIMESTAMP;
    return NULL;
}

/* Tagged bools are compared without case, untagged ones are not. */
static const char *set_bool(struct yaml_node *node)
{
    char lower[6] = "";
    for (size_t i = 0; i < node->size && i < 5; i++)
        lower[i] = node->text[i] >= 'A' && node->text[i] <= 'Z' ? (char)(node->text[i] | 0x20) : node->text[i];
    struct yaml_node word = {.text = lower, .size = node->size};
    if (node->size > 5 || !set_word(&word) || word.kind != YAML_BOOL)
        return "is not a bool";
    node->kind = YAML_BOOL;
    node->boolean = word.boolean;
    return NULL;
}

/* type: the tag's last part. */
static const char *set_tagged(struct arena *arena, struct yaml_node *node, const char *type)
{
    if (!strcmp(type, "str"))
        return NULL;
    if (!strcmp(type, "null")) {
        node->kind = YAML_NULL;
        return NULL;
    }
    if (!strcmp(type, "bool"))
        return set_bool(node);
    if (!strcmp(type, "int")) {
        int base = integer_base(node->text, node->size);
        return base ? set_integer(node, base) : "is not an integer";
    }
    if (!strcmp(type, "timestamp")) {
        node->kind = YAML_TIMESTAMP;
        return is_timestamp(node->text, node->size) ? NULL : "is not a timestamp";
    }
    if (strcmp(type, "float"))
        return "is not a scalar of that type";
    enum float_form form = float_form(node->text, node->size, true);
    if (form == NOT_FLOAT)
        return "is not a float";
    set_float(arena, node, form);
    return NULL;
}

#define TAG_PREFIX "tag:yaml.org,2002:"

const char *yaml_scalar(struct arena *arena, struct yaml_node *node, bool plain, const char *tag)
{
    node->kind = YAML_STRING;
    node->quoted = !plain || (tag && *tag);
    if (!tag || !*tag)
        return plain ? set_implicit(arena, node) : NULL;
    if (strncmp(tag, TAG_PREFIX, sizeof TAG_PREFIX - 1))
        return NULL; /* "!": a string whatever it looks like */
    return set_tagged(arena, node, tag + sizeof TAG_PREFIX - 1);
}

static const char *const scalar_tags[] = {"str", "int", "float", "bool", "null", "timestamp"};

bool yaml_tag_known(const char *tag, enum yaml_kind kind)
{
    if (!tag || !*tag || !strcmp(tag, "!"))
        return true;
    if (strncmp(tag, TAG_PREFIX, sizeof TAG_PREFIX - 1))
        return false;
    tag += sizeof TAG_PREFIX - 1;
    if (kind == YAML_SEQUENCE || kind == YAML_MAPPING)
        return !strcmp(tag, kind == YAML_SEQUENCE ? "seq" : "map");
    for (size_t i = 0; i < sizeof scalar_tags / sizeof *scalar_tags; i++)
        if (!strcmp(tag, scalar_tags[i]))
            return true;
    return false;
}
