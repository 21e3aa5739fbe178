/* The .qr parser from inside: what the lexer (qr_lex.l), the tokens (qr_token.c), the grammar (qr_parse.y), the
 * builder (ast_build.c) and the messages (qr_error.c) share. docs/language.md. Nothing else includes it. */
#ifndef QUERN_LANG_QR_H
#define QUERN_LANG_QR_H

#include "lang/ast.h"

/* Lists under construction: left-recursive rules append at the end. A NULL item (one already reported) is dropped. */
#define QR_LIST(type)                                                                                     \
    struct type##_list {                                                                                  \
        struct ast_##type *first, *last;                                                                  \
    };                                                                                                    \
    static inline struct type##_list type##_list_add(struct type##_list list, struct ast_##type *item)    \
    {                                                                                                     \
        if (!item)                                                                                        \
            return list;                                                                                  \
        if (list.last)                                                                                    \
            list.last->next = item;                                                                       \
        else                                                                                              \
            list.first = item;                                                                            \
        list.last = item;                                                                                 \
        return list;                                                                                      \
    }
QR_LIST(attribute)
QR_LIST(argument)
QR_LIST(value)
QR_LIST(rule)
QR_LIST(slot)
QR_LIST(step)
QR_LIST(expect)
QR_LIST(decl)
QR_LIST(comment)

/* The operands of a chain of `and` or `or`. */
struct qr_chain {
    struct ast_predicate **items;
    size_t count, capacity;
    struct qr_chain *next; /* of those that can be used again */
};
/* Integers in parentheses: `per group(128, 1)`. */
struct qr_numbers {
    struct ast_number *items;
    size_t count, capacity;
};
struct qr_strings {
    struct ast_string *items;
    size_t count, capacity;
};
/* static(lo, hi): one end */
struct qr_bound {
    bool given;
    struct ast_number number;
};
struct qr_key {
    enum slot_key_kind kind;
    int64_t index;
    struct ast_string name;
};
/* What comes after a spec's base. */
struct qr_tail {
    bool with;
    struct attribute_list attributes;
};
struct qr_flags {
    bool disabled, optional;
};

enum { QR_WORD_SLOTS = 256 };

union QR_PARSE_STYPE;
struct qr_parse {
    struct arena *arena;
    struct source *source;
    struct diags *diags;
    void *scanner;
    char *copy;          /* of text with two NULs behind it: what the scanner writes into */
    uint32_t offset;        /* of the next byte the scanner reads */
    const char *text;       /* what is scanned: the source, or a fragment's text */
    size_t size;
    bool is_file;           /* for messages: the text is a file */
    bool is_fragment;       /* the text's offsets are not the source's: every node has the span `whole` */
    struct span whole;
    int queue[3];           /* tokens to deliver before the text's, last one first: start tokens, an inserted brace */
    unsigned queued;
    struct span queued_span;
    struct ast_name queued_name;
    unsigned braces, depth; /* open { and open ( [ */
    unsigned level;         /* braces before the latest token */
    struct span opening;    /* the { of the block being read */
    bool recovering;        /* a syntax error was met; the latest token is the one at fault */
    int repeats;            /* the token behind a SYNC, 0: none; its place and value are the latest */
    union QR_PARSE_STYPE *value; /* of the latest token */
    uint32_t synced, reported; /* 1 + the offset of the token behind the latest SYNC, of the latest syntax error */
    int block;              /* the keyword of the declaration being read */
    bool stopped;           /* a limit was reached: no more tokens, no more messages */
    /* the two latest tokens, for messages */
    struct qr_seen {
        int token;
        struct span span;
        const char *text;   /* a word's */
    } seen, before;
    struct span long_string; /* the latest string that holds a line break */
    uint8_t words[QR_WORD_SLOTS]; /* hash of the keywords: 0 or 1 + index */
    /* results */
    struct ast *ast;
    struct decl_list decls;
    struct comment_list comments;
    struct ast_spec *spec;
    struct ast_predicate *predicate;
    struct ast_decl *decl;
    struct ast_slot *last_slot; /* of the config being built */
    struct qr_chain *free_chain;
};

/* ---- keywords: the aliases of the grammar's tokens ---- */
enum qr_group { QR_DECL, QR_SLOT, QR_ATTRIBUTE, QR_ATOM, QR_TERM, QR_OPERATOR, QR_CONTEXT, QR_COMPARISON, QR_OTHER };
struct qr_token_info {
    const char *name;
    enum qr_group group;
};
/* index from 0; false past the last keyword */
bool qr_keyword(unsigned index, struct qr_token_info *info, int *token);
bool qr_is_reserved(const char *word); /* a bare name cannot be this word */

