/* AST: the tables that belong to no stage. See ast.h. */
#include "lang/ast.h"

const struct atom_row atom_rows[ATOM_COUNT] = {
#define ATOM(name, words, yaml_type, field, language) {#name, words, yaml_type, #field, #language},
#include "lang/atoms.def"
#undef ATOM
};

const char *const slot_role_words[SLOT_ROLE_COUNT] = {"weight", "bias", "input", "output", "state"};
