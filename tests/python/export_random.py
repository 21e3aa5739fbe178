"""Random recipes that a system's files can say: exported, imported again, and proved to do the same, with a fresh seed.

usage: export_random.py QUERN SCRATCH COUNT [SEED]
An export may refuse a recipe (Q1103); of every system some must go through.
"""
import pathlib
import random
import subprocess
import sys
import time

QUERN, SCRATCH, COUNT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), int(sys.argv[3])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else time.time_ns() % 1000000
R = random.Random(SEED)

NAMES = ["model.layers.0.mlp.up_proj", "lm_head", "a.b", "x*y", "q[0]", "h.1.attn", "é.ü", "a b", "\\d", "{p}", "#x", "~y", "Linear", "re:x",
         "on", "1", "a:b", "a|b", "(x)", "^a$", "_default"]
GLOBS = ["*mlp*", "*.q_proj", "model.layers.[0-3].*", "lm_head", "*", "?x", "[!a]*", "a{b}", "*[*]*", "[", "*layers.1*", "**", "a.b"]
REGEXES = [r"model\.layers\.\d+\..*", ".*proj", "lm_head", "(?!.*visual).*_proj", "a|b", "(?i)X.*", r".*\.(q|k)_proj", "x{2,3}", r"\w+", r"a\.b"]
QUERIES = ["**/mlp/*", "a/{b,c}/**", "**/[qtag:parameter/weight, x]", r"*/~relu/[re:q_.*\]]", "**"]
LEAST = " eps 1.1920928955078125e-07"  # coreai_opt's least scale
COREAI = ["int4 symmetric per group(32, 1)" + LEAST, "int8 symmetric narrow per channel(0)" + LEAST, "uint8 asymmetric per tensor" + LEAST, "coreai.w8",
          "fp4_e2m1 per group(32, 1) scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", "int8 symmetric per block(2, 4)" + LEAST]
COREAI_INPUTS = ["coreai.default_activation", "uint8 asymmetric per tensor range global_minmax static" + LEAST, "none"]
COMPRESSED = ["int4 per group(128)", "int8 per channel(0)", "fp8_e4m3 per channel(0)", "mxfp4", "nvfp4", "mxfp8", "int4 asymmetric per group(64)",
              "fp8_e4m3 per block(128, 128)", "int4 per group(128) scale bf16", "int4 per group(128) range mse"]
MODELOPT = [("fp8_e4m3 per tensor", "fp8_e4m3 per tensor static"), ("mxfp8", "mxfp8"), ("fp8_e4m3 per channel(0)", "fp8_e4m3 per token dynamic"),
            ("fp4_e2m1 per group(16) scale fp8_e4m3 second f32", "fp4_e2m1 per group(16) scale fp8_e4m3 second f32"), ("int8 symmetric narrow per channel(0)", None)]
QUARK = ["int8 symmetric narrow per channel(0)", "int4 symmetric narrow per tensor", "int8 symmetric narrow per channel(0) range mse(n = 20, from = 0.1)",
         "float(e = 4, m = 3) per channel(0)"]
QUARK_TYPES = r'type re "torch\.nn\.(modules\.[a-z]+\.)?(Linear|Conv1d|Conv2d|ConvTranspose1d|ConvTranspose2d|MultiheadAttention)"'
TORCHAO = ["torchao.int8_weight_only", "torchao.int4_weight_only per group(64)", "torchao.nvfp4", "fp8_e4m3 per token"]
TORCHAO_DEFAULT = 'isa "torch.nn.Linear" and not isa "torch.nn.modules.linear.NonDynamicallyQuantizableLinear"'
FASTFORWARD = ["int4 symmetric no_clip per channel(0) static", "int4 per group(32)", "mxfp4",
               "int8 asymmetric free per tensor formula z_before eps 1.1920928955078125e-07 dynamic"]


def quoted(text):
    return '"' + text.replace('"', '\\"') + '"'


def configs(bodies):
    return "".join(f"config c{i} {{ {body} }}\n" for i, body in enumerate(bodies))


def some(least, most, make):
    return [make() for _ in range(R.randint(least, most))]


def match(policy, rules):
    return f"match {policy} {{\n" + "".join(f"  {rule}\n" for rule in rules) + "}\n"


def target(count):
    return R.choice(["skip"] + [f"c{i}" for i in range(count)])


def megatron():
    bodies = some(1, 3, lambda: f"weight {R.choice(COMPRESSED)}" + R.choice(["", ' extra {a: 1, b: [x, "y z", null, 1.5, true]}']))
    rules = some(1, 4, lambda: f'{R.choice(["glob " + quoted(R.choice(GLOBS)), "name " + quoted(R.choice(NAMES)), "under " + quoted(R.choice(NAMES))])}'
                               f" => c{R.randrange(len(bodies))}")
    return configs(bodies) + match("first", rules + R.choice([[], ["_ => skip"], ["_ => c0"]]))


