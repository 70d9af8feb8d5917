#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test-sink-fault - the test server (smtp-tool sink): what --fault lets go wrong, at each stage.  See test_sink_kit.py."""
import socket, ssl, subprocess, sys, time

from test_sink_kit import PASSWORD, SINK, SLOW, USER, Sink, b64, check, keywords, main, same, test

TLS = ["--tls=starttls", "--self-signed"]
AUTH = ["--auth=PLAIN"]
TO_RCPT = ["MAIL FROM:<a@example.org>\r\n"]
TO_DATA = TO_RCPT + ["RCPT TO:<b@example.org>\r\n"]

# stage: options of the server; commands before it, each answered; what brings it about; the reply without a fault
STAGES = {
    "banner": ([], None, "", "220 "),
    "ehlo": ([], None, "EHLO x.example\r\n", "250-"),
    "starttls": (TLS, [], "STARTTLS\r\n", "220 2.0.0"),
    "auth": (AUTH, [], "AUTH PLAIN " + b64(f"\0{USER}\0{PASSWORD}") + "\r\n", "235 2.7.0"),
    "mail": ([], [], TO_RCPT[0], "250 2.1.0"),
    "rcpt": ([], TO_RCPT, TO_DATA[1], "250 2.1.5"),
    "data": ([], TO_DATA, "DATA\r\n", "354 "),
    "dot": ([], TO_DATA + ["DATA\r\n"], "Subject: x\r\n\r\nx\r\n.\r\n", "250 2.0.0 Ok: queued as 000001"),
    "bdat": ([], TO_DATA, "BDAT 6\r\nQUIT\r\n", "250 2.0.0 6 octets"),
    "rset": ([], [], "RSET\r\n", "250 2.0.0"),
    "noop": ([], [], "NOOP\r\n", "250 2.0.0"),
    "quit": ([], [], "QUIT\r\n", "221 2.0.0"),
}


def octets(client, seconds):
    """What comes within the time; None at its end: the connection is open."""
    client.socket.settimeout(seconds * SLOW)
    try:
        return client.socket.recv(65536)
    except ConnectionResetError:
        return b""
    except socket.timeout:
        return None


def rest(client):
    """Pieces, as they came, up to the end of the connection."""
    pieces = [client.buffer] if client.buffer else []
    while True:
        piece = octets(client, 10)
        check(piece is not None, "not closed", pieces)
        if not piece:
            return pieces
        pieces.append(piece)


def reply_pieces(client):
    """Pieces of one reply."""
    pieces = []
    while True:
        pieces.append(octets(client, 10))
        check(pieces[-1], "no whole reply", pieces)
        lines = b"".join(pieces).split(b"\r\n")
        if lines[-1] == b"" and lines[-2][3:4] != b"-":
            return pieces


def at(stage, action, judge, *more):
    """Brings a client to the stage with the fault there, and lets it judge."""
    options, before, command, normal = STAGES[stage]
    with Sink(f"--fault={stage}:{action}", *options, *more, user=stage == "auth") as sink:
        with sink.client(greeting=stage != "banner") as client:
            if before is not None:
                client.hello()
                for line in before:
                    client.want(line.encode(), ("250", "354"))
            began = time.monotonic()
            client.send(command)
            judge(client, normal, began, sink)
            sink.wait(lambda: sink.events("fault"))
            event = sink.events("fault")[0]
            same((event["stage"], event["action"], event["occasion"]), (stage, action.split("=")[0], 1))


def each_stage(action, judge, *more):
    for stage in STAGES:
        try:
            at(stage, action, judge, *more)
        except Exception as error:
            raise AssertionError(f"{stage}:{action}: {error!r}") from error


@test
def reply():
    def judge(client, normal, began, sink):
        same(client.reply(), "451 4.7.1 not now: later")
        if client.socket and normal != "220 ":
            client.want("VRFY x", "252")

    each_stage("reply=451 4.7.1 not now: later", judge)


@test
def reply_421_closes():
    def judge(client, normal, began, sink):
        same(b"".join(rest(client)), b"421 4.3.2 gone\r\n")

    each_stage("reply=421 4.3.2 gone", judge)


@test
def delay():
    def judge(client, normal, began, sink):
        check(client.reply().startswith(normal))
        check(time.monotonic() - began >= 0.15, "too early")

    each_stage("delay=150ms", judge)


