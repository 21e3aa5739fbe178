"""torchao's files through `quern export --to torchao`: every line of a list is written and read again.

usage: torchao_export.py QUERN SCRATCH FILES
A line is a file's JSON; one that begins with `~` need not come back as the same JSON. What is written must read as the same recipe
as the file and as the recipe that `quern import` makes of the file, and must be the same JSON, keys in order.
"""
import json
import pathlib
import subprocess
import sys

QUERN, SCRATCH, FILES = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def quern(*arguments):
    done = subprocess.run([QUERN, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"quern {arguments[0]}: {done.stderr}")
    return done.stdout


def fault_of(text, same):
    """What is wrong with one file's way there and back, or None."""
    file, qr, back = SCRATCH / "f.json", SCRATCH / "f.qr", SCRATCH / "back.json"
    file.write_text(text)
    qr.write_text(quern("import", file))
    written = quern("export", file, "--to", "torchao")
    back.write_text(written)
    recipe = quern("emit", "--stage", "recipe", file)
    if same and json.dumps(json.loads(written)) != json.dumps(json.loads(text)):
        return f"came back as {written}"
    if quern("emit", "--stage", "recipe", back) != recipe:
        return "what is written is another recipe"
    if quern("emit", "--stage", "recipe", qr) != recipe:
        return "what is imported is another recipe"
    if quern("export", qr, "--to", "torchao") != written:
        return "the imported recipe is written differently"
    return None


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    failures, lines = 0, FILES.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            fault = fault_of(line.lstrip("~"), not line.startswith("~"))
        except RuntimeError as error:
            fault = str(error)
        if fault:
            failures += 1
            print(f"line {number}: {fault}")
    print(f"{len(lines)} files, {failures} failures")
    sys.exit(1 if failures or not lines else 0)


main()