/* ---- lexer and tokens ---- */
void qr_scan_begin(struct qr_parse *parse); /* qr_lex.l */
void qr_scan_end(struct qr_parse *parse);
int qr_word(struct qr_parse *parse, union QR_PARSE_STYPE *value, const char *text, size_t size, struct span span);
int qr_string(struct qr_parse *parse, union QR_PARSE_STYPE *value, const char *text, size_t size, struct span span);
int qr_number(struct qr_parse *parse, union QR_PARSE_STYPE *value, const char *text, size_t size, struct span span);
void qr_bad_number(struct qr_parse *parse, union QR_PARSE_STYPE *value, const char *text, struct span span);
void qr_open_string(struct qr_parse *parse, struct span span);
void qr_comment(struct qr_parse *parse, struct span span);
void qr_control(struct qr_parse *parse, const char *text, struct span span);
/* The spelling of an integer when it is not the canonical one, else NULL. */
const char *qr_own_spelling(struct arena *arena, struct ast_number number);
/* Reads a number's text; false when it is none. *overflow: well-formed but too large. */
bool qr_read_number(struct arena *arena, const char *text, size_t size, struct ast_number *number, bool *overflow);

/* ---- messages ---- */
void qr_syntax_error(struct qr_parse *parse, struct span span, bool at_end, const struct qr_token_info *expected, size_t count);
void qr_too_deep(struct qr_parse *parse, struct span span);

/* ---- builder: one call for each action of the grammar ---- */
struct ast_name qr_name_of(struct ast_string string);
struct ast_name qr_declared(struct qr_parse *parse, struct ast_name name);
void qr_add_decl(struct qr_parse *parse, struct ast_decl *decl);
struct ast_decl *qr_decl(enum ast_decl_kind kind, struct ast_name name, struct ast_decl *body, struct span span);
struct ast_decl *qr_recipe(struct qr_parse *parse, struct ast_string name, const struct ast_number *version);
struct ast_decl *qr_import(struct qr_parse *parse, struct ast_string path, struct ast_name as);
struct ast_decl *qr_format(struct qr_parse *parse, struct ast_format *format);
struct ast_decl *qr_spec_decl(struct qr_parse *parse, struct ast_spec *spec);
struct ast_decl *qr_set(struct qr_parse *parse, struct ast_predicate *predicate);
struct ast_decl *qr_alias(struct qr_parse *parse, struct ast_string query);
struct ast_decl *qr_group(struct qr_parse *parse, struct qr_strings members);
struct ast_decl *qr_schedule(struct qr_parse *parse, struct argument_list steps);
struct ast_decl *qr_steps(struct qr_parse *parse, struct step_list steps);
struct ast_decl *qr_match(struct qr_parse *parse, enum ast_policy policy, struct rule_list rules);
struct ast_decl *qr_expects(struct qr_parse *parse, struct expect_list expects);

struct ast_decl *qr_config(struct qr_parse *parse);
struct ast_decl *qr_config_null(struct qr_parse *parse);
struct ast_decl *qr_config_base(struct ast_decl *config, struct ast_name base);
struct ast_decl *qr_config_slot(struct qr_parse *parse, struct ast_decl *config, struct ast_slot *slot);
struct ast_decl *qr_config_schedule(struct qr_parse *parse, struct ast_decl *config, struct ast_name name, struct span span);
struct ast_decl *qr_config_extra(struct qr_parse *parse, struct ast_decl *config, struct ast_string json, struct span span);
struct ast_slot *qr_slot(struct qr_parse *parse, int role, struct qr_key key, struct ast_spec *spec, struct span span);
struct ast_slot *qr_module_slot(struct ast_slot *slot, struct span span);
struct qr_key qr_key_index(struct qr_parse *parse, struct ast_number number);
struct qr_key qr_key_name(struct ast_string name);

