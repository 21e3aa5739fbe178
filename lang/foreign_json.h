/* A JSON document that a writer of another system's file builds with jansson. Its values are not the arena's: the root is
 * released with the arena when an allocation escapes. */
#ifndef QUERN_LANG_FOREIGN_JSON_H
#define QUERN_LANG_FOREIGN_JSON_H

#include <jansson.h>
#include "lang/text.h"

struct foreign_json {
    json_t *root; /* owned */
};
/* The document with two blanks a level and a line break. Reals have the fewest digits, 15 or 17, that read back; characters
 * that YAML refuses or takes for line breaks are escaped, as the text is read as YAML again. */
void foreign_json_print(struct text *out, const json_t *json);
/* {"quantization_config": {}}; *config is the inner object, borrowed. */
struct foreign_json *foreign_json_open(struct arena *arena, json_t **config);
/* Prints it and releases it. */
void foreign_json_close(struct foreign_json *json, struct text *out);

#endif
