#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test-sink-server - the test server (smtp-tool sink): options, LMTP, faults, ending, crowds.  See test_sink_kit.py."""
import contextlib, json, os, re, socket, ssl, subprocess, sys, tempfile, threading, time

from test_sink_kit import Client, ENVELOPE, LOAD, MESSAGE, SINK, SLOW, Sink, WRAP, check, data, main, same, stuff, test


# ---- options and first lines -------------------------------------------------------------------------------------------


@test
def first_lines():
    with Sink(form="human") as sink:
        same(sink.text(), f"listening on 127.0.0.1:{sink.port}\n")
    with Sink("--listen=[::1]:0", form="human") as sink:
        same(sink.text(), f"listening on [::1]:{sink.port}\n")
    with Sink("--print-port", form="human") as sink:
        same(sink.text(), f"{sink.port}\n")
    with Sink("--tls=starttls", "--self-signed", form="human") as sink:
        check(re.fullmatch(r"listening on 127\.0\.0\.1:\d+\nca-file (/\S+)\n", sink.text()), sink.text())
        path = sink.text().split("ca-file ")[1].strip()
        with open(path) as f:
            check(f.read().startswith("-----BEGIN CERTIFICATE-----"))
        ssl.create_default_context(cafile=path)
    check(not os.path.exists(path), "temporary CA file stays behind")
    with Sink("--tls=starttls", "--self-signed", "--ca-out=@DIR@/ca") as sink:
        same(sink.listening["ca_file"], sink.dir + "/ca")
        check(os.path.exists(sink.dir + "/ca"))
    with Sink("--tls=starttls", "--self-signed", "--capture=@DIR@/mail") as sink:
        same(sink.listening["ca_file"], sink.dir + "/mail/ca.pem")


@test
def unix_socket():
    directory = tempfile.mkdtemp(prefix="test-sink-")
    path = directory + "/lmtp"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)  # a file with nobody behind it, as a killed server leaves it
    stale.close()
    process = subprocess.Popen([SINK, "--lmtp", f"--listen=unix:{path}"], stdout=subprocess.PIPE)
    same(process.stdout.readline(), f"listening on unix:{path}\n".encode())
    second = subprocess.run([SINK, f"--listen=unix:{path}"], capture_output=True)
    same(second.returncode, 2)
    check(b"in use" in second.stderr, second.stderr)
    with Client(None, address=path) as client:
        client.want("LHLO client.example", "250")
        client.quit()
    process.terminate()
    process.communicate()
    same(process.returncode, 0)
    check(not os.path.exists(path), "socket stays behind")
    os.rmdir(directory)


