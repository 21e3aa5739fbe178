"""Prints the closing lines of every test log below a build folder and one line of totals.

usage: summary.py BUILD STATUS   STATUS is what `make check` ended with; any failure or a non-zero STATUS exits 1.
"""
import pathlib
import re
import sys

CLOSING = re.compile(
    r"^\[  (?:PASSED|FAILED)  \].*|^\s*(?:Total Discovered Tests|Passed|Failed|Unsupported|Expectedly Failed)\s*:.*"
    r"|^\d+ functions:.*|^\w+: \d+ inputs replayed|^FAILED .*|^.* cases? .*agree.*"
)


def counts(text, passed):
    """Tests passed and failed in one log: cmocka's and lit's own counts, else the log as one test."""
    ok = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", text))) + sum(map(int, re.findall(r"^\s*Passed\s*:\s*(\d+)", text, re.M)))
    bad = sum(map(int, re.findall(r"\[  FAILED  \] \w+: (\d+) test|\[  FAILED  \] (\d+) test", text) and
                  [int(a or b) for a, b in re.findall(r"\[  FAILED  \] \w+: (\d+) test|\[  FAILED  \] (\d+) test", text)]))
    bad += sum(map(int, re.findall(r"^\s*Failed\s*:\s*(\d+)", text, re.M)))
    if ok + bad == 0:
        ok, bad = int(passed), int(not passed)
    return ok, max(bad, int(not passed))


def main():
    build, status = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    good = failed = 0
    for trs in sorted(build.rglob("*.trs")):
        log = trs.with_suffix(".log")
        text = log.read_text(errors="replace") if log.exists() else ""
        passed = ":test-result: PASS" in trs.read_text()
        ok, bad = counts(text, passed)
        good, failed = good + ok, failed + bad
        print(f"{'ok  ' if passed else 'FAIL'} {trs.relative_to(build).with_suffix('')}")
        for line in text.splitlines():
            if CLOSING.match(line):
                print(f"       {line.strip()}")
        if not passed:
            print("\n".join("     | " + line for line in text.splitlines()[-80:]))
    if good + failed == 0:
        print("no test ran")
    print(f"{good} passed, {failed} failed")
    return 1 if status or failed or not good else 0


sys.exit(main())
