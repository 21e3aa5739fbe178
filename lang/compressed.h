/* compressed-tensors: QuantizationArgs and the storage format of a spec. The one table for checkpoints that are written and
 * read (runtime/) and for configurations that are imported and exported (foreign_compressed.c). */
#ifndef QUERN_LANG_COMPRESSED_H
#define QUERN_LANG_COMPRESSED_H

#include <jansson.h>
#include "lang/spec.h"

/* The words of `format`. */
#define CT_INT_QUANTIZED "int-quantized"
#define CT_NVFP4 "nvfp4-pack-quantized"
#define CT_MXFP4 "mxfp4-pack-quantized"
#define CT_MXFP8 "mxfp8-quantized"
#define CT_FLOAT_QUANTIZED "float-quantized"
#define CT_PACK_QUANTIZED "pack-quantized"
/* The format that holds a matrix with this spec beside this input spec (NULL: none), shapes apart; NULL: none does. One of
 * the words above. */
const char *ct_format(const struct spec *weight, const struct spec *input);

/* What says when a quantization parameter is found. */
enum ct_dynamic { CT_STATIC, CT_DYNAMIC, CT_LOCAL };
enum ct_strategy { CT_tensor, CT_channel, CT_group, CT_block, CT_token, CT_tensor_group, CT_attn_head, CT_STRATEGY_COUNT };
extern const char *const ct_strategies[CT_STRATEGY_COUNT];

struct ct_args {
    int64_t bits;
    bool is_float, symmetric;
    enum ct_strategy strategy;
    int64_t group;           /* group, tensor_group */
    int64_t block[2];        /* block */
    enum ct_dynamic dynamic;
    const char *scale;       /* scale_dtype: "torch.uint8", …; NULL: the model's own */
    const char *observer;    /* NULL: none */
};
/* Weights: input NULL-like `activation` false. A matrix per token is one scale a row: `channel`. */
struct ct_args ct_args_of(const struct spec *spec, bool activation);
json_t *ct_args_json(const struct ct_args *args); /* a new reference; every key that QuantizationArgs wants */
/* The spec that does the same, as .qr text with that format of scales where the args leave it open; NULL: none does. */
const char *ct_spec_text(struct arena *arena, const struct ct_args *args, const char *scale);

#endif
