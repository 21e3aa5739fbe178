/* What the subcommands share: messages, exit codes, numbers, files, JSON, opening models. See tool.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool/tool.h"

int tool_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("quern: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return QUERN_USAGE;
}

int tool_system_error(const char *subject)
{
    fprintf(stderr, "quern: %s: %s\n", subject, strerror(errno));
    return QUERN_IO;
}

/* --strict makes a run with warnings fail; it does not turn a failure into another. */
static int exit_code(const struct tool *tool, enum quern_status status)
{
    if (status == QUERN_CANCELLED)
        return tool_signal_exit_code();
    if (status == QUERN_OK && tool_has(tool, OPTION_strict) && quern_warning_count(tool->context))
        return QUERN_INVALID;
    return status;
}

/* Text on stderr; JSON on stderr too, but for check, whose messages are its result. -q keeps warnings back, not errors. */
int tool_finish(struct tool *tool, enum quern_status status)
{
    if (tool->results_are_messages && (tool->json || tool->sarif)) {
        puts(tool->json ? quern_diagnostics_json(tool->context) : quern_diagnostics_sarif(tool->context));
        return exit_code(tool, status);
    }
    bool silent = tool_has(tool, OPTION_quiet) && !quern_error_count(tool->context) && !tool_has(tool, OPTION_strict);
    if (!silent && tool->json && (quern_error_count(tool->context) || quern_warning_count(tool->context)))
        fprintf(stderr, "%s\n", quern_diagnostics_json(tool->context));
    else if (!silent)
        fputs(quern_diagnostics_text(tool->context, tool->color), stderr);
    return exit_code(tool, status);
}

/* Powers of 1000 and of 1024, as docs/language.md has them for numbers in recipes. 0 and negative numbers are no counts. */
bool tool_parse_count(const char *string, int64_t *value)
{
    static const struct { const char *suffix; int64_t factor; } suffixes[] = {
        {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"T", 1000000000000},
        {"Ki", 1ll << 10}, {"Mi", 1ll << 20}, {"Gi", 1ll << 30}, {"Ti", 1ll << 40},
    };
    char *end;
    errno = 0;
    long long number = strtoll(string, &end, 10);
    if (end == string || errno || number <= 0)
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcmp(end, suffixes[i].suffix))
            return !__builtin_mul_overflow(number, suffixes[i].factor, value);
    return false;
}

/* A comma must have a size behind it. */
int tool_parse_shape(const char *string, int64_t *dims, int most)
{
    int rank = 0;
    while (*string) {
        char *end;
        errno = 0;
        long long dim = strtoll(string, &end, 10);
        if (end == string || errno || dim < 0 || rank == most || (*end && (*end != ',' || !end[1])))
            return -1;
        dims[rank++] = dim;
        string = end + (*end == ',');
    }
    return rank;
}

/* Doubling: the file's size is not believed, since a pipe has none. The library's own limit comes afterwards. */
char *tool_read_file(const char *path, size_t *size)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    size_t capacity = 0, got = 1;
    char *bytes = NULL;
    *size = 0;
    while (file && got) {
        if (*size + 4096 > capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *more = realloc(bytes, capacity);
            if (!more)
                break;
            bytes = more;
        }
        got = fread(bytes + *size, 1, capacity - *size - 1, file);
        *size += got;
    }
    int error = !file || ferror(file) ? errno : got ? ENOMEM : 0;
    if (file && file != stdin)
        fclose(file);
    if (error) {
        free(bytes);
        errno = error;
        return NULL;
    }
    bytes[*size] = 0;
    return bytes;
}

bool tool_print_json(json_t *value)
{
    bool done = value && !json_dumpf(value, stdout, JSON_INDENT(2)) && putchar('\n') != EOF;
    json_decref(value);
    return done;
}

/* Names are bytes; JSON is Unicode. Every byte beyond ASCII is replaced when one of them is wrong. */
json_t *tool_json_string(const char *string)
{
    if (!string)
        return json_null();
    json_t *value = json_string(string);
    if (value)
        return value;
    size_t size = strlen(string), end = 0;
    char *clean = malloc(3 * size + 1);
    for (size_t i = 0; clean && i < size; i++) {
        bool ascii = (unsigned char)string[i] < 0x80;
        memcpy(clean + end, ascii ? &string[i] : "\xef\xbf\xbd", ascii ? 1 : 3);
        end += ascii ? 1 : 3;
    }
    value = clean ? json_stringn(clean, end) : NULL;
    free(clean);
    return value ? value : json_null();
}

bool tool_flush(void)
{
    if (!fflush(stdout) && !ferror(stdout))
        return true;
    fprintf(stderr, "quern: standard output: %s\n", strerror(errno));
    return false;
}

/* A description that does not fit closes the model again. */
enum quern_status tool_open_path(struct tool *tool, const char *path, quern_model **model)
{
    enum quern_status status = quern_model_open(tool->context, path, model);
    if (status || !tool_has(tool, OPTION_modules))
        return status;
    status = quern_model_describe(*model, tool->values[OPTION_modules]);
    if (status == QUERN_USAGE)
        tool_usage("%s is described already: --modules is for checkpoints and lists of names", path);
    if (status) {
        quern_model_close(*model);
        *model = NULL;
    }
    return status;
}

/* --modules and --subjects mean nothing without a model. */
enum quern_status tool_open_model(struct tool *tool, quern_model **model)
{
    *model = NULL;
    if (tool_has(tool, OPTION_model))
        return tool_open_path(tool, tool->values[OPTION_model], model);
    if (tool_has(tool, OPTION_modules) || tool_has(tool, OPTION_subjects))
        return (enum quern_status)tool_usage("--%s needs a model: -m MODEL", tool_has(tool, OPTION_modules) ? "modules" : "subjects");
    return QUERN_OK;
}

/* A word's place in the list is its kind's number; ops have two. */
bool tool_subject_kind(struct tool *tool, enum quern_subject_kind *kind)
{
    static const char *const words[] = {"parameters", "modules", "ops"};
    const char *subjects = tool->values[OPTION_subjects], *names = tool->values[OPTION_op_names];
    int word = 0;
    while (subjects && word < 3 && strcmp(subjects, words[word]))
        word++;
    if (word == 3)
        tool_usage("expected parameters, modules or ops after --subjects, saw `%s`", subjects);
    else if (names && strcmp(names, "eager") && strcmp(names, "graph"))
        tool_usage("expected eager or graph after --op-names, saw `%s`", names);
    else {
        *kind = word == 2 ? names && !strcmp(names, "graph") ? QUERN_OPS_GRAPH : QUERN_OPS_EAGER : (enum quern_subject_kind)word;
        return true;
    }
    return false;
}

/* Negative: not known. 999.5 becomes 1.0 of the next unit, since it would print as four digits. */
const char *tool_bytes(char buffer[16], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    int unit = 0;
    if (bytes < 0)
        return "-";
    for (; bytes >= 999.5 && unit < 6; unit++)
        bytes /= 1000;
    snprintf(buffer, 16, unit && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return buffer;
}
