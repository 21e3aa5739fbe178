/* AMD Quark's QTensorConfig as a value: what its reader and its writer share. quark.def has the words. */
#ifndef QUERN_LANG_QUARK_H
#define QUERN_LANG_QUARK_H

#include "lang/spec.h"

enum quark_word {
#define QUARK_WORD(field, word) QUARK_##field##_##word,
#include "lang/quark.def"
    QUARK_WORD_COUNT
};
enum quark_number {
#define QUARK_NUMBER(field) QUARK_##field,
#include "lang/quark.def"
    QUARK_NUMBER_COUNT
};
enum quark_tensor_field {
#define QUARK_TENSOR(field, slot) QUARK_##field,
#include "lang/quark.def"
    QUARK_TENSOR_COUNT
};
enum quark_step_class {
#define QUARK_STEP(class, step, list) QUARK_##class,
#include "lang/quark.def"
    QUARK_STEP_COUNT
};
extern const struct quark_word_row {
    const char *field, *word;
} quark_words[QUARK_WORD_COUNT];
extern const char *const quark_number_fields[QUARK_NUMBER_COUNT];
extern const struct quark_tensor_row {
    const char *field, *slot;
} quark_tensors[QUARK_TENSOR_COUNT];
extern const struct quark_step_row {
    const char *class, *step;
    bool algorithm;
} quark_steps[QUARK_STEP_COUNT];

struct quark_tensor {
    enum quark_word qscheme, scale_type, quant_type, param_type; /* each of its own field */
    bool symmetric;
    bool given[QUARK_NUMBER_COUNT];   /* set by the file, and not to null */
    int64_t numbers[QUARK_NUMBER_COUNT];
};
struct quark_tensor quark_tensor_default(void);
/* Whether Quark has a quantizer for it (its maps of layer-wise Brevitas quantizers); bias: always. */
bool quark_is_mapped(const struct quark_tensor *tensor, enum quark_tensor_field field);
/* The spec that does the same, as .qr text; NULL: no spec does. */
const char *quark_spec_text(struct arena *arena, const struct quark_tensor *tensor, enum quark_tensor_field field);
/* The six layer types as a regular expression on full class names. */
const char *quark_layers(struct arena *arena);

#endif
