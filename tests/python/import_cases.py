"""Files of another system that are read and that are refused: every case of a list, with everything that is said.

usage: import_cases.py QUERN SCRATCH SYSTEM CASES [--export] [--write]
A case is `=== name`, the file, `---`, and what `quern import --from SYSTEM in.yaml` prints: messages first, then the recipe.
The exit status is 1 (4 at a limit) when there is an error among the messages, else 0. What is printed must itself load, and print the same recipe
as the file does. --export: what is written for the system again must be proved to do the same. --write writes the list anew from what is said now.
"""
import pathlib
import re
import subprocess
import sys

QUERN, SCRATCH, SYSTEM, CASES = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])


def quern(*arguments):
    return subprocess.run([str(pathlib.Path(QUERN).resolve()), *arguments], cwd=SCRATCH, capture_output=True, text=True, timeout=60)


def fault_of_export():
    exported = quern("export", "out.qr", "--to", SYSTEM)
    (SCRATCH / "again.yaml").write_text(exported.stdout)
    proof = quern("diff", "in.yaml", "again.yaml")
    return f"export: {exported.stderr}{exported.stdout}{proof.stdout}{proof.stderr}" if exported.returncode or proof.returncode else None


def said_of(text):
    """What the import says, and what is wrong with it whatever was expected."""
    (SCRATCH / "in.yaml").write_text(text)
    done = quern("import", "--from", SYSTEM, "in.yaml")
    if done.returncode:
        fault = None if done.returncode in (1, 4) and "error[" in done.stderr and not done.stdout else f"exit status {done.returncode}"
        return done.stderr, fault
    (SCRATCH / "out.qr").write_text(done.stdout)
    again = quern("import", "--from", SYSTEM, "in.yaml"), quern("emit", "--stage", "recipe", "out.qr")
    fault = None
    if again[1].returncode:
        fault = f"what is printed does not load: {again[1].stderr}"
    elif again[0].stdout != done.stdout:
        fault = "a second import prints something else"
    elif "--export" in sys.argv:
        fault = fault_of_export()
    return done.stderr + done.stdout, fault


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    written, failures, count = [], 0, 0
    for case in re.split(r"^=== ", CASES.read_text(), flags=re.M)[1:]:
        name, rest = case.split("\n", 1)
        text, wanted = re.split(r"^---\n", rest, maxsplit=1, flags=re.M)
        said, fault = said_of(text)
        written.append(f"=== {name}\n{text}---\n{said}")
        count += 1
        if fault or (said != wanted and "--write" not in sys.argv):
            failures += 1
            print(f"{name}: {fault or 'said'}\n{said}\nexpected\n{wanted}")
    if "--write" in sys.argv:
        CASES.write_text("".join(written))
    print(f"{count} files, {failures} failures")
    sys.exit(1 if failures or not count else 0)


main()
