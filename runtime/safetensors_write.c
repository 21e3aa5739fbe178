/* safetensors: what the writer lays out before any data is there. In: names, dtypes, shapes; out: the header and every tensor's
 * place. Sizes and offsets follow from dtypes and shapes alone, so a whole file is planned first and its data may then be
 * written in any order. The order is that of the reference writer, so that equal tensors give equal files. */
#include "runtime/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"

/* Largest element type first (the order of dtypes.def, last row first), then by name. */
static int compare_tensors(const void *a, const void *b)
{
    const struct stored *s = *(struct stored *const *)a, *t = *(struct stored *const *)b;
    if (s->dtype != t->dtype)
        return s->dtype > t->dtype ? -1 : 1;
    return strcmp(s->name, t->name);
}

/* Always there: `format` is in it. */
static void print_metadata(struct text *out, struct json_hold *hold, const struct metadata *metadata, size_t count)
{
    text_add(out, "\"__metadata__\":{");
    for (size_t i = 0; i < count; i++) {
        text_add(out, i ? "," : "");
        json_print_string(out, hold, metadata[i].key);
        text_char(out, ':');
        json_print_string(out, hold, metadata[i].value);
    }
    text_char(out, '}');
}

/* Offsets count from the end of the header; they become positions in the file when its length is known. */
static void print_record(struct text *out, struct json_hold *hold, const struct stored *t)
{
    text_char(out, ',');
    json_print_string(out, hold, t->name);
    text_printf(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_rows[t->dtype].file_name);
    for (int i = 0; i < t->rank; i++)
        text_printf(out, "%s%" PRId64, i ? "," : "", t->shape[i]);
    text_printf(out, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", t->offset, t->offset + t->bytes);
}

/* Little-endian whatever the machine. */
static void put_length(char *out, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        out[i] = (char)(length >> 8 * i);
}

/* Nine bytes go first: the length, filled in at the end, and the brace. The header is padded with spaces, which JSON ignores,
 * so that the data begins at a multiple of SAFETENSORS_ALIGNMENT. */
bool safetensors_layout(struct arena *arena, struct stored **tensors, size_t count, const struct metadata *metadata,
                        size_t metadata_count, struct text *header, int64_t *length)
{
    int64_t end = 0;
    struct json_hold *hold = json_keep(arena);
    if (count)
        qsort(tensors, count, sizeof *tensors, compare_tensors);
    *header = text_make(arena);
    text_add_bytes(header, "\0\0\0\0\0\0\0\0{", 9);
    print_metadata(header, hold, metadata, metadata_count);
    for (size_t i = 0; i < count; i++) {
        tensors[i]->offset = end;
        end += tensors[i]->bytes;
        print_record(header, hold, tensors[i]);
    }
    text_char(header, '}');
    while (header->size % SAFETENSORS_ALIGNMENT)
        text_char(header, ' ');
    put_length(header->bytes, header->size - 8);
    for (size_t i = 0; i < count; i++)
        tensors[i]->offset += (int64_t)header->size;
    *length = end + (int64_t)header->size;
    return header->size - 8 <= SAFETENSORS_HEADER_MAX;
}
