#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Servers by the keys they are known to have, and domains as targets: --pin, --tlsa, mx:, srv:, --dane, --mta-sts."""
import base64
import hashlib
import http.server
import json
import os
import random
import socket
import ssl
import subprocess
import threading

import jsonschema

from dns_kit import NameServer, need
from probe_kit import BACKENDS, HOST, TlsServer, cert, findings, probe, validate
from tool_kit import EXECDIR, SCHEMA, Folder, Script, Sink, Skip, run_tests, tool

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


# ---- servers of a domain ----

ZONE = 'lab.example'


def look_up(server, target, *options, anchor=True):
    given = server.options if anchor else server.options[:1]
    run = tool('probe', '--format=json', *given, *options, target)
    document = validate(run)
    check_next(document)
    for row in document.get('servers', ()):
        with open(os.path.join(SCHEMA, 'probe-1.json'), encoding='utf-8') as file:
            jsonschema.Draft7Validator(json.load(file)).validate(row['probe'])
        check_next(row['probe'])
    return run, document


OURS = ('mx-', 'srv-', 'host-', 'dns-', 'sts-', 'dane-', 'name-')


def check_next(document):
    """Whatever is wrong with a domain has a command to type next, with real names in it."""
    for finding in document['findings']:
        if finding['id'].startswith(OURS) and finding['severity'] != 'note':
            assert finding['next'] and not set(finding['next'].split()) & {'HOST', 'DOMAIN', 'TARGET', 'PORT'}, finding
            assert '{' not in finding['next'], finding


def next_of(document, name):
    return next(finding['next'] for finding in document['findings'] if finding['id'] == name)


def hosts(document):
    return [row['host']['name'] for row in document['servers']]


MX = """@ IN MX 20 mx2
@ IN MX 10 mx1
mx1 IN A 127.0.0.1
mx2 IN A 127.0.0.2
mx2 IN AAAA ::1
"""


def test_mx_in_order():
    with Script(GREETING, EHLO, BYE) as server, NameServer({ZONE: MX}, signed=[ZONE]) as names:
        run, document = look_up(names, f'mx:{ZONE}', f'--port={server.port}')
        assert hosts(document) == ['mx1.lab.example', 'mx2.lab.example'], document
        assert document['domain']['dnssec'] == 'secure' and document['domain']['meaning'] == 'records', document['domain']
        first, second = document['servers']
        assert first['probe']['verdict'] == 'ready' and first['probe']['target']['address'].startswith('127.0.0.1'), first
        assert first['host']['dnssec'] == 'secure' and first['host']['priority'] == 10 and first['host']['weight'] is None
        assert second['host']['addresses'] == ['::1', '127.0.0.2'] and second['probe']['verdict'] == 'failed', second
        assert 'connection-refused' in findings(second['probe'])
        assert run.status == 2 and document['verdict'] == 'failed'
        run = tool('probe', *names.options, f'--port={server.port}', f'mx:{ZONE}')
        assert run.status == 2 and 'DNSSEC secure' in run.text, run.text
        assert run.text.index('mx1.lab.example') < run.text.index('mx2.lab.example'), run.text
        assert f'mx1.lab.example:{server.port}' in run.text and 'failed: connection-refused' in run.text, run.text


