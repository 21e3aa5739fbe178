/* Names as a stream: blocks as they come, lines cut by memchr, batches matched, answers written block by block. Memory is that of
 * a block, or of the longest line. What a pipe has sent is answered before more is waited for. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool/match_stream.h"

enum { BLOCK = 1 << 18, BATCH = 1024 }; /* bytes of a read and a write, some thousand names; names matched at once */

/* What stands behind a name: `\tCONFIG\tORIGIN\n`. */
struct tail {
    char *text;
    size_t size;
};
/* The filter's state. input[0..used) was read and not answered; output[0..written) was answered and not written. */
struct stream {
    struct tool *tool;
    quern_recipe *recipe;
    struct tail *tails; /* by rule + 1 */
    char *input, *output;
    size_t used, capacity, written;
    bool tabs; /* somewhere in the input */
    struct quern_name names[BATCH];
    size_t count;
    int rules[BATCH];
};

/* The match of a name that is known to have the rule. */
static enum quern_status make_tail(struct stream *s, const struct quern_name *name, struct tail *tail)
{
    struct quern_match match;
    enum quern_status status = quern_match_module(s->recipe, name->bytes, name->size, &match);
    if (!status) {
        int size = asprintf(&tail->text, "\t%s\t%s\n", match.config, match.origin);
        tail->size = size < 0 ? 0 : (size_t)size;
        status = size < 0 ? QUERN_LIMIT : QUERN_OK;
    }
    return status;
}

/* Errors of stdout are found at the end, by tool_flush. */
static void flush(struct stream *s)
{
    fwrite(s->output, 1, s->written, stdout);
    s->written = 0;
}

/* What is longer than the buffer goes around it. */
static void put(struct stream *s, const char *bytes, size_t size)
{
    if (size > BLOCK - s->written)
        flush(s);
    if (size > BLOCK) {
        fwrite(bytes, 1, size, stdout);
        return;
    }
    memcpy(s->output + s->written, bytes, size);
    s->written += size;
}

/* Objects are made one by one: JSON costs more than matching. */
static enum quern_status answer_json(struct stream *s, const struct quern_name *name)
{
    struct quern_match match;
    enum quern_status status = quern_match_module(s->recipe, name->bytes, name->size, &match);
    if (!status)
        tool_answer_match(s->tool, name->bytes, name->size, &match);
    return status;
}

/* The text behind a rule's names is made once. Names are the input's own bytes, still in their place. */
static enum quern_status answer_batch(struct stream *s)
{
    enum quern_status status = s->tool->json ? QUERN_OK : quern_match_batch(s->recipe, s->names, s->count, s->rules);
    for (size_t i = 0; i < s->count && !status; i++) {
        if (s->tool->json) {
            status = answer_json(s, &s->names[i]);
            continue;
        }
        /* -1, no rule, is the first. */
        struct tail *tail = &s->tails[s->rules[i] + 1];
        status = tail->text ? QUERN_OK : make_tail(s, &s->names[i], tail);
        put(s, s->names[i].bytes, s->names[i].size);
        put(s, tail->text, tail->size);
    }
    s->count = 0;
    return status;
}

/* A line without its end: up to the first tab. */
static enum quern_status add_line(struct stream *s, char *line, size_t size)
{
    size -= size && line[size - 1] == '\r';
    const char *tab = s->tabs ? memchr(line, '\t', size) : NULL;
    size = tab ? (size_t)(tab - line) : size;
    line[size] = 0; /* there is an end or a tab, or the block's last byte, which is kept free */
    s->names[s->count++] = (struct quern_name){line, size};
    return s->count == BATCH ? answer_batch(s) : QUERN_OK;
}

/* Answers every whole line of the input; what is left moves to the front. */
static enum quern_status take_lines(struct stream *s, bool last)
{
    char *line = s->input, *limit = s->input + s->used, *end;
    enum quern_status status = QUERN_OK;
    /* Asked once a block: most inputs have no tab at all. */
    s->tabs = memchr(line, '\t', s->used) != NULL;
    for (; !status && line < limit && (end = memchr(line, '\n', (size_t)(limit - line))); line = end + 1)
        status = add_line(s, line, (size_t)(end - line));
    if (!status && last && line < limit) {
        status = add_line(s, line, (size_t)(limit - line));
        line = limit;
    }
    status = status ? status : answer_batch(s);
    s->used = (size_t)(limit - line);
    /* At most one line without its end, and short: names are. */
    memmove(s->input, line, s->used);
    flush(s);
    fflush(stdout);
    return status;
}

/* One byte stays free behind the input, for the NUL of a last line. A line longer than the buffer doubles it. */
static bool make_room(struct stream *s)
{
    if (s->used + 1 < s->capacity)
        return true;
    char *larger = realloc(s->input, 2 * s->capacity);
    if (!larger)
        return false;
    s->input = larger;
    s->capacity *= 2;
    return true;
}

/* Larger pipes mean fewer switches between processes; the size asked for may be refused. At the end (got 0) a last line without
 * a newline is answered too. */
static enum quern_status run(struct stream *s, int file)
{
    enum quern_status status = QUERN_OK;
#ifdef F_SETPIPE_SZ
    fcntl(file, F_SETPIPE_SZ, BLOCK); /* what is no pipe, or may not grow, stays as it is */
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, BLOCK);
#endif
    for (ssize_t got = 1; got && !status;) {
        if (!make_room(s))
            return QUERN_LIMIT;
        got = read(file, s->input + s->used, s->capacity - s->used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return QUERN_IO;
        s->used += (size_t)got;
        status = take_lines(s, !got);
    }
    return status;
}

/* One allocation failing frees the others. */
enum quern_status match_stream(struct tool *tool, quern_recipe *recipe, int file)
{
    size_t rules = quern_rule_count(recipe);
    struct stream *s = calloc(1, sizeof *s);
    enum quern_status status = QUERN_LIMIT;
    if (s) {
        s->tool = tool;
        s->recipe = recipe;
        s->capacity = BLOCK;
        s->input = malloc(s->capacity);
        s->output = malloc(BLOCK);
        s->tails = calloc(rules + 1, sizeof *s->tails);
        if (s->input && s->output && s->tails)
            status = run(s, file);
        for (size_t i = 0; s->tails && i <= rules; i++)
            free(s->tails[i].text);
        free(s->tails);
        free(s->input);
        free(s->output);
    }
    free(s);
    return status;
}
