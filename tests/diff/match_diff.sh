#!/bin/sh
# The differential test of patterns: 10,000 patterns and 120,000 names by default (QUERN_DIFF_COUNT), with a fresh seed that is
# printed; QUERN_SEED repeats a run. Skipped where there is no Python that has atomic groups (3.11).
python=$(command -v python3.11 || command -v python3) || exit 77
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || exit 77
exec "$python" "$QUERN_SOURCE/tests/diff/match_diff.py" "$QUERN_BUILD/match_probe" "${QUERN_DIFF_COUNT:-10000}" $QUERN_SEED
