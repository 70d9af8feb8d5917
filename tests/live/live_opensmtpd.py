# SPDX-License-Identifier: MIT
"""OpenSMTPD, STARTTLS and TLS at once.  Debian 12's 6.8.0p2 cannot sign a handshake with OpenSSL 3 (its issues 1171 and 1239), so that TLS ends
with its alert "internal error": a case for the probe like another.

Its spool, its socket and its empty folder have names that no setting changes, so it runs in a mount namespace of its own, where folders of
this test lie in their places.
"""
import os
import shutil
import subprocess

from live_kit import DOMAIN, PASSWORD, USER, Accounts, Server, Skip, need_root, unpacked

CONFIG = '''\
pki here cert "{folder}/good.pem"
pki here key "{folder}/good.key"
table users file:{folder}/users
listen on 127.0.0.1 port {port} tls pki here auth-optional <users> hostname opensmtpd.{domain}
listen on 127.0.0.1 port {tls_port} smtps pki here auth-optional <users> hostname opensmtpd.{domain}
action "keep" maildir "{folder}/mail"
match from any for domain "{domain}" action "keep"
'''

# The folders that it wants in fixed places; what is there stays there for everybody else.
START = '''\
set -e
mount --bind "$1/spool" /var/spool
mount --bind "$1/lib" /var/lib
mount --bind "$1/run" /run
exec env LD_PRELOAD="$3" "$2" -d -f "$1/conf"
'''


class OpenSmtpd(Server):
    name = 'opensmtpd'
    mechanisms = ('PLAIN', 'LOGIN')
    cleartext_auth = False
    tls_works = False

    def start(self):
        need_root()
        program = unpacked('usr/sbin/smtpd')
        if subprocess.run(['unshare', '-m', 'true'], check=False).returncode != 0:
            raise Skip('no mount namespaces here')
        accounts = Accounts(self.folder, ['opensmtpd', 'opensmtpq'])
        for name, mode in (('spool/smtpd', 0o711), ('lib/opensmtpd/empty', 0o755), ('run', 0o755)):
            os.makedirs(os.path.join(self.folder, name))
            os.chmod(os.path.join(self.folder, name), mode)
        self.copy_certificate()
        hashed = subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=PASSWORD, capture_output=True, text=True, check=True).stdout.strip()
        os.chmod(self.write('users', f'{USER} {hashed}\n'), 0o644)
        self.write('conf', CONFIG.format(folder=self.folder, domain=DOMAIN, port=self.port, tls_port=self.tls_port))
        environment = accounts.environment()
        library = environment.pop('LD_PRELOAD')
        self.run(['unshare', '--mount', '--propagation=private', 'sh', '-c', START, 'sh', self.folder, shutil.copy(program, self.folder), library],
                 environment)
