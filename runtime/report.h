/* Reporting about files and tensors from functions that answer with a bool: `return REPORT(…)` is false, so that a check and
 * its message are one statement. Files define REPORT and SHOWN over this for the struct they carry around. */
#ifndef QUERN_RUNTIME_REPORT_H
#define QUERN_RUNTIME_REPORT_H

#include "lang/diag.h"

/* The message was made; its struct is not needed any more. */
static inline bool report_failed(const struct diag *diag)
{
    (void)diag;
    return false;
}
/* code: a row of diags.def without DIAG_; subject: the file, model or tensor. */
#define REPORT_ABOUT(diags, code, subject, ...) report_failed(diag_report_about((diags), DIAG_##code, (subject), __VA_ARGS__))

#endif
