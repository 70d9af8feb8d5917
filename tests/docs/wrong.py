# SPDX-License-Identifier: MIT
"""Servers on which one thing is wrong, by name: `<!-- run: ... server=NAME -->` puts one in the place of mail.example.org, whatever its port.

Certificates are those of the tests, for mail.example.test, which is what the tool is told to look for.  A name of DOMAINS puts a name server
with a signed zone in the place of what knows example.org; the port in its records, and that of a target, is the server's.
"""

import os
import socket
import sys

from kit import ROOT, Skip, Sink

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
    "unready": ([*zoo("good"), *AUTH, "--fault=auth:454 4.7.0 Temporary authentication failure"], ["--tls=starttls"]),
    "strict": (["--fault=ehlo:504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname"], []),
    "blocking": (["--fault=banner:554 5.7.1 Client host rejected: Access denied"], []),
    "busy": (["--fault=banner:421 4.7.0 too many connections from you"], []),
}


STAYS = "_submissions._tcp IN SRV 0 0 0 .\n_submission._tcp IN SRV 0 1 {port} mail\nmail IN A 127.0.0.1\n"
ONE = "@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\n"

# name: records of example.org
DOMAINS = {
    "first-is-down": "@ IN MX 10 mx1\n@ IN MX 20 mx2\nmx1 IN A 127.0.0.2\nmx2 IN A 127.0.0.1\n",
    "null": "@ IN MX 0 .\n",
    "key-changed": ONE + "_{port}._tcp.mx1 IN TLSA 3 1 1 " + "00" * 32 + "\n",
    "policy-behind": ONE + '_mta-sts IN TXT "v=STSv1; id=20261101;"\n',
    "submission-domain": STAYS,
    "no-submission": STAYS.replace("0 1 {port} mail", "0 0 0 ."),
}


class Domain:
    """A server of one's own, and a name server that has it in a zone."""

    def __init__(self, folder, name):
        os.environ.setdefault("SMTP_TOOL", os.environ.get("DOCS_TOOL", ""))
        os.environ.setdefault("SMTP_TOOL_SCHEMA", "")
        sys.path.insert(0, os.path.join(ROOT, "tests", "unit"))
        import dns_kit  # noqa: PLC0415  (it needs the environment)
        from tool_kit import Skip as Missing  # noqa: PLC0415

        folder.write("policy.txt", b"version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 604800\n")
        self.sink = Sink(folder, *zoo("good"))
        self.at = self.sink.at
        port = self.at.rpartition(":")[2]
        try:
            self.names = dns_kit.NameServer({"example.org": DOMAINS[name].format(port=port)}, signed=["example.org"]).__enter__()
        except Missing as missing:
            self.sink.__exit__()
            raise Skip(str(missing)) from missing
        self.options = [*self.names.options, *([] if "SRV" in DOMAINS[name] else [f"--port={port}"])]

    def __exit__(self, *_):
        self.names.__exit__()
        self.sink.__exit__()


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


class Silent:
    """A port that takes connections and says nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.at = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_):
        self.listener.close()


def start(folder, name):
    """The server, and what the tool has to be told beside what the page shows."""
    if name == "dropped":
        return Dropped(), []
    if name == "silent":
        return Silent(), []
    if name not in SERVERS and name not in DOMAINS:
        raise AssertionError(f"there is no server {name}")
    if not os.path.exists(f"{CERTS}/root.pem"):
        raise Skip("no certificates")
    trust = [f"--ca-file={CERTS}/root.pem", "--verify-name=mail.example.test"]
    if name in DOMAINS:
        domain = Domain(folder, name)
        return domain, [*trust, *domain.options]
    options, implied = SERVERS[name]
    return Sink(folder, *options), [*trust, *implied]
