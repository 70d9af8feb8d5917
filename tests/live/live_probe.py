# SPDX-License-Identifier: MIT
"""live_probe.py SERVER: smtp-tool probe against a real mail server, in both modes and through both TLS libraries.
live_probe.py SERVER show: prints the report of one probe with a password, as the guide has it.
"""
import sys

from live_aiosmtpd import Aiosmtpd
from live_dovecot import Dovecot
from live_exim import Exim
from live_kit import CERTS, PASSWORD, USER, main, tool
from live_opensmtpd import OpenSmtpd
from live_postfix import Postfix
from live_smtp_server import SmtpServer
from probe_kit import BACKENDS, findings, probe

SERVERS = {server.name: server for server in (Postfix, Exim, OpenSmtpd, Dovecot, Aiosmtpd, SmtpServer)}


class Suite:
    def __init__(self, server):
        self.server = server
        self.right = server.write('client-password', PASSWORD + '\n')
        self.wrong = server.write('client-wrong', PASSWORD + 'x\n')
        self.ca = f'--ca-file={CERTS}/root.pem'

    def target(self, mode):
        return f'localhost:{self.server.tls_port if mode == "implicit" else self.server.port}'

    def ready(self, mode, library):
        run, document = probe(self.target(mode), '--ipv4', f'--tls={mode}', f'--transport={library}', self.ca)
        assert run.status == 0 and document['verdict'] == 'ready', (document['error'], self.server.log()[-2000:])
        assert document['tls']['verify']['matched'] == 'DNS:localhost' and document['tls']['version'] == 'TLSv1.3', document['tls']
        offered = {row['mechanism'] for row in document['auth']['order'] if row['offered']}
        assert offered >= set(self.server.mechanisms), offered
        assert bool(document['ehlo']['before_tls']) == (mode == 'starttls')
        if mode == 'starttls' and not self.server.cleartext_auth:
            assert 'AUTH' not in [row['keyword'] for row in document['ehlo']['before_tls']] and 'auth-after-tls' in findings(document)
        assert not [name for name, severity in findings(document).items() if severity == 'error'], findings(document)
        assert all(stage['ok'] for stage in document['stages'])

    def password(self, mode, library, right):
        password = self.right if right else self.wrong
        run, document = probe(self.target(mode), '--ipv4', f'--tls={mode}', f'--transport={library}', self.ca, f'--user={USER}',
                              f'--password-file={password}')
        assert PASSWORD not in run.text + run.errors
        if right:
            assert run.status == 0 and document['auth']['result'] == 'ok', (document['auth'], document['error'])
            assert document['auth']['chosen'] in self.server.mechanisms
        else:
            assert run.status == 28 and document['auth']['result'] != 'ok', (run.status, document['auth'])
            assert {'auth-failed', 'auth-challenge-needs-secret'} & set(findings(document)), findings(document)

    def wrong_mode(self, mode):
        port = self.server.port if mode == 'implicit' else self.server.tls_port
        run, document = probe(f'localhost:{port}', '--ipv4', f'--tls={mode}', self.ca)
        assert run.status == 43 and findings(document).get('tls-mode-mismatch') == 'error', (run.status, document['error'])

    def wrong_name(self, library):
        run, document = probe(self.target('starttls'), '--ipv4', '--tls=starttls', f'--transport={library}', self.ca, '--verify-name=other.example.test')
        assert run.status == 40 and findings(document).get('cert-name-mismatch') == 'error', (run.status, document['error'])

    def in_clear(self):
        run, document = probe(self.target('starttls'), '--ipv4', '--tls=never')
        assert run.status == 0 and document['verdict'] == 'ready' and document['tls'] is None, document['error']
        keywords = {row['keyword'] for row in document['ehlo']['before_tls']}
        assert keywords >= {'8BITMIME', 'ENHANCEDSTATUSCODES', 'SIZE', 'DSN', 'STARTTLS'}, keywords

    def broken_tls(self, mode, library):
        """The server's own TLS does not work: the certificate is seen, and its alert is named."""
        run, document = probe(self.target(mode), '--ipv4', f'--tls={mode}', f'--transport={library}', self.ca)
        assert run.status == 29 and findings(document).get('tls-handshake-failed') == 'error', (run.status, document['error'])
        assert 'internal error' in document['error']['text'].lower() and document['failed_stage'] == 'tls', document['error']

    def collect(self):
        tests = []
        if not self.server.tls_works:
            tests = [(f'{mode}/{library}/tls-broken', lambda m=mode, l=library: self.broken_tls(m, l))
                     for mode in ('starttls', 'implicit') for library in BACKENDS]
            tests += [(f'{mode}/wrong-mode', lambda m=mode: self.wrong_mode(m)) for mode in ('starttls', 'implicit')]
            return [(f'probe/{self.server.name}/{name}', test) for name, test in [*tests, ('in-clear', self.in_clear)]]
        for mode in ('starttls', 'implicit'):
            tests.append((f'{mode}/wrong-mode', lambda m=mode: self.wrong_mode(m)))
            for library in BACKENDS:
                tests.append((f'{mode}/{library}/ready', lambda m=mode, l=library: self.ready(m, l)))
                for right in (True, False):
                    tests.append((f'{mode}/{library}/{"right" if right else "wrong"}-password',
                                  lambda m=mode, l=library, r=right: self.password(m, l, r)))
        for library in BACKENDS:
            tests.append((f'starttls/{library}/wrong-name', lambda l=library: self.wrong_name(l)))
        return [(f'probe/{self.server.name}/{name}', test) for name, test in tests]

    def show(self):
        run = tool('probe', '--ipv4', '--tls=starttls', self.ca, f'--user={USER}', f'--password-file={self.right}', self.target('starttls'))
        print(run.text + run.errors)
        return run.status


if __name__ == '__main__':
    sys.exit(main(SERVERS[sys.argv[1]], Suite, *([Suite.show] if sys.argv[2:] == ['show'] else [])))
