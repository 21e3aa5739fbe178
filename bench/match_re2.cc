/* RE2::Set. Its automaton may grow to 2 GB, so that it is never thrown away in a run. */
#include <algorithm>
#include <vector>
#include <re2/re2.h>
#include <re2/set.h>
#include "bench/match.h"

namespace {

struct set {
    RE2::Set *automaton;
    std::vector<int> found;
};

const int64_t MEMORY = (int64_t)2 << 30;

void *open_set(const struct rules *rules)
{
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_max_mem(MEMORY);
    options.set_log_errors(false);
    set *self = new set{new RE2::Set(options, RE2::UNANCHORED), {}};
    for (size_t i = 0; i < rules->count; i++)
        if (self->automaton->Add(rules->items[i].regex, nullptr) < 0)
            return nullptr;
    return self->automaton->Compile() ? self : nullptr;
}

void match(void *opened, const struct quern_name *names, size_t count, int *answers)
{
    set *self = static_cast<set *>(opened);
    for (size_t i = 0; i < count; i++) {
        bool any = self->automaton->Match(re2::StringPiece(names[i].bytes, names[i].size), &self->found);
        answers[i] = any ? *std::min_element(self->found.begin(), self->found.end()) : -1;
    }
}

void close_set(void *opened)
{
    set *self = static_cast<set *>(opened);
    delete self->automaton;
    delete self;
}

}

extern "C" const struct engine re2_engine = {"RE2::Set", true, open_set, match, close_set};
