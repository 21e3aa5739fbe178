/* The YAML form: what is read (shown as canonical YAML again), and every message whole. */
#include <stdio.h>

#include "tests/unit/yaml_helpers.h"
#include "lang/foreign.h"
#include "lang/recipe.h"

/* The messages, then the recipe as the formatter prints it. */
static const char *read_form(struct bench *b, const char *text)
{
    struct ast *ast = ast_parse_yaml(&b->arena, bench_source(b, text), &b->diags);
    struct text out = text_make(&b->arena);
    text_add(&out, bench_messages(b));
    if (!b->diags.errors)
        ast_format_yaml(&out, ast);
    return text_string(&out);
}

#define CHECK_FORM(text, expected) assert_string_equal(read_form(*state, text), expected)
#define CHECK_SAME(text) CHECK_FORM(text, text)

/* ---- what is read ---- */

static void reads_every_section(void **state)
{
    CHECK_SAME("# head\n"
               "recipe: {name: all, version: 3}\n"
               "import:\n"
               "  - base.qr\n"
               "  - {path: \"../x y.yaml\", as: x}\n"
               "formats:\n"
               "  e3m4: \"float(e = 3, m = 4)\"\n"
               "  other: fp8_e4m3\n"
               "specs:\n"
               "  w4: {format: int4, scheme: symmetric, granularity: {group: 128}, scale: f16, range: mse}\n"
               "  w8: {base: w4, format: int8, granularity: {channel: 0}}\n"
               "configs:\n"
               "  mlp: {weight: w4, input: {\"*\": w8, 0: none, x: w4}, output: none}  # behind\n"
               "  # before\n"
               "  kv: {base: mlp, output: {0: {format: fp8_e4m3, static: [-8, null]}}, module: {input: {0: w8}, state: {s: w4}}, schedule: qat}\n"
               "  te: {recipe: mxfp8, n: 1, true: true}\n"
               "  mix: {weight: w4, extra: {host: 1}}\n"
               "  only: {extra: {weight: 1}}\n"
               "  empty: {}\n"
               "  nothing: null\n"
               "  1: {weight: w4}\n"
               "  \"1\": {weight: w8}\n"
               "sets:\n"
               "  edges: \"layer in 0..1 or layer in 30..31\"\n"
               "aliases:\n"
               "  attn: \"**/self_attn\"\n"
               "groups:\n"
               "  kv: [\"{p}.k_proj\", \"{p}.v_proj\"]\n"
               "schedules:\n"
               "  qat: {enable_observer: 0, enable_fake_quant: 100, disable_observer: null}\n"
               "prepare:\n"
               "  - {equalize: {iterations: 20, merge_bias: true}}\n"
               "algorithm:\n"
               "  - {gptq: {act_order: true}, where: edges}\n"
               "policy: last\n"
               "matchers:\n"
               "  a: {config: mlp, type: glob, pattern: \"*fc1*\", enabled: True}\n"
               "  b: {config: skip, type: expr, pattern: \"edges and not glob \\\"*x\\\"\", optional: True, enabled: True}\n"
               "  c: {spec: w4, type: param_regex, pattern: \".*\\\\.weight\", enabled: False}\n"
               "  d: {config: 1, type: role, pattern: \"weight\", enabled: True}\n"
               "  e: {use: x, enabled: True}\n"
               "expect:\n"
               "  - {module: \"lm_head\", config: skip}\n"
               "  - {param: \"a.weight\", config: none}\n"
               "  - {param: \"b.weight\", config: mlp}\n"
               "  - \"bits_per_weight < 6.0\"\n"
               "# tail\n");
    CHECK_SAME("configs:\n  skip: {weight: int8}\nmatchers:\n"
               "  - {config: {name: skip}, type: glob, pattern: \"*\", enabled: True}\n"
               "  - {label: \"off\", config: {name: skip}, type: glob, pattern: \"*\", enabled: True}\n"
               "expect:\n  - {module: \"x\", config: {name: none}}\n");
}

