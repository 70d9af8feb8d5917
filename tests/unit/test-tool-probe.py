#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool probe and tls: what they see, through both TLS libraries, of good, bad and hostile servers."""
import base64
import os
import re
import shlex
import ssl
import subprocess
import time

from probe_kit import BACKENDS, CERTS, HOST, Silent, TlsServer, cert, findings, probe, timeless, validate, verbs
from tool_kit import Folder, Script, Sink, Skip, closed_port, run_tests, tool

EHLO = b'250-mx.example.test\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n'
GREETING = b'220 mx.example.test ESMTP\r\n'
BYE = b'221 2.0.0 bye\r\n'


def need_certs():
    if not os.path.exists(cert('good')):
        raise Skip('no certificates')


# ---- what is seen of a good server ----


def test_starttls_through_both():
    with Folder() as folder:
        password = folder.file('password', 'pencil\n')
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN,CRAM-MD5', '--user=ann', f'--password-file={password}') as sink:
            for backend in BACKENDS:
                run, document = probe(sink.server, '--ipv4', '--ca-file', sink.ca, f'--transport={backend}')
                assert run.status == 0 and document['verdict'] == 'ready' and document['error'] is None, document
                assert [stage['name'] for stage in document['stages']] == ['load', 'dns', 'tcp', 'banner', 'ehlo', 'tls', 'ehlo', 'quit']
                assert all(stage['ok'] for stage in document['stages'])
                assert [stage['round_trips'] for stage in document['stages']] == [0, 0, 1, 1, 1, 2, 1, 1]
                assert [stage['secure'] for stage in document['stages']] == [False] * 6 + [True] * 2
                assert document['total']['round_trips'] == 7
                tcp = document['stages'][2]
                assert [(row['outcome'], row['error']) for row in tcp['tried']] == [('connected', None)]
                before, after = document['ehlo']['before_tls'], document['ehlo']['after_tls']
                assert 'STARTTLS' in [row['keyword'] for row in before] and 'AUTH' not in [row['keyword'] for row in before]
                assert {'keyword': 'AUTH', 'args': ['PLAIN', 'LOGIN', 'CRAM-MD5']} in after
                assert {'keyword': 'SIZE', 'args': ['0'], 'value': 0} in after
                tls = document['tls']
                assert tls['version'] == 'TLSv1.3' and tls['transport'] == f'starttls/{backend}' and tls['verify']['ok'] is True
                assert tls['verify']['code'] == 'ok' and tls['verify']['name'] == 'localhost'
                assert document['target']['mode'] == 'starttls' and document['target']['family'] == 'ipv4'
                order = [(row['mechanism'], row['usable']) for row in document['auth']['order'] if row['offered']]
                assert order == [('CRAM-MD5', True), ('PLAIN', True), ('LOGIN', True)], order
                assert document['auth']['supposed_credentials'] is True and document['auth']['result'] == 'not-tried'
                assert findings(document).get('auth-after-tls') == 'note'
                assert not [name for name, severity in findings(document).items() if severity == 'error']
            run, document = probe(sink.server, '--ipv4', '--ca-file', sink.ca, '--user=ann', f'--password-file={password}')
            assert run.status == 0 and document['auth']['result'] == 'ok' and document['auth']['chosen'] == 'CRAM-MD5'
            attempt, = document['auth']['attempts']
            assert attempt['round_trips'] == 2 and attempt['reply']['code'] == 235


def test_human_report():
    with Folder() as folder:
        password = folder.file('password', 'pencil\n')
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN', '--user=ann', f'--password-file={password}') as sink:
            run = tool('probe', '--ipv4', '--ca-file', sink.ca, sink.server)
            lines = run.text.split('\n')
            assert run.status == 0 and re.fullmatch(r'localhost:\d+ - STARTTLS where it is offered +READY, 1 warning', lines[0]), lines[0]
            assert '\x1b' not in run.text
            for stage in ('dns', 'tcp', 'banner', 'ehlo', 'tls', 'quit', 'auth', 'total'):
                assert re.search(rf'^  {stage} ', run.text, re.M), stage
            assert re.search(r'^  ehlo .* 7 extensions, no AUTH$|^  ehlo .* \d+ extensions, no AUTH$', run.text, re.M)
            assert re.search(r'^  ehlo .* \d+ extensions: \+AUTH -STARTTLS$', run.text, re.M)
            assert re.search(r'^Certificate +ok  trusted, name matched ', run.text, re.M)
            assert re.search(r'^  pins    spki sha256//[A-Za-z0-9+/]{43}=$', run.text, re.M)
            assert re.search(r'^   1  PLAIN +\d+ +plain +yes ', run.text, re.M) and re.search(r'^   2  LOGIN ', run.text, re.M)
            assert 'Findings' in run.text and 'Next: smtp-tool ' in run.text
            run = tool('probe', '--ipv4', '--ca-file', sink.ca, '--print=s', sink.server)
            assert run.text.count('\n') == 1 and 'READY' in run.text
            run = tool('probe', '-q', '--ipv4', '--ca-file', sink.ca, sink.server)
            assert run.status == 0 and run.out + run.err == b''
            run = tool('probe', '-v', '-q', '--ipv4', '--ca-file', sink.ca, sink.server)
            assert ' ~> EHLO ' in run.errors and ' -> STARTTLS' in run.errors
            run = tool('probe', '--color=always', '--ipv4', '--ca-file', sink.ca, sink.server)
            assert '\x1b[' in run.text
            run = tool(sink.server, '--ipv4', '--ca-file', sink.ca)  # a bare target
            assert run.status == 0 and 'READY' in run.text