def test_dnssec_states():
    """Secure is the case above."""
    with Script(GREETING, EHLO, BYE) as server:
        port = f'--port={server.port}'
        with NameServer({ZONE: '@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\n', 'other.example': '@ IN A 127.0.0.1\n'}, signed=['other.example']) as names:
            run, document = look_up(names, f'mx:{ZONE}', port)  # nothing above it says that it is signed
            assert run.status == 0 and document['domain']['dnssec'] == 'insecure' and findings(document)['dns-insecure'] == 'note', document
            run, document = look_up(names, f'mx:{ZONE}', port, '--fail-on=note')
            assert run.status == 44 and any('dns-insecure' in text for text in document['unmet'])

        def change(text):
            return text.replace('MX\t10 mx1', 'MX\t10 mx9')

        with NameServer({ZONE: '@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\nmx9 IN A 127.0.0.1\n'}, signed=[ZONE], spoil=change) as names:
            run, document = look_up(names, f'mx:{ZONE}', port)
            assert run.status == 2 and document['domain']['dnssec'] == 'bogus' and not document['servers'], document
            assert findings(document) == {'dns-bogus': 'error'} and document['domain']['queries'][0]['why'], document
            assert next_of(document, 'dns-bogus') == f'delv @127.0.0.1 -p {names.port} MX {ZONE}' and document['error']['try'] == [next_of(document, 'dns-bogus')]
            run = tool('probe', *names.options, port, f'mx:{ZONE}')
            assert run.status == 2 and '[dns-bogus]' in run.errors and f'try: delv @127.0.0.1 -p {names.port} MX {ZONE}' in run.errors, run.errors
            run, document = look_up(names, f'mx:{ZONE}', port, anchor=False)
            assert document['domain']['dnssec'] in ('not_validated', 'bogus'), document['domain']  # by the anchor of this machine, if it has one

        def move(text):
            return text.replace('A\t127.0.0.1', 'A\t127.0.0.9')

        with NameServer({ZONE: '@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\n'}, signed=[ZONE], spoil=move) as names:
            run, document = look_up(names, f'mx:{ZONE}', port)
            row, = document['servers']
            assert run.status == 2 and document['domain']['dnssec'] == 'secure' and row['host']['dnssec'] == 'bogus' and not row['host']['addresses'], row['host']
            assert findings(row['probe']) == {'dns-bogus': 'error'} and next_of(row['probe'], 'dns-bogus').endswith(' A mx1.lab.example'), row['probe']['findings']


def test_mx_of_equal_preference():
    """Which of them is first is drawn by lot (RFC 5321 section 5.1); those of another preference stay where they are."""
    seen = set()
    with NameServer({ZONE: ''.join(f'@ IN MX {number} {name}\n' for number, name in ((5, 'first'), (10, 'one'), (10, 'other'), (20, 'last')))}) as names:
        for _ in range(64):
            run, document = look_up(names, f'mx:{ZONE}')
            assert run.status == 2
            seen.add(tuple(name.split('.')[0] for name in hosts(document)))
            if len(seen) == 2:
                break
    assert seen == {('first', 'one', 'other', 'last'), ('first', 'other', 'one', 'last')}, seen


def test_mx_that_names_no_host():
    zones = {'alias.example': '@ IN MX 10 mx\nmx IN CNAME real\nreal IN A 127.0.0.1\n', 'number.example': '@ IN MX 10 127.0.0.1.\n@ IN MX 20 mx\nmx IN A 127.0.0.1\n',
             'pointed.example': '@ IN MX 10 mx\nmx IN CNAME lost\n'}
    with Script(GREETING, EHLO, BYE) as server, NameServer(zones, signed=list(zones)) as names:
        port = f'--port={server.port}'
        run, document = look_up(names, 'mx:alias.example', port)
        row, = document['servers']
        assert run.status == 0 and row['host']['alias_of'] == 'real.alias.example' and findings(row['probe'])['host-is-alias'] == 'warn', row
        assert next_of(row['probe'], 'host-is-alias') == f'dig @127.0.0.1 -p {names.port} A mx.alias.example'
        run, document = look_up(names, 'mx:number.example', port)
        first, second = document['servers']
        assert run.status == 2 and findings(first['probe']) == {'host-is-address': 'error'} and second['probe']['verdict'] == 'ready', document
        assert first['host']['name'] == '127.0.0.1' and not first['host']['addresses'] and second['host']['alias_of'] is None
        run, document = look_up(names, 'mx:pointed.example', port)
        assert run.status == 2 and set(findings(document['servers'][0]['probe'])) == {'host-is-alias', 'name-not-found'}, document
        run = tool('probe', *names.options, port, 'mx:alias.example')
        assert run.status == 0 and 'host-is-alias' in run.text and 'an alias of real.alias.example' in run.text, run.text


