/* ModelOpt's quantization algorithms as configs: what its reader and its writer share. */
#ifndef QUERN_LANG_MODELOPT_H
#define QUERN_LANG_MODELOPT_H

#include "lang/arena.h"

struct modelopt_row {
    const char *algo;
    int64_t group;    /* 0: no groups */
    const char *body; /* of a config, with GROUP in it */
    const char *rest; /* what no spec says, or NULL */
};
extern const struct modelopt_row modelopt_rows[];
extern const size_t modelopt_count;
/* The body with that group size. */
const char *modelopt_body(struct arena *arena, const struct modelopt_row *row, int64_t group);

#endif
