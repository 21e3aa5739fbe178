/* JSON of files that others wrote, read by jansson. Large objects (a header of a million tensors, a weight_map) are walked
 * member by member, so that memory holds one member's value at a time and not a tree of the whole file. Strings are UTF-8
 * without NUL; keys that stand twice within one value are refused, those of a walked object are the walker's caller's matter. */
#ifndef QUERN_RUNTIME_JSON_H
#define QUERN_RUNTIME_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "lang/text.h"

/* Keeps a value alive until the arena closes or json_drop; an escape from a failed allocation then loses nothing. */
struct json_hold {
    json_t *value;
};
/* An empty hold, released with the arena; json_drop empties it earlier. */
struct json_hold *json_keep(struct arena *arena);
void json_drop(struct json_hold *hold);

/* A place between the members of an object's text, or between the items of an array's. A walk ends at its first error. */
struct json_walk {
    const char *bytes;
    size_t at, size;
    size_t base;             /* bytes of the whole text before `bytes`: messages count from its beginning */
    size_t value_limit;      /* the most bytes one value may take; 0: any */
    struct json_hold *value; /* of the current member; NULL value when it was not asked for */
    bool inside;             /* a member came before */
    const char *error;       /* what is wrong at `at`; NULL while all is well */
    char message[192];
};

/* Stands before the first member; walk->error when the text does not begin with an object. */
void json_walk_open(struct json_walk *walk, struct arena *arena, const char *bytes, size_t size);
/* The next member's key in the arena, or NULL behind the closing brace and on an error. The member before must have
 * been read or stepped over by json_walk_value. */
const char *json_walk_key(struct json_walk *walk, struct arena *arena);
/* The value behind the key; borrowed until the next call. A value whose first byte is not `opens` ('"', '{', '[';
 * 0: any) is not read: NULL without an error. NULL with walk->error when it is malformed. */
json_t *json_walk_value(struct json_walk *walk, char opens);
/* true: another item of an array (json_walk_enter_array) stands here, to be read or stepped over by json_walk_value;
 * false behind the closing bracket and on an error. */
bool json_walk_item(struct json_walk *walk);
/* After the last member: only blanks may follow. Lets go of the last value. */
void json_walk_close(struct json_walk *walk);

/* Around the members of an object that is itself a member's value: inner walks it, leave steps w over it and takes
 * inner's error along. */
void json_walk_enter(struct json_walk *w, struct json_walk *inner, struct arena *arena);
void json_walk_leave(struct json_walk *w, struct json_walk *inner);
/* The same around the items of an array; the inner walk takes over the limit on values. */
void json_walk_enter_array(struct json_walk *w, struct json_walk *inner, struct arena *arena);

/* hold's value as text; JSON_ENCODE_ANY is implied. */
void json_print(struct text *out, const struct json_hold *hold, size_t flags);
/* string as a JSON string; hold is used for it. Bytes that are not UTF-8 make it "". */
void json_print_string(struct text *out, struct json_hold *hold, const char *string);

/* bytes as a quoted name for a message: control characters as \xNN, cut after 96 bytes. */
const char *name_shown(struct arena *arena, const char *name);

#endif