def test_no_mx():
    zones = {'null.example': '@ IN MX 0 .\n', 'both.example': '@ IN MX 0 .\n@ IN MX 5 mx\nmx IN A 127.0.0.1\n', 'plain.example': '@ IN A 127.0.0.1\n',
             'nothing.example': '', 'lost.example': '@ IN MX 1 nowhere\n'}
    with Script(GREETING, EHLO, BYE) as server, NameServer(zones, signed=list(zones)) as names:
        port = f'--port={server.port}'
        run, document = look_up(names, 'mx:null.example', port)
        assert run.status == 2 and document['domain']['meaning'] == 'null-mx' and findings(document) == {'mx-null': 'error'}, document
        assert document['mta_sts'] == {'state': 'not_checked', 'reason': 'not-requested'} and not document['servers']
        run, document = look_up(names, 'mx:null.example', port, '--mta-sts')
        assert document['mta_sts'] == {'state': 'not_checked', 'reason': 'no-server'}, 'who takes no mail has no policy'
        run, document = look_up(names, 'mx:both.example', port)
        assert run.status == 0 and findings(document) == {'mx-null-not-alone': 'warn'}, document
        run, document = look_up(names, 'mx:plain.example.', port)
        assert run.status == 0 and document['domain']['meaning'] == 'implicit-mx' and findings(document) == {'mx-implicit': 'warn'}, document
        assert hosts(document) == ['plain.example'] and document['servers'][0]['probe']['verdict'] == 'ready'
        run, document = look_up(names, 'mx:nothing.example', port)
        assert run.status == 2 and findings(document['servers'][0]['probe']) == {'name-not-found': 'error'}, document
        run, document = look_up(names, 'mx:lost.example', port)
        assert run.status == 2 and findings(document['servers'][0]['probe']) == {'name-not-found': 'error'}, document
        run, document = look_up(names, 'mx:gone.null.example', port)
        assert run.status == 2 and document['domain']['queries'][0]['no_such_name'] and findings(document) == {'name-not-found': 'error'}, document


def test_srv_in_order():
    with Script(GREETING, EHLO, BYE) as server, Script(GREETING, EHLO, BYE) as second:
        zones = {ZONE: f"""_submissions._tcp IN SRV 20 1 {server.port} late
_submissions._tcp IN SRV 10 0 {server.port} never
_submissions._tcp IN SRV 10 65535 {server.port} often
_submission._tcp IN SRV 0 1 {second.port} plain
late IN A 127.0.0.1
never IN A 127.0.0.1
often IN A 127.0.0.1
plain IN A 127.0.0.1
""", 'none.example': '_submissions._tcp IN SRV 0 0 0 .\n_submission._tcp IN SRV 0 0 0 .\n', 'silent.example': '@ IN A 127.0.0.1\n'}
        with NameServer(zones, signed=list(zones)) as names:
            run, document = look_up(names, f'srv:{ZONE}', '--timeout=3')
            assert hosts(document) == [f'{name}.{ZONE}' for name in ('often', 'never', 'late', 'plain')], hosts(document)
            assert [row['host']['service'] for row in document['servers']] == ['_submissions'] * 3 + ['_submission']
            assert [row['probe']['target']['mode'] for row in document['servers']] == ['implicit'] * 3 + ['starttls'], document
            assert [row['probe']['target']['port'] for row in document['servers']] == [server.port] * 3 + [second.port]
            assert 'starttls-not-offered' in findings(document['servers'][3]['probe'])
            for domain, finding, meaning in (('none.example', 'srv-not-offered', 'not-offered'), ('silent.example', 'srv-none', 'no-service')):
                run, document = look_up(names, f'srv:{domain}')
                assert run.status == 2 and findings(document) == {finding: 'error'} and document['domain']['meaning'] == meaning, document
                assert ('target "."' in document['error']['text']) is (domain == 'none.example'), document['error']
                assert not document['servers']


