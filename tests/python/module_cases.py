"""Module descriptions that are read and that are refused: every case of tests/data/modules/cases.json, with its whole message.

usage: module_cases.py QUERN SCRATCH CASES [SCHEMA]
A case has a name, the description as JSON or its text, and the message that ends the reading (with the status, 1 when it is
not said); without a message it is read. With SCHEMA and python3-jsonschema each case is also validated: the schema refuses
what the reader refuses, except for cases that say `"schema": true`, whose fault lies in names and not in the form.
"""
import json
import pathlib
import subprocess
import sys

QUERN, SCRATCH, CASES = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
SCHEMA = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
RECIPE = "config c { weight int8 }\nmatch first { _ => c }\n"


def load_validator():
    """A function from a description to whether the schema takes it, or None without the library."""
    try:
        import jsonschema
    except ImportError:
        return None
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema).is_valid


def run_reader(case):
    path = SCRATCH / "m.json"
    path.write_text(case["text"] if "text" in case else json.dumps(case["description"]))
    result = subprocess.run([QUERN, "match", SCRATCH / "r.qr", "-m", path, "--subjects", "modules"], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stderr.replace(f"{path}: ", "")


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    (SCRATCH / "r.qr").write_text(RECIPE)
    cases = json.loads(CASES.read_text())
    is_valid = load_validator() if SCHEMA else None
    failures = 0
    for case in cases:
        status, text = run_reader(case)
        wanted = case.get("message", "")
        wanted_status = case.get("status", 1 if "error[" in wanted else 0)
        problem = None
        if (status, text.rstrip("\n")) != (wanted_status, wanted):
            problem = f"status {status}, said {text!r}, expected {wanted!r}"
        elif is_valid and "description" in case and is_valid(case["description"]) != case.get("schema", "error[" not in wanted):
            problem = "the schema says otherwise"
        if problem:
            failures += 1
            print(f"{case['name']}: {problem}")
    print(f"{len(cases)} descriptions, {failures} failures" + ("" if is_valid or not SCHEMA else "; the schema was not tried: no python3-jsonschema"))
    sys.exit(1 if failures else 0)


main()
