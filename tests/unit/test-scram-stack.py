#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""SCRAM through the whole stack: smtp-tool against smtp-tool sink (Cyrus SASL's server side, with the bindings of OpenSSL's session),
each TLS library, TLS 1.2 and 1.3, STARTTLS and implicit; and with somebody in the middle, who ends TLS with a certificate of his own and
begins it anew towards the server, reading and changing what he likes.
"""
import base64
import contextlib
import os
import select
import socket
import ssl
import threading
import time

from tool_kit import MESSAGE, Folder, Listener, Sink, run_tests, tool

CERTS = os.environ['VEREDA_TEST_CERTS']
LIBRARIES = ('openssl', 'gnutls')
VERSIONS = ('1.2', '1.3')
MODES = ('starttls', 'implicit')
BOUND = ('SCRAM-SHA-512-PLUS', 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS')
UNBOUND = ('SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1')
OTHERS = ('DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN')
PASSWORD = 'p=ä,ncil'
TYPES = {'1.2': 'tls-server-end-point', '1.3': 'tls-exporter'}


class World:
    """A sink that offers these mechanisms, and the right and a wrong password."""

    def __init__(self, mode, version, *mechanisms):
        self.mode = mode
        self.options = ['--tls-max=1.2'] if version == '1.2' else ['--tls-min=1.3'] if version == '1.3' else []
        self.mechanisms = mechanisms

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(Folder())
            self.password = self.folder.file('password', PASSWORD + '\n')
            self.wrong = self.folder.file('wrong', PASSWORD + 'x\n')
            self.message = self.folder.file('m.eml', MESSAGE)
            tls = [f'--tls={self.mode}', '--self-signed', *self.options] if self.mode != 'never' else []
            self.sink = stack.enter_context(Sink(*tls, '--auth=' + ','.join(self.mechanisms), '--user=ann', '--require-auth',
                                                 f'--password-file={self.password}'))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def send(self, library, *options, port=None, password=None):
        ca = [f'--ca-file={self.sink.ca}', f'--transport={library}'] if self.mode != 'never' else []
        done = tool('send', f'--server=localhost:{port or self.sink.port}', f'--tls={self.mode}', '--format=json', '--from=ann@example.org',
                    '--to=bob@example.net', '--timeout=30', '--user=ann', f'--password-file={password or self.password}', *ca, *options,
                    self.message)
        assert PASSWORD not in done.text + done.errors
        return done, done.json()['messages'][0]

    def used(self):
        return [entry['auth']['mechanism'] for entry in self.sink.log()]


def tried(message):
    """The mechanisms that were tried, in order, and whether with success."""
    found = [(attempt['detail'].split(':')[0], attempt['ok']) for attempt in message['attempts'] if attempt['stage'] == 'auth']
    return [(name, ok) for name, ok in found if name.isupper()]


def each_way():
    return ((library, version, mode) for library in LIBRARIES for version in VERSIONS for mode in MODES)


class Relay(Listener):
    """Somebody in the middle.  Lines of both sides pass through change(line); `heard` is what the client said, in clear.

    Every wait has an end, LIMIT: what would be a hang becomes a failure of the test, with the story of all connections.
    """

    LIMIT = 20

    def __init__(self, world, change=lambda line: line):
        self.world = world
        self.change = change
        self.heard = []
        self.story = []
        self.stuck = False
        self.threads = []

    def __enter__(self):
        self.own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.own.load_cert_chain(os.path.join(CERTS, 'good.pem'), os.path.join(CERTS, 'good.key'))
        self.onward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.onward.check_hostname = False
        self.onward.verify_mode = ssl.CERT_NONE
        if '--tls-max=1.2' in self.world.options:
            self.own.maximum_version = ssl.TLSVersion.TLSv1_2
        self.began = time.monotonic()
        return super().__enter__()

    def __exit__(self, kind, error, _):
        super().__exit__()
        for thread in (self.thread, *self.threads):
            thread.join(2 * self.LIMIT)
            self.stuck |= thread.is_alive()
        if self.stuck:
            raise AssertionError('\n'.join(('the relay waited in vain', *self.story))) from error

    def tell(self, number, what):
        self.story.append(f'{time.monotonic() - self.began:7.3f} connection {number}: {what}')

    def accepted(self, connection):
        self.threads.append(threading.Thread(target=self.serve_one, args=(connection, len(self.threads) + 1), daemon=True))
        self.threads[-1].start()

    def serve_one(self, client, number):
        try:
            with client, socket.create_connection(('127.0.0.1', self.world.sink.port), self.LIMIT) as server:
                client.settimeout(self.LIMIT)
                self.talk(client, server, number)
            self.tell(number, 'ended')
        except TimeoutError as error:
            self.stuck = True
            self.tell(number, f'waited {self.LIMIT} s: {error}')
        except OSError as error:
            self.tell(number, f'ended: {error!r}')  # a client that refuses the certificate, say

    def talk(self, client, server, number):
        if self.world.mode == 'starttls' and not self.talk_in_clear(client, server, number):
            return
        self.tell(number, 'TLS with the client')
        with self.own.wrap_socket(client, server_side=True) as near:
            self.tell(number, 'TLS with the server')
            with self.onward.wrap_socket(server) as far:
                self.pump(near, far, number)

    def talk_in_clear(self, client, server, number):
        """A reply and a command in turn, to the end of the reply to STARTTLS.  False: one side has gone."""
        with client.makefile('rb') as from_client, server.makefile('rb') as from_server:
            line = b''
            while line.strip() != b'STARTTLS':
                self.tell(number, f'the reply to {line!r}')
                if not self.one_reply(from_server, client):
                    return False
                self.tell(number, 'a command in clear')
                line = from_client.readline()
                if not line:
                    return False
                server.sendall(line)
            self.tell(number, f'the reply to {line!r}')
            return self.one_reply(from_server, client)

    @staticmethod
    def one_reply(source, drain):
        line = b'-----'
        while line[3:4] == b'-':
            line = source.readline()
            drain.sendall(line)
        return line != b''

    def pump(self, near, far, number):
        """Whole lines both ways until one side ends."""
        rest = {near: b'', far: b''}
        names = {near: 'client', far: 'server'}
        while True:
            self.tell(number, 'a line of either side')
            ready = [one for one in (near, far) if one.pending()] or select.select([near, far], [], [], self.LIMIT)[0]
            if not ready:
                raise TimeoutError('neither side said anything')
            for source in ready:
                # What is readable may be a session ticket and no data: a read that waited here for the server would leave
                # the client's next line unread, for which the server waits.
                source.settimeout(0)
                try:
                    data = source.recv(65536)
                except ssl.SSLWantReadError:
                    self.tell(number, f'no data of the {names[source]}')
                    continue
                finally:
                    source.settimeout(self.LIMIT)
                if not data:
                    return
                *lines, rest[source] = (rest[source] + data).split(b'\r\n')
                self.tell(number, f'{len(lines)} lines of the {names[source]}')
                for line in lines:
                    if source is near:
                        self.heard.append(line)
                        far.sendall(line + b'\r\n')
                    else:
                        near.sendall(self.change(line + b'\r\n'))

    def said(self):
        """AUTH commands and responses: (mechanism, or None for a response; the octets)."""
        found = []
        for line in self.heard:
            if line.startswith(b'AUTH '):
                name, _, text = line[5:].partition(b' ')
                found.append((name.decode(), base64.b64decode(text)))
            elif found and b' ' not in line and line not in (b'QUIT', b'*'):
                with contextlib.suppress(ValueError):
                    found.append((None, base64.b64decode(line, validate=True)))
        return found


def test_CBD_4_bound_both_libraries_both_versions_both_modes():
    for library, version, mode in each_way():
        with World(mode, version, *BOUND, *UNBOUND, *OTHERS) as world:
            done, message = world.send(library)  # the strongest is found alone
            assert done.status == 0, (library, version, mode, message)
            for mechanism in (*BOUND, 'SCRAM-SHA-256'):
                done, message = world.send(library, f'--auth={mechanism}')
                assert done.status == 0, (library, version, mode, mechanism, message)
                assert tried(message) == [(mechanism, True)], message
            assert world.used() == [BOUND[0], *BOUND, 'SCRAM-SHA-256'], world.used()


def test_SCR_unbound_without_tls():
    with World('never', None, *UNBOUND, *OTHERS) as world:
        done, message = world.send(None)
        assert done.status == 0, message
        assert world.used() == ['SCRAM-SHA-512'], message


def test_CBD_1_says_y_where_no_plus_is_offered():
    for library in LIBRARIES:
        with World('implicit', '1.3', 'SCRAM-SHA-256', 'PLAIN') as world, Relay(world) as relay:
            done, message = world.send(library, '--insecure', port=relay.port)
            assert done.status == 0, message  # the server binds nothing: to it this is right
            (name, first), *_ = relay.said()
            assert name == 'SCRAM-SHA-256' and first.startswith(b'y,,n=ann,r='), relay.said()


def test_CBD_3_wrong_password_tries_nothing_unbound():
    for library in LIBRARIES:
        with World('starttls', None, *BOUND, *UNBOUND, *OTHERS) as world:
            for options in ([], ['--auth=SCRAM-SHA-256-PLUS,SCRAM-SHA-256,PLAIN']):
                done, message = world.send(library, *options, password=world.wrong)
                assert done.status == 28, message
                assert tried(message) == [(name, False) for name in (BOUND if not options else ['SCRAM-SHA-256-PLUS'])], tried(message)
                assert 'nothing unbound is tried' in message['error']['text'], message['error']
            assert world.sink.messages() == []


def test_CBD_3_somebody_in_the_middle():
    for library, version, mode in each_way():
        with World(mode, version, *BOUND, *UNBOUND, *OTHERS) as world, Relay(world) as relay:
            done, message = world.send(library, port=relay.port)  # his certificate is not the server's
            assert done.status == 40 and relay.said() == [], (done.status, message)
            done, message = world.send(library, '--insecure', '--allow-cleartext-auth', port=relay.port)
            assert done.status == 28 and message['verdict'] == 'not-sent', (library, version, mode, message)
            assert tried(message) == [(name, False) for name in BOUND], tried(message)
            assert 'somebody between' in message['error']['text'], message['error']
            said = relay.said()
            assert [name for name, _ in said if name] == list(BOUND), said
            firsts = [text for name, text in said if name]
            assert all(first.startswith(f'p={TYPES[version]},,'.encode()) for first in firsts), (library, version, firsts)
            assert not any(PASSWORD.encode() in text for _, text in said)
            assert world.sink.messages() == []


def test_relay_keeps_nobody_waiting():
    """The judge is judged: the server's session tickets arrive while the client takes its time over EHLO."""
    for version in VERSIONS:
        with World('starttls', version, 'PLAIN') as world, Relay(world) as relay:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection(('127.0.0.1', relay.port), 10) as clear, clear.makefile('rb') as replies:
                for command in (b'', b'STARTTLS\r\n'):
                    clear.sendall(command if command == b'' else b'EHLO client.example\r\n')
                    while replies.readline()[3:4] == b'-':
                        pass
                    clear.sendall(command)
                assert replies.readline().startswith(b'220 ')
                with context.wrap_socket(clear) as tls:
                    time.sleep(0.3)
                    tls.sendall(b'EHLO client.example\r\n')
                    assert tls.recv(4096).startswith(b'250'), relay.story