def coreai():
    schedule = R.choice(["", " schedule s"])
    bodies = some(1, 3, lambda: f"weight {R.choice(COREAI)}" + R.choice(["", f" input {R.choice(COREAI_INPUTS)}"])
                  + R.choice(["", f" input[{R.randint(0, 2)}] {R.choice(COREAI_INPUTS)}"]) + R.choice(["", " bias none"]) + R.choice(["", schedule]))
    rules = []
    for scope in some(0, 2, lambda: "under re " + quoted(R.choice(REGEXES))) + some(0, 2, lambda: f'under type "m.{R.choice("ABC")}"'):
        rules += R.choice([[], [f"{scope} and opname re {quoted(R.choice(REGEXES))} => {target(len(bodies))}"]])
        rules += R.choice([[], [f'{scope} and op "linear" => {target(len(bodies))}']])
        rules.append(f"{scope} => {target(len(bodies))}")
    head = "schedule s { enable_observer 1  enable_fake_quant 2  disable_observer 5 }\n" if schedule else ""
    return head + configs(bodies) + match("first", rules + [f"_ => {target(len(bodies))}"])


def quark():
    return configs([f"weight {R.choice(QUARK)}"]) + match("first", [f"{QUARK_TYPES} => c0"])


def compressed():
    bodies = some(1, 3, lambda: f"weight {R.choice(COMPRESSED)}" + R.choice(["", " input int8 per token dynamic"]))
    atoms = lambda: R.choice(["name " + quoted(R.choice(NAMES)), "glob " + quoted(R.choice(GLOBS)), "under " + quoted(R.choice(NAMES))]
                             + [f"{kind} {quoted(R.choice(REGEXES))}" for kind in ("re", "re prefix", "re search")])
    rules = some(0, 3, lambda: f"{atoms()} => skip") + some(0, 3, lambda: f"{atoms()} => c{R.randrange(len(bodies))}")
    return configs(bodies) + match("first", rules + R.choice([[], ['type re "(.*\\.)?Linear" => c0']]))


def modelopt():
    weight, activation = R.choice(MODELOPT)
    rules = some(0, 3, lambda: f"glob {quoted(R.choice(GLOBS))} => skip")
    rest = ['type re "(.*\\.)?Linear" => c0'] if R.random() < 0.6 else [f"name {quoted(n)} => c0" for n in R.sample(NAMES, 2)]
    return configs([f"weight {weight}" + (f" input {activation}" if activation else "")]) + match("first", rules + rest)


def llama():
    rules = some(1, 4, lambda: R.choice([f'param re search {quoted(R.choice(REGEXES))} and param glob "*weight"', 'param name "a+b.weight"'])
                 + " => " + R.choice(["spec q8", "spec m", "skip"]))
    head = "spec q8 = int8 symmetric narrow per group(32) scale f16 rounded last formula reciprocal round away\nspec m = mxfp4\n"
    return head + match("first", rules + ['param name "z.weight" => spec q8'])


def fastforward():
    bodies = some(1, 2, lambda: "weight {0} bias {0} input {0} output {0}".format(R.choice(FASTFORWARD))
                  + R.choice(["", ' extra {factory: mine, kwargs: {a: 1, b: "x y"}}']))
    return configs(bodies) + match(R.choice(["last", "first"]), some(1, 4, lambda: f"mpath {quoted(R.choice(QUERIES))} => {target(len(bodies))}"))


def torchao():
    bodies = some(1, 3, lambda: f"weight {R.choice(TORCHAO)}")
    rules = []
    for kind, patterns in (("name", R.sample(NAMES, R.randint(0, 3))), ("re", R.sample(REGEXES, R.randint(0, 3)))):
        for pattern in patterns:
            config = target(len(bodies))
            rules += [f"param {kind} {quoted(pattern)} => {config}", f"{kind} {quoted(pattern)} => {config}"]
    return configs(bodies) + match("specific", rules + [f"{TORCHAO_DEFAULT} => c0"])


SYSTEMS = {"megatron": megatron, "coreai": coreai, "quark": quark, "compressed-tensors": compressed, "modelopt": modelopt, "llama.cpp": llama,
           "fastforward": fastforward, "torchao": torchao}


def quern(*arguments):
    return subprocess.run([QUERN, *arguments], cwd=SCRATCH, capture_output=True, text=True, timeout=120)


def way_of(system, text):
    """"through" or "refused"; anything else is a fault."""
    (SCRATCH / "recipe.qr").write_text(text)
    written = quern("export", "-q", "--to", system, "recipe.qr")
    if written.returncode:
        return "refused" if written.returncode == 1 and "error[Q1103]" in written.stderr else f"export: {written.stderr}"
    (SCRATCH / "file").write_text(written.stdout)
    again = quern("import", "-q", "--from", system, "file")
    if again.returncode:
        return f"import: {again.stderr}\n{written.stdout}"
    (SCRATCH / "again.qr").write_text(again.stdout)
    proof = quern("diff", "-q", "recipe.qr", "again.qr")
    return "through" if not proof.returncode else f"{proof.stdout}{proof.stderr}\n{written.stdout}\n{again.stdout}"


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    failures = 0
    for system, make in SYSTEMS.items():
        through = 0
        for _ in range(COUNT):
            text = make()
            way = way_of(system, text)
            through += way == "through"
            if way not in ("through", "refused"):
                failures += 1
                print(f"seed {SEED}, {system}: {way}\n--- of\n{text}")
        if not through:
            failures += 1
            print(f"seed {SEED}: no recipe of {COUNT} went to {system}")
    print(f"seed {SEED}: {COUNT} recipes for each of {len(SYSTEMS)} systems, {failures} failures")
    sys.exit(1 if failures else 0)


main()
