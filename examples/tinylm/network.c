/* network.c: reads a Llama-style checkpoint through the Quern library and runs it, one window at a time.
 *
 * h = x + attention(norm(x)); x' = h + down(silu(gate(norm(h))) * up(norm(h))); logits = head(norm(x)).
 * The formulas are those of model.py; positions are rows of every matrix here. */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "multiply.h"

/* ---- config.json ---- */

/* The fields that decide shapes and angles; all are required. Fields not named here change nothing tinylm computes. */
static bool read_fields(struct network_config *config, const json_t *json, char *why)
{
    json_error_t error;
    double epsilon;
    json_t *copy = (json_t *)json; /* json_unpack_ex takes a mutable root and changes nothing */

    if (json_unpack_ex(copy, &error, 0, "{s:i, s:i, s:i, s:i, s:i, s:i, s:F, s:F}",
                       "hidden_size", &config->width, "intermediate_size", &config->inner,
                       "num_hidden_layers", &config->layers, "num_attention_heads", &config->heads,
                       "vocab_size", &config->symbols, "max_position_embeddings", &config->window,
                       "rms_norm_eps", &epsilon, "rope_theta", &config->theta) != 0) {
        snprintf(why, 200, "%.180s", error.text);
        return false;
    }
    config->epsilon = (float)epsilon;
    return true;
}

/* The shapes this program handles: bytes as symbols, and blocks that the multiplication takes whole. The bounds keep every
 * product of two sizes within an int. */
static bool check_fields(struct network_config *config, char *why)
{
    if (config->heads < 1 || config->heads > 64 || config->layers < 1 || config->layers > 256
        || config->symbols != 256 || config->window < 1 || config->window > 4096
        || config->width < 1 || config->width > 8192 || config->inner < 1 || config->inner > 32768) {
        snprintf(why, 200, "a size is outside what tinylm runs");
        return false;
    }
    config->head_dim = config->width / config->heads;
    if (config->width != config->head_dim * config->heads || config->head_dim % MULTIPLY_LANES != 0
        || config->inner % MULTIPLY_LANES != 0 || config->window % MULTIPLY_LANES != 0) {
        snprintf(why, 200, "head, inner and window sizes must be multiples of %d", MULTIPLY_LANES);
        return false;
    }
    return true;
}

/* Keys that stand twice are refused: which of them counts would depend on the reader. */
bool network_config_read(struct network_config *config, const char *path, char *why)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    bool good;

    if (json == NULL) {
        snprintf(why, 200, "%.180s", error.text);
        return false;
    }
    good = read_fields(config, json, why) && check_fields(config, why);
    json_decref(json);
    return good;
}

/* ---- weights ---- */

/* A zeroed array of `count` floats, aligned to 64 bytes, that network_close frees. NULL: no memory. */
static float *add_block(struct network *network, size_t count)
{
    void **blocks = realloc(network->blocks, (network->block_count + 1) * sizeof *blocks);
    float *block;

    if (blocks == NULL)
        return NULL;
    network->blocks = blocks;
    block = aligned_alloc(64, (count * sizeof *block + 63) / 64 * 64);
    if (block == NULL)
        return NULL;
    memset(block, 0, count * sizeof *block);
    blocks[network->block_count++] = block;
    return block;
}

/* Reads a tensor of `count` elements in the order it has. */
static enum quern_status load_plain(struct network *network, quern_model *model, const char *name, size_t count, float **out)
{
    *out = add_block(network, count);
    return *out == NULL ? QUERN_LIMIT : quern_model_read_f32(model, name, *out, count);
}

/* Reads `name`, [out][in], and keeps its transpose, [in][out]: multiply() takes neighbouring outputs of one input at a time. */
static enum quern_status load_matrix(struct network *network, quern_model *model, const char *name, int out, int in, float **matrix)
{
    size_t count = (size_t)out * (size_t)in;
    float *stored = malloc(count * sizeof *stored);
    enum quern_status status = QUERN_LIMIT;

    *matrix = add_block(network, count);
    if (stored != NULL && *matrix != NULL)
        status = quern_model_read_f32(model, name, stored, count);
    if (status == QUERN_OK)
        for (int i = 0; i < in; i++)
            for (int o = 0; o < out; o++)
                (*matrix)[(size_t)i * (size_t)out + (size_t)o] = stored[(size_t)o * (size_t)in + (size_t)i];
    free(stored);
    return status;
}

/* One tensor of a layer: where it goes and its shape; in == 0: a vector. */
struct layer_part {
    const char *name;
    float **target;
    int out, in;
};

