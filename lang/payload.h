/* Payloads that a recipe only carries, of libraries whose schemas are known: Transformer Engine's and kitchen's.
 * What their parsers raise is an error, what fails when a layer first runs a warning. docs/megatron.md. */
#ifndef QUERN_LANG_PAYLOAD_H
#define QUERN_LANG_PAYLOAD_H

#include "lang/yaml_value.h"

/* Nothing is said about a payload that has none of the keys by which the two are recognised. */
void payload_check(const struct yaml_node *payload, struct diags *diags);

#endif
