#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool sink --record and --replay: what was said is written down, and played back to a client."""
import base64
import json
import os
import signal
import subprocess
import tempfile

from tool_kit import MESSAGE, SINK, Folder, run_tests, tool

PASSWORD = 'Zk7-s3cret-Q9'


class Server:
    """A sink that tells what happened; see `events` after it has ended."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen([SINK, '--format=jsonl', *self.options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        first = json.loads(self.process.stdout.readline())
        self.server, self.ca = f'localhost:{first["port"]}', first['ca_file']
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.communicate(timeout=60)[0]
        self.status = self.process.returncode
        self.events = [json.loads(line) for line in rest.splitlines()]

    def deviations(self):
        return [event for event in self.events if event['event'] == 'deviation']


def rows(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def octets(row):
    return row['text'].encode() if 'text' in row else base64.b64decode(row['base64'])


def send(server, *options, message=MESSAGE):
    return tool('send', f'--server={server.server}', '--from=a@example.org', '--to=b@example.org', *options, '-', stdin=message)


def account(folder):
    password = folder.file('password', PASSWORD + '\n')
    return ('--tls=starttls', '--self-signed', '--auth=PLAIN,CRAM-MD5', '--user=ana', f'--password-file={password}'), ('--user=ana', f'--password-file={password}')


def test_record_holds_everything():
    with Folder() as folder:
        path = folder / 'session.jsonl'
        binary = MESSAGE + b'\xff\x1b\r\n'
        with Server(f'--record={path}', '--lenient') as server:
            run = send(server, message=binary)
            assert run.status == 0, run.errors
        assert server.status == 0
        seen = rows(path)
        assert [row.get('event') for row in (seen[0], seen[-1])] == ['connect', 'close'], seen
        assert all(row['connection'] == 1 and row['us'] >= 0 for row in seen)
        assert [row['us'] for row in seen] == sorted(row['us'] for row in seen)
        said = [octets(row) for row in seen if row.get('from') == 'client' and row['kind'] == 'line']
        assert said[0].startswith(b'EHLO ') and said[0].endswith(b'\r\n') and said[-1] == b'QUIT\r\n', said
        content = b''.join(octets(row) for row in seen if row.get('kind') == 'content')
        assert b'\xff\x1b' in content, content
        assert any('base64' in row for row in seen)  # it is not UTF-8
        heard = b''.join(octets(row) for row in seen if row.get('from') == 'server')
        assert heard.startswith(b'220 ') and heard.endswith(b'Bye\r\n'), heard
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_replies_stand_between_pipelined_lines():
    with Folder() as folder:
        path = folder / 'session.jsonl'
        with Server(f'--record={path}') as server:
            assert send(server).status == 0
        order = [(row['from'], octets(row)[:4]) for row in rows(path) if 'from' in row]
        at = order.index(('client', b'MAIL'))
        assert order[at:at + 4] == [('client', b'MAIL'), ('server', b'250 '), ('client', b'RCPT'), ('server', b'250 ')], order


def test_no_secret_is_recorded():
    blob = base64.b64encode(f'\0ana\0{PASSWORD}'.encode()).decode()
    with Folder() as folder:
        path = folder / 'session.jsonl'
        server_options, client_options = account(folder)
        scripts = [f'EHLO x\nAUTH PLAIN {blob}\n', f'EHLO x\nAUTH PLAIN\n{blob}\n', f'EHLO x\n\\push AUTH NONE\n\\push {blob}\n\\wait\nNOOP\n', f'EHLO x\n auth  PLAIN  {blob}\n',
                   f'EHLO x\nAUTH {blob}\n', f'AUTH PLAIN {blob}\n']
        with Server(f'--record={path}', '--auth-before-tls', *server_options) as server:
            for script in scripts:
                run = tool('session', server.server, stdin=script.encode())
                assert run.status == 0, (script, run.errors)
            assert send(server, f'--ca-file={server.ca}', *client_options).status == 0
        with open(path, 'rb') as file:
            everything = file.read()
        assert blob.encode() not in everything and PASSWORD.encode() not in everything
        for place in range(3):
            assert base64.b64encode(b'\0' * place + PASSWORD.encode())[4:-4] not in everything
        masked = [row['text'] for row in rows(path) if row.get('masked')]
        assert 'AUTH PLAIN ***\r\n' in masked and '***\r\n' in masked and len(masked) >= 7, masked
        assert 'NOOP\r\n' in [row.get('text') for row in rows(path)]


def test_replay_is_the_same_to_the_client():
    with Folder() as folder:
        path = folder / 'session.jsonl'
        server_options, client_options = account(folder)
        message = folder.file('mail', b'Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n' + MESSAGE)

        def run(server):
            return tool('send', f'--server={server.server}', f'--ca-file={server.ca}', '--auth=PLAIN', '--ehlo=client.example', '--from=a@example.org', '--to=b@example.org', '--to=no@example.org',
                        '--at-least-one', '--allow-partial', *client_options, message)

        with Server(f'--record={path}', '--reject-rcpt=no@*', '--hostname=mx.example', *server_options) as server:
            before = run(server)
            assert before.status == 0, before.errors
        with Server(f'--replay={path}', '--tls=starttls', '--self-signed') as server:
            after = run(server)
            again = run(server)  # from the beginning
        assert server.status == 0 and server.deviations() == [], server.deviations()
        for seen in after, again:
            assert seen.status == 0, seen.errors
            assert seen.text.replace(server.server, 'S') .split('queued as')[1:] == before.text.split('queued as')[1:], (seen.text, before.text)
        with Server(f'--replay={path}', '--tls=starttls', '--self-signed') as server:
            window = tool('session', f'--ca-file={server.ca}', server.server, stdin=b'EHLO client.example\nSTARTTLS\nEHLO other.example\nNOOP\n')
        assert '235' in window.text, window.text
        found = server.deviations()
        assert [(event['line'], event['what']) for event in found][:2] == [(3, 'line'), (4, 'line')], found
        assert found[0]['recorded'] == 'EHLO client.example\r\n' and found[0]['seen'] == 'EHLO other.example\r\n', found[0]
        assert found[-1]['recorded'] != '', found


def test_replay_of_faults():
    with Folder() as folder:
        path = folder / 'session.jsonl'
        with Server(f'--record={path}', '--fault=rcpt:451 4.7.1 later', '--fault=quit:drop') as server:
            before = send(server, '--ehlo=x.example')
        with Server(f'--replay={path}') as server:
            after = send(server, '--ehlo=x.example')
        assert after.status == before.status != 0 and '4.7.1' in after.errors + after.text, after.errors


def test_deviations():
    with Folder() as folder:
        path = folder / 'session.jsonl'
        with Server(f'--record={path}') as server:
            tool('session', server.server, stdin=b'EHLO x\nNOOP\nQUIT\n')
        for script, wanted in ((b'EHLO x\nNOOP\nQUIT\n', []), (b'EHLO x\nNOOP now\nQUIT\n', [(2, 'line')]), (b'EHLO x\n\\drop\n', [(2, 'the end')]),
                               (b'\\push EHLO x\n\\push NOOP\n\\wait\nQUIT\n', [])):
            with Server(f'--replay={path}') as server:
                tool('session', server.server, stdin=script)
            assert [(event['line'], event['what']) for event in server.deviations()] == wanted, (script, server.events)


def test_bad_files():
    with Folder() as folder:
        for content, status, words in ((b'', 4, 'no connection'), (b'not json\n', 4, 'line 1'), (b'{"connection":1}\n', 4, 'line 1'), (b'{"connection":"x","from":"server","text":"x"}\n', 4, 'line 1'),
                                       (b'{"connection":1,"from":"server","text":"220 x\\r\\n"}\n{"connection":1,"event":"tls"}\n', 1, '--tls=starttls'),
                                       (b'{"connection":1,"event":"tls"}\n', 1, '--tls=implicit')):
            path = folder.file('bad', content)
            run = subprocess.run([SINK, f'--replay={path}'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
            assert run.returncode == status and words in run.stderr.decode(), (content, run)
        for option in f'--replay={folder / "absent"}', f'--record={folder / "absent" + "/x"}':
            run = subprocess.run([SINK, option], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
            assert run.returncode == 4, (option, run)
        with Server('--record=/dev/full') as server:
            tool('session', server.server, stdin=b'QUIT\n')
        assert server.status == 4


run_tests(globals())
