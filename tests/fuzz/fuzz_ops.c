/* Fuzz target: a module description of any bytes; what its ops get, in both execution modes, from a recipe with slots of every
 * kind. Every row is read. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "runtime/describe.h"
#include "runtime/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Weights, inputs, outputs, states, module slots, indices, `*`, schedules; rules by op name, path, class and op. */
static const char recipe_text[] =
    "schedule s { enable_fake_quant 3 }\n"
    "config a { weight int8 per channel(0) bias none input int8 per channel(1) static input[1] none output int8 per channel(1) static schedule s }\n"
    "config b { module input uint4 static module input[1] none module output[0] uint8 static module state[\"weight\"] int4 state int4 per group(3) }\n"
    "config c { weight int8 per channel(1) input[0] uint8 static }\n"
    "match first {\n"
    "  opname re \".*_1\" => c\n"
    "  re \".*e.*\" => b\n"
    "  under type \"torch.nn.modules.linear.Linear\" and op \"linear\" => c\n"
    "  _ => a\n"
    "}\n";

/* Reading every string finds what is not terminated or not there. */
static void resolve(quern_recipe *recipe, struct description *description, enum quern_subject_kind kind)
{
    struct quern_model model = {.path = "fuzz", .description = description};
    quern_ops *ops;
    if (quern_ops_resolve(recipe, &model, kind, &ops))
        return;
    size_t bytes = 0;
    for (size_t i = 0; i < quern_ops_count(ops); i++) {
        struct quern_op_row row = quern_ops_at(ops, i);
        bytes += strlen(row.op) + strlen(row.slot) + strlen(row.tensor) + strlen(row.reason) + (row.spec ? strlen(row.spec) : 0);
    }
    quern_ops_close(ops);
    (void)bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct description description = {0};
    jmp_buf escape;
    quern_context *context;
    quern_recipe *recipe = NULL;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (quern_context_create(NULL, &context))
        return 0;
    if (!setjmp(escape)) {
        diags_init(&diags, &arena);
        struct drafting drafting = {&arena, &arena, &diags, "fuzz", &description};
        if (description_looks_like((const char *)data, size) && description_read(&drafting, (const char *)data, size) &&
            !quern_recipe_load_memory(context, "r.qr", recipe_text, sizeof recipe_text - 1, &recipe)) {
            resolve(recipe, &description, QUERN_OPS_EAGER);
            resolve(recipe, &description, QUERN_OPS_GRAPH);
        }
    }
    if (recipe)
        quern_recipe_close(recipe);
    quern_context_destroy(context);
    arena_close(&arena);
    return 0;
}
