/* Subjects from names alone. In: a module path or a parameter's full name. Out: a subject whose other fields are unknown, with
 * the layer number read from the path. Rule: Megatron-LM's layer number, re.search(r"layers\.(\d+)"), with ASCII digits; unless
 * the recipe asks for that alone, else the first segment h, blk, block, blocks or layer before a number. match_name.c and
 * prove_layer.c say the same in machine code and as automata. */
#include "codegen/match/match.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at i as a number; false: none, or beyond 63 bits. */
static bool read_number(const char *path, size_t size, size_t i, int64_t *value)
{
    *value = 0;
    if (i >= size || !is_digit(path[i]))
        return false;
    for (; i < size && is_digit(path[i]); i++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, path[i] - '0', value))
            return false;
    return true;
}

static bool starts_with(const char *path, size_t size, size_t i, const char *word)
{
    size_t length = strlen(word);
    return size - i >= length && !memcmp(path + i, word, length);
}

/* re.search(r"layers\.(\d+)"), decimal digits of ASCII: the first place where a digit follows. `y` is its rarest letter. */
static bool find_layers(const char *path, size_t size, bool *has, int64_t *layer)
{
    enum { Y_AT = 2, SIZE = 7 };
    const char *at = path, *end = path + size;
    while (at < end && (at = memchr(at, 'y', (size_t)(end - at)))) {
        size_t digits = (size_t)(at - path) - Y_AT + SIZE;
        if (at - path >= Y_AT && digits < size && !memcmp(at - Y_AT, "layers.", SIZE) && is_digit(path[digits])) {
            *has = read_number(path, size, digits, layer);
            return true;
        }
        at++;
    }
    return false;
}

/* (^|\.)(h|blk|blocks?|layer)\.(\d+)
 * Segments begin at the start and behind each dot. */
static void find_block(const char *path, size_t size, bool *has, int64_t *layer)
{
    static const char *const words[] = {"h.", "blk.", "block.", "blocks.", "layer."};
    for (size_t i = 0; i < size;) {
        for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
            size_t digits = i + strlen(words[w]);
            if (path[i] == words[w][0] && starts_with(path, size, i, words[w]) && digits < size && is_digit(path[digits])) {
                *has = read_number(path, size, digits, layer);
                return;
            }
        }
        const char *dot = memchr(path + i, '.', size - i);
        i = dot ? (size_t)(dot - path) + 1 : size;
    }
}

static void read_layer(struct subject *s, const char *path, size_t size, bool megatron_layers)
{
    if (!find_layers(path, size, &s->has_layer, &s->layer) && !megatron_layers)
        find_block(path, size, &s->has_layer, &s->layer);
}

void subject_of_module(struct subject *s, const char *path, size_t size, bool megatron_layers)
{
    *s = (struct subject){.module = {path, size}, .dtype = -1, .rank = -1};
    read_layer(s, path, size, megatron_layers);
}

/* As PyTorch names parameters; buffers and all else are state. */
static struct field find_role(const char *name, size_t size)
{
    if (size == 6 && !memcmp(name, "weight", 6))
        return (struct field){"weight", 6};
    if (size == 4 && !memcmp(name, "bias", 4))
        return (struct field){"bias", 4};
    return (struct field){"state", 5};
}

void subject_of_parameter(struct subject *s, const char *name, size_t size, int dtype, int rank, const int64_t *shape, bool megatron_layers)
{
    size_t cut = size;
    while (cut && name[cut - 1] != '.')
        cut--;
    size_t path = cut ? cut - 1 : 0;
    *s = (struct subject){.module = {name, path}, .param_name = {name + cut, size - cut}, .parameter = {name, size},
                          .dtype = dtype, .rank = rank, .shape = shape};
    s->role = find_role(name + cut, size - cut);
    read_layer(s, name, path, megatron_layers);
}