static void reads_other_shapes(void **state)
{
    CHECK_FORM("recipe: plain\nimports: a.qr\n", "recipe: plain\nimport:\n  - a.qr\n");
    CHECK_FORM("formats: {a: {float: {e: 3, m: 4}}, b: {int: 5}, c: {codebook: [-1, 0, 1]}}\n",
               "formats:\n  a: \"float(e = 3, m = 4)\"\n  b: \"int(5)\"\n  c: \"codebook(-1, 0, 1)\"\n");
    CHECK_FORM("specs:\n"
               "  a: int4 symmetric per group(128) scale f16\n"
               "  b: {format: fp4_e2m1, granularity: {group: [16, -1]}, scale: {format: fp8_e4m3, pow2: floor, second: f32, super: 8}}\n"
               "  s: {format: fp4_e2m1, granularity: {group: 16}, scale: {format: &f fp8_e4m3, second: *f}}\n"
               "  c: {format: int8, scheme: {symmetric: narrow}, range: {percentile: 99.9}, round: {stochastic: 7}, timing: static}\n"
               "  d: {format: fp8_e5m2, overflow: inf, compute: input, eps: 1e-5, pack: msb, ragged: pad}\n"
               "  e: {format: uint8, scheme: asymmetric free, zero: float, formula: minval, granularity: {block: [128, 128]}}\n"
               "  f: {format: \"float(e = 2, m = 1)\", overflow: saturate, granularity: token}\n",
               "specs:\n"
               "  a: {format: int4, scheme: symmetric, granularity: {group: 128}, scale: f16}\n"
               "  b: {format: fp4_e2m1, granularity: {group: [16, -1]}, scale: \"fp8_e4m3 pow2 floor second f32 super(8)\"}\n"
               "  s: {format: fp4_e2m1, granularity: {group: 16}, scale: \"fp8_e4m3 second fp8_e4m3\"}\n"
               "  c: {format: int8, scheme: \"symmetric narrow\", range: \"percentile(99.9)\", round: \"stochastic(7)\", timing: static}\n"
               "  d: {format: fp8_e5m2, overflow: inf, compute: input, eps: 1e-5, pack: msb, ragged: pad}\n"
               "  e: {format: uint8, scheme: \"asymmetric free\", zero: float, formula: minval, granularity: {block: [128, 128]}}\n"
               "  f: {format: \"float(e = 2, m = 1)\", overflow: saturate, granularity: token}\n");
    CHECK_FORM("configs: {a: \"{ weight int8 }\", b: \"= a { bias none }\"}\n",
               "configs:\n  a: {weight: int8}\n  b: {base: a, bias: none}\n");
    CHECK_FORM("sets: {a: {type: glob, pattern: \"*\"}}\nschedules: {s: \"enable_observer 3\"}\n"
               "prepare: [\"equalize(iterations = 2) where _\"]\n"
               "expect: [\"\\\"a\\\" => skip\", \"param \\\"b\\\" => none\"]\n",
               "sets:\n  a: \"glob \\\"*\\\"\"\nschedules:\n  s: {enable_observer: 3}\n"
               "prepare:\n  - {equalize: {iterations: 2}, where: _}\n"
               "expect:\n  - {module: \"a\", config: skip}\n  - {param: \"b\", config: none}\n");
    CHECK_FORM("configs:\nmatchers: {}\n", "matchers: {}\n");
}

/* A slot order that mappings cannot hold is kept in the .qr spelling. */
static void keeps_odd_slots(void **state)
{
    CHECK_SAME("configs:\n"
               "  a: \"{ input int8 weight int4 input[0] none }\"\n"
               "  b: \"= a { state[\\\"base\\\"] int8 schedule s extra {x: 1} }\"\n"
               "  c: \"{ state[\\\"format\\\"] int8 }\"\n");
}

static void reads_anchors(void **state)
{
    CHECK_FORM("configs:\n  a: &a {weight: int8}\n  b: {<<: *a, bias: none}\n"
               "matchers:\n  base: &m {type: glob, pattern: \"*\", config: a, enabled: yes}\n  other: {<<: *m, pattern: b}\n",
               "configs:\n  a: {weight: int8}\n  b: {weight: int8, bias: none}\n"
               "matchers:\n  base: {config: a, type: glob, pattern: \"*\", enabled: True}\n"
               "  other: {config: a, type: glob, pattern: \"b\", enabled: True}\n");
}

