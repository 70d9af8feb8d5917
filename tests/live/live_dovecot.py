# SPDX-License-Identifier: MIT
"""live_dovecot.py: smtp-tool against Dovecot's submission service (OpenSSL), which does SCRAM-SHA-256, SCRAM-SHA-1, PLAIN and LOGIN by
itself and hands the message on to a server behind it; here smtp-tool sink, which keeps it.

Checked is what arrived behind Dovecot, octet for octet, and the mechanism in Dovecot's own log.
"""
import os
import pwd
import shutil
import sys
import tempfile

from live_kit import CERTS, DOMAIN, PASSWORD, USER, Server, Skip, main, need_root, tool, unpacked
from tool_kit import Sink

MODULES = b'/usr/lib/dovecot/modules'  # where Dovecot's library looks for its TLS, and no setting says otherwise

MAIL_UID = 64991  # as Accounts has them: nobody's

CONFIG = '''\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = live
libexec_dir = {programs}/usr/lib/dovecot
login_plugin_dir = {modules}/login
mail_plugin_dir = {modules}
import_environment = LD_LIBRARY_PATH
log_path = {folder}/log
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody
protocols = submission
listen = 127.0.0.1
hostname = dovecot.{domain}

ssl = yes
ssl_cert = <{folder}/good.pem
ssl_key = <{folder}/good.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes

auth_mechanisms = plain login scram-sha-1 scram-sha-256
auth_failure_delay = 0 secs
auth_cache_size = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/home
}}
first_valid_uid = {uid}
mail_location = maildir:~/mail

submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = no
submission_max_mail_size = 30M

service submission-login {{
  chroot =
  client_limit = 100
  inet_listener submission {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener submissions {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
'''


class Dovecot(Server):
    name = 'dovecot'
    mechanisms = ('SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN')

    def start(self):
        need_root()
        programs = os.path.realpath(unpacked('.'))
        dovecot, config_reader = unpacked('usr/sbin/dovecot'), unpacked('usr/bin/doveconf')
        # Dovecot asks for its accounts with an environment that it has cleared, so that none can be made up for it: it gets two that
        # every machine has.
        uid = MAIL_UID
        libraries, modules = self.copy_library(programs)
        self.behind = Sink().__enter__()
        self.copy_certificate()
        for name, owner in (('run', 0), ('state', 0), ('home', uid)):
            os.mkdir(os.path.join(self.folder, name), 0o755)
            os.chown(os.path.join(self.folder, name), owner, owner)
        users = self.write('users', f'{USER}:{{PLAIN}}{PASSWORD}\n')
        os.chown(users, pwd.getpwnam('daemon').pw_uid, -1)
        os.chmod(users, 0o400)
        config = self.write('conf', CONFIG.format(folder=self.folder, programs=programs, modules=modules, domain=DOMAIN, uid=uid, port=self.port,
                                                  tls_port=self.tls_port, relay=self.behind.port))
        # The reader of the configuration starts the server, which would look for its reader in /usr/bin.
        self.run([config_reader, '-f', 'service=master', '-c', config, '-m', 'master', '-e', dovecot, '-F', '-c', config],
                 {'DOVECOT_PRESERVE_ENVS': 'LD_LIBRARY_PATH', 'LD_LIBRARY_PATH': f'{libraries}:{programs}/usr/lib/dovecot:{modules}/old-stats'})

    def copy_library(self, programs):
        """Dovecot's library, with the folder of its modules changed to one of ours; the folder of the copy, and that of the modules."""
        self.short = tempfile.mkdtemp(prefix='vd-')
        os.chmod(self.short, 0o755)
        modules = os.path.join(self.short, 'm')
        if len(modules) > len(MODULES):
            raise Skip(f'{modules} is too long a name to stand in place of {MODULES.decode()}')
        os.symlink(os.path.join(programs, 'usr/lib/dovecot/modules'), modules)
        name = 'libdovecot.so.0'
        with open(unpacked(f'usr/lib/dovecot/{name}'), 'rb') as file:
            octets = file.read()
        if octets.count(MODULES + b'\0') != 1:
            raise Skip(f'{name} is not as expected')
        with open(os.path.join(self.short, name), 'wb') as file:
            file.write(octets.replace(MODULES, modules.encode().ljust(len(MODULES), b'\0')))
        return self.short, modules

    def stop(self):
        super().stop()
        if hasattr(self, 'behind'):
            self.behind.__exit__()
            del self.behind
        if hasattr(self, 'short'):
            shutil.rmtree(self.short, ignore_errors=True)

    def logins(self):
        return self.log().count('submission-login: Info: Login: ')


FIELDS = (b'Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <live.1@example.test>\r\nFrom: Ann <ann@example.test>\r\n'
          b'To: bob@example.test\r\nSubject: live\r\n')
MESSAGE = FIELDS + b'\r\n.\r\n..\r\n.a\r\n' + b'0123456789abcdef' * 40 + b'\r\n.' + b'x' * 900 + b'\r\nend\r\n'


class Suite:
    def __init__(self, server):
        self.server = server
        self.right = server.write('client-password', PASSWORD + '\n')
        self.wrong = server.write('client-wrong', PASSWORD + 'x\n')
        self.message = os.path.join(server.folder, 'm.eml')
        with open(self.message, 'wb') as out:
            out.write(MESSAGE)

    def send(self, mode, library, password, *options):
        port = self.server.tls_port if mode == 'implicit' else self.server.port
        done = tool('send', f'--server=127.0.0.1:{port}', f'--tls={mode}', f'--transport={library}', f'--ca-file={CERTS}/root.pem',
                    '--format=json', f'--from=ann@{DOMAIN}', f'--to=bob@{DOMAIN}', '--timeout=30', f'--user={USER}',
                    f'--password-file={password}', *options, self.message)
        assert PASSWORD not in done.text + done.errors
        return done, done.json()['messages'][0]

    def right_password(self, mode, library, mechanism, *options):
        before = len(self.server.behind.messages())
        done, message = self.send(mode, library, self.right, *options)
        assert done.status == 0 and message['verdict'] == 'sent', message
        arrived = self.server.behind.messages()
        assert len(arrived) == before + 1, 'nothing arrived behind Dovecot'
        assert arrived[-1].endswith(MESSAGE), arrived[-1]
        login = self.server.wait_for_log(r'submission-login: Info: Login: .*')
        assert f'user=<{USER}>, method={mechanism},' in login and 'TLS' in login, login

    def wrong_password(self, mode, library, mechanism):
        before, logins = len(self.server.behind.messages()), self.server.logins()
        done, message = self.send(mode, library, self.wrong, f'--auth={mechanism}')
        assert done.status == 28 and message['error']['code'] == 'auth', message
        assert message['reply']['code'] == 535, message
        assert len(self.server.behind.messages()) == before and self.server.logins() == logins

    def collect(self):
        tests = []
        for mode in ('starttls', 'implicit'):
            for library in ('openssl', 'gnutls'):
                way = f'dovecot/{mode}/{library}'
                tests.append((f'{way}/strongest-first', lambda m=mode, l=library: self.right_password(m, l, Dovecot.mechanisms[0])))
                for name in Dovecot.mechanisms:
                    tests.append((f'{way}/{name}', lambda m=mode, l=library, n=name: self.right_password(m, l, n, f'--auth={n}')))
                    tests.append((f'{way}/wrong-password/{name}', lambda m=mode, l=library, n=name: self.wrong_password(m, l, n)))
        return tests


if __name__ == '__main__':
    sys.exit(main(Dovecot, Suite))