# ---- certificates ----

BAD = {  # certificate: the words for it, the finding
    'wrong-host': ('name-mismatch', 'cert-name-mismatch'), 'expired': ('expired', 'cert-expired'),
    'not-yet-valid': ('not-yet-valid', 'cert-not-yet-valid'), 'self-signed': ('self-signed', 'cert-self-signed'),
    'cn-only': ('name-mismatch', 'cert-name-mismatch'), 'cn-right-san-wrong': ('name-mismatch', 'cert-name-mismatch'),
    'partial-wildcard': ('name-mismatch', 'cert-name-mismatch'), 'wildcard-inner': ('name-mismatch', 'cert-name-mismatch'),
    'wildcard-top': ('name-mismatch', 'cert-name-mismatch'), 'missing-intermediate': ('unknown-issuer', 'cert-unknown-issuer'),
    'other-root': ('unknown-issuer', 'cert-unknown-issuer'), 'rsa1024': ('weak', 'cert-weak'), 'sha1-signed': ('weak', 'cert-weak'),
    'client-auth-only': ('purpose', 'cert-purpose'), 'non-ca-issuer': ('purpose', 'cert-purpose'),
    'name-constraint': ('purpose', 'cert-purpose'), 'ip-san-only': ('name-mismatch', 'cert-name-mismatch'),
}
GOOD = ('good', 'good-ecdsa', 'good-via-intermediate', 'wildcard', 'upper-case')


def openssl(name, *what):
    done = subprocess.run(['openssl', 'x509', '-in', cert(name), '-noout', *what], capture_output=True, text=True, check=True)
    return done.stdout


def spki(name):
    public = subprocess.run(['openssl', 'x509', '-in', cert(name), '-noout', '-pubkey'], capture_output=True, check=True).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=public, capture_output=True, check=True).stdout
    digest = subprocess.run(['openssl', 'dgst', '-sha256', '-binary'], input=der, capture_output=True, check=True).stdout
    return base64.b64encode(digest).decode()


def look(name, backend):
    with TlsServer(name, GREETING, EHLO, BYE) as server:
        return probe(server.server, '--tls=implicit', '--ca-file', cert('root'), f'--verify-name={HOST}', f'--transport={backend}')


def check_leaf(name, document):
    leaf = document['tls']['chain'][0]
    assert leaf['broken'] is None
    assert leaf['sha256'] == openssl(name, '-fingerprint', '-sha256').split('=')[1].strip().replace(':', '').lower()
    assert leaf['spki_sha256_base64'] == spki(name)
    end = openssl(name, '-enddate', '-dateopt', 'iso_8601').split('=')[1].strip().replace(' ', 'T')
    assert leaf['not_after'] == end, (leaf['not_after'], end)
    assert leaf['subject'] == openssl(name, '-subject', '-nameopt', 'RFC2253').split('=', 1)[1].strip()
    assert leaf['issuer'] == openssl(name, '-issuer', '-nameopt', 'RFC2253').split('=', 1)[1].strip()


def test_certificates_through_both():
    need_certs()
    for name in (*GOOD, *BAD):
        seen = []
        for backend in BACKENDS:
            run, document = look(name, backend)
            code, finding = BAD.get(name, ('ok', None))
            assert document['tls'] is not None, (name, backend, document['error'])
            assert document['tls']['verify']['code'] == code, (name, backend, document['tls']['verify'])
            if finding is None:
                assert run.status == 0, (name, backend, run.errors, document['error'])
            else:
                assert run.status == 40 and findings(document)[finding] == 'error', (name, backend, run.status, findings(document))
                assert document['failed_stage'] == 'tls'
            check_leaf(name, document)
            seen.append(([part['sha256'] for part in document['tls']['chain']], run.status,
                         {key for key in findings(document) if key.startswith('cert')}))
        assert seen[0] == seen[1], (name, seen)


