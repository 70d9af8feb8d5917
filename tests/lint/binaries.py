#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the built library and plugins export, and what they need.  Reads them with nm and readelf.

Arguments: the source folder, the library, the folders of the plugins separated by colons.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

from tap import Notes, Skip, main

ROOT, LIBRARY, PLUGIN_PATH = sys.argv[1:]
PLUGINS = [path for folder in PLUGIN_PATH.split(":") for path in sorted(glob.glob(os.path.join(folder, "*.so")))]
# What compilers put into every object when they instrument it.
INSTRUMENTED = re.compile(r"^(?:__|_init$|_fini$|_edata$|_end$|_ITM_|lprofDirMode$|mangle_path$)")


def tool(name, *arguments):
    if shutil.which(name) is None:
        raise Skip(f"no {name} (binutils)")
    return subprocess.run([name, *arguments], check=True, capture_output=True, text=True).stdout


def exports(path):
    names = set()
    for line in tool("nm", "-D", "--defined-only", path).splitlines():
        fields = line.split()
        if len(fields) >= 3 and fields[1] != "A" and not INSTRUMENTED.match(fields[2]):
            names.add(fields[2])
    return names


def dynamic(path):
    """(needed libraries, flags)"""
    text = tool("readelf", "-dW", path)
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", text)
    flags = " ".join(re.findall(r"\(FLAGS(?:_1)?\)\s+(.*)", text))
    return needed, flags


def declared():
    names = set()
    folder = os.path.join(ROOT, "include", "vereda")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        text = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
        for found in re.finditer(r"\bVEREDA_API\b\s+([^;{#]*?)\(", text):
            names.add(found.group(1).split()[-1].lstrip("*"))
    return names


def check_library_exports():
    there = {name.split("@")[0] for name in exports(LIBRARY)}
    wanted = declared()
    if len(wanted) < 50:
        return ["the declarations of the headers were not found"]
    return ([f"{name} is exported and not declared VEREDA_API" for name in sorted(there - wanted)]
            + [f"{name} is declared VEREDA_API and not exported" for name in sorted(wanted - there)]
            + [f"{name} does not begin with vereda_" for name in sorted(there) if not name.startswith("vereda_")])


def check_library_versions():
    return [f"{name} has not the version VEREDA_1" for name in sorted(exports(LIBRARY)) if not name.endswith("@@VEREDA_1")]


def check_library_needs():
    """A program that sends in clear loads no TLS, no SASL, no GObject."""
    needed, _ = dynamic(LIBRARY)
    notes = Notes()
    notes.remark("libvereda needs " + ", ".join(needed))
    notes.extend(f"needs {name}" for name in needed if re.match(r"lib(?:ssl|crypto|gnutls|sasl|gsasl|gobject|gio|gmime)", name))
    return notes


def check_plugins_are_there():
    stems = {os.path.splitext(os.path.basename(path))[0] for path in PLUGINS}
    return [f"plugin {stem} was not built" for stem in ("plain", "auth_plain", "auth_login") if stem not in stems]


def check_plugin_export(path):
    def check():
        stem = os.path.splitext(os.path.basename(path))[0]
        wanted = {f"vereda1_{stem}_query"}
        there = exports(path)
        return [] if there == wanted else [f"exports {', '.join(sorted(there)) or 'nothing'}; wanted: {', '.join(wanted)}"]

    return check


def check_plugin_flags(path):
    def check():
        _, flags = dynamic(path)
        return [f"{flag} is missing: {why}" for flag, why in
                (("NODELETE", "the object must stay when its last handle is closed"),
                 ("NOW", "a missing symbol must show when the object is loaded")) if not re.search(rf"\b{flag}\b", flags)]

    return check


def check_plugin_needs(path):
    def check():
        stem = os.path.splitext(os.path.basename(path))[0]
        needed, _ = dynamic(path)
        own = {"gnutls": "libgnutls", "openssl": "lib(?:ssl|crypto)", "auth_cyrus": "libsasl2"}.get(stem, "$^")
        allowed = re.compile(rf"^(?:libglib-2\.0|libc|libm|libgcc_s|libpthread|ld-linux.*|lib[a-z]+san|libclang_rt\..*|{own})\.so")
        notes = Notes()
        notes.remark(f"needs {', '.join(needed)}")
        notes.extend(f"needs {name}" for name in needed if not allowed.match(name))
        return notes

    return check


CHECKS = [
    ("library/exports-are-the-declarations", check_library_exports),
    ("library/symbol-versions", check_library_versions),
    ("library/needs", check_library_needs),
    ("plugin/built", check_plugins_are_there),
]
for one in PLUGINS:
    label = os.path.basename(one)
    CHECKS += [(f"plugin/{label}/one-symbol", check_plugin_export(one)), (f"plugin/{label}/flags", check_plugin_flags(one)),
               (f"plugin/{label}/needs", check_plugin_needs(one))]

if __name__ == "__main__":
    main(CHECKS)
