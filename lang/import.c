/* Files of recipes. In: a path, or an import's path and the file it stands in. Out: a source, or NULL after a message. Imports
 * stay below the directory of the recipe that is read. A path is joined to its file's directory and cleaned of `.` and `..` as
 * text, which finds `..` that lead out; then the file system's own answer (realpath) must lie below the root too, which finds
 * symbolic links. What is opened is the very file that was checked: device and inode are compared. See import.h. */
#include "lang/import.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* Everything up to the end; one byte beyond SOURCE_SIZE_MAX is read to know that there is more. errno on failure.
 * guess is the file's size: a regular file is read in one piece. */
static char *read_all(struct arena *arena, int fd, size_t guess, size_t *size)
{
    size_t capacity = guess + 1;
    char *bytes = ARENA_ARRAY(arena, capacity + 1, char);
    for (*size = 0; *size <= SOURCE_SIZE_MAX;) {
        if (*size == capacity) {
            bytes = arena_grow(arena, bytes, capacity, 2 * capacity + 1, 1);
            capacity *= 2;
        }
        ssize_t got = read(fd, bytes + *size, capacity - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    return bytes;
}

/* What cannot be a recipe, by its kind; NULL when it can. */
static const char *kind_fault(const struct stat *st, int fd)
{
    if (S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode))
        return NULL;
    if (S_ISDIR(st->st_mode))
        return "it is a directory";
    return S_ISCHR(st->st_mode) && fd >= 0 && isatty(fd) ? NULL : "it is a device";
}

enum { GUESS_MIN = 4096 };

/* The file behind fd; NULL with *fault. *too_large when that is the reason.
 * Pipes have no size: the limit is looked at while they are read. */
static struct source *read_source(struct arena *arena, int fd, const char *name, const char **fault, bool *too_large)
{
    struct stat st;
    if (fstat(fd, &st)) {
        *fault = strerror(errno);
        return NULL;
    }
    *fault = kind_fault(&st, fd);
    *too_large = S_ISREG(st.st_mode) && st.st_size > SOURCE_SIZE_MAX;
    if (*fault || *too_large)
        return NULL;
    size_t size;
    char *bytes = read_all(arena, fd, st.st_size > GUESS_MIN ? (size_t)st.st_size : GUESS_MIN, &size);
    *fault = bytes ? NULL : strerror(errno);
    *too_large = bytes && size > SOURCE_SIZE_MAX;
    if (!bytes || *too_large)
        return NULL;
    bytes[size] = 0;
    return source_new(arena, name, bytes, size);
}

static int open_again(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Devices are refused before they are opened: opening one can have effects. */
static int open_recipe(const char *path, const char **fault)
{
    struct stat st;
    *fault = NULL;
    if (!stat(path, &st) && S_ISBLK(st.st_mode)) {
        *fault = "it is a device";
        return -1;
    }
    int fd = open_again(path, 0);
    *fault = fd < 0 ? strerror(errno) : NULL;
    return fd;
}

struct source *source_read_file(struct arena *arena, const char *path, struct diags *diags)
{
    bool is_input = !strcmp(path, "-"), too_large = false;
    const char *name = is_input ? "<stdin>" : arena_string(arena, path), *fault = NULL;
    int fd = is_input ? STDIN_FILENO : open_recipe(path, &fault);
    struct source *source = fault ? NULL : read_source(arena, fd, name, &fault, &too_large);
    if (fd > STDIN_FILENO || (fd == STDIN_FILENO && !is_input))
        close(fd);
    if (too_large)
        diag_report_about(diags, DIAG_too_large, name, "a recipe has at most %d MiB", SOURCE_SIZE_MAX / (1024 * 1024));
    else if (fault)
        diag_report_about(diags, DIAG_cannot_read, name, "cannot be read: %s", fault);
    return source;
}

/* ---- imports ---- */

/* A file that was opened, so that one file is one source however it is reached. */
struct imported_file {
    struct imported_file *next;
    dev_t device;
    ino_t inode;
    const char *name;
    struct source *source; /* NULL: the top-level recipe, not read yet */
};

static size_t parent_size(const char *path, size_t size)
{
    while (size && path[size - 1] != '/')
        size--;
    return size ? size - 1 : 0;
}

/* base's directory and path, without `.`, `..` and doubled slashes. NULL when it leads above where it starts. */
static const char *join_path(struct arena *arena, const char *base, const char *path)
{
    const char *slash = strrchr(base, '/');
    const char *in = arena_printf(arena, "%.*s%s", slash ? (int)(slash - base) + 1 : 0, base, path);
    char *out = arena_alloc(arena, strlen(in) + 2);
    size_t size = 0;
    while (*in) {
        size_t length = strcspn(in, "/");
        bool up = length == 2 && !memcmp(in, "..", 2), here = length == 0 || (length == 1 && *in == '.');
        if (up && !size)
            return NULL;
        if (up) {
            size = parent_size(out, size);
        } else if (!here) {
            if (size)
                out[size++] = '/';
            memcpy(out + size, in, length);
            size += length;
        }
        in += length + (in[length] == '/');
    }
    out[size] = 0;
    return out;
}

/* Whether the file at path, links followed, lies in the directory of prefix or below. */
static bool lies_below(const char *prefix, const char *path)
{
    char root[PATH_MAX], file[PATH_MAX];
    if (!realpath(*prefix ? prefix : ".", root) || !realpath(path, file))
        return false;
    size_t size = strlen(root);
    if (size == 1) /* "/" */
        return true;
    return !strncmp(root, file, size) && file[size] == '/';
}

static struct imported_file *find_file(const struct importer_directory *d, const struct stat *st)
{
    for (struct imported_file *f = d->files; f; f = f->next)
        if (f->device == st->st_dev && f->inode == st->st_ino)
            return f;
    return NULL;
}

static struct imported_file *add_file(struct importer_directory *d, const struct stat *st, const char *name, struct source *source)
{
    struct imported_file *f = ARENA_NEW(d->arena, struct imported_file);
    *f = (struct imported_file){d->files, st->st_dev, st->st_ino, name, source};
    d->files = f;
    return f;
}

static struct source *refuse(struct diags *diags, enum diag_code code, struct span span, const char *path, const char *fault)
{
    diag_report(diags, code, span, "`%s` cannot be imported: %s", path, fault);
    return NULL;
}

/* Opens name, whose status is *st, and reads it. */
static struct source *read_import(struct importer_directory *d, const char *name, const struct stat *st, struct span span, const char *path, struct diags *diags)
{
    int fd = open_again(name, O_NONBLOCK);
    if (fd < 0)
        return refuse(diags, DIAG_bad_import, span, path, strerror(errno));
    struct stat opened;
    const char *fault = NULL;
    bool too_large = false;
    struct source *source = NULL;
    if (fstat(fd, &opened) || opened.st_dev != st->st_dev || opened.st_ino != st->st_ino)
        fault = "it changed while it was opened";
    else
        source = read_source(d->arena, fd, name, &fault, &too_large);
    close(fd);
    if (too_large)
        diag_report(diags, DIAG_too_large, span, "`%s`: a recipe has at most %d MiB", path, SOURCE_SIZE_MAX / (1024 * 1024));
    else if (fault)
        refuse(diags, DIAG_bad_import, span, path, fault);
    return source;
}

/* The importing file's name within the root: what follows the prefix. */
static const char *name_within(const struct importer_directory *d, const char *from)
{
    size_t size = strlen(d->prefix);
    return !strncmp(from, d->prefix, size) ? from + size : "";
}

/* O_NONBLOCK keeps a pipe that took the file's place from hanging the open. */
static struct source *open_import(void *user, const char *from, const char *path, struct span span, struct diags *diags)
{
    struct importer_directory *d = user;
    struct stat st;
    if (!*path)
        return refuse(diags, DIAG_bad_import, span, path, "the path is empty");
    if (*path == '/')
        return refuse(diags, DIAG_import_outside, span, path, "the path is absolute");
    const char *inside = join_path(d->arena, name_within(d, from), path);
    if (!inside)
        return refuse(diags, DIAG_import_outside, span, path, "it leads out of the recipe's directory");
    const char *name = arena_printf(d->arena, "%s%s", d->prefix, inside);
    if (stat(name, &st))
        return refuse(diags, DIAG_bad_import, span, path, strerror(errno));
    if (!lies_below(d->prefix, name))
        return refuse(diags, DIAG_import_outside, span, path, "it leads out of the recipe's directory");
    if (!S_ISREG(st.st_mode))
        return refuse(diags, DIAG_bad_import, span, path, "it is not a regular file");
    struct imported_file *f = find_file(d, &st);
    f = f ? f : add_file(d, &st, name, NULL);
    if (!f->source)
        f->source = read_import(d, f->name, &st, span, path, diags);
    return f->source;
}

void importer_directory_init(struct importer_directory *d, struct arena *arena, const char *root_path)
{
    const char *slash = strrchr(root_path, '/');
    size_t size = slash ? (size_t)(slash - root_path) + 1 : 0;
    *d = (struct importer_directory){.importer = {open_import, d}, .arena = arena, .prefix = arena_copy(arena, root_path, size)};
    struct stat st;
    if (strcmp(root_path, "-") && !stat(root_path, &st))
        add_file(d, &st, arena_string(arena, root_path), NULL);
}
