#!/usr/bin/env python3
"""round_trip.py QUERN RECIPE DIRECTORY [--dtype D] [--to D] [--shards N] [--layers N] [--special] [--threads N]

Makes a checkpoint, quantizes it with RECIPE, dequantizes the result and compares it with what read_ct.py makes of the
quantized files. Prints read_ct's line; exit 0: all the same."""
import argparse
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quern")
    parser.add_argument("recipe")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--to")
    parser.add_argument("--shards", default="1")
    parser.add_argument("--layers", default="1")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--special", action="store_true")
    args = parser.parse_args()
    model, quantized, floats = (args.directory / name for name in ("model", "quantized", "floats"))
    shutil.rmtree(args.directory, ignore_errors=True)
    args.directory.mkdir(parents=True)
    special = ["--special"] if args.special else []
    run(sys.executable, HERE / "make_checkpoint.py", model, "--dtype", args.dtype, "--shards", args.shards, "--layers", args.layers, *special)
    run(args.quern, "quantize", args.recipe, model, "-o", quantized, "-j", args.threads)
    run(args.quern, "dequantize", quantized, "-o", floats, *(["--dtype", args.to] if args.to else []))
    print(run(sys.executable, HERE / "read_ct.py", quantized, floats), end="")


if __name__ == "__main__":
    main()
