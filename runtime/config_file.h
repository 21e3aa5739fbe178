/* config.json: what is beside a model, and the quantization_config that consumers read (compressed-tensors' ModelCompressor,
 * and through it transformers and vLLM). docs/quern-format.md for the quern format's own. */
#ifndef QUERN_RUNTIME_CONFIG_FILE_H
#define QUERN_RUNTIME_CONFIG_FILE_H

#include "runtime/json.h"
#include "runtime/output.h"
#include "runtime/plan.h"

/* The config.json of the model's directory; text NULL: there is none. */
struct config_file {
    const char *path, *text;
    size_t size;
    struct json_hold *json;
};
/* false after reporting what cannot be read or is no JSON object. The text is in the session's arena; json is held there. */
bool config_read(struct session *session, const struct quern_model *model, struct config_file *config);
/* quantization_config, or compression_config as old files call it; NULL: none. Borrowed from config. */
json_t *config_quantization(const struct config_file *config);
/* Writes config.json into out: the old text with quantization_config for the plan's tensors added. The old text says nothing of
 * quantization (the pipeline refuses such input). Nothing is written when there is nothing to say and no old file. */
bool config_write(struct session *session, const struct config_file *config, const struct quern_plan *plan, struct output *out);
/* Writes config.json without quantization_config. */
bool config_write_plain(struct session *session, const struct config_file *config, struct output *out);

#endif
