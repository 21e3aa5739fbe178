/* YAML values: a text as a tree of typed nodes, typed as PyYAML's SafeLoader types them (YAML 1.1).
 * docs/language.md. libyaml reads the events; this module resolves anchors, merges and scalar types, refuses what
 * a recipe cannot mean (foreign tags, several documents) and bounds what hostile texts may cost. */
#ifndef QUERN_LANG_YAML_VALUE_H
#define QUERN_LANG_YAML_VALUE_H

#include "lang/diag.h"

enum {
    YAML_DEPTH_MAX = 256,        /* nesting of collections, aliases included */
    YAML_ALIAS_NODES_MAX = 1000000, /* nodes that aliases and merges may add to those written */
    YAML_DIRECTIVES_MAX = 64     /* `%` lines before the document */
};

enum yaml_kind {
    YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT,
    YAML_TIMESTAMP, /* a date or time; kept as its text */
    YAML_STRING, YAML_SEQUENCE, YAML_MAPPING,
    YAML_KIND_COUNT
};
extern const char *const yaml_kind_words[YAML_KIND_COUNT]; /* "a string", "a mapping", … for messages */

/* A node may be shared by several aliases: the tree is a graph without cycles, of bounded unfolding. */
struct yaml_node {
    enum yaml_kind kind;
    bool bad;                /* an error about it was reported */
    bool quoted;             /* a scalar in quotes, a block scalar, or one with a tag */
    bool boolean;
    bool too_wide;           /* INT: beyond 64 bits; integer is not set */
    struct span span;        /* with its tag and anchor */
    uint32_t weight, height; /* nodes of its unfolding, 0 while it is being read; nesting below it */
    union {
        struct { /* scalars */
            const char *text; /* decoded, NUL-terminated, may hold NULs */
            size_t size;
            int64_t integer;
            double number;    /* FLOAT and INT */
        };
        struct { /* collections */
            size_t count;
            struct yaml_node **items; /* SEQUENCE */
            struct yaml_pair *pairs;  /* MAPPING, merges done, in PyYAML's order */
        };
    };
};
struct yaml_pair {
    struct yaml_node *key, *value; /* the key is a scalar */
    bool merged;                   /* came through `<<` */
};

struct yaml_document {
    struct source *source;
    struct yaml_node *root;   /* NULL: an empty text, or one with errors */
    struct yaml_extent {      /* where scalars stand, in order: comments cannot begin inside them */
        uint32_t begin, end;
    } *scalars;
    size_t scalar_count;
    struct yaml_duplicate {   /* keys that a mapping holds twice: its pair has the first key and the last value */
        const struct yaml_node *first, *again;
    } *duplicates;
    size_t duplicate_count, duplicate_capacity;
};

/* The whole text. Errors go to diags; root is NULL then. Duplicate keys are only noted: who reads decides. */
struct yaml_document *yaml_read(struct arena *arena, struct source *source, struct diags *diags);
/* One message for each; code is yaml_duplicate (an error) or yaml_duplicate_kept (a warning). */
void yaml_report_duplicates(const struct yaml_document *document, enum diag_code code, struct diags *diags);

struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key); /* a string key's value, or NULL */
bool yaml_is(const struct yaml_node *node, const char *word); /* a string equal to word */
bool yaml_truth(const struct yaml_node *node);                /* Python's bool() */
/* A scalar as a name: a string is itself; another kind carries its type in front (`!!int 1`, `!!bool true`,
 * `!!null null`), and so does a string that would look like one of those (`!!str !!int 1`): equal texts are equal
 * YAML values. Integral floats equal ints, as in Python. NULL for collections. */
const char *yaml_name(struct arena *arena, const struct yaml_node *node);

/* Plain strings that JSON reads as numbers and YAML 1.1 does not (1e-12) become numbers, in the whole tree. */
void yaml_json_numbers(struct arena *arena, struct yaml_node *root);

/* Types the scalar in node->text, node->size: sets kind and values, as a string when it is quoted (not plain) or
 * tagged "!". tag: NULL, "" or one of yaml_tag_known's. Returns NULL, or what is wrong as a phrase for a message. */
const char *yaml_scalar(struct arena *arena, struct yaml_node *node, bool plain, const char *tag);
/* Whether a node of that kind (any scalar kind stands for all) may carry the tag. */
bool yaml_tag_known(const char *tag, enum yaml_kind kind);

/* ---- JSON, for what a recipe only carries ----
 * Infinities and NaN become the strings ".inf", "-.inf" and ".nan"; timestamps their text; keys yaml_name().
 * NULL after a message for an integer beyond 64 bits. The text is the arena's. */
const char *yaml_to_json(struct arena *arena, const struct yaml_node *node, struct diags *diags);
/* For the .qr lexer: the offset after the flow collection that opens at `begin` with `{` or `[`; 0 when it is not
 * closed. Knows quotes and comments and nothing else; yaml_flow_json finds every other fault. */
uint32_t yaml_flow_end(const struct source *source, uint32_t begin);
/* Calls each with every key of a JSON object's text, as yaml_name spells them, until it says false. */
void yaml_json_keys(struct arena *arena, const char *json, bool (*each)(void *user, const char *key), void *user);
/* A payload's collection as JSON text, its schema checked (payload.h); NULL after a message. */
const char *yaml_flow_json(struct arena *arena, struct source *source, struct span span, struct diags *diags);

/* ---- printing: everything on one line, reading back to the same value ---- */
void yaml_print_json(struct text *out, const char *json); /* as a flow collection */
/* A string: plain where that reads back as the same string, else in double quotes. */
void yaml_print_string(struct text *out, const char *bytes, size_t size);
void yaml_print_quoted(struct text *out, const char *bytes, size_t size); /* always in double quotes */
void yaml_print_comment(struct text *out, const char *bytes, size_t size); /* from its `#` on */
void yaml_print_name(struct text *out, const char *name);                 /* yaml_name's text: `!!int 1` is 1 */
void yaml_print_double(struct text *out, double value);                   /* 1.0e+20, .inf, .nan */

#endif
