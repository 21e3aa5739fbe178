"""What Quern survives: one row per bad (or odd but legal) input, with its exit status and what it must say.

usage: bad_inputs.py QUERN SCRATCH
Rows are numbered after the list of inputs the project keeps: 1-19 recipe texts, 20-29 patterns, 30-41 safetensors and
index files, 42-50 GGUF headers, 51-60 data. Every run must end within TIMEOUT seconds and MEMORY bytes, an error must come with its text and
place, and no output may be left when the status is not 0.
"""
import json
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import sys

from make_checkpoint import write_file
from make_gguf import ARRAY, INT32, STRING, UINT8, UINT32, array, gguf, record, string

QUERN, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2])
TIMEOUT, MEMORY = 120, 6 << 30
RULES = b'config c { weight int8 }\nmatch first { _ => c }\n'
YAML = "configs: {c: {weight: int8}}\nmatchers: {all: {config: c, type: glob, pattern: '*', enabled: true}}\n"
YAML_SYSTEMS = ["torchao", "coreai", "quark", "fastforward", "megatron", "huggingface", "compressed-tensors", "modelopt"]
ROWS = []


def recipe(item, text, status, message="", **files):
    """A recipe given to `quern check`; files: others beside it, as bytes or as what makes one of its path."""
    ROWS.append(("recipe", item, text if isinstance(text, bytes) else text.encode(), status, message, files))


def pattern(item, text, status, message="", names="", answer=None):
    """A rule's predicate, given to `quern match` with names on standard input."""
    ROWS.append(("pattern", item, text, status, message, (names, answer)))


def foreign(item, text, status, message, systems=YAML_SYSTEMS):
    """A file given to `quern import --from` each of the systems."""
    for system in systems:
        ROWS.append(("foreign", f"{item} of {system}", text, status, message, system))


def model(item, make, status, message="", command="plan"):
    """A model made by make(folder) -> path, given to `quern plan` or `quern quantize`."""
    ROWS.append(("model", item, make, status, message, command))


# ---- 1-19: recipe texts ----
recipe("1 empty", "", 1, r"error\[Q0002\]")
recipe("1 comments only", "# nothing\n\n", 1, r"error\[Q0002\]")
recipe("2 BOM", b"\xef\xbb\xbf" + RULES, 0)
recipe("2 CRLF", RULES.replace(b"\n", b"\r\n"), 0)
recipe("2 lone CR", RULES.replace(b"\n", b"\r"), 0)
recipe("2 no final newline", RULES.rstrip(), 0)
recipe("2 NUL", b"config c\0 { weight int8 }", 1, r":1:9: error\[Q0004\]")
recipe("3 invalid UTF-8", b"# \xff\n" + RULES, 1, r":1:3: error\[Q0003\]")
recipe("3 overlong", b"# \xc0\xaf\n" + RULES, 1, r"error\[Q0003\]")
recipe("3 surrogate", b"# \xed\xa0\x80\n" + RULES, 1, r"error\[Q0003\]")
recipe("3 bidi control", "# \u202e\n".encode() + RULES, 1, r":1:3: error\[Q0004\]")
recipe("4 a long line", b"#" + b"x" * (64 << 20) + b"\n" + RULES, 0)
recipe("4 a text beyond the limit", b"#" * ((256 << 20) + 1), 4, r"error\[Q0005\]")
recipe("5 deep sequence", "x: " + "[" * 1000000, 4, r"error\[Q0005\]")
recipe("5 deep mapping", "x: " + "{a: " * 1000000, 4, r"error\[Q0005\]")
recipe("5 deep predicate", "match first { " + "(" * 1000000, 4, r"error\[Q0005\]")
recipe("5 deep indent", "\n".join(" " * i + "a:" for i in range(3000)), 4, r"error\[Q0005\]")
BILLION = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12))
recipe("6 billion laughs", BILLION, 4, r"error\[Q0005\]")
recipe("6 self reference", "a: &a [*a]\n", 1, r"error\[Q0604\]")
recipe("7 merges", YAML.replace("configs: ", "configs: &c ") + "x: {<<: [" + ", ".join(["*c"] * 100000) + "]}\n", 0, r"warning\[Q0611\]")
recipe("8 duplicate keys", YAML + "configs: {}\n", 1, r":3:1: error\[Q0603\][\s\S]*note")
recipe("9 python tag", "configs: !!python/object:os.system {}\n", 1, r":1:10: error\[Q0605\]")
recipe("9 unknown tag", "configs: !foo {}\n", 1, r"error\[Q0605\]")
recipe("10 enabled: no", YAML.replace("true", "no"), 0, r"")
recipe("10 norway", "configs: {no: {weight: int8}}\nmatchers: {a: {config: no, type: glob, pattern: '*', enabled: on}}\n", 0)
recipe("10 1e3 is a string", "recipe: {name: a, version: 1e3}\n" + YAML, 1, r":1:\d+: error\[Q0610\]: expected an integer as version, saw a string")
recipe("10 .inf", YAML.replace("int8", "{format: int8, eps: .inf}"), 1, r":1:\d+: error\[Q0104\]: `eps` is a finite number of at least 0, saw inf")
recipe("10 .nan", YAML.replace("int8", "{format: int8, eps: .nan}"), 1, r":1:\d+: error\[Q0104\]: `eps` is a finite number of at least 0, saw nan")
recipe("10 sexagesimal", "recipe: {name: a, version: 190:20:30}\n" + YAML, 0)
recipe("10 version 0o17", "recipe: {name: a, version: 0o17}\n" + YAML, 1, r":1:\d+: error")
recipe("10 version 1_000", "recipe: {name: a, version: 1_000}\n" + YAML, 0)
recipe("11 2^63", RULES.replace(b"int8", b"int8 per group(9223372036854775808)"), 1, r":1:\d+: error\[Q0104\]")
recipe("11 2^64", RULES.replace(b"int8", b"int8 per group(18446744073709551616)"), 1, r"error\[Q0104\]")
recipe("11 -0", RULES.replace(b"int8", b"int8 per group(-0)"), 1, r":1:\d+: error\[Q0")
recipe("11 1e400", RULES.replace(b"int8", b"int8 eps 1e400"), 1, r"error\[Q0104\]")
recipe("12 two documents", YAML + "---\n" + YAML, 1, r"error\[Q0602\]")
recipe("13 tab indent", "configs:\n\tc: {weight: int8}\n", 1, r":2:\d+: error\[Q0601\]")
recipe("14 anchor of another file", 'import: [{path: other.yaml}]\nconfigs: {c: *w}\nmatchers: {}\n', 1, r"error\[Q0604\]",
       **{"other.yaml": b"specs: {w: &w int8}\n"})
