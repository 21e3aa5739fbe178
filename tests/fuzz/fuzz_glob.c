/* Fuzz target: any bytes as a glob, and as the plain atoms on names; see fuzz_match.h. */
#include "tests/fuzz/fuzz_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_pattern(data, size, (const enum atom[]){ATOM_glob, ATOM_contains, ATOM_under, ATOM_name}, 4);
    return 0;
}
