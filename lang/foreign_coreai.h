/* A coreai_opt file from inside: what its reader, its lowering and its writer share. The four config levels as read; every
 * config is complete, nothing is inherited from an enclosing one. See foreign_coreai.c. */
#ifndef QUERN_LANG_FOREIGN_COREAI_H
#define QUERN_LANG_FOREIGN_COREAI_H

#include "lang/foreign.h"
#include "lang/yaml_tree.h"

/* A spec's text depends on the tensor: a convolution's block takes in the kernel's dimensions, and an axis that is left
 * out is 1 and 0 (per channel and per block: 0 and 1) for transposed ones. */
enum coreai_variant { COREAI_PLAIN, COREAI_DEEP, COREAI_TRANSPOSED, COREAI_VARIANTS };

struct coreai_spec {
    const char *format, *scheme;      /* scheme "": a float's */
    const char *range_of_state, *range_of_activation;
    bool minval, e8m0, has_axis;
    enum granularity granularity;     /* tensor, channel, group (one block size), block (a size for each dimension) */
    int64_t axis, dims[SPEC_BLOCK_DIMS_MAX];
    unsigned rank;                    /* block */
    bool has_low, has_high;
    double low, high;
    struct span span;
};
struct coreai_slot {
    bool module;
    enum slot_role role;
    enum slot_key_kind key;
    int64_t index;
    const char *name;
    const struct coreai_spec *spec;
    const char *preset;               /* instead of a spec; both NULL: off */
};
struct coreai_slots {
    struct coreai_slot *items;
    size_t count, capacity;
};
/* op_type_config, op_name_config: one key and its op config. */
struct coreai_op {
    struct ast_string key;
    struct coreai_slots slots;
};
struct coreai_ops {
    struct coreai_op *items;
    size_t count, capacity;
};
/* A ModuleQuantizerConfig. */
struct coreai_config {
    struct coreai_slots slots;        /* op level, then the module's own */
    struct coreai_ops types, names;
    const char *schedule;             /* the declaration's name, or NULL */
};
struct coreai_entry {
    struct ast_string key;
    bool inert;                       /* can match no class there */
    struct coreai_config config;
};
struct coreai_level {
    struct coreai_entry *items;
    size_t count, capacity;
};
struct coreai {
    struct yaml_reading *y;
    bool eager;
    struct coreai_level types, names;
    struct coreai_entry global;
    struct yaml_table bodies, taken;  /* of declarations: index + 1 into names by text; names that are in use */
    const char **declared;
    size_t declared_count, declared_capacity;
};

/* ---- shared by the readers; each reports once and gives false or NULL ---- */
/* The message's core is coreai_opt's own. */
struct diag *coreai_refuse(struct coreai *c, struct span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A whole number as pydantic takes one: 5, "5", 5.0, true. */
bool coreai_integer(struct coreai *c, const struct yaml_node *node, const char *what, int64_t *value);
/* A key that is none of the words. */
void coreai_unknown_key(struct coreai *c, enum diag_code code, const struct yaml_node *key, const char *what, const char *const *words, size_t count);

/* foreign_coreai_spec.c */
const struct coreai_spec *coreai_read_spec(struct coreai *c, const struct yaml_node *node);
/* As .qr text. activation: for an input or output. */
void coreai_spec_text(struct text *out, const struct coreai_spec *spec, bool activation, enum coreai_variant variant);
/* Whether the variant's text is another than the plain one's. */
bool coreai_spec_varies(const struct coreai_spec *spec, enum coreai_variant variant);
/* The words there; NULL: it has none. */
const char *coreai_dtype_word(const char *format);
const char *coreai_scheme_word(const char *scheme);
/* foreign_coreai_slot.c: one map from keys to specs; the map's row is of coreai.def. */
struct coreai_map {
    const char *key;
    enum slot_role role;
    bool module;
    const char *only, *preset;
};
enum {
    COREAI_MAPS = 0
#define COREAI_MAP(key, role, module, only, preset) +1
#include "lang/coreai.def"
};
extern const struct coreai_map coreai_maps[COREAI_MAPS];
/* node NULL: the key is absent. */
void coreai_read_map(struct coreai *c, struct coreai_slots *slots, const struct coreai_map *map, const struct yaml_node *node);
/* foreign_coreai_lower.c: the levels as declarations and rules. */
void coreai_lower(struct coreai *c, struct span span);
/* The predicate of a variant as .qr text; NULL: of the plain one. */
const char *coreai_variant_text(enum coreai_variant variant, bool eager);
/* A name for a declaration made of what a user wrote, not used before. */
const char *coreai_name(struct coreai *c, const char *stem, size_t size, const char *suffix);

#endif
