#!/bin/sh
# Replays every fuzz target's corpus; fails when one crashes or has no seed.
status=0
for target in $FUZZ_TARGETS; do
    printf '%s: ' "$target"
    "$QUERN_BUILD/fuzz_$target" $FUZZ_REPLAY_FLAGS "$QUERN_SOURCE/tests/fuzz/corpus/$target" || { echo "FAILED $target"; status=1; }
done
exit $status
