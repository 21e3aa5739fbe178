/* AST: what a recipe says, in either spelling, before names are resolved. docs/language.md.
 * All nodes live in one arena. Lists keep source order and are linked by `next`.
 * The .qr parser, the YAML reader and the AST text reader build it; the formatter, the AST printer and
 * resolve.c read it. */
#ifndef QUERN_LANG_AST_H
#define QUERN_LANG_AST_H

#include "lang/diag.h"
#include "lang/predicate.h"
#include "lang/spec.h"
#include "lang/words.h"

/* ---- values of arguments: range mse(n = 100), schedule steps, prepare/algorithm steps ---- */
enum ast_value_kind { AST_VALUE_NUMBER, AST_VALUE_STRING, AST_VALUE_WORD, AST_VALUE_LIST, AST_VALUE_SPEC };
struct ast_value {
    enum ast_value_kind kind;
    struct span span;
    struct ast_number number;
    struct ast_string string; /* STRING; WORD (true, false, none, a bare name) */
    struct ast_value *items;  /* LIST: first item */
    struct ast_spec *spec;
    struct ast_value *next;
};
struct ast_argument {
    struct ast_name key; /* text NULL: positional */
    struct ast_value value;
    struct ast_argument *next;
};

/* ---- formats ---- */
/* A definition: of a `format` declaration, or written where a format is named (`spec w = float(e = 3, m = 4) …`). */
struct ast_format {
    enum format_kind kind;
    bool is_signed;            /* int / uint; float: not `unsigned` */
    struct ast_argument *arguments; /* int(n), float(e = …), codebook(v, …) */
    struct ast_name alias;     /* `format a = fp8_e4m3` : only this */
};

/* ---- specs ---- */
enum ast_attribute_kind {
    AST_FORMAT,      /* a bare format name, or an inline definition */
    AST_SCHEME,      /* scheme */
    AST_GRANULARITY, /* per … */
    AST_SCALE, AST_ZERO, AST_FORMULA,
    AST_RANGE,       /* range WORD(args) */
    AST_STATIC,      /* static(lo, hi) */
    AST_ROUNDING, AST_OVERFLOW, AST_COMPUTE,
    AST_TIMING,      /* dynamic, static */
    AST_PACK, AST_RAGGED, AST_EPS,
    AST_ATTRIBUTE_COUNT
};
struct ast_scale {
    struct ast_name format;
    struct ast_format *definition; /* the format written out; format.text is NULL */
    enum pow2 pow2;
    bool rounded, last;      /* `rounded first|last` written, and which */
    struct ast_name second;  /* text NULL: none */
    int64_t super;           /* 0: none */
};
struct ast_granularity {
    enum granularity granularity;
    bool has_axis;
    int64_t axis;            /* channel(axis), group(n, axis) */
    int64_t dims[SPEC_BLOCK_DIMS_MAX]; /* group: dims[0] = n; block: all */
    unsigned rank;
    const char *spelling;    /* of dims[0] as written (`1Ki`), or NULL */
};
struct ast_attribute {
    enum ast_attribute_kind kind;
    struct span span;
    union {
        struct {
            struct ast_name format;
            struct ast_format *definition; /* written out: format has only its span */
        };
        enum scheme scheme;
        struct ast_granularity granularity;
        struct ast_scale scale;
        enum zero zero;
        enum formula formula;
        struct { enum range range; struct ast_argument *arguments; } range;
        struct { bool has_low, has_high; struct ast_number low, high; } bounds; /* STATIC */
        struct { enum rounding rounding; uint64_t seed; bool has_seed; } rounding;
        enum overflow_mode overflow;
        bool compute_input;
        enum timing timing;
        enum layout layout;
        bool ragged_pad;
        struct ast_number eps;
    };
    struct ast_attribute *next;
};
struct ast_spec {
    struct ast_name base;
    struct ast_format *definition; /* BASE written out: base has only its span. NULL: named */
    bool with; /* `with` was written */
    struct ast_attribute *attributes;
    struct span span;
};

/* ---- rules ---- */
enum ast_target_kind { AST_TARGET_CONFIG, AST_TARGET_SKIP, AST_TARGET_SPEC };
struct ast_rule {
    struct span span;
    struct ast_name label;   /* text NULL: none */
    bool disabled, optional;
    struct ast_name use;     /* `use ns`: only this is set */
    struct ast_predicate *predicate;
    enum ast_target_kind target;
    struct ast_name name;    /* CONFIG, SPEC */
    struct ast_rule *next;
};

/* ---- configs ---- */
enum slot_role { SLOT_WEIGHT, SLOT_BIAS, SLOT_INPUT, SLOT_OUTPUT, SLOT_STATE, SLOT_ROLE_COUNT };
extern const char *const slot_role_words[SLOT_ROLE_COUNT];
enum slot_key_kind { SLOT_KEY_NONE, SLOT_KEY_INDEX, SLOT_KEY_NAME }; /* NONE: every one (`*`) */
struct ast_slot {
    struct span span;
    bool module;             /* `module input[0] S` */
    enum slot_role role;
    enum slot_key_kind key;
    int64_t index;
    struct ast_string name;
    bool none;               /* `none`: off */
    struct ast_spec *spec;
    struct ast_slot *next;
};

