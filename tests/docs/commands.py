#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every command that the prose shows is run as it stands, in a folder with the files it names.

Only the servers differ: mail.example.org:587 is a sink with STARTTLS and AUTH, :465 one with implicit TLS, :25 one without either, which
refuses nobody@example.org; backup.example.org:25 is one that is down.  Their authority is added to the trusted ones.  Where the comment has
server=NAME, all of mail.example.org is one of the servers of wrong.py, or example.org one of its domains.  A block with the comment "printed" is
what the one before it says, or some lines of that in their order; ports may differ.
"""

import os
import re
import subprocess

import wrong as misconfigured
from kit import Folder, Skip, Sink, blocks, main, markdown, read, run

TOOL = os.environ.get("DOCS_TOOL")


class World:
    """The servers and the files."""

    def __init__(self):
        self.folder = Folder()
        secure = ["--self-signed", "--auth=PLAIN,LOGIN,CRAM-MD5,DIGEST-MD5", "--user=ana", "--password-file=password"]
        self.sinks = {
            "587": Sink(self.folder, "--tls=starttls", "--ca-out=ca587.pem", "--require-auth", *secure),
            "465": Sink(self.folder, "--tls=implicit", "--ca-out=ca465.pem", "--require-auth", *secure),
            "25": Sink(self.folder, "--reject-rcpt=nobody@example.org"),
        }
        self.started = list(self.sinks.values())
        self.folder.write("second.eml", b"From: ana@example.org\r\nTo: berta@example.org\r\n\r\nSecond.\r\n")
        self.folder.write("list.pdf", b"%PDF-1.4 not really\n")
        both = b"".join(open(self.folder.file(f"ca{port}.pem"), "rb").read() for port in ("587", "465"))
        self.folder.write("authorities.pem", both)
        self.folder.write("smtp-tool", b'#!/bin/sh\ncase "$1" in\nsend) shift; set -- send "--ca-file=$AUTHORITIES" "$@" ;;\nesac\nexec "$TOOL" "$@"\n')
        os.chmod(self.folder.file("smtp-tool"), 0o755)
        self.environment = dict(os.environ, TOOL=TOOL, AUTHORITIES=self.folder.file("authorities.pem"), SECRET="correct horse",
                                PATH=self.folder.path + ":" + os.environ["PATH"])

    def __enter__(self):
        return self

    def put(self, name):
        """A server with something wrong in the place of mail.example.org; what its name and port imply is added to what the page shows."""
        self.folder.write("elsewhere", b"another password\n")
        server, options = misconfigured.start(self.folder, name)
        self.sinks = {**self.sinks, **dict.fromkeys(("25", "587", "465"), server)}
        implied = " ".join(f"'{option}'" for option in options)
        self.folder.write("smtp-tool", ('#!/bin/sh\ncase "$1" in\nauth) a=$1 b=$2; shift 2; set -- "$a" "$b" ' + implied + ' "$@" ;;\n'
                                        'probe|tls|check|compare|send) a=$1; shift; set -- "$a" ' + implied + ' "$@" ;;\nesac\n'
                                        'exec "$TOOL" "$@"\n').encode())

    def __exit__(self, *_):
        for sink in {*self.started, *self.sinks.values()}:
            sink.__exit__()
        self.folder.__exit__()

    def here(self, text):
        for port, sink in self.sinks.items():
            text = re.sub(rf"mail\.example\.org:{port}\b", sink.at, text)
        return text.replace("backup.example.org:25", "localhost:1")


def plain(line):
    """Without the port, and what columns it moves."""
    return re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"(:|\b_)\d+\b", r"\1PORT", line.rstrip()))


def missing_lines(shown, said):
    """Those lines of @p shown that are not in @p said, in this order."""
    said, wrong = [plain(line) for line in said.splitlines()], []
    for line in shown.splitlines():
        wanted = plain(line)
        if wanted and wanted not in said:
            wrong.append(f"does not print {line!r}")
        elif wanted:
            del said[:said.index(wanted) + 1]
    return wrong


def run_block(text, comment, printed):
    with World() as world:
        wanted = re.search(r"server=(\S+)", comment)
        if wanted:
            world.put(wanted[1])
        if "sink" in comment:
            return run_sink(world, text)
        expected = int((re.search(r"exit=(\d+)", comment) or [0, "0"])[1])
        out, err, wrong = run(["sh", "-ec", world.here(text)], world.folder, expected, env=world.environment,
                              stdin=subprocess.DEVNULL)
        says = re.search(r'says="([^"]*)"', comment)
        if says and says[1] not in out + err:
            wrong += [f"does not say {says[1]!r}:", *(out + err).splitlines()]
        missing = missing_lines(printed, out)
        return wrong + missing + (out.splitlines() if missing else [])


def run_sink(world, text):
    """A server runs until it is stopped: it has to say that it listens, and to end when told."""
    child = subprocess.Popen(["sh", "-ec", "exec " + text.strip().rstrip("&").strip()], cwd=world.folder.path, env=world.environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    first = child.stdout.readline()
    child.terminate()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    return [] if "listening" in first or re.fullmatch(r"\d+\n", first) else ["did not begin to listen:", first, *rest.splitlines()]


def check(path, text, comment, printed):
    def one():
        if TOOL is None:
            raise Skip("smtp-tool was not built")
        return run_block(text, comment, printed)

    return f"command/{path}", one


def check_flags():
    """Every flag that the prose names is in the help of a command."""
    if TOOL is None:
        raise Skip("smtp-tool was not built")
    known = ""
    for command in ("send", "plugins", "bench", "probe", "tls", "check", "compare", "session", "sink"):
        known += subprocess.run([TOOL, command, "--help"], capture_output=True, text=True, check=False).stdout
    names = set(re.findall(r"--(?:\[no-\])?([a-z0-9][a-z0-9-]+)", known))
    wrong = set()
    for path in markdown():
        if not path.startswith(("README", "docs/guide")):
            continue
        for line in read(path).split("\n"):
            for word in re.findall(r"`--([a-z0-9-]+)", line):
                if word not in names and word.removeprefix("no-") not in names and "pkg-config" not in line and "meson" not in line:
                    wrong.add(f"{path}: --{word} is in no help")
    return sorted(wrong)


def check_statuses():
    """The table of exit statuses in the guide has numbers that the help has."""
    if TOOL is None:
        raise Skip("smtp-tool was not built")
    known = set(re.findall(r"^ +(\d+)  ", subprocess.run([TOOL, "send", "--help"], capture_output=True, text=True, check=False).stdout, re.M))
    shown = set(re.findall(r"^\| (\d+) \|", read("docs/guide/smtp-tool.md"), re.M))
    return [f"{number} is no exit status" for number in sorted(shown - known)] or ([] if shown else ["the table was not found"])


CHECKS = [("command/flags-exist", check_flags), ("command/statuses-exist", check_statuses)]
for page in markdown():
    found = blocks(page)
    for (number, language, comment, text), (_, _, after, output) in zip(found, [*found[1:], (0, "", "", "")]):
        if language == "sh" and comment.startswith("run"):
            CHECKS.append(check(f"{page}:{number}", text, comment, output if after == "printed" else ""))

if __name__ == "__main__":
    main(CHECKS)
