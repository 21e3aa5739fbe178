/* Imports: reading recipe texts from files, and keeping imports inside the top-level recipe's folder. language.md §2.2. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/file.h"
#include "runtime/json.h"
#include "runtime/recipe.h"

struct import_root {
    struct arena *arena;
    const char *folder; /* real path without a final slash; NULL: it cannot be found */
};

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return !slash ? "." : slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path));
}

/* realpath in the arena; NULL with errno. */
static const char *real_path(struct arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    if (!real)
        return NULL;
    arena_defer(arena, free, real);
    return real;
}

static bool lies_below(const char *real, const char *folder)
{
    size_t size = strlen(folder);
    return !strcmp(folder, "/") || (!strncmp(real, folder, size) && real[size] == '/');
}

static struct source *report_outside(struct import_root *root, const char *path, struct span span, struct diags *diags)
{
    struct diag *diag = diag_report(diags, DIAG_import_outside, span, "the import %s is outside the recipe's folder",
                                    name_shown(root->arena, path));
    diag_help(diags, diag, "copy the file below the folder of the top-level recipe");
    return NULL;
}

static struct source *report_unreadable(struct import_root *root, const char *path, int error, struct span span, struct diags *diags)
{
    diag_report(diags, DIAG_cannot_read, span, "cannot read the import %s: %s", name_shown(root->arena, path), file_reason(error));
    return NULL;
}

/* `from` is a source's name: "<stdin>" and names without a slash lie in the working directory. */
static struct source *open_import(void *user, const char *from, const char *path, struct span span, struct diags *diags)
{
    struct import_root *root = user;
    char *bytes;
    size_t size;
    if (*path == '/')
        return report_outside(root, path, span, diags);
    const char *full = arena_printf(root->arena, "%s/%s", folder_of(root->arena, from), path);
    const char *real = real_path(root->arena, full);
    if (!real)
        return report_unreadable(root, path, errno, span, diags);
    if (!root->folder || !lies_below(real, root->folder))
        return report_outside(root, path, span, diags);
    int error = file_read_all(root->arena, real, true, SOURCE_SIZE_MAX, &bytes, &size);
    if (error)
        return report_unreadable(root, path, error, span, diags);
    return source_new(root->arena, full[0] == '.' && full[1] == '/' ? full + 2 : full, bytes, size);
}

struct importer importer_make(struct arena *arena, const char *top)
{
    struct import_root *root = ARENA_NEW(arena, struct import_root);
    root->arena = arena;
    root->folder = real_path(arena, folder_of(arena, top));
    return (struct importer){open_import, root};
}

struct source *source_read(struct arena *arena, const char *path, struct diags *diags)
{
    const char *name = strcmp(path, "-") ? arena_string(arena, path) : "<stdin>";
    char *bytes;
    size_t size;
    int error = file_read_all(arena, path, false, SOURCE_SIZE_MAX, &bytes, &size);
    if (!error)
        return source_new(arena, name, bytes, size);
    if (error == FILE_TOO_LARGE)
        diag_report_about(diags, DIAG_too_large, name, "a recipe may hold %d bytes", SOURCE_SIZE_MAX);
    else
        diag_report_about(diags, DIAG_cannot_read, name, "cannot read the recipe: %s", file_reason(error));
    return NULL;
}
