#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test-sink-content - the test server (smtp-tool sink): what comes after DATA and BDAT.  See test_sink_kit.py."""
import hashlib, os, random, re, shutil, sys, tempfile, time

from test_sink_kit import dialogue, ENVELOPE, Sink, WRAP, check, data, main, same, stuff, test


@test
def dots_at_every_boundary():
    """Random text made of what matters, cut at random places; what arrives is what was sent."""
    source = random.Random(5321)
    parts = [b".", b"..", b"\r\n", b"\r\n.", b"\r\n..", b"x", b"text", b".\r\n", b"\r\n\r\n"]
    with Sink("--capture=@DIR@/mail") as sink, sink.client() as client:
        client.hello()
        sent = []
        for number in range(400):
            text = b"".join(source.choice(parts) for _ in range(source.randrange(0, 30)))
            if text and not text.endswith(b"\r\n"):
                text += b"\r\n"
            wire = stuff(text)
            client.send(ENVELOPE + "DATA\r\n")
            same([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
            while wire:
                cut = source.choice([1, 2, 3, 5, len(wire)])
                client.send(wire[:cut])
                wire = wire[cut:]
            check(client.reply().startswith("250"), text)
            sent.append(text)
        for number, text in enumerate(sent):
            same(sink.mail(number + 1), text, "message", number)
        check(all(e["violations"] == {} for e in sink.events("message")))


@test
def dots_around_the_buffer():
    """Lines of dots placed so that every octet of them meets the end of the server's read buffer (256 KiB)."""
    with Sink("--capture=@DIR@/mail") as sink, sink.client() as client:
        client.hello()
        tail = b"..\r\n.\r\n...x\r\n\r\n.\r\nend\r\n"
        for shift in range(0, 40):
            line = b"y" * 70 + b"\r\n"
            body = line * (262144 // len(line) - 1)
            body += b"z" * (262144 - len(body) - 2 - shift) + b"\r\n" + tail * 3
            data(client, stuff(body))
            same(sink.mail(shift + 1), body, "shift", shift)
        check(all(set(e["violations"]) <= {"long-line"} for e in sink.events("message")))


@test
def smuggling():
    """Only CR LF dot CR LF ends a message; what looks like it stays inside, and strict refuses it."""
    for middle, violations in [
        (b"x\n.\nMAIL FROM:<evil@example.org>\r\n", {"bare-lf": 2}),
        (b"x\n.\r\nMAIL FROM:<evil@example.org>\r\n", {"bare-lf": 1}),
        (b"x\r\n.\nMAIL FROM:<evil@example.org>\r\n", {"bare-lf": 1, "unstuffed-dot": 1}),
        (b"x\r.\r\nMAIL FROM:<evil@example.org>\r\n", {"bare-cr": 1}),
        (b"x\r\n.\rMAIL FROM:<evil@example.org>\r\n", {"bare-cr": 1, "unstuffed-dot": 1}),
        (b"x\r.\rMAIL FROM:<evil@example.org>\r\n", {"bare-cr": 2}),
        (b"x\r\r\n", {"bare-cr": 1}),
        (b"\n", {"bare-lf": 1}),
        (b"\rx\r\n", {"bare-cr": 1}),
        (b".\r\r\n", {"bare-cr": 1, "unstuffed-dot": 1}),
    ]:
        content = b"H: v\r\n\r\n" + middle + b"end\r\n.\r\n"
        for cut in [None] + list(range(1, len(content))):
            if cut == 1:
                strict = Sink("--capture=@DIR@/mail")
                client = strict.client()
                client.hello()
            if cut is None:
                with Sink("--lenient", "--capture=@DIR@/mail") as sink, sink.client() as lenient:
                    lenient.hello()
                    data(lenient, content, "250")
                    same(sink.mail(1), re.sub(rb"(\r\n)\.", rb"\1", content[:-3]), middle)
                    same(sink.events("message")[0]["violations"], violations, middle)
                continue
            client.send(ENVELOPE + "DATA\r\n")
            same([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
            client.send(content[:cut])
            time.sleep(0.0003)
            client.send(content[cut:])
            check(client.reply().startswith("554 5.6.0"), middle, cut)
        client.quit()
        for event in strict.log():
            same(event["violations"], violations, middle)
            same(event["file"], None)
        same(os.listdir(strict.capture), ["log.jsonl"])
        strict.stop()


@test
def content_violations():
    h = b"H: v\r\n\r\n"
    for content, parameters, violations in [
        (h + b"x" * 998 + b"\r\n", "", {}),
        (h + b"x" * 999 + b"\r\n", "", {"long-line": 1}),
        (h + b"." * 998 + b"\r\n", "", {}),
        (h + (b"x" * 1500 + b"\r\n") * 3, "", {"long-line": 3}),
        (h + b"caf\xc3\xa9\r\n", "", {"8bit": 1}),
        (h + b"caf\xc3\xa9\r\n", " BODY=7BIT", {"8bit": 1}),
        (h + b"caf\xc3\xa9\r\n", " BODY=8BITMIME", {}),
        (h + b"x" * 100 + b"\xe9" + b"y" * 100 + b"\r\n", "", {"8bit": 1}),
        (b"H: caf\xc3\xa9\r\n" + h, " BODY=8BITMIME", {"8bit-header": 1}),
        (b"H: caf\xc3\xa9\r\n" + h, " BODY=8BITMIME SMTPUTF8", {}),
        (h + b"a\0b\r\n", "", {"nul": 1}),
        (h + b"x\r\n", " SIZE=11", {}),
        (h + b"x\r\n", " SIZE=10", {"size-understated": 1}),
    ]:
        envelope = ENVELOPE.replace("org>\r\nRCPT", "org>" + parameters + "\r\nRCPT")
        with Sink("--capture=@DIR@/mail") as sink, sink.client() as client:
            client.hello()
            data(client, stuff(content), envelope=envelope)
            chunk = [envelope + f"BDAT {len(content) - 1}\r\n", content[:-1], "BDAT 1 LAST\r\n", content[-1:]]
            client.send(b"".join(p if isinstance(p, bytes) else p.encode() for p in chunk))
            same([client.reply()[:3] for _ in range(4)], ["250"] * 4)
            same([sink.mail(1), sink.mail(2)], [content] * 2)
            same([e["violations"] for e in sink.events("message")], [violations] * 2, content[:50], parameters)
    with Sink() as sink, sink.client() as client:
        client.hello()
        data(client, b"a\r\n.b\r\n..c\r\n.\r\n")
        same(sink.events("message")[0]["violations"], {"unstuffed-dot": 1})
        same(sink.events("message")[0]["size"], 3 + 3 + 4)


@test
def bdat():
    with Sink("--size=1000", "--capture=@DIR@/mail") as sink, sink.client() as client:
        client.want("BDAT 4", "502 5.5.1")
        client.hello()
        client.want(b"BDAT 8\r\nQUIT\r\n\r\n", "503 5.5.1")  # refused, but its octets are no commands
        for wrong in ["BDAT", "BDAT x", "BDAT -1", "BDAT 1x", "BDAT 1 FIRST", "BDAT  1", "BDAT 12345678901234567890"]:
            client.want(wrong, "501 5.5.4")
        client.want("MAIL FROM:<a@example.org>", "250")
        client.want(b"BDAT 6 LAST\r\nQUIT\r\n", "503 5.5.1")
        client.want("MAIL FROM:<a@example.org>", "250")
        client.want("RCPT TO:<no>", "501")
        client.want(b"BDAT 6 LAST\r\nQUIT\r\n", "554 5.5.1")
        for line in ENVELOPE.splitlines():
            client.want(line, "250")
        client.want(b"BDAT 7\r\nH: v\r\n\r", "250 2.0.0 7 octets received")
        client.want("RCPT TO:<c@example.org>", "503 5.5.1")
        client.want("MAIL FROM:<c@example.org>", "503 5.5.1")
        client.want("DATA", "503 5.5.1")
        client.want("AUTH PLAIN", "502 5.5.1")
        client.want("NOOP", "250")
        client.want(b"BDAT 1\r\n\n", "250")
        client.want("BDAT 0", "250")
        client.want(b"bdat 5 last\r\n.\r\n\r\n", "250 2.0.0 Ok: queued as 000001")
        same(sink.mail(1), b"H: v\r\n\r\n.\r\n\r\n")
        same(sink.log()[0]["violations"], {})
        same(sink.log()[0]["command"], "BDAT")
        for line in ENVELOPE.splitlines():
            client.want(line, "250")
        client.want(b"BDAT 1000\r\n" + b"x" * 998 + b"\r\n", "250")
        client.want(b"BDAT 6\r\nQUIT\r\n", "552 5.3.4")
        client.want(b"BDAT 6\r\nQUIT\r\n", "503 5.5.1")
        client.want("MAIL FROM:<c@example.org>", "503 5.5.1")
        client.want("RSET", "250")
        for line in ENVELOPE.splitlines():
            client.want(line, "250")
        client.want("BDAT 0 LAST", "250 2.0.0 Ok: queued as 000002")
        same(sink.mail(2), b"")
        client.quit()
        same(sink.closed()[0]["violations"], {})
        same(sorted(os.listdir(sink.capture)), ["000001.eml", "000002.eml", "log.jsonl"])
    dialogue(("EHLO x", "250"), ("MAIL FROM:<>", "250"), ("RCPT TO:<a@b>", "250"), ("BDAT 0 LAST", "502 5.5.1"), options=["--no-chunking"])


@test
def size_limit():
    with Sink("--size=100", "--capture=@DIR@/mail") as sink, sink.client() as client:
        client.hello()
        client.want("MAIL FROM:<a@example.org> SIZE=101", "552 5.3.4")
        client.want("RCPT TO:<b@example.org>", "503")
        data(client, stuff(b"x" * 98 + b"\r\n"))
        data(client, stuff(b"x" * 99 + b"\r\n"), "552 5.3.4")
        data(client, stuff((b"x" * 70 + b"\r\n") * 5000), "552 5.3.4")
        data(client, stuff((b"." * 32 + b"\r\n") * 2 + b"." * 30 + b"\r\n"))  # stuffing does not count: RFC 1870 section 5
        same([e["accepted"] for e in sink.log()], [True, False, False, True])


@test
def capture_and_log():
    with Sink("--capture=@DIR@/mail") as sink, sink.client() as client:
        client.hello()
        content = bytes(random.Random(1).choice(b"abc. \t") for _ in range(20000))
        content = b"\r\n".join(content[i:i + 77] for i in range(0, len(content), 77)) + b"\r\n"
        envelope = ('MAIL FROM:<a@example.org> RET=HDRS ENVID=+20x\r\nRCPT TO:<"q q"@example.org> NOTIFY=NEVER\r\nRCPT TO:<postmaster>\r\n')
        data(client, stuff(content), envelope=envelope)
        same(sink.mail(1), content)
        line = sink.log()[0]
        wanted = {"event": "message", "connection": 1, "accepted": True, "file": "000001.eml", "from": "a@example.org", "size": len(content),
                  "mail_parameters": "RET=HDRS ENVID=+20x", "recipients": ['"q q"@example.org', "postmaster"],
                  "rcpt_parameters": ["NOTIFY=NEVER", ""], "sha256": hashlib.sha256(content).hexdigest(), "command": "DATA",
                  "hello": "client.example", "tls": None, "cipher": None, "auth": None, "violations": {},
                  "reply": "250 2.0.0 Ok: queued as 000001"}
        same({k: line[k] for k in wanted}, wanted)
        same(line["peer"], "127.0.0.1:%d" % client.socket.getsockname()[1])
        same(sink.events("message")[0], line, "standard output and log")
        client.send(ENVELOPE + "DATA\r\n")
        same([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
        client.send("unfinished\r\n")
        client.close()
        close = sink.closed()[0]
        same((close["why"], close["in_transaction"], close["messages"]), ("eof", True, 1))
        same(sorted(os.listdir(sink.capture)), ["000001.eml", "log.jsonl"], "unfinished message stays behind")
    directory = tempfile.mkdtemp(prefix="test-sink-")
    with open(directory + "/000041.eml", "w"):  # numbers go on where the folder ends
        pass
    with Sink("--capture=" + directory) as sink, sink.client() as client:
        client.hello()
        with open(directory + "/000042.eml", "w") as f:  # another sink was faster
            f.write("taken")
        data(client, b".\r\n", "250 2.0.0 Ok: queued as 000043")
        with open(directory + "/000042.eml") as f:
            same(f.read(), "taken")
        shutil.rmtree(directory)
        data(client, b"x\r\n.\r\n", "452 4.3.1")
        client.send(ENVELOPE + "BDAT 0 LAST\r\n")
        same([client.reply()[:3] for _ in range(3)], ["250", "250", "452"])


@test
def huge_messages():
    block = b"".join(b"%07d " % i + b"." * (i % 3) + b"x" * 60 + b"\r\n" for i in range(15000))
    block += b"." * 5 + b"\r\n"
    times = (64 << 20) // len(block) + 1
    digest = hashlib.sha256()
    for _ in range(times):
        digest.update(block)
    with Sink("--capture=@DIR@/mail") as sink, sink.client() as client:
        client.hello()
        client.send(ENVELOPE + "DATA\r\n")
        same([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
        wire = re.sub(rb"(^|\r\n)\.", rb"\1..", block)
        for _ in range(times):
            client.send(wire)
        client.send(".\r\n")
        client.reply()
        client.send(ENVELOPE + f"BDAT {len(block) * times} LAST\r\n")
        for _ in range(times):
            client.send(block)
        same([client.reply()[:3] for _ in range(3)], ["250"] * 3)
        for number in (1, 2):
            seen = hashlib.sha256()
            with open(f"{sink.capture}/{number:06}.eml", "rb") as f:
                while piece := f.read(1 << 20):
                    seen.update(piece)
            same(seen.hexdigest(), digest.hexdigest(), "file", number)
            same(sink.log()[number - 1]["sha256"], digest.hexdigest(), "log", number)
            same(sink.log()[number - 1]["size"], len(block) * times)
        if not WRAP and "asan" not in os.environ.get("ASAN_OPTIONS", "") and not os.environ.get("SINK_TEST_SANITIZED"):
            with open(f"/proc/{sink.process.pid}/status") as f:
                peak = int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1))
            check(peak < 40000, "memory grows with the message", peak)


sys.exit(main())