@test
def wrong_options():
    with tempfile.TemporaryDirectory() as directory:
        empty, password = directory + "/empty", directory + "/password"
        open(empty, "w").close()
        with open(password, "w") as f:
            f.write("x\n")
        account = ["--user=u", "--password-file=" + password]
        for options, status, words in [
            (["--listen=0.0.0.0:0"], 1, "loopback"),
            (["--listen=[::]:0"], 1, "loopback"),
            (["--listen=nonsense"], 1, "--listen"),
            (["--listen=127.0.0.1:70000"], 1, "--listen"),
            (["--listen=127.0.0.1:1x"], 1, "--listen"),
            (["--listen=unix:"], 1, "--listen"),
            (["--tls=maybe"], 1, "--tls=maybe"),
            (["--tls=starttls"], 1, "--cert"),
            (["--tls=starttls", "--cert=x"], 1, "--key"),
            (["--tls=starttls", "--cert=x", "--key=y", "--self-signed"], 1, "--self-signed"),
            (["--tls=starttls", "--cert=/nonexistent", "--key=/nonexistent"], 4, "/nonexistent: No such file"),
            (["--tls=starttls", "--cert=/etc/passwd", "--key=/etc/passwd"], 29, "/etc/passwd"),
            (["--tls=starttls", "--self-signed", "--tls-min=1.3", "--tls-max=1.2"], 1, "--tls-min"),
            (["--tls=starttls", "--self-signed", "--tls-min=1.1"], 1, "--tls-min"),
            (["--tls=starttls", "--self-signed", "--tls-names=a b"], 1, "--tls-names"),
            (["--tls=starttls", "--self-signed", "--ca-out=/nonexistent/ca"], 4, "/nonexistent/ca"),
            (["--tls=starttls", "--self-signed", "--client-ca=/nonexistent"], 4, "--client-ca"),
            (["--self-signed"], 1, "--tls"),
            (["--auth=PLAIN"], 1, "--user"),
            (["--auth=PL(AIN"] + account, 1, "--auth"),
            (["--auth=NO-SUCH-MECH"] + account, 10, "NO-SUCH-MECH"),
            (["--auth=EXTERNAL"], 1, "--client-ca"),
            (["--auth=PLAIN", "--user=u", "--password-file=/nonexistent"], 4, "/nonexistent"),
            (["--auth=PLAIN", "--user=u", "--password-file=" + empty], 4, "--password-file"),
            (["--user=u"], 1, "--auth"),
            (["--format=xml"], 1, "--format"),
            (["--format=jsonl", "--print-port"], 1, "--print-port"),
            (["--size=-1"], 1, "--size"),
            (["--threads=0"], 1, "--threads"),
            (["--timeout=0"], 1, "--timeout"),
            (["--reject-rcpt=:550"], 1, "--reject-rcpt"),
            (["--reject-rcpt=*:250"], 1, "--reject-rcpt"),
            (["--fault=nowhere:421 x"], 1, "--fault"),
            (["--fault=mail:4x1"], 1, "--fault"),
            (["--capture=/proc/no/such"], 4, "--capture"),
            (["--no-such-option"], 1, "no-such-option"),
            (["argument"], 1, "argument"),
        ]:
            done = subprocess.run([SINK, *options], capture_output=True, timeout=20 * SLOW)
            same(done.returncode, status, options, done.stderr)
            check(words in done.stderr.decode(), options, done.stderr)
            same(done.stdout, b"", options)
    check(b"smtp-tool sink (Vereda) " in subprocess.run([SINK, "--version"], capture_output=True).stdout)


# ---- the rest ----------------------------------------------------------------------------------------------------------


