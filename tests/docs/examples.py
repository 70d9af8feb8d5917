#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every example program of the guides does what its guide says, against a real server on loopback."""

import os
import socket

from kit import BUILD, MAIL, ROOT, Folder, Sink, main, run

EXAMPLES = os.path.join(BUILD, "docs", "examples")


def example(name):
    return os.path.join(EXAMPLES, "example-" + name)


def closed_port():
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def lacks(text, *words):
    return [f"{word!r} is not in the output:" for word in words if word not in text] and \
        [f"wanted: {words}", *("| " + line for line in text.splitlines())]


def check_send_file():
    with Folder() as folder, Sink(folder, "--capture=.") as sink:
        out, _, wrong = run([example("send-file"), sink.at, "mail.eml"], folder, 0)
        wrong += lacks(out, "sent: Ok: queued as 000001\n")
        sink.stop()
        with open(folder.file("000001.eml"), "rb") as file:
            if file.read() != MAIL:
                wrong.append("the message that arrived is not the one that was sent")
        _, err, more = run([example("send-file"), sink.at, "absent.eml"], folder, 1)
        return wrong + more + lacks(err, "not sent: ", "absent.eml")


def check_failover():
    with Folder() as folder, Sink(folder, "--fault=greeting:554 no service") as bad, Sink(folder) as good:
        none = f"127.0.0.1:{closed_port()}"
        out, _, wrong = run([example("failover"), "mail.eml", none, bad.at, good.at], folder, 0)
        wrong += lacks(out, f"{none}, connect: ", "then next-server", f"{bad.at}, greeting: ", "554", f"sent by {good.at}\n")
        out, _, more = run([example("failover"), "mail.eml", none], folder, 1)
        wrong += more + lacks(out, "not sent, try later: ")
        out, _, more = run([example("failover"), "mail.eml", bad.at], folder, 1)
        return wrong + more + lacks(out, "not sent, do not try again: ")


