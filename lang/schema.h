/* The JSON Schema (draft 2020-12) of the YAML form, for editors and other checkers: written from the tables that the reader
 * uses, so that a new word is in it by itself. It says less than Quern checks: names and numbers that must fit each other
 * are not in it. docs/yaml.md. */
#ifndef QUERN_LANG_SCHEMA_H
#define QUERN_LANG_SCHEMA_H

#include "lang/arena.h"

/* The schema as JSON text, ending in a newline; the arena's. */
const char *schema_print(struct arena *arena);

#endif