def test_CBD_1_a_list_that_was_cut():
    """He takes the -PLUS mechanisms out of the list.  The client says that it saw none; the server knows better."""

    def cut(line):
        if b' AUTH ' not in line and b'-AUTH ' not in line:
            return line
        return b' '.join(word for word in line.strip().split(b' ') if not word.endswith(b'-PLUS')) + b'\r\n'

    for library in LIBRARIES:
        with World('implicit', None, *BOUND, *UNBOUND) as world:
            with Relay(world, cut) as relay:
                done, message = world.send(library, '--insecure', '--allow-cleartext-auth', port=relay.port)
                assert done.status == 28, message
                assert all(first.startswith(b'y,,') for name, first in relay.said() if name), relay.said()
                assert tried(message) == [(name, False) for name in UNBOUND], tried(message)
            with Relay(world) as relay:  # without the cut the same mechanism says n, and goes through
                done, message = world.send(library, '--insecure', '--auth=SCRAM-SHA-256', port=relay.port)
                assert done.status == 0, message
                assert relay.said()[0][1].startswith(b'n,,'), relay.said()


def test_CBD_3_whatever_the_reply_says():
    """He answers the bound exchange himself, with a code that would have a client go on to the next mechanism."""
    for code in (b'504 5.5.4 not here', b'500 5.5.1 what', b'501 5.5.2 no', b'534 5.7.9 too weak', b'535 5.7.8 no', b'550 no'):

        def answer(line, code=code):
            return code + b'\r\n' if line.startswith(b'334 ') else line

        with World('implicit', '1.3', 'SCRAM-SHA-256-PLUS', *UNBOUND, *OTHERS) as world, Relay(world, answer) as relay:
            done, message = world.send('openssl', '--insecure', '--allow-cleartext-auth', port=relay.port)
            assert done.status == 28, message
            assert {name for name, _ in relay.said() if name} == {'SCRAM-SHA-256-PLUS'}, (code, relay.said())


run_tests(globals())