def check_failover_unknown():
    """The sink cannot lose a reply, so this server is four lines of Python."""
    import threading

    with Folder() as folder, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)

        def serve():
            peer, _ = server.accept()
            with peer, peer.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 here\r\n")
                content = False
                for line in stream:
                    if content and line == b".\r\n":
                        return  # and no reply, ever
                    if not content:
                        content = line.upper().startswith(b"DATA")
                        stream.write(b"354 go\r\n" if content else b"250 fine\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        here = f"127.0.0.1:{server.getsockname()[1]}"
        with Sink(folder) as good:
            out, _, wrong = run([example("failover"), "mail.eml", here, good.at], folder, 3)
            thread.join()
            wrong += lacks(out, "perhaps sent: ")
            if good.stop().of("message"):
                wrong.append("sent once more to the next server")
        return wrong


def check_at_least_one():
    with Folder() as folder, Sink(folder, "--reject-rcpt=nobody@*", "--reject-rcpt=full@*:452") as sink:
        out, _, wrong = run([example("at-least-one"), sink.at, "mail.eml", "berta@example.org, nobody@example.org, full@example.org"],
                            folder, 0)
        wrong += lacks(out, "berta@example.org: accepted\n", "nobody@example.org: refused for good: 550",
                       "full@example.org: refused for now: 452")
        out, err, more = run([example("at-least-one"), sink.at, "mail.eml", "nobody@example.org"], folder, 1)
        wrong += more + lacks(err, "not sent: ") + lacks(out, "nobody@example.org: refused")
        if len(sink.stop().of("message")) != 1:
            wrong.append("not one message arrived")
        return wrong


def check_tls_policy():
    with Folder() as folder:
        with Sink(folder) as clear:
            out, _, wrong = run([example("tls-policy"), clear.at, "mail.eml"], folder, 0)
            wrong += lacks(out, "TLS problem 1: ", "warning: ", "sent\n")
        with Sink(folder, "--tls=starttls", "--self-signed") as strange:
            out, err, more = run([example("tls-policy"), strange.at, "mail.eml"], folder, 1)
            wrong += more + lacks(out, "TLS problem 4: ") + lacks(err, "not sent: ")
            if strange.stop().of("message"):
                wrong.append("sent to a server whose certificate is not good")
        return wrong


def check_credential():
    secure = ["--tls=starttls", "--self-signed", "--ca-out=ca.pem", "--auth=PLAIN", "--user=ana", "--password-file=password", "--require-auth"]
    with Folder() as folder, Sink(folder, *secure) as sink:
        folder.write("wrong", b"battery staple\n")
        out, _, wrong = run([example("credential"), sink.at, "mail.eml", "ana", "password", "ca.pem"], folder, 0)
        wrong += lacks(out, "sent\n")
        _, err, more = run([example("credential"), sink.at, "mail.eml", "ana", "wrong", "ca.pem"], folder, 3)
        wrong += more + lacks(err, "not sent: ")
        _, err, more = run([example("credential"), sink.at, "mail.eml", "ana", "absent", "ca.pem"], folder)
        wrong += more + lacks(err, "not sent: ")
        if "battery" in err or "horse" in err:
            wrong.append("an error shows the password")
        took = sink.stop().of("message")
        if len(took) != 1 or not took[0]["auth"]:
            wrong.append(f"one authenticated message was expected: {took}")
        return wrong


def check_trace():
    with Folder() as folder, Sink(folder) as sink:
        out, _, wrong = run([example("trace"), sink.at, "mail.eml"], folder, 0)
        wrong += lacks(out, "S: 220 ", "C: EHLO ", "C: MAIL FROM:<ana@example.org>", "C: RCPT TO:<carlos@example.net>", "C: BDAT ", "C: QUIT")
        if "To all on the list" in out:
            wrong.append("the transcript shows the content")
        return wrong


def check_progress():
    with Folder() as folder, Sink(folder) as sink:
        out, _, wrong = run([example("progress"), sink.at, "mail.eml"], folder, 0)
        return wrong + lacks(out, "100 %, waiting for the reply")


def check_many():
    with Folder() as folder, Sink(folder) as sink:
        folder.write("empty.eml", b"")
        out, _, wrong = run([example("many"), sink.at, "mail.eml", "empty.eml", "mail.eml", "absent.eml"], folder, 0)
        wrong += lacks(out, "mail.eml: sent\n", "empty.eml: ", "absent.eml: ")
        sink.stop()
        if len(sink.of("message")) != 2 or sink.of("summary")[0]["connections"] != 1:
            wrong.append("two messages over one connection were expected")
        return wrong


def loop(name):
    """Many messages from a loop, over connections that say QUIT; and what cannot be sent is told."""
    program = example("loop-" + name)
    if not os.path.exists(program):
        return []  # its library is not here
    with Folder() as folder, Sink(folder) as sink:
        folder.write("empty.eml", b"")
        out, _, wrong = run([program, sink.at, *["mail.eml"] * 20, "empty.eml", "absent.eml"], folder, 0)
        if out.count("mail.eml: sent\n") != 20:
            wrong.append(f"twenty messages were expected: {out}")
        wrong += lacks(out, "empty.eml: ", "absent.eml: ")
        sink.stop()
        if len(sink.of("message")) != 20 or not 1 <= sink.of("summary")[0]["connections"] <= 4:
            wrong.append("twenty messages over one connection to four were expected")
    down = f"127.0.0.1:{closed_port()}"
    with Folder() as folder:
        out, _, more = run([program, down, "mail.eml"], folder, 0)
        return wrong + more + lacks(out, "mail.eml: not-sent\n")


def check_loop_poll():
    return loop("poll")


def check_loop_glib():
    return loop("glib")


def check_loop_uv():
    return loop("uv")


def check_plugin():
    """The mechanism of the guide for authors loads from its own folder and is used where it is asked for."""
    with Folder() as folder, Sink(folder, "--auth=ANONYMOUS", "--require-auth") as sink:
        tool = os.environ.get("DOCS_TOOL")
        if tool is None:
            return []
        out, err, wrong = run([tool, "plugins", "show", "ANONYMOUS"], folder, 0)
        wrong += lacks(out + err, "auth_anonymous")
        common = [tool, "send", f"--server={sink.at}", "--tls=never"]
        out, err, more = run([*common, "--auth=ANONYMOUS", "-v", "mail.eml"], folder, 0)
        wrong += more
        out, err, more = run([*common, "mail.eml"], folder)
        if "AUTH ANONYMOUS" in err:
            wrong.append("anonymous access was used without being asked for")
        took = sink.stop().of("message")
        if len(took) != 1:
            wrong.append(f"one message was expected: {took}")
        return wrong


def check_transport():
    """The transport of the guide carries a message, and nothing secret is trusted to it."""
    with Folder() as folder, Sink(folder, "--auth=PLAIN,CRAM-MD5", "--user=ana", "--password-file=password") as sink:
        tool = os.environ.get("DOCS_TOOL")
        if tool is None:
            return []
        path = os.environ["VEREDA_PLUGIN_PATH"] + ":" + os.environ["DOCS_TRANSPORT_DIR"]
        environment = dict(os.environ, VEREDA_PLUGIN_PATH=path)
        out, err, wrong = run([tool, "plugins", "show", "count"], folder, 0, env=environment)
        wrong += lacks(out + err, "implicit/count", "starttls/count")
        through = [tool, "send", "-v", f"--server={sink.at}", "--tls=implicit", "--transport=count"]
        out, err, more = run([*through, "mail.eml"], folder, 40, env=environment)
        wrong += more + lacks(err, "not verified")
        out, err, more = run([*through, "--insecure", "mail.eml"], folder, 0, env=environment)
        wrong += more + lacks(err, "not verified")
        out, err, more = run([*through, "--insecure", "--user=ana", "--password-file=password", "--auth=PLAIN", "mail.eml"], folder, 41,
                             env=environment)
        wrong += more + lacks(err, "PLAIN", "certificate was not verified")
        took = sink.stop().of("message")
        if len(took) != 1 or took[0]["auth"]:
            wrong.append(f"one message without authentication was expected: {took}")
        return wrong


if __name__ == "__main__":
    main([("example/send-file", check_send_file), ("example/failover", check_failover),
          ("example/failover-unknown", check_failover_unknown), ("example/at-least-one", check_at_least_one),
          ("example/tls-policy", check_tls_policy), ("example/credential", check_credential), ("example/trace", check_trace),
          ("example/progress", check_progress), ("example/many", check_many), ("example/loop-poll", check_loop_poll), ("example/loop-glib", check_loop_glib),
          ("example/loop-uv", check_loop_uv), ("example/plugin", check_plugin), ("example/transport", check_transport)])
