#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Doxygen makes the reference without a warning: every public name is documented, every reference in a comment is right."""

import os
import shutil
import subprocess
import sys
import tempfile

from kit import Skip, main

DOXYFILE = sys.argv[1]


def doxygen(*settings):
    if shutil.which("doxygen") is None:
        raise Skip("no doxygen")
    with tempfile.TemporaryDirectory() as folder:
        with open(DOXYFILE, encoding="utf-8") as file:
            text = file.read() + f'\nOUTPUT_DIRECTORY = "{folder}"\n' + "\n".join(settings) + "\n"
        done = subprocess.run(["doxygen", "-"], input=text, capture_output=True, text=True, check=False)
        pages = os.listdir(os.path.join(folder, "html")) if os.path.isdir(os.path.join(folder, "html")) else []
    return done, pages


def check_clean():
    done, pages = doxygen()
    wrong = done.stderr.splitlines()
    if done.returncode != 0 and not wrong:
        wrong = [f"doxygen ends with {done.returncode}"]
    for page in ("sender_8h.html", "transport_8h.html", "index.html"):
        if page not in pages:
            wrong.append(f"no {page} was made")
    return wrong


def check_notices():
    """An undocumented name is a failure: the check itself is checked."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bad.h")
        with open(path, "w", encoding="utf-8") as file:
            file.write("/** @file bad.h\n * @brief One name has no words. */\nint nothing_said (void);\n")
        done, _ = doxygen(f'INPUT = "{path}"')
    return [] if done.returncode != 0 and "nothing_said" in done.stderr else ["an undocumented function went unnoticed"]


if __name__ == "__main__":
    main([("api/no-warning", check_clean), ("api/a-gap-is-noticed", check_notices)])
