#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool send against smtp-tool sink: transports, authentication, many messages, partial acceptance, what is loaded."""
import email
import email.policy
import json
import os
import re
import shutil
import time

from tool_kit import COMPOSE, MESSAGE, Folder, Script, Sink, Skip, run_tests, tool

BACKENDS = ('openssl', 'gnutls')


def available(backend):
    names = [row['transport'] for row in tool('plugins', '--format=json').json()['plugins'] if row['state'] == 'ok']
    return backend in names


def send(sink, *args, **kwargs):
    run = tool('send', '--format=json', '--server', sink.server, *args, **kwargs)
    return run, run.json()


def same_message(got, sent):
    """Equal but for the fields that sending adds."""
    got_head, got_body = got.split(b'\r\n\r\n', 1)
    head, body = sent.split(b'\r\n\r\n', 1)
    return got_body == body and all(line in got_head.split(b'\r\n') for line in head.split(b'\r\n') if not line.lower().startswith(b'bcc:'))


def test_plain():
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        run, document = send(sink, '--tls=never', path)
        assert run.status == 0 and document['exit'] == {'code': 0, 'name': 'ok', 'retryable': False}
        message, = document['messages']
        assert message['verdict'] == 'sent' and message['error'] is None and message['file'] == path
        assert message['reply']['code'] == 250 and message['reply']['enhanced'] == '2.0.0' and message['reply']['local'] is False
        recipient, = message['recipients']
        assert (recipient['address'], recipient['status'], recipient['permanent']) == ('bob@example.net', 'accepted', None)
        assert message['reverse_path'] == 'ann@example.org' and message['server']
        stages = [attempt['stage'] for attempt in message['attempts']]
        assert 'connect' in stages and 'end-of-data' in stages and all(attempt['ok'] for attempt in message['attempts'])
        got, = sink.messages()
        assert same_message(got, MESSAGE)
        assert b'\r\nDate: ' in got and re.search(rb'\r\nMessage-ID: <[^<>\s]+>\r\n', got)


def test_human_output():
    with Folder() as folder, Sink('--reject-rcpt=bad@*') as sink:
        path = folder.file('m.eml', MESSAGE)
        run = tool('send', '--tls=never', '--server', sink.server, path)
        assert run.status == 0 and run.err == b'', run.errors
        assert re.fullmatch(r'\S+m\.eml: sent to 1 recipient through \S+: 250 2\.0\.0 .*\n', run.text), run.text
        run = tool('send', '-q', '--tls=never', '--server', sink.server, path)
        assert run.status == 0 and run.out + run.err == b''
        run = tool('send', '--server', sink.server, '--at-least-one', '--to=good@example.org,bad@example.org', path)
        assert run.status == 42 and 'sent to 1 of 2 recipients' in run.text
        assert re.search(r'^  refused +bad@example\.org  550 5\.\d\.\d ', run.text, re.M), run.text


def test_many_messages_one_connection():
    with Folder() as folder, Sink() as sink:
        paths = [folder.file(f'{n}.eml', MESSAGE.replace(b'Hello.', b'number %d' % n)) for n in range(5)]
        run = tool('send', '-v', '--format=json', '--server', sink.server, '-', *paths, stdin=MESSAGE)
        document = run.json()
        assert [message['verdict'] for message in document['messages']] == ['sent'] * 6
        assert document['messages'][0]['file'] == '-'
        assert len(sink.messages()) == 6
        assert run.errors.count('-> EHLO ') == 1 and run.errors.count('-> QUIT') == 1, run.errors


def test_transcript():
    with Folder() as folder, Sink('--tls=starttls', '--self-signed', '--reject-rcpt=bad@*') as sink:
        path = folder.file('m.eml', MESSAGE)
        run = tool('send', '-v', '--server', sink.server, '--tls=starttls', '--ca-file', sink.ca, '--to=bad@example.org', path)
        assert run.status == 24
        lines = run.errors.splitlines()
        assert any(line.startswith('<-  220 ') for line in lines) and any(line.startswith(' -> STARTTLS') for line in lines)
        assert any(line.startswith(' ~> MAIL FROM:') for line in lines) and any(line.startswith('<~  250') for line in lines)
        assert any(line.startswith('<~* 550') for line in lines), run.errors
        assert any(line.startswith('=== ') for line in lines)
        assert 'said' not in run.errors.split('\n')[0]  # the legend is for terminals


