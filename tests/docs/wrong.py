# SPDX-License-Identifier: MIT
"""Servers on which one thing is wrong, by name: `<!-- run: ... server=NAME -->` puts one in the place of mail.example.org, whatever its port.

Certificates are those of the tests, for mail.example.test, which is what the tool is told to look for.
"""

import os
import socket

from kit import Skip, Sink

AUTH = ["--auth=PLAIN,LOGIN", "--user=ana", "--password-file=password"]


def zoo(name):
    return ["--tls=starttls", f"--cert={CERTS}/{name}.pem", f"--key={CERTS}/{name}.key"]


CERTS = os.environ.get("DOCS_CERTS", "")

# name: (options of the sink, options that the real name and port would imply)
SERVERS = {
    "submission": ([*zoo("good-via-intermediate"), *AUTH, "--require-auth"], ["--tls=starttls"]),
    "implicit": (["--tls=implicit", f"--cert={CERTS}/good.pem", f"--key={CERTS}/good.key"], []),
    "clear": (AUTH, []),
    "expired": (zoo("expired"), ["--tls=starttls"]),
    "another-name": (zoo("wrong-host"), ["--tls=starttls"]),
    "no-intermediate": (zoo("missing-intermediate"), ["--tls=starttls"]),
    "self-signed": (zoo("self-signed"), ["--tls=starttls"]),
    "stripped": ([*zoo("good"), "--hide=STARTTLS"], ["--tls=starttls"]),
    "no-key": ([*zoo("good"), "--fault=starttls:454 4.7.0 TLS not available due to local problem"], ["--tls=starttls"]),
    "challenge": ([*zoo("good"), "--auth=CRAM-MD5,PLAIN", "--user=ana", "--password-file=elsewhere"], ["--tls=starttls"]),
    "relay": (["--fault=rcpt:554 5.7.1 Relay access denied"], []),
    "grey": (["--fault=rcpt:451 4.7.1 Greylisting in action, please come back later"], []),
    "small": (["--size=1000000"], []),
    "busy": (["--fault=banner:421 4.7.0 too many connections from you"], []),
}


class Dropped:
    """A port at which packets vanish, as behind a firewall: it listens, and its queue is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.at = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.kept = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.listener.getsockname())
            self.kept.append(one)

    def __exit__(self, *_):
        for one in (*self.kept, self.listener):
            one.close()


def start(folder, name):
    """The server, and what the tool has to be told beside what the page shows."""
    if name == "dropped":
        return Dropped(), []
    if name not in SERVERS:
        raise AssertionError(f"there is no server {name}")
    if not os.path.exists(f"{CERTS}/root.pem"):
        raise Skip("no certificates")
    options, implied = SERVERS[name]
    trust = [f"--ca-file={CERTS}/root.pem", "--verify-name=mail.example.test"]
    return Sink(folder, *options), [*trust, *implied]
