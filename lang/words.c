/* Words of the closed sets, made from the same rows as their enums. In: a set and a word, or an index. Out: the other of the
 * two, or a message with the choices and the nearest one. Sets of the .def tables come from their rows; the short ones below are
 * in the order of the enum that words.h names beside each. See words.h. */
#include "lang/words.h"

#include <string.h>
#include "lang/ast.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The sets whose words stand elsewhere. */
#define words_granularity granularity_words
#define words_pow2 pow2_words
#define words_zero zero_words
#define words_formula formula_words
#define words_range range_words
#define words_rounding rounding_words
#define words_overflow overflow_mode_words
#define words_timing timing_words
#define words_layout layout_words
#define words_role slot_role_words

static const char *const words_scheme[] = {
#define SCHEME(name, word, asymmetric) #name,
#include "lang/attributes.def"
};
static const char *const words_symmetric[] = {
#define SCHEME(name, word, asymmetric) (asymmetric) ? "" : word,
#include "lang/attributes.def"
};
static const char *const words_asymmetric[] = {
#define SCHEME(name, word, asymmetric) (asymmetric) ? word : "",
#include "lang/attributes.def"
};
static const char *const words_dtype[] = {
#define DTYPE(name, word, file_name, bits) word,
#include "lang/dtypes.def"
#undef DTYPE
};
static const char *const words_atom[] = {
#define ATOM(name, words, yaml_type, field, language) words,
#include "lang/atoms.def"
#undef ATOM
};
static const char *const words_decl[] = {
#define DECL(name, word) word,
#include "lang/decls.def"
#undef DECL
};
static const char *const words_rounded[] = {"first", "last"};
static const char *const words_compute[] = {"f32", "input"};
static const char *const words_ragged[] = {"error", "pad"};
static const char *const words_comparison[] = {"==", "!=", "<", "<=", ">", ">="};
static const char *const words_term[] = {"integer", "layer", "ndim", "numel", "shape"};
static const char *const words_policy[] = {"first", "last", "specific_code", "specific_doc"};
static const char *const words_winner[] = {"first", "last", "specific"};
static const char *const words_compat[] = {"code", "doc"};
static const char *const words_format_kind[] = {"int", "float", "codebook", "uint"};
static const char *const words_target[] = {"config", "skip", "spec"};
static const char *const words_spelling[] = {"qr", "yaml"};
static const char *const words_slot_key[] = {"", "index", "name"};
static const char *const words_quantity[] = {"bits_per_weight", "size_ratio", "bytes", "quantized_fraction"};
static const char *const words_schedule[] = {"enable_observer", "enable_fake_quant", "disable_observer"};

const struct word_list word_lists[WORD_SET_COUNT] = {
#define SET(name, what) {what, words_##name, COUNT(words_##name)},
    WORD_SETS(SET)
#undef SET
};

/* The empty word is no member: it stands for members without a word. */
int word_find(enum word_set set, const char *word)
{
    const struct word_list *list = &word_lists[set];
    for (size_t i = 0; i < list->count && *word; i++)
        if (!strcmp(list->words[i], word))
            return (int)i;
    return -1;
}

const char *word_of(enum word_set set, int index)
{
    return index >= 0 && (size_t)index < word_lists[set].count ? word_lists[set].words[index] : "";
}

/* "`a`, `b` or `c`"
 * Members without a word are not offered. */
static void print_choices(struct text *out, const struct word_list *list)
{
    size_t last = list->count;
    while (last && !*list->words[last - 1])
        last--;
    bool first = true;
    for (size_t i = 0; i < last; i++) {
        if (!*list->words[i])
            continue;
        text_printf(out, "%s`%s`", first ? "" : i + 1 < last ? ", " : " or ", list->words[i]);
        first = false;
    }
}

int word_expect(enum word_set set, const char *word, const char *after, struct span span, struct diags *diags)
{
    int found = word_find(set, word);
    if (found >= 0)
        return found;
    const struct word_list *list = &word_lists[set];
    struct text choices = text_make(diags->arena);
    print_choices(&choices, list);
    struct diag *diag = diag_report(diags, DIAG_unknown_word, span, "expected %s%s%s, saw `%s`", text_string(&choices),
                                    after ? " after " : "", after ? after : "", word);
    const char *nearest = diag_nearest(word, list->words, list->count);
    if (nearest && *nearest)
        diag_help(diags, diag, "did you mean `%s`?", nearest);
    return -1;
}
