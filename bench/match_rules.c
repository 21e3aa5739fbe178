/* Rules and names of the benchmark, drawn from one generator with a fixed seed. In: a family and a count; out: rules in two
 * spellings, or names of tensors. The words are those of real models (DeepSeek-V3 and its kind), so that rules match some names
 * and not all. */
#define _GNU_SOURCE /* asprintf */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/match.h"

/* A linear congruential generator (Knuth's MMIX), of whose state the upper bits are used. */
struct source {
    uint64_t seed;
};

static unsigned draw(struct source *s, unsigned limit)
{
    s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((s->seed >> 33) % limit);
}

/* Last segments, blocks and layers as checkpoints have them. */
static const char *const parts[] = {
    "gate_proj", "up_proj", "down_proj", "q_a_proj", "q_b_proj", "kv_b_proj", "o_proj", "q_a_layernorm", "kv_a_layernorm", "k_proj", "v_proj",
    "kv_a_proj_with_mqa", "input_layernorm", "post_attention_layernorm", "e_score_correction_bias", "w1", "w2", "w3", "router", "visual",
    "indexer", "eh_proj", "enorm", "shared_head", "embed_tokens", "lm_head", "dense_h_to_4h", "query_key_value", "in_proj_qkv", "out_proj",
    "vision_tower", "audio_tower", "weight_quantizer", "fc1", "fc2", "norm", "bias", "mtp"};
static const char *const blocks[] = {"mlp", "self_attn", "mlp.shared_experts", "mlp.experts", "attn", "ffn", "mixer", "block_sparse_moe", "linear_attn"};
static const char *const short_parts[] = {"q", "k", "v", "o", "up", "gate", "down"};
enum { LAYERS = 61, EXPERTS = 256 }; /* DeepSeek-V3's */
#define PICK(s, words) (words[draw(s, sizeof words / sizeof *words)])

/* ---- one rule in both spellings ---- */

/* Out of memory ends the program: a benchmark has nothing better to do. */
static char *print(const char *format, va_list arguments)
{
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    return text;
}

/* `*` alone is special in what follows it, and `[a-b]`. A `*` at an end becomes a search that is open there; elsewhere `.*`. */
static char *regex_of_glob(const char *glob)
{
    size_t length = strlen(glob), n = 0;
    char *regex = malloc(2 * length + 8);
    bool open = length && glob[length - 1] == '*';
    if (*glob == '*')
        glob++;
    else
        regex[n++] = '^';
    for (; *glob && !(open && !glob[1]); glob++) {
        if (*glob == '.')
            regex[n++] = '\\';
        if (*glob == '*')
            regex[n++] = '.';
        regex[n++] = *glob;
    }
    strcpy(regex + n, open ? "" : "$");
    return regex;
}

__attribute__((format(printf, 1, 2))) static struct rule rule_glob(const char *format, ...)
{
    va_list arguments;
    struct rule rule;
    va_start(arguments, format);
    char *glob = print(format, arguments);
    va_end(arguments);
    rule.regex = regex_of_glob(glob);
    if (asprintf(&rule.atom, "%s \"%s\"", strpbrk(glob, "*[") ? "glob" : "name", glob) < 0)
        abort();
    free(glob);
    return rule;
}

/* As Python's re.match: anchored at the begin alone, so a leading `.*` says the same as a search without it. */
__attribute__((format(printf, 1, 2))) static struct rule rule_regex(const char *format, ...)
{
    va_list arguments;
    struct rule rule;
    va_start(arguments, format);
    char *regex = print(format, arguments);
    va_end(arguments);
    bool anywhere = !strncmp(regex, ".*", 2);
    if (asprintf(&rule.atom, "re prefix \"%s\"", regex) < 0 || asprintf(&rule.regex, "%s%s", anywhere ? "" : "^", regex + 2 * anywhere) < 0)
        abort();
    free(regex);
    return rule;
}

/* ---- mixed rules ---- */

/* Which layer and expert, which block and part: the shapes that people write, the frequent ones in several cases. */
static struct rule make_glob(struct source *s)
{
    unsigned layer = draw(s, LAYERS), expert = draw(s, EXPERTS), low = draw(s, 8);
    const char *part = PICK(s, parts), *block = PICK(s, blocks), *end = draw(s, 2) ? "*" : "";
    switch (draw(s, 16)) {
    case 0: return rule_glob("model.layers.%u.mlp.experts.%u.%s", layer, expert, PICK(s, parts));
    case 1: case 2: case 3: return rule_glob("model.layers.%u.mlp.experts.%u.*", layer, expert);
    case 4: case 5: case 6: return rule_glob("*layers.%u.mlp.experts.%u*%s.weight", layer, expert, part);
    case 7: case 8: return rule_glob("*experts.%u.%s*", expert, part);
    case 9: case 10: return rule_glob("*layers.[%u-%u].%s*%s", low, low + 1 + draw(s, 9 - low - (low == 8)), block, part);
    case 11: return rule_glob("*%s*%s", PICK(s, blocks), part);
    default: return rule_glob("*layers.%u.%s*%s%s", layer, block, part, end);
    }
}

