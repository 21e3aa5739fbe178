/* Output: locking, temporaries, the final rename. In: a path that shall become a directory; out: that directory, whole.
 * Invariant: whoever holds the lock on the file that .OUT.tmp-lock names owns .OUT.tmp-data. See output.h. */
#define _GNU_SOURCE 1
#include "runtime/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "runtime/report.h"

#define REPORT(out, code, ...) REPORT_ABOUT((out)->session->diags, code, (out)->path, __VA_ARGS__)

enum { LOCK_TRIES = 16 }; /* each lost to a run that ended between two calls */

/* ---- removing ---- */

/* Removes a directory of plain files, or a link itself, never what it points to; a missing one is fine. 0 or errno. */
static int remove_directory(const char *path)
{
    struct stat status;
    if (!lstat(path, &status) && S_ISLNK(status.st_mode))
        return unlink(path) ? errno : 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return errno == ENOENT ? 0 : errno;
    int error = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && unlinkat(dirfd(dir), entry->d_name, 0))
            error = errno;
    closedir(dir);
    return rmdir(path) ? (error ? error : errno) : 0;
}

/* Whoever waits for the old file finds that its name is gone, and makes a new one. */
static void give_up_lock(struct output *out)
{
    if (out->lock < 0)
        return;
    unlink(out->lock_path); /* while it is held: nobody else can own the name */
    close(out->lock);
    out->lock = -1;
}

/* At the session's end, however it ends: a commit has nothing left to remove. */
static void end_output(void *resource)
{
    struct output *out = resource;
    if (out->written)
        remove_directory(out->temporary);
    give_up_lock(out);
}

/* ---- the lock ---- */

/* Opens and locks the file; *held false: another process has it. The name may vanish between the two (its owner finished):
 * then the lock is on a file nobody sees, and the next try makes a new one. */
