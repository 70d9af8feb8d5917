#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manual: clean mdoc, every function of the headers on a page with its prototype, every option in the list.

Arguments: the generated pages, vereda_options.3 among them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from kit import ROOT, Skip, main, read

GENERATED = {os.path.basename(path): path for path in sys.argv[1:]}
MAN = os.path.join(ROOT, "docs", "man")


def pages():
    found = {name: os.path.join(MAN, name) for name in sorted(os.listdir(MAN)) if re.search(r"\.[1-8]$", name)}
    found.update(GENERATED)
    return found


def text(name):
    with open(pages()[name], encoding="utf-8") as file:
        return file.read()


def check_lint():
    if shutil.which("mandoc") is None:
        raise Skip("no mandoc")
    wrong = []
    with tempfile.TemporaryDirectory() as folder:  # together, so that references between them are found
        for name, path in pages().items():
            shutil.copy(path, os.path.join(folder, name))
        for name in pages():
            done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", name], cwd=folder, capture_output=True, text=True, check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "mandoc.db" not in line]
            wrong += said
    return wrong


def declarations():
    """name -> list of parameters, of every public function."""
    found = {}
    folder = os.path.join(ROOT, "include", "vereda")
    for name in sorted(os.listdir(folder)):
        code = re.sub(r"/\*.*?\*/", "", read(f"include/vereda/{name}"), flags=re.S)
        code = "\n".join(line for line in code.split("\n") if not line.startswith("#"))
        for one in re.finditer(r"\bVEREDA_API\b\s+([^;{]*?)(\w+) \(([^;]*)\);", code):
            parameters = re.sub(r"\s+", " ", one.group(3)).strip()
            found[one.group(2)] = [] if parameters == "void" else [word.strip() for word in parameters.split(",")]
    return found


def prototypes():
    """name -> list of parameters, of every .Fn and .Fo in a SYNOPSIS."""
    found = {}
    for name in pages():
        if not name.endswith(".3"):
            continue
        synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh ", text(name), re.S | re.M).group(1)
        for one in re.finditer(r"^\.Fn (\w+) (.*)$", synopsis, re.M):
            arguments = re.findall(r'"([^"]*)"|(\S+)', one.group(2))
            words = [a or b for a, b in arguments]
            found[one.group(1)] = [] if words == ["void"] else words
        for one in re.finditer(r"^\.Fo (\w+)\n(.*?)^\.Fc", synopsis, re.M | re.S):
            found[one.group(1)] = [a.strip('"') for a in re.findall(r'^\.Fa (.*)$', one.group(2), re.M)]
    return found


def check_functions():
    declared, shown = declarations(), prototypes()
    if len(declared) < 50:
        return ["the declarations of the headers were not found"]
    wrong = [f"{name} is on no page" for name in sorted(set(declared) - set(shown))]
    wrong += [f"{name} is on a page and not in the headers" for name in sorted(set(shown) - set(declared))]
    for name in sorted(set(declared) & set(shown)):
        if [word.replace(" ", "") for word in declared[name]] != [word.replace(" ", "") for word in shown[name]]:
            wrong.append(f"{name}: the header has ({', '.join(declared[name])}), the page ({', '.join(shown[name])})")
    return wrong


def check_mentions():
    """Functions and constants that the prose speaks of exist."""
    headers = "".join(read(f"include/{folder}/{name}") for folder in ("vereda", "vereda-plugin")
                      for name in sorted(os.listdir(os.path.join(ROOT, "include", folder))))
    wrong = []
    for name in pages():
        page = re.sub(r"^\.Dt .*$", "", text(name), flags=re.M)
        for word in re.findall(r"\b(?:vereda_[a-z_]+[a-z]|VEREDA_[A-Z_]+[A-Z])\b", page):
            known = re.search(rf"\b{word}\b", headers) or os.path.exists(os.path.join(MAN, word + ".3")) or word + ".3" in pages()
            if not known and word not in ("VEREDA_PLUGIN_PATH", "VEREDA_RANK"):
                wrong.append(f"{name}: {word} does not exist")
    return sorted(set(wrong))


def check_options():
    table = read("core/send/options-table.c")
    names = re.findall(r'ROW \("([a-z0-9-]+)"', table)
    page = text("vereda_options.3")
    if len(names) < 40:
        return ["the table of options was not found"]
    return [f"option {name} is not in the list" for name in names if f'.It Cm "\\&{name}"' not in page]


if __name__ == "__main__":
    main([("man/mdoc-is-clean", check_lint), ("man/prototypes-are-the-headers", check_functions),
          ("man/names-exist", check_mentions), ("man/every-option", check_options)])
