/* Fuzz target: any bytes as a regex, read as fullmatch, match and search; see fuzz_match.h. */
#include "tests/fuzz/fuzz_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_pattern(data, size, (const enum atom[]){ATOM_re, ATOM_re_prefix, ATOM_re_search}, 3);
    return 0;
}
