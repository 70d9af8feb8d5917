#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool send at its edges: values that are empty, streams that are closed, signals before anything is sent, and what is said then."""
import os
import signal
import subprocess
import time

from tool_kit import COMPOSE, MESSAGE, TOOL, Folder, Run, Script, Sink, Skip, closed_port, run_tests, tool


def nowhere():
    return f'--server=127.0.0.1:{closed_port()}'


def test_empty_recipients_are_not_those_of_the_header():
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        for args in (['--to='], ['--cc='], ['--bcc=', '--to=']):
            document = tool('send', '--format=json', '--server', sink.server, *args, path).json()
            assert document['exit']['code'] == 1 and args[-1].rstrip('=') in document['error']['text'], document
        assert not sink.messages()
        # Beside others an empty list is nothing; an option that was taken back was not given.
        for args, wish in ((['--to=x@example.org', '--cc='], ['x@example.org']), (['--to=', '--no-to'], ['bob@example.net'])):
            document = tool('send', '--format=json', '--server', sink.server, *args, path).json()
            assert [recipient['address'] for recipient in document['messages'][0]['recipients']] == wish, document


def test_null_reverse_path():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        for args in (['--from='], ['--from=<>'], ['--originator=<>'], ['--originator=', '--from=a@example.org']):
            document = tool('send', '-n', '--format=json', *args, path).json()
            assert document['exit']['code'] == 0 and document['messages'][0]['reverse_path'] == '', (args, document)


def test_groups_without_members():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        document = tool('send', '-n', '--format=json', '--to=undisclosed-recipients:;', '--bcc=x@example.org', path).json()
        assert [recipient['address'] for recipient in document['messages'][0]['recipients']] == ['x@example.org'], document
        document = tool('send', '-n', '--format=json', '--to=undisclosed-recipients:;', path).json()
        assert document['exit']['code'] == 1 and 'no address' in document['error']['text'], document
        if os.access(COMPOSE, os.X_OK):
            run = tool('send', '-n', '--from=a@example.org', '--to=undisclosed-recipients:;', '--bcc=x@example.org', '--body=x')
            assert run.status == 0 and 'To: undisclosed-recipients:' in run.text and 'x@example.org' not in run.text, run.text


def test_errors_name_the_flag_once():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        for args, begin in ((['--timeout=x'], '--timeout: not a number'), (['--to=a@b@c'], '--to: '), (['--from=a@b@c'], '--from: '),
                            (['--server=http://x'], '--server: entry 1'), (['--user=a\nb'], '--user: control character')):
            run = tool('send', *args, path)
            assert run.status == 1 and run.errors.startswith('smtp-tool: ' + begin) and ': option ' not in run.errors, run.errors
        run = tool('send', '--' + 'x' * 5000, path)
        assert run.status == 1 and len(run.err) < 200, run.errors


def test_status_of_what_concerns_every_message():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        cases = [(['--ca-file', folder / 'missing.pem'], b''), (['--tls=starttls', '--transport=plain'], b''),
                 (['--user=me', '--password-fd=0'], b'a\tb\n')]
        for args, stdin in cases:
            document = tool('send', '--format=json', nowhere(), *args, path, stdin=stdin).json()
            assert document['exit']['name'] == 'usage' and document['error'] is not None, document


def test_status_of_another_protocol():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        for greeting in (b'SSH-2.0-OpenSSH_9.2\r\n', b'HTTP/1.1 400 Bad Request\r\n\r\n', b'+OK POP3\r\n'):
            with Script(greeting, b'') as script:
                document = tool('send', '--format=json', '--server', script.server, path).json()
            assert document['exit']['name'] == 'greeting' and document['messages'][0]['error']['code'] == 'protocol', document


def test_a_bad_certificate_is_no_wrong_mode():
    """A certificate that may not sign handshakes: GnuTLS ends the handshake over it, OpenSSL looks at its issuer."""
    certs = os.path.join(os.environ.get('VEREDA_TEST_CERTS', '/nonexistent'), 'unknown-root')
    if not os.path.exists(certs + '.pem'):
        raise Skip('the certificates of the tests are not made')
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        for mode in ('implicit', 'starttls'):
            with Sink(f'--tls={mode}', '--cert', certs + '.pem', '--key', certs + '.key') as sink:
                for backend in ('openssl', 'gnutls'):
                    run = tool('send', '--format=json', '--server', sink.server, f'--tls={mode}', f'--transport={backend}', path)
                    assert run.json()['exit']['name'] in ('certificate', 'tls', 'plugin'), (mode, backend, run.json())
                assert not sink.messages()


