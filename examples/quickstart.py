"""Takes examples/tinylm through every recipe below and prints one table; plots quality against size.

usage: quickstart.py QUERN TINYLM OUT
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
RECIPES = ["int8", "fp8", "mxfp8", "int4-g32", "int4-g128", "nvfp4", "mxfp4", "mixed"]

PLOT = """
set terminal svg size 720,480 font "sans,12" background "white"
set output "{out}/quality.svg"
set title "tinylm: held-out perplexity and size, by recipe"
set xlabel "bits per weight (whole checkpoint)"
set ylabel "perplexity"
set grid
set key off
set offsets graph 0.12, graph 0.12, graph 0.1, graph 0.1
plot "{out}/quality.dat" using 2:3 with points pointtype 7 pointsize 0.9 linecolor rgb "#2060a0", \
     "" every 3::0 using 2:3:1 with labels offset 0,0.9, \
     "" every 3::1 using 2:3:1 with labels offset 0,-0.9, \
     "" every 3::2 using 2:3:1 with labels left offset 1,0
"""


def run(*command):
    """The command's standard output; its messages go to the terminal."""
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def tensor_bytes(folder):
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def main():
    quern, tinylm, out = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    model = HERE / "tinylm"

    print("\n== the plan of one recipe: what each tensor gets, before any data is read (quern plan)\n", flush=True)
    print(run(quern, "plan", HERE / "recipes" / "mixed.qr", "-m", model))

    original = json.loads(run(tinylm, "--json", model, model / "heldout.txt"))
    size = tensor_bytes(model)
    plan = json.loads(run(quern, "plan", "--format=json", HERE / "recipes" / "int8.qr", "-m", model))
    elements = plan["totals"]["elements"]
    rows = [("original", size, 8 * size / elements, None, original["perplexity"])]
    for name in RECIPES:
        report = json.loads(run(quern, "quantize", "--force", "--format=json", HERE / "recipes" / f"{name}.qr", model, "-o", out / name))
        result = json.loads(run(tinylm, "--json", out / name, model / "heldout.txt"))
        size = tensor_bytes(out / name)
        rows.append((name, size, 8 * size / elements, report["sqnr_db"], result["perplexity"]))
        print(f"quantized with {name}", file=sys.stderr, flush=True)

    print(f"== tinylm, {elements / 1e6:.2f} M parameters; a trigram model's perplexity on the same text: "
          f"{original['trigram_perplexity']:.3f}\n")
    print(f"{'RECIPE':<12}{'SIZE':>10}{'BITS/WEIGHT':>13}{'SQNR':>11}{'PERPLEXITY':>12}{'CHANGE':>9}")
    for name, size, bits, sqnr, perplexity in rows:
        change = 100 * (perplexity / rows[0][4] - 1)
        error = f"{sqnr:.2f} dB" if sqnr is not None else "-"
        print(f"{name:<12}{size / 1e6:>7.2f} MB{bits:>13.2f}{error:>11}{perplexity:>12.4f}{change:>+8.2f}%")
    # in order of size, so that neighbours get their labels on different sides
    lines = [f'"{name}" {bits:.4f} {perplexity:.6f}\n' for name, _, bits, _, perplexity in sorted(rows, key=lambda row: row[2])]
    (out / "quality.dat").write_text("".join(lines))
    subprocess.run(["gnuplot"], input=PLOT.format(out=out), text=True, check=True)
    print(f"\nplot: {out}/quality.svg; checkpoints: {out}/<recipe>/")


main()