def test_srv_of_one_service():
    """"." is said of one of the two services; the target is in another domain, which matters where DNSSEC does not secure the records."""
    with Script(GREETING, EHLO, BYE) as server:
        zones = {ZONE: f'_submissions._tcp IN SRV 0 0 0 .\n_submission._tcp IN SRV 0 1 {server.port} mail.other.example.\n', 'other.example': 'mail IN A 127.0.0.1\n',
                 'own.example': f'_submission._tcp IN SRV 0 1 {server.port} own.example.\n@ IN A 127.0.0.1\n'}
        for signed, expected in (([*zones], None), (['other.example'], 'warn')):
            with NameServer(zones, signed=signed) as names:
                run, document = look_up(names, f'srv:{ZONE}', '--tls=never')
                row, = document['servers']
                assert run.status == 0 and row['host']['service'] == '_submission' and row['host']['name'] == 'mail.other.example', document
                assert findings(row['probe']).get('srv-other-domain') == expected, row['probe']['findings']
                run, document = look_up(names, 'srv:own.example', '--tls=never')
                assert run.status == 0 and 'srv-other-domain' not in findings(document['servers'][0]['probe'])


def test_wrong_domains_and_resolvers():
    need()
    for options, words in ((['mx:'], 'no domain'), (['mx:a..b'], 'no domain'), (['srv:a b'], 'no domain'), (['--resolver=x', 'mx:a.example'], '--resolver'),
                           (['--resolver=127.0.0.1@0', 'mx:a.example'], '--resolver'), (['--trust-anchor=/nonexistent', 'mx:a.example'], '--trust-anchor')):
        run = tool('probe', *options)
        assert run.status in (1, 4) and words in run.errors, (options, run.status, run.errors)
    with Folder() as folder:
        for text in ('garbage', 'a.example. IN DS nonsense\n'):
            run = tool('probe', '--resolver=127.0.0.1@1', '--trust-anchor=' + folder.file('anchor', text), 'mx:a.example')
            assert run.status == 4 and len(run.errors.splitlines()) <= 2 and f'--trust-anchor: {folder.path}/anchor: parse error' in run.errors, run.errors
    run = tool('tls', 'mx:a.example')
    assert run.status == 1 and 'probe only' in run.errors, run.errors
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(('127.0.0.1', 0))
        port = nobody.getsockname()[1]
    run = tool('probe', '--format=json', f'--resolver=127.0.0.1@{port}', '--timeout=1', 'mx:a.example')
    assert run.status == 2 and findings(validate(run)) == {'name-no-answer': 'error'}, run.text


# ---- DANE ----


def dane_look(server, records, *options, signed=True, spoil=None):
    zone = '@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\n' + ''.join(f'_{server.port}._tcp.mx1 IN TLSA {record}\n' for record in records)
    with NameServer({ZONE: zone, 'signed.example': '@ IN A 127.0.0.1\n'}, signed=[ZONE] if signed else ['signed.example'], spoil=spoil) as names:
        run, document = look_up(names, f'mx:{ZONE}', f'--port={server.port}', '--dane', '--tls=implicit', *options)
    row, = document['servers']
    return run, row['probe']


