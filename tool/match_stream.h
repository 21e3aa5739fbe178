/* `quern match` over a file of module paths: a filter from lines to lines. */
#ifndef QUERN_TOOL_MATCH_STREAM_H
#define QUERN_TOOL_MATCH_STREAM_H

#include "tool/tool.h"

/* Answers every line of the file up to its first tab, in order. An answer is written before more input is waited for. QUERN_IO:
 * errno says why the file cannot be read; QUERN_LIMIT: no memory. Nothing is closed. */
enum quern_status match_stream(struct tool *tool, quern_recipe *recipe, int file);
/* One answer of `match`, as text (`NAME\tCONFIG\tORIGIN`) or as an object a line. name has size bytes and a NUL behind them. */
void tool_answer_match(struct tool *tool, const char *name, size_t size, const struct quern_match *match);

#endif