struct ast_format *qr_definition(struct qr_parse *parse, struct ast_name kind, struct argument_list arguments);
struct ast_format *qr_format_alias(struct qr_parse *parse, struct ast_name name);
struct ast_spec *qr_spec(struct qr_parse *parse, struct ast_name base, struct ast_format *definition, struct qr_tail tail, struct span span);
struct qr_tail qr_tail(bool with, struct ast_attribute *format, struct attribute_list attributes);
struct ast_attribute *qr_attribute_format(struct qr_parse *parse, struct ast_name name, struct ast_format *definition, struct span span);
struct ast_attribute *qr_attribute(struct qr_parse *parse, enum ast_attribute_kind kind, int value, struct span span);
struct ast_attribute *qr_attribute_word(struct qr_parse *parse, enum ast_attribute_kind kind, struct ast_name word, struct span span);
struct ast_attribute *qr_scheme(struct qr_parse *parse, enum word_set set, struct ast_name word, struct span span);
struct ast_attribute *qr_granularity(struct qr_parse *parse, struct ast_name word, struct qr_numbers numbers, struct span span);
struct ast_attribute *qr_scale(struct qr_parse *parse, struct ast_name format, struct ast_format *definition);
struct ast_attribute *qr_scale_pow2(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name mode, struct span span);
struct ast_attribute *qr_scale_rounded(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name when, struct span span);
struct ast_attribute *qr_scale_second(struct qr_parse *parse, struct ast_attribute *scale, struct ast_name format, struct span span);
struct ast_attribute *qr_scale_super(struct qr_parse *parse, struct ast_attribute *scale, struct ast_number count, struct span span);
struct ast_attribute *qr_attribute_end(struct ast_attribute *attribute, struct span span);
struct ast_attribute *qr_range(struct qr_parse *parse, struct ast_name word, struct argument_list arguments, struct span span);
struct ast_attribute *qr_static(struct qr_parse *parse, struct qr_bound low, struct qr_bound high, struct span span);
struct ast_attribute *qr_round(struct qr_parse *parse, struct ast_name word, const struct ast_number *seed, struct span span);
struct ast_attribute *qr_eps(struct qr_parse *parse, struct ast_number number, struct span span);
struct qr_bound qr_bound(struct qr_parse *parse, struct ast_number number);
struct qr_numbers qr_numbers_add(struct qr_parse *parse, struct qr_numbers numbers, struct ast_number number);
struct qr_strings qr_strings_add(struct qr_parse *parse, struct qr_strings strings, struct ast_string string);

struct argument_list qr_argument_add(struct qr_parse *parse, struct argument_list list, struct ast_argument *argument);
struct ast_argument *qr_argument(struct qr_parse *parse, struct ast_name key, struct ast_value *value);
struct ast_value *qr_value_number(struct qr_parse *parse, struct ast_number number);
struct ast_value *qr_value_string(struct qr_parse *parse, struct ast_string string);
struct ast_value *qr_value_word(struct qr_parse *parse, struct ast_name word);
struct ast_value *qr_value_spec(struct qr_parse *parse, struct ast_spec *spec);
struct ast_value *qr_value_list(struct qr_parse *parse, struct value_list items, struct span span);
struct ast_argument *qr_schedule_step(struct qr_parse *parse, struct ast_name word, struct ast_value *value);

struct qr_chain *qr_chain(struct qr_parse *parse, struct qr_chain *chain, struct ast_predicate *item);
struct ast_predicate *qr_chain_end(struct qr_parse *parse, enum ast_predicate_kind kind, struct qr_chain *chain);
struct ast_predicate *qr_not(struct qr_parse *parse, struct ast_predicate *operand, struct span span);
struct ast_predicate *qr_parentheses(struct ast_predicate *predicate, struct span span);
struct ast_predicate *qr_set_name(struct qr_parse *parse, struct ast_name name);
struct ast_predicate *qr_any(struct qr_parse *parse, struct span span);
struct ast_predicate *qr_atom(struct qr_parse *parse, struct ast_name words, struct ast_string pattern, struct span span);
struct ast_predicate *qr_atom_word(struct qr_parse *parse, enum atom atom, struct ast_name word, struct span span);
struct ast_name qr_words(struct qr_parse *parse, struct ast_name first, struct ast_name second);
struct ast_predicate *qr_compare(struct qr_parse *parse, struct ast_term left, int comparison, struct ast_term right, struct span span);
struct ast_predicate *qr_in(struct qr_parse *parse, struct ast_term term, struct ast_number low, struct ast_number high, struct span span);
struct ast_term qr_term(struct qr_parse *parse, enum ast_term_kind kind, struct ast_number integer, struct span span);
struct ast_term qr_term_modulus(struct qr_parse *parse, struct ast_term term, struct ast_number modulus, struct span span);

struct ast_rule *qr_rule(struct qr_parse *parse, enum ast_target_kind target, struct ast_name name);
struct ast_rule *qr_rule_predicate(struct ast_rule *rule, struct ast_predicate *predicate);
struct ast_rule *qr_rule_flags(struct ast_rule *rule, struct ast_name label, struct qr_flags flags, struct span span);
struct ast_rule *qr_use(struct qr_parse *parse, struct ast_name label, struct ast_name name, struct span span);
enum ast_policy qr_policy(struct qr_parse *parse, struct ast_name word, struct ast_name compat);
struct ast_step *qr_step(struct qr_parse *parse, struct ast_name name, struct argument_list arguments, struct ast_predicate *where, struct span span);
struct ast_expect *qr_expect_target(struct qr_parse *parse, enum ast_target_kind target, bool no_rule, struct ast_name config);
struct ast_expect *qr_expect(struct ast_expect *expect, enum ast_expect_kind kind, struct ast_string name, struct span span);
struct ast_expect *qr_expect_quantity(struct qr_parse *parse, struct ast_name quantity, int comparison, struct ast_number value, struct span span);

#endif