def test_dane():
    need_certs()
    good = ['--ca-file=' + cert('root'), f'--verify-name={HOST}']
    right, wrong = tlsa(3, 1, 1, 'good'), tlsa(3, 1, 1, 'good-ecdsa')
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        for backend in BACKENDS:
            run, document = dane_look(server, [wrong, right], NOTHING, f'--transport={backend}')
            dane = document['tls']['dane']
            assert run.status == 0 and dane['state'] == 'match' and dane['dnssec'] == 'secure', (run.errors, dane)
            assert [row['data'] for row in dane['records'] if row['fits']] == [right.split()[3]] and len(dane['records']) == 2, dane
            assert findings(document)['dane-match'] == 'note' and dane['name'] == f'_{server.port}._tcp.mx1.lab.example'
            run, document = dane_look(server, [wrong], *good, f'--transport={backend}')
            assert run.status == 40 and document['tls']['dane']['state'] == 'mismatch' and 'cert-tlsa-mismatch' in findings(document), document
            assert document['tls']['dane']['reason'] == 'dane-mismatch'
        for records, reason, finding, extra in (([], 'no-records', 'dane-none', {}), ([tlsa(1, 1, 1, 'good')], 'unusable', 'dane-unusable', {}),
                                                ([wrong], 'host-not-secure', 'dane-not-checked', {'signed': False}),
                                                ([wrong], 'bogus', 'dane-bogus', {'spoil': lambda text: text.replace(wrong[6:22], right[6:22])})):
            run, document = dane_look(server, records, *good, **extra)
            dane = document['tls']['dane']
            assert run.status == 0 and dane['state'] == 'not_checked' and dane['reason'] == reason and finding in findings(document), document
            assert not any(row['fits'] for row in dane['records'])
    with TlsServer('good-via-intermediate', GREETING, EHLO, BYE) as server:
        run, document = dane_look(server, [tlsa(2, 1, 1, 'intermediate')], NOTHING, f'--verify-name={HOST}')
        assert run.status == 0 and document['tls']['dane']['state'] == 'match', document
        run, document = dane_look(server, [tlsa(2, 1, 1, 'intermediate')], NOTHING)  # DANE-TA asks for the name
        assert run.status == 40 and document['tls']['dane']['reason'] == 'name-mismatch', document['tls']['dane']


def test_dane_names():
    """Where the records are, and which names count, when the host is an alias (RFC 7672 section 2.2.2) and when the authority is what is known (3.2.2)."""
    need_certs()
    with TlsServer('good-via-intermediate', GREETING, EHLO, BYE) as server:
        given = [f'--port={server.port}', '--dane', '--tls=implicit', NOTHING]
        ta, wrong = (f'_{server.port}._tcp.%s IN TLSA ' + tlsa(2, 1, 1, name) + '\n' for name in ('intermediate', 'other-root'))
        alias = '@ IN MX 10 mx\nmx IN CNAME mail\nmail IN A 127.0.0.1\n'
        for zone, records, state, base in (
                ('example.test', alias + ta % 'mail', 'match', 'mail.example.test'),  # at what it is an alias of: the certificate is for that
                ('example.test', alias + ta % 'mail' + wrong % 'mx', 'match', 'mail.example.test'),
                ('example.test', alias + wrong % 'mail' + ta % 'mx', 'mismatch', 'mail.example.test'),
                ('example.test', alias + ta % 'mx', 'mismatch', 'mx.example.test'),  # at the alias itself: the name is wrong then
                ('mail.example.test', '@ IN MX 10 mx\nmx IN A 127.0.0.1\n' + ta % 'mx', 'match', 'mx.mail.example.test')):  # the domain is as good
            with NameServer({zone: records}, signed=[zone]) as names:
                run, document = look_up(names, f'mx:{zone}', *given)
            dane = document['servers'][0]['probe']['tls']['dane']
            assert dane['state'] == state and dane['name'] == f'_{server.port}._tcp.{base}' and run.status == (0 if state == 'match' else 40), (records, dane, run.errors)


def test_dane_says_what_would_fit():
    need_certs()
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        for records, finding in (([tlsa(3, 1, 1, 'good-ecdsa')], 'cert-tlsa-mismatch'), ([], 'dane-none')):
            run, document = dane_look(server, records, '--ca-file=' + cert('root'), f'--verify-name={HOST}')
            text = next(row['text'] for row in document['findings'] if row['id'] == finding)
            assert tlsa(3, 1, 1, 'good') in text, text