/* Reads the nine tensors of layer `index`. */
static enum quern_status load_layer(struct network *network, quern_model *model, int index)
{
    struct network_layer *layer = &network->layers[index];
    int width = network->config.width, inner = network->config.inner;
    const struct layer_part parts[] = {
        {"input_layernorm", &layer->input_norm, width, 0},
        {"self_attn.q_proj", &layer->q, width, width},
        {"self_attn.k_proj", &layer->k, width, width},
        {"self_attn.v_proj", &layer->v, width, width},
        {"self_attn.o_proj", &layer->o, width, width},
        {"post_attention_layernorm", &layer->post_norm, width, 0},
        {"mlp.gate_proj", &layer->gate, inner, width},
        {"mlp.up_proj", &layer->up, inner, width},
        {"mlp.down_proj", &layer->down, width, inner},
    };
    enum quern_status status = QUERN_OK;
    char name[96];

    for (size_t i = 0; status == QUERN_OK && i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "model.layers.%d.%s.weight", index, parts[i].name);
        status = parts[i].in == 0 ? load_plain(network, model, name, (size_t)parts[i].out, parts[i].target)
                                  : load_matrix(network, model, name, parts[i].out, parts[i].in, parts[i].target);
    }
    return status;
}

/* Reads all tensors by their logical names: a quantized one is dequantized by the library as it is read. */
static enum quern_status load_weights(struct network *network, quern_model *model)
{
    const struct network_config *config = &network->config;
    size_t symbols = (size_t)config->symbols, width = (size_t)config->width;
    enum quern_status status;

    status = load_plain(network, model, "model.embed_tokens.weight", symbols * width, &network->embedding);
    for (int i = 0; status == QUERN_OK && i < config->layers; i++)
        status = load_layer(network, model, i);
    if (status == QUERN_OK)
        status = load_plain(network, model, "model.norm.weight", width, &network->norm);
    if (status == QUERN_OK)
        status = load_matrix(network, model, "lm_head.weight", config->symbols, config->width, &network->head);
    return status;
}

/* ---- scratch ---- */

/* angle(position, i) = position * theta^(-2i / head_dim), in double as model.py has it, then rounded. */
static void fill_angles(struct network *network)
{
    const struct network_config *config = &network->config;
    int half = config->head_dim / 2;

    for (int t = 0; t < config->window; t++)
        for (int i = 0; i < half; i++) {
            double angle = t * pow(config->theta, -2.0 * i / config->head_dim);
            network->scratch.cosine[t * half + i] = (float)cos(angle);
            network->scratch.sine[t * half + i] = (float)sin(angle);
        }
}

/* Arrays are as long as the longest window; a shorter one uses their first rows. */
static enum quern_status make_scratch(struct network *network)
{
    struct network_scratch *s = &network->scratch;
    size_t window = (size_t)network->config.window, width = (size_t)network->config.width;
    size_t inner = (size_t)network->config.inner, head_dim = (size_t)network->config.head_dim;
    const struct { float **target; size_t count; } arrays[] = {
        {&s->x, window * width}, {&s->normed, window * width}, {&s->q, window * width}, {&s->k, window * width},
        {&s->v, window * width}, {&s->mixed, window * width}, {&s->gate, window * inner}, {&s->up, window * inner},
        {&s->keys, head_dim * window}, {&s->score, window * window},
        {&s->cosine, window * head_dim / 2}, {&s->sine, window * head_dim / 2},
    };

    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        if ((*arrays[i].target = add_block(network, arrays[i].count)) == NULL)
            return QUERN_LIMIT;
    fill_angles(network);
    return QUERN_OK;
}

/* Scratch first: it costs little, and weights are read for nothing without it. */
enum quern_status network_open(struct network *network, const struct network_config *config, quern_model *model)
{
    enum quern_status status;

    *network = (struct network){.config = *config};
    network->layers = calloc((size_t)config->layers, sizeof *network->layers);
    if (network->layers == NULL)
        return QUERN_LIMIT;
    status = make_scratch(network);
    return status == QUERN_OK ? load_weights(network, model) : status;
}

void network_close(struct network *network)
{
    for (size_t i = 0; i < network->block_count; i++)
        free(network->blocks[i]);
    free(network->blocks);
    free(network->layers);
    *network = (struct network){0};
}

/* ---- the forward pass ---- */

/* y = x / sqrt(mean(x^2) + epsilon) * weight, row by row */
static void normalize(const struct network_config *config, float *y, const float *x, const float *weight, int rows)
{
    int width = config->width;

    for (int t = 0; t < rows; t++, x += width, y += width) {
        float sum = 0;
        for (int i = 0; i < width; i++)
            sum += x[i] * x[i];
        float scale = 1 / sqrtf(sum / (float)width + config->epsilon);
        for (int i = 0; i < width; i++)
            y[i] = x[i] * scale * weight[i];
    }
}

/* Rotary position: within each head, (a, b) = (x[i], x[i + head_dim/2]) turns by angle(position, i):
 * (a cos - b sin, b cos + a sin). */
