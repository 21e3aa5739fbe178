/* tinylm.c: perplexity of a small language model and of a byte trigram on the same text.
 *
 * In: a checkpoint (model.safetensors or a directory, plain or quantized by Quern), its config.json, a text file, and
 * trigram.json from beside the text. Out: both perplexities, as lines or as one JSON object.
 *
 * What is scored: windows of 257 bytes, spread evenly over the text. The model sees a window's bytes 0 .. 255 and is scored
 * on bytes 1 .. 256, each predicted from those before it in the window; the trigram is scored on the same bytes.
 * perplexity = exp(mean of -ln P(byte)), bits per byte = the same mean in base 2. */
#include <argp.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <quern.h>

#include "network.h"
#include "trigram.h"

enum { PATH_SIZE = 4096, WHY_SIZE = 200 }; /* bytes; the second as network.h and trigram.h want it */

struct options {
    const char *model, *text;
    const char *config, *trigram; /* NULL: beside the model, beside the text */
    long bytes;                   /* to score; 0: the whole text */
    bool json;
};

struct text {
    uint8_t *bytes; /* owned */
    size_t size;
};

/* Sums of -ln P(byte) over the bytes scored. */
struct score {
    double model, trigram;
    size_t bytes, windows;
};

/* ---- options ---- */

/* MODEL and TEXT are both required; a wrong option ends the program with argp's message and status 64. */
static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    char *end;

    switch (key) {
    case 'b':
        options->bytes = strtol(argument, &end, 10);
        if (*argument == '\0' || *end != '\0' || options->bytes < 0)
            argp_error(state, "expected a number of bytes, saw \"%s\"", argument);
        return 0;
    case 'c':
        options->config = argument;
        return 0;
    case 't':
        options->trigram = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_usage(state);
        *(state->arg_num == 0 ? &options->model : &options->text) = argument;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void parse_options(struct options *options, int argc, char **argv)
{
    static const struct argp_option table[] = {
        {"bytes", 'b', "N", 0, "score about N bytes of TEXT, spread evenly (default 16384; 0: all)", 0},
        {"config", 'c', "FILE", 0, "the model's config.json (default: the one beside the weights)", 0},
        {"trigram", 't', "FILE", 0, "trigram counts (default: trigram.json beside TEXT)", 0},
        {"json", 'j', NULL, 0, "print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = table, .parser = parse_option, .args_doc = "MODEL TEXT",
        .doc = "Perplexity of the language model MODEL (a .safetensors file or a checkpoint directory) on TEXT.",
    };

    *options = (struct options){.bytes = 16384};
    argp_parse(&argp, argc, argv, 0, NULL, options);
}

/* ---- files ---- */

/* path = `given`, or `name` in the folder of `file`; is_folder: `file` is that folder itself. */
static void find_beside(char path[PATH_SIZE], const char *given, const char *file, bool is_folder, const char *name)
{
    const char *slash = strrchr(file, '/');
    int folder = is_folder ? (int)strlen(file) : slash == NULL ? 0 : (int)(slash - file) + 1;

    if (given != NULL)
        snprintf(path, PATH_SIZE, "%s", given);
    else
        snprintf(path, PATH_SIZE, "%.*s%s%s", folder, file, is_folder ? "/" : "", name);
}

/* A checkpoint directory, as the library takes it. */
static bool names_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The whole file. A text needs two bytes: one to see and one to predict. */
static bool read_text(struct text *text, const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 2 && (text->bytes = malloc((size_t)size)) != NULL) {
        rewind(file);
        text->size = fread(text->bytes, 1, (size_t)size, file);
    }
    if (file != NULL)
        fclose(file);
    return text->size >= 2 && text->size == (size_t)size;
}

/* ---- scoring ---- */

/* -ln softmax(logits)[byte] = ln(sum of exp(logit - top)) - (logit[byte] - top), top = max of the logits */
static double surprise(const float *logits, int symbols, int byte)
{
    double top = logits[0], sum = 0;

    for (int i = 1; i < symbols; i++)
        top = fmax(top, logits[i]);
    for (int i = 0; i < symbols; i++)
        sum += exp(logits[i] - top);
    return log(sum) - (logits[byte] - top);
}

/* Scores bytes start + 1 .. start + count of the text. */
static void score_window(struct score *score, struct network *network, const struct trigram *trigram,
                         const struct text *text, size_t start, int count, float *logits)
{
    int symbols = network->config.symbols;

    network_run(network, text->bytes + start, count, logits);
    for (int t = 0; t < count; t++) {
        size_t at = start + (size_t)t + 1;
        score->model += surprise(logits + (size_t)t * (size_t)symbols, symbols, text->bytes[at]);
        score->trigram -= log(trigram_probability(trigram, text->bytes, at));
    }
    score->bytes += (size_t)count;
    score->windows++;
}

/* Scores as many whole windows as `bytes` holds, at least one; 0: as many as the text holds. Window i of n starts at
 * (size - 1 - window) i / (n - 1), rounded down; a text shorter than a window is one window. false: no memory. */
static bool score_text(struct score *score, struct network *network, const struct trigram *trigram, const struct text *text, long bytes)
{
    size_t predicted = text->size - 1, window = (size_t)network->config.window;
    size_t wanted = bytes == 0 || (size_t)bytes > predicted ? predicted : (size_t)bytes;
    float *logits;

    window = window < predicted ? window : predicted;
    logits = malloc(window * (size_t)network->config.symbols * sizeof *logits);
    if (logits == NULL)
        return false;
    size_t windows = wanted / window > 0 ? wanted / window : 1;
    for (size_t i = 0; i < windows; i++) {
        size_t start = windows == 1 ? 0 : (predicted - window) * i / (windows - 1);
        score_window(score, network, trigram, text, start, (int)window, logits);
    }
    free(logits);
    return true;
}

/* ---- results ---- */

/* The result as three lines for people. */
static void print_lines(const struct options *options, const struct score *score)
{
    double bytes = (double)score->bytes;

    printf("text     %s: %zu bytes scored in %zu windows\n", options->text, score->bytes, score->windows);
    printf("model    perplexity %.4f, %.4f bits per byte\n", exp(score->model / bytes), score->model / bytes / M_LN2);
    printf("trigram  perplexity %.4f, %.4f bits per byte\n", exp(score->trigram / bytes), score->trigram / bytes / M_LN2);
}

/* The result as one object, numbers with ten significant digits. */
static void print_json(const struct options *options, const struct score *score)
{
    double bytes = (double)score->bytes;
    json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f}", "model", options->model, "text", options->text,
                             "bytes", (json_int_t)score->bytes, "windows", (json_int_t)score->windows,
                             "perplexity", exp(score->model / bytes), "bits_per_byte", score->model / bytes / M_LN2,
                             "trigram_perplexity", exp(score->trigram / bytes),
                             "trigram_bits_per_byte", score->trigram / bytes / M_LN2);

    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(json);
}

