/* `quantization_config` of config.json, or its mapping alone: by quant_method to the library whose it is. In: a YAML tree. Out:
 * what that library's reader makes of it, or a message for a method that none reads. Without the key, `quantization` means
 * ModelOpt's own file; anything else counts as compressed-tensors'. docs/huggingface.md. */
#include <string.h>
#include "lang/foreign.h"
#include "lang/foreign_write.h"
#include "lang/torchao.h"

static const struct yaml_node *find_config(const struct yaml_node *root)
{
    const struct yaml_node *inner = yaml_get(root, "quantization_config");
    inner = inner ? inner : yaml_get(root, "compression_config");
    return inner ? inner : root;
}

/* config.json of a model, the inner mapping alone, or ModelOpt's own file. Asked last: coreai_opt shares the first key. */
bool foreign_is_hugging_face(const struct yaml_node *root)
{
    const struct yaml_node *quantization = yaml_get(root, "quantization");
    return find_config(root) != root || yaml_get(root, "quant_method") || yaml_get(root, "config_groups") ||
           (quantization && yaml_get(quantization, "quant_algo"));
}

/* A class as configurations name it: the last segment of its full name. */
struct ast_predicate *foreign_class(struct yaml_reading *y, struct span span, const char *name)
{
    struct text regex = text_make(y->arena);
    text_add(&regex, "(.*\\.)?");
    foreign_escape_regex(&regex, name, strlen(name));
    return foreign_atom(y, span, ATOM_type_re, text_string(&regex), regex.size);
}

void foreign_read_hugging_face(struct yaml_reading *y, const struct yaml_node *root)
{
    static const struct {
        const char *method;
        foreign_read *read;
    } methods[] = {{"compressed-tensors", foreign_read_compressed}, {"modelopt", foreign_read_modelopt}, {"modelopt_fp4", foreign_read_modelopt},
                   {"modelopt_mxfp8", foreign_read_modelopt}, {"modelopt_mixed", foreign_read_modelopt}, {"torchao", foreign_read_torchao}};
    const struct yaml_node *config = find_config(root), *method = yaml_get(config, "quant_method");
    const char *word = method && method->kind == YAML_STRING ? method->text : yaml_get(config, "quantization") ? "modelopt" : "compressed-tensors";
    if (config->kind != YAML_MAPPING) {
        diag_report(y->diags, DIAG_hf_refused, config->span, "`quantization_config`: expected a mapping, saw %s", yaml_kind_words[config->kind]);
        return;
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(word, methods[i].method)) {
            methods[i].read(y, config);
            return;
        }
    diag_report(y->diags, DIAG_hf_method, method->span, "the quantization method `%s` is not read", word);
}
