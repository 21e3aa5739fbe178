/* quern.h: the library behind the `quern` command. Recipes in, decisions, plans, kernels and checkpoints out.
 * Handles are opaque, never NULL except where said; _close, _destroy and _release take NULL; the context is the last. Functions
 * return a status; its reasons are diagnostics of the context. A handle or text that was asked for is NULL then; QUERN_USAGE may
 * leave it alone and have no message. An index is below its count. The library prints nothing, installs no signal handler, starts
 * no thread unless asked, has no global state. One thread at a time uses a context and what was opened from it; matching, compiling
 * and running kernels are safe from any. Arguments are borrowed for the call; strings returned live as long as their handle. */
#ifndef QUERN_H
#define QUERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUERN_API __attribute__((visibility("default")))

/* The values are the exit codes of the command. */
enum quern_status {
    QUERN_OK = 0,
    QUERN_INVALID = 1,     /* the recipe or the data is at fault: see the diagnostics */
    QUERN_USAGE = 2,       /* a call with arguments that make no sense */
    QUERN_IO = 3,          /* a file cannot be read or written */
    QUERN_LIMIT = 4,       /* memory, disk or a documented limit */
    QUERN_INTERNAL = 5,    /* a bug in Quern */
    QUERN_CANCELLED = 6    /* the progress callback said stop */
};

typedef struct quern_context quern_context;
typedef struct quern_recipe quern_recipe;
typedef struct quern_model quern_model;
typedef struct quern_kernel quern_kernel;
typedef struct quern_plan quern_plan;

/* ---- contexts: options NULL: all 0 and NULL ---- */
struct quern_context_options {
    void *(*allocate)(void *user, size_t size); /* NULL: malloc and, for what is large, mmap; thread-safe, aligned like malloc */
    void (*release)(void *user, void *memory, size_t size); /* of an allocation, with its size; NULL exactly when allocate is */
    void *user;           /* of both; neither may call the library */
    size_t memory_limit;  /* bytes of that memory held at once; 0: none */
    const char *target;   /* "x86-64-v4" …; NULL: this machine's. QUERN_USAGE: no such target; asked to run it where it cannot, too */
    bool scalar;          /* W = 1 kernels: slow, the same bits */
    const char *jit_path; /* libquern-jit; NULL: beside the library, then the installed one. Lives as long as the context */
};
QUERN_API enum quern_status quern_context_create(const struct quern_context_options *options, quern_context **context);
QUERN_API void quern_context_destroy(quern_context *context);
QUERN_API const char *quern_version(void);

/* ---- diagnostics: of every call since the last quern_diagnostics_clear, in order; texts live until the next clear ---- */
QUERN_API unsigned quern_error_count(const quern_context *context);
QUERN_API unsigned quern_warning_count(const quern_context *context);
/* All messages, "" or [] when there are none: as text for a terminal (color: with its escapes), or as a JSON array. */
QUERN_API const char *quern_diagnostics_text(quern_context *context, bool color);
QUERN_API const char *quern_diagnostics_json(quern_context *context);
QUERN_API const char *quern_diagnostics_sarif(quern_context *context); /* a SARIF 2.1.0 log */
QUERN_API void quern_diagnostics_clear(quern_context *context);
/* The last error's own sentence, "" when there is none. */
QUERN_API const char *quern_context_error(const quern_context *context);
/* The long text behind a code ("Q0101"), static; NULL for an unknown one. */
QUERN_API const char *quern_explain_code(const char *code);

/* ---- recipes: texts are copied; a file of another system (quern_import) loads as well ---- */
QUERN_API enum quern_status quern_recipe_load_file(quern_context *context, const char *path, quern_recipe **recipe); /* "-": stdin */
QUERN_API enum quern_status quern_recipe_load_memory(quern_context *context, const char *name, const char *text, size_t size, quern_recipe **recipe);
QUERN_API void quern_recipe_close(quern_recipe *recipe);
/* stage: ast, recipe, automaton; kernel, llvm, asm, obj need a spec, an op, a dtype and a shape (options NULL: as all are NULL).
 * *text is owned by the recipe, *size its bytes (obj: an ELF object, not text). Unknown stage: QUERN_USAGE, with a message. */
