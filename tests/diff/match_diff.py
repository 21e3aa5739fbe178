#!/usr/bin/env python3
"""Random patterns and names against Python's own re and fnmatch.

    match_diff.py PROBE [COUNT [SEED]]

COUNT patterns (half of them with look-around), each with a dozen names. PROBE is the match_probe program; it answers with the
minimised automaton and with the linear-time engine. Patterns that are not supported (Q0402, Q0404, Q0405), beyond a limit, or
on which Python itself backtracks for longer than SECONDS are counted, not compared. Needs Python 3.11, whose semantics the rules
have; with another version only constructs that all share are drawn.
"""
import fnmatch
import json
import random
import re
import signal
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
NEW = sys.version_info >= (3, 11)
SECONDS = 0.5  # real time that Python gets for one pattern
UNICODE = sys.version_info[:2] == (3, 11)
LETTERS = list("aabbcc.._01AZkKsSiI-") + (["\n", " ", "é", "É", "ß", "K", "ſ", "İ", "ı", "µ", "日", "٣", "\ue000", "😀"] if UNICODE else ["\n"])
WORDS = ["model", "layers", "mlp", "up_proj", "10", "1", "3", ".", "weight", "self_attn", "a", "b", "q_proj"]


def name(r):
    pick = r.random()
    if pick < 0.3:
        return ".".join(r.choice(WORDS) for _ in range(r.randrange(6)))
    return "".join(r.choice(LETTERS if pick < 0.8 else "ab") for _ in range(r.randrange(8)))