/* ---- declarations: one row of decls.def and one member here for each kind ---- */
enum ast_policy { AST_FIRST, AST_LAST, AST_SPECIFIC_CODE, AST_SPECIFIC_DOC };
enum ast_decl_kind {
#define DECL(name, word) AST_DECL_##name,
#include "lang/decls.def"
#undef DECL
    AST_DECL_COUNT
};
struct ast_step { /* of prepare and algorithm */
    struct ast_name name;
    struct ast_argument *arguments;
    struct ast_predicate *where;
    struct span span;
    struct ast_step *next;
};
enum ast_expect_kind { AST_EXPECT_MODULE, AST_EXPECT_PARAM, AST_EXPECT_QUANTITY };
struct ast_expect {
    enum ast_expect_kind kind;
    struct span span;
    struct ast_string name;       /* MODULE, PARAM */
    enum ast_target_kind target;  /* CONFIG or SKIP */
    bool no_rule;                 /* => none: target is CONFIG and config absent */
    struct ast_name config;
    struct ast_name quantity;     /* bits_per_weight size_ratio bytes quantized_fraction */
    enum ast_comparison comparison;
    struct ast_number value;
    struct ast_expect *next;
};
struct ast_decl {
    enum ast_decl_kind kind;
    struct span span;      /* the whole declaration */
    struct ast_name name;  /* recipe, format, spec, config, set, alias, group, schedule */
    union {
        struct { bool has_version; int64_t version; } recipe; /* name holds the string */
        struct { struct ast_string path; struct ast_name as; } import;
        struct ast_format format;
        struct ast_spec *spec;
        struct {
            struct ast_name base;     /* text NULL: none */
            struct ast_slot *slots;
            struct ast_name schedule; /* text NULL: none */
            const char *extra;        /* one JSON value (the YAML flow mapping), or NULL */
            struct span extra_span;
            bool is_null;             /* YAML: a null payload */
        } config;
        struct ast_predicate *set;
        struct ast_string alias;
        struct { struct ast_string *members; size_t count; } group;
        struct ast_argument *schedule; /* enable_observer N …; none as WORD */
        struct ast_step *steps;        /* prepare, algorithm */
        struct ast_expect *expects;
        struct { enum ast_policy policy; struct ast_rule *rules; } match;
    };
    struct ast_decl *next;
};

/* A comment, kept so that the formatter can put it back. */
struct ast_comment {
    struct span span;
    bool own_line;   /* nothing but blanks before it on its line */
    struct ast_comment *next;
};
enum spelling { SPELLING_QR, SPELLING_YAML };
struct foreign; /* lang/foreign.h */
struct ast {
    struct source *source;
    enum spelling spelling;
    const struct foreign *foreign; /* the system whose file was read; NULL: Quern's own */
    struct ast_decl *decls;
    struct ast_comment *comments;
};

/* Reports the first byte that no recipe may hold, in comments and strings too: malformed UTF-8, NUL, a
 * bidirectional control. False when there is one. ast_parse calls it. */
bool ast_check_text(const struct source *source, struct diags *diags);
/* Which spelling the text is in (docs/language.md); the file's name never decides. */
enum spelling ast_detect(const char *bytes, size_t size);
/* Parse with recovery: errors go to diags, what could be read comes back (never NULL). */
struct ast *ast_parse(struct arena *arena, struct source *source, struct diags *diags); /* detects */
struct ast *ast_parse_qr(struct arena *arena, struct source *source, struct diags *diags);
struct ast *ast_parse_yaml(struct arena *arena, struct source *source, struct diags *diags);
/* Fragments, for YAML values that hold .qr text. span: where in the YAML file the text stands. NULL on error. */
struct ast_spec *ast_parse_spec(struct arena *arena, struct source *source, struct span span, const char *text, size_t size, struct diags *diags);
struct ast_predicate *ast_parse_predicate(struct arena *arena, struct source *source, struct span span, const char *text, size_t size, struct diags *diags);
/* A declaration whose keyword and name come from the YAML key: body is the rest of its .qr text. */
struct ast_decl *ast_parse_body(struct arena *arena, struct source *source, struct span span, enum ast_decl_kind kind, const char *text, size_t size, struct diags *diags);

/* `emit --stage ast`: an indented text of every node; reads back to an equal AST (places apart). */
void ast_print(struct text *out, const struct ast *ast);
struct ast *ast_read(struct arena *arena, struct source *source, struct diags *diags);
/* `fmt`: canonical layout, comments kept. Idempotent. */
void ast_format_qr(struct text *out, const struct ast *ast);
void ast_format_yaml(struct text *out, const struct ast *ast);
/* Pieces of the .qr spelling, also used by explain, plan and the recipe text. */
void ast_print_spec(struct text *out, const struct ast_spec *spec);
void ast_print_predicate(struct text *out, const struct ast_predicate *predicate);
void ast_print_name(struct text *out, const char *name); /* quoted where a bare name cannot stand */

#endif
