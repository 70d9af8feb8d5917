# SPDX-License-Identifier: MIT
"""live.py SERVER: smtp-tool against a real mail server on loopback, each TLS library, each mode, each mechanism.

Checked is what the server has: the message in the mailbox, octet for octet once line ends are CRLF and the fields that the
server put before it are gone; the protocol it notes in Received (ESMTPS: with TLS, ESMTPA: authenticated); the mechanism in
its log.
"""
import os
import random
import sys

from live_kit import CERTS, DOMAIN, PASSWORD, USER, main, tool
from live_aiosmtpd import Aiosmtpd
from live_exim import Exim
from live_postfix import Postfix

SERVERS = {server.name: server for server in (Postfix, Exim, Aiosmtpd)}
TRANSPORTS = ('starttls/openssl', 'starttls/gnutls', 'implicit/openssl', 'implicit/gnutls')
FIELDS = (b'Date: Mon, 23 Nov 2026 10:00:00 +0000\n'
          b'Message-ID: <live.1@example.test>\n'
          b'From: Ann <ann@example.test>\n'
          b'To: bob@example.test\n'
          b'Subject: live\n')
MULTIPART = FIELDS + b'''MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_1"

preamble
--=_1
Content-Type: multipart/alternative; boundary="=_2"

--=_2
Content-Type: text/plain; charset=us-ascii

Hello,
.
..
.a line that begins with a dot

--=_2
Content-Type: text/html; charset=us-ascii

<p>Hello</p>
--=_2--

--=_1
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="noise.bin"

%s
--=_1--
'''


def base64_noise(lines):
    alphabet = b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    source = random.Random(2821)
    return b'\n'.join(bytes(source.choices(alphabet, k=76)) for _ in range(lines))


def crlf(message):
    """The message as it travels: CRLF line ends, and one at the end."""
    message = message.replace(b'\r\n', b'\n')
    if not message.endswith(b'\n'):
        message += b'\n'
    return message.replace(b'\n', b'\r\n')


MESSAGES = {
    'multipart': MULTIPART % base64_noise(40),
    'long-multipart': MULTIPART % base64_noise(4000),
    'dots': FIELDS + b'\n.\n..\n...\n.a\n\n.\n\n..a\nb.\n.\n',
    'ends-with-a-dot-line': FIELDS + b'\nbefore\n.\n',
    'ends-with-a-dot': FIELDS + b'\nbefore\n.',
    'no-newline-at-the-end': FIELDS + b'\nthe end',
    'empty-lines-at-the-end': FIELDS + b'\nbody\n\n\n\n',
    'no-body': FIELDS,
    'eight-bit': FIELDS + 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n'
                          'Grüße, привет, こんにちは\n'.encode(),
    'bare-line-feeds': (FIELDS + b'\none\ntwo\n').replace(b'\r', b''),
    'crlf': crlf(FIELDS + b'\none\n.two\n'),
    'longest-line': FIELDS + b'\n' + b'x' * 998 + b'\n.' + b'y' * 997 + b'\n',
    'folded-header': FIELDS + b'X-Long: one\n two\n\tthree\nX-Empty:\n\nbody\n',
    'five-megabytes': FIELDS + b'\n' + (b'.' + b'0123456789abcdef' * 4 + b'\n') * 80000,
}


