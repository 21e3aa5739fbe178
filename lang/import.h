/* Files of recipes: reading one, and opening imports safely. docs/language.md. */
#ifndef QUERN_LANG_IMPORT_H
#define QUERN_LANG_IMPORT_H

#include "lang/recipe.h"

/* The whole of a file as a source; "-" is standard input. Regular files, pipes and terminals are read, up to
 * SOURCE_SIZE_MAX; directories and other devices are refused. NULL after a message. */
struct source *source_read_file(struct arena *arena, const char *path, struct diags *diags);

/* An importer for the files beside a recipe. Paths are relative to the importing file and stay within the directory of
 * the top-level recipe, symbolic links followed; only regular files are opened. */
struct importer_directory {
    struct importer importer; /* pass its address to recipe_resolve */
    struct arena *arena;
    const char *prefix;       /* the recipe's path up to its last '/', as the user wrote it: "" or "dir/" */
    struct imported_file *files;
};
/* root_path: of the top-level recipe, "-" for standard input (then imports are relative to the working directory). */
void importer_directory_init(struct importer_directory *directory, struct arena *arena, const char *root_path);

#endif