recipe("15 import cycle", 'import "b.qr"\n' + RULES.decode(), 1, r"error\[Q0703\]", **{"b.qr": b'import "a.qr"\n'})
recipe("15 import outside", 'import "../../etc/passwd"\n' + RULES.decode(), 1, r":1:8: error\[Q0702\]")
recipe("15 import absolute", 'import "/dev/zero"\n' + RULES.decode(), 1, r":1:8: error\[Q0702\]")
recipe("15 100,000 imports of one file", "".join(f'import "b.qr" as n{i}\n' for i in range(100000)) + RULES.decode(), 4,
       r":1001:8: error\[Q0005\]: a file has at most 1000 imports", **{"b.qr": b"config k { weight int8 }"})
recipe("15 a chain of imports", 'import "0.qr"\n' + RULES.decode(), 4, r"127\.qr:1:8: error\[Q0005\]: a recipe imports at most 1000 files, 128 deep",
       **{f"{i}.qr": b'import "%d.qr"' % (i + 1) for i in range(3000)})
recipe("15 import of a pipe", 'import "pipe"\n' + RULES.decode(), 1, r":1:8: error\[Q0701\]: `pipe` cannot be imported: it is not a regular file",
       pipe=os.mkfifo)
recipe("15 import of a loop of links", 'import "loop"\n' + RULES.decode(), 1, r":1:8: error\[Q0701\]: `loop` cannot be imported: Too many levels",
       loop=lambda path: path.symlink_to("loop"))
recipe("15 import of a link that leads out", 'import "out"\n' + RULES.decode(), 1, r":1:8: error\[Q0702\].*leads out of the recipe's directory",
       out=lambda path: path.symlink_to("/etc/hostname"))
recipe("15 import of a folder", 'import "sub"\n' + RULES.decode(), (1, 3), r"error\[Q070", **{"sub/x": b""})
recipe("15 import of nothing", 'import "none.qr"\n' + RULES.decode(), (1, 3), r"error\[Q0")
recipe("16 recursive config", "config a = b { }\nconfig b = a { }\nmatch first { _ => a }\n", 1, r"error\[Q0203\]")
recipe("17 matcher without enabled", YAML.replace(", enabled: true", ""), 0, r"warning\[Q0613\]")
recipe("18 config missing", YAML.replace("config: c,", "config: d,"), 1, r"error\[Q0202\]")
recipe("19 a key one edit away", YAML.replace("matchers:", "matcher:"), 0, r"warning\[Q0611\][\s\S]*help[\s\S]*matchers")

