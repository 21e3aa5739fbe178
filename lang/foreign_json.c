/* JSON documents of writers. In: jansson values. Out: text that JSON and YAML 1.1 readers take as the same value: characters
 * that YAML refuses are escaped. See foreign_json.h. */
#include "lang/foreign_json.h"

#include <stdbool.h>

/* May run twice: early, and again from arena_close. */
static void release(void *resource)
{
    struct foreign_json *json = resource;
    json_decref(json->root);
    json->root = NULL;
}

struct foreign_json *foreign_json_open(struct arena *arena, json_t **config)
{
    struct foreign_json *json = ARENA_NEW(arena, struct foreign_json);
    arena_defer(arena, release, json);
    json->root = json_pack("{s:{}}", "quantization_config");
    *config = json_object_get(json->root, "quantization_config");
    return json;
}

/* Into memory of the arena: jansson says first how much it needs. */
static const char *dump(struct arena *arena, const json_t *json, size_t digits, size_t *size)
{
    size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits);
    *size = json_dumpb(json, NULL, 0, flags);
    char *text = arena_alloc(arena, *size + 1);
    json_dumpb(json, text, *size, flags);
    return text;
}

static bool reads_as(const char *text, size_t size, const json_t *json)
{
    json_t *again = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    bool same = again && json_equal(again, json);
    json_decref(again);
    return same;
}

/* Bytes of the character here when YAML does not take it as it is (C1 controls, line and paragraph separators, the byte
 * order mark, U+FFFE, U+FFFF, DEL); 0: it does. */
static size_t unsafe_size(const unsigned char *at, unsigned *code)
{
    *code = *at;
    if (at[0] == 0x7f)
        return 1;
    *code = 0x80 | (at[1] & 0x3f);
    if (at[0] == 0xc2 && at[1] < 0xa0)
        return 2;
    if (at[0] < 0xe2)
        return 0;
    *code = (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3f);
    bool unsafe = *code == 0x2028 || *code == 0x2029 || *code == 0xfeff || *code >= 0xfffe;
    return at[0] < 0xf0 && unsafe ? 3 : 0;
}

/* Fifteen digits where they read back as the same doubles, else seventeen. */
void foreign_json_print(struct text *out, const json_t *json)
{
    size_t size, begin = 0, taken;
    unsigned code;
    const char *text = dump(out->arena, json, 15, &size);
    if (!reads_as(text, size, json))
        text = dump(out->arena, json, 17, &size);
    for (size_t i = 0; i < size; i += taken ? taken : 1) { /* such characters stand in strings alone */
        taken = unsafe_size((const unsigned char *)text + i, &code);
        if (!taken)
            continue;
        text_add_bytes(out, text + begin, i - begin);
        text_printf(out, "\\u%04x", code);
        begin = i + taken;
    }
    text_add_bytes(out, text + begin, size - begin);
    text_char(out, '\n');
}

void foreign_json_close(struct foreign_json *json, struct text *out)
{
    foreign_json_print(out, json->root);
    release(json);
}
