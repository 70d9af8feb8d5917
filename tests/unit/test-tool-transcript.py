#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The transcript: how much of it -v, -vv and -vvv show, the file of --save-transcript and that it plays, what --redact leaves, and how hard
--show-secrets is to come by."""
import base64
import json
import os
import re

from tool_kit import MESSAGE, Folder, Script, Sink, on_terminal, run_tests, tool

PASSWORD = 'tanstaaf-Zephyr-7731'
TALKERS = (('send',), ('probe',), ('tls',), ('auth', 'list'), ('auth', 'try'), ('compare',), ('check',), ('session', '--until=EHLO'), ('bench', '--messages=2', '--warm-up=0'))


def secured(folder, *more):
    password = folder.file('password', PASSWORD + '\n')
    return Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN,SCRAM-SHA-256', '--user=ann', f'--password-file={password}', *more)


def options_for(sink, folder):
    return (f'--ca-file={sink.ca}', '--ipv4', '--user=ann', f'--password-file={folder / "password"}')


def run_of(command, sink, folder, *more, **kwargs):
    options = options_for(sink, folder)
    if command[0] == 'send':
        return tool(*command, *options, f'--server={sink.server}', *more, folder.file('m.eml', MESSAGE), **kwargs)
    if command[0] == 'bench':
        return tool(*command, *options, f'--server={sink.server}', *more, **kwargs)
    return tool(*command, *options, *more, sink.server, **kwargs)


def test_levels_of_every_command():
    with Folder() as folder, secured(folder) as sink:
        for command in TALKERS:
            shown = [run_of(command, sink, folder, *level).errors for level in ((), ('-v',), ('-vv',), ('-vvv',))]
            assert ' -> EHLO' not in shown[0], (command, shown[0])
            assert ' -> EHLO' in shown[1] and '<-  220 ' in shown[1] and 'key exchange' not in shown[1], (command, shown[1])
            assert 'key exchange' in shown[2] and re.search('SHA-256 [0-9a-f]{64}$', shown[2], re.M) and '45 48 4c 4f' not in shown[2], (command, shown[2])
            assert re.search(r'^    0000  45 48 4c 4f 20 .* {2}EHLO ', shown[3], re.M), (command, shown[3])
        for command in (('send',), ('probe',)):  # a certificate that is refused is described all the same
            where = [f'--server={sink.server}', folder / 'm.eml'] if command[0] == 'send' else [sink.server]
            run = tool(*command, '-vv', '--tls=starttls', '--ipv4', *where)
            assert run.status == 40 and re.search(r'^=== verdict: unknown-issuer', run.errors, re.M) and '=== certificate 0: ' in run.errors, run.errors
        assert '-> EHLO' not in run_of(('send',), sink, folder, '-vvv', '--no-verbose').errors
        assert 'key exchange' in run_of(('send',), sink, folder, '-v', '--verbose').errors


def test_hex_is_of_the_octets():
    """What is escaped in the line is an octet in the dump."""
    with Script(b'220 a\tb\x1b\xff\\ c\r\n', b'250 x\r\n', b'221 y\r\n') as server:
        text = tool('probe', '-vvv', '--tls=never', server.server).errors
        dump = re.search(r'^<-  220 a.*\n    0000  ([0-9a-f ]*?)  (\S.*)$', text, re.M)
        assert dump and dump.group(1).split() == [f'{octet:02x}' for octet in b'220 a\tb\x1b\xff\\ c'] and dump.group(2) == '220 a.b..\\ c', text


def test_nothing_of_a_secret_in_hex():
    with Folder() as folder, secured(folder) as sink:
        for mechanism in ('PLAIN', 'LOGIN', 'SCRAM-SHA-256'):
            text = run_of(('send',), sink, folder, '-vvv', f'--auth={mechanism}').errors
            octets = ''.join(''.join(row.split()) for row in re.findall(r'^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ){1,16})', text, re.M))
            for form in (PASSWORD.encode(), base64.b64encode(f'\0ann\0{PASSWORD}'.encode()), base64.b64encode(PASSWORD.encode()), b'biwsbj1'):
                assert form.hex() not in octets, mechanism
            assert f'AUTH {mechanism}'.encode().hex() in octets and '<redacted ' in text, mechanism


def rows_of(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def test_saved_transcript_of_every_command():
    with Folder() as folder, secured(folder) as sink:
        path = folder / 'transcript'
        for command in TALKERS:
            run_of(command, sink, folder, f'--save-transcript={path}')
            rows = rows_of(path)
            assert rows[0]['event'] == 'connect' and rows[1]['from'] == 'server' and rows[1]['text'].startswith('220 '), (command, rows[:2])
            assert os.stat(path).st_mode & 0o777 == 0o600
            assert all(set(row) <= {'connection', 'us', 'event', 'detail', 'from', 'kind', 'text', 'base64', 'masked'} for row in rows), command
            numbers = [row['connection'] for row in rows]
            assert numbers == sorted(numbers) and numbers[0] == 1 and set(numbers) == set(range(1, numbers[-1] + 1)), numbers
            os.remove(path)


def test_a_saved_transcript_plays():
    """What was written down of one server is had again from the sink, without that server: the same verdicts, and no deviation."""
    with Folder() as folder:
        path = folder / 'transcript'
        for more, statuses in ((('--auth=PLAIN',), (0, 0)), (('--auth=LOGIN', '--chunking=never'), (0, 0)),
                               (('--auth=PLAIN', '--to=bad@example.net,good@example.net', '--at-least-one'), (42, 42)),
                               (('--auth=PLAIN', '--to=bad@example.net'), (24, 24))):
            with secured(folder, '--reject-rcpt=bad@*:550') as sink:
                first = run_of(('send',), sink, folder, f'--save-transcript={path}', *more)
            with Sink('--tls=starttls', '--self-signed', f'--replay={path}') as sink:
                second = run_of(('send',), sink, folder, *more)
                sink.process.terminate()
                sink.drain.join()
                deviations = sink.said
            assert (first.status, second.status) == statuses, (more, first.errors, second.errors)
            said = [[re.sub(r'localhost:\d+', '', line) for line in run.text.splitlines()] for run in (first, second)]
            assert said[0] == said[1], said
            assert b'deviat' not in deviations and b'instead' not in deviations, deviations
            with open(path, 'rb') as file:
                octets = file.read()
            assert PASSWORD.encode() not in octets and base64.b64encode(f'\0ann\0{PASSWORD}'.encode()) not in octets and b'Hello.' not in octets


def test_where_a_transcript_cannot_go():
    with Folder() as folder, Sink() as sink:
        mail = folder.file('m.eml', MESSAGE)
        run = tool('send', f'--save-transcript={folder / "no" + "/where"}', f'--server={sink.server}', mail)
        assert run.status == 4 and 'save-transcript' in run.errors and not sink.messages(), run.errors
        run = tool('send', f'--save-transcript={folder / "t"}', '--connections=2', f'--server={sink.server}', mail)
        assert run.status == 1 and '--connections' in run.errors, run.errors
        if os.path.exists('/dev/full'):
            run = tool('send', '--save-transcript=/dev/full', f'--server={sink.server}', mail)
            assert run.status == 4 and 'not all of it' in run.errors, (run.status, run.errors)


def test_redacted():
    """Nobody is named, the same one always by the same word, and JSON stays JSON."""
    mail = b'From: Ann <ann@corp.example>\r\nTo: "odd one"@corp.example, bob@[127.0.0.1]\r\nSubject: test\r\n\r\nHello.\r\n'
    with Folder() as folder, secured(folder, '--reject-rcpt=bob*') as sink:
        path, options = folder.file('m', mail), options_for(sink, folder)
        for form in ('human', 'json'):
            for level in ('addresses', 'all'):
                run = tool('send', '-vvv', *options, f'--redact={level}', f'--format={form}', f'--save-transcript={folder / "t"}', f'--server={sink.server}', path)
                assert run.status == 24, (run.status, run.errors)
                saved = open(folder / 't', 'rb').read()
                for octets in (run.out, run.err, saved):
                    assert not re.search(rb'corp\.example|odd one|bob', octets), (form, level, octets)
                    if level == 'all':
                        assert not re.search(rb'localhost|127\.0\.0\.1|\bann\b', octets), (form, octets)
                assert b'RCPT TO:<address-2>' in run.err and b'MAIL FROM:<address-1>' in run.err, run.errors
                dumped = ''.join(''.join(row.split()) for row in re.findall(r'^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ){1,16})', run.errors, re.M))
                assert b'corp.example'.hex() not in dumped and b'address-1'.hex() in dumped
                if form == 'json':
                    assert 'address-3' in json.dumps(run.json())
        for command in (('probe',), ('tls',), ('auth', 'list'), ('auth', 'try'), ('compare',), ('check', '--format=json')):
            more = () if command[0] == 'check' else ('--format=json',)
            run = tool(*command, *options, *more, '--redact=all', sink.server)
            document = json.dumps(run.json() if command[0] != 'check' else json.loads(run.out))
            assert not re.search(r'localhost|127\.0\.0\.1|"ann"', document) and 'host-1' in document, (command, document)
        assert b'localhost' in tool('probe', *options, '--redact=addresses', sink.server).out
        assert tool('tls', '--pem', '--redact', sink.server).status == 1
        assert tool('probe', '--redact=names', sink.server).status == 1


def test_redacted_words():
    """The words of a server that names everything in every way."""
    words = ('<ann@corp.example>', 'ann@corp.example,', "'ann@corp.example'", 'mailto:ann@corp.example', 'x=ann@corp.example;', '"a b"@corp.example',
             'ann+tag@corp.example.', 'mx.corp.example:25', '[192.0.2.7]', '[IPv6:2001:db8::7]', '192.0.2.7:587', '2001:db8::7', 'user@', '@host', '10:20:30', '5.7.1')
    reply = '220-' + ' '.join(words) + '\r\n220 mx.corp.example\r\n'
    with Script(reply.encode(), b'250 x\r\n', b'221 y\r\n') as server:
        run = tool('probe', '-v', '--tls=never', '--redact=all', server.server)
        line = next(line for line in run.errors.splitlines() if line.startswith('<-  220-'))
        assert not re.search(r'corp|ann|192\.0|2001|a b', line), line
        assert line.count('address-') == 7 and line.count('host-') == 1 and line.count('ip-') == 4, line
        assert 'address-1>' in line and 'address-1,' in line and "'address-1'" in line and 'mailto:address-1' in line and 'x=address-1;' in line, line
        assert ' user@ @host 10:20:30 5.7.1' in line and 'ip-2:587' in line, line
        assert '<-  220 host-1' in run.errors, run.errors
    with Script(reply.encode(), b'250 x\r\n', b'221 y\r\n') as server:
        line = next(line for line in tool('probe', '-v', '--tls=never', '--redact=addresses', server.server).errors.splitlines() if line.startswith('<-  220-'))
        assert not re.search(r'ann|a b', line) and 'mx.corp.example:25 [192.0.2.7]' in line, line


def test_secrets_are_shown_to_who_insists():
    blob = base64.b64encode(f'\0ann\0{PASSWORD}'.encode()).decode()
    with Folder() as folder, secured(folder) as sink:
        run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', '--show-secrets')
        assert run.status == 1 and 'twice' in run.errors and blob not in run.errors
        run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', '--show-secrets', '--show-secrets', '-q')
        assert run.status == 0 and f'AUTH PLAIN {blob}' in run.errors and 'warning: --show-secrets' in run.errors, run.errors
        run = run_of(('send',), sink, folder, '-v', '--auth=LOGIN', '--show-secrets', '--show-secrets')
        assert '334 VXNlcm5hbWU6' in run.errors and base64.b64encode(PASSWORD.encode()).decode() in run.errors, run.errors
        # JSON never has them, and nothing but the command line can ask for them.
        run = run_of(('probe',), sink, folder, '-v', '--auth=PLAIN', '--show-secrets', '--show-secrets', '--format=json')
        assert blob in run.errors and blob not in run.text and PASSWORD not in run.text
        run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', '--show-secrets', '--show-secrets', '--no-show-secrets')
        assert run.status == 0 and blob not in run.errors, run.errors
        for other in (f'--save-transcript={folder / "t"}', '--redact=all'):
            run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', '--show-secrets', '--show-secrets', other)
            assert run.status == 1 and blob not in run.errors and not os.path.exists(folder / 't'), run.errors
        run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', env={'SMTP_TOOL_SHOW_SECRETS': 'yes'})
        assert run.status == 0 and blob not in run.errors and '--show-secrets' not in run.errors, run.errors
        config = folder.file('config', '[default]\nshow-secrets=yes\n')
        run = run_of(('send',), sink, folder, '-v', '--auth=PLAIN', f'--config={config}')
        assert run.status == 1 and blob not in run.errors, run.errors
        # On a terminal once is enough.
        shown = on_terminal('send', '-v', '--show-secrets', '--auth=PLAIN', *options_for(sink, folder), f'--server={sink.server}', folder / 'm.eml',
                            env={'XDG_CONFIG_HOME': '/dev/null', 'LC_ALL': 'C.UTF-8'})
        assert on_terminal.status == 0 and blob.encode() in shown and b'warning: --show-secrets' in shown, shown


def test_a_reply_that_repeats_a_secret_never_shows_it():
    blob = base64.b64encode(f'\0ann\0{PASSWORD}'.encode())
    with Script(b'220 mx\r\n', b'250-mx\r\n250 AUTH PLAIN\r\n', b'535 what is ' + blob + b'\r\n', b'221 bye\r\n') as server:
        run = tool('probe', '-v', '--show-secrets', '--show-secrets', '--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW',
                   server.server, env={'PW': PASSWORD})
        heard = [line for line in run.errors.splitlines() if line.startswith('<**')]
        assert heard and all(blob.decode() not in line for line in heard) and blob not in run.out, (heard, run.text)


def test_words_of_swaks_about_output():
    with Folder() as folder, Sink() as sink:
        mail = folder.file('m.eml', MESSAGE)

        def shown(*more):
            run = tool('send', '-v', '--ipv4', f'--server={sink.server}', *more, mail)
            assert run.status == 0, run.errors
            return run.errors
        assert ' -> ' not in shown('--hide-send') and '<-  ' in shown('--hide-send')
        assert '<-  ' not in shown('--hide-receive') and ' -> ' in shown('--hide-receive')
        assert '=== ' not in shown('--hide-informational') and '\nMAIL FROM:' in shown('--hide-prefix')
        assert not re.search('^(===|<-| ->)', shown('--hide-all'), re.M)
        assert re.search(r'^<-  221 .*\n=== response in \d+\.\d{6}s$', shown('--show-time-lapse'), re.M)
        run = tool('send', '-v', f'--server={sink.server}', f'--output-file={folder / "out"}', mail)
        written = open(folder / 'out', 'rb').read()
        assert run.status == 0 and run.out + run.err == b'' and b' -> MAIL' in written and b'sent to 1 recipient' in written, written
        assert tool('send', f'--server={sink.server}', f'--output-file={folder / "no" + "/where"}', mail).status == 4


run_tests(globals())