@test
def drop():
    def judge(client, normal, began, sink):
        same(rest(client), [])
        same(sink.closed()[0]["why"], "fault")
        same(len([e for e in sink.events("message") if e["accepted"]]), 1 if "queued" in normal else 0)  # taken, and not said so

    each_stage("drop", judge)


@test
def close_after_send():
    def judge(client, normal, began, sink):
        seen = b"".join(rest(client)).decode()
        check(seen.startswith(normal) and seen.endswith("\r\n"), seen)

    each_stage("close-after-send", judge)


@test
def garbage():
    seen = []

    def judge(client, normal, began, sink):
        line = b"".join(iter(lambda: client.socket.recv(1), b"\n"))
        check(line.startswith(b"\x80\0\x1b") and line.endswith(b"\r") and b"\r" not in line[:-1], line)
        seen.append(line)

    each_stage("garbage", judge)
    same(len(set(seen)), 1, "the seed is the same")
    at("noop", "garbage", judge, "--seed=2")
    same(len(set(seen)), 2, "another seed")


@test
def split():
    def judge(client, normal, began, sink):
        pieces = reply_pieces(client)
        check(b"".join(pieces).decode().startswith(normal), pieces)
        # A busy machine lets a reader see several at once, but hardly all.
        check(len(pieces) >= 3, pieces)

    each_stage("split-bytes=1", judge)
    pieces = []

    def judge_three(client, normal, began, sink):
        pieces.extend(reply_pieces(client))

    at("ehlo", "split-bytes=3", judge_three)
    check(all(len(p) % 3 == 0 for p in pieces[:-1]), pieces)


@test
def stall():
    def judge(client, normal, began, sink):
        same(octets(client, 0.15), None, "octets")
        client.send("NOOP\r\n" * 1000)
        same(octets(client, 0.05), None, "octets behind")
        same(sink.events("close"), [])

    each_stage("stall", judge)
    with Sink("--fault=noop:stall", "--timeout=1") as sink, sink.client() as client:
        client.hello()
        client.send("NOOP\r\n")
        same(rest(client), [])
        same(sink.closed()[0]["why"], "fault")


@test
def starttls_inject():
    with Sink("--fault=starttls:starttls-inject", *TLS) as sink, sink.client() as client:
        client.hello()
        client.send("STARTTLS\r\n")
        same(octets(client, 10), b"220 2.0.0 Ready to start TLS\r\n250-injected.invalid\r\n250-AUTH PLAIN LOGIN\r\n250 XINJECTED\r\n")
        client.socket = sink.tls().wrap_socket(client.socket, server_hostname="localhost")  # goes on as if nothing had been
        check("XINJECTED" not in keywords(client.hello()))


# ---- the handshake -----------------------------------------------------------------------------------------------------


def handshake(sink, client, seconds=10):
    client.socket.settimeout(seconds * SLOW)
    client.socket = sink.tls().wrap_socket(client.socket, server_hostname="localhost")


def tls_cases(action, judge):
    for mode in ("starttls", "implicit"):
        with Sink(f"--fault=tls:{action}", f"--tls={mode}", "--self-signed") as sink, sink.client(greeting=False) as client:
            if mode == "starttls":
                check(client.reply().startswith("220"))
                client.hello()
                client.want("STARTTLS", "220")
            judge(sink, client, mode)
            sink.wait(lambda: sink.events("fault"))
            same(sink.events("fault")[0]["stage"], "tls")


@test
def tls_in_clear():
    def reply(sink, client, mode):
        client.send(b"\x16\x03\x01")
        same(b"".join(rest(client)), b"454 4.7.0 no TLS today\r\n")

    def garbage(sink, client, mode):
        check(b"".join(rest(client)).startswith(b"\x80\0\x1b"))

    tls_cases("reply=454 4.7.0 no TLS today", reply)
    tls_cases("garbage", garbage)


@test
def tls_that_is_late():
    def late(sink, client, mode):
        began = time.monotonic()
        handshake(sink, client)
        check(time.monotonic() - began >= 0.15)
        if mode == "implicit":
            check(client.reply().startswith("220"))
        client.hello()

    tls_cases("delay=0.15s", late)


