/* Quern through its public header: one call a name (quern), and one call a batch (quern batch). A host's own path: the recipe
 * is text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/match.h"

/* A context and its only recipe. */
struct recipe {
    quern_context *context;
    quern_recipe *rules;
};

static char *write_recipe(const struct rules *rules, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    rules_print(rules, out);
    fclose(out);
    return text;
}

static void close_recipe(void *opened)
{
    struct recipe *self = opened;
    quern_recipe_close(self->rules);
    quern_context_destroy(self->context);
    free(self);
}

/* Reading the recipe's text is part of becoming usable. */
static void *open_recipe(const struct rules *rules)
{
    struct recipe *self = calloc(1, sizeof *self);
    size_t size;
    char *text = write_recipe(rules, &size);
    if (quern_context_create(NULL, &self->context) || quern_recipe_load_memory(self->context, "bench.qr", text, size, &self->rules)) {
        fputs(quern_diagnostics_text(self->context, false), stderr);
        close_recipe(self);
        self = NULL;
    }
    free(text);
    return self;
}

/* -2: no memory, which no other engine answers. */
static void match_one(void *opened, const struct quern_name *names, size_t count, int *answers)
{
    struct recipe *self = opened;
    struct quern_match match;
    for (size_t i = 0; i < count; i++)
        answers[i] = quern_match_module(self->rules, names[i].bytes, names[i].size, &match) ? -2 : match.rule;
}

/* 0xfe…: the same. */
static void match_batch(void *opened, const struct quern_name *names, size_t count, int *answers)
{
    struct recipe *self = opened;
    if (quern_match_batch(self->rules, names, count, answers))
        memset(answers, 0xfe, count * sizeof *answers);
}

const struct engine quern_one_engine = {"quern", false, open_recipe, match_one, close_recipe};
const struct engine quern_batch_engine = {"quern batch", false, open_recipe, match_batch, close_recipe};
