/* The AST as tables: each class of node, its kinds, and the fields of each. The printer and the reader of the AST text
 * (`emit --stage ast`) are both loops over these rows; a field added to a node needs one row here.
 *
 * The text: one node a line, two blanks of indentation a level, children below their parent:
 *     ast spelling=qr
 *       spec name=w4
 *         spec base=int4
 *           granularity per=group dims=128
 * A field is word=value; what is false, absent, or none is not written. Values are words, numbers as the language
 * writes them, or strings in double quotes with \" \\ \n \r \t and \xHH. */
#ifndef QUERN_LANG_AST_FIELDS_H
#define QUERN_LANG_AST_FIELDS_H

#include "lang/ast.h"

enum ast_field_type {
    FIELD_NAME,     /* struct ast_name */
    FIELD_STRING,   /* struct ast_string */
    FIELD_STRINGS,  /* struct ast_string *, counted at `extra`; the field repeats */
    FIELD_TEXT,     /* const char * */
    FIELD_INTEGER,  /* int64_t; `has`: the bool that says it is given; `extra`: its spelling */
    FIELD_DIMS,     /* int64_t[SPEC_BLOCK_DIMS_MAX], counted at `extra` */
    FIELD_NUMBER,   /* struct ast_number; `has` as above */
    FIELD_FLAG,     /* bool; written as word=true */
    FIELD_WORD,     /* an enum, by its word of `set` */
    FIELD_CHOICE,   /* a bool, by its word of `set` */
    FIELD_EMBEDDED, /* a child inside the node */
    FIELD_NODE,     /* a pointer to a child */
    FIELD_LIST      /* a pointer to the first of a list of children */
};
enum { FIELD_NONE = 0xffff, FIELD_REQUIRED = 1, FIELD_ALWAYS = 2 /* an integer is written even when it is 0 */ };

struct ast_class;
struct ast_field {
    const char *word; /* NULL: children */
    enum ast_field_type type;
    uint16_t offset, has, extra; /* FIELD_NONE: no such */
    uint16_t flags;
    enum word_set set;
    const struct ast_class *child;
};
struct ast_node_row {
    const char *word;
    const struct ast_field *fields; /* up to one whose word and child are NULL */
    const char *(*fault)(const void *node); /* what a whole node still lacks, or NULL */
};
struct ast_class {
    const char *what; /* "a predicate" */
    size_t size;
    uint16_t kind, next, span; /* offsets; FIELD_NONE: one kind, no lists, no place */
    const struct ast_node_row *rows; /* indexed by the kind */
    size_t count;
};
extern const struct ast_class ast_class_root;
extern const struct ast_class ast_class_predicate;


#endif