/* ---- matchers ---- */

#define MATCHER(body) "configs: {c: {}}\nmatchers:\n  m: " body "\n"

static void judges_enabled_as_python(void **state)
{
    static const char *const on[] = {"true", "True", "TRUE", "yes", "on", "1"};
    static const char *const off[] = {"false", "no", "Off", "0", "0.0", "null", "~", "\"\"", "[]", "{}"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        assert_string_equal(read_form(b, arena_printf(&b->arena, MATCHER("{type: glob, pattern: x, config: c, enabled: %s}"), on[i])),
                            "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"x\", enabled: True}\n");
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        assert_string_equal(read_form(b, arena_printf(&b->arena, MATCHER("{type: glob, pattern: x, config: c, enabled: %s}"), off[i])),
                            "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"x\", enabled: False}\n");
    CHECK_FORM(MATCHER("{type: glob, pattern: x, config: c}"),
               "r.yaml:3:3: warning[Q0613]: the matcher `m` has no `enabled`, so it is disabled\n"
               "    3 |   m: {type: glob, pattern: x, config: c}\n"
               "      |   ^\n"
               "  help: add `enabled: True`, or `enabled: False` to keep it off\n"
               "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"x\", enabled: False}\n");
    CHECK_FORM(MATCHER("{type: glob, pattern: x, config: c, enabled: \"false\"}"),
               "r.yaml:3:51: warning[Q0614]: `enabled` is the string \"false\", which counts as true\n"
               "    3 |   m: {type: glob, pattern: x, config: c, enabled: \"false\"}\n"
               "      |                                                   ^~~~~~~\n"
               "  help: write True or False without quotes\n"
               "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"x\", enabled: True}\n");
    CHECK_FORM(MATCHER("{type: glob, pattern: x, config: c, enabled: [0]}"),
               "r.yaml:3:51: warning[Q0614]: `enabled` is a list, which counts as true\n"
               "    3 |   m: {type: glob, pattern: x, config: c, enabled: [0]}\n"
               "      |                                                   ^~~\n"
               "  help: write True or False without quotes\n"
               "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"x\", enabled: True}\n");
}

static void refuses_bad_matchers(void **state)
{
    CHECK_FORM(MATCHER("{pattern: x, config: ~, enabled: yes}"),
               "r.yaml:3:3: error[Q0615]: the matcher `m` has no `type`\n"
               "    3 |   m: {pattern: x, config: ~, enabled: yes}\n"
               "      |   ^\n"
               "r.yaml:3:3: error[Q0615]: the matcher `m` has no `config`\n"
               "    3 |   m: {pattern: x, config: ~, enabled: yes}\n"
               "      |   ^\n");
    CHECK_FORM(MATCHER("{type: glob, config: c, enabled: yes}"),
               "r.yaml:3:3: error[Q0615]: the matcher `m` has no `pattern`\n"
               "    3 |   m: {type: glob, config: c, enabled: yes}\n"
               "      |   ^\n");
    CHECK_FORM(MATCHER("{type: glob, pattern: x, config: c, spec: w, enabled: yes}"),
               "r.yaml:3:48: error[Q0615]: the matcher `m` has a `config` and a `spec`\n"
               "    3 |   m: {type: glob, pattern: x, config: c, spec: w, enabled: yes}\n"
               "      |                                                ^\n");
    CHECK_FORM(MATCHER("{type: regexp, pattern: x, config: c, enabled: yes}"),
               "r.yaml:3:13: error[Q0616]: there is no matcher type `regexp`\n"
               "    3 |   m: {type: regexp, pattern: x, config: c, enabled: yes}\n"
               "      |             ^~~~~~\n"
               "  help: did you mean `regex`?\n");
    CHECK_FORM(MATCHER("{type: re search, pattern: x, config: c, enabled: yes}"),
               "r.yaml:3:13: error[Q0616]: there is no matcher type `re search`\n"
               "    3 |   m: {type: re search, pattern: x, config: c, enabled: yes}\n"
               "      |             ^~~~~~~~~\n"
               "  help: did you mean `regex_search`?\n");
    CHECK_FORM(MATCHER("{type: glob, pattern: 10, config: [c], enabled: yes}"),
               "r.yaml:3:40: error[Q0610]: expected a config's key or `skip`, saw a list\n"
               "    3 |   m: {type: glob, pattern: 10, config: [c], enabled: yes}\n"
               "      |                                        ^~~\n"
               "r.yaml:3:28: error[Q0610]: expected a string as pattern, saw an integer\n"
               "    3 |   m: {type: glob, pattern: 10, config: [c], enabled: yes}\n"
               "      |                            ^~\n");
    CHECK_FORM(MATCHER("3"),
               "r.yaml:3:6: error[Q0610]: expected a matcher: a mapping with `type`, `pattern` and `config`, saw an integer\n"
               "    3 |   m: 3\n"
               "      |      ^\n");
    CHECK_FORM(MATCHER("{type: role, pattern: weigth, config: c, enabled: yes}"),
               "r.yaml:3:28: error[Q0105]: expected `weight`, `bias`, `input`, `output` or `state`, saw `weigth`\n"
               "    3 |   m: {type: role, pattern: weigth, config: c, enabled: yes}\n"
               "      |                            ^~~~~~\n"
               "  help: did you mean `weight`?\n");
}

static void warns_about_matchers(void **state)
{
    CHECK_FORM(MATCHER("{type: glob, patern: x, pattern: y, config: c, enabled: yes}"),
               "r.yaml:3:19: warning[Q0611]: the key `patern` of the matcher `m` is not read\n"
               "    3 |   m: {type: glob, patern: x, pattern: y, config: c, enabled: yes}\n"
               "      |                   ^~~~~~\n"
               "  help: did you mean `pattern`?\n"
               "configs:\n  c: {}\nmatchers:\n  m: {config: c, type: glob, pattern: \"y\", enabled: True}\n");
    CHECK_FORM(MATCHER("{type: nonsense, enabled: no}"),
               "r.yaml:3:3: warning[Q0617]: the disabled matcher `m` is left out; enabled it would be an error: "
               "the matcher `m` has no `pattern`\n"
               "    3 |   m: {type: nonsense, enabled: no}\n"
               "      |   ^\n"
               "configs:\n  c: {}\nmatchers: {}\n");
    CHECK_FORM("configs: {skip: {}}\nmatchers: {m: {type: glob, pattern: x, config: skip, enabled: yes}}\n",
               "r.yaml:2:48: warning[Q0620]: `config: skip` skips; it does not mean the config `skip`\n"
               "    2 | matchers: {m: {type: glob, pattern: x, config: skip, enabled: yes}}\n"
               "      |                                                ^~~~\n"
               "r.yaml:1:11: note: the config is here\n"
               "    1 | configs: {skip: {}}\n"
               "      |           ^~~~\n"
               "  help: to mean the config write `config: {name: skip}`\n"
               "configs:\n  skip: {}\nmatchers:\n  m: {config: skip, type: glob, pattern: \"x\", enabled: True}\n");
}

/* ---- configs, specs, the top ---- */

static void refuses_bad_configs(void **state)
{
    CHECK_FORM("configs:\n"
               "  a: {weight: {scale: f32}}\n"
               "  b: 3\n"
               "  c: {weight: no}\n"
               "  d: {input: {-1: int8}}\n"
               "  e: {module: {weigth: int8}}\n",
               "r.yaml:2:15: error[Q0610]: expected a spec with a `format` or a `base`, saw neither\n"
               "    2 |   a: {weight: {scale: f32}}\n"
               "      |               ^~~~~~~~~~~~\n"
               "r.yaml:3:6: error[Q0610]: expected a mapping, null or .qr text as payload, saw an integer\n"
               "    3 |   b: 3\n"
               "      |      ^\n"
               "r.yaml:4:15: error[Q0610]: expected a spec: a mapping with a `format`, or .qr text, saw a bool\n"
               "    4 |   c: {weight: no}\n"
               "      |               ^~\n"
               "r.yaml:5:15: error[Q0610]: expected an index from 0, a name or \"*\", saw `-1`\n"
               "    5 |   d: {input: {-1: int8}}\n"
               "      |               ^~\n"
               "r.yaml:6:16: error[Q0612]: a module has no slot `weigth`\n"
               "    6 |   e: {module: {weigth: int8}}\n"
               "      |                ^~~~~~\n"
               "  help: did you mean `weight`?\n");
    CHECK_FORM("configs: {a: {weight: int8, imput: int8, host: 1}}\n",
               "r.yaml:1:29: warning[Q0618]: `imput` is no slot; it is kept as extra\n"
               "    1 | configs: {a: {weight: int8, imput: int8, host: 1}}\n"
               "      |                             ^~~~~\n"
               "  help: did you mean `input`?\n"
               "configs:\n  a: {weight: int8, extra: {imput: int8, host: 1}}\n");
    CHECK_FORM("configs: {a: {n: 18446744073709551616}}\n",
               "r.yaml:1:18: error[Q0609]: the integer `18446744073709551616` does not fit 64 bits\n"
               "    1 | configs: {a: {n: 18446744073709551616}}\n"
               "      |                  ^~~~~~~~~~~~~~~~~~~~\n");
}

static void refuses_bad_specs(void **state)
{
    CHECK_FORM("specs: {a: {format: int8, granlarity: {group: 8}}}\n",
               "r.yaml:1:27: error[Q0612]: a spec has no attribute `granlarity`\n"
               "    1 | specs: {a: {format: int8, granlarity: {group: 8}}}\n"
               "      |                           ^~~~~~~~~~\n"
               "  help: did you mean `granularity`?\n");
    CHECK_FORM("specs: {a: {format: int8, granularity: \"tensor scale f32\"}}\n",
               "r.yaml:1:40: error[Q0610]: expected one value of `granularity`, saw `per tensor scale f32`\n"
               "    1 | specs: {a: {format: int8, granularity: \"tensor scale f32\"}}\n"
               "      |                                        ^~~~~~~~~~~~~~~~~~\n");
    CHECK_FORM("specs: {a: {format: int8, static: [1], scale: {pow2: floor}}}\n",
               "r.yaml:1:35: error[Q0610]: expected a list of two ends, saw a list\n"
               "    1 | specs: {a: {format: int8, static: [1], scale: {pow2: floor}}}\n"
               "      |                                   ^~~\n"
               "r.yaml:1:47: error[Q0610]: expected a scale with a `format`, saw none\n"
               "    1 | specs: {a: {format: int8, static: [1], scale: {pow2: floor}}}\n"
               "      |                                               ^~~~~~~~~~~~~\n");
}

static void refuses_bad_tops(void **state)
{
    CHECK_FORM("- a\n",
               "r.yaml:1:1: error[Q0610]: expected a mapping with keys such as `configs` and `matchers`, saw a list\n"
               "    1 | - a\n"
               "      | ^~~\n");
    CHECK_FORM("---\n",
               "r.yaml:1:1: error[Q0002]: the recipe is empty\n"
               "    1 | ---\n"
               "      | ^\n");
    CHECK_FORM("config: {a: {}}\nmatchers: {}\n",
               "r.yaml:1:1: warning[Q0611]: the top-level key `config` is not read\n"
               "    1 | config: {a: {}}\n"
               "      | ^~~~~~\n"
               "  help: did you mean `configs`?\n"
               "matchers: {}\n");
    CHECK_FORM("recipe: {name: a, version: b, extra: c}\n",
               "r.yaml:1:31: error[Q0612]: `recipe` has no key `extra`\n"
               "    1 | recipe: {name: a, version: b, extra: c}\n"
               "      |                               ^~~~~\n"
               "r.yaml:1:28: error[Q0610]: expected an integer as version, saw a string\n"
               "    1 | recipe: {name: a, version: b, extra: c}\n"
               "      |                            ^\n");
    CHECK_FORM("sets: {a: \"glob \\\"\\0\\\"\", b: \"\\u202e\"}\n",
               "r.yaml:1:11: error[Q0004]: in this string: a NUL byte cannot stand in a recipe\n"
               "    1 | sets: {a: \"glob \\\"\\0\\\"\", b: \"\\u202e\"}\n"
               "      |           ^~~~~~~~~~~~~\n"
               "r.yaml:1:29: error[Q0004]: in this string: the bidirectional control U+202E cannot stand in a recipe\n"
               "    1 | sets: {a: \"glob \\\"\\0\\\"\", b: \"\\u202e\"}\n"
               "      |                             ^~~~~~~~\n");
}

static void recognises_foreign_files(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"{\"_type\": \"FqnToConfig\", \"_version\": 1, \"_data\": {}}", "torchao"},
        {"quantization_config: {global_config: null}", "coreai"},
        {"quantization_spec: {}", "coreai"},
        {"global_quant_config: {}", "quark"},
        {"quantization_config: {quant_method: gptq}", "huggingface"},
        {"quant_method: gptq", "huggingface"},
        {"config_groups: {}", "huggingface"},
        {"quantization: {quant_algo: FP8}", "huggingface"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ast *ast = ast_parse_yaml(&b->arena, bench_source(b, rows[i].text), &b->diags);
        assert_non_null(ast->foreign);
        assert_string_equal(ast->foreign->word, rows[i].word);
    }
    assert_null(ast_parse_yaml(&b->arena, bench_source(b, "{configs: {}, quant_method: gptq}"), &b->diags)->foreign);
}

