#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Habits of swaks' users: stops at a stage, protocols by their names, templates, and what else is spelled its way."""
import re

from tool_kit import MESSAGE, Folder, Script, Sink, closed_port, run_tests, tool

FROM_TO = ('--from=a@x.example', '--to=b@y.example')


def said(run):
    return [line[4:] for line in run.errors.splitlines() if line.startswith((' -> ', ' ~> '))]


def heard(run):
    return [line[4:] for line in run.errors.splitlines() if line.startswith('<')]


def verbs(run):
    return [line.split()[0] for line in said(run)]


def test_stops_of_send():
    """Without a command, with send and with probe: the same look, up to the stage, with QUIT."""
    with Sink('--tls=starttls', '--self-signed') as sink:
        common = ('-v', f'--ca-file={sink.ca}', '--ipv4', '--tls=starttls', '--header=Subject: x', '--body=y', '--attach=/nonexistent')
        for stage, expected in (('CONNECT', []), ('BANNER', []), ('FIRST-EHLO', ['EHLO']), ('first-helo', ['EHLO']), ('TLS', ['EHLO', 'STARTTLS']),
                                ('EHLO', ['EHLO', 'STARTTLS', 'EHLO']), ('MAIL', ['EHLO', 'STARTTLS', 'EHLO', 'MAIL']),
                                ('RCPT', ['EHLO', 'STARTTLS', 'EHLO', 'MAIL', 'RCPT'])):
            for command in ((), ('send',)):
                run = tool(*command, f'--server={sink.server}', *common, *FROM_TO, f'--quit-after={stage}')
                assert run.status == 0 and verbs(run) == expected + (['QUIT'] if stage != 'CONNECT' else []), (stage, run.errors)
                run = tool(*command, f'--server={sink.server}', *common, *FROM_TO, f'--drop-after={stage}')
                assert run.status == 0 and verbs(run) == expected, (stage, run.errors)
            run = tool('probe', '-v', f'--ca-file={sink.ca}', '--ipv4', '--tls=starttls', *FROM_TO, f'--quit-after={stage}', sink.server)
            assert run.status == 0 and [verb for verb in verbs(run) if verb != 'QUIT'] == expected, (stage, run.errors)
        document = tool('send', f'--server={sink.server}', *common[1:], *FROM_TO, '--quit-after=RCPT', '--format=json').json()
        assert document['schema'] == 'smtp-tool/probe/1' and document['stages'][-2]['name'] == 'rcpt', document['stages']
        assert not sink.messages()


def test_dropped_when_said():
    """The command has left, and its reply is not waited for: a server that is slow to answer keeps nobody."""
    for stage, line, fault in (('EHLO', 'EHLO', 'ehlo'), ('MAIL', 'MAIL', 'mail'), ('RCPT', 'RCPT', 'rcpt'), ('DATA', 'DATA', 'data')):
        with Sink(f'--fault={fault}:stall') as sink:
            run = tool('-v', f'--server={sink.server}', '--ipv4', '--tls=never', *FROM_TO, f'--drop-after-send={"FIRST-EHLO" if stage == "EHLO" else stage}', '--timeout=20')
            assert run.status == 0 and verbs(run)[-1] == line and 'no reply' in run.text, (stage, run.status, run.errors, run.text)
            assert len(heard(run)) < 30 and not sink.messages()
    with Script(b'220 mx\r\n', b'250-mx\r\n250 AUTH PLAIN\r\n', b'', b'', b'') as server:
        run = tool('-v', f'--server={server.server}', '--tls=never', '--allow-cleartext-auth', '--user=ann', '--password-env=PW', '--drop-after-send=AUTH', env={'PW': 'secret-one'})
        assert run.status == 0 and said(run)[-1] == 'AUTH PLAIN <redacted 20 octets>', run.errors
    assert server.heard[-1].startswith(b'AUTH PLAIN ')


