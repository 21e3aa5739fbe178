/* File: system calls with their interruptions and short counts. In and out: bytes and places of files; errors are values. See
 * file.h. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include "runtime/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel takes at most 0x7ffff000 bytes a call; smaller steps keep a cancelled run quick. FIRST_READ: what a pipe, whose
 * size is not known, is given first. */
enum { STEP_MAX = 1 << 28, FIRST_READ = 1 << 16 };

/* strerror's texts untranslated and without its static buffer. */
const char *file_reason(int error)
{
    if (error == FILE_ENDED)
        return "the file became shorter while it was read";
    if (error == FILE_IRREGULAR)
        return "not a plain file";
    if (error == FILE_TOO_LARGE)
        return "too large";
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

/* -1 afterwards, so that the arena's own closing does nothing. */
void file_close(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static void close_deferred(void *resource)
{
    file_close(resource);
}

/* The struct is made and its closing arranged before there is anything to close: an escape from here loses nothing. */
static struct file *new_file(struct arena *arena, const char *path)
{
    struct file *file = ARENA_NEW(arena, struct file);
    file->fd = -1;
    file->path = arena_string(arena, path);
    arena_defer(arena, close_deferred, file);
    return file;
}

/* O_CLOEXEC: a program that the host starts does not inherit the descriptor. */
static int open_retrying(const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* A file is known by device and inode, whatever path led to it. */
static int fill_status(struct file *file)
{
    struct stat status;
    if (fstat(file->fd, &status))
        return errno;
    if (!S_ISREG(status.st_mode))
        return FILE_IRREGULAR;
    file->size = status.st_size;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

/* O_NONBLOCK: a pipe without a writer is refused instead of waited for. */
int file_open(struct arena *arena, const char *path, struct file **out)
{
    struct file *file = new_file(arena, path);
    file->fd = open_retrying(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    int error = file->fd < 0 ? errno : fill_status(file);
    if (error)
        file_close(file);
    else
        *out = file;
    return error;
}

/* O_EXCL and O_NOFOLLOW: what stands there already, a link above all, is not written through. */
int file_create(struct arena *arena, const char *path, struct file **out)
{
    struct file *file = new_file(arena, path);
    file->fd = open_retrying(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    int error = file->fd < 0 ? errno : fill_status(file);
    if (error)
        file_close(file);
    else
        *out = file;
    return error;
}

/* The end of the file before the last byte means that somebody cut it: sizes were checked at opening. */
int file_read_at(const struct file *file, void *bytes, size_t size, int64_t offset)
{
    for (size_t done = 0; done < size;) {
        size_t step = size - done > STEP_MAX ? STEP_MAX : size - done;
        ssize_t got = pread(file->fd, (char *)bytes + done, step, offset + (int64_t)done);
        if (got == 0)
            return FILE_ENDED;
        if (got < 0 && errno != EINTR)
            return errno;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* A write of 0 bytes where some were asked for would loop for ever: EIO. */
int file_write_at(const struct file *file, const void *bytes, size_t size, int64_t offset)
{
    for (size_t done = 0; done < size;) {
        size_t step = size - done > STEP_MAX ? STEP_MAX : size - done;
        ssize_t put = pwrite(file->fd, (const char *)bytes + done, step, offset + (int64_t)done);
        if (put == 0)
            return EIO;
        if (put < 0 && errno != EINTR)
            return errno;
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* fallocate where the file system has it. Others get the length alone, and ENOSPC later. */
int file_reserve(const struct file *file, int64_t size)
{
    if (size == 0)
        return 0;
    int error;
    do
        error = fallocate(file->fd, 0, 0, size) ? errno : 0;
    while (error == EINTR);
    if (error != EOPNOTSUPP && error != ENOSYS)
        return error;
    return ftruncate(file->fd, size) ? errno : 0;
}

/* Errors of delayed writes come out of fsync and close, so both count. */
int file_finish(struct file *file)
{
    int error;
    do
        error = fsync(file->fd) ? errno : 0;
    while (error == EINTR);
    if (!error && close(file->fd) && errno != EINTR)
        error = errno;
    else if (error)
        close(file->fd);
    file->fd = -1;
    return error;
}

/* Reads to the end of what may be a pipe; the buffer doubles, so the arena holds at most twice the bytes. */
static int read_stream(struct arena *arena, int fd, size_t hint, size_t limit, char **bytes, size_t *size)
{
    size_t capacity = hint, used = 0;
    char *buffer = arena_alloc(arena, capacity + 1);
    for (;;) {
        if (used == capacity) {
            buffer = arena_grow(arena, buffer, used, 2 * capacity + 1, 1);
            capacity *= 2;
        }
        size_t room = capacity - used > STEP_MAX ? STEP_MAX : capacity - used;
        ssize_t got = read(fd, buffer + used, room);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return errno;
        used += got > 0 ? (size_t)got : 0;
        if (used > limit)
            return FILE_TOO_LARGE;
    }
    buffer[used] = 0;
    *bytes = buffer;
    *size = used;
    return 0;
}

/* A file in proc says size 0 and is read as a stream; a plain one that grows meanwhile is read to its limit. */
int file_read_all(struct arena *arena, const char *path, bool plain, size_t limit, char **bytes, size_t *size)
{
    if (!strcmp(path, "-"))
        return read_stream(arena, STDIN_FILENO, FIRST_READ, limit, bytes, size);
    struct file *file = new_file(arena, path);
    file->fd = open_retrying(path, O_RDONLY | O_NOCTTY | (plain ? O_NONBLOCK : 0), 0);
    int error = file->fd < 0 ? errno : fill_status(file);
    if (error == FILE_IRREGULAR && !plain)
        error = 0;
    if (!error && (uint64_t)file->size > limit)
        error = FILE_TOO_LARGE;
    if (!error)
        error = read_stream(arena, file->fd, file->size ? (size_t)file->size + 1 : FIRST_READ, limit, bytes, size);
    file_close(file);
    return error;
}