@test
def lmtp():
    with Sink("--lmtp", "--reject-rcpt=no@*") as sink, sink.client() as client:
        client.want("EHLO x", "500 5.5.1")
        client.want("HELO x", "500 5.5.1")
        client.want("MAIL FROM:<>", "503 5.5.1 LHLO")
        client.want("LHLO x", "250")
        client.send("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<no@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        same([client.reply()[:3] for _ in range(5)], ["250", "250", "550", "250", "354"])
        client.send(".\r\nRSET\r\n")  # one reply for each accepted recipient: RFC 2033 section 4.2
        same([client.reply()[:9] for _ in range(3)], ["250 2.0.0"] * 3)
        client.send("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2 LAST\r\n\r\nQUIT\r\n")
        same([client.reply()[:3] for _ in range(6)], ["250"] * 5 + ["221"])


@test
def recipients():
    with Sink("--reject-rcpt=no*@example.org", "--reject-rcpt=*@later.example:450", "--max-recipients=3") as sink, sink.client() as client:
        client.hello()
        client.want("MAIL FROM:<>", "250")
        client.want("RCPT TO:<nobody@example.org>", "550 5.1.1")
        client.want("DATA", "554 5.5.1")
        client.want("RCPT TO:<x@later.example>", "450 4.2.0")
        for i in range(3):
            client.want(f"RCPT TO:<r{i}@example.org>", "250 2.1.5")
        client.want("RCPT TO:<r4@example.org>", "452 4.5.3")
        client.want("DATA", "354")
        client.want(".", "250")
        same(sink.events("message")[0]["recipients"], [f"r{i}@example.org" for i in range(3)])
    with Sink() as sink, sink.client() as client:
        client.hello()
        count = 10000
        client.send("MAIL FROM:<>\r\n")
        sender = threading.Thread(target=client.send, args=("".join(f"RCPT TO:<r{i}@example.org>\r\n" for i in range(count)) + "DATA\r\n",))
        sender.start()
        replies = [client.reply()[:3] for _ in range(count + 2)]
        sender.join()
        same(replies, ["250"] * (count + 1) + ["354"])
        client.want(".", "250")
        same(len(sink.events("message")[0]["recipients"]), count)


@test
def faults():
    with Sink("--fault=greeting:554 5.3.2 no service") as sink, sink.client(greeting=False) as client:
        same(client.reply(), "554 5.3.2 no service")
    with Sink("--fault=greeting:421 4.3.2 later") as sink, sink.client(greeting=False) as client:
        same(client.reply(), "421 4.3.2 later")
        check(client.is_closed())
    for stage, before, command in [
        ("ehlo", [], "EHLO x"), ("mail", [], "MAIL FROM:<>"), ("rcpt", ["MAIL FROM:<>"], "RCPT TO:<a@b>"), ("data", ["MAIL FROM:<>", "RCPT TO:<a@b>"], "DATA"),
        ("bdat", ["MAIL FROM:<>", "RCPT TO:<a@b>"], b"BDAT 6\r\nQUIT\r\n"), ("rset", [], "RSET"), ("noop", [], "NOOP"), ("quit", [], "QUIT"),
        ("dot", ["MAIL FROM:<>", "RCPT TO:<a@b>", b"DATA\r\n"], b".\r\n"),
    ]:
        for code in (451, 421):
            with Sink(f"--fault={stage}:{code} 4.7.1 not now") as sink, sink.client() as client:
                if stage != "ehlo":
                    client.hello()
                for line in before:
                    client.want(line, ("250", "354"))
                same(client.ask(command), f"{code} 4.7.1 not now")
                if code == 421:
                    check(client.is_closed(), stage)
                elif stage != "noop":
                    client.want("NOOP", "250")


@test
def early_talk():
    with Sink("--greeting-delay=250") as sink:
        with sink.client(greeting=False) as client:
            began = time.monotonic()
            check(client.reply().startswith("220"))
            check(time.monotonic() - began > 0.2, "greeting not delayed")
        with sink.client(greeting=False) as client:
            client.send("EHLO x\r\n")
            same([client.reply()[:3] for _ in range(2)], ["220", "250"])
        with sink.client(greeting=False):
            pass
        same([c["violations"] for c in sink.closed(3)], [{}, {"early-talk": 1}, {}])
    with Sink("--greeting-delay=250", "--tls=implicit", "--self-signed") as sink:
        with sink.client(greeting=False, tls=sink.tls()) as client:
            client.send("EHLO x\r\n")
            same([client.reply()[:3] for _ in range(2)], ["220", "250"])
        same(sink.closed()[0]["violations"], {"early-talk": 1})


@test
def timeout():
    with Sink("--timeout=1") as sink, sink.client() as client:
        client.hello()
        time.sleep(0.6)
        client.want("NOOP", "250")
        time.sleep(0.6)
        client.want("NOOP", "250")
        check(client.reply().startswith("421 4.4.2"))
        check(client.is_closed())
        same(sink.closed()[0]["why"], "timeout")


@test
def ending():
    with Sink(form="human") as sink:
        client = sink.client()
        client.hello()
        data(client, stuff(MESSAGE))
        sink.process.terminate()
        check(client.reply().startswith("421 4.3.2"))
        check(client.is_closed())
        same(sink.process.wait(10 * SLOW), 0)
        lines = sink.text().split("\n")
        check(re.fullmatch(r"\[1\] message \d+ octets  <a@example.org> -> <b@example.org>", lines[1]), lines)
        check(re.match(r"1 messages, 0 refused, 1 recipients, %d octets, 1 connections, 0 violations in " % len(MESSAGE), lines[2]), lines)
        same(lines[3:], [""])
    with Sink("--exit-after=2") as sink:
        first, second = sink.client(), sink.client()
        first.hello()
        data(first, b".\r\n")
        data(first, b".\r\n")
        second.want("NOOP", "250")  # those who are connected may end what they do
        with contextlib.suppress(ConnectionError, socket.timeout):
            late = socket.create_connection(("127.0.0.1", sink.port), timeout=0.2)
            late.recv(10)
            check(False, "a new connection is served after the last message")
        first.quit()
        second.quit()
        same(sink.process.wait(10 * SLOW), 0)
        same(sink.events("summary")[0]["messages"], 2)
    if not WRAP:
        code = f"import subprocess,sys; p=subprocess.Popen([{SINK!r},'--with-parent','--print-port'],stdout=1); sys.stdin.read()"
        middle = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        check(middle.stdout.readline().strip().isdigit())
        middle.kill()
        middle.wait()
        check(b"0 messages" in middle.stdout.read(), "server outlives its parent")  # it holds the pipe: read() returns when it has ended


@test
def reader_of_output_sleeps():
    """Nobody reads standard output: mail must go on all the same, and all lines come when somebody does."""
    process = subprocess.Popen(WRAP + [SINK, "--format=jsonl"], stdout=subprocess.PIPE)
    first = json.loads(process.stdout.readline())

    class Running:
        port = first["port"]

    with Client(Running) as client:
        client.hello()
        for _ in range(100):
            client.send((ENVELOPE + "BDAT 2 LAST\r\n\r\n") * 10)
            same([client.reply()[:3] for _ in range(30)], ["250"] * 30)
        client.quit()
    process.terminate()
    out, _ = process.communicate()
    lines = [json.loads(line) for line in out.decode().split("\n")[:-1]]
    same(len([line for line in lines if line["event"] == "message"]), 1000)
    same(lines[-1]["event"], "summary")
    same(process.returncode, 0)
    process = subprocess.Popen(WRAP + [SINK, "--format=jsonl"], stdout=subprocess.PIPE)
    Running.port = json.loads(process.stdout.readline())["port"]
    process.stdout.close()  # and nobody ever will: the server serves on
    for _ in range(3):
        with Client(Running) as client:
            client.hello()
            data(client, b".\r\n")
            client.quit()
    process.terminate()
    same(process.wait(), 0)


@test
def reader_of_replies_sleeps():
    with Sink() as sink, sink.client() as client:
        client.hello()
        count = 400000
        client.socket.settimeout(None)
        sender = threading.Thread(target=client.send, args=(b"RSET\r\n" * count,), daemon=True)
        sender.start()
        time.sleep(0.5)
        with sink.client() as other:  # meanwhile others are served
            other.hello()
            data(other, b".\r\n")
        left = count * len("250 2.0.0 Ok\r\n")
        while left > 0:
            got = client.socket.recv(1 << 20)
            check(got)
            left -= len(got)
        sender.join()
        client.want("NOOP", "250")


def crowd(sink, clients, each, tls=None):
    failures = []
    barrier = threading.Barrier(clients)

    def one(number):
        try:
            with sink.client(tls=tls) as client:
                barrier.wait(20 * SLOW)
                client.hello()
                for i in range(each):
                    data(client, stuff(b"client %d message %d\r\n.\r\n" % (number, i) + b"x" * number + b"\r\n"))
                client.quit()
        except Exception as error:
            failures.append(repr(error))
            barrier.abort()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, failures[:3])


@test
def concurrent_200():
    for options in ([], ["--threads=4"]):
        with Sink("--capture=@DIR@/mail", *options) as sink:
            crowd(sink, 200, 3)
            seen = sorted(sink.mail(i + 1) for i in range(600))
            wanted = sorted(b"client %d message %d\r\n.\r\n" % (n, i) + b"x" * n + b"\r\n" for n in range(200) for i in range(3))
            check(seen == wanted, "messages are mixed up")
            closed = sink.closed(200)
            check(all(c["violations"] == {} and c["messages"] == 3 for c in closed))
            same(len({c["connection"] for c in closed}), 200)
    with Sink("--tls=implicit", "--self-signed", "--threads=2") as sink:
        crowd(sink, 50, 2, tls=sink.tls())
        same(len(sink.events("message")), 100)


@test
def load_generator():
    if not LOAD:
        return "the load generator was not given"
    with Sink("--quiet", form="human") as sink:
        for mode, count in (("bdat", 5000), ("data", 500), ("blind", 5000)):
            done = subprocess.run([LOAD, str(sink.port), str(count), mode], capture_output=True, timeout=60 * SLOW)
            same(done.returncode, 0, done.stderr)
            print("# " + done.stdout.decode().strip())


sys.exit(main())