/* `layers\.(\d+)` alone, and no other model's block names. */
static void numbers_layers_as_megatron(void **state)
{
    struct bench *b = *state;
    static const char text[] = "{configs: {c: {}}, matchers: {m: {type: glob, pattern: x, config: c, enabled: True}}}";
    const struct ast *theirs = foreign_parse(&b->arena, bench_source(b, text), foreign_find("megatron"), &b->diags);
    const struct ast *ours = ast_parse_yaml(&b->arena, bench_source(b, text), &b->diags);
    assert_true(recipe_resolve(&b->arena, theirs, NULL, &b->diags)->megatron_layers);
    assert_false(recipe_resolve(&b->arena, ours, NULL, &b->diags)->megatron_layers);
    assert_int_equal(b->diags.errors, 0);
}

/* ---- comments ---- */

static void keeps_comments(void **state)
{
    const char *text = "# license\n"
                       "\n"
                       "configs: # which\n"
                       "  # first\n"
                       "  a: # why\n"
                       "    weight: int8 # eight\n"
                       "    # inside\n"
                       "    bias: none\n"
                       "  b: {x: \"# no comment\", y: a#b}\n"
                       "# of the matchers\n"
                       "matchers:\n"
                       "  m:\n"
                       "    type: glob # one\n"
                       "    pattern: |-\n"
                       "      # pattern\n"
                       "    config: a\n"
                       "    enabled: yes\n"
                       "  # last\n";
    const char *expected = "# license\n"
                           "configs:\n"
                           "  # which\n"
                           "  # first\n"
                           "  # why\n"
                           "  # eight\n"
                           "  # inside\n"
                           "  a: {weight: int8, bias: none}\n"
                           "  b: {x: \"# no comment\", y: \"a#b\"}\n"
                           "# of the matchers\n"
                           "matchers:\n"
                           "  m: {config: a, type: glob, pattern: \"# pattern\", enabled: True}  # one\n"
                           "# last\n";
    CHECK_FORM(text, expected);
    CHECK_SAME(expected);
}

