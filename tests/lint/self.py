#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The lints are tested themselves: a copy of the tree gets one fault for each rule, and each rule has to see its own."""

import os
import shutil
import subprocess
import sys
import tempfile

from tap import main

ROOT = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))

# (check of sources.py, file, text to add at its end; or None and the text replaces the first line)
FAULTS = [
    ("include/arrows", "core/message/field.c", '#include "core/smtp/reply.h"\n'),
    ("include/arrows", "core/net/host.c", '#include "core/plugin/registry.h"\n'),
    ("include/arrows", "core/smtp/reply.c", "#include <vereda/options.h>\n"),
    ("include/arrows", "include/vereda/trace.h", "#include <vereda-plugin/plugin.h>\n"),
    ("include/arrows", "plugins/auth/plain/plain.c", '#include "core/base/secret.h"\n'),
    ("include/arrows", "plugins/auth/plain/plain.c", '#include "../digest-md5/digest.h"\n'),
    ("include/arrows", "tools/smtp-tool/send.c", '#include "core/send/job.h"\n'),
    ("include/every-file-has-a-room", "core/attic/old.c", "int old;\n"),
    ("include/arrows", "kit/report.c", '#include "core/base/error.h"\n'),
    ("include/arrows", "core/plugin/check.c", "#include <vereda-kit/kit.h>\n"),
    ("include/one-home", "kit/report.c", "#include <gmodule.h>\n"),
    ("call/the-kit-prints-in-its-program-only", "kit/report.c", 'void p (void) { printf ("x"); }\n'),
    ("call/the-kit-starts-processes-in-kit/child.c-only", "kit/report.c", "void f (void) { fork (); }\n"),
    ("call/the-kit-reads-no-environment", "kit/report.c", 'char *e (void) { return getenv ("A"); }\n'),
    ("include/one-home", "core/send/route.c", "#include <openssl/ssl.h>\n"),
    ("include/one-home", "core/plugin/registry.c", "#include <gmodule.h>\n"),
    ("include/one-home", "core/send/job.c", "#include <netdb.h>\n"),
    ("call/sockets-only-in-core/net-and-plugins/transport/plain", "core/send/route.c", "int x (void) { return socket (1, 2, 3); }\n"),
    ("call/environment-only-through-secure_getenv-in-core/plugin/environment.c", "core/net/host.c", 'char *e (void) { return getenv ("A"); }\n'),
    ("call/there-it-is-secure_getenv", "core/plugin/environment.c", 'char *e (void) { return getenv ("A"); }\n'),
    ("call/environment-of-the-tool-in-few-files", "tools/smtp-tool/send.c", 'char *e (void) { return getenv ("A"); }\n'),
    ("call/the-library-never-prints", "core/send/job.c", 'void p (void) { printf ("x"); }\n'),
    ("call/never-ends-the-process", "core/send/job.c", "void q (void) { abort (); }\n"),
    ("call/message-and-protocol-have-no-clock", "core/smtp/reply.c", "long t (void) { return g_get_monotonic_time (); }\n"),
    ("call/modules-are-opened-in-core/plugin/loader.c", "core/plugin/check.c", "void o (void) { dlopen (0, 0); }\n"),
    ("call/no-process-is-started-by-the-library", "core/plugin/check.c", "void f (void) { fork (); }\n"),
    ("call/no-unbounded-string-functions", "core/base/trace.c", "void c (char *a, char *b) { strcpy (a, b); }\n"),
    ("no-gobject", "include/vereda/sender.h", "GObject *object;\n"),
    ("opening/c", "core/base/secret.c", None),
    ("guards-are-unique", "core/base/trace.h", "#ifndef VD_SECRET_H\n"),
    ("core-files-are-small", "core/base/buffer.c", "\n" * 600),
    ("no-left-overs", "core/base/trace.c", "/* TO" "DO: later */\n"),
    ("no-strangers", "core/base/trace.c", "/* see /wo" "rk/notes */\n"),
    ("abi/every-value-is-frozen", "include/vereda-plugin/auth.h", "enum { VEREDA_NEW = 77 };\n"),
]
# Not faults: what a rule must leave alone.
FINE = [
    ("core/base/trace.c", "/* printf (x), getenv (y) and socket (z) in a comment */\n"),
    ("core/base/trace.c", 'static const char *word (void) { return "dlopen (x)"; }\n'),
]


def copy(folder):
    for part in ("core", "include", "plugins", "kit", "tools", "tests/abi"):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(folder, part))


def plant(folder, path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if text is None:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        text, mode = "\n".join(lines[1:]), "w"
    elif text.startswith("#ifndef"):  # another file's guard
        with open(path, encoding="utf-8") as file:
            text, mode = file.read().replace("VD_TRACE_H", "VD_SECRET_H"), "w"
    else:
        mode = "a"
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def lint(folder):
    done = subprocess.run([sys.executable, os.path.join(HERE, "sources.py"), folder], capture_output=True, text=True, check=False)
    states = {}
    remarks = []
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            remarks.append(line[2:])
        elif " " in line and not line.startswith("1.."):
            state, rest = line.split("ok ", 1)
            states[rest.split()[1]] = (state == "", remarks)
            remarks = []
    return states


def check_faults():
    with tempfile.TemporaryDirectory() as folder:
        copy(folder)
        for _, path, text in FAULTS:
            plant(folder, path, text)
        states = lint(folder)
    wrong = []
    for name, path, _ in FAULTS:
        good, remarks = states.get(name, (True, []))
        if good or not any(remark.startswith(path) for remark in remarks):
            wrong.append(f"{name} did not see its fault in {path}")
    return wrong


def check_fine():
    with tempfile.TemporaryDirectory() as folder:
        copy(folder)
        before = {name for name, (good, _) in lint(folder).items() if not good}
        for path, text in FINE:
            plant(folder, path, text)
        after = {name for name, (good, _) in lint(folder).items() if not good}
    return [f"{name} complains of what is only a comment or a string" for name in sorted(after - before)]


if __name__ == "__main__":
    main([("faults-are-seen", check_faults), ("words-are-not-faults", check_fine)])
