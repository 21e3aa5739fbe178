"""The text of tinylm: where it comes from and how it is divided.

Source: the King James Version (1611, public domain) as the Debian packages
bible-kjv-text (data) and bible-kjv (the reader `bible`) hold it.  The reader
prints each chapter as a heading line ("Genesis 1"), an empty line and one
numbered line per verse.

Kept: the heading, then each verse on its own line without its number, then
one empty line.  All bytes are printable ASCII or newline; 4.0 MB in all.

Held out: every 30th of the 1189 chapters.  `python3 corpus.py` writes those
chapters to heldout.txt; training_text() returns all the others.
"""
import re
import subprocess

EVERY = 30   # one chapter of this many is held out
FIRST = 15   # index of the first chapter held out, counted from 0


def chapters():
    """The chapters in order, each one string that ends with an empty line."""
    printed = subprocess.run(
        ["bible", "-l100000", "gen1:1-rev22:21"], check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.decode("ascii")
    result = []
    for line in printed.splitlines():
        verse = re.fullmatch(r" +\d+ (.*\S) *", line)
        if verse:
            result[-1].append(verse[1])
        elif line.strip():
            result.append([line.strip()])
    return ["\n".join(lines) + "\n\n" for lines in result]


def is_held_out(index):
    return index % EVERY == FIRST


def training_text():
    """Every chapter that is not held out, as bytes."""
    return "".join(chapter for i, chapter in enumerate(chapters())
                   if not is_held_out(i)).encode("ascii")


def heldout_text():
    """Every held-out chapter, as bytes: the content of heldout.txt."""
    return "".join(chapter for i, chapter in enumerate(chapters())
                   if is_held_out(i)).encode("ascii")


if __name__ == "__main__":
    with open("heldout.txt", "wb") as file:
        file.write(heldout_text())