/* ---- the manual ---- */

static char *read_file(struct bench *b, const char *path)
{
    const char *folder = getenv("QUERN_SOURCE");
    FILE *file = fopen(arena_printf(&b->arena, "%s/%s", folder ? folder : ".", path), "rb");
    assert_non_null(file);
    char *text = arena_alloc(&b->arena, 1 << 20);
    text[fread(text, 1, (1 << 20) - 1, file)] = 0;
    fclose(file);
    return text;
}

static const char *recipe_text(struct bench *b, const struct ast *ast)
{
    struct text out = text_make(&b->arena);
    const struct recipe *recipe = recipe_resolve(&b->arena, ast, NULL, &b->diags);
    assert_int_equal(b->diags.errors, 0);
    recipe_print(&out, recipe);
    return text_string(&out);
}

/* The recipe's text is the same from the source, from its YAML form and from that one's .qr form; the YAML printed
 * again is the same too. */
static void check_translation(struct bench *b, const char *text)
{
    const struct ast *ast = ast_parse(&b->arena, bench_source(b, text), &b->diags);
    if (b->diags.errors)
        fail_msg("%s", bench_messages(b));
    const char *direct = recipe_text(b, ast);
    struct text yaml = text_make(&b->arena), again = text_make(&b->arena);
    ast_format_yaml(&yaml, ast);
    const struct ast *translated = ast_parse(&b->arena, bench_source(b, text_string(&yaml)), &b->diags);
    if (b->diags.errors)
        fail_msg("%s", bench_messages(b));
    assert_int_equal(translated->spelling, SPELLING_YAML);
    assert_string_equal(recipe_text(b, translated), direct);
    ast_format_yaml(&again, translated);
    assert_string_equal(text_string(&again), text_string(&yaml));
    struct text back = text_make(&b->arena);
    ast_format_qr(&back, translated);
    const struct ast *qr = ast_parse(&b->arena, bench_source(b, text_string(&back)), &b->diags);
    assert_int_equal(qr->spelling, SPELLING_QR);
    assert_string_equal(recipe_text(b, qr), direct);
}

