/* FastForward's affine quantizers as specs, for the reader and the writer of rule lists. */
#ifndef QUERN_LANG_FASTFORWARD_H
#define QUERN_LANG_FASTFORWARD_H

#include "lang/spec.h"
#include "lang/text.h"

enum fastforward_class { FASTFORWARD_LINEAR, FASTFORWARD_DYNAMIC, FASTFORWARD_CLASS_COUNT };
extern const char *const fastforward_classes[FASTFORWARD_CLASS_COUNT];
enum {
    FASTFORWARD_KWARG_COUNT = 0
#define KWARG(name, linear, dynamic) +1
#include "lang/fastforward.def"
#undef KWARG
};
extern const struct fastforward_kwarg {
    const char *name;
    bool taken[FASTFORWARD_CLASS_COUNT];
} fastforward_kwargs[FASTFORWARD_KWARG_COUNT];

/* A quantizer that a spec can say. */
struct fastforward_quantizer {
    enum fastforward_class class;
    int64_t bits; /* 1 to 16 */
    bool symmetric;
    enum granularity granularity; /* tensor, channel, group, block */
    int64_t dims[2];              /* channel: the axis; group: size and axis; block: the tile */
};
/* The spec as .qr text. */
void fastforward_spec(struct text *out, const struct fastforward_quantizer *quantizer);

#endif