def test_tls_command():
    need_certs()
    with TlsServer('good-via-intermediate', GREETING, EHLO, BYE) as server:
        options = ('--tls=implicit', '--ca-file', cert('root'), f'--verify-name={HOST}')
        run = tool('tls', *options, server.server)
        assert run.status == 0 and run.text.count('    subject     ') == 2 and '  1 (an issuer)' in run.text, run.text + run.errors
        run = tool('tls', '--pem', *options, server.server)
        assert run.text.count('-----BEGIN CERTIFICATE-----') == 2
        first = subprocess.run(['openssl', 'x509', '-noout', '-fingerprint', '-sha256'], input=run.out, capture_output=True, check=True)
        assert first.stdout.decode() == openssl('good-via-intermediate', '-fingerprint', '-sha256')
        run, document = probe(server.server, *options, command=('tls',))
        assert document['command'] == 'tls' and [stage['name'] for stage in document['stages']][-1] == 'tls'
    with Script(GREETING, EHLO, BYE) as server:
        run = tool('tls', server.server)
        assert run.status == 29 and 'no TLS to look at' in run.errors


def test_expiry_thresholds():
    with Sink('--tls=starttls', '--self-signed') as sink:  # valid for thirty days
        options = ('--ipv4', '--ca-file', sink.ca)
        assert 'cert-expires-soon' not in findings(probe(sink.server, *options)[1])
        assert findings(probe(sink.server, *options, '--cert-days=40')[1])['cert-expires-soon'] == 'warn'
        run, document = probe(sink.server, *options, '-D', '40,35', '--fail-on=error')
        assert findings(document)['cert-expires-soon'] == 'error' and run.status == 44 and document['exit']['name'] == 'expect'


# ---- failures: exit status and finding ----

def scripted(*steps, options=(), status, finding, stage=None):
    return (lambda: Script(*steps)), options, status, finding, stage


