/* What `check -m` asks of a plan, in parts; check.c puts them together. docs/language.md, Mistakes. */
#ifndef QUERN_RUNTIME_CHECK_H
#define QUERN_RUNTIME_CHECK_H

#include "runtime/plan.h"

/* Warnings about single tensors: tied ones that get different specs, rows of codes that fill no whole words. Linear in tensors. */
void check_plan_tensors(struct session *session, const struct quern_plan *plan);

#endif
