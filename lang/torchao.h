/* torchao's configs: the table of torchao.def, a config as config_to_dict writes it as specs, and back. docs/torchao.md.
 * In: a YAML node (JSON is read as YAML) or specs. Out: texts of spec expressions, or the JSON. */
#ifndef QUERN_LANG_TORCHAO_H
#define QUERN_LANG_TORCHAO_H

#include "lang/foreign.h"

enum torchao_kind {
    TORCHAO_FREE, TORCHAO_FIXED, TORCHAO_INTEGER, TORCHAO_DTYPE, TORCHAO_SCALE, TORCHAO_GRANULARITY, TORCHAO_PAIR, TORCHAO_ALIKE,
    TORCHAO_MEMBER, TORCHAO_SWITCH, TORCHAO_BOUND, TORCHAO_NESTED
};
enum torchao_uses { TORCHAO_MODULE, TORCHAO_PARAMETER, TORCHAO_UNREADABLE };
enum torchao_id {
#define CONFIG(name, class, version, word, uses, weight, input) TORCHAO_ID_##name,
#include "lang/torchao.def"
    TORCHAO_ID_COUNT
};
enum torchao_granularity_id {
#define GRANULARITY(name, class, argument) TORCHAO_PER_##name,
#include "lang/torchao.def"
    TORCHAO_PER_COUNT
};
enum { TORCHAO_FIELDS_MAX = 10 }; /* of one config */

struct torchao_class {
    const char *class, *word;
    int version;
    enum torchao_uses uses;
    const char *weight, *input;
};
struct torchao_field {
    enum torchao_id config;
    const char *name;
    enum torchao_kind kind;
    const char *fallback, *argument;
};
struct torchao_member {
    const char *set, *type, *name, *value, *text;
};
struct torchao_require {
    enum torchao_id config;
    const char *field, *member, *other, *wanted;
};
struct torchao_dtype {
    const char *torch, *text;
};
struct torchao_granularity {
    const char *class, *argument;
};
extern const struct torchao_class torchao_classes[TORCHAO_ID_COUNT];
extern const struct torchao_field torchao_fields[];
extern const size_t torchao_field_count;
extern const struct torchao_member torchao_members[];
extern const size_t torchao_member_count;
extern const struct torchao_dtype torchao_dtypes[];
extern const size_t torchao_dtype_count;
extern const struct torchao_granularity torchao_granularities[TORCHAO_PER_COUNT];

/* What the fields of one config say: text[i] of its ith field (text[i][1]: of the weight, for pairs). */
struct torchao_texts {
    enum torchao_id config;
    const char *text[TORCHAO_FIELDS_MAX][2]; /* NULL: nothing, or what specs cannot say */
    const char *member[TORCHAO_FIELDS_MAX];  /* of MEMBER and SWITCH */
};
/* The fields of a class are consecutive: the first, and how many. */
const struct torchao_field *torchao_fields_of(enum torchao_id config, size_t *count);
/* A spec's template with its fields filled in; NULL when there is no template or one of the fields has no text. */
const char *torchao_expand(struct arena *arena, const char *template, const struct torchao_texts *texts);
/* One of the words of a list with blanks between them? */
bool torchao_lists(const char *list, const char *word);
/* The dtype's row by torch's name or by Quern's, of those listed; NULL: none. */
const struct torchao_dtype *torchao_find_dtype(const char *list, const char *torch, const char *text);
/* What the least amax comes to as the least scale of that format, and a least amax that comes to the scale. */
double torchao_eps(double bound, const struct format *format);
double torchao_bound(double eps, const struct format *format);

/* One config as read. */
struct torchao_config {
    const struct torchao_class *class;
    const char *weight, *input; /* spec expressions; both NULL: kept as it is, input NULL: none */
    bool whole;                 /* the specs say all there is; else the JSON is kept too */
    bool own_scale;             /* its scale has the weight's own dtype, which a spec says as bf16 */
};
/* False after reporting. What specs cannot say is a warning. */
bool torchao_read(struct yaml_reading *y, const struct yaml_node *node, struct torchao_config *config);
/* node's `_type` when it is a mapping with `_type` and `_data`; NULL after reporting. what: for the message. */
const struct yaml_node *torchao_type(struct yaml_reading *y, const struct yaml_node *node, const char *what);

/* The JSON of a config whose specs are these (input NULL: none); NULL: no class has them. */
const char *torchao_config_json(struct arena *arena, const struct spec *weight, const struct spec *input);
/* Is the JSON a config that torchao_read makes these specs of? Both NULL: one that is kept as it is. */
bool torchao_reads_as(struct arena *arena, const char *json, const struct spec *weight, const struct spec *input);

/* ---- one name for the two forms of a file (foreign_torchao.c, foreign_torchao_write.c) ---- */
/* `_default` takes Linear alone, without the one that nn.MultiheadAttention makes. */
#define TORCHAO_LINEAR "isa \"torch.nn.Linear\" and not isa \"torch.nn.modules.linear.NonDynamicallyQuantizableLinear\""
foreign_read foreign_read_torchao;
foreign_write foreign_write_torchao;

#endif
