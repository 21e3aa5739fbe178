/* Context: the memory, the diagnostics and the kernels that everything opened from it shares, and the one way into the
 * library: every public function that can run out of memory goes through context_enter. */
#ifndef QUERN_RUNTIME_CONTEXT_H
#define QUERN_RUNTIME_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include "lang/diag.h"
#include "runtime/quern.h"

struct kernel_table;

struct quern_context {
    struct quern_context_options options;
    struct allocator base;      /* the host's, or the standard one */
    struct allocator allocator; /* counts against the limit, then asks base; thread-safe when base is */
    atomic_size_t used;
    pthread_mutex_t lock;       /* of everything below */
    struct arena arena;         /* texts that live as long as the context */
    struct arena messages;      /* diags and what they point to */
    struct diags diags;
    bool exhausted;             /* memory ran out since the last clear; said without needing any */
    unsigned exhausted_count;
    struct kernel_table *kernels; /* owned; runtime/kernels.c */
};

/* One call of a public function: its own diagnostics and scratch memory, gone when it returns. */
struct session {
    struct quern_context *context;
    struct arena *arena;  /* scratch */
    struct diags *diags;
};
typedef enum quern_status session_body(struct session *session, void *call);

/* Runs body with a recovery point for its scratch arena and for `handle` (an arena that outlives the call; may be NULL).
 * A failed allocation gives QUERN_LIMIT and Q0006; diagnostics are handed to the context afterwards, so that bodies of
 * several threads may run at once. */
enum quern_status context_enter(struct quern_context *context, struct arena *handle, session_body *body, void *call);
/* Runs body with a nearer recovery point: false when an allocation failed in it. For what must be put right before the
 * failure goes on its way with session_escape. */
bool session_try(struct session *session, struct arena *other, session_body *body, void *call, enum quern_status *status);
_Noreturn void session_escape(struct session *session);
/* What the diagnostics so far amount to: the status of the first error, QUERN_OK when there is none. */
enum quern_status diags_status(const struct diags *diags);

/* Memory of a handle itself, zeroed, from the context's allocator; NULL when there is none left (reported). */
void *context_allocate(struct quern_context *context, size_t size);
/* The same, not cleared: what is never touched takes no page. */
void *context_reserve(struct quern_context *context, size_t size);
void context_release(struct quern_context *context, void *memory, size_t size);

#endif
