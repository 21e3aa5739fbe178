/* bench_check: what `quern check -m` costs, in readings of the model's index by jansson alone (proofs are bench_prove's). One
 * thread, its CPU time, medians of interleaved samples of one run. Reading the index is the yardstick, since no check can do
 * without.
 *
 *   bench_check [--samples N] [--rules N] [--tensors N] */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/match.h"
#include "bench/samples.h"
#include "runtime/quern.h"

enum { SAMPLES_MAX = 101 }; /* places of static arrays */

/* model.safetensors.index.json: every tensor in one shard. */
static char *make_index(const struct names *names)
{
    json_t *map = json_object(), *index;
    for (size_t i = 0; i < names->count; i++)
        json_object_setn_new(map, names->items[i].bytes, names->items[i].size, json_string("model-00001-of-00001.safetensors"));
    index = json_pack("{s:{s:i}, s:o}", "metadata", "total_size", 0, "weight_map", map);
    char *text = json_dumps(index, JSON_COMPACT);
    json_decref(index);
    return text;
}

/* The rules, each optional, and a last one for the rest. */
static char *make_recipe(const struct rules *rules, size_t *size)
{
    char *text;
    FILE *out = open_memstream(&text, size);
    fputs("config c { weight int8 }\nmatch first {\n", out);
    for (size_t i = 0; i < rules->count; i++)
        fprintf(out, "  optional %s => c\n", rules->items[i].atom);
    fputs("  _ => skip\n}\n", out);
    fclose(out);
    return text;
}

/* Times in ns, one a sample. */
struct run {
    const char *recipe, *path;
    size_t recipe_size, count;
    double read[SAMPLES_MAX], load[SAMPLES_MAX], check[SAMPLES_MAX];
};

/* Errors are what the generated rules deserve; their number goes to stderr once. */
static quern_recipe *load(struct run *run, quern_context *context)
{
    quern_recipe *recipe = NULL;
    if (quern_recipe_load_memory(context, "bench.qr", run->recipe, run->recipe_size, &recipe)) {
        fputs(quern_diagnostics_text(context, false), stderr);
        exit(1);
    }
    return recipe;
}

/* Loading is counted into the check: a recipe without its automaton checks nothing. */
static void sample(struct run *run, quern_context *context)
{
    size_t i = run->count++;
    double t0 = now();
    json_t *json = json_load_file(run->path, 0, NULL);
    run->read[i] = now() - t0;
    json_decref(json);
    t0 = now();
    quern_recipe *recipe = load(run, context);
    run->load[i] = now() - t0;
    quern_model *model = NULL;
    t0 = now();
    if (quern_model_open(context, run->path, &model)) {
        fputs(quern_diagnostics_text(context, false), stderr);
        exit(1);
    }
    quern_check_model(recipe, model);
    run->check[i] = now() - t0 + run->load[i];
    if (!i)
        fprintf(stderr, "%zu rules, %zu tensors, %u errors, %u warnings\n", quern_rule_count(recipe), quern_model_count(model),
                quern_error_count(context), quern_warning_count(context));
    quern_model_close(model);
    quern_recipe_close(recipe);
    quern_diagnostics_clear(context);
}

/* The index alone is written, without its shards: it is then a list of names. */
int main(int argc, char **argv)
{
    size_t samples = option_count(argc, argv, "--samples", 7);
    struct rules rules = rules_make(FAMILY_MIXED, option_count(argc, argv, "--rules", 1000));
    struct names names = names_make(option_count(argc, argv, "--tensors", 100000));
    char path[] = "/tmp/quern-bench-XXXXXX.safetensors.index.json";
    struct run *run = calloc(1, sizeof *run);
    char *index = make_index(&names);
    int fd = mkstemps(path, (int)strlen(".safetensors.index.json"));
    if (fd < 0 || write(fd, index, strlen(index)) != (ssize_t)strlen(index) || close(fd))
        return perror(path), 1;
    run->recipe = make_recipe(&rules, &run->recipe_size);
    run->path = path;
    quern_context *context;
    if (quern_context_create(NULL, &context))
        return 1;
    for (size_t i = 0; i < samples && i < SAMPLES_MAX; i++)
        sample(run, context);
    double read = median(run->read, run->count), made = median(run->load, run->count);
    double check = median(run->check, run->count);
    printf("jansson reads the index     %8.1f ms\n", 1e-6 * read);
    printf("load: the automaton         %8.1f ms\n", 1e-6 * made);
    printf("load and check -m           %8.1f ms  %6.2f readings of the index\n", 1e-6 * check, check / read);
    quern_context_destroy(context);
    unlink(path);
    return 0;
}