def test_transcript_is_safe_for_terminals():
    steps = (b'220 \x1b[2J\x07\x9b evil \xff\r\n', b'250-\x1b]0;x\x07\r\n250 ok\x85\r\n', b'550 \x1b[31mno\r\n', b'221 bye\r\n')
    with Folder() as folder, Script(*steps) as script:
        path = folder.file('m.eml', MESSAGE)
        for style in ('human', 'json'):
            run = tool('send', '-v', f'--format={style}', '--server', script.server, path)
            both = run.out + run.err
            assert not any(octet in both for octet in (b'\x1b', b'\x07', b'\x9b', b'\xff', b'\x85')), both
            assert '\\x1B[31mno' in run.text, run.text


def test_tls_of_both_backends():
    for backend in BACKENDS:
        if not available(backend):
            raise Skip(f'{backend} is not built')
        for mode in ('starttls', 'implicit'):
            with Folder() as folder, Sink(f'--tls={mode}', '--self-signed') as sink:
                path = folder.file('m.eml', MESSAGE)
                run, document = send(sink, f'--tls={mode}', f'--transport={backend}', '--ca-file', sink.ca, path)
                assert run.status == 0, document
                used = {attempt['transport'] for attempt in document['messages'][0]['attempts'] if attempt['stage'] == 'tls'}
                assert used == {f'{mode}/{backend}'}, document
                assert same_message(sink.messages()[0], MESSAGE)
                run, document = send(sink, f'--tls={mode}', f'--transport={backend}', path)
                assert run.status == 40 and document['messages'][0]['error']['code'] == 'certificate', document
                assert any('--ca-file' in hint for hint in document['messages'][0]['error']['try'])
                run, document = send(sink, f'--tls={mode}', f'--transport={backend}', '--insecure', path)
                assert run.status == 0 and 'not checked' in document['warnings'][0]
                assert len(sink.messages()) == 2


def test_tls_mode_mismatch():
    with Folder() as folder, Sink('--tls=starttls', '--self-signed') as sink:
        path = folder.file('m.eml', MESSAGE)
        run, document = send(sink, '--tls=implicit', '--ca-file', sink.ca, path)
        assert run.status == 43, document
        assert '--tls=starttls' in document['messages'][0]['error']['try']
    with Folder() as folder, Sink('--tls=implicit', '--self-signed') as sink:
        path = folder.file('m.eml', MESSAGE)
        for args in (['--tls=starttls'], ['--tls=never'], ['--tls=auto'], ['--tls=starttls', path]):
            begin = time.monotonic()
            run, document = send(sink, *args, path)
            assert run.status == 43 and time.monotonic() - begin < 10, document
            for message in document['messages']:
                assert message['verdict'] == 'not-sent' and message['error']['try'] == ['--tls=implicit'], document
        assert not sink.messages()


def test_slow_greeting_is_no_mismatch():
    """Nor is a handshake that takes its time, on a port that does speak TLS at once."""
    with Folder() as folder, Sink('--greeting-delay=2600') as sink, Sink('--tls=starttls', '--self-signed', '--greeting-delay=2600') as starttls:
        path = folder.file('m.eml', MESSAGE)
        assert send(sink, path)[0].status == 0
        assert send(starttls, '--tls=starttls', '--ca-file', starttls.ca, path)[0].status == 0
        with Script(lambda stream: stream.read(1)) as mute:
            begin = time.monotonic()
            run = tool('send', '--server', mute.server, '--timeout-greeting=2.4', path)
            assert run.status == 2 and time.monotonic() - begin < 10, run.errors
            run = tool('send', '--server', mute.server, '--tls=implicit', '--tls-timeout=2.4', path)
            assert run.status not in (0, 43), run.errors


def test_auth():
    with Folder() as folder:
        secret = folder.file('password', 'pencil\n')
        wrong = folder.file('wrong', 'pen\n')
        path = folder.file('m.eml', MESSAGE)
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN,CRAM-MD5,DIGEST-MD5', '--user=ann', '--password-file', secret,
                  '--require-auth') as sink:
            common = ('--tls=starttls', '--ca-file', sink.ca, '--user=ann')
            for mechanism in ('PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5'):
                run, document = send(sink, *common, '--password-file', secret, f'--auth={mechanism}', path)
                assert run.status == 0, document
                auth, = [attempt for attempt in document['messages'][0]['attempts'] if attempt['stage'] == 'auth']
                assert mechanism in auth['detail'], auth
            run, document = send(sink, *common, '--password-file', wrong, path)
            assert run.status == 28 and document['messages'][0]['error']['code'] == 'auth', document
            assert len(sink.messages()) == 4
            run, document = send(sink, '--tls=starttls', '--ca-file', sink.ca, path)
            assert run.status == 23, document
            assert any('--user' in hint for hint in document['messages'][0]['error']['try'])


