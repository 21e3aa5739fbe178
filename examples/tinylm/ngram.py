"""The n-gram baselines of tinylm.

    python3 ngram.py     # writes trigram.json, prints orders 1 to 8

Model: interpolated byte n-grams with Witten-Bell smoothing, as in trigram.c,
counted on the training text of corpus.py.  trigram.json holds how often each
three bytes stand in it; tinylm.c derives the shorter counts by summing.
"""
import collections
import json
import math

import corpus

WINDOW = 256  # the windows that tinylm.c scores
ORDERS = 8


def count(text, order):
    """Counter of every run of `order` bytes."""
    return collections.Counter(
        text[i:i + order] for i in range(len(text) - order + 1))


def contexts(counts):
    """context -> (n, T): bytes that followed it, different ones among them."""
    result = collections.defaultdict(lambda: [0, 0])
    for run, n in counts.items():
        result[run[:-1]][0] += n
        result[run[:-1]][1] += 1
    return result


def scored(text):
    """Positions of the text that tinylm.c --bytes 0 scores."""
    windows = (len(text) - 1) // WINDOW
    for i in range(windows):
        start = (len(text) - 1 - WINDOW) * i // (windows - 1)
        yield from range(start + 1, start + 1 + WINDOW)


def main():
    text, heldout = corpus.training_text(), corpus.heldout_text()
    positions = list(scored(heldout))
    shorter = [1 / 256] * len(positions)
    for order in range(1, ORDERS + 1):
        counts = count(text, order)
        after = contexts(counts)
        for j, at in enumerate(positions):
            run = heldout[max(at - order + 1, 0):at + 1]
            n, kinds = after.get(run[:-1], (0, 0)) if len(run) == order else (0, 0)
            if n:
                shorter[j] = (counts[run] + kinds * shorter[j]) / (n + kinds)
        nats = -sum(map(math.log, shorter)) / len(shorter)
        print(f"order {order}: {nats / math.log(2):.4f} bits per byte, "
              f"perplexity {math.exp(nats):.4f}")
        if order == 3:
            write_counts("trigram.json", counts)


def write_counts(path, counts):
    """{"counts": {three characters: n}}, sorted, one count per line."""
    with open(path, "w") as file:
        json.dump({"counts": {run.decode("ascii"): n
                              for run, n in sorted(counts.items())}},
                  file, indent=0, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
