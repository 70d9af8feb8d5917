# SPDX-License-Identifier: MIT
"""TAP for the lints: a check is a function that returns the list of what is wrong, or raises Skip."""

import sys


class Skip(Exception):
    """The check cannot be done on this machine; the text says why."""


class Notes(list):
    """What is wrong, and remarks that are printed whether or not anything is."""

    def __init__(self):
        super().__init__()
        self.remarks = []

    def remark(self, text):
        self.remarks.append(text)


def run(checks):
    """Runs (name, function) pairs; the exit status says whether all held."""
    failed = 0
    print(f"1..{len(checks)}")
    for number, (name, function) in enumerate(checks, 1):
        try:
            wrong = function()
        except Skip as why:
            print(f"ok {number} {name} # SKIP {why}")
            continue
        for remark in getattr(wrong, "remarks", []):
            print(f"# {remark}")
        for line in wrong:
            print(f"# {line}")
        if wrong:
            failed += 1
        print(f"{'not ok' if wrong else 'ok'} {number} {name}", flush=True)
    return 1 if failed else 0


def main(checks):
    sys.exit(run(checks))