def test_cleartext_auth_is_refused():
    with Folder() as folder:
        secret = folder.file('password', 'pencil\n')
        path = folder.file('m.eml', MESSAGE)
        with Sink('--auth=PLAIN', '--user=ann', '--password-file', secret) as sink:
            args = ('--tls=never', '--user=ann', '--password-file', secret)
            run, document = send(sink, *args, path)
            assert run.status == 41 and sink.messages() == [], document
            assert any('--allow-cleartext-auth' in hint for hint in document['messages'][0]['error']['try'])
            assert any('--tls=starttls' in hint for hint in document['messages'][0]['error']['try'])
            run, document = send(sink, *args, '--allow-cleartext-auth', path)
            assert run.status == 0, document


def test_unverified_server_gets_no_password():
    with Folder() as folder:
        secret = folder.file('password', 'pencil\n')
        path = folder.file('m.eml', MESSAGE)
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN', '--user=ann', '--password-file', secret) as sink:
            run, document = send(sink, '--tls=starttls', '--insecure', '--user=ann', '--password-file', secret, path)
            assert run.status == 41 and sink.messages() == [], document
            assert any('--ca-file' in hint for hint in document['messages'][0]['error']['try'])


def test_partial_acceptance():
    with Folder() as folder, Sink('--reject-rcpt=bad@*') as sink:
        path = folder.file('m.eml', MESSAGE)
        both = '--to=good@example.org,bad@example.org'
        run, document = send(sink, both, path)
        assert run.status == 24 and sink.messages() == []  # all or nothing
        status = [recipient['status'] for recipient in document['messages'][0]['recipients']]
        assert status == ['not-sent', 'refused'], document
        assert any('--at-least-one' in hint for hint in document['messages'][0]['error']['try'])
        run, document = send(sink, '--at-least-one', both, path)
        message, = document['messages']
        assert run.status == 42 and document['exit']['name'] == 'partial' and message['verdict'] == 'sent'
        good, bad = message['recipients']
        assert good['status'] == 'accepted'
        assert bad['status'] == 'refused' and bad['permanent'] is True and bad['code'] == 550 and bad['server'], bad
        run, document = send(sink, '--at-least-one', '--allow-partial', both, path)
        assert run.status == 0 and document['exit']['name'] == 'ok'
        assert len(sink.messages()) == 2


def test_worst_of_many():
    with Folder() as folder, Sink('--reject-rcpt=bad@*') as sink:
        good = folder.file('good.eml', MESSAGE)
        refused = folder.file('refused.eml', MESSAGE.replace(b'bob@', b'bad@'))
        run, document = send(sink, good, refused, folder / 'missing.eml', good)
        assert [message['verdict'] for message in document['messages']] == ['sent', 'not-sent', 'not-sent', 'sent']
        assert run.status == 4
        run, document = send(sink, good, refused)
        assert run.status == 24


def test_second_server():
    with Folder() as folder, Script(b'554 go away\r\n') as first, Sink() as second:
        path = folder.file('m.eml', MESSAGE)
        run = tool('send', '--format=json', '--server', first.server, '--server', second.server, path)
        document = run.json()
        assert run.status == 0 and 'next-server' in [attempt['decision'] for attempt in document['messages'][0]['attempts']], document


def test_composed_message_arrives():
    if not os.access(COMPOSE, os.X_OK):
        raise Skip('the composer is not built')
    data = bytes(range(256)) * 4000
    with Folder() as folder, Sink() as sink:
        path = folder.file('naïve.bin', data)
        run, document = send(sink, '--from=Jörg <j@example.org>', '--to=bob@example.net', '--bcc=eve@example.com', '--subject=Grüße',
                             '--body=Hallo Wörld\n.\n..dots\n', '--attach', path)
        assert run.status == 0 and document['messages'][0]['file'] is None, document
        got, = sink.messages()
        message = email.message_from_bytes(got, policy=email.policy.default)
        assert message['Subject'] == 'Grüße' and message['Bcc'] is None and message['Date'] and message['Message-ID']
        assert message.get_body().get_content().replace('\r\n', '\n') == 'Hallo Wörld\n.\n..dots\n'
        part, = message.iter_attachments()
        assert part.get_filename() == 'naïve.bin' and part.get_payload(decode=True) == data
        assert b'eve@' not in got
        assert [recipient['address'] for recipient in document['messages'][0]['recipients']] == ['bob@example.net', 'eve@example.com']


