/* File: the one place where bytes come from and go to the operating system. Interrupted calls are repeated, short
 * reads and writes continued; everything is positional, so one descriptor serves any number of threads.
 * Functions return 0, an errno value, or one of enum file_error; file_reason words any of them. */
#ifndef QUERN_RUNTIME_FILE_H
#define QUERN_RUNTIME_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lang/arena.h"

enum file_error {
    FILE_ENDED = -1,     /* fewer bytes than the size seen at opening: the file was cut meanwhile */
    FILE_IRREGULAR = -2, /* a directory, pipe, socket or device where a plain file is needed */
    FILE_TOO_LARGE = -3  /* more bytes than the caller allows */
};

/* An open file that the arena closes. */
struct file {
    int fd; /* -1: closed */
    const char *path;
    int64_t size;           /* at opening */
    uint64_t device, inode; /* which file it is */
};

/* Opens a plain file for reading without waiting on anything; the arena keeps and closes it. */
int file_open(struct arena *arena, const char *path, struct file **file);
/* Creates a file that must not exist (mode 0666 less the umask), for writing. */
int file_create(struct arena *arena, const char *path, struct file **file);
/* size bytes from offset; FILE_ENDED when the file has fewer. Any thread, any number at once. */
int file_read_at(const struct file *file, void *bytes, size_t size, int64_t offset);
/* size bytes to offset. Threads may write ranges that do not meet at once. */
int file_write_at(const struct file *file, const void *bytes, size_t size, int64_t offset);
/* Takes the disk space of the whole file at once where the file system can (ENOSPC early), else only sets its length. */
int file_reserve(const struct file *file, int64_t size);
/* Writes what the system still holds back to the disk, and closes, also on an error. */
int file_finish(struct file *file);
/* Closes without waiting for the disk; once closed nothing is done. */
void file_close(struct file *file);

/* The whole of a file ("-": standard input) in the arena with a NUL behind it; pipes and devices too unless `plain`.
 * limit: the most bytes it may hold. */
int file_read_all(struct arena *arena, const char *path, bool plain, size_t limit, char **bytes, size_t *size);
const char *file_reason(int error); /* static text */

#endif
