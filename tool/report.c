/* The report of quantize and verify: one line a tensor, then totals; or JSON. In: rows and figures in name order, on the
 * calling thread. SQNR = 10 log10(Σx² / Σe²), over a tensor and over all measured ones together. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "tool/report.h"

/* JSON has no infinity: an exact tensor's SQNR is null. */
static json_t *json_real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* NULL: the tensor was copied, or not measured. */
static json_t *json_stats(const struct quern_error_stats *s)
{
    return s ? json_pack("{s:o, s:f, s:o, s:I, s:I, s:I, s:I}", "sqnr_db", json_real_or_null(s->sqnr_db), "max_error", s->max_error,
                         "cosine", json_real_or_null(s->cosine), "elements", (json_int_t)s->elements, "saturated",
                         (json_int_t)s->saturated, "nan", (json_int_t)s->nan, "inf", (json_int_t)s->inf)
             : json_null();
}

/* NAME FORMAT BITS, and of measured tensors SQNR, the largest error and the cosine. */
static void print_stats(const struct quern_plan_row *row, const struct quern_error_stats *s)
{
    printf("%-48s %-12s %6.2f", row->tensor.name, row->format ? row->format : "copied", row->bits);
    if (s)
        printf(" %8.2f dB  max %-10.4g cos %.6f", s->sqnr_db, s->max_error, s->cosine);
    if (s && (s->nan || s->inf))
        printf("  %lld NaN, %lld Inf", (long long)s->nan, (long long)s->inf);
    putchar('\n');
}

/* Copied tensors count in the totals; their lines are printed with --verbose. */
void report_tensor(void *user, const struct quern_plan_row *row, const struct quern_error_stats *stats)
{
    struct report *report = user;
    if (stats) {
        report->measured++;
        report->signal += stats->signal;
        report->noise += stats->noise;
    }
    /* spec NULL: copied. */
    report->quantized += row->spec != NULL;
    report->tensors++;
    report->bytes_before += row->tensor.bytes;
    report->bytes_after += row->bytes_after;
    if (report->tool->json && !report->rows)
        report->rows = json_array();
    if (report->tool->json)
        json_array_append_new(report->rows,
                              json_pack("{s:o, s:o, s:o, s:f, s:I, s:o}", "tensor", tool_json_string(row->tensor.name), "spec",
                                        tool_json_string(row->spec), "format", tool_json_string(row->format), "bits", row->bits,
                                        "bytes_after", (json_int_t)row->bytes_after, "error", json_stats(stats)));
    else if (!tool_has(report->tool, OPTION_quiet) && (row->spec || tool_has(report->tool, OPTION_verbose)))
        print_stats(row, stats);
}

/* Of all elements: a small tensor weighs as little as it is. */
static double total_sqnr(const struct report *report)
{
    return report->noise > 0 ? 10 * log10(report->signal / report->noise) : INFINITY;
}

static void print_json(struct report *report)
{
    tool_print_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "tensors", report->rows ? report->rows : json_array(), "quantized",
                              (json_int_t)report->quantized, "count", (json_int_t)report->tensors, "bytes_before",
                              (json_int_t)report->bytes_before, "bytes_after", (json_int_t)report->bytes_after, "sqnr_db",
                              report->measured ? json_real_or_null(total_sqnr(report)) : json_null()));
}

/* Bytes of all tensors, copied ones included. */
static void print_totals(const struct report *report)
{
    char before[16], after[16];
    printf("%lld of %lld tensors quantized, %s -> %s", (long long)report->quantized, (long long)report->tensors,
           tool_bytes(before, (double)report->bytes_before), tool_bytes(after, (double)report->bytes_after));
    if (report->measured)
        printf(", SQNR %.2f dB", total_sqnr(report));
    putchar('\n');
}

/* Lines of a failed run were printed as tensors were done; it has no totals. */
void report_finish(struct report *report, enum quern_status status)
{
    if (status)
        json_decref(report->rows);
    else if (report->tool->json)
        print_json(report);
    else if (!tool_has(report->tool, OPTION_quiet))
        print_totals(report);
}
