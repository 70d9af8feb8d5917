#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool session: lines of one's own, from a pipe, a script and a terminal."""
import base64
import os
import re
import subprocess

from tool_kit import EXECDIR, TOOL, Folder, Script, Sink, closed_port, on_terminal, run_tests, tool

PASSWORD = 'Zk7-s3cret-Q9'


def session(server, script, *options, **more):
    return tool('session', *options, server, stdin=script if isinstance(script, bytes) else script.encode(), **more)


def secured(*more):
    """A server with STARTTLS and an account, and options to reach it."""
    folder = Folder()
    folder.__enter__()
    password = folder.file('password', PASSWORD + '\n')
    sink = Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,CRAM-MD5', '--user=ana', f'--password-file={password}', *more)
    return folder, sink, password


def variants(secret):
    """What a secret may look like: itself, in hexadecimal, and in base64 at each of the three places."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    for place in range(3):
        yield base64.b64encode(b'\0' * place + raw)[4 if place else 0:-4]


def test_dialogue():
    with Sink() as sink:
        run = session(sink.server, 'EHLO x.example\n# a comment\n\nBOGUS\nNOOP\nQUIT\nNOOP\n')
        assert run.status == 0, (run.status, run.errors)
        lines = run.text.splitlines()
        assert lines[0].startswith('220 ') and lines[1].startswith('250-'), lines
        assert lines[-3:] == ['500 5.5.2 command not recognized', '250 2.0.0 Ok', '221 2.0.0 Bye'], lines
        assert '* connected to 127.0.0.1:' in run.errors and 'plain' in run.errors, run.errors


def test_message_by_hand():
    with Sink() as sink, Folder() as folder:
        script = 'EHLO x.example\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n\\expect 354\nSubject: x\n\n\\expect is content\n# too\n..dot\n.\n\\expect 250\n'
        run = session(sink.server, script)
        assert run.status == 0, run.errors
        assert sink.messages() == [b'Subject: x\r\n\r\n\\expect is content\r\n# too\r\n.dot\r\n'], sink.messages()
        mail = folder.file('mail', b'Subject: y\n\n.dot\n..\r\nend')
        run = session(sink.server, f'EHLO x\nMAIL FROM:<>\nRCPT TO:<c@d.example>\nDATA\n\\send {mail}\n\\expect 25\n')
        assert run.status == 0, run.errors
        assert sink.messages()[1] == b'Subject: y\r\n\r\n.dot\r\n..\r\nend\r\n', sink.messages()[1]
        assert run.text.endswith('221 2.0.0 Bye\n')


def test_typed_starttls():
    folder, sink, password = secured()
    with folder, sink:
        script = 'EHLO x\nSTARTTLS\n\\expect 220\n\\tls\nEHLO x\nstarttls\n'
        run = session(sink.server, script, f'--ca-file={sink.ca}')
        assert run.status != 0 and 'STARTTLS inside TLS' in run.errors, run.errors
        assert 'TLS         1.3' in run.errors and 'matched     DNS:localhost' in run.errors, run.errors
        assert 'AUTH PLAIN CRAM-MD5' in run.text, run.text
        run = session(sink.server, script, '--tls=starttls')  # the certificate's authority is not known
        assert run.status == 40, (run.status, run.errors)
        assert '250-AUTH' not in run.text


def test_library_speaks():
    folder, sink, password = secured('--require-auth')
    with folder, sink:
        account = ('--user=ana', f'--password-file={password}', f'--ca-file={sink.ca}')
        script = '\\ehlo\n\\expect 250\n\\auth PLAIN\n\\expect 235\nMAIL FROM:<a@b.example>\n\\expect 250\n'
        run = session(sink.server, script, *account, '-v')
        assert run.status == 0, run.errors
        assert '* authenticated with PLAIN' in run.errors
        run = session(sink.server, 'MAIL FROM:<a@b.example>\n\\expect 250\n', *account, '--until=AUTH')
        assert run.status == 0, run.errors
        assert run.text.splitlines()[1] == '250 2.1.0 Ok', run.text
        wrong = folder.file('wrong', 'wrong\n')
        run = session(sink.server, '\\auth\nNOOP\n', '--user=ana', f'--password-file={wrong}', f'--ca-file={sink.ca}')
        assert run.status == 28 and '535 5.7.8' in run.text and 'NOOP' not in run.text, (run.status, run.text)
        run = session(sink.server, '\\auth\n', f'--ca-file={sink.ca}')
        assert run.status == 1, (run.status, run.errors)


def test_no_secret_is_shown():
    folder, sink, password = secured()
    blob = base64.b64encode(f'\0ana\0{PASSWORD}'.encode()).decode()
    with folder, sink:
        account = ('--user=ana', f'--password-file={password}', f'--ca-file={sink.ca}', '-v')
        for script in ('\\auth\n', '\\auth PLAIN\n', f'STARTTLS\nEHLO x\nAUTH PLAIN {blob}\n\\expect 235\n', f'EHLO x\nSTARTTLS\nEHLO x\nAUTH PLAIN\n{blob}\n\\expect 235\n'):
            script = script if script[0] == '\\' else 'EHLO x\n' + script
            run = session(sink.server, script, *account)
            assert run.status == 0, (script, run.status, run.errors)
            for form in variants(PASSWORD):
                assert form not in run.out + run.err, (script, form, run.errors)


def test_injection_ends_it():
    folder, sink, password = secured('--fault=starttls:starttls-inject')
    with folder, sink:
        run = session(sink.server, 'EHLO x\nSTARTTLS\nEHLO x\n', f'--ca-file={sink.ca}')
        assert run.status == 29, (run.status, run.errors)
        assert 'in clear' in run.errors and 'XINJECTED' not in run.text, (run.text, run.errors)


def test_terminal_is_safe():
    with Script(b'220 a\x1b[31m\x07b\r\n', b'250-\xc2\x9b\xff\r\n250 \xe2\x80\xae x\r\n', b'221 bye\r\n', None) as server:
        run = session(server.server, 'EHLO x\n')
        assert run.status == 0, (run.status, run.errors)
        for octet in b'\x1b', b'\x07', b'\xc2\x9b', b'\xff', b'\xe2\x80\xae':
            assert octet not in run.out + run.err, run.out
        assert '220 a\\x1B[31m\\x07b' in run.text, run.text


def test_statuses():
    with Sink() as sink, Folder() as folder:
        for script, status, words in (('\\expect 250\n', 44, 'line 1: expected 250'), ('NOOP\n\\expect 5\nNOOP\n', 44, 'line 2'),
                                      ('\\nothing\n', 1, '\\nothing is no command'), ('\\send x\n', 1, '354'), ('\\expect x\n', 1, 'code'),
                                      ('NOOP\0\n', 4, 'NUL'), ('\\wait soon\n', 1, 'seconds')):
            run = session(sink.server, script)
            assert run.status == status and words in run.errors, (script, run.status, run.errors)
        missing = tool('session', '--script=' + folder / 'absent', sink.server)
        assert missing.status == 4 and 'absent' in missing.errors, missing.errors
        script = folder.file('script', 'NOOP\r\n\\expect 250\r\nQUIT\r\n')
        run = tool('session', f'--script={script}', sink.server)
        assert run.status == 0 and run.text.endswith('221 2.0.0 Bye\n'), (run.text, run.errors)
        assert tool('session', '--until=RCPT', sink.server).status == 1
        assert tool('session').status == 1
        assert '\\expect CODE' in tool('session', '--help').text
    assert session(f'127.0.0.1:{closed_port()}', '').status == 2
    with Sink('--fault=noop:drop') as sink:
        run = session(sink.server, 'EHLO x\nNOOP\n')
        assert run.status == 6, (run.status, run.errors)
    with Sink('--fault=noop:stall') as sink:
        run = session(sink.server, 'EHLO x\nNOOP\n', '--timeout=0.3')
        assert run.status == 6 and 'no reply within 0.3' in run.errors, (run.status, run.errors)


def test_lines_that_do_not_wait():
    with Sink('--fault=rset:delay=0.2s') as sink:
        run = session(sink.server, 'EHLO x\n\\push RSET\n\\push NOOP\n\\push VRFY\n\\wait\n\\expect 501\n\\drop\n')
        assert run.status == 0, run.errors
        assert [line[:3] for line in run.text.splitlines()[-3:]] == ['250', '250', '501'], run.text
    with Sink('--tls=starttls', '--self-signed', '--fault=noop:delay=0.2s') as sink:
        run = session(sink.server, 'EHLO x\n\\push NOOP\nSTARTTLS\n', f'--ca-file={sink.ca}')
        assert run.status != 0 and 'are awaited' in run.errors, run.errors


def events_of(document, *kinds):
    return [event for event in document['events'] if event['event'] in kinds]


def test_for_machines():
    """One document, whatever happens, in the order in which it happened."""
    folder, sink, password = secured()
    account = ('--user=ana', f'--password-file={password}', '--format=json')
    with folder, sink:
        script = ('EHLO x\nSTARTTLS\n\\expect 220\n\\auth PLAIN\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\nSubject: x\n\nhidden content\n.\n'
                  '\\expect 25\n\\push NOOP\n\\push RSET\n\\wait\n\\expect 5\n')
        run = session(sink.server, script, f'--ca-file={sink.ca}', *account)
        document = run.json()
        assert run.status == 44 and run.err == b'' and document['error'] is None, (run.status, run.errors)
        assert document['target']['transport'].startswith('starttls/') and document['target']['given'] == sink.server
        said = [event['text'] for event in events_of(document, 'said', 'command')]
        assert said == ['EHLO x', 'STARTTLS', '\\expect 220', '\\auth PLAIN', 'MAIL FROM:<a@b.example>', 'RCPT TO:<c@d.example>', 'DATA', '.', '\\expect 25',
                        '\\push', 'NOOP', '\\push', 'RSET', '\\wait', '\\expect 5'], said
        codes = [event['code'] for event in events_of(document, 'heard')]
        assert codes == [220, 250, 220, 250, 235, 250, 250, 354, 250, 250, 250], codes
        [tls], [login], [content], [problem] = (events_of(document, kind) for kind in ('tls', 'authenticated', 'content', 'problem'))
        assert tls['version'] == 'TLSv1.3' and tls['matched'] == 'DNS:localhost' and login['mechanism'] == 'PLAIN'
        assert content['octets'] == len('Subject: x\r\n\r\nhidden content\r\n') and 'hidden' not in run.text
        assert problem['line'] == 16 and problem['code'] == 44 and 'expected 5' in problem['text'], problem
        times = [event['ms'] for event in document['events']]
        assert times == sorted(times) and document['events'][0]['line'] is None
        document = session(sink.server, 'NOOP\n', *account).json()
        assert document['exit']['code'] == 0 and [event['event'] for event in document['events']] == ['heard', 'said', 'heard', 'said', 'heard']
        run = session(sink.server, 'EHLO x\nSTARTTLS\nNOOP\n', *account)
        assert run.json()['exit']['code'] == 40 and events_of(run.json(), 'problem'), run.text
    run = session(f'127.0.0.1:{closed_port()}', '', '--format=json')
    assert run.status == 2 and run.json()['error']['code'] and run.json()['events'] == [], run.text
    run = tool('session', '--format=json', '--script=/nonexistent', '127.0.0.1:9')
    assert run.status == 4 and run.json()['events'] == [], (run.status, run.text)
    on_terminal('session', '--format=json', '127.0.0.1:9', env={'XDG_CONFIG_HOME': '/dev/null', 'LC_ALL': 'C.UTF-8', 'SMTP_TOOL_EXECDIR': EXECDIR})
    assert on_terminal.status == 1


def test_a_typed_secret_comes_back_to_nobody():
    """Neither from the line nor from a server that repeats it, for people and for machines."""
    blob = base64.b64encode(f'\0ana\0{PASSWORD}'.encode())
    for script, replies in ((b'AUTH PLAIN ' + blob + b'\nNOOP\n', (b'500 unknown command AUTH PLAIN ' + blob + b' of ' + PASSWORD.encode() + b'\r\n',)),
                            (b'AUTH PLAIN\n' + blob + b'\nNOOP\n', (b'334 \r\n', b'535 no: ' + blob + b'\r\n')),
                            (b'\\push AUTH PLAIN ' + blob + b'\n\\wait\nNOOP\n', (b'535-' + blob[:30] + b'\r\n535 ' + PASSWORD.encode() + b'\r\n',))):
        for options in ((), ('-vvv',), ('--format=json', '-vvv')):
            with Script(b'220 mx\r\n', *replies, b'250 ok\r\n', b'221 bye\r\n') as server:
                run = session(server.server, script, '--tls=never', *options)
                assert run.status == 0 and (b'AUTH' in run.out or 'json' not in options[:1]), (run.status, run.errors)
                dump = b''.join(bytes.fromhex(row) for row in re.findall(r'^    [0-9a-f]{4}  ((?:[0-9a-f]{2} )+)', run.errors, re.M))
                for form in (*variants(PASSWORD), blob[:30]):
                    assert form not in run.out + run.err + dump, (script, options, form, run.text, run.errors)
                if '--format=json' in options:
                    run.json()


def test_terminal():
    """Lines are edited: a character is rubbed out, a line comes back by the arrow key, a SASL response does not appear."""
    folder, sink, password = secured()
    blob = base64.b64encode(f'\0ana\0{PASSWORD}'.encode())
    with folder, sink:
        replies = [(b'smtp> ', b'EHLO x.exampleX\x7f\n'), (b'smtp> ', b'STARTTLS\n'), (b'smtp> ', b'\x1b[A\x1b[A\n'), (b'smtp> ', b'AUTH PLAIN\n'),
                   (b'(hidden) ', blob + b'\n'), (b'smtp> ', b'\\expect 5\n'), (b'smtp> ', b'\\help\n'), (b'smtp> ', b'QUIT\n')]
        shown = on_terminal('session', f'--ca-file={sink.ca}', sink.server,
                            env={'TERM': 'vt100', 'XDG_CONFIG_HOME': '/dev/null', 'LC_ALL': 'C.UTF-8', 'SMTP_TOOL_EXECDIR': EXECDIR}, replies=replies)
        assert on_terminal.status == 0, (on_terminal.status, shown)
        assert shown.count(b'greets x.example\r') == 2, shown
        assert b'TLS         1.3' in shown and b'expected 5' in shown and b'221 2.0.0 Bye' in shown, shown
        for form in variants(PASSWORD):
            assert form not in shown, shown


def test_nothing_else_maps_the_editor():
    maps = subprocess.run(['ldd', TOOL], stdout=subprocess.PIPE, check=True).stdout
    assert b'libedit' not in maps
    assert b'libedit' in subprocess.run(['ldd', os.path.join(EXECDIR, 'smtp-tool-session')], stdout=subprocess.PIPE, check=True).stdout


run_tests(globals())
