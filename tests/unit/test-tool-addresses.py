#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool probe of a name with several addresses, of which one is refused, silent or slow: the race, its times, and what is found."""
import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from probe_kit import findings, probe
from tool_kit import TOOL, Script, Skip, run_tests, tool

RESOLVER = sys.argv[1]
NAME = 'mail.example.test'
GREETING = b'220 mx.example.test ESMTP\r\n'
EHLO = b'250-mx.example.test\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 8BITMIME\r\n'
BYE = b'221 2.0.0 bye\r\n'
QUIET = 250  # milliseconds that the first address has for itself (RFC 8305 section 5)


def env(*addresses):
    # The sanitizers want to be first; this one interposes nothing of theirs.
    return {'LD_PRELOAD': RESOLVER, 'VEREDA_TEST_HOSTS': f'{NAME}={",".join(addresses)}',
            'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}


@contextlib.contextmanager
def on_both(address='::1'):
    """A good server on 127.0.0.1, and a socket at the same port of another address, which nobody listens to yet."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    for _ in range(50):
        with Script(GREETING, EHLO, BYE) as server, socket.socket(family) as other:
            if family == socket.AF_INET6:
                other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                other.bind((address, server.port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise Skip(f'{address} is no address of this machine') from error
                continue
            yield server, other
            return
    raise AssertionError('no port is free on both')


class Dropping:
    """A port at which packets vanish: it listens and its queue is full.  accept_after: until then, so that the second SYN, after a second, is taken."""

    def __init__(self, other, accept_after=None):
        self.other = other
        other.listen(0)
        self.kept = []
        for _ in range(3):
            one = socket.socket(other.family)
            one.setblocking(False)
            one.connect_ex(other.getsockname())
            self.kept.append(one)
        if accept_after is not None:
            threading.Timer(accept_after, self.drain).start()

    def drain(self):
        self.other.settimeout(0.3)
        try:
            while True:
                self.kept.append(self.other.accept()[0])
        except OSError:
            pass
        self.other.listen(8)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.kept:
            one.close()


def look(port, addresses, *args):
    began = time.monotonic()
    run, document = probe(f'{NAME}:{port}', '--tls=never', *args, env=env(*addresses))
    took = time.monotonic() - began
    tcp, = [stage for stage in document['stages'] if stage['name'] == 'tcp']
    return run, document, tcp, took


def text_of(document, finding):
    row, = [row for row in document['findings'] if row['id'] == finding]
    return row


def test_refused_over_ipv6():
    with on_both() as (server, _):
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'))
        six, four = tcp['tried']
        assert run.status == 0 and document['verdict'] == 'ready', document['error']
        assert (six['address'], six['outcome'], six['error']) == (f'[::1]:{server.port}', 'failed', 'ECONNREFUSED'), six
        assert four['outcome'] == 'connected' and document['target']['family'] == 'ipv4', four
        # A refusal is known at once: nothing is waited for, neither the quarter of a second nor anything behind the session.
        assert four['start_ms'] < QUIET and tcp['ms'] < QUIET and six['afterwards'] is None and took < 2, (tcp, took)
        row = text_of(document, 'ipv6-broken')
        assert row['severity'] == 'warn' and row['stage'] == 'tcp' and row['next'] == f'smtp-tool probe --ipv6 --tls=never {NAME}:{server.port}', row
        assert re.fullmatch(rf'\[::1\]:{server.port}: Connection refused after \d+ ms; 127\.0\.0\.1:{server.port} took over at \d+ ms', row['text']), row
        assert 'address-failed' not in findings(document) and 'address-slow' not in findings(document)
        human = tool('probe', '--tls=never', f'{NAME}:{server.port}', env=env('::1', '127.0.0.1')).text
        assert re.search(r'^  dns .*  ::1, 127\.0\.0\.1$', human, re.M), human
        assert re.search(r'^  tcp .*  127\.0\.0\.1  \(::1: Connection refused\)$', human, re.M), human
        assert re.search(r'^  warn   ipv6-broken ', human, re.M) and 'READY, ' in human.split('\n', maxsplit=1)[0]
        assert tool('probe', '--tls=never', '--fail-on=warn', f'{NAME}:{server.port}', env=env('::1', '127.0.0.1')).status == 44
        # What is said to be typed next shows it.
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'), '--ipv6')
        assert run.status == 2 and findings(document)['connection-refused'] == 'error' and len(tcp['tried']) == 1, document['findings']
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'), '--ipv4')
        assert run.status == 0 and 'ipv6-broken' not in findings(document) and len(tcp['tried']) == 1


def test_silent_over_ipv6():
    with on_both() as (server, other), Dropping(other):
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'))
        six, four = tcp['tried']
        assert run.status == 0 and document['target']['family'] == 'ipv4', document['error']
        assert six['outcome'] == 'lost-the-race' and four['outcome'] == 'connected'
        assert QUIET - 5 <= four['start_ms'] < 2 * QUIET and QUIET - 5 <= tcp['ms'] < 2 * QUIET, tcp
        # It is looked at for two seconds in all, which are not time of the session.
        assert six['afterwards']['outcome'] == 'no-answer' and 1900 < six['afterwards']['ms'] < 3000, six
        assert document['total']['ms'] < 1000 and 1.9 < took < 5, (document['total'], took)
        row = text_of(document, 'ipv6-broken')
        found = re.fullmatch(rf'\[::1\]:{server.port}: no answer in 2\.\d s; 127\.0\.0\.1:{server.port} took over at (\d+) ms', row['text'])
        assert row['severity'] == 'warn' and found and QUIET - 5 <= int(found[1]) < 2 * QUIET, row
        human = tool('probe', '--tls=never', f'{NAME}:{server.port}', env=env('::1', '127.0.0.1')).text
        assert re.search(r'^  tcp .*  127\.0\.0\.1  \(::1: no answer in 2\.\d s\)$', human, re.M), human
        # Who looks many times waits once, and does not wait where the question is another one.
        began = time.monotonic()
        assert tool('compare', '--tls=never', '--count=3', '--transports=openssl,gnutls', f'{NAME}:{server.port}', env=env('::1', '127.0.0.1')).status == 0
        took = time.monotonic() - began
        assert 8 * QUIET / 1000 < took < 8, took
        # Neither the deadline nor a signal waits for it.
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'), '--deadline=1')
        assert run.status == 0 and took < 1.8 and findings(document)['ipv6-broken'] == 'warn', (took, document['error'])
        began = time.monotonic()
        with subprocess.Popen([TOOL, 'probe', '--tls=never', f'{NAME}:{server.port}'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, **env('::1', '127.0.0.1')}) as process:
            time.sleep(0.8)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert time.monotonic() - began < 1.8, time.monotonic() - began


def test_slow_over_ipv6():
    with on_both() as (server, other), Dropping(other, accept_after=0.6):
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'))
        six, four = tcp['tried']
        assert run.status == 0 and six['outcome'] == 'lost-the-race' and four['outcome'] == 'connected', tcp
        assert QUIET - 5 <= four['start_ms'] < 2 * QUIET
        # The first SYN was dropped; the second comes after a second and is answered, and then there is nothing left to wait for.
        assert six['afterwards']['outcome'] == 'connected' and 900 < six['afterwards']['ms'] < 1900, six
        assert took < 2 and document['total']['ms'] < 1000, (took, document['total'])
        row = text_of(document, 'address-slow')
        assert row['severity'] == 'warn' and re.search(r': answered after (9\d\d|1\d\d\d) ms; ', row['text']), row
        assert 'ipv6-broken' not in findings(document)
        assert len(server.heard) == 2, server.heard  # EHLO and QUIT, once


def test_ipv6_that_works():
    server = Script(GREETING, EHLO, BYE)
    server.host = '::1'
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(server)
        except OSError as error:
            raise Skip('no IPv6 on loopback') from error
        run, document, tcp, took = look(server.port, ('::1', '127.0.0.1'))
        assert run.status == 0 and document['target']['family'] == 'ipv6'
        assert [row['outcome'] for row in tcp['tried']] == ['connected', 'not-tried'] and tcp['ms'] < QUIET and took < 2
        assert not {'ipv6-broken', 'address-failed', 'address-slow'} & set(findings(document))


def test_one_of_two_machines():
    """No matter of IPv6: the first of two IPv4 addresses is down, or all of them are."""
    with on_both('127.0.0.2') as (server, other):
        run, document, tcp, took = look(server.port, ('127.0.0.2', '127.0.0.1'))
        assert run.status == 0 and [row['outcome'] for row in tcp['tried']] == ['failed', 'connected'] and took < 2
        assert findings(document)['address-failed'] == 'warn' and 'ipv6-broken' not in findings(document)
        run, document, tcp, took = look(server.port, ('127.0.0.2', '127.0.0.3'))
        assert run.status == 2 and findings(document)['connection-refused'] == 'error' and 'address-failed' not in findings(document)
        with Dropping(other):
            run, document, tcp, took = look(server.port, ('127.0.0.2', '127.0.0.3'), '--connect-timeout=1')
        assert run.status == 2 and findings(document)['connection-failed'] == 'error', document['findings']
        assert [row['outcome'] for row in tcp['tried']] == ['timed-out', 'failed'] and 1 < took < 2.5, (tcp, took)
    

if __name__ == '__main__':
    run_tests(globals())