# ---- the same of other systems' files ----
foreign("1 empty", b"", 1, r"in:1:1: error\[Q0002\]", YAML_SYSTEMS + ["llama.cpp"])
foreign("2 NUL", b"a: \0", 1, r"in:1:4: error\[Q0004\]", YAML_SYSTEMS + ["llama.cpp"])
foreign("3 invalid UTF-8", b"{\"\xff\": 1}", 1, r"in:1:3: error\[Q0003\]", YAML_SYSTEMS + ["llama.cpp"])
foreign("5 deep sequence", b'{"quantization_config": ' + b"[" * 1000000, 4, r"in:1:\d+: error\[Q0005\]: collections nest deeper than 256")
foreign("6 billion laughs", BILLION.encode(), 4, r"error\[Q0005\]")
foreign("12 two documents", b"a: 1\n---\na: 1\n", 1, r"in:2:1: error\[Q0602\]")
foreign("cut short", b'{"a":', 1, r"in:1:6: error\[Q0601\]")
foreign("a list", b"[]\n", 1, r"in:1:1: error\[Q\d+\]: .*expected .*, saw a list")
foreign("a number", b"7\n", 1, r"in:1:1: error\[Q\d+\]: .*expected .*, saw an integer")
foreign("null", b"null\n", 1, r"in:1:1: error\[Q\d+\]: .*expected .*, saw null")
foreign("no keys", b"{}\n", 1, r"in:1:1: error\[Q\d+\]", [system for system in YAML_SYSTEMS if system != "megatron"])
foreign("no types", b"{}\n", 1, r"in:1:1: error\[Q1162\]: expected PATTERN=TYPE, saw `{}`", ["llama.cpp"])
foreign("22 open group", b"a(=q8_0\n", 1, r"in:1:2: error\[Q0401\].*missing \), unterminated subpattern at position 1", ["llama.cpp"])
foreign("4 a long line", b"a" * (64 << 20), 1, r"in:1:1: error\[Q1162\]", ["llama.cpp"])

# ---- 20-29: patterns ----
pattern("20 nested repeats", 're "(a+)+$"', 0, names="a" * 50000 + "b\n" + "a" * 50000 + "\n", answer=["-", "c"])
pattern("20 nested stars", 're "(.*)*x"', 0, names="y" * 50000 + "\n", answer=["-"])
pattern("21 a{1000}{1000}", 're "a{1000}{1000}"', 1, r":2:26: error\[Q0401\].*multiple repeat at position 7")
pattern("20 nested repeats in look-around", 're "(?!(a+)+$).*b"', 0, names="a" * 50000 + "b\n" + "a" * 50000 + "\n", answer=["c", "-"])
pattern("21 a{1000}{1000} in lookbehind", 're search "(?<=(?:a{1000}){1000})b"', 4, r":2:25: error\[Q0005\].*more than 4 million steps")
pattern("21 (a{1000}){1000}", 're "(a{1000}){1000}"', 4, r":2:18: error\[Q0005\].*this pattern takes more than 4 million steps to build")
pattern("22 open set", 're "a[b"', 1, r"unterminated character set at position 1")
pattern("22 open group", 're "a(b"', 1, r"missing \), unterminated subpattern at position 1")
pattern("22 a group closed twice", 're "a)b"', 1, r":2:20: error\[Q0401\].*unbalanced parenthesis at position 1")
pattern("22 open lookahead", 're "(?=a"', 1, r"missing \), unterminated subpattern at position 0")
pattern("22 open lookbehind", 're "(?<"', 1, r"unexpected end of pattern at position 3")
pattern("22 trailing backslash", r're "a\\"', 1, r"bad escape \(end of pattern\) at position 1")
pattern("22 open set in a glob", 'glob "a[b"', 0, names="a[b\nab\n", answer=["c", "-"])
pattern("23 backreference", r're "(a)\1"', 1, r":2:22: error\[Q0402\]: a backreference is not a regular language")
pattern("23 named backreference", 're "(?P<n>a)(?P=n)"', 1, r":2:27: error\[Q0402\]: a backreference is not a regular language")
pattern("23 conditional group", 're "(a)?(?(1)b|c)"', 1, r":2:23: error\[Q0402\]: a conditional group is not a regular language")
pattern("23 lookahead", 're "a(?=b)(?!bc).*"', 0, names="ab\nabc\na\n", answer=["c", "-", "-"])
pattern("23 lookbehind", 're search "(?<=a)(?<!ba)c"', 0, names="ac\nbac\nc\n", answer=["c", "-", "-"])
pattern("23 lookbehind of any width", 're "(?<=a*)b"', 1, r":2:19: error\[Q0401\].*look-behind requires fixed-width pattern")
pattern("24 many rules", " or ".join(f'glob "model.layers.{i}.*x{i}*"' for i in range(3000)), 0,
        names="model.layers.7.x7\nmodel.layers.7.x8\n", answer=["c", "-"])
