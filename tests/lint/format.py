#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The C files are formatted as .clang-format says, by the version of clang-format that it was written for."""

import os
import re
import shutil
import subprocess
import sys

from tap import Skip, main

ROOT = os.path.abspath(sys.argv[1])
VERSION = "14"  # other versions lay out some lines differently
PARTS = ["include", "core", "plugins", "kit", "tools", "tests", "docs"]
GENERATED = {"plugins/auth/common/saslprep-tables.h"}


def find():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], check=True, capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return name
    raise Skip(f"no clang-format {VERSION}")


def files(part):
    for folder, _, names in os.walk(os.path.join(ROOT, part)):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith((".c", ".h")) and path not in GENERATED:
                yield path


def check(part):
    def run():
        program = find()
        paths = list(files(part))
        if not paths:
            return []
        done = subprocess.run([program, "--dry-run", "-Werror", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return []
        wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
        return [f"{path}: {program} -i would change it" for path in wrong] or done.stderr.splitlines()[:20]

    return run


if __name__ == "__main__":
    main([(f"format/{part}", check(part)) for part in PARTS])
