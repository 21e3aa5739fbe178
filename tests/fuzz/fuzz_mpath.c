/* Fuzz target: any bytes as an mpath query on names; see fuzz_match.h. */
#include "tests/fuzz/fuzz_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_pattern(data, size, (const enum atom[]){ATOM_mpath}, 1);
    return 0;
}
