#!/bin/sh
# Runs the text tests with LLVM's lit; its site configuration says where things are.
set -eu
[ -n "$LLVM_TOOLS" ] || { echo "FAILED: no FileCheck and lit found; install llvm-19-tools"; exit 1; }
mkdir -p "$QUERN_BUILD/tests/lit"
site=$QUERN_BUILD/tests/lit/lit.site.cfg.py
cat >"$site" <<EOF
config.quern_source = "$QUERN_SOURCE"
config.quern_build = "$QUERN_BUILD"
config.llvm_tools = "$LLVM_TOOLS"
config.sanitizers = $QUERN_SANITIZERS == 1
lit_config.load_config(config, "$QUERN_SOURCE/tests/lit/lit.cfg.py")
EOF
lit=$LLVM_TOOLS/../build/utils/lit/lit.py
exec python3 "$lit" -v -j"$(nproc)" "$QUERN_BUILD/tests/lit"