FAILURES = {
    'refused': (None, (), 2, 'connection-refused', 'tcp'),
    'no-name': ('nobody.invalid:25', (), 2, 'name-not-found', 'dns'),
    'silent': (Silent, ('--timeout=1',), 2, 'no-greeting', 'banner'),
    'closes': scripted(None, status=21, finding='closed-before-greeting'),
    'greeting-554': scripted(b'554 5.7.1 go away\r\n', BYE, status=21, finding='greeting-refused', stage='banner'),
    'greeting-421': scripted(b'421 4.3.2 later\r\n', status=21, finding='greeting-transient'),
    'greeting-rate': scripted(b'421 4.7.0 too many connections\r\n', status=21, finding='rate-limited'),
    'http': scripted(b'HTTP/1.1 400 Bad Request\r\n\r\n', status=21, finding='not-smtp', stage='banner'),
    'ssh': scripted(b'SSH-2.0-OpenSSH_9.2\r\n', status=21, finding='not-smtp'),
    'tls-at-once': scripted(b'\x15\x03\x01\x00\x02\x02\x46', status=43, finding='tls-mode-mismatch', stage='banner'),
    'implicit-to-plain': scripted(GREETING, options=('--tls=implicit',), status=43, finding='tls-mode-mismatch', stage='tls'),
    'ehlo-550': scripted(GREETING, b'550 5.7.1 who are you\r\n', BYE, status=22, finding='ehlo-refused', stage='ehlo'),
    'ehlo-closes': scripted(GREETING, None, status=6, finding='closed-early'),
    'ehlo-421': scripted(GREETING, b'421 4.3.2 shutting down\r\n', status=6, finding='closed-early'),
    'ehlo-stalls': scripted(GREETING, lambda stream: stream.read(), options=('--timeout=1',), status=6, finding='stage-timeout'),
    'broken': scripted(GREETING, b'250-a\r\n250?b\r\n', status=6, finding='protocol-violation'),
    'unasked': scripted(GREETING + b'250 hello\r\n', EHLO, BYE, status=6, finding='protocol-violation'),
    'no-starttls': scripted(GREETING, EHLO, BYE, options=('--tls=starttls',), status=29, finding='starttls-not-offered'),
    'starttls-454': scripted(GREETING, b'250-a\r\n250 STARTTLS\r\n', b'454 4.7.0 no TLS now\r\n', BYE, options=('--tls=starttls',), status=29,
                             finding='starttls-refused', stage='tls'),
    'starttls-inject': scripted(GREETING, b'250-a\r\n250 STARTTLS\r\n', b'220 go\r\n250 evil\r\n', options=('--tls=starttls',), status=29,
                                finding='starttls-injection'),
    'starttls-garbage': scripted(GREETING, b'250-a\r\n250 STARTTLS\r\n', b'220 go\r\n',
                                 lambda stream: (stream.read(5), stream.write(b'\x15\x03\x01\x00\x02\x02\x28'), stream.flush()),
                                 options=('--tls=starttls',), status=29, finding='tls-handshake-failed', stage='tls'),
    'auth-floor': scripted(GREETING, EHLO, BYE, options=('--tls=never', '--user=ann', '--password-env=PW'), status=41, finding='policy', stage='auth'),
    'auth-535': scripted(GREETING, EHLO, b'535 5.7.8 no\r\n', b'535 5.7.8 no\r\n', BYE,
                         options=('--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW'), status=28,
                         finding='auth-failed', stage='auth'),
    'auth-454': scripted(GREETING, EHLO, b'454 4.7.0 later\r\n', BYE,
                         options=('--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW'), status=28,
                         finding='auth-temporary', stage='auth'),
    'auth-534': scripted(GREETING, EHLO, b'534 5.7.9 stronger\r\n', BYE,
                         options=('--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW'), status=28,
                         finding='auth-too-weak', stage='auth'),
    'auth-challenge': scripted(GREETING, b'250-a\r\n250 AUTH CRAM-MD5\r\n', b'334 PDEyMzRAaG9zdD4=\r\n', b'535 5.7.8 no\r\n', BYE,
                               options=('--tls=never', '--user=ann', '--password-env=PW'), status=28, finding='auth-challenge-needs-secret'),
    'auth-none': scripted(GREETING, b'250-a\r\n250 SIZE\r\n', BYE, options=('--tls=never', '--user=ann', '--password-env=PW'), status=28,
                          finding='auth-none-usable'),
    'mail-530': scripted(GREETING, EHLO, b'530 5.7.0 Authentication required\r\n', BYE, options=('--quit-after=MAIL',), status=23,
                         finding='auth-required', stage='mail'),
    'mail-530-tls': scripted(GREETING, EHLO, b'530 5.7.0 Must issue a STARTTLS command first\r\n', BYE, options=('--quit-after=MAIL',), status=23,
                             finding='tls-required'),
    'mail-550': scripted(GREETING, EHLO, b'550 5.1.8 no\r\n', BYE, options=('--quit-after=MAIL',), status=23, finding='mail-refused'),
    'rcpt-550': scripted(GREETING, EHLO, b'250 ok\r\n', b'550 5.1.1 nobody\r\n', BYE,
                         options=('--quit-after=RCPT', '--to=bob@example.net'), status=24, finding='recipient-refused', stage='rcpt'),
    'rcpt-relay': scripted(GREETING, EHLO, b'250 ok\r\n', b'554 5.7.1 Relay access denied\r\n', BYE,
                           options=('--quit-after=RCPT', '--to=bob@example.net'), status=24, finding='relay-denied'),
    'rcpt-450': scripted(GREETING, EHLO, b'250 ok\r\n', b'450 4.2.2 mailbox full\r\n', BYE,
                         options=('--quit-after=RCPT', '--to=bob@example.net'), status=24, finding='recipient-deferred', stage='rcpt'),
    'rcpt-grey': scripted(GREETING, EHLO, b'250 ok\r\n', b'451 4.7.1 Greylisting in action, please come back later\r\n', BYE,
                          options=('--quit-after=RCPT', '--to=bob@example.net'), status=24, finding='greylisted'),
    'no-plugin': scripted(GREETING, EHLO, BYE, options=('--tls=starttls', '--transport=nosuch'), status=10, finding='plugin-missing', stage='load'),
}


def check_failure(name, server, options, status, finding, stage):
    run, document = probe(server, *options, env={'PW': 'tanstaaf'})
    assert run.status == status, (name, run.status, document['error'])
    assert findings(document).get(finding) == 'error', (name, findings(document), document['error'])
    assert document['verdict'] == 'failed' and document['error']['text'], name
    assert stage is None or document['failed_stage'] == stage, (name, document['failed_stage'])
    run = tool('probe', *options, server, env={'PW': 'tanstaaf'})
    first = run.text.split('\n')[0]
    assert run.status == status and first.endswith(f'(exit {status})') and ' FAILED at ' in first, (name, first)
    assert f'[{finding}]' in run.errors, (name, run.errors)


