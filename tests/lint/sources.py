#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lint of the sources: the arrows of the house, who may call what, how a file opens.  Reads text, runs nothing."""

import os
import re
import sys

import rules
from tap import Notes, main

ROOT = os.path.abspath(sys.argv[1])
PARTS = ["include", "core", "plugins", "kit", "tools", "tests", "docs"]


def walk(parts, suffixes):
    for part in parts:
        for folder, folders, files in os.walk(os.path.join(ROOT, part)):
            folders[:] = sorted(f for f in folders if f not in ("__pycache__", ".git"))
            for name in sorted(files):
                if name.endswith(suffixes) and not name.startswith("."):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


C_FILES = list(walk(PARTS, (".c", ".h")))
TEXT = {path: read(path) for path in C_FILES}

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def bare(text):
    """Code without comments and without the contents of strings; lines stay where they are."""
    def blank(match):
        word = match.group(0)
        return "".join("\n" if c == "\n" else " " for c in word) if word[0] == "/" else word[0] + word[-1]

    return TOKEN.sub(blank, text)


BARE = {path: bare(text) for path, text in TEXT.items()}


def under(path, places):
    return any(path == place or (path.startswith(place) and (place.endswith("/") or not place.endswith((".c", ".h"))))
               for place in places)


def matches(header, allowed):
    return any(header == entry or (entry.endswith("/") and header.startswith(entry)) for entry in allowed)


