"""`match specific` against torchao's own rules, on random dictionaries and random models.

usage: torchao_random.py QUERN SCRATCH [COUNT [SEED]]
decide() is _fqn_to_config_handler of torchao 0.19 (steps 1 to 5), without its bug of removing parameters by position; the
documented reading is the one where the first parameter regex wins. The seed is printed.
"""
import json
import pathlib
import random
import re
import subprocess
import sys
import time

QUERN, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2])
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 60
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else time.time_ns() % 1000000007
CONFIGS = {"mx": "float8_e4m3fn", "mx_2": "float8_e5m2", "mx_3": "float4_e2m1fn_x2"}
REGEXES = ["a.*", ".*b", ".*weight", ".*bias", r"(a|c)\.b.*", r"c\.[ab]", ".+", r".*\.(a|b)\.weight", "[abc]", r"b\.(weight|bias)"]
LINEAR = ["torch.nn.modules.linear.Linear", "torch.nn.Linear"]


def config_json(name):
    dtype = {"_type": "torch.dtype", "_data": CONFIGS[name]}
    return {"_type": "MXDynamicActivationMXWeightConfig", "_version": 1, "_data": {"weight_dtype": dtype, "activation_dtype": dtype}}


def random_model(rng):
    """Module paths with whether each is a Linear and its parameters; containers have none."""
    model = {}
    for path in ["a", "b", "c.a", "c.b", "c.c"]:
        if rng.random() < 0.8:
            model[path] = (rng.random() < 0.7, ["weight", "bias"][:rng.randint(1, 2)])
    return model or {"a": (True, ["weight"])}


def random_dictionary(rng, model):
    exact = list(model) + [f"{m}.{p}" for m, (_, ps) in model.items() for p in ps] + ["nobody"]
    keys = [rng.choice(exact) if rng.random() < 0.4 else "re:" + rng.choice(REGEXES) for _ in range(rng.randint(1, 6))]
    if rng.random() < 0.5:
        keys.insert(rng.randrange(len(keys) + 1), "_default")
    return {key: rng.choice([None, *CONFIGS]) for key in keys}


def decide(dictionary, module, linear, parameters, doc):
    """What each parameter is shown with: configs joined by +, skip or -."""
    regexes = [(key[3:], value) for key, value in dictionary.items() if key.startswith("re:")]
    applied, skipped, found = {p: [] for p in parameters}, set(), False
    shielded = set()
    for p in parameters:  # step 1
        if f"{module}.{p}" in dictionary:
            found, value = True, dictionary[f"{module}.{p}"]
            if value is None:
                shielded.add(p)
            else:
                applied[p].append(value)
    if not found and module in dictionary:  # step 2
        return {p: dictionary[module] or "skip" for p in parameters}
    for p in parameters:  # step 3
        for regex, value in regexes if p not in shielded else []:
            if not re.fullmatch(regex, f"{module}.{p}"):
                continue
            found = True
            if doc and (applied[p] or p in skipped):
                continue
            if value is None:
                skipped.add(p)
            else:
                applied[p].append(value)
    if found:
        return {p: "+".join(applied[p]) or ("skip" if p in skipped | shielded else "-") for p in parameters}
    for regex, value in regexes:  # step 4
        if re.fullmatch(regex, module):
            return {p: value or "skip" for p in parameters}
    value = dictionary.get("_default") if linear else None  # step 5
    return {p: value or "-" for p in parameters}


def describe(model):
    modules = [{"path": path, "class": ["tests.Container"], "bases": ["torch.nn.Module"]} for path in ("", "c")]
    for path, (linear, parameters) in model.items():
        states = [{"name": p, "dtype": "F32", "shape": [32]} for p in parameters]
        modules.append({"path": path, "class": LINEAR if linear else ["tests.Other"], "bases": ["torch.nn.Module"], "parameters": states})
    return {"format": "quern-modules", "version": 1, "modules": modules}


def run(*arguments):
    done = subprocess.run([QUERN, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def one(rng):
    """A random case; what is wrong with it, or None."""
    model = random_model(rng)
    dictionary = random_dictionary(rng, model)
    names = {}  # configs are named in the order in which they are first met
    for value in dictionary.values():
        if value and value not in names:
            names[value] = ["mx", "mx_2", "mx_3"][len(names)]
    file, recipe, modules = SCRATCH / "f.json", SCRATCH / "f.qr", SCRATCH / "m.json"
    file.write_text(json.dumps({"_type": "FqnToConfig", "_version": 1, "_data": {
        "fqn_to_config": {key: value and config_json(value) for key, value in dictionary.items()}}}))
    modules.write_text(json.dumps(describe(model)))
    text = run("import", file)
    for doc in (False, True):
        recipe.write_text(text.replace("match specific {", "match specific compat doc {") if doc else text)
        got = dict(line.split("\t")[:2] for line in run("match", recipe, "-m", modules).splitlines())
        named = {key: value and names[value] for key, value in dictionary.items()}
        wanted = {f"{m}.{p}": shown for m, (linear, ps) in model.items() for p, shown in decide(named, m, linear, ps, doc).items()}
        if got != wanted:
            return f"{dictionary} on {model} ({'doc' if doc else 'code'}):\n  expected {wanted}\n  saw      {got}"
    return None


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    for number in range(COUNT):
        fault = one(rng)
        if fault:
            print(f"seed {SEED}, case {number}: {fault}")
            sys.exit(1)
    print(f"{COUNT} dictionaries alike, seed {SEED}")


main()