struct quern_emit_options {
    const char *spec;      /* a name or a spec expression; NULL: the first weight spec of the recipe */
    const char *op;        /* "quantize_dynamic" when NULL */
    const char *dtype;     /* of the float side: "f32" (NULL), "f16", "bf16" */
    const int64_t *shape;  /* NULL: [256, 4096] */
    int rank;
    bool graphviz;         /* automaton: as a digraph in the DOT language */
    const char *after;     /* kernel: the pass to stop after; NULL: all. "all": every pass, one after another */
};
QUERN_API enum quern_status quern_recipe_emit(quern_recipe *recipe, const char *stage, const struct quern_emit_options *options, const char **text, size_t *size);
/* Reads a stage's text (ast, recipe, automaton, kernel) and prints it again; *again is the context's. */
QUERN_API enum quern_status quern_stage_reread(quern_context *context, const char *stage, const char *name, const char *text, size_t size, const char **again);
/* `fmt`: no resolution, syntax only. to: "qr", "yaml" or NULL for the spelling it has. *formatted is the context's. */
QUERN_API enum quern_status quern_format(quern_context *context, const char *name, const char *text, size_t size, const char *to, const char **formatted);
/* The JSON Schema (draft 2020-12) of the YAML form; the context's. NULL: no memory. */
QUERN_API const char *quern_yaml_schema(quern_context *context);
/* Files of other systems ("torchao", "coreai" …: `quern import --help` lists them). The text as an equivalent recipe in the .qr
 * spelling; system NULL: whose it is says the file. *qr is the context's. A file of another system also loads as a recipe. */
QUERN_API enum quern_status quern_import(quern_context *context, const char *name, const char *text, size_t size, const char *system, const char **qr);
/* The recipe as that system's file; what it cannot say is reported, all of it. *text is the recipe's. */
QUERN_API enum quern_status quern_export(quern_recipe *recipe, const char *system, const char **text);

/* ---- matching: time is linear in the name's bytes; any number of threads at once ---- */
struct quern_match {
    int rule;           /* in first-match order, from 0; -1: no rule */
    const char *config; /* the config's name, "skip", the spec's name for a `spec` target; "-" when no rule; "a+b": several
                         * apply one after the other, as torchao has it */
    const char *origin; /* the rule's label, else FILE:LINE; "-" */
    int unknown;        /* the first rule passed over because a field it needs is not known; -1: none */
    int canceller;      /* the rule of a parameter of the module for which `match specific` passes over the module's own; -1: none */
};
QUERN_API enum quern_status quern_match_module(quern_recipe *recipe, const char *path, size_t size, struct quern_match *match);
struct quern_name { const char *bytes; size_t size; };
/* Many module paths at once: rules[0..count) gets each one's rule, or -1. Several times faster than one call a name, most so
 * when a name begins like the one before it. */
QUERN_API enum quern_status quern_match_batch(quern_recipe *recipe, const struct quern_name *names, size_t count, int *rules);
struct quern_tensor {
    const char *name, *dtype; /* "BF16" … as in safetensors, "Q4_K" … as in GGUF; "" or NULL unknown */
    int rank;                 /* -1: unknown */
    const int64_t *shape;     /* [rank], the last dimension contiguous */
    int64_t bytes;            /* stored; -1: unknown */
    const char *file;         /* the shard, or the file itself */
    const struct quern_module *module; /* what a module description says of its module (opaque); NULL: only names are known */
};
QUERN_API enum quern_status quern_match_tensor(quern_recipe *recipe, const struct quern_tensor *tensor, struct quern_match *match);
/* Says which model the tensors matched next belong to, in place of the one said before. `match specific` asks for all
 * parameters of a module; NULL: names are matched one by one, and a warning says when that cannot show everything. The model is
 * borrowed: once it is closed, the recipe matches nothing before it is used with another or NULL. No thread may match meanwhile. */
QUERN_API enum quern_status quern_recipe_use_model(quern_recipe *recipe, quern_model *model);
/* What the matched config gives one of the layer's tensors. role: weight, bias, input, output or state; index and name: which
 * one (-1, NULL: any). *spec: canonical text that quern_kernel_get takes, "none" where the config turns it off, NULL where it
 * has no opinion. QUERN_USAGE: no such role. */
QUERN_API enum quern_status quern_match_spec(quern_recipe *recipe, const struct quern_match *match, const char *role, int64_t index, const char *name, const char **spec);
/* The payload the config keeps for the host (`extra`, or an opaque YAML payload) as JSON text; NULL when it has none. */
QUERN_API const char *quern_match_extra(const quern_recipe *recipe, const struct quern_match *match);
QUERN_API size_t quern_rule_count(const quern_recipe *recipe);
struct quern_rule { const char *origin, *predicate, *target, *file; unsigned line; bool optional; }; /* texts in the .qr spelling */
QUERN_API struct quern_rule quern_rule_at(quern_recipe *recipe, size_t index); /* beyond the count, or no memory: origin "-" */
/* Each rule's verdict on a tensor or (parameter false) a module path: 0 no, 1 yes, 2 unknown, 3 cancelled; rule_count bytes. */
QUERN_API enum quern_status quern_match_verdicts(quern_recipe *recipe, const struct quern_tensor *tensor, bool parameter, unsigned char *verdicts);

