/* Context: the memory, the diagnostics and the kernels that everything opened from it shares, and the one way into the library.
 * Every public function that can run out of memory goes through context_enter: allocation never returns NULL inside, a failed
 * one jumps to the recovery point there and becomes QUERN_LIMIT. */
#ifndef QUERN_RUNTIME_CONTEXT_H
#define QUERN_RUNTIME_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include "lang/diag.h"
#include "runtime/quern.h"

struct kernel_table;

/* A recipe's lock may be held when the context's is taken, never the other way round. The host's allocator is called under
 * either: it must not call the library. */
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
    struct kernel_table *kernels; /* owned; runtime/kernels.c; has a lock of its own */
};

/* One call of a public function: its own diagnostics and scratch memory, gone when it returns. A session is one thread's. */
struct session {
    struct quern_context *context;
    struct arena *arena;  /* scratch; its deferred functions close files, locks and loans however the call ends */
    struct diags *diags;  /* handed to the context at the end */
};
typedef enum quern_status session_body(struct session *session, void *call);

/* Runs body with a recovery point for its scratch arena and for `handle` (an arena that outlives the call; may be NULL).
 * A failed allocation gives QUERN_LIMIT and Q0006; diagnostics are handed to the context afterwards, so that bodies of
 * several threads may run at once. */
enum quern_status context_enter(struct quern_context *context, struct arena *handle, session_body *body, void *call);
/* Runs body with a nearer recovery point, for session->arena and for `other` (may be NULL): false when an allocation failed in
 * it, *status is then as it was. For what must be put right before the failure goes on its way with session_escape. Nothing
 * that body changed is undone. */
bool session_try(struct session *session, struct arena *other, session_body *body, void *call, enum quern_status *status);
_Noreturn void session_escape(struct session *session);
/* What the diagnostics so far amount to: the status of the first error, QUERN_OK when there is none. Warnings do not count. */
enum quern_status diags_status(const struct diags *diags);

/* Memory of a handle itself, zeroed, from the context's allocator and counted against its limit; NULL when there is none left,
 * which is then remembered as Q0006. Given back by context_release with the same size. Any thread. */
void *context_allocate(struct quern_context *context, size_t size);
/* The same, not cleared: what is never touched takes no page. */
void *context_reserve(struct quern_context *context, size_t size);
/* memory NULL: nothing is done. */
void context_release(struct quern_context *context, void *memory, size_t size);

#endif
