/* A JSON document that a writer of another system's file builds with jansson. Its values are not the arena's: the root is
 * released with the arena when an allocation escapes. */
#ifndef QUERN_LANG_FOREIGN_JSON_H
#define QUERN_LANG_FOREIGN_JSON_H

#include <jansson.h>
#include "lang/text.h"

struct foreign_json {
    json_t *root; /* owned */
};
/* {"quantization_config": {}}; *config is the inner object, borrowed. */
struct foreign_json *foreign_json_open(struct arena *arena, json_t **config);
/* Prints it with two blanks a level and a line break, and releases it. */
void foreign_json_close(struct foreign_json *json, struct text *out);

#endif