/* ---- models: .safetensors, a directory, an index, a .gguf, a module description or a text file of names ---- */
/* Reads headers alone; "-": a list of names or a description from stdin. Files stay open, and are read through these handles. */
QUERN_API enum quern_status quern_model_open(quern_context *context, const char *path, quern_model **model);
QUERN_API void quern_model_close(quern_model *model);
QUERN_API size_t quern_model_count(const quern_model *model);
QUERN_API struct quern_tensor quern_model_at(const quern_model *model, size_t index); /* as stored, in name order */
/* Adds a module description (JSON) to an open checkpoint, whose tensors then have classes, tags and so on. Before any plan;
 * QUERN_USAGE: it has one. A failure leaves the model as it was. */
QUERN_API enum quern_status quern_model_describe(quern_model *model, const char *path);
/* What rules decide about: parameters (and buffers) in name order, and of a described model modules in order and executed ops
 * in order, each op under its eager or its graph name. count 0: the model has none, or no description. */
enum quern_subject_kind { QUERN_PARAMETERS, QUERN_MODULES, QUERN_OPS_EAGER, QUERN_OPS_GRAPH };
struct quern_subject {
    enum quern_subject_kind kind;
    const char *name;   /* a parameter's full name, a module's path ("": the root), an op's name ("": it has none of that kind) */
    const char *owner;  /* an op: the path of the module that runs it; else NULL */
    const char *op;     /* an op's type (linear, add …); else NULL */
    const quern_model *model;
    size_t index;
};
QUERN_API size_t quern_subject_count(const quern_model *model, enum quern_subject_kind kind);
QUERN_API struct quern_subject quern_subject_at(const quern_model *model, enum quern_subject_kind kind, size_t index);
/* A parameter or module by any of its names, an op by its name; false: the model has none of that name. */
QUERN_API bool quern_subject_find(const quern_model *model, enum quern_subject_kind kind, const char *name, struct quern_subject *subject);
QUERN_API enum quern_status quern_match_subject(quern_recipe *recipe, const struct quern_subject *subject, struct quern_match *match);
QUERN_API enum quern_status quern_subject_verdicts(quern_recipe *recipe, const struct quern_subject *subject, unsigned char *verdicts);

/* What each tensor of each op of a described model gets, as coreai_opt's eager or graph mode has it (docs/coreai.md). kind: which
 * of the two. Rows stand in execution order, each op's inputs first; recipe and model outlive *ops. */
typedef struct quern_ops quern_ops;
struct quern_op_row {
    const char *op, *type, *owner, *slot, *tensor; /* slot: input[0], weight, state["x"], output[0] */
    const char *spec, *config, *origin, *schedule; /* NULL: none; config and origin: of the rule that decided */
    const char *reason;                            /* "" the op's own rule, else what decided, or why there is none */
};
QUERN_API enum quern_status quern_ops_resolve(quern_recipe *recipe, quern_model *model, enum quern_subject_kind kind, quern_ops **ops);
QUERN_API void quern_ops_close(quern_ops *ops);
QUERN_API size_t quern_ops_count(const quern_ops *ops);
QUERN_API struct quern_op_row quern_ops_at(const quern_ops *ops, size_t index);
/* A logical tensor as f32 whatever its storage: f64, f32, f16, bf16, or one of Quern's quantized formats (then `name` is the
 * original one, `m.weight`), row-major. count: floats that out holds; the tensor's elements, else QUERN_INVALID. */
QUERN_API enum quern_status quern_model_read_f32(quern_model *model, const char *name, float *out, size_t count);
QUERN_API enum quern_status quern_model_logical(quern_model *model, const char *name, struct quern_tensor *tensor); /* its shape */

/* ---- plans: header-only dry runs ---- */
struct quern_plan_row {
    struct quern_tensor tensor;
    struct quern_match match;
    const char *spec;      /* canonical text, or NULL: copied as it is */
    const char *reason;    /* why it is copied: "skip", "no rule", "not a float tensor", "error: …" … ; NULL when quantized */
    const char *format;    /* "pack-quantized", … , "quern"; NULL when copied */
    const char *group;     /* of the recipe's groups, the first whose member it is; NULL: none */
    int64_t bytes_after;   /* of all its parts, scales included; -1: not known */
    double bits;           /* 8 · bytes_after / elements; 0: not known */
};
/* Of all tensors but those of unknown size or another's storage; bits_per_weight: 8 · bytes_after / elements. */
struct quern_totals { int64_t tensors, quantized, elements, quantized_elements, bytes_before, bytes_after; double bits_per_weight; };
/* QUERN_INVALID: *plan is there all the same, and shows what the other tensors get. Recipe and model outlive the plan. */
QUERN_API enum quern_status quern_plan_create(quern_recipe *recipe, quern_model *model, quern_plan **plan);
QUERN_API void quern_plan_close(quern_plan *plan);
QUERN_API size_t quern_plan_count(const quern_plan *plan);
QUERN_API struct quern_plan_row quern_plan_at(const quern_plan *plan, size_t index); /* in name order */
/* The kernel that quantizes the tensor, by its key; NULL: it is copied, or its type or shape is not known. */
QUERN_API const char *quern_plan_kernel(quern_plan *plan, size_t index);
QUERN_API struct quern_totals quern_plan_totals(const quern_plan *plan);
/* `check -m`: rules without a match, groups, shapes, expectations, as messages. model NULL: what is expected of names alone. */
QUERN_API enum quern_status quern_check_model(quern_recipe *recipe, quern_model *model);

