# SPDX-License-Identifier: MIT
"""trial.py BUILD LOG: composes a multipart message and sends it over each transport and with each mechanism.

The other side is `smtp-tool sink`, which shares no code with the library: TLS by OpenSSL, AUTH by Cyrus SASL.  A row is ok
when the tool says so, the sink took the message over the TLS and with the mechanism that were asked for and saw no violation,
and the octets that it took are the octets that were sent.
"""
import email.utils
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile

TRANSPORTS = ('implicit/openssl', 'implicit/gnutls', 'starttls/openssl', 'starttls/gnutls', 'plain')
MECHANISMS = ('DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN')
FROM, TO = 'ann@example.test', 'bob@example.test'
USER = 'ann'
PATIENCE = 60


class Failure(Exception):
    pass


class Sink:
    """A sink in one TLS mode, its port, and what it wrote down."""

    def __init__(self, program, folder, mode, log):
        self.mail = os.path.join(folder, mode)
        self.ca = os.path.join(folder, f'{mode}-ca.pem')
        os.mkdir(self.mail)
        self.process = subprocess.Popen(
            [program, '--listen=127.0.0.1:0', f'--tls={mode}', '--self-signed', f'--ca-out={self.ca}', f'--capture={self.mail}',
             f'--auth={",".join(MECHANISMS)}', f'--user={USER}', f'--password-file={folder}/password', '--print-port', '--quiet',
             '--with-parent'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            raise Failure(f'the test server did not start: {line!r}')
        self.port = int(line)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def taken(self):
        """Notes on the messages taken, oldest first."""
        path = os.path.join(self.mail, 'log.jsonl')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return [json.loads(line) for line in file]


class Trial:
    def __init__(self, build, folder, log):
        programs = os.path.join(build, 'tools', 'smtp-tool')
        self.tool = os.path.join(programs, 'smtp-tool')
        self.folder = folder
        self.log = log
        self.failed = []
        found = []
        for kind in ('transport', 'auth'):
            top = os.path.join(build, 'plugins', kind)
            found += [os.path.join(top, name) for name in sorted(os.listdir(top))
                      if any(file.endswith('.so') for file in os.listdir(os.path.join(top, name)))]
        # Only what was just built: not a plugin that may be installed on this machine.
        self.environment = {**os.environ, 'VEREDA_PLUGIN_PATH': ':'.join(found), 'SMTP_TOOL_EXECDIR': programs, 'LC_ALL': 'C.UTF-8'}
        self.sinks = {mode: Sink(os.path.join(programs, 'smtp-tool-sink'), folder, mode, log) for mode in ('starttls', 'implicit')}

    def stop(self):
        for sink in self.sinks.values():
            sink.stop()

    def run(self, *arguments):
        command = [self.tool, *arguments]
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
        self.log.write(f'\n$ {shlex.join(command)}\n'.encode() + done.stdout + done.stderr + f'exit status {done.returncode}\n'.encode())
        self.log.flush()
        return done

    def compose(self, name, attachments):
        """A multipart message as the tool composes it, with Date and Message-ID: a file that has to arrive as it is."""
        attached = [f'--attach={path}' for path in attachments]
        done = self.run('send', '--dry-run', '--format=json', f'--from=Ann <{FROM}>', f'--to=Bob <{TO}>', '--subject=Vereda: ¿todo bien?',
                        '--body=Good morning,\n\n.this line begins with a dot, so does the next one:\n.\nVereda\n', *attached)
        if done.returncode != 0:
            raise Failure('the message was not composed: ' + done.stderr.decode('utf-8', 'backslashreplace').strip())
        document = json.loads(done.stdout)
        text = document['messages'][0]['message']['text'].encode()
        if b'multipart/mixed' not in text:
            raise Failure('the composed message is not a multipart')
        # With these the message is complete, and the library has nothing to add.
        text = (f'Date: {email.utils.format_datetime(email.utils.localtime())}\r\n'
                f'Message-ID: {email.utils.make_msgid(domain="example.test")}\r\n').encode() + text
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as out:
            out.write(text)
        return path, text.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')

    def send(self, transport, mechanism, message):
        """One message; returns (TLS, mechanism) as the sink saw them, and its size."""
        path, expected = message
        mode, _, library = transport.partition('/')
        sink = self.sinks['implicit' if mode == 'implicit' else 'starttls']
        tls = [f'--tls={mode}', f'--transport={library}', f'--ca-file={sink.ca}'] if library else ['--tls=never', '--transport=plain']
        auth = [f'--user={USER}', f'--password-file={self.folder}/password', f'--auth={mechanism}'] if mechanism else []
        before = len(sink.taken())
        done = self.run('send', f'--server=localhost:{sink.port}', '--format=json', '--timeout=30', *tls, *auth, path)
        document = json.loads(done.stdout)
        if done.returncode != 0:
            error = (document['messages'] or [document])[0]['error'] or document['error'] or {'text': 'no reason given'}
            raise Failure(f'exit status {done.returncode} ({document["exit"]["name"]}): {error["text"]}')
        notes = sink.taken()[before:]
        if len(notes) != 1:
            raise Failure(f'the server took {len(notes)} messages instead of one')
        return self.check(transport, mechanism, expected, document['messages'][0], notes[0], sink)

    @staticmethod
    def check(transport, mechanism, expected, message, note, sink):
        used = {attempt['transport'] for attempt in message['attempts'] if attempt['transport']}
        if used != {transport}:
            raise Failure(f'the transport was {", ".join(sorted(used))}')
        if (note['tls'] is not None) != (transport != 'plain'):
            raise Failure(f'the server saw TLS: {note["tls"]}')
        seen = note['auth']['mechanism'] if note['auth'] else None
        if seen != mechanism:
            raise Failure(f'the server saw AUTH {seen}')
        if note['violations']:
            raise Failure(f'the server complains of {note["violations"]}')
        if note['recipients'] != [TO] or note['from'] != FROM:
            raise Failure(f'the envelope was {note["from"]} to {note["recipients"]}')
        with open(os.path.join(sink.mail, note['file']), 'rb') as file:
            if file.read() != expected:
                raise Failure('what arrived is not what was sent')
        details = [attempt['detail'] for attempt in message['attempts'] if attempt['stage'] == 'tls']
        library = details[0].split(', by ')[1].split(',')[0] if details and ', by ' in details[0] else '-'
        return note['tls'] or '-', library, f'{len(expected):,} octets'

    def row(self, transport, mechanism, message):
        try:
            tls, library, size = self.send(transport, mechanism, message)
            result = 'ok'
        except (Failure, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
            tls, library, size, result = '-', '-', '-', f'FAILED: {problem}'
            self.failed.append(transport)
        return transport, mechanism or '-', tls, library, size, result


def print_table(rows):
    head = ('TRANSPORT', 'AUTH', 'TLS', 'LIBRARY', 'CAME BACK AS SENT', 'RESULT')
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print()
    for row in (head, *rows):
        print('   ' + '  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print()


def main():
    build, log_path = sys.argv[1], sys.argv[2]
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with tempfile.TemporaryDirectory(prefix='vereda-try-') as folder, open(log_path, 'ab') as log:
        with open(os.open(os.path.join(folder, 'password'), os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as out:
            out.write(secrets.token_urlsafe(12) + '\n')
        try:
            trial = Trial(build, folder, log)
        except Failure as problem:
            print(f'   {problem}\nThe whole log: {log_path}')
            return 1
        try:
            message = trial.compose('message.eml', [os.path.join(source, 'LICENSE'), trial.tool])
            rows = [trial.row(transport, None, message) for transport in TRANSPORTS]
            rows += [trial.row(TRANSPORTS[number % 4], mechanism, message) for number, mechanism in enumerate(MECHANISMS)]
        except Failure as problem:
            print(f'   {problem}\nThe whole log: {log_path}')
            return 1
        finally:
            trial.stop()
    print_table(rows)
    if trial.failed:
        print(f'{len(trial.failed)} of {len(rows)} messages failed.  The whole log: {log_path}')
        return 1
    print(f'All {len(rows)} messages arrived as they were sent.  Transcripts: add -v to the commands in {log_path}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
