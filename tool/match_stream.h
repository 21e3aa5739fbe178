/* `quern match` over a file of module paths. */
#ifndef QUERN_TOOL_MATCH_STREAM_H
#define QUERN_TOOL_MATCH_STREAM_H

#include "tool/tool.h"

/* Every line of the file up to its first tab. QUERN_IO: errno says why it cannot be read. */
enum quern_status match_stream(struct tool *tool, quern_recipe *recipe, int file);
/* One answer of `match`, as text or as an object a line. name has size bytes and a NUL behind them. */
void tool_answer_match(struct tool *tool, const char *name, size_t size, const struct quern_match *match);

#endif