def test_data_without_content():
    with Sink() as sink:
        run = tool('-v', f'--server={sink.server}', '--ipv4', '--tls=never', '--from=a@x.example', '--to=b@y.example,c@y.example', '--drop-after=DATA')
        assert run.status == 0 and verbs(run) == ['EHLO', 'MAIL', 'RCPT', 'RCPT', 'DATA'] and heard(run)[-1].startswith('354 '), run.errors
        assert not sink.messages()
    with Sink('--fault=data:reply=554 5.0.0 no') as sink:
        run = tool(f'--server={sink.server}', '--ipv4', '--tls=never', *FROM_TO, '--drop-after=DATA')
        assert run.status == 25 and 'the server refused DATA' in run.errors, (run.status, run.errors)
        assert tool('probe', '--format=json', '--tls=never', *FROM_TO, '--drop-after=DATA', sink.server).json()['failed_stage'] == 'data'
    with Sink('--reject-rcpt=b@*:550') as sink:
        assert tool(f'--server={sink.server}', '--ipv4', '--tls=never', *FROM_TO, '--drop-after=DATA').status == 24


def test_stops_that_cannot_be():
    where = f'--server=127.0.0.1:{closed_port()}'
    for options, words in ((('--quit-after=DATA',), 'CONNECT|BANNER'), (('--drop-after=DOT',), 'RCPT|DATA'), (('--quit-after=RCPT', '--from=a@x.example'), 'nobody'),
                           (('--quit-after=MAIL', '--drop-after=MAIL'), 'one of them'), (('--drop-after=DATA', '--from=a@x.example'), 'nobody')):
        run = tool(where, *options)
        assert run.status == 1 and words in run.errors, (options, run.status, run.errors)
    assert tool(where, '--quit-after=EHLO').status == 2
    run = tool('--quit-after=EHLO', 'mail.example.org:25')
    assert run.status == 1 and '--server=mail.example.org:25' in run.errors, run.errors
    with Folder() as folder:
        config = folder.file('config', '[default]\nquit-after=EHLO\n')
        run = tool('send', f'--config={config}', where, '--body=x')
        assert run.status == 1 and 'quit-after' in run.errors, run.errors
        run = tool('send', where, *FROM_TO, '--body=x', env={'SMTP_TOOL_QUIT_AFTER': 'EHLO', 'SMTP_TOOL_DUMP': 'yes'})
        assert 'smtp-tool send' in run.text + run.errors or run.status == 2, run.errors
    assert tool('send', where, '--quit-after=EHLO', env={'SMTP_TOOL_EXECDIR': '/nonexistent'}).status in (2, 10)


def test_protocols():
    with Folder() as folder:
        mail = folder.file('m.eml', MESSAGE)
        with Sink() as sink:
            assert tool('send', '--protocol=esmtp', f'--server={sink.server}', mail).status == 0
            assert tool('send', '--protocol=ESMTPS', f'--server={sink.server}', mail).status == 29
            assert tool('send', '--protocol=ESMTPS', '--tls=never', f'--server={sink.server}', mail).status == 0
        with Sink('--tls=implicit', '--self-signed') as sink:
            for word in ('SSMTP', 'SMTPS'):
                assert tool('send', f'--protocol={word}', f'--ca-file={sink.ca}', f'--server={sink.server}', mail).status == 0
        with Sink('--lmtp') as sink:
            run = tool('send', '-v', '--protocol=LMTP', f'--server={sink.server}', mail)
            assert run.status == 0 and 'LHLO' in verbs(run), run.errors
        for word, words in (('SMTP', 'HELO'), ('ESMTPA', '--user'), ('LMTPSA', '--user'), ('UUCP', 'not one of')):
            run = tool('send', f'--protocol={word}', '--server=127.0.0.1:9', mail)
            assert run.status == 1 and words in run.errors, run.errors


def test_socket():
    with Folder() as folder:
        mail = folder.file('m.eml', MESSAGE)
        run = tool('send', '-v', f'--socket={folder / "none"}', mail)
        assert run.status == 2 and f'unix:{folder / "none"}' in run.errors, (run.status, run.errors)


