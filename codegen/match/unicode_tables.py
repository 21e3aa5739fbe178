#!/usr/bin/env python3
"""Writes unicode_data.inc: the character tables of Python 3.11 (Unicode 14) that its re module uses.

    python3.11 codegen/match/unicode_tables.py > codegen/match/unicode_data.inc

Run it with Python 3.11 only: the tables are what that version's str methods and _sre answer.
"""
import sys
import unicodedata
import _sre
from re import _casefix

assert sys.version_info[:2] == (3, 11) and unicodedata.unidata_version == "14.0.0"
ALL = range(0x110000)
NAMED = range(0x20, 0x530)  # \N{...} knows these: ASCII, Latin, IPA, Greek, Cyrillic


def ranges(test):
    found = []
    for c in ALL:
        if test(c):
            if found and found[-1][1] == c - 1:
                found[-1][1] = c
            else:
                found.append([c, c])
    return found


def show(v):
    if isinstance(v, (tuple, list)):
        return "{" + ", ".join(map(show, v)) + "}"
    return f'"{v}"' if isinstance(v, str) else hex(v) if v >= 0 else str(v)


def write(kind, name, rows):
    print(f"static const struct {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        item = f" {show(row)},"
        if len(line) + len(item) > 150:
            print(line)
            line = "   "
        line += item
    print(line + "\n};")


def deltas(mapping):
    """Runs of code points `step` apart that move by the same delta: (low, high, step, delta)."""
    runs = []
    for c in ALL:
        d = mapping(c) - c
        if not d:
            continue
        if runs and runs[-1][3] == d:
            low, high, step, _ = runs[-1]
            if c - high == step or (low == high and c - high <= 2):
                runs[-1] = [low, c, c - high, d]
                continue
        runs.append([c, c, 1, d])
    return runs


print("/* Written by unicode_tables.py with Python 3.11, Unicode 14.0.0. Do not edit. */")
write("code_range", "word_ranges", ranges(lambda c: chr(c).isalnum() or c == ord("_")))
write("code_range", "digit_ranges", ranges(lambda c: chr(c).isdecimal()))
write("code_range", "isdigit_ranges", ranges(lambda c: chr(c).isdigit()))
write("code_range", "space_ranges", ranges(lambda c: chr(c).isspace()))
write("code_range", "alpha_ranges", ranges(lambda c: chr(c).isalpha()))
write("code_range", "start_ranges", ranges(lambda c: chr(c).isidentifier()))
write("code_range", "continue_ranges", ranges(lambda c: ("a" + chr(c)).isidentifier()))
write("code_range", "unprintable_ranges", ranges(lambda c: not chr(c).isprintable()))
write("case_run", "lower_runs", deltas(_sre.unicode_tolower))
# chr(c).upper()'s first character is what the C function behind _sre gives
write("case_run", "upper_runs", deltas(lambda c: ord(chr(c).upper()[0])))
# code points that are not their own lower case
write("code_range", "moved_ranges", ranges(lambda c: _sre.unicode_tolower(c) != c))
extra = [(c, list(v)) for c, v in sorted(_casefix._EXTRA_CASES.items())]
assert all(len(v) <= 3 for _, v in extra)
write("case_extra", "extra_cases", [(c, v + [0] * (3 - len(v))) for c, v in extra])
assert all(_sre.unicode_iscased(c) == (_sre.unicode_tolower(c) != c or ord(chr(c).upper()[0]) != c) for c in ALL)
names = sorted((unicodedata.name(chr(c), ""), c) for c in NAMED if unicodedata.name(chr(c), ""))
write("character_name", "character_names", names)
