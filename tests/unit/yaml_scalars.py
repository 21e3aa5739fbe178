"""Writes yaml_scalars.tsv: what PyYAML's SafeLoader makes of plain scalars. Needs PyYAML 6; the test does not.

Columns: the scalar, with backslash escapes; its kind; its value (ints decimal, floats as C99 hexadecimal,
`wide` for ints beyond 64 bits, `error` where PyYAML itself raises).
"""
import itertools
import random
import sys

import yaml

KINDS = {"null": "null", "bool": "bool", "int": "int", "float": "float", "timestamp": "timestamp", "str": "str"}


def value(loader, text):
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    kind = tag.rsplit(":", 1)[1]
    if kind not in KINDS:
        return "str", ""  # `=` and `<<`: keys keep them as strings
    if kind in ("str", "timestamp"):
        return kind, ""
    try:
        got = loader.construct_object(yaml.ScalarNode(tag, text), deep=True)
    except ValueError:
        return kind, "error"
    if kind == "float":
        return kind, float(got).hex()
    if kind == "int" and not -(2**63) <= got < 2**63:
        return kind, "wide"
    return kind, {None: "", True: "true", False: "false"}.get(got, str(got)) if kind != "int" else str(got)


def scalars():
    for word in "yes no true false on off null y n ~ none nil inf nan .inf .nan".split():
        yield from {word, word.upper(), word.title(), word.capitalize(), word.swapcase()}
    yield from """0 -0 +0 00 07 08 017 0o17 0O17 0x1f 0X1F 0xFF 0x_ 0b101 0b_ 0b2 1_000 _1 1_ 1__0 -1_0 +12 1e3 1E3 1e+3 1.0e3
        1.0e+3 1.e+3 1.e3 .5 -.5 +.5 ._5 .5_ .5e-3 5. -5. 1.5_0 1_0.5 +.inf -.inf .Inf -.INF .iNf .nAn +.nan -.NaN 1:30 1:60 1:5 1:05
        1:0:0 190:20:30 190:20:30.15 -1:30 +1:30.5 0:30 0:30.5 01:30 1::30 1:30: 1_0:30 1:3_0 1:30.1_5 1:30.5e+1 20:30.0 2:30:40:50.625
        2001-12-14 2001-1-1 2001-12-1 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 2001-12-15T2:59:43.1Z 2001-12-14T21:59
        9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
        0x7fffffffffffffff 0x8000000000000000 0xffffffffffffffff 0777777777777777777777 01777777777777777777777 340282366920938463463374607431768211456
        0b1111111111111111111111111111111111111111111111111111111111111111 1:0:0:0:0:0:0:0:0:0:0 1.0e+400 -1.0e+400 1.0e-400 1e400
        1.7976931348623157e+308 4.9e-324 2.4703282292062328e-324 0.1 0.30000000000000004 123456789012345678901234567890.0 1.0e+99999999999
        1.0e-99999999999 9007199254740993.0 1.00000000000000011102230246251565 = << <<< == - . .. ... .e+1 e1 E 0x 0b 0o 1.2.3 1-2 +-1 --1 - +
        0.0 -0.0 +0.0 00.5 0_1 0__ 0_ -017 +0x1F -0b11 NULL Null nULL TRUE tRUE yES""".split()
    yield from ("", "2001-12-14 21:59:43.10 -5", "2001-12-15 2:59:43.10", "2001-12-14  21:59:43 Z", "2001-12-14\t21:59:43", "1 000", "1, 000",
                "2001-12-14 21:59:43 +5:30", "2001-12-14 21:59:43 +05:3", "true ", "\u0661", "\u00e9")
    yield from ("".join(t) for n in (1, 2, 3) for t in itertools.product("01_.:-e", repeat=n))
    rng = random.Random(1)
    for _ in range(1500):
        yield "".join(rng.choice("0011257_..::--+eExbinfaTZ") for _ in range(rng.randint(3, 9)))
    for alphabet in ("0123456789", "01_", "01234567_", "0123456789_", "12345:"):
        for prefix in ("", "-", "+", "0", "0x", "0b", "1:"):
            for length in (1, 3, 8, 21):
                yield prefix + "".join(rng.choice(alphabet) for _ in range(length))
    for _ in range(600):
        yield repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-310, 308)).replace("e-", ".0e-" if rng.random() < 0.2 else "e-")


def main(path):
    loader = yaml.SafeLoader("")
    with open(path, "w", encoding="utf-8") as out:
        for text in sorted(set(scalars())):
            kind, got = value(loader, text)
            escaped = text.replace("\\", "\\\\").replace("\t", "\\t")
            out.write(f"{escaped}\t{kind}\t{got}\n")


main(sys.argv[1])