pattern("24 many rules of one atom", " => c\n".join(f'name "m.{i}"' for i in range(100000)), 0,
        names="".join(f"m.{i}\n" for i in range(99990, 1099990)), answer=["c"] * 10 + ["-"] * 999990)
pattern("24 many names denied", " and ".join(f'not name "m.{i}"' for i in range(40000)), 0, names="m.7\nm.40000\n", answer=["-", "c"])
pattern("24 many rules, many names", " or ".join(f'name "m.{i}"' for i in range(100000)), 0,
        names="".join(f"m.{i}\n" for i in range(99990, 1099990)), answer=["c"] * 10 + ["-"] * 999990)
pattern("25 matches nothing", 're "[^\\s\\S]"', 0, names="a\n\n", answer=["-", "-"])
pattern("25 matches everything", 're "(?s).*"', 0, names="a\n\n", answer=["c", "c"])
pattern("25 search matches nothing", 're search "(?!)"', 0, names="a\n\n", answer=["-", "-"])
pattern("25 search matches everything", 're search ""', 0, names="a\n\n", answer=["c", "c"])
pattern("26 empty pattern", 're ""', 0, names="a\n\n", answer=["-", "c"])
pattern("26 empty look-around", 're "(?=)(?<=)"', 0, names="a\n\n", answer=["-", "c"])
pattern("26 empty glob", 'glob ""', 0, names="a\n\n", answer=["-", "c"])
pattern("27 64 KiB pattern", 'name "' + "a" * 65536 + '"', 0, names="a" * 65536 + "\nb\n", answer=["c", "-"])
pattern("27 64 KiB alternation", 're "' + "|".join(f"a{i}" for i in range(9000)) + '"', 0, names="a17\nb\n", answer=["c", "-"])
pattern("27 state explosion", 're ".*a.{20}"', 0, names="xa" + "b" * 20 + "\nxb" + "b" * 20 + "\n", answer=["c", "-"])
pattern("27 state explosion behind", 're search "(?<=a.{20})b"', 4, r":2:\d+: error\[Q0005\].*more than 4 million steps")
pattern("27 state explosion ahead", 're "(?!.*a.{20}b).*"', 4, r":2:18: error\[Q0005\].*more than 4 million steps")
pattern("28 NUL in a name", 'glob "a?b"', 0, names="a\0b\n", answer=["c"])
pattern("28 NUL in a pattern", 're "a\\0b"', 0, names="a\0b\nab\n", answer=["c", "-"])
pattern("29 look-alikes", 'name "a"', 0, names="a\n\u0430\n", answer=["c", "-"])
pattern("29 case", 'glob "A"', 0, names="a\nA\n", answer=["-", "c"])
pattern("29 case of the Kelvin sign", 're "(?i)k"', 0, names="K\n\u212a\n\u043a\n", answer=["c", "c", "-"])


# ---- 30-41: safetensors and index files ----
def raw(content):
    def make(folder):
        path = folder / "model.safetensors"
        path.write_bytes(content)
        return path
    return make