static void manual_examples_read(void **state)
{
    char *text = read_file(*state, "docs/yaml.md");
    int examples = 0;
    for (char *block; (block = strstr(text, "```yaml")); examples++) {
        block = strchr(block, '\n') + 1;
        text = strstr(block, "```");
        assert_non_null(text);
        *text = 0;
        check_translation(*state, block);
        text += 3;
    }
    assert_true(examples >= 5);
}

static void example_recipes_translate(void **state)
{
    static const char *const names[] = {"01-megatron.yaml", "02-first.qr", "03-last.qr", "05-guards.qr"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_translation(b, read_file(b, arena_printf(&b->arena, "tests/recipes/%s", names[i])));
}

/* ---- memory ---- */

/* malloc until the count is used up. */
static void *allocate_some(void *user, size_t size)
{
    int *left = user;
    return (*left)-- > 0 ? malloc(size) : NULL;
}

static void release_some(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

/* True when there were enough chunks. Nothing may leak when there were not. */
static bool read_with(const char *text, int chunks)
{
    struct allocator allocator = {.allocate = allocate_some, .release = release_some, .user = &chunks};
    struct bench b;
    jmp_buf escape;
    arena_init(&b.arena, &allocator);
    b.arena.escape = &escape;
    volatile bool enough = false;
    if (!setjmp(escape)) {
        struct source *source = bench_source(&b, text);
        struct text out = text_make(&b.arena);
        ast_format_yaml(&out, ast_parse(&b.arena, source, &b.diags));
        enough = true;
    }
    arena_close(&b.arena);
    return enough;
}

static void survives_failed_allocations(void **state)
{
    struct bench *b = *state;
    struct text text = text_make(&b->arena);
    text_add(&text, "configs:\n");
    for (int i = 0; i < 400; i++)
        text_printf(&text, "  c%d: &c%d {x: {y: [%d, \"a\"]}, z: 1.5}\n", i, i, i);
    text_add(&text, "matchers:\n");
    for (int i = 0; i < 100; i++)
        text_printf(&text, "  m%d: {type: expr, pattern: \"glob \\\"*%d\\\"\", config: c%d, enabled: yes}\n", i, i, i);
    int chunks = 0;
    while (!read_with(text.bytes, chunks))
        chunks++;
    assert_true(chunks > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(reads_every_section),   BENCH_TEST(reads_other_shapes),   BENCH_TEST(keeps_odd_slots),
        BENCH_TEST(reads_anchors),         BENCH_TEST(judges_enabled_as_python), BENCH_TEST(refuses_bad_matchers),
        BENCH_TEST(warns_about_matchers),  BENCH_TEST(refuses_bad_configs),  BENCH_TEST(refuses_bad_specs),
        BENCH_TEST(refuses_bad_tops),      BENCH_TEST(recognises_foreign_files), BENCH_TEST(numbers_layers_as_megatron), BENCH_TEST(keeps_comments),
        BENCH_TEST(manual_examples_read),  BENCH_TEST(example_recipes_translate),
        BENCH_TEST(survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