def libraries_of(*args, **kwargs):
    """The shared objects that a run opens, by what the dynamic linker tells; children are told apart by their process number."""
    run = tool(*args, env={'LD_DEBUG': 'files'}, **kwargs)
    found = {}
    for line in run.errors.splitlines():
        match = re.match(r'\s*(\d+):\s+file=(\S+) \[\d+\];  generating link map', line)
        if match:
            found.setdefault(int(match.group(1)), set()).add(os.path.basename(match.group(2)))
    return run, found


def test_plain_send_loads_nothing_heavy():
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        run, found = libraries_of('send', '--server', sink.server, path)
        assert run.status == 0 and len(found) == 1
        loaded, = found.values()
        assert 'plain.so' in loaded, loaded  # the check sees plugins at all
        heavy = [name for name in loaded if re.match(r'(libgmime|libssl|libcrypto|libgnutls|libsasl|libgio|libgobject|auth_|openssl|gnutls)', name)]
        assert heavy == [], heavy


# What a plain send may map, and what a checker of ours adds.  A name more here is start-up time for every message sent from a shell.
START = {'libvereda-1', 'libglib-2.0', 'libjansson', 'libgmodule-2.0', 'libpcre2-8', 'libpcre', 'libm', 'libc', 'libpthread', 'libdl', 'ld-linux-x86-64',
         'plain'}
CHECKERS = {'libasan', 'libubsan', 'libtsan', 'liblsan', 'libgcc_s', 'libstdc++', 'librt'}


def test_plain_send_maps_few_objects():
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        run, found = libraries_of('send', '--server', f'127.0.0.1:{sink.port}', '--from=a@example.org', '--to=b@example.net', path)
        assert run.status == 0 and len(found) == 1
        names = {name.split('.so')[0] for name in next(iter(found.values()))}
        assert names <= START | CHECKERS, names - START - CHECKERS


def test_names_beyond_ascii_open_their_library():
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        run, found = libraries_of('send', '--server', sink.server, '--to=bob@españa.example', path)
        assert run.status == 0 and any(name.startswith('libidn2.so') for name in next(iter(found.values()))), found
        assert 'To: bob' in sink.messages()[0].decode() and 'xn--espaa-rta' in json.dumps(sink.log())


def test_tls_send_loads_one_backend():
    for backend, other in (('openssl', 'gnutls'), ('gnutls', 'openssl')):
        if not available(backend):
            raise Skip(f'{backend} is not built')
        with Folder() as folder, Sink('--tls=implicit', '--self-signed') as sink:
            path = folder.file('m.eml', MESSAGE)
            _, found = libraries_of('send', '--tls=implicit', f'--transport={backend}', '--ca-file', sink.ca, '--server', sink.server, path)
            loaded, = found.values()
            assert f'{backend}.so' in loaded and f'{other}.so' not in loaded, loaded


# A leak checker is a tracer itself, and does not work under another.
UNTRACED = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}


def test_named_roots_are_the_only_ones_read():
    strace = shutil.which('strace')
    if strace is None:
        raise Skip('strace is not installed')
    for backend in ('openssl', 'gnutls'):
        if not available(backend):
            raise Skip(f'{backend} is not built')
        with Folder() as folder, Sink('--tls=implicit', '--self-signed') as sink:
            log = folder / 'calls'
            run = tool('send', '--tls=implicit', f'--transport={backend}', '--ca-file', sink.ca, '--server', sink.server,
                       folder.file('m.eml', MESSAGE), env=UNTRACED, wrap=(strace, '-f', '-o', log, '-e', 'trace=open,openat'))
            assert run.status == 0, run.errors
            with open(log, encoding='utf-8', errors='replace') as file:
                calls = file.read()
            assert sink.ca in calls and 'ca-certificates' not in calls and '/etc/ssl/certs/' not in calls, calls


def test_composing_loads_gmime_elsewhere():
    if not os.access(COMPOSE, os.X_OK):
        raise Skip('the composer is not built')
    with Sink() as sink:
        run, found = libraries_of('send', '--server', sink.server, '--from=b@example.org', '--to=a@example.org', '--subject=x')
        assert run.status == 0 and len(found) <= 2
        # The composer's own standard error goes to the tool, so only the tool's libraries are seen here.
        assert not any(name.startswith('libgmime') for name in next(iter(found.values())))


run_tests(globals())
