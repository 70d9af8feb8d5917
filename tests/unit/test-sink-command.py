#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test-sink-command - the test server (smtp-tool sink): commands, their order and their grammar.  See test_sink_kit.py."""
import sys, threading, time

from test_sink_kit import dialogue, ENVELOPE, MESSAGE, Sink, check, keywords, main, same, stuff, test


ALL = {"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "ENHANCEDSTATUSCODES", "SIZE 0"}


@test
def ehlo_keywords():
    for options, wanted in [
        ([], ALL),
        (["--no-pipelining"], ALL - {"PIPELINING"}),
        (["--no-chunking", "--no-dsn"], ALL - {"CHUNKING", "DSN"}),
        (["--no-8bitmime"], ALL - {"8BITMIME", "SMTPUTF8"}),
        (["--no-smtputf8"], ALL - {"SMTPUTF8"}),
        (["--no-enhanced"], ALL - {"ENHANCEDSTATUSCODES"}),
        (["--no-size"], ALL - {"SIZE 0"}),
        (["--size=1000"], ALL - {"SIZE 0"} | {"SIZE 1000"}),
        (["--hide=8bitmime", "--hide=SIZE"], ALL - {"8BITMIME", "SIZE 0"}),
        (["--tls=starttls", "--self-signed"], ALL | {"STARTTLS"}),
    ]:
        with Sink("--hostname=mx.example", *options) as sink, sink.client() as client:
            reply = client.hello()
            check(reply.startswith("250-mx.example greets client.example\n"), reply)
            same(keywords(reply), wanted, options)
            same(client.ask("HELO client.example"), "250 mx.example")


@test
def command_codes():
    dialogue(
        ("MAIL FROM:<a@example.org>", "503 5.5.1"),
        ("RCPT TO:<a@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("AUTH PLAIN", "503 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("EHLO two words", "501 5.5.4"),
        ("EHLO under_score", "501 5.5.4"),
        ("EHLO [1.2.3]", "501 5.5.4"),
        ("EHLO -x", "501 5.5.4"),
        ("HELO", "501 5.5.4"),
        ("NOOP", "250 2.0.0"),
        ("NOOP anything", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("RSET now", "501 5.5.4"),
        ("RSET  ", "250 2.0.0"),
        ("VRFY", "501 5.5.4"),
        ("VRFY someone", "252 2.0.0"),
        ("EXPN list", "502 5.5.1"),
        ("TURN", "502 5.5.1"),
        ("ETRN x", "502 5.5.1"),
        ("HELP", "214 2.0.0"),
        ("FOO", "500 5.5.2"),
        ("FOOBARFOOBAR x", "500 5.5.2"),
        ("", "500 5.5.2"),
        (" NOOP", "500 5.5.2"),
        ("LHLO x", "500 5.5.1"),
        ("STARTTLS", "503 5.5.1"),
        ("EHLO [IPv6:::1]", "250"),
        ("EHLO [127.0.0.1]", "250"),
        ("ehlo localhost", "250"),
        ("STARTTLS", "502 5.5.1"),
        ("AUTH PLAIN", "502 5.5.1"),
        ("QUIT now", "501 5.5.4"),
        ("DATA x", "501 5.5.4"),
        ("DATA", "503 5.5.1"),
        ("RCPT TO:<b@example.org>", "503 5.5.1"),
        ("MAIL", "501 5.5.2"),
        ("MAIL FROM", "501 5.5.2"),
        ("MAIL FROM:", "501 5.1.7"),
        ("MAIL FROM: <a@example.org>", "501 5.1.7"),
        ("MAIL FROM:a@example.org", "501 5.1.7"),
        ("MAIL FROM:<a@example.org", "501 5.1.7"),
        ("mail from:<a@example.org>", "250 2.1.0"),
        ("MAIL FROM:<a@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT FROM:<b@example.org>", "501 5.5.2"),
        ("DATA", "554 5.5.1"),
        ("RCPT TO:<b@example.org>", "250 2.1.5"),
        ("RCPT TO:<postMASTER>", "250 2.1.5"),
        ("RCPT TO:<someone>", "501 5.1.3"),
        ("RSET", "250 2.0.0"),
        ("RCPT TO:<b@example.org>", "503 5.5.1"),
        ("MAIL FROM:<>", "250 2.1.0"),
        ("EHLO again.example", "250"),
        ("RCPT TO:<b@example.org>", "503 5.5.1"),
        ("QUIT", "221 2.0.0"),
        violations={},
    )


@test
def no_enhanced_codes():
    dialogue(("NOOP", "250 Ok"), ("FOO", "500 command"), ("EHLO x", "250"), ("MAIL FROM:<>", "250 Ok"), ("QUIT", "221 Bye"),
             options=["--no-enhanced"])


@test
def addresses():
    local64, label63 = "l" * 64, "d" * 63
    domain255 = ".".join([label63] * 3 + ["d" * 63])
    good = ["a@b", "a.b+c/d=e@example.org", '"quoted string"@example.org', '"a\\"b"@example.org', '">"@example.org', "a@[127.0.0.1]",
            "a@[IPv6:2001:db8::1]", "a@[x-tag:abc]", local64 + "@example.org", "a@" + label63 + ".org", "!#$%&'*+-/=?^_`{|}~@x.org",
            "@one.example,@two.example:a@example.org", "a@" + ".".join(["d" * 60] * 4)]
    bad = ["a", "@example.org", "a@", "a@.org", "a@b..c", "a@b.", "a@-b", "a@b-", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b c", "<a@b>",
           "a@b@c", '"open@b', "a@[1.2.3.256]", "a@[IPv6:zz]", "a@[]", "a@b_c", local64 + "l@example.org", "a@" + label63 + "d.org",
           "a@" + domain255, "@one.example:", "@one.example,a@b", "@:a@b", "a\x01@b", 'a"b@c', '"a"b@c', "a@example.org\x7f"]
    with Sink() as sink, sink.client() as client:
        client.hello()
        for address in good:
            client.want(f"MAIL FROM:<{address}>", "250 2.1.0")
            client.want(f"RCPT TO:<{address}>", "250 2.1.5")
            client.want("RSET", "250")
        client.want("MAIL FROM:<>", "250")
        for address in bad:
            client.want(f"RCPT TO:<{address}>", "501 5.1.3")
        client.want("RSET", "250")
        for address in bad:
            client.want(f"MAIL FROM:<{address}>", "501 5.1.7")
        client.quit()
        same([e["to"] for e in sink.events("rcpt")][-1], good[-1])
        check("a@example.org" in [e["to"] for e in sink.events("rcpt")], "source route not dropped")


@test
def smtputf8_addresses():
    with Sink() as sink, sink.client() as client:
        client.hello()
        client.want("MAIL FROM:<jos\u00e9@example.org>", "553 5.6.7")
        client.want("MAIL FROM:<a@ex\u00e4mple.org>", "553 5.6.7")
        client.want("MAIL FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4")
        client.want("MAIL FROM:<a@example.org>", "250")
        client.want("RCPT TO:<jos\u00e9@example.org>", "553 5.6.7")
        client.want("RSET", "250")
        client.want("MAIL FROM:<jos\u00e9@ex\u00e4mple.org> BODY=8BITMIME smtputf8", "250")
        client.want("RCPT TO:<\u7528\u6237@\u4f8b\u5b50.example> ORCPT=utf-8;\u7528\u6237@example NOTIFY=NEVER", "250")
        client.want(b"RCPT TO:<\xff@example.org>\r\n", "501 5.1.3")
        client.quit()
        same(sink.events("mail")[-1]["from"], "jos\u00e9@ex\u00e4mple.org")
    dialogue(("EHLO x", "250"), ("MAIL FROM:<jos\u00e9@example.org> SMTPUTF8", "553 5.6.7"), ("MAIL FROM:<a@b> SMTPUTF8", "555 5.5.4"),
             options=["--no-smtputf8"], violations={"parameter-not-offered": 1})


@test
def parameters():
    mail, rcpt = "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>"
    good = ["SIZE=0", "SIZE=12345678901234567890", "BODY=7BIT", "body=8bitmime", "RET=FULL", "RET=hdrs", "ENVID=a+2Bb", "SMTPUTF8",
            "ENVID=" + "e" * 100, "SIZE=1 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=x"]
    bad = ["SIZE=", "SIZE=-1", "SIZE=1x", "SIZE=123456789012345678901", "SIZE", "BODY=9BIT", "BODY", "RET=ALL", "RET=", "ENVID=",
           "ENVID=a=b", "ENVID=+2b", "ENVID=+2", "ENVID=" + "e" * 101, "SIZE=1 SIZE=1", "=x", "-X=1", "SIZE=1  RET=FULL", "S\u00dc=1"]
    unknown = ["FOO", "FOO=1", "AUTH=<>", "NOTIFY=NEVER", "BODY-X=1"]
    rgood = ["NOTIFY=NEVER", "NOTIFY=SUCCESS", "notify=success,failure,delay", "ORCPT=rfc822;b+40example.org", "ORCPT=rfc822;b NOTIFY=DELAY"]
    rbad = ["NOTIFY=", "NOTIFY=NEVER,DELAY", "NOTIFY=SUCCESS,SUCCESS", "NOTIFY=MAYBE", "ORCPT=rfc822", "ORCPT=;x", "ORCPT=rfc822;", "ORCPT=rfc822;a b",
            "ORCPT=rfc822;a=b", "NOTIFY", "NOTIFY=NEVER NOTIFY=NEVER"]
    with Sink() as sink, sink.client() as client:
        client.hello()
        for words in good:
            client.want(f"{mail} {words}", "250 2.1.0")
            client.want("RSET", "250")
        for words in bad:
            client.want(f"{mail} {words}", "501 5.5.4")
        for words in unknown:
            client.want(f"{mail} {words}", "555 5.5.4")
        client.want(mail + "SIZE=1", "501 5.5.4")
        client.want(mail + "\tSIZE=1", "501 5.5.4")
        client.want(mail, "250")
        for words in rgood:
            client.want(f"{rcpt} {words}", "250 2.1.5")
        for words in rbad:
            client.want(f"{rcpt} {words}", "555 5.5.4" if words.endswith(" b") else "501 5.5.4") if words != "ORCPT=rfc822;a b" else \
                client.want(f"{rcpt} {words}", "555 5.5.4")
        client.want(f"{rcpt} SIZE=1", "555 5.5.4")
        client.want("RSET", "250")
        client.want("HELO x", "250")
        client.want(f"{mail} SIZE=1", "555 5.5.4")
        client.quit()
        same(sink.closed()[0]["violations"], {"parameter-not-offered": len(unknown) + 3})
    for option, words in [("--no-dsn", "RET=FULL"), ("--no-dsn", "ENVID=x"), ("--no-8bitmime", "BODY=8BITMIME"), ("--no-size", "SIZE=1")]:
        dialogue(("EHLO x", "250"), (f"{mail} {words}", "555 5.5.4"), options=[option], violations={"parameter-not-offered": 1})
    dialogue(("EHLO x", "250"), (f"{mail} SIZE=1", "250"), options=["--hide=SIZE"], violations={"parameter-not-offered": 1})


@test
def command_lines():
    long_mail = "MAIL FROM:<a@example.org> ENVID=" + "e" * 100 + " SIZE=" + "0" * 20
    noop = "NOOP " + "x" * 505
    dialogue(
        (noop, "250"), (noop + "x", "500 5.5.6"), ("NOOP " + "x" * 12282, "500 5.5.6"), ("NOOP " + "x" * 50000, "500 5.5.6"), ("NOOP", "250"),
        (b"NOOP\n", "500 5.5.2"), (b"\n", "500 5.5.2"), (b"NO\rOP\r\n", "500 5.5.2"), (b"NOOP\r\r\n", "500 5.5.2"), (b"NOOP\0\r\n", "500 5.5.2"),
        (b"N\xc3\x96OP\r\n", "500 5.5.2"), ("EHLO x", "250"), (long_mail, "250"), ("RSET", "250"),
        ("MAIL FROM:<a@example.org> ENVID=" + "e" * 600, "500 5.5.6"),
        violations={"long-command": 4, "bare-lf-command": 2, "bare-cr-command": 2, "nul-command": 1})
    dialogue((b"NOOP\n", "250"), (b"EHLO under_score\n", "250"), (b"MAIL FROM: <strange thing>  SIZE=5\n", "250"), (b"NOOP\0\r\n", "500"),
             options=["--lenient"], violations={"bare-lf-command": 3, "nul-command": 1})


SCRIPT = ["EHLO client.example\r\n", "MAIL FROM:<a@example.org> SIZE=60\r\n", "RCPT TO:<b@example.org>\r\n", "RCPT TO:<nobody>\r\n", "DATA\r\n",
          stuff(MESSAGE).decode(), "MAIL FROM:<c@example.org>\r\n", "RCPT TO:<d@example.org>\r\n", "BDAT 5\r\na\r\nb.", "BDAT 4 LAST\r\n\r\n.\r",
          "MAIL FROM:<c@example.org>\r\n", "RCPT TO:<d@example.org>\r\n", "BDAT 5\r\n.\r\n.\r", "BDAT 1\r\n\n", "BDAT 0 LAST\r\n", "NOOP\r\n", "QUIT\r\n"]
CODES = ["250", "250", "250", "501", "354", "250", "250", "250", "250", "554", "250", "250", "250", "250", "250", "250", "221"]


def run_script(client, pieces):
    """Sends the pieces, each in a segment of its own if the kernel is willing, and reads the codes of all replies."""
    for piece in pieces:
        client.send(piece)
        if len(pieces) < 10:
            time.sleep(0.0007)
    return [client.reply()[:3] for _ in CODES]


@test
def every_split():
    whole = "".join(SCRIPT).encode()
    with Sink("--capture=@DIR@/mail") as sink:
        for cut in range(1, len(whole)):
            with sink.client() as client:
                same(run_script(client, [whole[:cut], whole[cut:]]), CODES, "cut at", cut)
        with sink.client() as client:
            same(run_script(client, [whole[i:i + 1] for i in range(len(whole))]), CODES, "octet by octet")
        runs = len(whole)
        for number in range(runs):
            same(sink.mail(2 * number + 1), MESSAGE, "first message of run", number)
            same(sink.mail(2 * number + 2), b".\r\n.\r\n", "last message of run", number)
        same(len(sink.log()), 3 * runs)
        with sink.client() as client:  # command by command, as a client does that knows of no pipelining
            for text, code in zip(SCRIPT, CODES):
                same(client.ask(text.encode())[:3], code, text)
        same(sink.closed(runs + 1)[-1]["violations"], {"bare-cr": 1, "no-final-crlf": 1})


@test
def pipelined():
    with Sink() as sink:
        with sink.client() as client:
            client.hello()
            count = 20000
            sender = threading.Thread(target=client.send, args=((ENVELOPE + "RSET\r\n") * count,))
            sender.start()
            for i in range(count):
                for wanted in ("250 2.1.0", "250 2.1.5", "250 2.0.0"):
                    check(client.reply().startswith(wanted), i, wanted)
            sender.join()
            client.send(ENVELOPE + "BDAT 4 LAST\r\na\r\n\n" + ENVELOPE + "BDAT 3 LAST\r\na\r\n" + ENVELOPE + "DATA\r\n")
            same([client.reply()[:3] for _ in range(9)], ["250", "250", "554", "250", "250", "250", "250", "250", "354"])
            client.send("x\r\n.\r\n" + ENVELOPE + "DATA\r\n")
            same([client.reply()[:3] for _ in range(4)], ["250", "250", "250", "354"])
            client.send(".\r\nQUIT\r\n")
            same([client.reply()[:3] for _ in range(2)], ["250", "221"])
        same(sink.closed()[0]["violations"], {"bare-lf": 1, "no-final-crlf": 1})
        same([m["size"] for m in sink.events("message")], [4, 3, 3, 0])


@test
def pipelining_violations():
    for words, options, hello, violations in [
        ("EHLO x\r\nNOOP\r\n", [], False, {"pipelining-not-offered": 1}),
        ("NOOP\r\nNOOP\r\n", [], True, {"pipelined-after-last": 1}),
        ("EHLO y\r\nRSET\r\n", [], True, {"pipelined-after-last": 1}),
        ("VRFY x\r\nRSET\r\n", [], True, {"pipelined-after-last": 1}),
        ("QUIT\r\nNOOP\r\n", [], True, {"pipelined-after-last": 1}),
        ("RSET\r\nMAIL FROM:<>\r\n", [], True, {}),
        ("RSET\r\nMAIL FROM:<>\r\n", ["--no-pipelining"], True, {"pipelining-not-offered": 1}),
        ("RSET\r\nMAIL FROM:<>\r\n", ["--hide=PIPELINING"], True, {"pipelining-not-offered": 1}),
        ("DATA\r\nNOOP\r\n", [], True, {"pipelined-after-last": 1}),
    ]:
        with Sink(*options) as sink:
            with sink.client() as client:
                if hello:
                    client.hello()
                client.send(words)
                client.reply()
                if not words.startswith("QUIT"):
                    client.reply()
            same(sink.closed()[0]["violations"], violations, words)
    with Sink() as sink:
        with sink.client() as client:
            client.hello()
            for line in ENVELOPE.splitlines():
                client.want(line, "250")
            client.send("DATA\r\nx\r\n.\r\n")
            same([client.reply()[:3] for _ in range(2)], ["354", "250"])
        same(sink.events("message")[0]["violations"], {"pipelined-after-last": 1})


sys.exit(main())
