#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""EXTERNAL through the whole stack: smtp-tool against smtp-tool sink, whose Cyrus SASL takes the certificate that OpenSSL saw; each TLS
library, TLS 1.2 and 1.3, STARTTLS and implicit."""
import os

from tool_kit import MESSAGE, Folder, Sink, run_tests, tool

CERTS = os.environ['VEREDA_TEST_CERTS']
PASSWORD = 'pencil'


class World(Folder):
    def __enter__(self):
        super().__enter__()
        self.password = self.file('password', PASSWORD + '\n')
        self.message = self.file('m.eml', MESSAGE)
        return self

    def sink(self, mode, *options, mechanisms='EXTERNAL,SCRAM-SHA-256,PLAIN'):
        return Sink(f'--tls={mode}', '--self-signed', f'--client-ca={CERTS}/root.pem', f'--auth={mechanisms}', '--user=ann',
                    f'--password-file={self.password}', '--require-auth', *options)

    def send(self, sink, mode, library, *options, cert=True):
        shown = [f'--cert-file={CERTS}/client.pem', f'--key-file={CERTS}/client.key'] if cert else []
        done = tool('send', f'--server=localhost:{sink.port}', f'--tls={mode}', f'--transport={library}', f'--ca-file={sink.ca}', '--format=json',
                    '--from=ann@example.org', '--to=bob@example.net', '--timeout=30', *shown, *options, self.message)
        return done, done.json()['messages'][0]


def each_way():
    return ((library, version, mode) for library in ('openssl', 'gnutls') for version in ('--tls-max=1.2', '--tls-min=1.3')
            for mode in ('starttls', 'implicit'))


def used(sink):
    return [entry['auth']['mechanism'] for entry in sink.log()]


def test_EXT_1_with_a_certificate():
    """It is the strongest there is: a password that is there as well stays at home."""
    for library, version, mode in each_way():
        with World() as world, world.sink(mode, version) as sink:
            done, _ = world.send(sink, mode, library, '--auth=EXTERNAL')
            assert done.status == 0, done.text
            done, _ = world.send(sink, mode, library, '--user=ann', f'--password-file={world.password}')
            assert done.status == 0, done.text
            assert used(sink) == ['EXTERNAL', 'EXTERNAL'], sink.log()


def test_EXT_1_without_one():
    """The next mechanism, or nothing at all is sent."""
    for library, version, mode in each_way():
        with World() as world, world.sink(mode, version) as sink:
            done, _ = world.send(sink, mode, library, '--user=ann', f'--password-file={world.password}', cert=False)
            assert done.status == 0 and used(sink) == ['SCRAM-SHA-256'], done.text
            done, message = world.send(sink, mode, library, '--auth=EXTERNAL', cert=False)
            assert done.status in (28, 41) and message['verdict'] == 'not-sent', done.text
            assert used(sink) == ['SCRAM-SHA-256'], sink.log()


def test_EXT_1_acting_for_another():
    """The authorization identity travels; this server lets nobody act for another, and the certificate's own name is no other."""
    for library, version, mode in each_way():
        with World() as world, world.sink(mode, version) as sink:
            done, message = world.send(sink, mode, library, '--auth=EXTERNAL', '--authzid=bob')
            assert done.status == 28, done.text
            assert any(one['reply'] and one['reply']['code'] == 535 for one in message['attempts'] if one['stage'] == 'auth'), message


run_tests(globals())
