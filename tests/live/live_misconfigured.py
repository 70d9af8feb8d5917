# SPDX-License-Identifier: MIT
"""live_misconfigured.py [NAME...] [show]: real servers on which one thing is set up wrong, as happens; what one types by docs/guide/diagnosing.md, and what
it says.  Each row is a symptom that somebody brings, the mistake behind it, and the finding that names it."""
import dataclasses
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from live_dovecot import Dovecot
from live_exim import Exim
from live_kit import CERTS, DOMAIN, PASSWORD, USER, Skip, emit, tool
from live_postfix import Postfix
from probe_kit import HOST, findings, probe


@dataclasses.dataclass
class Mistake:
    """settings: lines that go behind the server's own configuration, or (from, to) in it; cert: of the zoo."""
    name: str
    server: type
    settings: object
    options: tuple
    status: int
    finding: str
    says: str = ''  # in the report for people
    cert: str = 'good'
    mode: str = 'starttls'


TRUST = (f'--ca-file={CERTS}/root.pem',)
LOGIN = (*TRUST, f'--user={USER}')
RCPT = (*TRUST, '--quit-after=RCPT', '--from=ana@example.org')

MISTAKES = [
    # Postfix
    Mistake('postfix/key-of-another-certificate', Postfix, 'smtpd_tls_chain_files = {folder}/elsewhere.key, {folder}/good.pem', TRUST, 29, 'starttls-refused', '454'),
    Mistake('postfix/tls-switched-off', Postfix, 'smtpd_tls_security_level = none', TRUST, 29, 'starttls-not-offered'),
    Mistake('postfix/old-tls-only', Postfix, 'smtpd_tls_protocols = TLSv1', TRUST, 29, 'tls-handshake-failed'),
    Mistake('postfix/saslauthd-is-down', Postfix, ('conf/sasl/smtpd.conf', 'pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n'), LOGIN, 28, 'auth-temporary'),
    Mistake('postfix/not-a-relay', Postfix, 'mynetworks =', (*RCPT, '--to=carlos@example.net'), 24, 'relay-denied'),
    Mistake('postfix/blocks-its-clients', Postfix, 'smtpd_delay_reject = no\nsmtpd_client_restrictions = reject', TRUST, 21, 'greeting-refused'),
    Mistake('postfix/counts-connections', Postfix, 'smtpd_client_connection_rate_limit = 1\nsmtpd_client_event_limit_exceptions =', TRUST, 21, 'rate-limited'),
    Mistake('postfix/service-dies', Postfix, 'smtpd_recipient_restrictions =\nsmtpd_relay_restrictions =', (*TRUST, '--timeout=3'), 2, 'no-greeting'),
    Mistake('postfix/table-is-gone', Postfix, 'virtual_mailbox_maps = hash:{folder}/conf/nosuch', (*RCPT, f'--to=box1@{DOMAIN}'), 24, 'recipient-deferred'),
    Mistake('postfix/slow-to-greet', Postfix, 'smtpd_delay_reject = no\nsmtpd_client_restrictions = sleep 3', TRUST, 0, 'greeting-slow'),
    Mistake('postfix/helo-must-be-qualified', Postfix, 'smtpd_helo_required = yes\nsmtpd_delay_reject = no\nsmtpd_helo_restrictions = reject_non_fqdn_helo_hostname',
            (*TRUST, '--ehlo=laptop'), 22, 'ehlo-refused'),
    # Exim
    Mistake('exim/expired', Exim, '', TRUST, 40, 'cert-expired', cert='expired'),
    Mistake('exim/no-intermediate', Exim, '', TRUST, 40, 'cert-unknown-issuer', cert='missing-intermediate'),
    Mistake('exim/certificate-unreadable', Exim, ('conf', ('tls_certificate = ', 'tls_certificate = /nonexistent')), TRUST, 29, 'starttls-refused'),
    Mistake('exim/not-a-relay', Exim, '', (*RCPT, '--to=carlos@example.net'), 24, 'relay-denied'),
    Mistake('exim/refuses-hosts', Exim, ('conf', ('host_lookup =', 'host_reject_connection = 127.0.0.0/8\nhost_lookup =')), TRUST, 21, 'greeting-refused'),
    Mistake('exim/too-many', Exim, ('conf', ('host_lookup =', 'smtp_accept_max = 1\nsmtp_accept_reserve = 1\nsmtp_reserve_hosts = 192.0.2.1\nhost_lookup =')), TRUST, 21, 'rate-limited'),
    Mistake('exim/grey-list', Exim, ('conf', ('rcpt:\n', 'rcpt:\n  defer message = greylisted, try again later\n')), (*RCPT, f'--to=box1@{DOMAIN}'), 24, 'greylisted'),
    Mistake('exim/password-in-clear', Exim, '', (f'--user={USER}', '--auth=PLAIN'), 41, 'policy', mode='never'),
    # Dovecot
    Mistake('dovecot/another-name', Dovecot, '', TRUST, 40, 'cert-name-mismatch', cert='wrong-host'),
    Mistake('dovecot/no-tls', Dovecot, ('conf', ('ssl = yes', 'ssl = no')), TRUST, 29, 'starttls-not-offered'),
    Mistake('dovecot/password-file-gone', Dovecot, ('conf', ('username_format=%u ', 'username_format=%u /nonexistent')), LOGIN, 28, 'auth-temporary'),
    Mistake('dovecot/wrong-password', Dovecot, '', (*TRUST, '--user=nobody'), 28, 'auth-failed'),
    Mistake('dovecot/server-behind-is-down', Dovecot, ('conf', ('submission_relay_port = ', 'submission_relay_port = 1\n#')), (*LOGIN, '--quit-after=RCPT', f'--to=box1@{DOMAIN}'), 6, 'closed-early', 'Failed to connect to relay server'),
]


