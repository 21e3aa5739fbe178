/* trigram.c: interpolated byte trigrams, Witten-Bell smoothing.
 *
 * P(c | context) = (n(context c) + T(context) P(c | shorter context)) / (n(context) + T(context))
 * n: how often, T: how many different bytes followed the context; the context shortens from two bytes to none, and
 * below that P(c) = 1/256. (Witten and Bell 1991, method C.) */
#include "trigram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* n more bytes of one kind followed the context. */
static void count_context(struct trigram_context *context, uint32_t n)
{
    context->total += n;
    context->kinds += n != 0;
}

/* Pairs, singles and contexts from the triples: n(bc) = sum of n(abc) over a, and so on. */
static void sum_counts(struct trigram *t)
{
    for (int a = 0; a < TRIGRAM_SYMBOLS; a++)
        for (int b = 0; b < TRIGRAM_SYMBOLS; b++)
            for (int c = 0; c < TRIGRAM_SYMBOLS; c++) {
                count_context(&t->after_pair[a][b], t->triple[a][b][c]);
                t->pair[b][c] += t->triple[a][b][c];
                t->single[c] += t->triple[a][b][c];
            }
    for (int b = 0; b < TRIGRAM_SYMBOLS; b++) {
        for (int c = 0; c < TRIGRAM_SYMBOLS; c++)
            count_context(&t->after_single[b], t->pair[b][c]);
        count_context(&t->start, t->single[b]);
    }
}

/* Keys are three ASCII characters each; anything else, or a count outside 1 .. 2^24, is an error. */
static bool take_counts(struct trigram *t, json_t *counts, char *why)
{
    const char *key;
    json_t *value;

    if (json_object_size(counts) == 0) {
        snprintf(why, 200, "expected an object \"counts\" with at least one count");
        return false;
    }
    json_object_foreach(counts, key, value) {
        const unsigned char *k = (const unsigned char *)key;
        json_int_t n = json_integer_value(value);
        if (strlen(key) != 3 || k[0] > 127 || k[1] > 127 || k[2] > 127 || n < 1 || n > 1 << 24) {
            snprintf(why, 200, "not the count of three ASCII characters: \"%.60s\"", key);
            return false;
        }
        t->triple[k[0]][k[1]][k[2]] = (uint32_t)n;
    }
    sum_counts(t);
    return true;
}

/* The reason is written before it is known which of the two failed, and overwritten by take_counts. */
struct trigram *trigram_read(const char *path, char *why)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    struct trigram *t = calloc(1, sizeof *t);

    snprintf(why, 200, "%.180s", json == NULL ? error.text : "out of memory");
    if (json == NULL || t == NULL || !take_counts(t, json_object_get(json, "counts"), why)) {
        free(t);
        t = NULL;
    }
    json_decref(json);
    return t;
}

/* One step of the formula above; a context never seen leaves the shorter one's probability. */
static double interpolate(uint32_t n, struct trigram_context context, double shorter)
{
    return context.total == 0 ? shorter : (n + context.kinds * shorter) / ((double)context.total + context.kinds);
}

/* Bytes outside ASCII have no counts: as context they end the recursion, as c they get the smoothing mass alone. */
double trigram_probability(const struct trigram *t, const uint8_t *text, size_t at)
{
    int c = text[at], b = at < 1 ? 255 : text[at - 1], a = at < 2 ? 255 : text[at - 2];
    bool seen = c < TRIGRAM_SYMBOLS;
    double p = 1.0 / 256;

    p = interpolate(seen ? t->single[c] : 0, t->start, p);
    if (b < TRIGRAM_SYMBOLS)
        p = interpolate(seen ? t->pair[b][c] : 0, t->after_single[b], p);
    if (b < TRIGRAM_SYMBOLS && a < TRIGRAM_SYMBOLS)
        p = interpolate(seen ? t->triple[a][b][c] : 0, t->after_pair[a][b], p);
    return p;
}
