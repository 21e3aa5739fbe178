/* network.h: the language model of tinylm: its weights as floats, and the logits of a window of bytes.
 *
 * In: a checkpoint opened with the Quern library, plain or quantized, and a config.json of the Llama kind.
 * The function computed is the one of model.py, in float32. */
#ifndef TINYLM_NETWORK_H
#define TINYLM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quern.h>

struct network_config {
    int width;     /* hidden_size; also heads * head_dim */
    int inner;     /* intermediate_size */
    int layers;    /* num_hidden_layers */
    int heads;     /* num_attention_heads */
    int head_dim;
    int symbols;   /* vocab_size */
    int window;    /* max_position_embeddings: the longest input */
    float epsilon; /* rms_norm_eps */
    double theta;  /* rope_theta */
};

/* One decoder layer. Matrices are kept as [in][out], the transpose of the checkpoint's [out][in]; norms are [width]. */
struct network_layer {
    float *input_norm, *q, *k, *v, *o;
    float *post_norm, *gate, *up, *down;
};

/* Room for one window; rows are positions. Zeroed when made, so that the rows past the window stay finite. */
struct network_scratch {
    float *x;                      /* [window][width] the residual stream */
    float *normed, *q, *k, *v;     /* [window][width] */
    float *mixed;                  /* [window][width] the heads' outputs */
    float *gate, *up;              /* [window][inner] */
    float *keys;                   /* [head_dim][window] one head's keys, transposed */
    float *score;                  /* [window][window] one head's attention */
    float *cosine, *sine;          /* [window][head_dim / 2] */
};

/* A model ready to run. One thread at a time: the scratch is part of it. */
struct network {
    struct network_config config;
    struct network_layer *layers; /* owned */
    float *embedding;             /* [symbols][width] */
    float *norm, *head;           /* [width]; [width][symbols] */
    struct network_scratch scratch;
    void **blocks;                /* owned: every float array above */
    size_t block_count;
};

/* Reads config.json. false: `why` (at least 200 bytes) says what is wrong. */
bool network_config_read(struct network_config *config, const char *path, char *why);

/* Reads every weight of `model` into `network`, which owns its memory from then on, also after a failure.
 * `config` is one that network_config_read accepted. */
enum quern_status network_open(struct network *network, const struct network_config *config, quern_model *model);
void network_close(struct network *network);

/* logits[position][symbols] for the bytes[0 .. count), count <= window: row t predicts byte t + 1.
 * The sums have one fixed order, so equal weights give equal logits. */
void network_run(struct network *network, const uint8_t *bytes, int count, float *logits);

#endif
