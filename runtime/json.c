/* JSON: walking objects and arrays. Values are jansson's; only the brackets, colons and commas of one are read here. See json.h. */
#include "runtime/json.h"

#include <stdio.h>
#include <string.h>

/* For arena_defer. */
static void release_hold(void *resource)
{
    json_drop(resource);
}

/* The release is arranged before there is a value: nothing can get lost between the two. */
struct json_hold *json_keep(struct arena *arena)
{
    struct json_hold *hold = ARENA_NEW(arena, struct json_hold);
    arena_defer(arena, release_hold, hold);
    return hold;
}

void json_drop(struct json_hold *hold)
{
    json_decref(hold->value);
    hold->value = NULL;
}

static void skip_blanks(struct json_walk *w)
{
    while (w->at < w->size && w->bytes[w->at] && strchr(" \t\r\n", w->bytes[w->at]))
        w->at++;
}

/* *expected X, saw Y*, with the byte where it stands. */
static bool fail(struct json_walk *w, const char *wanted)
{
    if (w->at >= w->size)
        snprintf(w->message, sizeof w->message, "expected %s, saw the end", wanted);
    else if (w->bytes[w->at] > ' ' && w->bytes[w->at] < 0x7f)
        snprintf(w->message, sizeof w->message, "expected %s, saw '%c' at byte %zu", wanted, w->bytes[w->at],
                 w->base + w->at);
    else
        snprintf(w->message, sizeof w->message, "expected %s, saw byte %02x at byte %zu", wanted,
                 (unsigned char)w->bytes[w->at], w->base + w->at);
    w->error = w->message;
    return false;
}

/* One character of the object's own punctuation. */
static bool take(struct json_walk *w, char c, const char *wanted)
{
    skip_blanks(w);
    if (w->at >= w->size || w->bytes[w->at] != c)
        return fail(w, wanted);
    w->at++;
    return true;
}

/* Blanks in front are allowed, as the reference reader of safetensors allows them. */
void json_walk_open(struct json_walk *w, struct arena *arena, const char *bytes, size_t size)
{
    *w = (struct json_walk){.bytes = bytes, .size = size, .value = json_keep(arena)};
    take(w, '{', "'{'");
}

