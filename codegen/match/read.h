/* Reading a matcher's text: the tokens, for read.c. Nothing that is read after a fault means anything. */
#ifndef QUERN_CODEGEN_MATCH_READ_H
#define QUERN_CODEGEN_MATCH_READ_H

#include "codegen/match/matcher.h"

struct reader {
    struct matcher *m;
    struct source *source;
    struct diags *diags;
    size_t at;
    bool failed;
    size_t label_capacity[FIELD_COUNT], decision_capacity, depth_capacity, depth_count;
    bool *asked;      /* tests: a rule's predicate holds it */
    uint32_t *depths; /* of decisions: the longest way to the end */
};

/* Reports the first fault, where the text stands. */
void reader_fail(struct reader *r, const char *expected);
void reader_skip(struct reader *r); /* blanks */
bool reader_is_word(char c);
/* Bytes of the word that comes next; 0: none does. */
size_t reader_word(struct reader *r);
/* Takes the word, or the sign, when it comes next. */
bool reader_take(struct reader *r, const char *word);
void reader_expect(struct reader *r, const char *word);
/* A number below limit. */
uint32_t reader_number(struct reader *r, uint64_t limit);
/* -1 or a number below limit. */
int reader_optional(struct reader *r, uint64_t limit);
int64_t reader_integer(struct reader *r);
uint32_t reader_hexadecimal(struct reader *r); /* a code point */
/* "…" as text_quote writes it; never NULL. */
const char *reader_string(struct reader *r, size_t *size);
enum field_id reader_field(struct reader *r); /* of those that have labels */

#endif