STARTING = threading.Lock()  # a port is free until the server has it: one at a time


def set_up(mistake):
    """The server of a mistake, made wrong while it writes its configuration."""
    class Wrong(mistake.server):
        def __enter__(self):
            with STARTING:
                return super().__enter__()

        def write(self, name, text):
            settings = mistake.settings
            if isinstance(settings, str) and settings and name == 'conf/main.cf':
                text += settings.format(folder=self.folder) + '\n'
            elif isinstance(settings, tuple) and settings[0] == name:
                if isinstance(settings[1], str):
                    text = settings[1]
                else:
                    assert settings[1][0] in text, (mistake.name, settings[1][0])
                    text = text.replace(*settings[1], 1)
            return super().write(name, text)

        def copy_certificate(self, owner=0):
            super().copy_certificate(owner)
            for suffix in ('pem', 'key'):
                path = os.path.join(self.folder, 'good.' + suffix)
                os.chmod(path, 0o600)
                shutil.copyfile(os.path.join(CERTS, f'{mistake.cert}.{suffix}'), path)
                os.chmod(path, 0o400)
            shutil.copyfile(os.path.join(CERTS, 'wrong-host.key'), os.path.join(self.folder, 'elsewhere.key'))

        def wait_for_port(self, port):
            if port == self.port:  # of TLS at once there may be none
                super().wait_for_port(port)
    return Wrong()


def command(mistake, server):
    extra = [f'--password-file={server.write("client-password", PASSWORD + chr(10))}'] if any('--user' in one for one in mistake.options) else []
    name = () if mistake.cert == 'good' else (f'--verify-name={HOST}',)
    return [f'localhost:{server.port}', '--ipv4', f'--tls={mistake.mode}', *mistake.options, *name, *extra]


def check(mistake, show=False):
    with set_up(mistake) as server:
        line = command(mistake, server)
        if show:
            run = tool('probe', *line)
            print(f'==== {mistake.name}: {run.status}\n{run.text}{run.errors}')
            return
        run, document = probe(line[0], *line[1:])
        assert run.status == mistake.status, (run.status, document['error'], findings(document), server.log()[-1500:])
        assert mistake.finding in findings(document), (findings(document), document['error'], server.log()[-1500:])
        human = tool('probe', *line)
        assert mistake.finding in human.text + human.errors and mistake.says in human.text, human.text


def main():
    wanted = [word for word in sys.argv[1:] if word != 'show']
    rows = [row for row in MISTAKES if not wanted or any(word in row.name for word in wanted)]
    if 'show' in sys.argv[1:]:
        for row in rows:
            check(row, True)
        return 0
    with ThreadPoolExecutor(4) as pool:  # most of the time each waits for its server to start
        runs = {row.name: pool.submit(check, row) for row in rows}
        return emit([(name, run.result) for name, run in runs.items()])


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Skip as reason:
        print(f'1..0 # SKIP {reason}')
