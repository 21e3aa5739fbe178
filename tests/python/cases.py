"""Runs the tables of reference cases, tests/cases/*.yaml: what another system does, and what Quern does.

usage: cases.py QUERN TABLE...          prints one line a table and every row that fails; exits 1 when any does

A table is a YAML mapping:
  system: torchao                  whose cases these are
  source: torchao 0.19             where the reference's results come from
  complete: [G1-G60, J1]           the rows there must be, each exactly once
  defaults: {model: two.json}      what rows have unless they say otherwise
  cases:                           the rows, in order
A row:
  id: G1                           its number in the reference's list
  reference: linear1.weight=A      what the reference does, in words
  recipe: TEXT                     the recipe or the other system's file; or `file: NAME`, below tests/cases
  model: NAME                      a model below tests/cases/models; or `names: [a.b, …]`, module paths
  run: match                       the command (match); `options: [--subjects, modules]` are added to it
  expect: {linear1.weight: A}      match: NAME to CONFIG, every name that is printed unless `partial: true`;
                                   plan: TENSOR to spec, config, reason or bytes, whichever is equal (with --ops: OP SLOT to
                                   the same, the beginning of the spec, or `none`);
                                   other commands: a list of lines that must stand in the output in this order
  codes: [Q1111]                   diagnostics that must be reported; no other error may be
  exit: 1                          the exit status (0; 1 when `codes` holds an error)
  differs: WHY                     why Quern's result is another than the reference's
  not_applicable: WHY              why the row means nothing outside the reference's own program; then nothing is run
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent / "cases"
KEYS = {"id", "title", "reference", "recipe", "file", "model", "names", "run", "options", "expect", "partial", "codes", "exit",
        "differs", "not_applicable"}


def spread(names):
    """G1-G3 as G1, G2, G3."""
    for name in names:
        ends = re.fullmatch(r"([A-Za-z.]*)(\d+)-([A-Za-z.]*)(\d+)", str(name))
        if ends:
            yield from (f"{ends[1]}{n}" for n in range(int(ends[2]), int(ends[4]) + 1))
        else:
            yield str(name)


def command_of(quern, row, folder):
    """The command line of a row and its standard input."""
    name = pathlib.Path(row.get("file", "recipe"))
    text = row["recipe"] if "recipe" in row else (ROOT / name).read_text()
    path = pathlib.Path(folder) / name.name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    command = [quern, row.get("run", "match"), str(path)]
    if row.get("model"):
        command += ["-m", str(ROOT / "models" / row["model"])]
    if row.get("run") == "plan":
        command += ["--format", "json"]
    command += [str(option) for option in row.get("options", [])]
    return command, "".join(f"{n}\n" for n in row.get("names", []))


def check_match(row, output):
    got = {}
    for line in output.splitlines():
        name, config, _ = line.split("\t")
        got[name] = config
    wanted = {str(name): str(config) for name, config in row["expect"].items()}
    if row.get("partial"):
        got = {name: config for name, config in got.items() if name in wanted}
    return [f"{n or '(root)'}: expected {wanted.get(n, 'nothing')}, saw {got.get(n, 'nothing')}"
            for n in {**wanted, **got} if wanted.get(n) != got.get(n)]


def check_ops(row, ops):
    """OP SLOT to a spec or its first word, config or reason; `none`: no spec."""
    rows = {f"{r['op']} {r['slot']}": r for r in ops}
    says = {name: {r["spec"] or "none", (r["spec"] or "none").split()[0], r["config"], r["reason"], r["schedule"]} for name, r in rows.items()}
    return [f"{name}: expected {wanted}, saw {rows.get(name)}" for name, wanted in row["expect"].items()
            if str(wanted) not in says.get(name, ()) and not str(rows.get(name, {}).get("spec")).startswith(f"{wanted} ")]


def check_plan(row, output):
    if "ops" in json.loads(output):
        return check_ops(row, json.loads(output)["ops"])
    rows = {r["tensor"]: r for r in json.loads(output)["tensors"]}
    return [f"{name}: expected {wanted}, saw {rows.get(name)}" for name, wanted in row["expect"].items()
            if name not in rows or str(wanted) not in (str(rows[name][key]) for key in ("spec", "config", "reason", "bytes_after"))]


def check_lines(row, output):
    lines = iter(output.splitlines())
    for wanted in row["expect"]:
        if not any(wanted in line for line in lines):
            return [f"expected a line with `{wanted}` in the output:\n{output}"]
    return []


def faults(quern, row):
    """What is wrong with a row's run, as lines."""
    with tempfile.TemporaryDirectory() as folder:
        command, text = command_of(quern, row, folder)
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=120, env={**os.environ, "NO_COLOR": "1"})
    said = done.stderr.decode("utf-8", "replace")
    severities = re.findall(r"(error|warning|note)\[(Q\d+)\]", said)
    severities += [(severity, code) for code, severity in re.findall(r'"code": "(Q\d+)",\s*"severity": "(\w+)"', said)]
    errors, every = {code for severity, code in severities if severity == "error"}, {code for _, code in severities}
    codes = set(row.get("codes", []))
    wrong = [f"expected {code} to be reported" for code in sorted(codes - every)]
    wrong += [f"unexpected error {code}" for code in sorted(errors - codes)]
    status = row.get("exit", 1 if errors & codes else 0)
    if done.returncode != status:
        wrong.append(f"expected exit status {status}, saw {done.returncode}")
    if "expect" in row and not wrong:
        check = {"match": check_match, "plan": check_plan}.get(row.get("run", "match"), check_lines)
        wrong += check(row, done.stdout.decode("utf-8", "replace"))
    return wrong + [said] if wrong else []


def shape_faults(row):
    """A row that could not fail is a fault of the table."""
    wrong = [f"there is no key `{key}`" for key in row if key not in KEYS]
    if "reference" not in row:
        wrong.append("the reference's result is missing")
    if "not_applicable" not in row and not ("expect" in row or "codes" in row):
        wrong.append("a row expects something or is not applicable")
    return wrong


def run_table(quern, path):
    table = yaml.safe_load(pathlib.Path(path).read_text())
    counts, failed, seen = {"alike": 0, "differ": 0, "not applicable": 0}, 0, []
    for row in table["cases"]:
        row = {**table.get("defaults", {}), **row} if "not_applicable" not in row else row
        seen.append(str(row["id"]))
        wrong = shape_faults(row) or ([] if "not_applicable" in row else faults(quern, row))
        kind = "not applicable" if "not_applicable" in row else "differ" if "differs" in row else "alike"
        counts[kind] += 1
        if wrong:
            failed += 1
            print(f"FAILED {table['system']} {row['id']}: " + "\n    ".join(wrong))
    wanted = list(spread(table["complete"]))
    for name in sorted({n for n in wanted + seen if wanted.count(n) != 1 or seen.count(n) != 1}):
        failed += 1
        print(f"FAILED {table['system']} {name}: in the list {wanted.count(name)} times, in the table {seen.count(name)}")
    print(f"{table['system']}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return len(seen) - counts["not applicable"] - failed, failed


def main():
    totals = [run_table(sys.argv[1], path) for path in sys.argv[2:]]
    passed, failed = (sum(column) for column in zip(*totals)) if totals else (0, 1)
    print(f"[  PASSED  ] {max(passed, 0)} test(s).")
    if failed:
        print(f"[  FAILED  ] cases: {failed} test(s)")
    return 1 if failed else 0


sys.exit(main())