def test_dane_without_tls():
    """Records that are secure mean that there has to be TLS (RFC 7672 section 2.2)."""
    need_certs()
    with Script(GREETING, EHLO, BYE) as server:
        zone = f'@ IN MX 10 mx\nmx IN A 127.0.0.1\n_{server.port}._tcp.mx IN TLSA {tlsa(3, 1, 1, "good")}\n'
        with NameServer({ZONE: zone}, signed=[ZONE]) as names:
            run, document = look_up(names, f'mx:{ZONE}', f'--port={server.port}')
            assert run.status == 0, 'without --dane it is as any other server'
            run, document = look_up(names, f'mx:{ZONE}', f'--port={server.port}', '--dane')
            assert run.status == 29 and findings(document['servers'][0]['probe'])['starttls-not-offered'] == 'error', document['servers']


def test_dane_without_a_domain():
    need()
    need_certs()
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        run, document = probe(server.server, '--dane', '--tls=implicit', '--ca-file=' + cert('root'), f'--verify-name={HOST}')
        assert run.status == 0 and document['tls']['dane']['reason'] == 'no-name', document['tls']['dane']
        run = tool('probe', '--dane', '--pin=' + pin('good'), server.server)
        assert run.status == 1 and '--dane' in run.errors


# ---- MTA-STS ----

POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx1.lab.example\r\nmx: *.other.example\r\nmax_age: 604800\r\n'


def address_of_our_own():
    """Of loopback; a port that is free on 127.0.0.1 may be another test's a moment later."""
    return '127.' + '.'.join(str(random.randint(1, 254)) for _ in range(3))


def sts_look(server, policy, *options, record='"v=STSv1; id=20261123T1;"', address='127.0.0.1'):
    zone = f'@ IN MX 10 mx1\nmx1 IN A {address}\n' + ''.join(f'_mta-sts IN TXT {text}\n' for text in ([record] if isinstance(record, str) else record))
    with NameServer({ZONE: zone}, signed=[ZONE]) as names, Folder() as folder:
        return look_up(names, f'mx:{ZONE}', f'--port={server.port}', '--tls=implicit', '--mta-sts-policy=' + folder.file('policy', policy), *options)


def test_sts_against_the_servers():
    need_certs()
    good = ['--ca-file=' + cert('root'), f'--verify-name={HOST}']
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        run, document = sts_look(server, POLICY, *good)
        assert run.status == 0 and document['mta_sts']['state'] == 'policy' and document['mta_sts']['id'] == '20261123T1', document['mta_sts']
        assert document['mta_sts']['policy'] == {'mode': 'enforce', 'max_age': 604800, 'mx': ['mx1.lab.example', '*.other.example']}
        row = document['servers'][0]['probe']
        assert row['tls']['mta_sts'] == {'state': 'match', 'pattern': 'mx1.lab.example'} and not [name for name in findings(row) if 'sts' in name]
        run, document = sts_look(server, POLICY.replace('mx1.lab.example', '*.LAB.example'), *good)
        assert document['servers'][0]['probe']['tls']['mta_sts']['state'] == 'match', document
        for mode, severity in (('enforce', 'error'), ('testing', 'warn')):
            run, document = sts_look(server, POLICY.replace('mx1.lab.example', '*.example').replace('enforce', mode), *good)
            row = document['servers'][0]['probe']
            assert row['tls']['mta_sts']['reason'] == 'mx-not-listed' and findings(row)['sts-mx-not-listed'] == severity, row['findings']
            assert ('sts-mode-testing' in findings(document)) is (mode == 'testing')
        run, document = sts_look(server, POLICY, NOTHING)
        row = document['servers'][0]['probe']
        assert run.status == 40 and row['tls']['mta_sts']['state'] == 'mismatch' and 'sts-tls-invalid' in findings(row), row['findings']
        run, document = sts_look(server, POLICY.replace('mx1.lab.example', '*.mx1.lab.example'), *good)  # the star is one label, not none
        assert 'sts-mx-not-listed' in findings(document['servers'][0]['probe']), document
        run, document = sts_look(server, 'version: STSv1\nmode: none\nmax_age: 0\n', *good)
        assert findings(document).get('sts-mode-none') == 'note' and document['servers'][0]['probe']['tls']['mta_sts']['reason'] == 'mode-none'
        run, document = sts_look(server, POLICY.replace('604800', '3600') + 'later: field\n', *good)
        assert findings(document).get('sts-max-age-short') == 'warn', document['findings']


