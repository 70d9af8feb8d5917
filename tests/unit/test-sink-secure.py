#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test-sink-secure - the test server (smtp-tool sink): TLS and AUTH.  See test_sink_kit.py."""
import base64, contextlib, hashlib, hmac, os, re, shutil, smtplib, socket, ssl, subprocess, sys, tempfile, time

from test_sink_kit import ENVELOPE, MESSAGE, PASSWORD, SLOW, Sink, USER, b64, check, data, keywords, main, same, \
    stuff, test


# ---- TLS ---------------------------------------------------------------------------------------------------------------


@test
def starttls():
    with Sink("--tls=starttls", "--self-signed") as sink:
        with sink.client() as client:
            check("STARTTLS" in keywords(client.hello()))
            client.want("STARTTLS now", "501 5.5.4")
            client.want("MAIL FROM:<a@example.org>", "250")
            client.starttls(sink.tls())
            client.want("RCPT TO:<b@example.org>", "503 5.5.1 EHLO")
            check("STARTTLS" not in keywords(client.hello()))
            client.want("STARTTLS", "503 5.5.1")
            data(client, stuff(MESSAGE))
            same(sink.events("message")[0]["tls"], "TLSv1.3")
            client.want("QUIT", "221")
            same(client.socket.recv(1), b"", "close_notify")
        same(sink.closed()[0]["violations"], {})
        for name in ("localhost", "127.0.0.1", "::1", socket.gethostname()):
            with sink.client() as client:
                client.hello()
                client.want("STARTTLS", "220")
                sink.tls().wrap_socket(client.socket, server_hostname=name).close()
        with sink.client() as client:
            client.hello()
            client.want("STARTTLS", "220")
            with contextlib.suppress(ssl.SSLCertVerificationError):
                sink.tls().wrap_socket(client.socket, server_hostname="wrong.example")
                check(False, "certificate is good for any name")
        with sink.client() as client:
            client.hello()
            client.want("STARTTLS", "220")
            client.send("EHLO in.clear\r\n")
            same(client.socket.recv(100), b"", "neither an answer in clear nor a reset")
        sink.wait(lambda: len(sink.events("tls-failed")) >= 1)


@test
def starttls_in_every_piece():
    """However the octets of a handshake are cut and whenever they come, none is lost; so EHLO in the packet of the last one."""

    def send(client, wire, cut, pause):
        for piece in (wire[:cut], wire[cut:]):
            if piece:
                client.send(piece)
                time.sleep(pause)

    def session(sink, version, cut, pause):
        context = sink.tls()
        context.minimum_version = context.maximum_version = version
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with sink.client() as client:
            client.hello()
            send(client, b"STARTTLS\r\n", cut % 11, pause)
            check(client.reply().startswith("220"))
            same(client.buffer, b"", "octets behind the reply to STARTTLS")
            steps = [tls.do_handshake, lambda: tls.write(b"EHLO client.example\r\n"), lambda: tls.read(4096)]
            while steps:
                try:
                    answer = steps[0]()
                    steps.pop(0)
                except ssl.SSLWantReadError:
                    send(client, outgoing.read(), cut, pause)
                    got = client.socket.recv(65536)
                    check(got, "closed", version, cut, pause)
                    incoming.write(got)
            check(answer.startswith(b"250"), answer)

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Sink("--tls=starttls", "--self-signed") as sink:
            for cut in (*range(1, 12), 43, 44, 45, 80, 160, 240, 320, 400, 480, 510, 516, 517, 518, 522, 600):
                for pause in (0, 0.003):
                    session(sink, version, cut, pause)


@test
def starttls_injection():
    with Sink("--tls=starttls", "--self-signed") as sink:
        for number, injected in enumerate(["NOOP\r\n", "M", "\r\n", "\x16\x03\x01"]):
            with sink.client() as client:
                client.hello()
                client.send("STARTTLS\r\n" + injected)
                check(client.reply().startswith("554 5.5.0"))
                check(client.is_closed())
            same(sink.closed(number + 1)[-1]["violations"], {"bytes-after-starttls": 1}, injected)


