/* Messages for programs: a JSON array, and SARIF 2.1.0 (OASIS), which editors and code review tools read. See diag.h. */
#include "lang/diag.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

/* A string as JSON. jansson refuses what is not UTF-8; then every byte above 0x7f becomes U+FFFD (3 bytes, hence 3 * size).
 * A new reference; NULL only without memory. */
static json_t *json_text(const char *string)
{
    json_t *value = json_string(string);
    if (value)
        return value;
    size_t size = strlen(string);
    char *clean = malloc(3 * size + 1), *end = clean;
    for (size_t i = 0; clean && i < size; i++) {
        bool ascii = (unsigned char)string[i] < 0x80;
        memcpy(end, ascii ? &string[i] : "\xef\xbf\xbd", ascii ? 1 : 3);
        end += ascii ? 1 : 3;
    }
    value = clean ? json_stringn(clean, (size_t)(end - clean)) : NULL;
    free(clean);
    return value;
}

static void json_place(json_t *object, struct span span)
{
    if (!span.source)
        return;
    struct place begin = source_place(span.source, span.begin), end = source_place(span.source, span.end);
    json_object_set_new(object, "file", json_text(span.source->name));
    json_object_set_new(object, "line", json_integer(begin.line));
    json_object_set_new(object, "column", json_integer(begin.column));
    json_object_set_new(object, "end_line", json_integer(end.line));
    json_object_set_new(object, "end_column", json_integer(end.column));
}

static json_t *json_remark(const struct diag_remark *remark)
{
    json_t *object = json_pack("{s:s, s:o}", "kind", remark_names[remark->kind], "message", json_text(remark->text));
    json_place(object, remark->span);
    return object;
}

static json_t *json_diag(const struct diag *diag)
{
    const struct diag_row *row = &diag_rows[diag->code];
    json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "code", row->code, "severity", severity_names[diag->severity],
                               "title", row->title, "message", json_text(diag->text));
    json_place(object, diag->span);
    if (diag->subject)
        json_object_set_new(object, "subject", json_text(diag->subject));
    json_t *remarks = json_array();
    for (const struct diag_remark *r = diag->remarks; r; r = r->next)
        json_array_append_new(remarks, json_remark(r));
    json_object_set_new(object, "remarks", remarks);
    return object;
}

const char *diags_json(const struct diags *diags)
{
    json_t *array = json_array();
    for (const struct diag *d = diags->first; d; d = d->next)
        json_array_append_new(array, json_diag(d));
    char *dump = json_dumps(array, JSON_INDENT(2));
    const char *copy = arena_string(diags->arena, dump ? dump : "[]");
    free(dump);
    json_decref(array);
    return copy;
}

/* ---- SARIF ---- */

/* A path as a URI reference (RFC 3986): what is neither unreserved nor a separator is escaped. */
static json_t *sarif_uri(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    char *uri = malloc(3 * strlen(path) + 1), *end = uri;
    for (; uri && *path; path++)
        if (strchr(plain, *path))
            *end++ = *path;
        else
            end += sprintf(end, "%%%02X", (unsigned char)*path);
    json_t *value = uri ? json_stringn(uri, (size_t)(end - uri)) : NULL;
    free(uri);
    return value;
}

/* Where a message without a place of its own belongs: at the first place that its notes show, such as the rule of a tensor. */
static struct span sarif_span(const struct diag *diag)
{
    const struct diag_remark *r = diag->remarks;
    while (r && !r->span.source)
        r = r->next;
    return diag->span.source || !r ? diag->span : r->span;
}

/* Columns count code points, as the run's columnKind says. file: what a message without any place is about. */
static json_t *sarif_location(struct span span, const char *file)
{
    if (!span.source)
        return json_pack("{s:{s:{s:o}}}", "physicalLocation", "artifactLocation", "uri", sarif_uri(file));
    struct place begin = source_place(span.source, span.begin), end = source_place(span.source, span.end);
    return json_pack("{s:{s:{s:o}, s:{s:i, s:i, s:i, s:i}}}", "physicalLocation", "artifactLocation", "uri", sarif_uri(span.source->name),
                     "region", "startLine", (int)begin.line, "startColumn", (int)begin.column, "endLine", (int)end.line, "endColumn",
                     (int)end.column);
}

/* The sentence, begun with its subject where the place does not say it, then the helps; notes with a place are related locations. */
static json_t *sarif_message(const struct diag *diag)
{
    json_t *lines = json_text(diag->text);
    if (diag->subject && sarif_span(diag).source) {
        json_t *subject = json_text(diag->subject), *both = json_sprintf("%s: %s", json_string_value(subject), json_string_value(lines));
        json_decref(subject);
        json_decref(lines);
        lines = both;
    }
    for (const struct diag_remark *r = diag->remarks; r; r = r->next) {
        if (r->span.source)
            continue;
        json_t *text = json_text(r->text), *both = json_sprintf("%s\n%s: %s", json_string_value(lines), remark_names[r->kind], json_string_value(text));
        json_decref(lines);
        json_decref(text);
        lines = both;
    }
    return json_pack("{s:o}", "text", lines);
}

static json_t *sarif_result(const struct diag *diag, int rule)
{
    json_t *result = json_pack("{s:s, s:i, s:s, s:o}", "ruleId", diag_rows[diag->code].code, "ruleIndex", rule, "level",
                               severity_names[diag->severity], "message", sarif_message(diag));
    struct span span = sarif_span(diag);
    if (span.source || diag->subject)
        json_object_set_new(result, "locations", json_pack("[o]", sarif_location(span, diag->subject)));
    json_t *related = json_array();
    for (const struct diag_remark *r = diag->remarks; r; r = r->next) {
        if (!r->span.source)
            continue;
        json_t *location = sarif_location(r->span, NULL);
        json_object_set_new(location, "message", json_pack("{s:o}", "text", json_text(r->text)));
        json_array_append_new(related, location);
    }
    if (json_array_size(related))
        json_object_set(result, "relatedLocations", related);
    json_decref(related);
    return result;
}

/* The driver's rules are the codes that occur, each once; places[code] is where, or -1. */
static json_t *sarif_rules(const struct diags *diags, int places[DIAG_COUNT])
{
    json_t *rules = json_array();
    for (int i = 0; i < DIAG_COUNT; i++)
        places[i] = -1;
    for (const struct diag *d = diags->first; d; d = d->next) {
        const struct diag_row *row = &diag_rows[d->code];
        if (places[d->code] >= 0)
            continue;
        places[d->code] = (int)json_array_size(rules);
        json_array_append_new(rules, json_pack("{s:s, s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", row->code, "name", row->name,
                                               "shortDescription", "text", row->title, "fullDescription", "text", row->explanation,
                                               "defaultConfiguration", "level", severity_names[row->severity]));
    }
    return rules;
}

const char *diags_sarif(const struct diags *diags, const char *version)
{
    int places[DIAG_COUNT];
    json_t *rules = sarif_rules(diags, places), *results = json_array();
    for (const struct diag *d = diags->first; d; d = d->next)
        json_array_append_new(results, sarif_result(d, places[d->code]));
    json_t *log = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json",
                            "version", "2.1.0", "runs", "tool", "driver", "name", "quern", "version", version, "rules", rules,
                            "columnKind", "unicodeCodePoints", "results", results);
    char *dump = json_dumps(log, JSON_INDENT(2));
    const char *copy = arena_string(diags->arena, dump ? dump : "{}");
    free(dump);
    json_decref(log);
    return copy;
}
