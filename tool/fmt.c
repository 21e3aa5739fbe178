/* quern fmt FILE…: canonical layout of recipes, and translation between their two spellings (--to). Results go to stdout, with
 * -w back into the file; --check prints the names of files that are not in canonical layout. Exit status: the worst of all
 * files'. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tool/tool.h"

/* Replaces the file that link leads to, or is, by bytes through a temporary of the same folder, keeping its permissions: whoever
 * reads meanwhile sees the old text or the new one. false: errno says why, and the file is as it was. */
static bool replace_file(const char *link, const char *bytes)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    struct stat old;
    if (!realpath(link, path) || stat(path, &old) ||
        snprintf(temporary, sizeof temporary, "%s.tmp-XXXXXX", path) >= (int)sizeof temporary)
        return false;
    int fd = mkstemp(temporary);
    if (fd < 0)
        return false;
    FILE *file = fdopen(fd, "wb");
    /* Permissions go with the temporary: it takes the file's place. */
    bool done = file && fputs(bytes, file) >= 0 && !fchmod(fd, old.st_mode & 07777);
    if (file)
        done = !fclose(file) && done;
    if (done && !rename(temporary, path))
        return true;
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

/* A file that is canonical already is not touched, so that its time stays. */
static int write_result(struct tool *tool, const char *path, const char *text, size_t size, const char *formatted)
{
    bool same = strlen(formatted) == size && !memcmp(text, formatted, size);
    if (tool_has(tool, OPTION_check)) {
        if (!same)
            printf("%s\n", path);
        return same ? 0 : QUERN_INVALID;
    }
    if (!tool_has(tool, OPTION_write) || !strcmp(path, "-"))
        return fputs(formatted, stdout) < 0 ? QUERN_IO : 0;
    return same || replace_file(path, formatted) ? 0 : tool_system_error(path);
}

/* Messages are printed file by file: one that cannot be parsed does not keep the others from being formatted. */
static int format_file(struct tool *tool, const char *path)
{
    size_t size;
    const char *formatted;
    char *text = tool_read_file(path, &size);
    if (!text)
        return tool_system_error(path);
    enum quern_status status = quern_format(tool->context, strcmp(path, "-") ? path : "<stdin>", text, size,
                                            tool->values[OPTION_to], &formatted);
    int code = tool_finish(tool, status);
    if (!status)
        code = write_result(tool, path, text, size, formatted);
    quern_diagnostics_clear(tool->context);
    free(text);
    return code;
}

/* Every file is looked at, whatever happened to the ones before. */
int command_fmt(struct tool *tool)
{
    const char *to = tool->values[OPTION_to];
    int worst = 0;
    if (to && strcmp(to, "qr") && strcmp(to, "yaml"))
        return tool_usage("expected qr or yaml after --to, saw `%s`", to);
    for (int i = 0; i < tool->argument_count; i++) {
        int code = format_file(tool, tool->arguments[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}