static int try_lock(struct output *out, bool *held)
{
    struct stat ours, named;
    *held = false;
    out->lock = open(out->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (out->lock < 0)
        return errno;
    if (flock(out->lock, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? EBUSY : errno;
    if (fstat(out->lock, &ours))
        return errno;
    /* The file that is locked must still be the one of that name, or the lock keeps nobody away. */
    *held = !stat(out->lock_path, &named) && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    return 0;
}

/* The lock belongs to the open file and so to the process: a crash gives it back. */
static bool take_lock(struct output *out)
{
    bool held = false;
    int error = 0;
    for (int i = 0; i < LOCK_TRIES && !held && !error; i++) {
        if (out->lock >= 0)
            close(out->lock);
        error = try_lock(out, &held);
    }
    if (held)
        return true;
    if (out->lock >= 0)
        close(out->lock);
    out->lock = -1;
    if (error == EBUSY || !error)
        return REPORT(out, output_busy, "another run is writing this output");
    return REPORT(out, cannot_write, "cannot write beside the output: %s", file_reason(error));
}

/* ---- what may be replaced ---- */

const struct output_kind output_checkpoint = {"a checkpoint", ".safetensors", NULL}, output_matcher = {"a matcher", ".h", ".o"};

/* One of that kind: no folders, its mark among the files, and all files of its kinds where those are given. */
static bool is_of_kind(const char *path, const struct output_kind *kind)
{
    struct stat status;
    bool found = false, plain = true;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *end = strrchr(entry->d_name, '.');
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        plain &= !fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) && !S_ISDIR(status.st_mode);
        bool marked = end && !strcmp(end, kind->mark);
        found |= marked;
        plain &= marked || !kind->other || (end && !strcmp(end, kind->other));
    }
    if (dir)
        closedir(dir);
    return dir && found && plain;
}

/* Compared as files, not as paths: `.`, a link or another spelling is the same directory. Asked before work
 * begins; output_commit asks again whether anything stands there, not what it is. */
static bool check_existing(struct output *out, const struct output_kind *kind, const struct quern_model *input)
{
    struct stat status, other;
    if (lstat(out->path, &status))
        return errno == ENOENT || REPORT(out, cannot_write, "cannot write the output: %s", file_reason(errno));
    if (input && input->directory && !stat(input->directory, &other) && !stat(out->path, &status) && status.st_dev == other.st_dev &&
        status.st_ino == other.st_ino)
        return REPORT(out, output_is_input, "the output is the model's own directory");
    for (size_t i = 0; input && i < input->shard_count; i++)
        if (input->shards[i]->file && input->shards[i]->file->device == status.st_dev && input->shards[i]->file->inode == status.st_ino)
            return REPORT(out, output_is_input, "the output is the model itself");
    if (!out->overwrite)
        return REPORT(out, output_exists, "the output exists already");
    return is_of_kind(out->path, kind) ||
           REPORT(out, output_exists, "the output exists and is no directory of %s; it is not replaced", kind->word);
}

/* ---- life ---- */

/* Hidden names beside the output: on the same file system, so that rename works, and not picked up by a glob. */
static void name_paths(struct output *out, const char *path)
{
    struct arena *arena = out->session->arena;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    out->path = arena_copy(arena, path, size);
    const char *slash = strrchr(out->path, '/');
    out->parent = !slash ? "." : slash == out->path ? "/" : arena_copy(arena, out->path, (size_t)(slash - out->path));
    const char *base = slash ? slash + 1 : out->path;
    out->temporary = path_join(arena, out->parent, arena_printf(arena, ".%s.tmp-data", base));
    out->lock_path = path_join(arena, out->parent, arena_printf(arena, ".%s.tmp-lock", base));
}

/* The order matters: names, then what may be replaced, then the lock, then the leavings of a dead run, which only the lock's
 * holder may remove. From the first allocation on the session's end cleans up. */
struct output *output_open(struct session *session, const char *path, const struct output_kind *kind, bool overwrite,
                           const struct quern_model *input)
{
    struct output *out = ARENA_NEW(session->arena, struct output);
    *out = (struct output){.session = session, .lock = -1, .overwrite = overwrite};
    name_paths(out, path);
    arena_defer(session->arena, end_output, out);
    const char *base = strrchr(out->path, '/') ? strrchr(out->path, '/') + 1 : out->path;
    if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
        return REPORT(out, output_exists, "the output needs a name of its own"), NULL;
    if (!check_existing(out, kind, input) || !take_lock(out))
        return NULL;
    int error = remove_directory(out->temporary);
    if (!error && mkdir(out->temporary, 0777))
        error = errno;
    out->written = !error;
    if (error)
        return REPORT(out, cannot_write, "cannot write beside the output: %s", file_reason(error)), NULL;
    return out;
}

/* output_create's file fails where something of that name stands: the directory is this run's alone. */
struct file *output_create(struct output *out, const char *name)
{
    struct file *file = NULL;
    int error = file_create(out->session->arena, path_join(out->session->arena, out->temporary, name), &file);
    if (error)
        REPORT(out, cannot_write, "cannot write %s: %s", name, file_reason(error));
    return error ? NULL : file;
}

bool output_finish(struct output *out, struct file *file)
{
    int error = file_finish(file);
    return !error || REPORT(out, cannot_write, "cannot write %s: %s", strrchr(file->path, '/') + 1, file_reason(error));
}

bool output_write(struct output *out, const char *name, const char *bytes, size_t size)
{
    struct file *file = output_create(out, name);
    int error = file ? file_write_at(file, bytes, size, 0) : 0;
    if (error)
        return REPORT(out, cannot_write, "cannot write %s: %s", name, file_reason(error));
    return file && output_finish(out, file);
}

/* The names in it, not the data of its files. */
static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* some file systems refuse it for directories; the rename is ordered all the same */
    close(fd);
}

/* 0 or errno. An old OUT changes places with the new one in one step where the system can; else it steps aside first. *old: where
 * it is then; NULL: there was none. After a failure the old one is OUT as before. */
static int move_in(struct output *out, bool replaces, const char **old)
{
    *old = NULL;
    if (!replaces) {
        if (!renameat2(AT_FDCWD, out->temporary, AT_FDCWD, out->path, RENAME_NOREPLACE))
            return 0;
        if (errno != EINVAL && errno != ENOSYS)
            return errno;
        return rename(out->temporary, out->path) ? errno : 0;
    }
    *old = out->temporary;
    if (!renameat2(AT_FDCWD, out->temporary, AT_FDCWD, out->path, RENAME_EXCHANGE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* Two renames: for a moment there is no OUT. File systems without an exchange have no better way. */
    *old = arena_printf(out->session->arena, "%s-old", out->temporary);
    if (rename(out->path, *old))
        return errno;
    int error = rename(out->temporary, out->path) ? errno : 0;
    if (error)
        rename(*old, out->path);
    return error;
}

/* From here on the output exists; before, nothing of that name does. */
bool output_commit(struct output *out)
{
    struct stat status;
    const char *old;
    bool replaces = !lstat(out->path, &status);
    if (replaces && !out->overwrite)
        return REPORT(out, output_exists, "the output appeared while it was being written");
    sync_directory(out->temporary);
    int error = move_in(out, replaces, &old);
    if (error)
        return REPORT(out, cannot_write, "cannot put the output in its place: %s", file_reason(error));
    out->written = false;
    error = old ? remove_directory(old) : 0;
    if (error)
        REPORT(out, output_left, "the old output could not be removed and is %s now: %s", old, file_reason(error));
    sync_directory(out->parent);
    give_up_lock(out);
    return true;
}