def test_failures():
    assert len(FAILURES) >= 25
    for name, (factory, options, status, finding, stage) in FAILURES.items():
        if factory is None:
            check_failure(name, f'127.0.0.1:{closed_port()}', options, status, finding, stage)
        elif isinstance(factory, str):
            check_failure(name, factory, options, status, finding, stage)
        else:
            with factory() as server:
                check_failure(name, server.server, options, status, finding, stage)


def test_mode_mismatch_is_quick():
    need_certs()
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        began = time.monotonic()
        run, document = probe(server.server, '--tls=starttls')
        assert time.monotonic() - began < 3 and run.status == 43, (time.monotonic() - began, run.status)
        finding, = [row for row in document['findings'] if row['id'] == 'tls-mode-mismatch']
        assert finding['next'] == f'smtp-tool probe --tls=implicit {server.server}'
        assert document['stages'][-1]['name'] == 'banner' and document['stages'][-1]['bytes_in'] == 0
    with Script(GREETING, EHLO, BYE) as server:
        began = time.monotonic()
        run, document = probe(server.server, '--tls=implicit')
        assert time.monotonic() - began < 3 and run.status == 43
        finding, = [row for row in document['findings'] if row['id'] == 'tls-mode-mismatch']
        assert finding['next'] == f'smtp-tool probe --tls=starttls {server.server}'


# ---- warnings ----

def warned(name, *steps, options=()):
    with Script(*steps) as server:
        run, document = probe(server.server, *options)
        assert run.status == 0 and findings(document).get(name) in ('warn', 'note', 'error'), (name, run.status, findings(document))
        return document


def test_warnings():
    warned('no-tls', GREETING, EHLO, BYE)
    warned('tls-off', GREETING, EHLO, BYE, options=('--tls=never',))
    warned('helo-only', GREETING, b'502 what\r\n', b'250 mx\r\n', BYE)
    document = warned('extensions-hidden', GREETING, b'250-a\r\n250-XXXXXXXA\r\n250 SIZE 1\r\n', BYE)
    assert 'XXXXXXXA' in [row for row in document['findings'] if row['id'] == 'extensions-hidden'][0]['text']
    warned('no-pipelining', GREETING, b'250-a\r\n250 SIZE 1\r\n', BYE)
    warned('no-eightbit', GREETING, b'250-a\r\n250 SIZE 1\r\n', BYE)
    warned('auth-not-offered', GREETING, b'250-a\r\n250 SIZE 1\r\n', BYE)
    warned('auth-historic-only', GREETING, EHLO, BYE)
    warned('auth-in-clear', GREETING, EHLO, BYE)
    late = lambda stream: (stream.readline(), time.sleep(0.042), stream.write(EHLO), stream.flush())  # noqa: E731
    for _ in range(20):  # on a busy machine more than the 40 ms may pass, or connecting takes long: then it is not found, rightly
        with Script(GREETING, late, BYE) as server:
            document = probe(server.server)[1]
        rows = [row for row in document['findings'] if row['id'] == 'delayed-ack']
        if rows:
            break
    assert rows and re.fullmatch(r'EHLO took 4\d ms, connecting \d\.\d ms', rows[0]['text']), rows
    warned('greeting-slow', lambda stream: (time.sleep(2.3), stream.write(GREETING), stream.flush()), EHLO, BYE)


# ---- what is to be typed next ----