def char_class(r):
    parts = ["^"] if r.random() < 0.25 else []
    for _ in range(r.randrange(1, 4)):
        pick = r.random()
        if pick < 0.45:
            parts.append(r.choice(LETTERS))
        elif pick < 0.8:
            low, high = sorted((r.choice(LETTERS), r.choice(LETTERS)))
            parts.append(f"{low}-{high}")
        else:
            parts.append(r.choice([r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\.", r"\x41", r"\n", "]", "["]))
    return "[" + "".join(parts) + "]"


def fixed(r, width, depth):
    """A pattern that takes width characters, with conditions and look-around between them."""
    if width and r.random() < 0.15:
        return "(?:" + "|".join(fixed(r, width, depth - 1) for _ in range(2)) + ")"
    parts = []
    for _ in range(width):
        if r.random() < 0.15:
            parts.append(r.choice(["^", "$", r"\b", r"\B", r"\A", r"\Z"] + ([look_around(r, depth - 1)] if depth > 0 else [])))
        parts.append(r.choice([".", r"\w", r"\d", re.escape(r.choice(LETTERS)), re.escape(r.choice(LETTERS)), char_class(r), "(?i:k)"]))
    if r.random() < 0.1:
        parts.append(r.choice(["$", r"\b", r"\B"] + ([look_around(r, depth - 1)] if depth > 0 else [])))
    return "".join(parts)


def look_around(r, depth):
    if r.random() < 0.5:
        return r.choice(["(?=%s)", "(?!%s)"]) % regex(r, depth)
    return r.choice(["(?<=%s)", "(?<!%s)"]) % (fixed(r, r.randrange(4), depth) if r.random() < 0.9 else regex(r, depth))


def atom(r, depth):
    pick = r.random()
    if pick < 0.35:
        return re.escape(r.choice(LETTERS)) if r.random() < 0.9 else r.choice(LETTERS)
    if pick < 0.5:
        return r.choice([".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"])
    if pick < 0.62:
        return char_class(r)
    if pick < 0.74:
        return r.choice(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
    if pick < 0.78:
        return r.choice(WORDS)
    if depth <= 0:
        return "a"
    if pick < 0.86:
        return look_around(r, depth - 1)
    inner = regex(r, depth - 1)
    return r.choice(["(%s)", "(?:%s)", "(?i:%s)", "(?-i:%s)", "(?s:%s)", "(?m:%s)", "(?a:%s)"] + (["(?>%s)"] if NEW else [])) % inner


def piece(r, depth):
    text = atom(r, depth)
    if r.random() < 0.35:
        text += r.choice(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}"])
        if r.random() < 0.25:
            text += r.choice("?+" if NEW else "?")
    return text


def regex(r, depth):
    branches = ["".join(piece(r, depth) for _ in range(r.randrange(4))) for _ in range(1 if r.random() < 0.7 else 2)]
    return "|".join(branches)


def top_regex(r):
    flags = r.choice(["", "", "", "(?i)", "(?s)", "(?m)", "(?a)", "(?im)", "(?x)"])
    leading = look_around(r, 1) if r.random() < 0.1 else ""
    text = flags + leading + regex(r, 2)
    if r.random() < 0.05:  # something Python may refuse
        at = r.randrange(len(text) + 1)
        text = text[:at] + r.choice(["(", ")", "[", "*", "\\", "{3,1}", "(?", "(?P<", "\\q", "(?<=a*)"]) + text[at:]
    return text


def glob(r):
    parts = []
    for _ in range(r.randrange(6)):
        pick = r.random()
        if pick < 0.3:
            parts.append("*")
        elif pick < 0.4:
            parts.append("?")
        elif pick < 0.6:
            parts.append("[" + r.choice(["", "!", "^"]) + "".join(r.choice(LETTERS + list("-]!\\[&|~")) for _ in range(r.randrange(5))) + r.choice(["]", "]", "]", ""]))
        elif pick < 0.8:
            parts.append(r.choice(LETTERS))
        else:
            parts.append(r.choice(WORDS))
    return "".join(parts)


def search(pattern):
    """re.search by its definition. Its own start optimisation compiles a leading (?a:\\W) with the outer flags (CPython 3.11)."""
    compiled = re.compile(pattern)
    return lambda s: any(compiled.match(s, i) for i in range(len(s) + 1))


def under(pattern):
    """re.fullmatch of the path of the module itself or of one that holds it: the root's is empty."""
    compiled = re.compile(pattern)
    return lambda s: any(compiled.fullmatch(s[:i]) for i in range(len(s) + 1) if i in (0, len(s)) or s[i] == ".")


CALLS = {
    "glob": lambda p: (lambda s: fnmatch.fnmatchcase(s, p)),
    "regex": lambda p: re.compile(p).fullmatch,
    "regex_prefix": lambda p: re.compile(p).match,
    "regex_search": search,
    "under_regex": under,
}


class TooSlow(Exception):
    pass


def too_slow(signum, frame):
    raise TooSlow


def expected(kind, pattern, names):
    """The answer Python gives, or None where it takes too long."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        call = CALLS[kind](pattern)
        return "".join("1" if call(n) else "0" for n in names)
    except re.error as e:
        return f"ERR Q0401 Python's re refuses this pattern: {e}"
    except (OverflowError, ValueError, RecursionError) as e:
        return f"ERR Q0401 Python's re refuses this pattern: {e}"
    except TooSlow:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    probe, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    r = random.Random(seed)
    cases = []
    for _ in range(count):
        kind = r.choice(["glob", "regex", "regex", "regex_prefix", "regex_search", "under_regex"])
        pattern = glob(r) if kind == "glob" else top_regex(r)
        cases.append((kind, pattern, [name(r) for _ in range(12)]))
    text = "".join(json.dumps([k, p] + names) + "\n" for k, p, names in cases)
    signal.signal(signal.SIGALRM, too_slow)
    wants = [expected(*case) for case in cases]
    wrong = compared = unsupported = refused = 0
    for options in ([], ["linear"]):
        run = subprocess.run([probe] + options, input=text.encode(), stdout=subprocess.PIPE, check=True)
        answers = run.stdout.decode("utf-8", "surrogateescape").split("\n")
        for (kind, pattern, names), want, answer in zip(cases, wants, answers):
            if want is None:
                continue
            if re.match(r"ERR Q(040[245]|0005)", answer):
                unsupported += 1
                continue
            refused += want.startswith("ERR")
            compared += len(names)
            if answer != want.replace("\n", " "):
                wrong += 1
                if wrong <= 20:
                    print(f"{kind} {pattern!r}: {answer}\n  Python: {want}\n  names: {names}")
    print(f"{count} patterns, {compared} answers compared, {refused} refusals, {unsupported} not supported, "
          f"{wants.count(None)} too slow for Python, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