/* jansson reads one value and says how many bytes it took. */
static json_t *read_value(struct json_walk *w)
{
    json_error_t error;
    size_t rest = w->size - w->at;
    /* jansson sees no more than the limit; a value that runs into it ends prematurely, which tells it from a malformed one. */
    bool cut = w->value_limit && rest > w->value_limit;
    json_drop(w->value);
    w->value->value = json_loadb(w->bytes + w->at, cut ? w->value_limit : rest,
                                 JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (w->value->value) {
        w->at += (size_t)error.position;
        return w->value->value;
    }
    if (cut && json_error_code(&error) == json_error_premature_end_of_input)
        snprintf(w->message, sizeof w->message, "the value at byte %zu is longer than %zu bytes", w->base + w->at, w->value_limit);
    else if (json_error_code(&error) == json_error_null_character)
        snprintf(w->message, sizeof w->message, "a NUL character in the string at byte %zu", w->base + w->at);
    else
        snprintf(w->message, sizeof w->message, "%.120s at byte %zu", error.text, w->base + w->at + (size_t)error.position);
    w->error = w->message;
    return NULL;
}

/* A key is a string value that no limit shortens. */
static const char *read_key(struct json_walk *w, struct arena *arena)
{
    size_t limit = w->value_limit;
    w->value_limit = 0;
    json_t *value = read_value(w);
    w->value_limit = limit;
    return value ? arena_copy(arena, json_string_value(value), json_string_length(value)) : NULL;
}

/* Between members stands a comma; in front of the first a brace may close the object. */
const char *json_walk_key(struct json_walk *w, struct arena *arena)
{
    if (w->error)
        return NULL;
    skip_blanks(w);
    if (w->at < w->size && w->bytes[w->at] == '}') {
        w->at++;
        return NULL;
    }
    if (w->inside && !take(w, ',', "',' or '}'"))
        return NULL;
    skip_blanks(w);
    if (w->at >= w->size || w->bytes[w->at] != '"') {
        fail(w, w->inside ? "a name in quotes" : "a name in quotes or '}'");
        return NULL;
    }
    w->inside = true;
    const char *key = read_key(w, arena);
    return key && take(w, ':', "':'") ? key : NULL;
}

/* With `opens` a value of the wrong kind is not even parsed: a megabyte of numbers where a string belongs costs
 * nothing. */
json_t *json_walk_value(struct json_walk *w, char opens)
{
    skip_blanks(w);
    if (opens && (w->at >= w->size || w->bytes[w->at] != opens))
        return NULL;
    return read_value(w);
}

/* Only the outermost walk is closed; inner ones are left. */
void json_walk_close(struct json_walk *w)
{
    json_drop(w->value);
    skip_blanks(w);
    if (!w->error && w->at < w->size)
        fail(w, "nothing after the closing brace");
}

/* As json_walk_key without the key. */
bool json_walk_item(struct json_walk *w)
{
    if (w->error)
        return false;
    skip_blanks(w);
    if (w->at < w->size && w->bytes[w->at] == ']') {
        w->at++;
        return false;
    }
    if (w->inside && !take(w, ',', "',' or ']'"))
        return false;
    skip_blanks(w);
    w->inside = true;
    return true;
}

/* The inner walk sees the rest of the text, and stops behind its own closing bracket. */
void json_walk_enter(struct json_walk *w, struct json_walk *inner, struct arena *arena)
{
    json_walk_open(inner, arena, w->bytes + w->at, w->size - w->at);
    inner->base = w->base + w->at;
}

/* A walk like json_walk_open's, but for the bracket. */
void json_walk_enter_array(struct json_walk *w, struct json_walk *inner, struct arena *arena)
{
    skip_blanks(w);
    *inner = (struct json_walk){.bytes = w->bytes + w->at, .size = w->size - w->at, .base = w->base + w->at,
                                .value_limit = w->value_limit, .value = json_keep(arena)};
    take(inner, '[', "'['");
}

/* Also on an error: w stands where the inner walk stopped. */
void json_walk_leave(struct json_walk *w, struct json_walk *inner)
{
    json_drop(inner->value);
    w->at += inner->at;
    if (inner->error) {
        memcpy(w->message, inner->message, sizeof w->message);
        w->error = w->message;
    }
}

/* Asks for the length first: the text is made in the arena and jansson's own buffer never appears. */
void json_print(struct text *out, const struct json_hold *hold, size_t flags)
{
    size_t size = json_dumpb(hold->value, NULL, 0, flags | JSON_ENCODE_ANY);
    char *buffer = arena_alloc(out->arena, size + 1);
    json_dumpb(hold->value, buffer, size, flags | JSON_ENCODE_ANY);
    text_add_bytes(out, buffer, size);
}

/* jansson escapes; names with quotes or control characters come out right. */
void json_print_string(struct text *out, struct json_hold *hold, const char *string)
{
    json_drop(hold);
    hold->value = json_string(string);
    if (hold->value)
        json_print(out, hold, 0);
    else
        text_add(out, "\"\"");
    json_drop(hold);
}

/* Bytes; names of layers are shorter, and a line of a terminal is not much longer. */
enum { NAME_SHOWN_MAX = 96 };

/* A name of a megabyte or with terminal codes in it must not hurt a message. Cut between characters, never within
 * one. */
const char *name_shown(struct arena *arena, const char *name)
{
    struct text text = text_make(arena);
    size_t size = strlen(name), shown = size > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : size;
    while (shown < size && shown && ((unsigned char)name[shown] & 0xc0) == 0x80)
        shown--;
    text_char(&text, '\'');
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7f)
            text_printf(&text, "\\x%02x", c);
        else
            text_char(&text, name[i]);
    }
    text_add(&text, shown < size ? "…'" : "'");
    return text_string(&text);
}
