/* What the runtime's tests share: a temporary directory, safetensors files made by hand, and the context's messages. */
#ifndef QUERN_TESTS_MODELS_H
#define QUERN_TESTS_MODELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "runtime/quern.h"

/* A test's own context and directory; the state of a cmocka test. */
struct place {
    quern_context *context;
    char directory[64]; /* removed with all that is in it */
};
/* Setup and teardown of a test. The code generator is the one in QUERN_BUILD, as `make check` sets it. */
int place_open(void **state);
int place_close(void **state);

/* directory/name; in a ring of a few static buffers. */
const char *in(struct place *place, const char *name);
/* Folders in name are made. */
void write_text(struct place *place, const char *name, const char *text);
/* A tensor to write: data NULL means zeros. */
struct entry {
    const char *name, *dtype;
    int64_t shape[4]; /* ended by -1 */
    const void *data;
    size_t bytes;
};
/* A safetensors file of these tensors, in order: no checks, so that faulty files can be made too. */
void write_tensors(struct place *place, const char *name, const struct entry *entries, size_t count);
/* The whole of a file in malloc'ed memory with a NUL behind it; NULL: it cannot be opened. */
char *read_whole(const char *path, size_t *size);
/* Both exist and have the same bytes. */
bool same_files(const char *a, const char *b);
/* A link counts, wherever it leads. */
bool exists(const char *path);
/* How many entries directory holds, hidden ones included. */
int count_entries(const char *directory);

/* The messages since the last call, the temporary directory printed as `DIR`; static memory. */
const char *messages(struct place *place);
/* These fail the test, with the messages, when there is an error; handles are the caller's to close. */
quern_recipe *load_recipe(struct place *place, const char *text);
quern_model *open_model(struct place *place, const char *name);

/* Loads recipe, opens model (names in place), quantizes to out. */
enum quern_status quantize_model(struct place *place, const char *recipe, const char *model, const char *out, const struct quern_run_options *options);
/* `weight SPEC` for every module; good until the next call. */
const char *weight_recipe(const char *spec);

#endif