/* ---- whole checkpoints ---- */
struct quern_progress { int64_t bytes_done, bytes_total; const char *tensor; };
struct quern_error_stats {
    double sqnr_db, max_error, cosine; /* 10 log10(signal / noise), inf when noise is 0; max |x - y|; Σxy / sqrt(Σx² Σy²) */
    double signal, noise;              /* sums of x^2 and (x - y)^2 over finite x */
    int64_t elements, saturated, nan, inf; /* of the original; saturated: clamped to an end of the codes */
};
struct quern_run_options {
    unsigned threads;     /* 0: one per CPU; 256 at most */
    size_t memory_limit;  /* bytes of tensor buffers, beside the context's limit; 0: 1 GiB */
    bool measure;         /* quantize: also run `error` and fill stats */
    const char *dtype;    /* dequantize: the output dtype, "bf16" …; NULL: the original's, else f32 */
    bool overwrite;       /* replace an existing output, if it is a directory of a checkpoint */
    bool (*progress)(void *user, const struct quern_progress *); /* false: stop. Called from the calling thread */
    /* quantize and verify: one call per tensor in name order after it was done; stats NULL when not measured or copied */
    void (*report)(void *report_user, const struct quern_plan_row *row, const struct quern_error_stats *stats);
    void *user, *report_user; /* of progress, of report */
};
/* Writes directory `out` (config.json, one or more .safetensors, index when sharded), atomically: nothing appears under `out`
 * unless all of it is there. Byte-identical for any number of threads. options NULL: all 0. */
QUERN_API enum quern_status quern_quantize(quern_recipe *recipe, quern_model *model, const char *out, const struct quern_run_options *options);
QUERN_API enum quern_status quern_dequantize(quern_model *model, const char *out, const struct quern_run_options *options);
/* Compares the logical tensors of `quantized` with the tensors of `original`, which is not quantized: the same names and shapes. */
QUERN_API enum quern_status quern_verify(quern_model *quantized, quern_model *original, const struct quern_run_options *options);

/* ---- kernels ---- */
struct quern_kernel_info { /* what the buffers of quern_kernel_run must hold, in bytes; units: of its work */
    const char *name;
    size_t x_bytes, code_bytes, scale_bytes, zero_bytes;
    int64_t units;
};
/* spec: an expression ("int4 per group(32) scale f16"); op, dtype: as in emit options; shape[0..rank), rank <= 8. Compiled once. */
QUERN_API enum quern_status quern_kernel_get(quern_context *context, const char *spec, const char *op, const char *dtype, const int64_t *shape, int rank, quern_kernel **kernel);
QUERN_API void quern_kernel_release(quern_kernel *kernel);
QUERN_API struct quern_kernel_info quern_kernel_describe(const quern_kernel *kernel);
struct quern_sums { double e2, x2, y2, xy, max_error; int64_t saturated, nan, inf; }; /* e = x - y over finite x; counts of x */
struct quern_buffers { /* of the sizes above, of the whole tensor; they do not overlap; NULL: the op or the spec has none */
    void *x;            /* floats; written by dequantize only */
    void *codes, *scale; /* read or, by quantize (codes) and quantize_dynamic (both), written */
    int32_t *zero;      /* one i32 per scale when the spec is asymmetric */
    float *second;      /* nvfp4's g: read by every op but observe */
    float *amax;        /* observe: the largest finite |x| of the units, 0 when there is none */
    struct quern_sums *sums; /* error: overwritten */
};
/* Work units [begin, end); end -1: all. Any thread, ranges that do not meet at once; `error` does all units in one call. */
QUERN_API enum quern_status quern_kernel_run(const quern_kernel *kernel, const struct quern_buffers *buffers, int64_t begin, int64_t end);

#ifdef __cplusplus
}
#endif
#endif