@test
def implicit_tls():
    with Sink("--tls=implicit", "--self-signed", "--tls-names=mx.example,10.1.2.3", "--require-tls") as sink:
        raw = socket.create_connection(("127.0.0.1", sink.port))
        context = sink.tls()
        with context.wrap_socket(raw, server_hostname="mx.example") as tls:
            check(tls.recv(100).startswith(b"220 "))
            san = tls.getpeercert()["subjectAltName"]
            same(set(san), {("DNS", "mx.example"), ("IP Address", "10.1.2.3")})
            tls.sendall(b"EHLO x\r\n")
            check(b"STARTTLS" not in tls.recv(2000))
            tls.sendall(b"STARTTLS\r\n")
            check(tls.recv(100).startswith(b"503"))
            raw = tls.unwrap()  # the server answers our close_notify
            same(raw.recv(1), b"")
        with contextlib.suppress(ConnectionResetError), socket.create_connection(("127.0.0.1", sink.port)) as clear:
            clear.sendall(b"EHLO x\r\n")
            check(not clear.recv(100).startswith(b"2"))
        with smtplib.SMTP_SSL("localhost", sink.port, context=ssl._create_unverified_context()) as client:
            client.sendmail("a@example.org", ["b@example.org"], "x\r\n" * 100000)
        same(sink.events("message")[0]["size"], 300000)


@test
def tls_versions():
    for options, versions in [(["--tls-max=1.2"], {"TLSv1.2"}), (["--tls-min=1.3"], {"TLSv1.3"}), ([], {"TLSv1.2", "TLSv1.3"})]:
        with Sink("--tls=implicit", "--self-signed", *options) as sink:
            seen = set()
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = sink.tls()
                context.minimum_version = context.maximum_version = version
                with contextlib.suppress(ssl.SSLError):
                    with sink.client(tls=context) as client:
                        seen.add(client.socket.version())
            same(seen, versions, options)