class Suite:
    """The tests of one server, as (name, function) pairs."""

    def __init__(self, server):
        self.server = server
        self.password = server.write('client-password', PASSWORD + '\n')
        self.wrong = server.write('client-wrong', PASSWORD + 'x\n')
        self.silent = []  # mailboxes in which nothing may ever arrive
        self.tests = []

    def transport_options(self, transport):
        """plain, or MODE/LIBRARY."""
        if transport == 'plain':
            return ['--port', str(self.server.port), '--tls=never', '--transport=plain']
        mode, library = transport.split('/')
        port = self.server.tls_port if mode == 'implicit' else self.server.port
        return ['--port', str(port), f'--tls={mode}', f'--transport={library}']

    def send(self, transport, *options, files=(), box=None, ca='root'):
        """Runs the tool; its document, checked against the schema, and its exit status."""
        recipient = [f'--to={box}@{DOMAIN}'] if box else []
        done = tool('send', '--server=127.0.0.1', '--format=json', f'--ca-file={CERTS}/{ca}.pem', f'--from=ann@{DOMAIN}', '--timeout=30',
                    *recipient, *self.transport_options(transport), *options, *files)
        document = done.json()
        assert PASSWORD not in done.text + done.errors, 'the password was printed'
        return document, done

    def login(self, *mechanisms, password=None):
        chosen = [f'--auth={",".join(mechanisms)}'] if mechanisms else []
        return ['--user', USER, '--password-file', password or self.password, *chosen]

    def file(self, name, content):
        path = os.path.join(self.server.folder, f'{name}.eml')
        if not os.path.exists(path):
            with open(path, 'wb') as out:
                out.write(content)
        return path

    def check_sent(self, document, done, transport, count=1):
        assert done.status == 0, done.text + done.errors
        assert len(document['messages']) == count
        for message in document['messages']:
            assert message['verdict'] == 'sent' and message['reply']['code'] == 250, message
            used = [attempt['transport'] for attempt in message['attempts'] if attempt['transport']]
            assert used and set(used) == {transport}, used

    def check_arrived(self, box, transport, expected, mechanism=None):
        delivery, = self.server.arrived(box)
        self.check_same(delivery.message, self.server.stored(expected))
        protocol = 'ESMTP' + ('' if transport == 'plain' else 'S') + ('A' if mechanism else '')
        assert delivery.protocol == protocol, f'the server noted {delivery.protocol} instead of {protocol}:\n{delivery.prepended}'
        used = self.server.used_mechanism(box)
        assert used == mechanism, f'the server noted {used} instead of {mechanism}'

    @staticmethod
    def check_same(got, expected):
        if got == expected:
            return
        at = next((n for n, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))
        raise AssertionError(f'{len(got)} octets arrived instead of {len(expected)}; from octet {at} on {got[at:at + 60]!r} '
                             f'instead of {expected[at:at + 60]!r}')

    def add(self, name, function, *arguments, **keywords):
        self.tests.append((f'{self.server.name}/{name}', lambda: function(*arguments, **keywords)))

    # The tests

    def one_message(self, transport, content, name, mechanism=None, pinned=True, extra=()):
        box = self.server.box()
        options = [] if mechanism is None else self.login(mechanism) if pinned else self.login()
        document, done = self.send(transport, *options, *extra, box=box, files=[self.file(name, content)])
        self.check_sent(document, done, transport)
        self.check_arrived(box, transport, crlf(content), mechanism)

    def wrong_password(self, transport, mechanism):
        box = self.server.box()
        self.silent.append(box)
        document, done = self.send(transport, *self.login(mechanism, password=self.wrong), box=box,
                                   files=[self.file('multipart', MESSAGES['multipart'])])
        assert done.status == 28, (done.status, done.text)
        message, = document['messages']
        assert message['verdict'] == 'not-sent' and message['error']['code'] == 'auth', message
        assert any(attempt['stage'] == 'auth' and not attempt['ok'] and attempt['reply']['code'] == 535 for attempt in message['attempts']), \
            message['attempts']

    def unknown_root(self, transport):
        box = self.server.box()
        self.silent.append(box)
        document, done = self.send(transport, *self.login(), box=box, ca='unknown-root', files=[self.file('dots', MESSAGES['dots'])])
        assert done.status == 40, (done.status, done.text)
        assert document['messages'][0]['verdict'] == 'not-sent', document

    def password_in_clear(self, mechanism):
        box = self.server.box()
        self.silent.append(box)
        _, done = self.send('plain', *self.login(mechanism), box=box, files=[self.file('dots', MESSAGES['dots'])])
        assert done.status in (28, 41), (done.status, done.text)

    def refused_recipient(self, transport, at_least_one):
        box = self.server.box()
        other = self.server.box()
        options = ['--at-least-one'] if at_least_one else []
        document, done = self.send(transport, *options, f'--to={box}@{DOMAIN},refused@{DOMAIN},{other}@{DOMAIN}',
                                   files=[self.file('dots', MESSAGES['dots'])])
        message, = document['messages']
        status = {one['address']: one['status'] for one in message['recipients']}
        refused = next(one for one in message['recipients'] if one['address'] == f'refused@{DOMAIN}')
        assert refused['status'] == 'refused' and refused['permanent'] and 500 <= refused['code'] <= 599, refused
        if at_least_one:
            assert done.status == 42, (done.status, done.text)
            assert message['verdict'] == 'sent', message
            assert status[f'{box}@{DOMAIN}'] == status[f'{other}@{DOMAIN}'] == 'accepted', status
            for name in (box, other):
                self.check_arrived(name, transport, crlf(MESSAGES['dots']))
        else:
            assert done.status == 24, (done.status, done.text)
            assert message['verdict'] == 'not-sent', message
            self.silent += [box, other]

    def every_recipient(self, transport):
        boxes = [self.server.box() for _ in range(12)]
        recipients = ','.join(f'{box}@{DOMAIN}' for box in boxes)
        document, done = self.send(transport, f'--to={recipients}', files=[self.file('multipart', MESSAGES['multipart'])])
        self.check_sent(document, done, transport)
        for box in boxes:
            self.check_arrived(box, transport, crlf(MESSAGES['multipart']))

    def several_files(self, transport, *options):
        boxes = []
        files = []
        contents = []
        for number in range(5):
            boxes.append(self.server.box())
            contents.append(FIELDS.replace(b'bob@', boxes[-1].encode() + b'@') + b'\nnumber %d\n.\n' % number)
            files.append(self.file(f'batch-{boxes[-1]}', contents[-1]))
        document, done = self.send(transport, *options, files=files)
        self.check_sent(document, done, transport, count=5)
        for box, content in zip(boxes, contents):
            delivery, = self.server.arrived(box)
            self.check_same(delivery.message, crlf(content))

    def blind_copy(self, transport):
        named, blind = self.server.box(), self.server.box()
        fields = FIELDS.replace(b'bob@', named.encode() + b'@')
        content = fields + b'Bcc: Secret <' + blind.encode() + b'@example.test>,\n nobody in group: ;\nX-After: yes\n\nbody\n'
        document, done = self.send(transport, files=[self.file('blind-' + blind, content)])
        self.check_sent(document, done, transport)
        for box in (named, blind):
            self.check_arrived(box, transport, crlf(fields + b'X-After: yes\n\nbody\n'))

    def completed_header(self, transport):
        box = self.server.box()
        content = b'From: ann@example.test\nTo: ' + box.encode() + b'@example.test\n\nbody\n'
        document, done = self.send(transport, files=[self.file('bare-' + box, content)])
        self.check_sent(document, done, transport)
        delivery, = self.server.arrived(box)
        lines = delivery.message.split(b'\r\n')
        kept = [line for line in lines if not line.startswith((b'Date: ', b'Message-ID: '))]
        assert len(lines) - len(kept) == 2, lines
        self.check_same(b'\r\n'.join(kept), crlf(content))

    def from_standard_input(self, transport):
        box = self.server.box()
        done = tool('send', '--server=127.0.0.1', '--format=json', f'--ca-file={CERTS}/root.pem', f'--from=ann@{DOMAIN}',
                    f'--to={box}@{DOMAIN}', *self.transport_options(transport), '-', stdin=MESSAGES['dots'])
        self.check_sent(done.json(), done, transport)
        self.check_arrived(box, transport, crlf(MESSAGES['dots']))

    def without_plugins(self, mode, gone):
        """The plugins in gone are not there: the other TLS library serves, or nothing is sent at all, in clear least."""
        box = self.server.box()
        path = ':'.join(folder for folder in os.environ['VEREDA_PLUGIN_PATH'].split(':') if os.path.basename(folder) not in gone)
        left = [name for name in ('openssl', 'gnutls') if name not in gone]
        port = self.server.tls_port if mode == 'implicit' else self.server.port
        done = tool('send', f'--server=127.0.0.1:{port}', f'--tls={mode}', '--format=json', f'--ca-file={CERTS}/root.pem',
                    f'--from=ann@{DOMAIN}', f'--to={box}@{DOMAIN}', *self.login(), self.file('dots', MESSAGES['dots']),
                    env={'VEREDA_PLUGIN_PATH': path})
        document = done.json()
        if left:
            self.check_sent(document, done, f'{mode}/{left[0]}')
            self.check_arrived(box, f'{mode}/{left[0]}', crlf(MESSAGES['dots']), self.server.mechanisms[0])
            return
        self.silent.append(box)
        assert done.status == 10, (done.status, done.text)
        error = document['messages'][0]['error'] or document['error']
        assert 'TLS' in error['text'] or 'transport' in error['text'], error

    def nothing_arrived(self):
        """Runs last: what was not sent is in no mailbox."""
        for box in self.silent:
            assert not self.server.files(box), f'a message arrived in {box}'

    def collect(self):
        server = self.server
        multipart = MESSAGES['multipart']
        self.add('plain/no-auth', self.one_message, 'plain', multipart, 'multipart')
        for transport in TRANSPORTS:
            self.add(f'{transport}/no-auth', self.one_message, transport, multipart, 'multipart')
            for mechanism in server.mechanisms:
                self.add(f'{transport}/{mechanism}', self.one_message, transport, multipart, 'multipart', mechanism)
            self.add(f'{transport}/strongest-first', self.one_message, transport, multipart, 'multipart', server.mechanisms[0], pinned=False)
            for mechanism in server.mechanisms:
                self.add(f'{transport}/wrong-password/{mechanism}', self.wrong_password, transport, mechanism)
            self.add(f'{transport}/unknown-root', self.unknown_root, transport)
        for mechanism in server.mechanisms:
            if mechanism in ('PLAIN', 'LOGIN'):
                self.add(f'plain/{mechanism}/refused-by-us', self.password_in_clear, mechanism)
                if server.cleartext_auth:
                    self.add(f'plain/{mechanism}/allowed', self.one_message, 'plain', multipart, 'multipart', mechanism,
                             extra=['--allow-cleartext-auth'])
            else:
                self.add(f'plain/{mechanism}', self.one_message, 'plain', multipart, 'multipart', mechanism)
        for number, (name, content) in enumerate(MESSAGES.items()):
            transports = ('plain', *TRANSPORTS) if name in ('long-multipart', 'five-megabytes', 'dots') else \
                ('plain', TRANSPORTS[number % len(TRANSPORTS)])
            for transport in transports:
                self.add(f'message/{name}/{transport}', self.one_message, transport, content, name)
            self.add(f'message/{name}/plain/off-and-DATA', self.one_message, 'plain', content, name,
                     extra=['--pipelining=off', '--chunking=never'])
            self.add(f'message/{name}/plain/DATA', self.one_message, 'plain', content, name, extra=['--chunking=never'])
        for transport in ('plain', 'starttls/gnutls', 'implicit/openssl'):
            self.add(f'recipients/all-of-them/{transport}', self.refused_recipient, transport, False)
            self.add(f'recipients/at-least-one/{transport}', self.refused_recipient, transport, True)
            self.add(f'recipients/twelve/{transport}', self.every_recipient, transport)
            self.add(f'several-files/{transport}', self.several_files, transport)
            self.add(f'blind-copy/{transport}', self.blind_copy, transport)
            self.add(f'completed-header/{transport}', self.completed_header, transport)
            self.add(f'standard-input/{transport}', self.from_standard_input, transport)
        for mode in ('starttls', 'implicit'):
            for gone in (('openssl',), ('gnutls',), ('openssl', 'gnutls')):
                self.add(f'without/{"+".join(gone)}/{mode}', self.without_plugins, mode, gone)
        self.add('several-files/authenticated', self.several_files, 'starttls/openssl', *self.login())
        self.add('not-sent-never-arrives', self.nothing_arrived)
        return self.tests


if __name__ == '__main__':
    sys.exit(main(SERVERS[sys.argv[1]], Suite))
