#!/bin/sh
# The tables of reference cases; see tests/python/cases.py.
set -eu
exec python3 "$QUERN_SOURCE/tests/python/cases.py" "$QUERN_BUILD/quern" "$QUERN_SOURCE"/tests/cases/*.yaml
