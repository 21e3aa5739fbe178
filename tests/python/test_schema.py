"""The JSON Schema of the YAML form against the recipes that Quern takes and refuses.

usage: test_schema.py QUERN SOURCE
Takes: every YAML block of docs/yaml.md that Quern takes, every recipe of tests/recipes and examples/recipes, translated when
it is .qr. Refuses: FAULTS, each of which Quern reports, too.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

quern, source = sys.argv[1], pathlib.Path(sys.argv[2])
WHOLE = "configs: {w: {weight: int8}}\nmatchers: {a: {config: w, type: glob, pattern: '*', enabled: true}}\n"
FAULTS = [
    WHOLE + "matcher: {}\n",
    "configs: {w: {weight: {format: int8, schem: symmetric}}}\n",
    "configs: {w: {weight: {scheme: symmetric}}}\n",
    "configs: {w: {weight: {format: int8, scheme: symetric}}}\n",
    "configs: {w: {weight: {format: int8, granularity: {grup: 32}}}}\n",
    "configs: {w: {weight: {format: int8, round: evn}}}\n",
    "configs: {w: {weight: {format: int8, static: [1]}}}\n",
    "configs: {w: {weight: {format: int8, scale: {format: f16, pow2: flor}}}}\n",
    "configs: {w: {weight: {format: int8, eps: -1}}}\n",
    "configs: {w: {weight: 8}}\n",
    "configs: {w: {weight: int8, module: {weigth: int8}}}\n",
    WHOLE.replace("glob", "globb"),
    WHOLE.replace("pattern: '*', ", ""),
    WHOLE.replace("enabled", "enable"),
    WHOLE.replace("'*'", "7"),
    WHOLE + "policy: frist\n",
    WHOLE + "schedules: {s: {enable_observer: -1}}\n",
    WHOLE + "prepare: [{equalise: {iterations: 20}}]\n",
    WHOLE + "algorithm: [{gptq: {act_order: 3}}]\n",
    WHOLE + "expect: [{module: a}]\n",
    WHOLE + "groups: {g: a}\n",
    "- a\n",
]


def run(*arguments, text=None):
    return subprocess.run([quern, *map(str, arguments)], input=text, capture_output=True, text=True)


def as_json(value):
    """Keys of JSON are strings."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def taken():
    """(name, YAML text) of recipes without errors or warnings about keys."""
    blocks = re.findall(r"^```yaml(?: warning)?\n(.*?)^```", (source / "docs/yaml.md").read_text(), re.M | re.S)
    yield from ((f"docs/yaml.md block {i}", block) for i, block in enumerate(blocks))
    for folder in ("tests/recipes", "examples/recipes"):
        for path in sorted((source / folder).glob("*")):
            if path.suffix in (".qr", ".yaml"):
                yield path.name, run("fmt", "--to", "yaml", path).stdout


def main():
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed = count = 0
    for name, text in taken():
        count += 1
        faults = list(validator.iter_errors(as_json(yaml.safe_load(text)))) if text.strip() else ["no text"]
        if faults:
            failed += 1
            print(f"FAILED {name}: {faults[0]}")
    for text in FAULTS:
        count += 1
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            said = run("check", "--format", "json", file.name)
        if validator.is_valid(as_json(yaml.safe_load(text))):
            failed += 1
            print(f"FAILED the schema takes\n{text}")
        if not any(d["severity"] != "note" for d in json.loads(said.stdout)):
            failed += 1
            print(f"FAILED Quern says nothing about\n{text}")
    print(f"[  PASSED  ] {count - failed} test(s)." if not failed else f"[  FAILED  ] test_schema: {failed} test(s)")
    return 1 if failed else 0


sys.exit(main())
