"""Module descriptions that are read and that are refused: every case of tests/data/modules/cases.json, with its whole message.

usage: module_cases.py QUERN SCRATCH CASES SCHEMA
A case has a name, the description as JSON or its text, and the message that ends the reading (with the status, 1 when it is
not said); without a message it is read. Each case is also validated: SCHEMA refuses what the reader refuses or warns of,
except for cases that say `"schema": true`, whose fault lies in names and not in the form.
"""
import json
import pathlib
import re
import subprocess
import sys

import jsonschema

QUERN, SCRATCH, CASES = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
SCHEMA = pathlib.Path(sys.argv[4])
RECIPE = "config c { weight int8 }\nmatch first { _ => c }\n"


def load_validator():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_tables(validator):
    """The schema has the keys of the reader's table and the dtypes of the language's."""
    source, schema = SCHEMA.parent.parent, validator.schema["$defs"]
    keys = re.findall(r'^KEY\((\w+),\s*"(\w+)"', (source / "runtime/describe_keys.def").read_text(), re.M)
    dtypes = re.findall(r'^DTYPE\(\w+,\s*"(\w+)",\s*"(\w+)"', (source / "lang/dtypes.def").read_text(), re.M)
    listed = [(record, key) for record in ("module", "state", "op", "value", "boundary") for key in schema[record]["properties"]]
    return sorted(listed) == sorted(keys) and sorted(schema["dtype"]["enum"]) == sorted(["", *(w for row in dtypes for w in row)])


def run_reader(case):
    path = SCRATCH / "m.json"
    path.write_text(case["text"] if "text" in case else json.dumps(case["description"]))
    result = subprocess.run([QUERN, "match", SCRATCH / "r.qr", "-m", path, "--subjects", "modules"], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stderr.replace(f"{path}: ", "")


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    (SCRATCH / "r.qr").write_text(RECIPE)
    cases = json.loads(CASES.read_text())
    validator = load_validator()
    is_valid = validator.is_valid
    failures = 0 if check_tables(validator) else 1
    if failures:
        print("the schema's keys or dtypes are not those of runtime/describe_keys.def and lang/dtypes.def")
    for case in cases:
        status, text = run_reader(case)
        wanted = case.get("message", "")
        wanted_status = case.get("status", 1 if "error[" in wanted else 0)
        problem = None
        if (status, text.rstrip("\n")) != (wanted_status, wanted):
            problem = f"status {status}, said {text!r}, expected {wanted!r}"
        elif "description" in case and is_valid(case["description"]) != case.get("schema", "error[" not in wanted):
            problem = "the schema says otherwise"
        if problem:
            failures += 1
            print(f"{case['name']}: {problem}")
    print(f"{len(cases)} descriptions, {failures} failures")
    sys.exit(1 if failures else 0)


main()
