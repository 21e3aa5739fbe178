"""Every stage's text reads back to the same bytes; layout is stable; both spellings are the same recipe.

usage: roundtrip.py QUERN RECIPE...
"""
import subprocess
import sys

QUERN = sys.argv[1]
SPECS = ["int8 per tensor", "int8 asymmetric per token", "int4 per group(32) scale f16", "int4 per group(128) scale bf16 pack i32",
         "int3 per channel(0)", "int5 symmetric narrow per channel(1)", "uint4 asymmetric per group(64, 0) scale f16",
         "fp8 per channel(0) scale bf16", "fp8_e5m2 per tensor", "mxfp8", "mxfp4", "mxfp6_e3m2", "nvfp4", "bf16", "f16"]
OPS = ["quantize_dynamic", "quantize", "dequantize", "error"]
failures = checks = 0


def run(*arguments, text=None):
    result = subprocess.run([QUERN, *arguments], input=text, capture_output=True, text=True)
    return result.stdout if result.returncode == 0 else f"status {result.returncode}\n{result.stderr}"


def same(what, a, b):
    global failures, checks
    checks += 1
    if a != b or a.startswith("status "):
        failures += 1
        print(f"{what}:\n{a[:1500]}\n-- again --\n{b[:1500]}")


for path in sys.argv[2:]:
    for stage in ("ast", "recipe", "automaton"):
        text = run("emit", "-q", "--stage", stage, path)
        same(f"{path} {stage}", text, run("emit", "-q", "-x", stage, "-", text=text))
    recipe = run("emit", "-q", "--stage", "recipe", path)
    for spelling in ("qr", "yaml"):
        once = run("fmt", "-q", "--to", spelling, path)
        same(f"{path} fmt {spelling}", once, run("fmt", "-q", "-", text=once))
        same(f"{path} as {spelling}", recipe, run("emit", "-q", "--stage", "recipe", "-", text=once))
for spec in SPECS:
    for op in OPS:
        if op == "quantize" and spec == "nvfp4":
            continue
        for extra in ([], ["--scalar"], ["--target", "x86-64"], ["--dtype", "bf16"], ["--after", "fold"]):
            text = run("emit", "-q", "--stage", "kernel", "--spec", spec, "--op", op, *extra, sys.argv[2])
            same(f"{op} {spec} {extra}", text, run("emit", "-q", "-x", "kernel", "-", text=text))
print(f"{checks} texts, {failures} failed")
sys.exit(1 if failures or not checks else 0)
