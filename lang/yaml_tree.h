/* What the files of the YAML value reader share: the state of one reading. See yaml_value.h. */
#ifndef QUERN_LANG_YAML_TREE_H
#define QUERN_LANG_YAML_TREE_H

#include "lang/yaml_value.h"

/* A hash table from names to small numbers; entries are never removed. */
struct yaml_table {
    struct arena *arena;
    struct yaml_entry {
        const char *name; /* borrowed; NULL: free */
        uint32_t value;
    } *entries;
    size_t count, capacity;
};
/* The value slot of name; *found tells whether it was there, else it was added with value 0. */
uint32_t *yaml_table_at(struct yaml_table *table, const char *name, bool *found);

/* Duplicates and `<<`: turns the pairs as written into the mapping's meaning, charging *budget for every pair that
 * a merge brings and noting duplicates in the document. False after a message when the budget is gone. */
bool yaml_merge(struct arena *arena, struct yaml_node *mapping, struct yaml_document *document, struct diags *diags, int64_t *budget);
void yaml_report_budget(struct diags *diags, struct span span);
/* weight and height of a collection from its children. */
void yaml_measure(struct yaml_node *node);
/* One collection of source[span] alone; a duplicate key is an error. */
struct yaml_node *yaml_read_span(struct arena *arena, struct source *source, struct span span, struct diags *diags);

#endif