def test_hints_fit_the_failure():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        auth = ('--user=me', '--password-fd=0', '--tls=never')
        ehlo = b'250-x\r\n250 AUTH PLAIN CRAM-MD5\r\n'
        for args, wish, never in ((['--auth=XOAUTH2'], 'smtp-tool plugins', 'cleartext'), (['--auth=PLAIN'], '--allow-cleartext-auth', 'plugins')):
            with Script(b'220 x\r\n', ehlo, b'221 bye\r\n') as script:
                document = tool('send', '--format=json', '--server', script.server, *auth, *args, path, stdin=b'secret\n').json()
            hints = ' '.join(document['messages'][0]['error']['try'])
            assert document['exit']['name'] == 'policy' and wish in hints and never not in hints, document
        with Script(b'220 x LMTP\r\n', b'500 5.5.1 this is LMTP: LHLO is wanted\r\n', b'500 no LMTP\r\n', b'221 bye\r\n') as script:
            document = tool('send', '--format=json', '--server', script.server, path).json()
        assert any('lmtp://' in hint for hint in document['messages'][0]['error']['try']), document
        document = tool('send', '--format=json', f'--server=unix:{folder.path}/none', path).json()
        assert document['exit']['name'] == 'connect' and not any('587' in hint for hint in document['messages'][0]['error']['try']), document
        with Script(lambda stream: stream.readline()) as script:  # a port of implicit TLS: it waits for the client
            document = tool('send', '--format=json', '--timeout-greeting=0.3', '--server', script.server, path).json()
        assert any('--tls=implicit' in hint for hint in document['messages'][0]['error']['try']), document


def test_warnings_once_and_not_when_quiet():
    with Folder() as folder, Sink() as sink:
        paths = [folder.file(f'{number}.eml', MESSAGE) for number in range(5)]
        run = tool('send', '--server', sink.server, *paths)
        assert run.status == 0 and run.errors.count('warning') == 1 and len(run.text.splitlines()) == 5, run.errors
        run = tool('send', '-q', '--server', sink.server, *paths)
        assert run.status == 0 and run.out + run.err == b'', run.errors
        document = tool('send', '--format=json', '--server', sink.server, *paths).json()
        assert all(len(message['warnings']) == 1 for message in document['messages'])


def test_closed_streams():
    """What is written to a closed stream must not land in the file or socket that came in its place."""
    with Folder() as folder, Sink() as sink:
        path = folder.file('m.eml', MESSAGE)
        for closed, wish in (('>&-', 4), ('2>&-', 0), ('<&-', 0), ('<&- >&- 2>&-', 4)):
            done = subprocess.run(['sh', '-c', f'"$@" {closed}', 'sh', TOOL, 'send', '-v', '--server', sink.server, path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
            assert done.returncode == wish, (closed, done.returncode)
        messages = sink.messages()
        assert len(messages) == 4 and all(message.endswith(b'\r\n\r\nHello.\r\n') for message in messages), messages
        with open(path, 'rb') as file:
            assert file.read() == MESSAGE
        assert all(not line['violations'] for line in sink.log())
        done = subprocess.run(['sh', '-c', '"$@" <&-', 'sh', TOOL, 'send', '--server', sink.server, '-'], capture_output=True, timeout=60, check=False)
        assert done.returncode == 4 and len(sink.messages()) == 4, (done.returncode, done.stderr)


def interrupted(number, *args, **kwargs):
    with subprocess.Popen([TOOL, 'send', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **kwargs) as process:
        time.sleep(0.4)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    return Run(process.returncode, out, err)


def test_interrupted_while_reading():
    """No second signal is needed, and the document is whole."""
    with Folder() as folder:
        os.mkfifo(folder / 'fifo')
        reader, writer = os.pipe()
        for number, args in ((signal.SIGINT, ['-']), (signal.SIGTERM, [folder / 'fifo']), (signal.SIGHUP, [folder / 'fifo'])):
            run = interrupted(number, '--format=json', nowhere(), *args, stdin=reader)
            assert run.status == 128 + number and run.json()['error']['code'] == 'interrupted', (run.status, run.out)
            assert run.json()['messages'] == []
        os.close(reader)
        os.close(writer)
        if not os.access(COMPOSE, os.X_OK):
            raise Skip('smtp-tool-compose is not built')
        run = interrupted(signal.SIGTERM, nowhere(), '--from=a@example.org', '--to=b@example.org', '--attach', folder / 'fifo')
        assert run.status == 143 and 'before anything was sent' in run.errors, (run.status, run.errors)


def test_ignored_signals_stay_ignored():
    with Folder() as folder, Script(lambda stream: stream.readline()) as script:
        path = folder.file('m.eml', MESSAGE)
        with subprocess.Popen([TOOL, 'send', '--timeout-greeting=1.5', '--server', script.server, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
            time.sleep(0.4)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=30)
        assert process.returncode == 2, process.returncode


def test_no_place_for_temporary_files():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        run = tool('send', '-n', path, env={'TMPDIR': folder / 'none'})
        assert run.status == 4 and folder / 'none' in run.errors, run.errors


run_tests(globals())