def includes(path):
    """(line, header, quoted) of every include that is not in a comment."""
    for number, line in enumerate(TEXT[path].split("\n"), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(2), found.group(1) == '"'


def room_of(path):
    for room in rules.ROOMS:
        if path.startswith(room + "/"):
            return room
    return None


def plugin_allowed(path):
    folder = os.path.dirname(path)
    kind = "/".join(folder.split("/")[:2])
    own = [os.path.join(folder, ""), os.path.join(rules.PLUGIN_COMMON.get(kind, folder), "")]
    return rules.PLUGIN_LIBRARIES.get(folder, []), own


def judge_include(path, room, header, quoted):
    """What is wrong with it, or None."""
    rule = rules.ROOMS[room]
    if header.startswith("core/"):
        return None if matches(header, rule["core"] + ([room + "/"] if room.startswith("core/") else [])) else "is above, or not for, it"
    if header.startswith(("kit/", "vereda-kit/")):
        return None if matches(header, rule.get("kit", [])) else "of the conformance kit is not for it"
    if header.startswith("vereda-plugin/"):
        return None if matches(header, rule["sdk"]) else "of the SDK is not for it"
    if header.startswith("vereda/"):
        return None if matches(header, rule["public"]) else "of the public interface is not for it"
    if quoted and header != "vereda-config.h":
        beside = os.path.normpath(os.path.join(os.path.dirname(path), header))
        if room == "tools/smtp-tool":
            return None if beside.startswith(room + "/") else "is outside of the tool"
        if room == "plugins":
            _, own = plugin_allowed(path)
            candidates = [beside] + [os.path.join(folder, header) for folder in own]
            return None if any(c in TEXT and under(c, own) for c in candidates) else "is of another plugin"
        return "is not named by its full path"
    if rule["system"] is None:
        return None
    extra = plugin_allowed(path)[0] if room == "plugins" else []
    return None if matches(header, rule["system"] + extra) else "is not in the room's list"


def check_includes():
    wrong = []
    for path in C_FILES:
        room = room_of(path)
        if room is None:
            continue
        for line, header, quoted in includes(path):
            why = judge_include(path, room, header, quoted)
            if why:
                wrong.append(f"{path}:{line}: {header} {why}")
    return wrong


def check_rooms():
    """Every file of core, plugins, include and tools stands in a room that the rules know."""
    return [f"{path}: the rules have no room for it" for path in C_FILES
            if path.split("/")[0] in ("core", "plugins", "kit", "include", "tools") and room_of(path) is None]


def check_lists_are_used():
    """A rule that nothing needs any more is taken out, so that the lists stay exact."""
    unused = []
    for room, rule in rules.ROOMS.items():
        used = {header for path in C_FILES if room_of(path) == room for _, header, _ in includes(path)}
        for kind in ("core", "sdk", "public", "kit", "system"):
            for entry in rule.get(kind) or []:
                if not any(matches(header, [entry]) for header in used):
                    unused.append(f"{room}: {entry} is allowed and nothing includes it")
    return unused


def check_homes():
    wrong = []
    homes = {}
    for header, places in rules.ONLY_IN:
        homes.setdefault(header, []).extend(places)
    for path in C_FILES:
        if path.startswith(("tests/", "docs/")):
            continue
        for line, header, _ in includes(path):
            for name, places in homes.items():
                if matches(header, [name]) and not under(path, places):
                    wrong.append(f"{path}:{line}: {header} has its home in {', '.join(places)}")
    return wrong


def check_calls(title, pattern, where, but):
    expression = re.compile(pattern)

    def check():
        wrong = []
        for path in C_FILES:
            if not under(path, where) or under(path, but):
                continue
            for number, line in enumerate(BARE[path].split("\n"), 1):
                found = expression.search(line)
                if found and not line.lstrip().startswith("#"):
                    wrong.append(f"{path}:{number}: {found.group(0).strip()}")
        return wrong

    return title, check


def check_gobject():
    wrong = []
    expression = re.compile(rules.GOBJECT)
    for path in C_FILES:
        if not path.startswith(("include/", "core/", "plugins/")):
            continue
        for number, line in enumerate(BARE[path].split("\n"), 1):
            found = expression.search(TEXT[path].split("\n")[number - 1] if "#" in line and "include" in line else line)
            if found:
                wrong.append(f"{path}:{number}: {found.group(0)}")
    return wrong


def check_opening():
    wrong = []
    for path in C_FILES:
        lines = TEXT[path].split("\n")
        if lines[0] != "/* SPDX-License-Identifier: MIT */":
            wrong.append(f"{path}: the first line is not the SPDX line")
        elif not re.match(r"/\*\*?(?: \w|$)", lines[1] if len(lines) > 1 else ""):
            wrong.append(f"{path}: the second line does not begin to say what the file is for")
    return wrong


def check_scripts_opening():
    wrong = []
    for path in walk(PARTS, (".py", ".sh")):
        head = read(path).split("\n")[:2]
        if not any("SPDX-License-Identifier: MIT" in line for line in head):
            wrong.append(f"{path}: no SPDX line at the top")
    return wrong


def check_guards():
    wrong = []
    seen = {}
    for path in C_FILES:
        if not path.endswith(".h") or path.startswith("tests/abi/sdk-"):  # frozen copies have the guards of what they copy
            continue
        found = re.search(r"^#ifndef (\w+)\n#define (\w+)$", BARE[path], re.M)
        if not found or found.group(1) != found.group(2):
            # Tables that are included more than once by design say so by having no guard at all.
            if re.search(r"^#ifndef \w+_H\b", BARE[path], re.M):
                wrong.append(f"{path}: the include guard is not an #ifndef and a #define of one name")
            elif not path.startswith(("tests/", "plugins/auth/common/saslprep-tables")):
                wrong.append(f"{path}: no include guard")
            continue
        guard = found.group(1)
        if guard in seen:
            wrong.append(f"{path}: {guard} is also the guard of {seen[guard]}")
        seen[guard] = path
    return wrong


def check_length():
    notes = Notes()
    lengths = sorted(((TEXT[path].count("\n"), path) for path in C_FILES if path.startswith("core/")), reverse=True)
    notes.remark("largest of core/: " + ", ".join(f"{path} {count}" for count, path in lengths[:3]))
    notes.extend(f"{path}: {count} lines, more than {rules.LINES_MAX}" for count, path in lengths if count > rules.LINES_MAX)
    return notes


def check_words(pattern, parts, suffixes):
    expression = re.compile(pattern)

    def check():
        wrong = []
        for path in walk(parts, suffixes):
            for number, line in enumerate(read(path).split("\n"), 1):
                found = expression.search(line)
                if found and path != "tests/lint/rules.py":
                    wrong.append(f"{path}:{number}: {found.group(0)}")
        return wrong

    return check


def check_frozen():
    """Every enumerator of the headers stands in tests/abi with its number."""
    known = read("tests/abi/layout.c") + read("tests/abi/api.c")
    wrong = []
    for path in C_FILES:
        if not path.startswith("include/"):
            continue
        for body in re.findall(r"\benum\s*\{(.*?)\}", BARE[path], re.S):
            for name in re.findall(r"\b(VEREDA_\w+)\s*(?:=[^,}]*)?(?:,|$)", body.strip()):
                if not re.search(rf"VALUE \({name}, ", known):
                    wrong.append(f"{path}: {name} is not in tests/abi")
    return wrong


CHECKS = [
    ("include/arrows", check_includes),
    ("include/every-file-has-a-room", check_rooms),
    ("include/lists-are-exact", check_lists_are_used),
    ("include/one-home", check_homes),
] + [("call/" + title.replace(" ", "-"), check) for title, check in (check_calls(*row) for row in rules.CALLS)] + [
    ("no-gobject", check_gobject),
    ("opening/c", check_opening),
    ("opening/scripts", check_scripts_opening),
    ("guards-are-unique", check_guards),
    ("core-files-are-small", check_length),
    ("no-left-overs", check_words(rules.LEFT_OVERS, PARTS, (".c", ".h", ".py", ".sh", ".md", ".build", ".plugin"))),
    ("no-strangers", check_words(rules.STRANGERS, PARTS, (".c", ".h", ".py", ".sh", ".md", ".build", ".plugin", ".in"))),
    ("abi/every-value-is-frozen", check_frozen),
]

if __name__ == "__main__":
    main(CHECKS)