static void rotate(const struct network *network, float *x, int rows)
{
    const struct network_config *config = &network->config;
    int half = config->head_dim / 2;

    for (int t = 0; t < rows; t++) {
        const float *cosine = network->scratch.cosine + t * half, *sine = network->scratch.sine + t * half;
        for (int h = 0; h < config->heads; h++, x += 2 * half)
            for (int i = 0; i < half; i++) {
                float a = x[i], b = x[i + half];
                x[i] = a * cosine[i] - b * sine[i];
                x[i + half] = b * cosine[i] + a * sine[i];
            }
    }
}

/* score[t][s] becomes exp((score[t][s] - top) scale) / the sum of that over s <= t, with top = max over s <= t; for s > t it
 * becomes 0: a position does not see those after it. */
static void attend(float *score, int rows, int window, float scale)
{
    for (int t = 0; t < rows; t++, score += window) {
        float top = score[0], sum = 0;
        for (int s = 1; s <= t; s++)
            top = fmaxf(top, score[s]);
        for (int s = 0; s <= t; s++)
            sum += score[s] = expf((score[s] - top) * scale);
        for (int s = 0; s <= t; s++)
            score[s] /= sum;
        for (int s = t + 1; s < window; s++)
            score[s] = 0;
    }
}

/* mixed = softmax(q k^T / sqrt(head_dim)) v, head by head. A head is head_dim columns of q, k, v and mixed.
 * Columns of `keys` past `rows` hold an earlier window's keys; attend() drops what they produce. */
static void mix_heads(struct network *network, int rows)
{
    struct network_scratch *s = &network->scratch;
    int width = network->config.width, window = network->config.window, head_dim = network->config.head_dim;

    for (int h = 0; h < network->config.heads; h++) {
        int at = h * head_dim;
        for (int t = 0; t < rows; t++)
            for (int i = 0; i < head_dim; i++)
                s->keys[i * window + t] = s->k[t * width + at + i];
        multiply((struct block){s->score, window}, (struct block){s->q + at, width}, (struct block){s->keys, window},
                 rows, head_dim, window);
        attend(s->score, rows, window, 1 / sqrtf((float)head_dim));
        multiply((struct block){s->mixed + at, width}, (struct block){s->score, window}, (struct block){s->v + at, width},
                 rows, rows, head_dim);
    }
}

/* y[rows][out] = x[rows][in] w, w [in][out], all without gaps */
static void project(float *y, const float *x, const float *w, int rows, int in, int out)
{
    multiply((struct block){y, out}, (struct block){(float *)x, in}, (struct block){(float *)w, out}, rows, in, out);
}

/* x += y */
static void add(float *x, const float *y, int count)
{
    for (int i = 0; i < count; i++)
        x[i] += y[i];
}

/* One decoder layer on rows [0 .. rows) of x. `normed` holds the input of the products, then their output. */
static void run_layer(struct network *network, const struct network_layer *layer, int rows)
{
    const struct network_config *config = &network->config;
    struct network_scratch *s = &network->scratch;
    int width = config->width, inner = config->inner;

    /* x += o(attention(q, k, v of norm(x))) */
    normalize(config, s->normed, s->x, layer->input_norm, rows);
    project(s->q, s->normed, layer->q, rows, width, width);
    project(s->k, s->normed, layer->k, rows, width, width);
    project(s->v, s->normed, layer->v, rows, width, width);
    rotate(network, s->q, rows);
    rotate(network, s->k, rows);
    mix_heads(network, rows);
    project(s->normed, s->mixed, layer->o, rows, width, width);
    add(s->x, s->normed, rows * width);

    /* x += down(silu(gate(norm(x))) * up(norm(x))), silu(g) = g / (1 + exp(-g)) */
    normalize(config, s->normed, s->x, layer->post_norm, rows);
    project(s->gate, s->normed, layer->gate, rows, width, inner);
    project(s->up, s->normed, layer->up, rows, width, inner);
    for (int i = 0; i < rows * inner; i++)
        s->gate[i] = s->gate[i] / (1 + expf(-s->gate[i])) * s->up[i];
    project(s->normed, s->gate, layer->down, rows, inner, width);
    add(s->x, s->normed, rows * width);
}

/* The logits are the caller's: [count][symbols]. */
void network_run(struct network *network, const uint8_t *bytes, int count, float *logits)
{
    const struct network_config *config = &network->config;
    struct network_scratch *s = &network->scratch;
    size_t width = (size_t)config->width;

    for (int t = 0; t < count; t++)
        memcpy(s->x + (size_t)t * width, network->embedding + bytes[t] * width, width * sizeof *s->x);
    for (int i = 0; i < config->layers; i++)
        run_layer(network, &network->layers[i], count);
    normalize(config, s->normed, s->x, network->norm, count);
    project(logits, s->normed, network->head, count, config->width, config->symbols);
}
