# SPDX-License-Identifier: MIT
"""What the tests of the documentation share: TAP from the lints, the files of the project, a sink to send to."""

import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("DOCS_ROOT", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("DOCS_BUILD", "")

sys.path.insert(0, os.path.join(ROOT, "tests", "lint"))

from tap import Notes, Skip, main  # noqa: E402,F401  (the lints' own)

MAIL = b"""From: Ana <ana@example.org>\r
To: Berta <berta@example.org>, carlos@example.net\r
Subject: notice\r
Date: Mon, 23 Nov 2026 12:00:00 +0000\r
Message-ID: <1@example.org>\r
\r
To all on the list.\r
.with a dot\r
"""


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def markdown():
    """Every page of prose."""
    found = [name for name in sorted(os.listdir(ROOT)) if name.endswith(".md")]
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in sorted(names) if name.endswith(".md")]
    return found


def blocks(path):
    """(line, language, comment before it, text) of every fenced block."""
    lines = read(path).split("\n")
    found = []
    number = 0
    while number < len(lines):
        fence = re.match(r"^( *)```(\w*)\s*$", lines[number])
        if not fence:
            number += 1
            continue
        end = number + 1
        while end < len(lines) and not re.match(r"^ *```\s*$", lines[end]):
            end += 1
        before = lines[number - 1].strip() if number > 0 else ""
        comment = re.match(r"^<!--\s*(.*?)\s*-->$", before)
        text = "".join(line[len(fence.group(1)):] + "\n" for line in lines[number + 1:end])
        found.append((number + 1, fence.group(2), comment.group(1) if comment else "", text))
        number = end + 1
    return found


class Folder:
    """A folder with what the examples use, gone at the end."""

    def __init__(self):
        self.temp = tempfile.TemporaryDirectory()
        self.path = self.temp.name
        self.write("mail.eml", MAIL)
        self.write("password", b"correct horse\n")
        os.chmod(self.file("password"), 0o600)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, data):
        with open(self.file(name), "wb") as file:
            file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temp.cleanup()


class Sink:
    """A server on loopback; what it took is in `messages` after `stop`."""

    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen([os.environ["DOCS_SINK"], "--listen=127.0.0.1:0", "--format=jsonl", "--hostname=localhost",
                                         "--with-parent", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder.path, text=True)
        first = json.loads(self.process.stdout.readline())
        self.port = first["port"]
        self.at = f"localhost:{self.port}"
        self.events = []

    def stop(self):
        self.process.terminate()
        for line in self.process.stdout:
            self.events.append(json.loads(line))
        self.process.wait()
        self.process.stdout.close()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def of(self, kind):
        return [event for event in self.events if event.get("event") == kind]


def run(command, folder, expected=None, **more):
    """Standard output, and what was wrong with the run."""
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, timeout=60, check=False, **more)
    wrong = []
    if expected is not None and done.returncode != expected:
        wrong = [f"exit status {done.returncode}, {expected} was expected"] + (done.stdout + done.stderr).splitlines()
    return done.stdout, done.stderr, wrong