def starttls(name, greeting=GREETING):
    """A server that offers STARTTLS with a certificate of the zoo."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert(name), cert(name, 'key'))

    class Server(Script):
        def session(self, connection):
            connection.sendall(greeting)
            connection.recv(999)
            connection.sendall(b'250-mx\r\n250 STARTTLS\r\n')
            connection.recv(999)
            connection.sendall(b'220 go\r\n')
            with context.wrap_socket(connection, server_side=True) as secure, secure.makefile('rwb') as stream:
                for reply in (EHLO, BYE):
                    if stream.readline():
                        stream.write(reply)
                        stream.flush()
    return Server()


def row_of(document, name):
    row, = [row for row in document['findings'] if row['id'] == name]
    return row


def typed(row):
    """The command as somebody types it."""
    words = shlex.split(row['next'], comments=True)
    assert words[0] == 'smtp-tool', words
    return tool(*words[1:])


def test_next_command_works_as_it_stands():
    need_certs()
    common = ('--ca-file', cert('root'), '--tls=starttls')
    # The name to use is in the certificate; typed, it goes on.
    with starttls('wrong-host', b'220 www.example.test ESMTP\r\n') as server:
        run, document = probe(server.server, *common, f'--verify-name={HOST}')
        row = row_of(document, 'cert-name-mismatch')
        assert run.status == 40 and row['text'] == f'it is for DNS:www.example.test, and not for {HOST}; the server calls itself www.example.test', row
        assert row['next'].startswith('smtp-tool probe ') and f' www.example.test:{server.port} ' in row['next'], row
    with starttls('wrong-host') as server:
        run, document = probe(server.server, *common, f'--verify-name={HOST}')
        row = row_of(document, 'cert-name-mismatch')
        assert row['text'] == f'it is for DNS:www.example.test, and not for {HOST}' and '--verify-name=www.example.test' in row['next'], row
        run = typed(row)
        assert run.status == 0 and 'READY' in run.text, (row['next'], run.text, run.errors)
    with starttls('cn-only') as server:
        row = row_of(probe(server.server, *common, f'--verify-name={HOST}')[1], 'cert-name-mismatch')
        assert row['text'].startswith(f'it is for no name at all (its subject is CN={HOST}'), row
    with starttls('upper-case') as server:  # by address, and it has names only
        run, document = probe(server.server, *common)
        row = row_of(document, 'cert-no-ip-name')
        run = typed(row)
        assert run.status == 0 and 'READY' in run.text, (row['next'], run.text, run.errors)
    # Whose authorities were asked.
    with starttls('other-root') as server:
        row = row_of(probe(server.server, *common, f'--verify-name={HOST}')[1], 'cert-unknown-issuer')
        assert row['text'] == (f'the path ends at CN=Another root,O=Vereda, which was not sent and is not in {cert("root")} '
                               "(in place of the system's authorities)"), row
        assert '--no-ca-file' in row['next'] and f'--verify-name={HOST}' in row['next'] and '--tls=starttls' in row['next'], row
        run = typed(row)
        assert run.status == 40 and '[cert-unknown-issuer]' in run.errors, run.errors
    # What is wrong with a date is said with the date.
    with starttls('expired') as server:
        row = row_of(probe(server.server, *common, f'--verify-name={HOST}')[1], 'cert-expired')
        assert re.fullmatch(r"the server's own: valid until \d{4}-\d\d-\d\dT[\d:]+Z, \d+ days? ago", row['text']), row
        run = typed(row)
        assert run.status == 40 and '  verdict     expired' in run.text, (row['next'], run.text)
    with starttls('not-yet-valid') as server:
        row = row_of(probe(server.server, *common, f'--verify-name={HOST}')[1], 'cert-not-yet-valid')
        assert re.search(r': valid from \S+, \d+ days? from now$', row['text']), row
    # A user stays the user where it is about logging in.
    with Script(GREETING, EHLO, b'535 5.7.8 no\r\n', BYE) as server:
        options = ('--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW')
        row = row_of(probe(server.server, *options, env={'PW': 'x'})[1], 'auth-failed')
        assert row['next'] == f'smtp-tool auth try --tls=never --user=ann {server.server}', row


def test_as_another_tool():
    common = ('--user=ann', '--password-env=PW', '--auth=PLAIN', '--verify-name=mail.example.test', 'mail.example.org:587')
    lines = {
        'swaks': 'swaks --server mail.example.org --port 587 --tls --tls-verify --tls-sni mail.example.test --auth PLAIN --auth-user ann --quit-after AUTH',
        'curl': 'curl -v --ssl-reqd --connect-to mail.example.test:587:mail.example.org:587 --user ann --login-options AUTH=PLAIN --request NOOP '
                'smtp://mail.example.test:587/',
        'openssl': 'openssl s_client -connect mail.example.org:587 -starttls smtp -verify_hostname mail.example.test -servername mail.example.test '
                   '-verify_return_error < /dev/null',
        'gnutls-cli': 'gnutls-cli --starttls-proto=smtp --verify-hostname=mail.example.test --port=587 mail.example.org < /dev/null',
        'posttls-finger': "posttls-finger -c -C -l verify '[mail.example.org]:587' mail.example.test"}
    for who, line in lines.items():
        run = tool('probe', f'--as={who}', *common, env={'PW': 'tanstaaf'})
        assert run.status == 0 and run.text == line + '\n', (run.text, run.errors)
    assert tool('probe', '--as=openssl', '[::1]:465').text == (
        "openssl s_client -connect '[::1]:465' -verify_ip ::1 -verify_return_error < /dev/null\n")
    assert tool('probe', '--as=swaks', '--tls=never', '-4', "--ehlo=a.example", '--quit-after=RCPT', "--to=o'neil@example.org", 'h').text == (
        "swaks --server h --port 25 -4 --ehlo a.example --to 'o'\\''neil@example.org' --quit-after RCPT\n")
    for args in (('--as=nosuch', 'h'), ('--as=openssl', '--tls=never', 'h'), ('--as=curl', 'lmtp://h:24'), ('--as=swaks', 'unix:/x'), ('--as=swaks', 'mx:h.example')):
        run = tool('probe', *args)
        assert run.status == 1 and run.out == b'' and '--as' in run.errors, (args, run.errors)


# ---- where it stops ----

POINTS = {'CONNECT': [], 'BANNER': [], 'FIRST-EHLO': ['EHLO'], 'EHLO': ['EHLO'], 'AUTH': ['EHLO', 'AUTH'], 'MAIL': ['EHLO', 'AUTH', 'MAIL'],
          'RCPT': ['EHLO', 'AUTH', 'MAIL', 'RCPT', 'RCPT']}


def test_stops():
    options = ('--tls=never', '--allow-cleartext-auth', '--user=ann', '--password-env=PW', '--auth=PLAIN', '--to=bob@example.net,eve@example.net')
    for word, commands in POINTS.items():
        for how in ('quit', 'drop'):
            replies = [EHLO if verb == 'EHLO' else b'235 ok\r\n' if verb == 'AUTH' else b'250 ok\r\n' for verb in commands]
            rest = [BYE]
            with Script(GREETING, *replies, *rest) as server:
                run, document = probe(server.server, f'--{how}-after={word.lower()}', *options, env={'PW': 'tanstaaf'})
                assert run.status == 0, (word, how, document['error'])
            said = verbs(server.heard)
            wanted = commands + (['QUIT'] if how == 'quit' and word != 'CONNECT' else [])
            assert said == wanted, (word, how, said, wanted)


# ---- expectations ----

def test_expect():
    with Script(GREETING, EHLO, BYE) as server:
        def status(*args):
            return tool('probe', '--print=s', *args, server.server).status
        holds = ('verdict=ready', 'ehlo.before_tls.SIZE', 'ehlo.before_tls.SIZE.value=1000', 'ehlo.before_tls.SIZE.value>=1000', '!ehlo.after_tls',
                 'ehlo.before_tls.auth.args~login', '!tls', 'stages.banner.reply.code=220', 'auth.order.PLAIN.offered', 'findings.no-tls',
                 '!findings.cert-expired', 'stages.tcp.ms<9999', 'auth.offered.LOGIN', 'stages.banner.reply.lines.0 ~ ESMTP', 'verdict!=failed')
        for expression in holds:
            assert status(f'--expect={expression}') == 0, expression
        fails = ('verdict=failed', 'ehlo.before_tls.STARTTLS', '!ehlo.before_tls.SIZE', 'tls.version=TLSv1.3', 'ehlo.before_tls.SIZE.value>1000',
                 '!findings.no-tls', 'stages.tcp.ms>9999', 'nothing', 'auth.order.PLAIN.usable')
        for expression in fails:
            assert status(f'--expect={expression}') == 44, expression
        assert status('--expect=verdict=ready', '--expect=verdict=failed') == 44
        assert status('--expect=') == 1 and status('--expect=.a') == 1 and status('--expect=!a=b') == 1
        assert status('--fail-on=warn') == 44 and status('--fail-on=error') == 0 and status('--fail-on=nothing') == 1
        run, document = probe(server.server, '--expect=verdict=failed')
        assert document['unmet'] == ['--expect=verdict=failed: found ready'] and document['exit'] == {'code': 44, 'name': 'expect', 'retryable': False}
        assert status('--fail-on=error', '--exit-style=sysexits') == 0 and status('--expect=nothing', '--exit-style=sysexits') == 69


def test_usage():
    for args in (('probe',), ('probe', 'a', 'b'), ('probe', '--server=a', 'b'), ('probe', '--quit-after=NEVER', 'a'), ('probe', '--cert-days=7,21', 'a'),
                 ('probe', '--print=xyz', 'a'), ('probe', '--body=x', 'a'), ('tls',), ('probe', '--quit-after=RCPT', '127.0.0.1:9'),
                 ('probe', 'host:notaport'), ('compare', '--transports=openssl', '127.0.0.1:9')):
        run = tool(*args)
        assert run.status == 1 and run.out == b'' and run.errors.startswith('smtp-tool: '), (args, run.status, run.text, run.errors)
    run = tool('probe', '--format=json')
    assert run.status == 1 and validate(run)['schema'] == 'smtp-tool/error/1'
    assert tool('probe', '--help').status == 0 and tool('help', 'probe').text.startswith('Usage: smtp-tool probe ')
    assert tool('probe', '--version').text.startswith('smtp-tool (Vereda) ')


# ---- the same however it was cut, and nothing that a terminal obeys ----

def cut_at(octets, place):
    def say(stream):
        stream.readline()
        stream.write(octets[:place])
        stream.flush()
        time.sleep(0.004)
        stream.write(octets[place:])
        stream.flush()
    return say


def test_cut_at_every_octet():
    reply = b'250-mx.example.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n'
    seen = None
    for place in range(1, len(reply)):
        with Script(GREETING, cut_at(reply, place), BYE) as server:
            document = timeless(probe(server.server)[1])
            document['findings'] = [row for row in document['findings'] if row['id'] != 'delayed-ack']  # on a busy machine
            text = str(document).replace(server.server, 'SERVER').replace(str(server.port), 'PORT')
        assert seen is None or text == seen, place
        seen = text


HOSTILE = b'\x1b]0;owned\x07 \x1b[31m a\x00b \x9b31m \xff\xfe \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8'


def is_clean(octets):
    text = octets.decode('utf-8')
    return not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]', text)


def test_nothing_for_the_terminal_to_obey():
    greeting = b'220 ' + HOSTILE + b'\r\n'
    ehlo = b'250-' + HOSTILE + b'\r\n250-' + HOSTILE + b'\r\n250-AUTH PLAIN ' + HOSTILE + b'\r\n250 SIZE ' + HOSTILE + b'\r\n'
    refusal = b'535 5.7.8 ' + HOSTILE + b'\r\n'
    options = ('--tls=never', '--allow-cleartext-auth', '--user=ann', '--password-env=PW')
    for command in (('probe',), ('probe', '-v'), ('probe', '--format=json'), ('auth', 'list'), ('auth', 'try'), ('check',), ('check', '--format=prometheus'),
                    ('check', '--format=json'), ('tls',), ('probe', '--expect=stages.banner.reply.lines.0=x')):
        with Script(greeting, ehlo, refusal, BYE, BYE) as server:
            run = tool(*command, *(options if command != ('tls',) else ()), server.server, env={'PW': 'tanstaaf'})
            assert is_clean(run.out) and is_clean(run.err), (command, run.out, run.err)
            assert run.out or run.err
            if '--format=json' in command and 'probe' in command:
                validate(run)
    for greeting in (b'554 ' + HOSTILE + b'\r\n', HOSTILE + b'\r\n', b'220-' + HOSTILE + b'\r\n220 \x1b[2J\r\n'):
        with Script(greeting, b'550 ' + HOSTILE + b'\r\n', BYE) as server:
            for form in ('human', 'json'):
                run = tool('probe', '-v', f'--format={form}', server.server)
                assert run.status != 0 and is_clean(run.out) and is_clean(run.err), (greeting, run.out, run.err)


# ---- secrets ----

PASSWORD = 'tanstaaf-Zephyr-7731'


def forms(secret):
    octets = secret.encode()
    yield octets
    yield octets.hex().encode()
    for shift in range(3):  # base64 at each alignment, without the ends that neighbours share
        yield base64.b64encode(b'x' * shift + octets)[(0, 2, 3)[shift]:][:(len(octets) - 3) * 4 // 3]


def test_no_secret_anywhere():
    with Folder() as folder:
        password = folder.file('password', PASSWORD + '\n')
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN,CRAM-MD5,SCRAM-SHA-256', '--user=ann', f'--password-file={password}') as sink:
            for right in (True, False):
                secret = PASSWORD if right else PASSWORD[::-1]
                given = password if right else folder.file('wrong', secret + '\n')
                common = ('-v', '--ipv4', '--ca-file', sink.ca, '--user=ann', f'--password-file={given}', '--max-tries=9')
                for command in (('probe',), ('probe', '--format=json'), ('auth', 'try'), ('auth', 'try', '--format=json'), ('auth', 'list'), ('tls',),
                                ('compare',), ('compare', '--auth=PLAIN,LOGIN'), ('compare', '--format=json'), ('check',), ('check', '--format=json'),
                                ('check', '--format=prometheus'), ('probe', '--quit-after=RCPT', '--to=b@example.org')):
                    args = common if command[:2] == ('auth', 'try') else common[:-1]
                    for mechanisms in ((), ('--auth=PLAIN',), ('--auth=LOGIN',)) if command[0] == 'probe' else ((),):
                        run = tool(*command, *args, *mechanisms, sink.server)
                        assert run.status in (0, 2, 24, 28, 45), (command, run.status, run.errors)
                        for form in forms(secret):
                            assert form not in run.out and form not in run.err, (command, form)



if __name__ == '__main__':
    run_tests(globals())
