/* quern: reads the command line, runs one subcommand, gives its exit code. Commands and options are rows of commands.def and
 * options.def; --help, popt's table and the checks all come from there. `quern COMMAND [OPTION…] ARGUMENT…`: the command is the
 * first argument, so that each has its own options. */
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool/tool.h"

/* A row of options.def. */
struct option_row {
    const char *long_name, *argument, *help;
    char short_name;
};
static const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(name, long_name, short_name, argument, help) {long_name, argument, help, short_name},
#include "tool/options.def"
#undef OPTION
};

#define O(name) (1ull << OPTION_##name) /* a set of options is a word: 64 at most */
static const uint64_t common_options = O(format) | O(color) | O(quiet) | O(verbose) | O(strict);

/* A row of commands.def. */
struct command_row {
    const char *name, *arguments, *summary, *format;
    int least, most;
    uint64_t options;
    int (*run)(struct tool *);
};
static const struct command_row commands[] = {
#define COMMAND(name, arguments, least, most, format, options, summary) \
    {#name, arguments, summary, format, least, most, options, command_##name},
#include "tool/commands.def"
#undef COMMAND
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* The list of `quern --help`, and of a command that does not exist. */
static void print_commands(FILE *out)
{
    fprintf(out, "usage: quern COMMAND [OPTION...] ARGUMENT...\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n`quern COMMAND --help` lists a command's options. `-` as a file is standard input.\n"
                 "exit status: 0 done, 1 the recipe or the data is at fault (or files differ), 2 usage, 3 file input or\n"
                 "output, 4 a limit, 5 a bug in quern, 130 and 143 interrupted\n");
}

/* The options the command takes, in the order of options.def. */
static void print_help(const struct command_row *command)
{
    printf("usage: quern %s [OPTION...] %s\n%s\n\n", command->name, command->arguments, command->summary);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (!((command->options | common_options) >> i & 1))
            continue;
        /* A format of the command's own stands behind those of all. */
        bool third = i == OPTION_format && command->format;
        char name[64], letter[8] = "    ";
        if (row->short_name)
            snprintf(letter, sizeof letter, "-%c, ", row->short_name);
        snprintf(name, sizeof name, "%s--%s%s%s%s%s", letter, row->long_name, row->argument ? "=" : "",
                 row->argument ? row->argument : "", third ? "|" : "", third ? command->format : "");
        printf("  %-34s %s\n", name, row->help);
    }
}

/* popt's table for one command: its options, then --help. val is the option's number plus one. */
static void fill_table(const struct command_row *command, struct poptOption *table)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if ((command->options | common_options) >> i & 1)
            *table++ = (struct poptOption){option_rows[i].long_name, option_rows[i].short_name,
                                           option_rows[i].argument ? POPT_ARG_STRING : POPT_ARG_NONE, NULL, i + 1, NULL, NULL};
    *table++ = (struct poptOption){"help", 'h', POPT_ARG_NONE, NULL, OPTION_COUNT + 1, NULL, NULL};
    *table = (struct poptOption)POPT_TABLEEND;
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(value, *words))
            return true;
    return false;
}

/* The options every command takes, checked and put where the commands look. */
static int read_common(const struct command_row *command, struct tool *tool)
{
    const char *format = tool->values[OPTION_format], *color = tool->values[OPTION_color];
    const char *third = command->format;
    if (format && !is_one_of(format, (const char *const[]){"text", "json", third, NULL}))
        return tool_usage("expected text%s json%s%s after --format, saw `%s`", third ? "," : " or", third ? " or " : "", third ? third : "", format);
    if (color && !is_one_of(color, (const char *const[]){"auto", "always", "never", NULL}))
        return tool_usage("expected auto, always or never after --color, saw `%s`", color);
    tool->json = format && !strcmp(format, "json");
    tool->sarif = format && !strcmp(format, "sarif");
    tool->dot = format && !strcmp(format, "dot");
    tool->results_are_messages = command->run == command_check;
    const char *no_color = getenv("NO_COLOR");
    /* https://no-color.org: set and not empty. */
    tool->color = color && strcmp(color, "auto") ? !strcmp(color, "always")
                                                 : isatty(STDERR_FILENO) && !(no_color && *no_color);
    return 0;
}

/* --target of build names what objects are for, not what this process runs. QUERN_JIT: the code generator, for uninstalled
 * builds. */
static int create_context(const struct command_row *command, struct tool *tool)
{
    struct quern_context_options options = {
        .target = command->run == command_build ? NULL : tool->values[OPTION_target], .scalar = tool_has(tool, OPTION_scalar), .jit_path = getenv("QUERN_JIT")};
    enum quern_status status = quern_context_create(&options, &tool->context);
    if (status == QUERN_USAGE)
        return tool_usage("there is no target `%s`", options.target);
    if (status)
        fprintf(stderr, "quern: no memory left\n");
    return status;
}

/* Results that could not be written are an error even when all else went well. */
static int run_command(const struct command_row *command, struct tool *tool, poptContext popt)
{
    const char **arguments = poptGetArgs(popt);
    tool->arguments = arguments;
    while (arguments && arguments[tool->argument_count])
        tool->argument_count++;
    if (tool->argument_count < command->least || (command->most >= 0 && tool->argument_count > command->most))
        return tool_usage("expected `quern %s %s`, saw %d arguments", command->name, command->arguments, tool->argument_count);
    int status = read_common(command, tool);
    if (!status)
        status = create_context(command, tool);
    if (status)
        return status;
    status = command->run(tool);
    quern_context_destroy(tool->context);
    /* A failure of the command comes before one of the output. */
    return tool_flush() || status ? status : QUERN_IO;
}

/* popt copies arguments of options; the last of two equal ones counts. */
static int parse_and_run(const struct command_row *command, int argc, const char **argv)
{
    struct poptOption table[OPTION_COUNT + 2];
    struct tool tool = {0};
    fill_table(command, table);
    poptContext popt = poptGetContext("quern", argc, argv, table, 0);
    int code, status = -1;
    while ((code = poptGetNextOpt(popt)) > 0 && status < 0) {
        if (code == OPTION_COUNT + 1) {
            print_help(command);
            status = 0;
        } else {
            const char *argument = poptGetOptArg(popt);
            tool.values[code - 1] = argument ? argument : "";
        }
    }
    if (status < 0 && code < -1)
        status = tool_usage("%s: %s; `quern %s --help` lists the options", poptBadOption(popt, POPT_BADOPTION_NOALIAS),
                            poptStrerror(code), command->name);
    if (status < 0)
        status = run_command(command, &tool, popt);
    poptFreeContext(popt);
    for (int i = 0; i < OPTION_COUNT; i++)
        if (tool.values[i] && *tool.values[i])
            free((void *)tool.values[i]); /* popt's copy */
    return status;
}

/* Without a command the list goes to stderr and the status is 2; asked for, to stdout and 0. */
int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_commands(argc > 1 ? stdout : stderr);
        return argc > 1 ? 0 : QUERN_USAGE;
    }
    if (!strcmp(name, "--version")) {
        printf("quern %s\n", quern_version());
        return 0;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(name, commands[i].name))
            return parse_and_run(&commands[i], argc - 1, (const char **)argv + 1);
    int status = tool_usage("there is no command `%s`", name);
    print_commands(stderr);
    return status;
}
