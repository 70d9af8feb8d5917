# SPDX-License-Identifier: MIT
"""live_dovecot_oauth.py: bearer tokens against Dovecot's submission service, whose oauth2 passdb asks a server of ours about each token
(RFC 7662), over either TLS library; tokens that are good, expired, unknown and long.

The sender is token-send, beside this file: the library's answers to "a fresh token, please" are what this is about.
"""
import http.server
import json
import os
import subprocess
import sys
import threading

import live_dovecot
from live_dovecot import MESSAGE, Dovecot
from live_kit import CERTS, DOMAIN, PATIENCE, USER, main

PROGRAM = sys.argv[1]
GOOD, OLD, STRANGE = 'good-token.A-z0_9~+/==', 'old-token', 'nobody-gave-this-out'
LONG = {size: 'L' * size for size in (400, 1500, 5000)}  # Dovecot reads lines of up to 8 kB

PASSDB = '''\
auth_mechanisms = oauthbearer xoauth2
auth_failure_delay = 0 secs
auth_cache_size = 0
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {folder}/oauth2.conf
}}
'''

OAUTH2 = '''\
introspection_mode = auth
introspection_url = http://127.0.0.1:%d/introspect
username_attribute = user
active_attribute = active
active_value = yes
rawlog_dir =
'''


class Issuer(http.server.BaseHTTPRequestHandler):
    """What the issuer of the tokens knows."""

    def do_GET(self):
        token = self.headers.get('Authorization', '').removeprefix('Bearer ')
        self.server.asked.append(token)
        good = token == GOOD or token in LONG.values()
        answer = {'active': 'yes', 'user': USER} if good else {'active': 'no'} if token == OLD else {'error': 'invalid_token'}
        body = json.dumps(answer).encode()
        self.send_response(401 if token == STRANGE else 200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class DovecotOauth(Dovecot):
    name = 'dovecot-oauth'

    def start(self):
        self.issuer = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Issuer)
        self.issuer.asked = []
        self.thread = threading.Thread(target=self.issuer.serve_forever, daemon=True)
        self.thread.start()
        os.chmod(self.write('oauth2.conf', OAUTH2 % self.issuer.server_address[1]), 0o644)
        config = live_dovecot.CONFIG
        begin, end = config.index('auth_mechanisms ='), config.index('userdb {{')
        live_dovecot.CONFIG = config[:begin] + PASSDB + config[end:]
        try:
            super().start()
        finally:
            live_dovecot.CONFIG = config

    def stop(self):
        super().stop()
        if hasattr(self, 'issuer'):
            self.issuer.shutdown()
            self.issuer.server_close()
            self.thread.join()
            del self.issuer


class Suite:
    def __init__(self, server):
        self.server = server
        self.message = os.path.join(server.folder, 'm.eml')
        with open(self.message, 'wb') as out:
            out.write(MESSAGE)

    def send(self, mode, library, tokens, *options):
        """The facts that token-send printed, as (what, the rest)."""
        port = self.server.tls_port if mode == 'implicit' else self.server.port
        del self.server.issuer.asked[:]
        done = subprocess.run([PROGRAM, self.message, f'servers=127.0.0.1:{port}', f'tls={mode}', f'transport={library}',
                               f'ca-file={CERTS}/root.pem', f'originator=ann@{DOMAIN}', f'recipients=bob@{DOMAIN}', f'username={USER}',
                               'deadline=30', *options], input=''.join(token + '\n' for token in tokens).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        text = done.stdout.decode()
        assert done.returncode == 0, text
        assert not any(token in text for token in tokens if token), 'a token was printed'
        return [tuple(line.split(' ', 1)) for line in text.splitlines()]

    @staticmethod
    def of(facts, what):
        return [rest for name, rest in facts if name == what]

    def arrives(self, mode, library, mechanism, tokens, reasons, *options):
        before = len(self.server.behind.messages())
        facts = self.send(mode, library, tokens, *options)
        assert self.of(facts, 'verdict') == ['1'], facts
        assert self.of(facts, 'asked') == reasons, facts
        assert self.server.issuer.asked == tokens, self.server.issuer.asked
        arrived = self.server.behind.messages()
        assert len(arrived) == before + 1 and arrived[-1].endswith(MESSAGE), 'nothing arrived behind Dovecot'
        login = self.server.wait_for_log(r'submission-login: Info: Login: .*')
        assert f'user=<{USER}>, method={mechanism},' in login and 'TLS' in login, login

    def refused(self, mode, library, tokens, reasons, *options):
        """One refusal for each token, whatever the number of mechanisms, and the server's reason is told."""
        before = len(self.server.behind.messages())
        facts = self.send(mode, library, tokens, *options)
        assert self.of(facts, 'verdict') == ['0'], facts
        assert self.of(facts, 'asked') == reasons, facts
        given = [token for token in tokens if token]
        assert self.server.issuer.asked == given, self.server.issuer.asked
        assert len(self.of(facts, 'auth')) >= len(given), facts
        assert '535' in self.of(facts, 'error')[0] and 'refused the token' in self.of(facts, 'error')[0], facts
        assert len(self.server.behind.messages()) == before

    def collect(self):
        tests = []

        def add(name, function, *arguments):
            tests.append((f'dovecot-oauth/{name}', lambda: function(*arguments)))

        for mode in ('starttls', 'implicit'):
            for library in ('openssl', 'gnutls'):
                way = f'{mode}/{library}'
                add(f'{way}/strongest-first', self.arrives, mode, library, 'OAUTHBEARER', [GOOD], ['first'])
                for mechanism in ('OAUTHBEARER', 'XOAUTH2'):
                    one = f'auth={mechanism}'
                    add(f'{way}/{mechanism}', self.arrives, mode, library, mechanism, [GOOD], ['first'], one)
                    for size, token in LONG.items():
                        add(f'{way}/{mechanism}/AUT-3-{size}', self.arrives, mode, library, mechanism, [token], ['first'], one)
                    add(f'{way}/{mechanism}/OAU-5-expired', self.arrives, mode, library, mechanism, [OLD, GOOD], ['first', 'expired'], one)
                    add(f'{way}/{mechanism}/OAU-5-once', self.refused, mode, library, [OLD, STRANGE], ['first', 'expired'], one)
                add(f'{way}/OAU-5-not-twice', self.refused, mode, library, [OLD, ''], ['first', 'expired'])
        return tests


if __name__ == '__main__':
    sys.exit(main(DovecotOauth, Suite))
