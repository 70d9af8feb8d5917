#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Servers by the keys they are known to have, and domains as targets: --pin, --tlsa, mx:, srv:, --dane, --mta-sts."""
import base64
import hashlib
import os
import ssl
import subprocess

from probe_kit import BACKENDS, HOST, TlsServer, cert, findings, probe
from tool_kit import Script, Sink, Skip, run_tests, tool

EHLO = b'250-mx.example.test\r\n250 8BITMIME\r\n'
GREETING = b'220 mx.example.test ESMTP\r\n'
BYE = b'221 2.0.0 bye\r\n'


def need_certs():
    if not os.path.exists(cert('good')):
        raise Skip('no certificates')


def der_of(name):
    with open(cert(name), encoding='ascii') as file:
        first = file.read().partition('-----END CERTIFICATE-----')
    return ssl.PEM_cert_to_DER_cert(first[0][first[0].index('-----BEGIN'):] + first[1] + '\n')


def key_of(name):
    public = subprocess.run(['openssl', 'x509', '-in', cert(name), '-noout', '-pubkey'], capture_output=True, check=True).stdout
    return subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=public, capture_output=True, check=True).stdout


def pin(name):
    return 'sha256//' + base64.b64encode(hashlib.sha256(key_of(name)).digest()).decode()


def tlsa(usage, selector, matching, name):
    octets = key_of(name) if selector == 1 else der_of(name)
    return f'{usage} {selector} {matching} ' + {0: octets.hex, 1: hashlib.sha256(octets).hexdigest, 2: hashlib.sha512(octets).hexdigest}[matching]()


# ---- keys that are known ----

NOTHING = '--ca-file=' + cert('other-root')  # a root that signed none of these: only the key can be what counts

KEYS = (  # certificate of the server, options, the finding; None: it is accepted
    ('self-signed', lambda: ['--pin=' + pin('self-signed')], None),
    ('self-signed', lambda: ['--pin', pin('good'), '--pin', pin('self-signed')], None),
    ('expired', lambda: ['--pins=' + pin('good') + ',' + pin('expired')], None),
    ('good', lambda: ['--pin=' + pin('good-ecdsa')], 'cert-pin-mismatch'),
    ('good', lambda: ['--ca-file=' + cert('root'), '--pin=' + pin('good-ecdsa')], 'cert-pin-mismatch'),
    ('good', lambda: ['--tlsa=' + tlsa(3, 1, 1, 'good')], None),
    ('good', lambda: ['--tlsa', tlsa(3, 1, 1, 'good-ecdsa'), '--tlsa', tlsa(3, 0, 2, 'good')], None),
    ('good', lambda: ['--ca-file=' + cert('root'), '--tlsa=' + tlsa(3, 1, 1, 'good-ecdsa')], 'cert-tlsa-mismatch'),
    ('good-via-intermediate', lambda: ['--tlsa=' + tlsa(2, 0, 1, 'intermediate')], None),
    ('good', lambda: ['--ca-file=' + cert('root'), '--tlsa=' + tlsa(2, 0, 1, 'other-root')], 'cert-tlsa-mismatch'),
)


def test_keys():
    need_certs()
    for name, options, expected in KEYS:
        with TlsServer(name, GREETING, EHLO, BYE) as server:
            for backend in BACKENDS:
                run, document = probe(server.server, '--tls=implicit', NOTHING, f'--verify-name={HOST}', f'--transport={backend}', *options())
                context = (name, backend, options(), document['error'], document['findings'])
                errors = [found for found, severity in findings(document).items() if severity == 'error' and found.startswith('cert-')]
                assert run.status == (0 if expected is None else 40), context
                assert document['tls']['verify']['ok'] is (expected is None), context
                assert errors == ([] if expected is None else [expected]), context
            if expected is not None:
                assert not server.heard, server.heard


def test_no_word_tolerates_another_key():
    """Neither --insecure nor TLS where it is offered sends anything to a key that is none of the pinned ones."""
    need_certs()
    with Sink('--tls=starttls', '--self-signed') as sink:
        for options in (['--insecure'], ['--tls=opportunistic'], ['--tlspolicy=insecure']):
            for backend in BACKENDS:
                run = tool('send', '--server', sink.server, f'--transport={backend}', *options, '--pin=' + pin('good'), '--from=a@example.org',
                           '--to=b@example.org', '-', stdin=b'From: a@example.org\r\nSubject: x\r\n\r\nx\r\n')
                assert run.status == 40 and not sink.messages(), (options, backend, run.status, run.errors)
                assert 'pinned' in run.errors, run.errors


def test_a_pinned_key_means_tls():
    """A server that does not offer STARTTLS cannot show its key; nothing is sent to it."""
    need_certs()
    for options in ([], ['--tls=opportunistic']):
        with Script(GREETING, EHLO, BYE) as server:
            run, document = probe(server.server, '--pin=' + pin('good'), *options)
            assert run.status == 29 and 'starttls-not-offered' in findings(document), document


WRONG = (
    ('--pin=sha1//AAAA', 'entry 1, "sha1//AAAA"'),
    ('--pin=sha256//AAAA', 'entry 1, "sha256//AAAA": what follows sha256// is not the base64 of 32 octets'),
    ('--pins=sha256//Sl5cjiCtIUrePxoMutLP6O3TVU+qrpAKboyxlvWo91w=, nonsense', 'entry 2, "nonsense"'),
    ('--tlsa=3 1 1 0011', 'entry 1, "3 1 1 0011": a SHA-256 has 32 octets'),
    ('--tlsa=1 1 1 ' + '00' * 32, 'usage is not 2 or 3'),
    ('--tlsa=3 1 0 00, 3 2 1 ' + '00' * 32, 'entry 2, "3 2 1 '),
    ('--tlsa=3 1 1 ' + '0g' * 32, 'USAGE SELECTOR MATCHING HEX'),
)


def test_wrong_keys_are_refused_first():
    seen = []
    with Script(lambda stream: seen.append(stream)) as server:
        for option, words in WRONG:
            run = tool('probe', option, server.server)
            flag = option.partition('=')[0]
            assert run.status == 1 and words in run.errors and flag in run.errors, (option, run.status, run.errors)
    assert not seen


if __name__ == '__main__':
    run_tests(globals())
