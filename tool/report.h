/* The report of quantize and verify, gathered from the library's report callback: one line a tensor as it is done, totals at
 * the end; with --format json one object {tensors: […], quantized, count, bytes_before, bytes_after, sqnr_db}. */
#ifndef QUERN_TOOL_REPORT_H
#define QUERN_TOOL_REPORT_H

#include "tool/tool.h"

/* Begins as {.tool = tool}. */
struct report {
    struct tool *tool;
    json_t *rows; /* JSON: made by the first tensor, taken by report_finish */
    int64_t tensors, quantized, measured, bytes_before, bytes_after;
    double signal, noise; /* sums of x^2 and e^2 over measured tensors */
};

/* The report callback of struct quern_run_options; user is a struct report. */
void report_tensor(void *user, const struct quern_plan_row *row, const struct quern_error_stats *stats);
/* Prints the totals when status is QUERN_OK, and releases the rows; nothing of a failed run is printed as JSON. */
void report_finish(struct report *report, enum quern_status status);

#endif