@test
def tls_that_never_comes():
    def stall(sink, client, mode):
        try:
            handshake(sink, client, 0.15)
            check(False, "a handshake")
        except socket.timeout:
            pass  # Python has closed it

    def drop(sink, client, mode):
        same(rest(client), [])

    tls_cases("stall", stall)
    tls_cases("drop", drop)


@test
def tls_and_then_nothing():
    def judge(sink, client, mode):
        handshake(sink, client)
        same(client.socket.recv(100), b"", "close_notify")
        sink.wait(lambda: sink.events("tls"))

    tls_cases("close-after-send", judge)


@test
def tls_in_pieces():
    class Counting:
        """Hands on what a socket receives, and counts how often."""

        def __init__(self, real):
            self.real, self.into, self.out, self.pieces = real, ssl.MemoryBIO(), ssl.MemoryBIO(), []

        def run(self, context):
            tls = context.wrap_bio(self.into, self.out, server_hostname="localhost")
            while True:
                try:
                    tls.do_handshake()
                    self.real.sendall(self.out.read())
                    return tls
                except ssl.SSLWantReadError:
                    self.real.sendall(self.out.read())
                    piece = self.real.recv(65536)
                    check(piece, "closed")
                    self.pieces.append(piece)
                    self.into.write(piece)

    def judge(sink, client, mode):
        counting = Counting(client.socket)
        counting.run(sink.tls())
        check(len(counting.pieces) > 10, len(counting.pieces))
        sink.wait(lambda: sink.events("tls"))

    tls_cases("split-bytes=8", judge)


@test
def inside_tls():
    for action, judge in (("split-bytes=1", lambda c: check(len(reply_pieces(c)) > 3)), ("drop", lambda c: check(lost(c)))):

        def lost(client):
            try:
                return client.socket.recv(10) == b"" and client.socket.suppress_ragged_eofs
            except (ssl.SSLEOFError, ConnectionResetError):
                return True

        with Sink(f"--fault=noop:{action}", *TLS) as sink, sink.client() as client:
            client.hello()
            client.starttls(sink.tls())
            client.hello()
            client.send("NOOP\r\n")
            judge(client)


# ---- how often, and what is around ---------------------------------------------------------------------------------------


