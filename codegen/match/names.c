/* Names: exact names in a hash table. In: the rules that are nothing but lists of names (lower.c), names as they come. Out: the
 * rules that list a name. Such rules leave the automaton: with thousands of names it would have a state for each character of
 * them, and a table is one look-up whatever their number. */
#include "codegen/match/matcher.h"

#include <string.h>

/* Eight bytes at a time, by multiplication with 2^64 over the golden ratio (Fibonacci hashing). */
static uint32_t hash_name(const char *bytes, size_t size)
{
    uint64_t hash = size;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash ^ hash >> 32);
}

/* At most half full. Entries are put in in rule order and never moved, so that a probe meets equal names in rule order. */
void names_index(struct names *n, struct arena *arena)
{
    n->slot_count = 64;
    while (n->slot_count < 2 * (n->count + 1))
        n->slot_count *= 2;
    n->slots = ARENA_ARRAY(arena, n->slot_count, uint32_t);
    for (uint32_t i = 0; i < n->count; i++) {
        n->entries[i].hash = hash_name(n->entries[i].bytes, n->entries[i].size);
        size_t slot = n->entries[i].hash & (n->slot_count - 1);
        while (n->slots[slot])
            slot = (slot + 1) & (n->slot_count - 1);
        n->slots[slot] = i + 1;
    }
}

/* *at is the slot to go on with, kept apart from 0. */
const struct name_entry *names_find(const struct names *n, const struct field *field, size_t *at)
{
    uint32_t hash = hash_name(field->bytes, field->size);
    size_t mask = n->slot_count - 1;
    for (size_t slot = *at ? *at & mask : hash & mask; n->slots[slot]; slot = (slot + 1) & mask) {
        const struct name_entry *e = &n->entries[n->slots[slot] - 1];
        if (e->hash == hash && e->size == field->size && !memcmp(e->bytes, field->bytes, e->size)) {
            *at = slot + 1 + n->slot_count; /* never 0, even past the last slot */
            return e;
        }
    }
    return NULL;
}
