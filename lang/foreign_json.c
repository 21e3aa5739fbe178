/* JSON documents of writers. See foreign_json.h. */
#include "lang/foreign_json.h"

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

static int add_bytes(const char *bytes, size_t size, void *out)
{
    text_add_bytes(out, bytes, size);
    return 0;
}

void foreign_json_close(struct foreign_json *json, struct text *out)
{
    json_dump_callback(json->root, add_bytes, out, JSON_INDENT(2));
    text_char(out, '\n');
    release(json);
}