def test_sts_without_tls():
    for mode, severity in (('enforce', 'error'), ('testing', 'warn')):
        with Script(GREETING, EHLO, BYE) as server:
            run, document = sts_look(server, POLICY.replace('enforce', mode), '--tls=opportunistic')
        row = document['servers'][0]['probe']
        assert run.status == 0 and findings(row)['sts-tls-invalid'] == severity, row['findings']


def test_sts_that_is_wrong():
    server, nobody = type('Server', (), {'port': 25}), address_of_our_own()
    for policy in ('', 'version: STSv2\nmode: none\nmax_age: 1\n', POLICY.replace('enforce', 'Enforce'), POLICY.replace('604800', '31557601'), POLICY.replace('604800', '-1'),
                   POLICY.replace('mx1.lab', 'mx1..lab'), POLICY.replace('mx: ', 'mx '), 'version: STSv1\nmode: enforce\nmax_age: 100000\n', 'mode: none\nmax_age: 1\n',
                   POLICY + 'x' * 70000 + ': y\n', POLICY + '\0\n'):
        run, document = sts_look(server, policy, address=nobody)
        assert run.status == 2 and findings(document).get('sts-policy-invalid') == 'error', (policy[:80], document['findings'])
        assert document['mta_sts']['why'] and document['mta_sts']['policy'] is None
    for record, finding in (([], 'sts-no-record'), ('"v=spf1 -all"', 'sts-no-record'), ('"v=STSv1; id=;"', 'sts-record-invalid'), ('"v=STSv1; id=a-b;"', 'sts-record-invalid'),
                            (['"v=STSv1; id=1;"', '"v=STSv1; id=2;"'], 'sts-record-invalid'), ('"v=STSv1;" " id=1"', None)):
        run, document = sts_look(server, POLICY, record=record, address=nobody)
        assert [name for name in findings(document) if name.startswith('sts')] == ([finding] if finding else []), (record, document['findings'])
    run = tool('probe', '--mta-sts', 'localhost')
    assert run.status == 1 and 'mx:DOMAIN' in run.errors


def test_sts_record_that_is_bogus():
    zone = f'@ IN MX 10 mx1\nmx1 IN A {address_of_our_own()}\n_mta-sts IN TXT "v=STSv1; id=1;"\n'
    with NameServer({ZONE: zone}, signed=[ZONE], spoil=lambda text: text.replace('id=1', 'id=2')) as names:
        run, document = look_up(names, f'mx:{ZONE}', '--mta-sts-policy=/dev/null')
    assert document['mta_sts']['dnssec'] == 'bogus' and findings(document) == {'sts-record-invalid': 'error'}, document['mta_sts']


