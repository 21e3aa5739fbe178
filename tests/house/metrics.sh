#!/bin/sh
exec python3 "$QUERN_SOURCE/tests/house/metrics.py" "$QUERN_SOURCE"
