/* Words that the printer and the reader of kernel IR share. */
#ifndef QUERN_CODEGEN_IR_TEXT_H
#define QUERN_CODEGEN_IR_TEXT_H

#include "lang/format.h"

/* By enum specials; e8m0 is printed by format name and read nowhere as a special. */
extern const char *const ir_specials_words[SPECIALS_E8M0 + 1];

/* Limits of a kernel text; beyond them diagnostic Q0005. */
enum { IR_TEXT_SIZE_MAX = 1 << 20, IR_VALUES_MAX = 2048, IR_NAME_MAX = 256, IR_REDUCTIONS_MAX = 4 };

#endif
