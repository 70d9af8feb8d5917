#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The prose agrees with the tree: what it shows is a file that is built and run, what it points at exists.

With --write the files are first copied into the blocks that show them.
"""

import os
import re
import sys

from kit import ROOT, blocks, main, markdown, read

# Languages of blocks that are run or compared; anything else in a fence is output or a sketch and says so by having no language.
COMPARED = ("c", "ini", "meson")
# Folders whose files are shown.
SHOWN = ("docs/examples", "docs/examples/transport", "docs/example-auth")


def check_examples():
    """A block of C or a keyfile is the file named in the comment before it, word for word."""
    wrong = []
    for path in markdown():
        for line, language, comment, text in blocks(path):
            if language not in COMPARED:
                continue
            if os.path.dirname(comment) not in SHOWN or not os.path.exists(os.path.join(ROOT, comment)):
                wrong.append(f"{path}:{line}: a block of {language} without the name of its file before it")
            elif read(comment) != text:
                wrong.append(f"{path}:{line}: differs from {comment}")
    return wrong


def check_shown():
    """Every example is shown somewhere."""
    shown = {comment for path in markdown() for _, _, comment, _ in blocks(path)}
    wrong = []
    for folder in SHOWN:
        names = [name for name in sorted(os.listdir(os.path.join(ROOT, folder))) if name.endswith((".c", ".plugin"))]
        wrong += [f"{folder}/{name} is shown nowhere" for name in names if f"{folder}/{name}" not in shown]
    return wrong


def check_commands_are_marked():
    """A block of commands says whether the tests run it."""
    return [f"{path}:{line}: neither <!-- run --> nor <!-- not run: why --> before it"
            for path in markdown() for line, language, comment, _ in blocks(path)
            if language == "sh" and not re.match(r"(run\b|not run: \w)", comment)]


def check_languages():
    return [f"{path}:{line}: the language {language} is not checked by anything"
            for path in markdown() for line, language, _, _ in blocks(path) if language not in ("", "sh", *COMPARED)]


def check_links():
    wrong = []
    for path in markdown():
        text = re.sub(r"^```.*?^```", "", read(path), flags=re.S | re.M)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?:", target):
                continue
            name, _, anchor = target.partition("#")
            to = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(os.path.join(ROOT, to)):
                wrong.append(f"{path}: {target} does not exist")
            elif anchor:
                heads = [re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-")
                         for head in re.findall(r"^#+ (.*)$", read(to), re.M)]
                if anchor not in heads:
                    wrong.append(f"{path}: {target}: no such heading")
    return wrong


def check_paths():
    """Files of the tree that the prose names exist."""
    wrong = []
    for path in markdown():
        text = re.sub(r"^```.*?^```", "", read(path), flags=re.S | re.M)
        for name in re.findall(r"`((?![^`]*\bID-)(?:core|include|plugins|tools|tests|docs)/[\w./-]*[\w/])`", text):
            if not os.path.exists(os.path.join(ROOT, name)):
                wrong.append(f"{path}: {name} does not exist")
    return wrong


def check_names():
    """Functions and constants that the prose names exist."""
    headers = "".join(read(f"include/{folder}/{name}") for folder in ("vereda", "vereda-plugin")
                      for name in sorted(os.listdir(os.path.join(ROOT, "include", folder))))
    wrong = set()
    for path in markdown():
        for word in re.findall(r"`(vereda_(?!noun)\w+|VEREDA_[A-Z_]+|Vereda[A-Z]\w+)(?: ?\(\))?`", read(path)):
            if not re.search(rf"\b{word}\b", headers) and word not in ("VEREDA_PLUGIN_PATH", "VEREDA_RANK"):
                wrong.add(f"{path}: {word} does not exist")
    return sorted(wrong)


def check_seed():
    """The page for those who come from tcllib has every option of the seed that the table knows."""
    table = read("core/send/options-table.c")
    rows = [(re.search(r'ROW \("([a-z0-9-]+)"', row), re.search(r'"(-[a-z]+)"', row)) for row in table.split("\n  [VD_OPTION_")]
    pairs = [(name[1], seed[1]) for name, seed in rows if name and seed]
    page = read("docs/guide/coming-from-tcllib.md")
    if len(pairs) < 10:
        return ["the table of options was not found"]
    wrong = [f"{seed} is missing" for _, seed in pairs if f"`{seed}`" not in page]
    return wrong + [f"option {name} is missing" for name, _ in pairs if f"`{name}" not in page]


def check_options():
    """Options that the prose names in bold exist: **`name`**."""
    names = set(re.findall(r'ROW \("([a-z0-9-]+)"', read("core/send/options-table.c")))
    wrong = set()
    for path in markdown():
        for word in re.findall(r"option `([a-z0-9-]+)", read(path)):
            if word not in names:
                wrong.add(f"{path}: there is no option {word}")
    return sorted(wrong)


def write():
    """Copies every file into the blocks that show it."""
    for path in markdown():
        lines = read(path).split("\n")
        for line, language, comment, text in reversed(blocks(path)):
            if language in COMPARED and os.path.exists(os.path.join(ROOT, comment)):
                lines[line:line + text.count("\n")] = read(comment).rstrip("\n").split("\n")
        with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
            file.write("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    main([("text/examples-are-the-files", check_examples), ("text/every-example-is-shown", check_shown),
          ("text/commands-are-marked", check_commands_are_marked), ("text/languages", check_languages),
          ("text/links", check_links), ("text/paths", check_paths), ("text/names", check_names), ("text/options", check_options),
          ("text/seed", check_seed)])
