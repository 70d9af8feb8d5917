#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every public header compiles alone, as C11 and as C++17, with warnings as errors; the frozen layouts hold for both pointer sizes."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

from tap import Skip, main

ROOT = os.path.abspath(sys.argv[1])
CC = shlex.split(os.environ.get("LINT_CC", "cc"))
CXX = shlex.split(os.environ.get("LINT_CXX", "c++"))
INCLUDE = os.path.join(ROOT, "include")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def glib_flags():
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], check=True, capture_output=True, text=True).stdout.split()
    # GLib's own headers are not what is judged here.
    return [word for flag in flags for word in (["-isystem", flag[2:]] if flag.startswith("-I") else [flag])]


GLIB = glib_flags()


def headers():
    found = []
    for folder in ("vereda", "vereda-kit", "vereda-plugin"):
        found += [f"{folder}/{name}" for name in sorted(os.listdir(os.path.join(INCLUDE, folder))) if name.endswith(".h")]
    return found


def compile_text(compiler, flags, text, suffix):
    """What the compiler says; "" when it is content."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "unit" + suffix)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(compiler + flags + ["-fsyntax-only", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or "failed"


def alone(header, compiler, standard, suffix):
    def check():
        if shutil.which(compiler[0]) is None:
            raise Skip(f"no {compiler[0]}")
        # Twice: the guard has to hold.
        text = f"#include <{header}>\n#include <{header}>\nextern int unit;\nint unit;\n"
        said = compile_text(compiler, [standard, *WARNINGS, "-I", INCLUDE, *GLIB], text, suffix)
        return said.splitlines()

    return check


def layout(name, flags, needs_glib):
    def check():
        path = os.path.join(ROOT, "tests", "abi", name)
        glib = GLIB if needs_glib else ["-ffreestanding", "-I", os.path.join(ROOT, "tests", "abi", "stand-in")]
        done = subprocess.run(CC + flags + ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", INCLUDE, *glib, path],
                              capture_output=True, text=True, check=False)
        return done.stderr.splitlines() if done.returncode else []

    return check


def layout_32():
    if compile_text(CC, ["-m32", "-ffreestanding"], "#include <stddef.h>\n#include <stdint.h>\nextern int unit;\nint unit;\n", ".c"):
        raise Skip("the compiler has no -m32")
    return layout("layout.c", ["-m32"], False)()


def layout_notices():
    """A layout that differs is refused: the check itself is checked."""
    path = os.path.join(ROOT, "tests", "abi", "layout.c")
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("AT (VeredaMech, flags, 28, ", "AT (VeredaMech, flags, 24, ")
    said = compile_text(CC, ["-std=c11", "-I", INCLUDE, *GLIB], text, ".c")
    return [] if "place of VeredaMech.flags" in said else ["a member at another place went unnoticed"]


CHECKS = []
for one in headers():
    CHECKS.append((f"alone/c11/{one}", alone(one, CC, "-std=c11", ".c")))
    CHECKS.append((f"alone/c++17/{one}", alone(one, CXX, "-std=c++17", ".cc")))
CHECKS += [
    ("abi/plugin-interface", layout("layout.c", [], True)),
    ("abi/plugin-interface-32-bit", layout_32),
    ("abi/plugin-interface-without-glib", layout("layout.c", [], False)),
    ("abi/public-interface", layout("api.c", [], True)),
    ("abi/a-change-is-noticed", layout_notices),
]

if __name__ == "__main__":
    main(CHECKS)
