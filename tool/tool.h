/* The `quern` command: what its subcommands share. Results go to stdout, diagnostics and progress to stderr. */
#ifndef QUERN_TOOL_TOOL_H
#define QUERN_TOOL_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "runtime/quern.h"

enum option {
#define OPTION(name, long_name, short_name, argument, help) OPTION_##name,
#include "tool/options.def"
#undef OPTION
    OPTION_COUNT
};

/* One run of one command. */
struct tool {
    const char *values[OPTION_COUNT]; /* the argument, "" for a flag; NULL when not given */
    const char **arguments;
    int argument_count;
    quern_context *context;
    bool json, sarif, dot, color;
    bool results_are_messages; /* check: JSON goes to stdout, whether there are any or not */
};

static inline bool tool_has(const struct tool *tool, enum option option)
{
    return tool->values[option] != NULL;
}

/* Each returns the exit code. */
#define COMMAND(name, arguments, least, most, format, options, summary) int command_##name(struct tool *tool);
#include "tool/commands.def"
#undef COMMAND

/* Prints what the context has to say to stderr (or, for JSON commands that fold it in, nothing) and gives the exit
 * code for status: warnings are errors under --strict. */
int tool_finish(struct tool *tool, enum quern_status status);
/* `quern: …` on stderr; returns 2. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int tool_system_error(const char *subject); /* errno's text on stderr; returns 3 */
/* A positive count with an optional suffix k M G T Ki Mi Gi Ti; false when it is not one. */
bool tool_parse_count(const char *string, int64_t *value);
/* "256,4096" -> dims; the rank, or -1. */
int tool_parse_shape(const char *string, int64_t *dims, int most);
/* The whole of a file or stdin ("-"); malloc, caller frees; NULL with errno set. */
char *tool_read_file(const char *path, size_t *size);
/* Prints and releases value with a final newline; false when stdout cannot be written. */
bool tool_print_json(json_t *value);
/* Names and texts as JSON; bytes that are not UTF-8 become U+FFFD. NULL becomes null. */
json_t *tool_json_string(const char *string);
bool tool_flush(void); /* false, with a message, when stdout could not take everything */

/* The model that -m names, with the description that --modules names; *model NULL without -m. QUERN_USAGE, said, when an
 * option asks for a model that is not given. */
enum quern_status tool_open_model(struct tool *tool, quern_model **model);
/* The same for a model given as an argument. */
enum quern_status tool_open_path(struct tool *tool, const char *path, quern_model **model);
/* What --subjects and --op-names ask for; false, said, when they say something else. */
bool tool_subject_kind(struct tool *tool, enum quern_subject_kind *kind);

/* plan --ops */
enum quern_status tool_plan_ops(struct tool *tool, quern_recipe *recipe, quern_model *model);

/* "1.5 GB": three digits, powers of 1000; "-" for a size that is not known (negative). */
const char *tool_bytes(char buffer[16], double bytes);

/* Run options filled from -j, --memory-limit and -f; progress on a terminal. */
struct progress;
bool tool_run_options(struct tool *tool, struct quern_run_options *options);
/* The exit code of a run that SIGINT or SIGTERM cancelled. */
int tool_signal_exit_code(void);

#endif