def test_templates():
    with Sink() as sink, Folder() as folder:
        where = (f'--server={sink.server}', '--tls=never', *FROM_TO)
        text = 'From: %FROM_ADDRESS%\\nTo: %TO_ADDRESS%\\nDate: %DATE%\\nMessage-ID: %MESSAGEID%\\n%NEW_HEADERS%\\nX-T: %SWAKS_VERSION%\\n\\n100% of %OTHER% stays\\n'
        assert tool('send', *where, f'--data={text}', '--header=X-More: y').status == 0
        path = folder.file('template', text.replace('\\n', '\n'))
        for value, stdin in ((f'@{path}', b''), (path, b''), ('-', open(path, 'rb').read())):
            run = tool('send', *where, f'--data={value}', '--header=X-More: y', stdin=stdin)
            assert run.status == 0, run.errors
        for message in sink.messages():
            assert b'From: a@x.example\r\nTo: b@y.example\r\nDate: ' in message and b'X-T: smtp-tool ' in message and b'NEW_HEADERS' not in message, message
            assert b'\r\n\r\n100% of %OTHER% stays\r\n' in message and re.search(rb'\r\nMessage-ID: <[^%>]+@[^%>]+>\r\n', message) and b'X-More: y\r\n' in message, message
            assert re.search(rb'\r\nDate: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n', message), message
        assert len(sink.messages()) == 4
        # A file that is an operand is sent as it is.
        plain = folder.file('plain', 'From: a@x.example\nTo: b@y.example\n\n%TO_ADDRESS%\n')
        assert tool('send', *where, plain).status == 0 and b'%TO_ADDRESS%' in sink.messages()[4]
        large = folder.file('large', b'From: a@x.example\n\n' + b'%DATE%\n' * 200000)
        assert tool('send', *where, f'--data={large}').status == 0 and sink.messages()[5].count(b'%DATE%') == 200000
        assert tool('send', *where, f'--data={folder / "none"}').status == 4
        assert tool('send', *where, '--data=-', '-', stdin=b'x').status == 1


def test_other_names():
    def without_time(text):
        return re.sub(r'\d+\.\d+|"(ms|time)".*', '', text)
    assert tool('--support').text == tool('plugins', 'list').text
    assert tool('-s', 'x.example', '--dump').text == tool('config', '-s', 'x.example').text
    with Folder() as folder:
        mail = folder.file('m.eml', MESSAGE)
        for option in ('--sni=mx.example', '--priority=NORMAL', '--auth-fallback=never', '--auth-fallback=any', '--auth-fallback=stop'):
            assert tool('send', '-n', option, mail).status == 0, option
        assert tool('send', '-n', '--auth-fallback=same-strength', mail).status == 1
        with Sink('--tls=starttls', '--self-signed') as sink:
            whole = tool('tls', '--pem', f'--ca-file={sink.ca}', sink.server)
            assert whole.text.count('BEGIN CERTIFICATE') >= 1
            run = tool('tls', '--tls-get-peer-cert', f'--ca-file={sink.ca}', sink.server)
            assert run.status == 0 and run.text.count('BEGIN CERTIFICATE') == 1 and whole.text.startswith(run.text)
            run = tool('tls', f'--tls-get-peer-chain={folder / "chain"}', f'--ca-file={sink.ca}', sink.server)
            with open(folder / 'chain', encoding='ascii') as file:
                assert run.status == 0 and run.out == b'' and file.read() == whole.text
            run = tool('tls', f'--tls-get-peer-cert={folder / "no" + "/where"}', f'--ca-file={sink.ca}', sink.server)
            assert run.status == 4, (run.status, run.errors)
    dead = f'--resolver=127.0.0.1@{closed_port()}'
    one, other = tool('probe', dead, '--timeout=1', 'mx:corp.example'), tool('probe', dead, '--timeout=1', '--copy-routing=corp.example')
    assert one.status == other.status != 0 and without_time(one.text) == without_time(other.text), (one.text, other.text)


run_tests(globals())
