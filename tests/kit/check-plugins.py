#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every plugin in the folders of VEREDA_PLUGIN_PATH passes vereda-plugin-check; what the program itself does when it is used wrongly.

Argument: the program.
"""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lint"))

from tap import Notes, main  # noqa: E402

PROGRAM = sys.argv[1]
PLUGINS = sorted(path for folder in os.environ["VEREDA_PLUGIN_PATH"].split(":") for path in glob.glob(os.path.join(folder, "*.so")))


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def passes(path):
    def check():
        status, out, err = run(path)
        notes = Notes()
        if status == 0:
            notes.remark(out.strip().splitlines()[-1])
        else:
            notes.extend([f"exit status {status}"] + (out + err).splitlines())
        return notes

    return check


def check_there():
    stems = {os.path.splitext(os.path.basename(path))[0] for path in PLUGINS}
    return [f"{stem} is not among the plugins" for stem in ("plain", "auth_plain", "auth_login") if stem not in stems]


def check_tap():
    status, out, _ = run(PLUGINS[0], "--tap")
    lines = out.splitlines()
    numbers = [int(found.group(1)) for line in lines for found in [re.match(r"(?:not )?ok (\d+) - ", line)] if found]
    wrong = [] if status == 0 else [f"exit status {status}"]
    if lines[-1] != f"1..{len(numbers)}" or numbers != list(range(1, len(numbers) + 1)) or len(numbers) < 20:
        wrong.append("the numbers and the plan do not agree: " + lines[-1])
    return wrong


def check_verbose():
    _, out, _ = run(PLUGINS[0], "--verbose")
    return [] if re.search(r"^passed +elf.one-symbol$", out, re.M) else ["what passed is not shown"]


def check_usage():
    wrong = []
    for arguments in ([], ["a.so", "b.so"], ["--nonsense"], ["/nonexistent/x.so"]):
        status, out, err = run(*arguments)
        if status != 2 or out or not err.startswith("vereda-plugin-check: "):
            wrong.append(f"{arguments}: status {status}, {out!r}, {err!r}")
    return wrong


if __name__ == "__main__":
    main([("plugins-are-there", check_there)] + [(f"passes/{os.path.basename(path)}", passes(path)) for path in PLUGINS]
         + [("tap", check_tap), ("verbose", check_verbose), ("usage", check_usage)])
