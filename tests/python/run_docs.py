"""Runs the recipes of a manual page: each ```qr or ```yaml block is a recipe.

usage: run_docs.py QUERN PAGE...
A plain block must have no error and no warning, and its layout must survive `fmt` twice and both translations with the
same recipe text. `warning` after the language: warnings are expected. `error CODE`: that code must be said.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

quern = sys.argv[1]
failures = 0


def run(*arguments, text=None):
    return subprocess.run([quern, *map(str, arguments)], input=text, capture_output=True, text=True)


def codes(result):
    return [d["code"] for d in json.loads(result.stdout)]


def check_block(path, wanted):
    """The reason why the block in path fails, or None."""
    result = run("check", "--format=json", path)
    if wanted.startswith("error"):
        code = wanted.split()[1]
        return None if result.returncode == 1 and code in codes(result) else f"expected {code}, saw {result.stdout}"
    if result.returncode or (codes(result) and wanted != "warning"):
        return result.stdout
    if wanted == "warning" and not codes(result):
        return "expected a warning, saw none"
    recipe = run("emit", "--stage", "recipe", path).stdout
    for spelling in ("qr", "yaml"):
        once = run("fmt", "--to", spelling, path).stdout
        again = run("fmt", "-", text=once)
        if again.stdout != once:
            return f"fmt is not idempotent in {spelling}:\n{once}\n--\n{again.stdout}{again.stderr}"
        translated = run("emit", "--stage", "recipe", "-", text=once)
        if translated.stdout != recipe:
            return f"the {spelling} form is another recipe:\n{once}\n--\n{translated.stdout}{translated.stderr}\n--\n{recipe}"
    return None


blocks = 0
for page in sys.argv[2:]:
    text = pathlib.Path(page).read_text()
    for match in re.finditer(r"^```(qr|yaml)(?: ([^\n]*))?\n(.*?)^```$", text, re.M | re.S):
        blocks += 1
        with tempfile.NamedTemporaryFile("w", suffix="." + match.group(1)) as file:
            file.write(match.group(3))
            file.flush()
            reason = check_block(file.name, match.group(2) or "")
        if reason:
            failures += 1
            print(f"{page}:{text[:match.start()].count(chr(10)) + 1}: {reason}")
print(f"{blocks} blocks, {failures} failed")
sys.exit(1 if failures or not blocks else 0)