/* As make_glob; alternatives and digit classes are what globs cannot say. */
static struct rule make_regex(struct source *s)
{
    unsigned a = draw(s, LAYERS), b = draw(s, LAYERS), expert = draw(s, EXPERTS);
    const char *part = PICK(s, parts), *block = PICK(s, blocks), *p = PICK(s, short_parts), *q = PICK(s, short_parts);
    switch (draw(s, 12)) {
    case 0: case 1: return rule_regex(".*layers\\.(%u|%u|%u)\\.%s\\.(%s|%s)_proj$", a, b, draw(s, LAYERS), block, p, q);
    case 2: case 3: return rule_regex("model\\.layers\\.\\d+\\.mlp\\.experts\\.%u\\.(%s|%s)_proj$", expert, p, q);
    case 4: case 5: return rule_regex(".*\\.experts\\.%u\\.%s$", expert, part);
    case 6: case 7: return rule_regex(".*layers\\.%u\\..*%s$", a, part);
    case 8: return rule_regex("model\\.layers\\.[%u-%u]\\..*%s", draw(s, 4), 4 + draw(s, 5), part);
    case 9: return rule_regex(".*layers\\.%u\\.%s\\..*%s$", a, block, part);
    default: return rule_regex(".*layers\\.%u\\.mlp\\.experts\\.%u\\.(%s|%s)_proj.*", a, expert, p, q);
    }
}

/* The ten that people begin with. */
static const struct rule ten[] = {
    {"name \"lm_head\"", "^lm_head$"},
    {"re prefix \".*mlp\\.gate$\"", "mlp\\.gate$"},
    {"re prefix \".*embed_tokens.*\"", "embed_tokens"},
    {"glob \"*shared_experts*\"", "shared_experts"},
    {"re prefix \"model\\.layers\\.[0-2]\\..*\"", "^model\\.layers\\.[0-2]\\."},
    {"re prefix \".*self_attn\\.(q_a_proj|q_b_proj|o_proj|kv_b_proj).*\"", "self_attn\\.(q_a_proj|q_b_proj|o_proj|kv_b_proj)"},
    {"glob \"*kv_a_proj_with_mqa*\"", "kv_a_proj_with_mqa"},
    {"re prefix \".*layers\\.(56|57|58|59|60)\\.mlp\\..*(gate|up|down)_proj$\"", "layers\\.(56|57|58|59|60)\\.mlp\\..*(gate|up|down)_proj$"},
    {"glob \"*experts.*down_proj*\"", "experts\\..*down_proj"},
    {"glob \"*norm*\"", "norm"},
};
enum { TEN = sizeof ten / sizeof *ten };

/* Ten rules are the fixed ones; every other number is drawn, half globs and half regexes. */
static struct rule make_mixed(struct source *s, size_t index, size_t count)
{
    if (count == TEN)
        return (struct rule){strdup(ten[index].atom), strdup(ten[index].regex)};
    return draw(s, 2) ? make_glob(s) : make_regex(s);
}

/* ---- families ---- */

/* A piece that stands between dots in names. */
static const char *make_chunk(struct source *s, char buffer[32])
{
    unsigned kind = draw(s, 4);
    if (kind == 0)
        snprintf(buffer, 32, "layers.%u.", draw(s, LAYERS));
    else if (kind == 1)
        snprintf(buffer, 32, "experts.%u.", draw(s, EXPERTS));
    else
        snprintf(buffer, 32, "%s", kind == 2 ? PICK(s, parts) : PICK(s, blocks));
    return buffer;
}

/* Pieces of names: three letters, three letters, two. */
static struct rule make_worst(struct source *s)
{
    static const char name[] = "model.layers.17.mlp.experts.203.down_proj.weight_scale_inv";
    unsigned a = draw(s, sizeof name - 3), b = draw(s, sizeof name - 3), c = draw(s, sizeof name - 2);
    return rule_glob("*%.3s*%.3s*%.2s*x%u", name + a, name + b, name + c, draw(s, 1000));
}

/* index: of the rule, count: of all; only the ten ask for them. */
static struct rule make_rule(struct source *s, enum family family, size_t index, size_t count)
{
    char a[32], b[32], c[32];
    switch (family) {
    case FAMILY_MIXED: break;
    case FAMILY_TWO: return rule_glob("*%s*%s*", make_chunk(s, a), make_chunk(s, b));
    case FAMILY_THREE: return rule_glob("*%s*%s*%s*", make_chunk(s, a), make_chunk(s, b), make_chunk(s, c));
    case FAMILY_WORST: return make_worst(s);
    }
    return make_mixed(s, index, count);
}

