# SPDX-License-Identifier: MIT
"""test_sink_kit - what the tests of the test server (smtp-tool sink) share: the running server, a client, and TAP.

The server is judged from outside, with sockets, smtplib and ssl of Python's own library.  Usage of each test program:
    test-sink-X.py SINK [WORD...]
SINK is the server's program; with WORDs only tests whose name holds one of them run.  Every server listens on loopback on a free
port and ends with its test.  In the environment: SINK_TEST_SLOW=N multiplies all waits, SINK_TEST_WRAP="valgrind ..." is put
before the server's command, SINK_TEST_LOAD is the load generator.
"""
import base64, json, os, re, shutil, signal, socket, ssl, subprocess, sys, tempfile, time, traceback

SINK = sys.argv[1]
LOAD = os.environ.get("SINK_TEST_LOAD", "")
SLOW = float(os.environ.get("SINK_TEST_SLOW", "1"))  # waits are multiplied by it, for valgrind
WRAP = os.environ.get("SINK_TEST_WRAP", "").split()
USER, PASSWORD = "joe", "s3cr\u00e8t pass"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def check(condition, *seen):
    if not condition:
        raise AssertionError(" ".join(repr(s) for s in seen) or "check failed")


def same(seen, wanted, *where):
    if seen != wanted:
        raise AssertionError(f"{' '.join(map(str, where))}: seen {seen!r}, wanted {wanted!r}")


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Sink:
    """A running server.  Its standard output goes to a file, so that no test waits for it by accident."""

    def __init__(self, *options, form="jsonl", user=False):
        self.dir = tempfile.mkdtemp(prefix="test-sink-")
        self.capture = os.path.join(self.dir, "mail")
        options = [o.replace("@DIR@", self.dir) for o in options]
        if user:
            path = os.path.join(self.dir, "password")
            with open(path, "w") as f:
                f.write(PASSWORD + "\n")
            options += [f"--user={USER}", f"--password-file={path}"]
        if form == "jsonl":
            options.append("--format=jsonl")
        environment = dict(os.environ)
        if any(o.startswith("--auth") for o in options) and environment.get("SINK_TEST_SANITIZED"):  # a plug-in of Cyrus SASL (OTP) keeps 228 octets
            environment["ASAN_OPTIONS"] = ":".join(filter(None, [environment.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        self.out = os.path.join(self.dir, "out")
        self.err = os.path.join(self.dir, "err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(WRAP + [SINK, *options], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment)
        self.form = form
        self.wait(lambda: self.text().count("\n") >= 1)
        first = self.text().split("\n")[0]
        self.listening = json.loads(first) if form == "jsonl" else first
        self.port = self.listening["port"] if form == "jsonl" else int(re.search(r"(\d+)$", first).group(1))

    def text(self):
        with open(self.out, encoding="utf-8") as f:
            return f.read()

    def errors(self):
        with open(self.err, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, ready, what="the server", seconds=10):
        end = time.monotonic() + seconds * SLOW
        while not ready():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}: {self.text()[-600:]} {self.errors()}")
            if self.process.poll() is not None and not ready():
                raise AssertionError(f"server ended with {self.process.returncode}: {self.errors()}")
            time.sleep(0.004)

    def events(self, name=None):
        lines = [json.loads(line) for line in self.text().split("\n")[:-1]]
        return [e for e in lines if name in (None, e["event"])]

    def closed(self, number=1):
        """Waits until so many connections were closed; returns their events in the order of connecting."""
        self.wait(lambda: len(self.events("close")) >= number, f"{number} close events")
        return sorted(self.events("close"), key=lambda e: e["connection"])

    def client(self, **more):
        return Client(self, **more)

    def tls(self, **more):
        context = ssl.create_default_context(cafile=self.listening["ca_file"])
        for key, value in more.items():
            setattr(context, key, value)
        return context

    def mail(self, number):
        with open(os.path.join(self.capture, f"{number:06}.eml"), "rb") as f:
            return f.read()

    def log(self):
        with open(os.path.join(self.capture, "log.jsonl"), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("does not end at SIGTERM")
        errors = self.errors()
        shutil.rmtree(self.dir, ignore_errors=True)
        if status != 0 or ("Sanitizer" in errors) or ("ERROR SUMMARY" in errors and "ERROR SUMMARY: 0" not in errors):
            raise AssertionError(f"ended with {status}: {errors}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)


class Client:
    """A socket and a reader of replies."""

    def __init__(self, sink, greeting=True, address=None, tls=None):
        if address is None:
            self.socket = socket.create_connection(("127.0.0.1", sink.port), timeout=10 * SLOW)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(10 * SLOW)
            self.socket.connect(address)
        self.buffer = b""
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        if greeting:
            same(self.reply()[:4], "220 ")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        check(line.endswith(b"\r"), "reply line without CR", line)
        return line[:-1].decode()

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
            same(lines[-1][:3], lines[0][:3], "code of a reply's lines")
        return "\n".join(lines)

    def ask(self, command):
        self.send(command + "\r\n" if isinstance(command, str) else command)
        return self.reply()

    def want(self, command, reply):
        seen = self.ask(command)
        check(seen.startswith(reply), "asked", command, "seen", seen, "wanted", reply)
        return seen

    def hello(self):
        return self.want("EHLO client.example", "250")

    def starttls(self, context):
        self.want("STARTTLS", "220")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def is_closed(self):
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def quit(self):
        self.want("QUIT", "221 2.0.0")
        check(self.is_closed(), "not closed after QUIT")
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


ENVELOPE = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
MESSAGE = b"From: <a@example.org>\r\n\r\nhello\r\n.dot\r\n..\r\n.\r\nend\r\n"


def stuff(data):
    return re.sub(rb"(^|\r\n)\.", rb"\1..", data) + b".\r\n"


def keywords(reply):
    return {line[4:] for line in reply.split("\n")[1:]}


def data(client, content, reply="250 2.0.0", envelope=ENVELOPE):
    for line in envelope.splitlines():
        client.want(line, "250")
    client.want("DATA", "354")
    client.send(content)
    seen = client.reply()
    check(seen.startswith(reply), "content", content[:60], "seen", seen, "wanted", reply)


def dialogue(*pairs, options=(), violations=None, **more):
    """Runs commands against replies on one connection; afterwards compares the violations."""
    with Sink(*options, **more) as sink:
        with sink.client() as client:
            for command, wanted in pairs:
                client.want(command, wanted)
        if violations is not None:
            same(sink.closed()[0]["violations"], violations)


def main():
    chosen = [t for t in TESTS if len(sys.argv) < 3 or any(word in t.__name__ for word in sys.argv[2:])]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, run in enumerate(chosen, 1):
        began = time.monotonic()
        try:
            skipped = run()
            print(f"ok {number} - {run.__name__}" + (f" # SKIP {skipped}" if skipped else ""))
        except Exception:
            failed += 1
            print(f"not ok {number} - {run.__name__}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        print(f"# {time.monotonic() - began:.2f} s", flush=True)
    return 1 if failed else 0