class Web(http.server.BaseHTTPRequestHandler):
    WELL_KNOWN = '/.well-known/mta-sts.txt'
    PAGES = {'/null': (200, 'text/plain', POLICY.encode() + b'\0'), WELL_KNOWN: (200, 'Text/Plain', POLICY.encode()), '/ok': (200, 'text/plain; charset=us-ascii', POLICY.encode()), '/html': (200, 'text/html', POLICY.encode()), '/large': (200, 'text/plain', b'x' * 70000),
             '/gone': (404, 'text/plain', b'no'), '/moved': (302, 'text/plain', b'')}

    def do_GET(self):
        status, kind, body = self.PAGES[self.path]
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        if status == 302:
            self.send_header('Location', '/ok')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class WebServer:
    """HTTPS with a certificate of its own, which is in self.root."""

    def __init__(self, folder, name, place):
        key, self.root = folder / 'key.pem', folder / 'cert.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', self.root, '-days', '2',
                        '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}'], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.root, key)
        self.server = http.server.ThreadingHTTPServer(place, Web)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_fetch():
    """The program that gets a policy: what it takes is right in every respect, and nothing else."""
    program = os.path.join(EXECDIR, 'smtp-tool-fetch')
    if not os.access(program, os.X_OK):
        raise Skip('smtp-tool-fetch is not built')
    with Folder() as folder, WebServer(folder, 'localhost', ('127.0.0.1', 0)) as server:
        place, root = f'localhost:{server.port}', server.root

        def get(*args):
            return subprocess.run([program, *args], capture_output=True, env={'LC_ALL': 'C'}, timeout=60, check=False)

        done = get(f'https://{place}/ok', root)
        assert done.returncode == 0 and done.stdout == POLICY.encode(), done
        for url, *roots in ((f'https://{place}/ok',), (f'https://127.0.0.1:{server.port}/ok', root), (f'https://{place}/html', root),
                            (f'https://{place}/large', root), (f'https://{place}/gone', root), (f'https://{place}/moved', root), (f'https://{place}/null', root),
                            (f'file://{root}', root)):
            done = get(url, *roots)
            assert done.returncode == 1 and not done.stdout and done.stderr, (url, done)


def test_policy_from_the_web():
    """All the way: the record, the address of the server with the policy by the resolver that was named, HTTPS, and the servers held against it."""
    need_certs()
    if not os.access(os.path.join(EXECDIR, 'smtp-tool-fetch'), os.X_OK):
        raise Skip('smtp-tool-fetch is not built')
    address = address_of_our_own()
    zone = '@ IN MX 10 mx1\nmx1 IN A 127.0.0.1\n_mta-sts IN TXT "v=STSv1; id=1;"\n'
    with Folder() as folder, TlsServer('good', GREETING, EHLO, BYE) as server:
        try:
            web = WebServer(folder, f'mta-sts.{ZONE}', (address, 443))
        except PermissionError as error:
            raise Skip('port 443 is not for this user') from error
        with web:
            with open(cert('root'), encoding='ascii') as file, open(web.root, encoding='ascii') as own:
                roots = folder.file('roots', file.read() + own.read())
            given = [f'--port={server.port}', '--tls=implicit', '--mta-sts', f'--verify-name={HOST}']
            with NameServer({ZONE: zone + f'mta-sts IN A {address}\n'}, signed=[ZONE]) as names:
                run, document = look_up(names, f'mx:{ZONE}', '--ca-file=' + roots, *given)
                assert run.status == 0 and document['mta_sts']['policy']['mode'] == 'enforce' and document['servers'][0]['probe']['tls']['mta_sts']['state'] == 'match', document
                assert document['mta_sts']['source'] == f'https://mta-sts.{ZONE}{Web.WELL_KNOWN}' and 'sts-policy-unreachable' not in findings(document)
                run, document = look_up(names, f'mx:{ZONE}', '--ca-file=' + cert('root'), *given)
                assert findings(document)['sts-policy-unreachable'] == 'error' and 'certificate' in document['mta_sts']['why'].lower(), document['mta_sts']
                assert next_of(document, 'sts-policy-unreachable') == f'curl -v https://mta-sts.{ZONE}{Web.WELL_KNOWN}'
            with NameServer({ZONE: zone}, signed=[ZONE]) as names:
                run, document = look_up(names, f'mx:{ZONE}', '--ca-file=' + roots, *given)
                assert findings(document)['sts-policy-unreachable'] == 'error' and 'no address' in document['mta_sts']['why'], document['mta_sts']


if __name__ == '__main__':
    run_tests(globals())