@test
def require_tls():
    with Sink("--tls=starttls", "--self-signed", "--require-tls") as sink, sink.client() as client:
        client.want("NOOP", "250")
        client.hello()
        for command in ["MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "RSET", "VRFY x", "HELO x", "AUTH PLAIN", "HELP"]:
            client.want(command, "530 5.7.0")
        client.want(b"BDAT 6\r\nQUIT\r\n", "503")
        client.starttls(sink.tls())
        client.hello()
        data(client, b".\r\n")


@test
def tls_records_of_every_size():
    with Sink("--tls=implicit", "--self-signed", "--capture=@DIR@/mail") as sink, sink.client(tls=sink.tls()) as client:
        client.hello()
        content = b"".join(b"." * (i % 5) + b"line %d\r\n" % i for i in range(60000))
        wire = (ENVELOPE + "DATA\r\n").encode()
        client.send(wire)
        same([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
        wire, size = stuff(content), 1
        while wire:
            client.send(wire[:size])
            wire, size = wire[size:], size * 2 + 1
        check(client.reply().startswith("250"))
        same(sink.mail(1), content)
        client.send("NOOP\r\n" * 50000)  # replies of many records
        for _ in range(50000):
            client.want(b"", "250")
        client.quit()


# ---- AUTH --------------------------------------------------------------------------------------------------------------


def digest_md5(challenge, user, password, fault=None):
    """RFC 2831 section 2.1.2, written from the text; returns the response and what rspauth must be."""
    fields = {k: v.strip('"') for k, v in re.findall(r'([a-z-]+)=("(?:[^"\\]|\\.)*"|[^,]+)', challenge.decode())}
    realm, nonce, cnonce, nc, uri = fields["realm"], fields["nonce"], os.urandom(12).hex(), "00000001", "smtp/localhost"
    same(fields["algorithm"], "md5-sess")
    check("auth" in fields.get("qop", "auth").split(","))
    md5 = lambda data: hashlib.md5(data).digest()
    hexed = lambda data: md5(data).hex().encode()
    a1 = md5(f"{user}:{realm}:{password}".encode()) + f":{nonce}:{cnonce}".encode()
    kd = lambda a2: hexed(hexed(a1) + f":{nonce}:{nc}:{cnonce}:auth:".encode() + hexed(a2.encode())).decode()
    response = kd("AUTHENTICATE:" + uri)
    if fault == "response":
        response = response[::-1]
    text = (f'charset=utf-8,username="{user}",realm="{realm}",nonce="{nonce}",nc={nc},cnonce="{cnonce}",digest-uri="{uri}",'
            f"response={response},qop=auth")
    return text.encode(), b"rspauth=" + kd(":" + uri).encode()


def auth_digest(client, user, password, fault=None):
    challenge = client.want("AUTH DIGEST-MD5", "334 ")
    text, rspauth = digest_md5(base64.b64decode(challenge[4:]), user, password, fault)
    reply = client.ask(b64(text))
    if reply.startswith("334 "):
        same(base64.b64decode(reply[4:]), rspauth)
        reply = client.ask("")
    return reply


def auth_scram(client, name, user, password):
    """RFC 5802 section 3."""
    h = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[name]
    nonce = os.urandom(12).hex()
    bare = f"n={user},r={nonce}"
    reply = client.ask(f"AUTH {name} " + b64("n,," + bare))
    if not reply.startswith("334 "):  # Cyrus says at once that it does not know the user
        return reply
    first = base64.b64decode(reply[4:]).decode()
    fields = dict(f.split("=", 1) for f in first.split(","))
    check(fields["r"].startswith(nonce) and int(fields["i"]) >= 4096, first)
    salted = hashlib.pbkdf2_hmac(h, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    mac = lambda key, text: hmac.new(key, text.encode(), h).digest()
    client_key = mac(salted, "Client Key")
    final = "c=biws,r=" + fields["r"]
    text = ",".join([bare, first, final])
    signature = mac(hashlib.new(h, client_key).digest(), text)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    reply = client.ask(b64(final + ",p=" + b64(proof)))
    if reply.startswith("334 "):
        same(base64.b64decode(reply[4:]), b"v=" + b64(mac(mac(salted, "Server Key"), text)).encode())
        reply = client.ask("")
    return reply


def auth_plain(client, user, password):
    return client.ask("AUTH PLAIN " + b64(f"\0{user}\0{password}"))


def auth_plain_late(client, user, password):
    same(client.ask("AUTH plain"), "334 ")
    return client.ask(b64(f"{user}\0{user}\0{password}"))


def auth_login(client, user, password):
    same(base64.b64decode(client.want("AUTH LOGIN", "334 ")[4:]), b"Username:")
    same(base64.b64decode(client.want(b64(user), "334 ")[4:]), b"Password:")
    return client.ask(b64(password))


def auth_cram(client, user, password):
    challenge = base64.b64decode(client.want("AUTH CRAM-MD5", "334 ")[4:])
    return client.ask(b64(user + " " + hmac.new(password.encode(), challenge, "md5").hexdigest()))


MECHANISMS = {
    "PLAIN": auth_plain, "PLAIN later": auth_plain_late, "LOGIN": auth_login, "CRAM-MD5": auth_cram, "DIGEST-MD5": auth_digest,
    "SCRAM-SHA-1": lambda c, u, p: auth_scram(c, "SCRAM-SHA-1", u, p),
    "SCRAM-SHA-256": lambda c, u, p: auth_scram(c, "SCRAM-SHA-256", u, p),
    "SCRAM-SHA-512": lambda c, u, p: auth_scram(c, "SCRAM-SHA-512", u, p),
}
OFFER = "PLAIN,LOGIN,CRAM-MD5,DIGEST-MD5,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-512,ANONYMOUS"


@test
def mechanisms():
    with Sink("--auth=" + OFFER.lower(), "--capture=@DIR@/mail", user=True) as sink:
        connections = 0
        for name, run in MECHANISMS.items():
            with sink.client() as client:
                connections += 1
                check("AUTH " + OFFER.replace(",", " ") in keywords(client.hello()))
                check(run(client, USER, PASSWORD + "x").startswith("535 5.7.8"), name, "wrong password")
                check(run(client, "jack", PASSWORD).startswith("535 5.7.8"), name, "wrong user")
                check(run(client, USER, PASSWORD).startswith("235 2.7.0"), name)
                client.want("AUTH PLAIN", "503 5.5.1")
                data(client, b".\r\n")
                client.quit()
            name = name.split()[0]
            same(sink.log()[-1]["auth"], {"mechanism": name, "user": USER})
            same([(e["mechanism"], e["ok"], e["user"]) for e in sink.events("auth")[-3:]],
                 [(name, False, None), (name, False, None), (name, True, USER)])
        with sink.client() as client:
            client.hello()
            check(auth_digest(client, USER, PASSWORD, "response").startswith("535"))
            client.want("AUTH ANONYMOUS " + b64("somebody"), "235")
        same([c["violations"] for c in sink.closed(connections + 1)], [{"auth-twice": 1}] * connections + [{}])
        check(PASSWORD not in sink.text() and b64(PASSWORD) not in sink.text() and b64(f"\0{USER}\0{PASSWORD}") not in sink.text())


@test
def mechanisms_by_smtplib():
    """A client that is not ours either.  Its passwords are ASCII only, so it gets an account of its own."""
    directory = tempfile.mkdtemp(prefix="test-sink-")
    with open(directory + "/password", "w") as f:
        f.write("plain secret\r\n")
    account = [f"--user={USER}", f"--password-file={directory}/password"]
    for name in ("PLAIN", "LOGIN", "CRAM-MD5"):
        with Sink("--tls=starttls", "--self-signed", "--require-auth", "--auth=" + name, *account) as sink:
            for password, good in (("plain secret", True), ("wrong", False)):
                with smtplib.SMTP("localhost", sink.port, timeout=10 * SLOW) as client:
                    client.starttls(context=sink.tls())
                    try:
                        client.login(USER, password)
                        seen = True
                    except smtplib.SMTPAuthenticationError as error:
                        same(error.smtp_code, 535)
                        seen = False
                    same(seen, good, name)
                    same(client.mail("a@example.org")[0], 250 if good else 530)
            same([(e["mechanism"], e["ok"]) for e in sink.events("auth") if e["reply"][:3] in ("235", "535")][:1], [(name, True)])
    shutil.rmtree(directory)


@test
def auth_refusals():
    plain = b64(f"\0{USER}\0{PASSWORD}")
    with Sink("--auth=" + OFFER, "--realm=Realm", user=True) as sink:
        with sink.client() as client:
            client.hello()
            for command, reply in [
                ("AUTH", "501 5.5.4"), ("AUTH NTLM", "504 5.5.4"), ("AUTH " + "X" * 30, "504 5.5.4"), ("AUTH GSSAPI x", "504"), ("AUTH PLAIN a", "501 5.5.2"),
                ("AUTH PLAIN ====", "501 5.5.2"), ("AUTH PLAIN ab cd", "501 5.5.2"), ("AUTH PLAIN a===", "501"), ("AUTH PLAIN " + plain[:-2] + "*=", "501"),
                ("AUTH PLAIN " + b64("no nul"), "501 5.5.2"), ("AUTH CRAM-MD5 " + b64("x"), "501"), ("AUTH CRAM-MD5 =", "501"),
                ("AUTH PLAIN " + b64(f"other\0{USER}\0{PASSWORD}"), "535 5.7.8"), ("AUTH PLAIN " + b64(f"\0{USER}@Realm\0{PASSWORD}"), "235"),
            ]:
                client.want(command, reply)
        with sink.client() as client:
            client.hello()
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"):
                client.want("AUTH " + mechanism, "334 ")
                client.want("*", "501 5.7.0")
                client.want("NOOP", "250 2.0.0")
                client.want("AUTH " + mechanism, "334 ")
                client.want("no base64!", "501 5.5.2")
                client.want("NOOP", "250 2.0.0")
            client.want("AUTH LOGIN", "334 ")
            client.want(b64(USER), "334 ")
            client.want("*", "501 5.7.0")
            client.want("AUTH PLAIN", "334 ")
            client.want(b"AAAA\n", "500 5.5.2")
            client.want("NOOP", "250 2.0.0")
            client.want("AUTH PLAIN", "334 ")
            client.want("A" * 12284, ("501", "535"))  # a whole line of 12286 octets is read
            client.want("AUTH PLAIN", "334 ")
            client.want("A" * 12288, "500 5.5.6")
            client.want("AUTH PLAIN", "334 ")
            client.want("A" * 100000, "500 5.5.6")
            client.want("NOOP", "250 2.0.0")
            client.want("AUTH PLAIN " + "A" * 600, "500 5.5.6")
            client.want("AUTH PLAIN =", "501")  # no octets at all are no PLAIN message
            client.want("AUTH ANONYMOUS " + b64("x"), "235")
        violations = sink.closed(2)
        same(violations[1]["violations"], {"long-command": 3, "bare-lf-command": 1})
        with sink.client() as client:
            client.hello()
            client.want("MAIL FROM:<>", "250")
            client.want("AUTH PLAIN " + plain, "503 5.5.1")
            client.want("RSET", "250")
            client.want("MAIL FROM:<a@b> AUTH=<>", "250")
            client.want("RSET", "250")
            client.want("MAIL FROM:<a@b> AUTH=x+3D=", "501")
            client.send("AUTH PLAIN " + plain + "\r\nMAIL FROM:<>\r\n")  # may be pipelined: RFC 4954 section 4
            same([client.reply()[:3] for _ in range(2)], ["235", "250"])
        same(sink.closed(3)[2]["violations"], {"auth-in-transaction": 1})
        with sink.client() as client:
            client.hello()
            client.send("AUTH LOGIN\r\n" + b64(USER) + "\r\n")
            same([client.reply()[:3] for _ in range(2)], ["334", "334"])
        same(sink.closed(4)[3]["violations"], {"pipelined-after-last": 1})
        with sink.client() as client:
            client.want("HELO x", "250")
            client.want("AUTH PLAIN " + plain, "502")


@test
def auth_and_tls():
    with Sink("--tls=starttls", "--self-signed", "--auth=PLAIN", "--require-auth", user=True) as sink, sink.client() as client:
        check("AUTH PLAIN" not in keywords(client.hello()))
        client.want("AUTH PLAIN", "538 5.7.11")
        client.want("MAIL FROM:<>", "530 5.7.0")
        client.want("VRFY x", "530 5.7.0")
        client.starttls(sink.tls())
        check("AUTH PLAIN" in keywords(client.hello()))
        client.want("MAIL FROM:<>", "530 5.7.0")
        check(auth_plain(client, USER, PASSWORD).startswith("235"))
        client.want("MAIL FROM:<>", "250")
    with Sink("--tls=starttls", "--self-signed", "--auth=PLAIN", "--auth-before-tls", user=True) as sink, sink.client() as client:
        check({"AUTH PLAIN", "STARTTLS"} <= keywords(client.hello()))
        check(auth_plain(client, USER, PASSWORD).startswith("235"))
        client.starttls(sink.tls())
        client.hello()
        check(auth_plain(client, USER, PASSWORD).startswith("235"), "AUTH is not forgotten with TLS")  # RFC 3207 section 4.2


@test
def auth_external():
    if shutil.which("openssl") is None:
        return "openssl(1) is missing"
    directory = tempfile.mkdtemp(prefix="test-sink-")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=maria", "-keyout", directory + "/key", "-out", directory + "/cert"], check=True, capture_output=True)
    with Sink("--tls=implicit", "--self-signed", "--client-ca=" + directory + "/cert", "--auth=EXTERNAL,PLAIN", user=True) as sink:
        with sink.client(tls=sink.tls()) as client:
            check("AUTH PLAIN" in keywords(client.hello()))
            client.want("AUTH EXTERNAL =", "504 5.5.4")
        context = sink.tls()
        context.load_cert_chain(directory + "/cert", directory + "/key")
        with sink.client(tls=context) as client:
            check("AUTH EXTERNAL PLAIN" in keywords(client.hello()))
            client.want("AUTH EXTERNAL " + b64("jack"), "535")
            client.want("AUTH EXTERNAL =", "235")
        same(sink.events("auth")[-1]["user"], "maria")
        same(sink.events("tls")[-1]["certificate"], "maria")
    shutil.rmtree(directory)


sys.exit(main())