def header(text, data=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return raw(struct.pack("<Q", len(text)) + text + data)


def tensors(**rows):
    """name -> (dtype, shape, begin, end) as a header and as much data as the largest end."""
    table = {n: {"dtype": d, "shape": s, "data_offsets": [b, e]} for n, (d, s, b, e) in rows.items()}
    size = max((max(r[2], r[3], 0) for r in rows.values()), default=0)
    return header(json.dumps(table), b"\0" * min(size, 1 << 20))


def one(dtype="F32", shape=(2, 2), begin=0, end=16):
    return '{"w.weight":{"dtype":"%s","shape":%s,"data_offsets":[%s,%s]}}' % (dtype, json.dumps(list(shape)), begin, end)


for n in range(8):
    model(f"30 {n} bytes", raw(b"\0" * n), 1, r"model\.safetensors: error\[Q0801\]")
model("31 N = 2^64-1", raw(b"\xff" * 8), 1, r"error\[Q080[12]\]")
model("31 N = 100,000,001", raw(struct.pack("<Q", 100000001) + b"{}"), (1, 4), r"error\[Q080[12]\]")
model("31 N beyond the file", raw(struct.pack("<Q", 100) + b"{}"), 1, r"error\[Q080[12]\]")
model("32 not UTF-8", header(b'{"\xff":1}'), 1, r"error\[Q0802\]")
model("32 not JSON", header("{"), 1, r"error\[Q0802\]")
model("32 not an object", header("[]"), 1, r"error\[Q0802\]")
model("32 deep JSON", header("[" * 1000000), 1, r"error\[Q0802\]")
model("32 much deep JSON", header("[" * 99999992), 1, r"error\[Q0802\]")
model("33 duplicate names", header('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},'
                                   '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), 1, r"error\[Q080[26]\]")
model("33 duplicate metadata", header('{"__metadata__":{},"__metadata__":{}}'), 1, r"error\[Q080[26]\]")
model("33 metadata of numbers", header('{"__metadata__":{"a":1}}'), 1, r"error\[Q0802\]")
model("34 overlap", tensors(a=("U8", [8], 0, 8), b=("U8", [8], 4, 12)), 1, r"error\[Q0803\]")
model("34 hole", tensors(a=("U8", [8], 0, 8), b=("U8", [8], 9, 17)), 1, r"error\[Q0803\]")
model("34 negative", tensors(a=("U8", [8], -8, 0)), 1, r"error\[Q080[23]\]")
model("34 begin > end", tensors(a=("U8", [8], 8, 0)), 1, r"error\[Q0803\]")
model("34 end beyond the file", header(one(end=16), b"\0" * 8), 1, r"error\[Q080[345]\]")
model("34 trailing bytes", header(one(), b"\0" * 17), 1, r"error\[Q0805\]")
model("35 product overflow", header(one(shape=(1 << 40, 1 << 40)), b"\0" * 16), 1, r"error\[Q080[24]\]")
model("35 a dimension of 2^63", header(one(shape=(1 << 63,)), b"\0" * 16), 1, r"error\[Q080[24]\]")
model("35 2^16 dimensions", header(one(shape=[1] * 65536, end=4), b"\0" * 4), 1, r"w\.weight: error\[Q1001\].*more than 8 dimensions")
model("35 an odd count of F4", header(one("F4", (3,), 0, 2), b"\0" * 2), 1, r"error\[Q0804\]")
model("36 unknown dtype", header(one("F7"), b"\0" * 16), 1, r"error\[Q0802\][\s\S]*F7")
model("37 zero size and rank 0", header('{"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},'
                                        '"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', b"\0" * 4), 0)
model("38 size and shape differ", header(one(shape=(2, 3)), b"\0" * 16), 1, r"w\.weight[\s\S]*error\[Q0804\]|error\[Q0804\][\s\S]*w\.weight")
model("39 a name of 1 MB", header('{"%s":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}' % ("n" * (1 << 20)), b"\0"), 0)
model("28 a newline in a tensor's name", header('{"a\\nb":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"\0"), 0)
model("28 NUL in a tensor's name", header('{"a\\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"\0"), 1,
      r"error\[Q0802\].*a NUL character in the string at byte 1")
model("39 odd names", header('{"../x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"":{"dtype":"U8","shape":[1],'
                             '"data_offsets":[1,2]},"a\\u0001":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}', b"\0" * 3), 0)
model("40 truncated", header(one(), b"\0" * 15), 1, r"error\[Q0805\]")
model("40 a device", lambda folder: pathlib.Path("/dev/zero"), 3, r"/dev/zero: error\[Q0001\].*device")


def sharded(index, **shards):
    def make(folder):
        for name, rows in shards.items():
            write_file(folder / f"{name}.safetensors", rows)
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        return folder
    return make


ROW = {"a.weight": ("F32", [1], b"\0" * 4)}
model("41 index and shards agree", sharded({"metadata": {"total_size": 4}, "weight_map": {"a.weight": "s1.safetensors"}}, s1=ROW), 0)
model("41 a missing file", sharded({"weight_map": {"a.weight": "s2.safetensors"}}, s1=ROW), 3, r"s2\.safetensors: error\[Q0001\]")
model("41 an unlisted tensor", sharded({"weight_map": {}}, s1=ROW), (0, 1), r"")
model("41 the wrong shard", sharded({"weight_map": {"b.weight": "s1.safetensors", "a.weight": "s1.safetensors"}}, s1=ROW), 1, r"error\[Q081")
model("41 path traversal", sharded({"weight_map": {"a.weight": "../s1.safetensors"}}, s1=ROW), 1, r"error\[Q0810\]")
model("41 total_size lies", sharded({"metadata": {"total_size": 5}, "weight_map": {"a.weight": "s1.safetensors"}}, s1=ROW), 0, r"warning\[Q0812\]")
model("41 the same tensor twice", sharded({"weight_map": {"a.weight": "s1.safetensors", "b.weight": "s2.safetensors"}},
                                          s1=ROW, s2={**ROW, "b.weight": ("F32", [1], b"\0" * 4)}), 1, r"error\[Q08")


# ---- 41: an index by itself; 42-50: GGUF ----
def alone(index, name="model.safetensors.index.json"):
    def make(folder):
        (folder / name).write_text(json.dumps(index))
        return folder / name
    return make


model("41 an index without its shards", alone({"weight_map": {"a.weight": "s1.safetensors", "b.weight": "s2.safetensors"}}), 0)
model("41 the same with a file elsewhere", alone({"weight_map": {"a.weight": "../s1.safetensors"}}), 1, r"error\[Q0810\]")
model("41 nothing to quantize in it", alone({"weight_map": {"a.weight": "s1.safetensors"}}), 1, r"error\[Q0818\]", "quantize")


def packed(*arguments, **named):
    def make(folder):
        path = folder / "m.gguf"
        path.write_bytes(gguf(*arguments, **named))
        return path
    return make


def bad_gguf(item, sentence, *arguments, **named):
    model(item, packed(*arguments, **named), 1, r"m\.gguf: error\[Q08(45|06)\]: " + sentence + "$")


T = ("a", (32, 2), 0, None, 256)
MAX = (1 << 64) - 1
model("GGUF 3", packed([("general.alignment", UINT32, struct.pack("<I", 64)), ("x", STRING, string("y")),
                        ("z", ARRAY, array(STRING, 2, string("a") + string("b"))), ("n", ARRAY, array(UINT8, 3, b"abc"))],
                       [("blk.0.ffn_up.weight", (256, 2), 12, None, 288), ("b", (), 0, None, 4)], alignment=64), 0)
model("GGUF 2", packed([], [T], version=2), 0)
model("GGUF without tensors", packed(), 0)
model("GGUF of any name", lambda folder: (folder / "m.bin").write_bytes(gguf([], [T])) and folder / "m.bin", 0)
model("GGUF data is not read", packed([], [T]), 1, r"error\[Q0818\]", "quantize")
bad_gguf("42 not GGUF", "the file does not begin with GGUF", magic=b"GGML")
bad_gguf("42 3 bytes", "the file ends within its first 24 bytes", cut=21)
bad_gguf("42 n_tensors = 2^63-1", "9223372036854775807 tensors are announced in a file of 24 bytes", counts=((1 << 63) - 1, 0))
bad_gguf("42 n_kv = 2^63-1", "9223372036854775807 keys are announced in a file of 24 bytes", counts=(0, (1 << 63) - 1))
bad_gguf("42 one tensor too many", "the file ends within the list of tensors", [("k", STRING, string("x" * 9))], counts=(1, 1))
bad_gguf("42 one key too many", "the file ends within the list of keys", [("k", STRING, string("x" * 9))], counts=(0, 2))
bad_gguf("43 a string of 2^64-1", f"'k': a string of {MAX} bytes; at most 1073741824 are read", [("k", STRING, struct.pack("<Q", MAX))])
bad_gguf("43 a string beyond the file", "the file ends within 'k'", [("k", STRING, struct.pack("<Q", 100))])
bad_gguf("43 a key of 2^64-1", f"the list of keys: a string of {MAX} bytes; at most 1073741824 are read", [struct.pack("<Q", MAX) + b"\0" * 8])
bad_gguf("43 a key beyond the file", "the file ends within the list of keys", [struct.pack("<Q", 100) + b"\0" * 8])
bad_gguf("43 array length overflow", f"'k': an array of {1 << 61} elements; at most 1073741824 are read", [("k", ARRAY, array(11, 1 << 61))])
bad_gguf("43 an array beyond the file", "the file ends within 'k'", [("k", ARRAY, array(11, 1 << 30))])
bad_gguf("43 an array of strings beyond the file", "the file ends within 'k'", [("k", ARRAY, array(STRING, 1 << 30))])
bad_gguf("43 nested arrays", "'k': an array of type 9, which arrays cannot hold", [("k", ARRAY, array(ARRAY, 1))])
bad_gguf("43 an array of nothing known", "'k': an array of type 13, which arrays cannot hold", [("k", ARRAY, array(13, 1))])
bad_gguf("43 a value of nothing known", "'k': a value of type 13, which does not exist", [("k", 13, b"\0" * 8)])
bad_gguf("43 an empty key", "a key without a name", [("", UINT32, b"\0" * 4)])
bad_gguf("43 a key twice", "the key 'k' stands twice", [("k", UINT32, b"\0" * 4), ("k", UINT8, b"\0")])
bad_gguf("43 NUL in a key", r"the list of keys: a NUL character in a string", [("k\0", UINT32, b"\0" * 4)])
for value in (0, 3):
    bad_gguf(f"44 alignment {value}", f"general.alignment is {value}; expected a power of two", [("general.alignment", UINT32, struct.pack("<I", value))])
bad_gguf("44 alignment 2^31", "the tensors take 2147483648 bytes behind the header's 2147483648, the file holds 384: it was cut short",
         [("general.alignment", UINT32, struct.pack("<I", 1 << 31))], [T])
bad_gguf("44 alignment as INT32", r"general.alignment has type 5; expected a u32 \(4\)", [("general.alignment", INT32, b"\0" * 4)])
bad_gguf("45 ne product overflow", "tensor 'a': more than 2\\^63 elements", [], [record("a", (1 << 32, 1 << 32), 0, 0)])
bad_gguf("45 bytes overflow", "tensor 'a': more than 2\\^63 bytes", [], [record("a", (1 << 62,), 0, 0)])
bad_gguf("45 ne = SIZE_MAX / 4", "tensor 'a': more than 2\\^63 bytes", [], [record("a", (MAX // 4,), 0, 0)])
bad_gguf("45 padding overflow", "tensor 'a': data beyond 2\\^63 bytes", [], [record("a", ((1 << 63) - 1,), 24, 0)])
bad_gguf("45 n_dims 5", "tensor 'a': 5 dimensions; at most 4 are read", [], [record("a", (1,) * 5, 0, 0)])
bad_gguf("45 n_dims 2^32-1", "tensor 'a': 4294967295 dimensions; at most 4 are read", [], [record("a", (1,), 0, 0, rank=(1 << 32) - 1)])
bad_gguf("45 a negative dimension", "tensor 'a': a dimension of -1", [], [record("a", (-1,), 0, 0)])
for kind in (4, 5, 31, 33, 36, 38, 43, -1):
    bad_gguf(f"46 type {kind}", f"tensor 'a': type {kind}, which does not exist or was removed", [], [record("a", (32,), kind, 0)])
bad_gguf("46 rows of half a block", "tensor 'a': rows of 48 elements are no whole number of Q4_0 blocks of 32", [], [record("a", (48, 2), 2, 0)])
bad_gguf("46 a scalar of blocks", "tensor 'a': rows of 1 elements are no whole number of Q8_0 blocks of 32", [], [record("a", (), 8, 0)])
bad_gguf("47 an offset with a gap", "tensor 'b': its data begins at 288 where 256 was expected", [], [T, ("b", (8,), 0, 288, 32)])
bad_gguf("47 offsets that overlap", "tensor 'b': its data begins at 0 where 256 was expected", [], [T, ("b", (8,), 0, 0, 32)])
bad_gguf("47 an offset of 2^64-32", f"tensor 'a': its data begins at {MAX - 31} where 0 was expected", [], [("a", (8,), 0, MAX - 31, 32)])
bad_gguf("47 the last padding cut off", "the tensors take 32 bytes behind the header's 64, the file holds 95: it was cut short",
         [], [("a", (1,), 0, None, 4)], cut=1)
bad_gguf("47 data cut off", "the tensors take 256 bytes behind the header's 96, the file holds 96: it was cut short", [], [T], cut=256)
bad_gguf("48 big-endian", "a big-endian file; only little-endian ones are read", endian=">")
bad_gguf("48 version 1", "version 1; versions 2 and 3 are read", version=1)
bad_gguf("48 version 4", "version 4; versions 2 and 3 are read", version=4)
model("49 200,000 tensors", packed([], [record(f"t{i}", (0,), 0, 0) for i in range(200000)]), 0)
bad_gguf("50 duplicate names", "tensor 'a' stands twice", [], [T, T])
bad_gguf("50 a name of 64 bytes", "the list of tensors: a string of 64 bytes; at most 63 are read", [], [("a" * 64, (1,), 0, None, 4)])
bad_gguf("50 NUL in a name", "the list of tensors: a NUL character in a string", [], [("a\0b", (1,), 0, None, 4)])


# ---- 51-60: data ----
def floats(values, shape, dtype="F32"):
    def make(folder):
        data = b"".join(struct.pack("<f", v) for v in values)
        write_file(folder / "model.safetensors", {"m.weight": (dtype, shape, data)})
        return folder / "model.safetensors"
    return make


NAN, INF = float("nan"), float("inf")
model("51 all NaN", floats([NAN] * 64, [2, 32]), 0, r"64 NaN", "quantize")
model("51 one NaN, Inf, -Inf, subnormal, -0", floats([NAN, INF, -INF, 1e-40, -0.0] + [1.0] * 59, [2, 32]), 0, r"1 NaN, 2 Inf", "quantize")
model("52 all zero", floats([0.0] * 64, [2, 32]), 0, "", "quantize")
model("53 one outlier", floats([1e38] + [1e-3] * 63, [2, 32]), 0, "", "quantize")
model("54 tiny scale", floats([1e-45] * 64, [2, 32]), 0, "", "quantize")
model("55 1xN", floats([1.0] * 13, [1, 13]), 0, "", "quantize")
model("55 Nx1", floats([1.0] * 13, [13, 1]), 0, "", "quantize")
model("59 quantized twice", "quantized", 1, r"error\[Q0819\]", "quantize")


# ---- running ----
def limit():
    if not os.environ.get("QUERN_SANITIZERS") == "1":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(arguments, text=None):
    result = subprocess.run([QUERN, *map(str, arguments)], input=text, capture_output=True, timeout=TIMEOUT, preexec_fn=limit)
    return result.returncode, result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")


def run_recipe(folder, text, files):
    path = folder / "a.qr"
    path.write_bytes(text)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        content(folder / name) if callable(content) else (folder / name).write_bytes(content)
    status, out, err = run(["check", path])
    return status, err, None


def run_foreign(folder, text, system):
    (folder / "in").write_bytes(text)
    status, out, err = run(["import", "--from", system, folder / "in"])
    return status, err, f"printed {out[:80]}" if status and out else None


def run_pattern(folder, text, expected):
    names, answer = expected
    path = folder / "a.qr"
    path.write_text(f"config c {{ weight int8 }}\nmatch first {{ {text} => c }}\n")
    status, out, err = run(["match", path], names.encode())
    got = [line.split("\t")[1] for line in out.split("\n") if line]
    return status, err, None if answer is None or got == answer else f"answers {got[:5]}, expected {answer}"


def run_model(folder, make, command):
    (folder / "a.qr").write_bytes(RULES if command == "plan" else b'config c { weight int4 per group(32) ragged pad }\nmatch first { _ => c }\n')
    if make == "quantized":
        source = floats([1.0] * 64, [2, 32])(folder)
        run(["quantize", folder / "a.qr", source, "-o", folder / "once"])
        path = folder / "once"
    else:
        path = make(folder)
    if command == "plan":
        status, out, err = run(["plan", folder / "a.qr", "-m", path])
        return status, err, None
    status, out, err = run(["quantize", folder / "a.qr", path, "-o", folder / "out"])
    left = [name for name in os.listdir(folder) if name.startswith((".out", "out"))]
    wrong = f"left {left}" if (status and left) or (not status and left != ["out"]) else None
    return status, err + out, wrong


def main():
    failed = 0
    for kind, item, subject, status, message, more in ROWS:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        SCRATCH.mkdir(parents=True)
        runner = {"recipe": run_recipe, "foreign": run_foreign, "pattern": run_pattern, "model": run_model}[kind]
        try:
            got, said, wrong = runner(SCRATCH, subject, more)
        except subprocess.TimeoutExpired:
            got, said, wrong = "a time-out", "", None
        wanted = status if isinstance(status, tuple) else (status,)
        if got in wanted and re.search(message, said) and not wrong and (got == 0 or said.strip()):
            continue
        failed += 1
        print(f"item {item}: status {got}, expected {status}; {wrong or ''}\n{said[:600]}\n-- expected /{message}/")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    print(f"{len(ROWS)} rows, {failed} failed")
    sys.exit(1 if failed else 0)


main()