/* ---- the run ---- */

/* "tinylm: PATH: WHY" to stderr; 1, the exit status. */
static int fail(const char *path, const char *why)
{
    fprintf(stderr, "tinylm: %s: %s\n", path, why);
    return 1;
}

/* Reads the text, scores it, prints. Returns the exit status. */
static int run_model(const struct options *options, struct network *network, const struct trigram *trigram)
{
    struct text text = {0};
    struct score score = {0};
    int result = 0;

    if (!read_text(&text, options->text))
        result = fail(options->text, "expected a readable text of two bytes or more");
    else if (!score_text(&score, network, trigram, &text, options->bytes))
        result = fail(options->text, "out of memory");
    else
        (options->json ? print_json : print_lines)(options, &score);
    free(text.bytes);
    return result;
}

/* Opens the weights; the model is closed again as soon as they are read. Returns the exit status. */
static int open_network(const struct options *options, struct network *network)
{
    struct network_config config = {0};
    char path[PATH_SIZE], why[WHY_SIZE];
    quern_context *context = NULL;
    quern_model *model = NULL;
    enum quern_status status;

    find_beside(path, options->config, options->model, names_folder(options->model), "config.json");
    if (!network_config_read(&config, path, why))
        return fail(path, why);
    status = quern_context_create(NULL, &context);
    if (status == QUERN_OK)
        status = quern_model_open(context, options->model, &model);
    if (status == QUERN_OK)
        status = network_open(network, &config, model);
    if (status != QUERN_OK)
        fail(options->model, context == NULL || status == QUERN_LIMIT ? "out of memory" : quern_context_error(context));
    quern_model_close(model);
    quern_context_destroy(context);
    return (int)status;
}

/* What is cheap to find wrong comes first: options, the trigram's file, the model's. */
int main(int argc, char **argv)
{
    struct options options;
    struct network network = {0};
    struct trigram *trigram;
    char path[PATH_SIZE], why[WHY_SIZE];
    int result;

    parse_options(&options, argc, argv);
    find_beside(path, options.trigram, options.text, false, "trigram.json");
    trigram = trigram_read(path, why);
    if (trigram == NULL)
        return fail(path, why);
    result = open_network(&options, &network);
    if (result == 0)
        result = run_model(&options, &network, trigram);
    network_close(&network);
    free(trigram);
    return result;
}
