/* Output: a directory that appears complete or not at all. Files are written into .OUT.tmp-data beside OUT; a lock on
 * .OUT.tmp-lock keeps other runs away and dies with the process, so that the next run may remove what a dead one left. The last
 * step is one rename within a file system. */
#ifndef QUERN_RUNTIME_OUTPUT_H
#define QUERN_RUNTIME_OUTPUT_H

#include "runtime/file.h"
#include "runtime/model.h"

/* One output being written; the session's. */
struct output {
    struct session *session;
    const char *path;      /* OUT as given, without slashes at its end */
    const char *parent;    /* the directory that holds it */
    const char *temporary; /* .OUT.tmp-data */
    const char *lock_path; /* .OUT.tmp-lock */
    int lock;              /* -1: not held */
    bool overwrite, written; /* written: temporary is there and must go */
};

/* What directories an output may replace: those that hold a file whose name ends in mark, and, where `other` is given, no file
 * that ends in neither. */
struct output_kind {
    const char *word, *mark, *other;
};
extern const struct output_kind output_checkpoint, output_matcher;

/* Takes the lock, removes what a dead run left, makes the temporary directory. input: the model that is being read, which OUT
 * must not be; may be NULL. The session's end removes everything unless output_commit came first. NULL after reporting. */
struct output *output_open(struct session *session, const char *path, const struct output_kind *kind, bool overwrite,
                           const struct quern_model *input);
/* A file of the temporary directory, open for writing at any place. NULL after reporting. */
struct file *output_create(struct output *out, const char *name);
/* A whole small file, synced and closed. false after reporting. */
bool output_write(struct output *out, const char *name, const char *bytes, size_t size);
/* Syncs and closes a file: after it no write can fail any more. false after reporting. */
bool output_finish(struct output *out, struct file *file);
/* Renames the temporary directory to OUT, replacing an old one where `overwrite` allows it, and gives the lock back. All files
 * are finished. A link is replaced itself. An old one that cannot be removed is a warning. false after reporting. */
bool output_commit(struct output *out);

#endif