def pattern(when, count, *options):
    """Which of so many NOOPs have the fault."""
    with Sink(f"--fault=noop:reply=451 x:{when}", *options) as sink:
        seen = []
        for connection in range(2):
            with sink.client() as client:
                client.hello()
                seen += [client.ask("NOOP")[:3] == "451" for _ in range(count // 2)]
        return seen


@test
def how_often():
    same(pattern("always", 4), [True] * 4)
    same(pattern("first", 6), [True] + [False] * 5)
    same(pattern("every:3", 12), [False, False, True] * 4)
    same(pattern("0%", 20), [False] * 20)
    same(pattern("100%", 20), [True] * 20)
    some = pattern("25%", 400)
    check(60 <= sum(some) <= 140, sum(some))
    same(pattern("25%", 400), some, "the same seed")
    same(pattern("25%", 400, "--seed=1"), some, "the default seed")
    check(pattern("25%", 400, "--seed=2") != some, "another seed")


@test
def first_that_fires():
    with Sink("--fault=noop:451 one:every:2", "--fault=noop:452 two:first", "--fault=noop:453 three:every:3") as sink, sink.client() as client:
        client.hello()
        same([client.ask("NOOP")[:3] for _ in range(6)], ["452", "451", "453", "451", "250", "451"])


@test
def pipelined():
    """Replies to what came before go at once, what comes behind is answered behind, and nothing is lost."""
    with Sink("--fault=rset:delay=0.3s") as sink, sink.client() as client:
        client.hello()
        began = time.monotonic()
        client.send("MAIL FROM:<a@example.org>\r\nRSET\r\nMAIL FROM:<b@example.org>\r\nRSET\r\nVRFY x\r\n")
        check(client.reply().startswith("250 2.1.0"))
        check(time.monotonic() - began < 0.25 * SLOW, "not at once")
        same([client.reply()[:9] for _ in range(4)], ["250 2.0.0", "250 2.1.0", "250 2.0.0", "252 2.0.0"])
        check(time.monotonic() - began >= 0.6, "two delays")
        same([e["from"] for e in sink.events("mail")], ["a@example.org", "b@example.org"])
    with Sink("--fault=rcpt:drop") as sink, sink.client() as client:
        client.hello()
        client.send("".join(["MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.org>\r\n", "DATA\r\n"]))
        same(b"".join(rest(client)), b"250 2.1.0 Ok\r\n")
    with Sink("--fault=dot:split-bytes=2", "--fault=bdat:delay=50ms") as sink, sink.client() as client:
        client.hello()
        client.send("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nBDAT 3\r\nx\r\nBDAT 3 LAST\r\ny\r\nMAIL FROM:<a@b>\r\nQUIT\r\n")
        same([client.reply()[:3] for _ in range(6)], ["250"] * 5 + ["221"])
        same(sink.events("message")[0]["size"], 6)


@test
def lmtp():
    with Sink("--lmtp", "--fault=dot:451 4.2.0 full") as sink, sink.client() as client:
        client.want("LHLO x", "250")
        for line in ("MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<c@d>"):
            client.want(line, "250")
        client.want("DATA", "354")
        client.send(".\r\n")
        same([client.reply() for _ in range(2)], ["451 4.2.0 full"] * 2)


@test
def many_that_wait():
    """Pauses of different lengths end each in its time, the later ones not before the earlier."""
    with Sink("--fault=mail:delay=0.4s", "--fault=noop:delay=0.1s") as sink:
        clients = [sink.client() for _ in range(20)]
        for client in clients:
            client.hello()
        began = time.monotonic()
        for i, client in enumerate(clients):
            client.send("NOOP\r\n" if i % 2 else "MAIL FROM:<>\r\n")
        for i in range(1, 20, 2):
            clients[i].reply()
        check(time.monotonic() - began < 0.35 * SLOW)
        for i in range(0, 20, 2):
            check(octets(clients[i], 10).startswith(b"250"))
        check(time.monotonic() - began >= 0.4)
        clients[0].send("MAIL FROM:<>\r\n")
        for client in clients:
            client.close()


@test
def ends_while_it_waits():
    for action in ("delay=60s", "stall"):
        with Sink(f"--fault=noop:{action}", "--exit-after=1") as sink, sink.client() as client:
            client.hello()
            client.send("NOOP\r\n")
            sink.wait(lambda: sink.events("fault"))


@test
def bad_specifications():
    stages = "banner ehlo starttls tls auth mail rcpt data dot bdat rset noop quit"
    actions = "reply=451 4.7.1 text | delay=2s | drop | close-after-send | garbage | split-bytes=1 | stall | starttls-inject"
    for word, wanted in [
        ("", stages), ("mail", stages), ("nowhere:drop", stages), ("MAIL:drop", stages), (":drop", stages), ("other:drop", stages),
        ("mail:", actions), ("mail:explode", actions), ("mail:dropp", actions), ("mail:drop:never", actions), ("mail:drop:every:0", actions),
        ("mail:drop:every:x", actions), ("mail:drop:101%", actions), ("mail:drop:-1%", actions), ("mail:drop:10", actions), ("mail:first", actions),
        ("mail:drop=1", "no value"), ("mail:stall=1", "no value"),
        ("mail:reply", "three digits"), ("mail:reply=45 x", "three digits"), ("mail:reply=651 x", "three digits"), ("mail:451x", "three digits"),
        ("mail:reply=451 a\r\nb", "three digits"), ("mail:delay", "delay=2s"), ("mail:delay=x", "delay=2s"), ("mail:delay=-1s", "delay=2s"),
        ("mail:delay=2m", "delay=2s"), ("mail:delay=3601s", "3600"), ("mail:split-bytes=0", "1 to 99999"), ("mail:split-bytes=x", "1 to 99999"),
        ("mail:split-bytes", "1 to 99999"), ("mail:starttls-inject", "the stage starttls"), ("tls:drop", "--tls="), ("starttls:drop", "--tls=starttls"),
        ("auth:drop", "--auth="),
    ]:
        done = subprocess.run([SINK, f"--fault={word}"], capture_output=True, timeout=20 * SLOW)
        same((done.returncode, done.stdout), (1, b""), word)
        check("--fault=" in done.stderr.decode() and wanted in done.stderr.decode(), word, wanted, done.stderr)
    done = subprocess.run([SINK, "--seed=x"], capture_output=True, timeout=20 * SLOW)
    same(done.returncode, 1)


sys.exit(main())