struct rules rules_make(enum family family, size_t count)
{
    struct source s = {42 + (uint64_t)family};
    struct rules rules = {malloc(count * sizeof *rules.items), count};
    for (size_t i = 0; i < count; i++)
        rules.items[i] = make_rule(&s, family, i, count);
    return rules;
}

/* All rules give one config: the answer is the rule's number. */
void rules_print(const struct rules *rules, FILE *out)
{
    fputs("config w { weight int8 }\nmatch first {\n", out);
    for (size_t i = 0; i < rules->count; i++)
        fprintf(out, "%s => w\n", rules->items[i].atom);
    fputs("}\n", out);
}

void rules_free(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->items[i].atom);
        free(rules->items[i].regex);
    }
    free(rules->items);
}

/* ---- names: ten models of 61 layers, one after another ---- */

/* A scale beside each weight, as fp8 checkpoints have them. */
static void write_experts(FILE *out, const char *model, unsigned layer, size_t *count)
{
    static const char *const experts[] = {"gate_proj", "up_proj", "down_proj"};
    static const char *const ends[] = {"weight", "weight_scale_inv"};
    for (unsigned e = 0; e < EXPERTS; e++)
        for (unsigned p = 0; p < 3; p++)
            for (unsigned k = 0; k < 2; k++, ++*count)
                fprintf(out, "%smodel.layers.%u.mlp.experts.%u.%s.%s\n", model, layer, e, experts[p], ends[k]);
}

/* *count: names so far. */
static void write_layer(FILE *out, const char *model, unsigned layer, size_t *count)
{
    static const char *const common[] = {
        "self_attn.q_a_proj.weight", "self_attn.q_a_proj.weight_scale_inv", "self_attn.q_a_layernorm.weight", "self_attn.q_b_proj.weight",
        "self_attn.q_b_proj.weight_scale_inv", "self_attn.kv_a_proj_with_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight_scale_inv",
        "self_attn.kv_a_layernorm.weight", "self_attn.kv_b_proj.weight", "self_attn.kv_b_proj.weight_scale_inv", "self_attn.o_proj.weight",
        "self_attn.o_proj.weight_scale_inv", "mlp.gate.weight", "mlp.gate.e_score_correction_bias", "mlp.shared_experts.gate_proj.weight",
        "mlp.shared_experts.up_proj.weight", "mlp.shared_experts.down_proj.weight"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++, ++*count)
        fprintf(out, "%smodel.layers.%u.%s\n", model, layer, common[i]);
    write_experts(out, model, layer, count);
    fprintf(out, "%smodel.layers.%u.input_layernorm.weight\n%smodel.layers.%u.post_attention_layernorm.weight\n", model, layer, model, layer);
    *count += 2;
}

/* Written as text first, one name a line; the items are what stands between line ends. */
struct names names_make(size_t count)
{
    static const char *const models[] = {"", "teacher.", "_orig_mod.", "module.", "actor.", "base_model.", "critic.", "draft.", "ref.", "reward."};
    struct names names = {malloc(count * sizeof *names.items), count, NULL};
    size_t size, made = 1;
    FILE *out = open_memstream(&names.text, &size);
    fputs("model.embed_tokens.weight\n", out);
    for (unsigned layer = 0; made < count; layer++)
        write_layer(out, models[layer / LAYERS % (sizeof models / sizeof *models)], layer % LAYERS, &made);
    fclose(out);
    char *at = names.text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(at, "\n");
        names.items[i] = (struct quern_name){at, length};
        at += length + 1;
    }
    return names;
}

/* Each name changes places with one before it in its thousand. The text follows, so that neighbours in the list are neighbours
 * in memory and only their beginnings differ. */
void names_shuffle(struct names *names)
{
    struct source s = {7};
    enum { NEAR = 1000 };
    size_t size = 0;
    for (size_t i = names->count; i-- > 1;) {
        size_t k = i - draw(&s, (unsigned)(i % NEAR + 1));
        struct quern_name name = names->items[k];
        names->items[k] = names->items[i];
        names->items[i] = name;
    }
    for (size_t i = 0; i < names->count; i++)
        size += names->items[i].size;
    char *text = malloc(size + 1), *at = text;
    for (size_t i = 0; i < names->count; at += names->items[i++].size)
        names->items[i].bytes = memcpy(at, names->items[i].bytes, names->items[i].size);
    free(names->text);
    names->text = text;
}

void names_free(struct names *names)
{
    free(names->items);
    free(names->text);
}
