/* The `quern` command: what its subcommands share. Each is one file with one function, command_NAME: it reads its arguments
 * from struct tool, calls the library through its public headers alone, prints results to stdout, and leaves diagnostics and
 * progress to stderr. A host program could do the same: nothing here decides anything about recipes. */
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

/* One run of one command; everything is the command line's or the context's, and lives until the command returns. */
struct tool {
    const char *values[OPTION_COUNT]; /* the argument, "" for a flag; NULL when not given */
    const char **arguments;           /* those that are no options: between the row's least and most */
    int argument_count;
    quern_context *context;
    bool json, sarif, dot, color;     /* of --format, and of --color, NO_COLOR and the terminal */
    bool results_are_messages; /* check: JSON goes to stdout, whether there are any or not */
};

/* A flag's value is "". */
static inline bool tool_has(const struct tool *tool, enum option option)
{
    return tool->values[option] != NULL;
}

/* Each returns the exit code: an enum quern_status, or 128 and the signal that cancelled it. */
#define COMMAND(name, arguments, least, most, format, options, summary) int command_##name(struct tool *tool);
#include "tool/commands.def"
#undef COMMAND

/* Prints what the context has to say to stderr (or, for JSON commands that fold it in, nothing) and gives the exit
 * code for status: warnings are errors under --strict. */
int tool_finish(struct tool *tool, enum quern_status status);
/* `quern: …` on stderr, a newline added; returns QUERN_USAGE, the exit code of a wrong command line. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int tool_system_error(const char *subject); /* errno's text on stderr; returns 3 */
/* A positive count with an optional suffix k M G T Ki Mi Gi Ti; false when it is not one. */
bool tool_parse_count(const char *string, int64_t *value);
/* "256,4096" -> dims[0..most); the rank (0 for ""), or -1: no sizes, negative ones, too many. */
int tool_parse_shape(const char *string, int64_t *dims, int most);
/* The whole of a file or stdin ("-"); malloc, caller frees; NULL with errno set. */
char *tool_read_file(const char *path, size_t *size);
/* Prints and releases value (NULL: memory was out) with a final newline; false when stdout cannot be written. */
bool tool_print_json(json_t *value);
/* Names and texts as JSON; bytes that are not UTF-8 become U+FFFD. NULL becomes null. */
json_t *tool_json_string(const char *string);
bool tool_flush(void); /* false, with a message, when stdout could not take everything */

/* The model that -m names, with the description that --modules names; *model NULL without -m, and on a failure. The caller
 * closes it. QUERN_USAGE, said, when an option asks for a model that is not given. */
enum quern_status tool_open_model(struct tool *tool, quern_model **model);
/* The same for a model given as an argument. */
enum quern_status tool_open_path(struct tool *tool, const char *path, quern_model **model);
/* What --subjects and --op-names ask for; false, said, when they say something else. */
bool tool_subject_kind(struct tool *tool, enum quern_subject_kind *kind);

/* plan --ops: prints the table, or {"ops": […]}. QUERN_USAGE, said: a mode that does not exist. */
enum quern_status tool_plan_ops(struct tool *tool, quern_recipe *recipe, quern_model *model);

/* "1.5 GB": three digits, powers of 1000; "-" for a size that is not known (negative). */
const char *tool_bytes(char buffer[16], double bytes);

/* Run options filled from -j, --memory-limit and -f; progress on a terminal, and SIGINT and SIGTERM as a stop. false: a count
 * that is none, not said yet. *options points into static memory: one run a process. */
struct progress;
bool tool_run_options(struct tool *tool, struct quern_run_options *options);
/* The exit code of a run that SIGINT or SIGTERM cancelled. */
int tool_signal_exit_code(void);

#endif
