#!/bin/sh
# The differential test of patterns; skipped where there is no Python that has atomic groups (3.11).
python=$(command -v python3.11 || command -v python3) || exit 77
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || exit 77
exec "$python" "$QUERN_SOURCE/tests/diff/match_diff.py" "$QUERN_BUILD/match_probe" "${QUERN_DIFF_COUNT:-3000}" $QUERN_SEED
