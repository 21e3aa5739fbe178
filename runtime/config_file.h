/* config.json: what is beside a model, and the quantization_config that consumers read. file-formats.md §2.2. */
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
/* false after reporting what cannot be read. */
bool config_read(struct session *session, const struct quern_model *model, struct config_file *config);
/* quantization_config, or compression_config as old files call it; NULL: none. */
json_t *config_quantization(const struct config_file *config);
/* Writes config.json into out: the old text with quantization_config for the plan's tensors added. */
bool config_write(struct session *session, const struct config_file *config, const struct quern_plan *plan, struct output *out);
/* Writes config.json without quantization_config. */
bool config_write_plain(struct session *session, const struct config_file *config, struct output *out);

#endif
