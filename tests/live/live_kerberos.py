# SPDX-License-Identifier: MIT
"""live_kerberos.py: smtp-tool with Kerberos tickets against smtp-tool sink (Cyrus SASL's server side), with MIT's key distribution
centre on loopback.

The realm lives in one temporary folder, with a configuration of its own; the machine's /etc/krb5.conf is not read.
"""
import contextlib
import os
import subprocess
import sys
import time

from live_kit import PATIENCE, PASSWORD, SERVERS, Skip, free_ports, listens, main
from tool_kit import MESSAGE, Folder, Sink, tool

REALM = 'EXAMPLE.TEST'
MECHANISMS = ('GSSAPI', 'GS2-KRB5', 'GSS-SPNEGO')
TRANSPORTS = ('starttls/openssl', 'starttls/gnutls', 'implicit/openssl', 'implicit/gnutls')
PRINCIPAL = 'ann'

CONFIG = '''\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  permitted_enctypes = aes256-cts-hmac-sha1-96
  plugin_base_dir = {folder}
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
  nowhere.example = {realm}
[dbmodules]
  db_module_dir = {modules}
  {realm} = {{
    db_library = db2
  }}
'''

KDC = '''\
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
    max_life = 1h
  }}
[logging]
  kdc = FILE:{folder}/log
'''


def find(path):
    """A file of the KDC: unpacked by tools/setup, or installed on this machine."""
    for root in (SERVERS, '/'):
        whole = os.path.join(root, path)
        if os.path.exists(whole):
            return whole
    raise Skip(f'{path} is missing: run tools/setup test')


def need_plugins():
    """Cyrus' plug-ins for Kerberos, installed for the client and the server."""
    library = f'/usr/lib/{os.uname().machine}-linux-gnu/sasl2'
    if os.path.isdir(library) and not os.path.exists(os.path.join(library, 'libgssapiv2.so')):
        raise Skip('libsasl2-modules-gssapi-mit is not installed')


class Realm:
    """A key distribution centre, the service smtp/localhost, and the user ann."""

    def __enter__(self):
        need_plugins()
        self.programs = {name: find(path) for name, path in (('kdc', 'usr/sbin/krb5kdc'), ('util', 'usr/sbin/kdb5_util'),
                                                             ('admin', 'usr/sbin/kadmin.local'), ('kinit', 'usr/bin/kinit'))}
        modules = find(f'usr/lib/{os.uname().machine}-linux-gnu/krb5/plugins/kdb')
        self.folder = Folder().__enter__()
        self.process = None
        self.port, = free_ports(1)
        values = {'realm': REALM, 'port': self.port, 'folder': self.folder.path, 'modules': modules}
        self.saved = dict(os.environ)
        os.environ.update(KRB5_CONFIG=self.folder.file('krb5.conf', CONFIG.format(**values)),
                          KRB5_KDC_PROFILE=self.folder.file('kdc.conf', KDC.format(**values)),
                          KRB5_KTNAME='FILE:' + self.folder / 'service.keytab', KRB5RCACHENAME='dfl:', KRB5RCACHEDIR=self.folder.path,
                          KRB5CCNAME='FILE:' + self.folder / 'tickets')
        try:
            self.run('util', 'create', '-s', '-P', 'master')
            for principal, keytab in (('ann', 'ann'), ('bob', 'bob'), ('smtp/localhost', 'service'), ('smtp/nowhere.example', 'nowhere')):
                self.run('admin', '-q', f'addprinc -randkey {principal}')
                self.run('admin', '-q', f'ktadd -k {self.folder / keytab}.keytab {principal}')
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        os.environ.clear()
        os.environ.update(self.saved)
        self.folder.__exit__()

    def run(self, name, *arguments):
        done = subprocess.run([self.programs[name], *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 0, f'{name} {arguments}: {done.stdout!r}'

    def start(self):
        with open(self.folder / 'output', 'wb') as out:
            self.process = subprocess.Popen([self.programs['kdc'], '-n'], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        assert listens(self.port, self.process), self.log()

    def log(self):
        text = ''
        for name in ('output', 'log'):
            with contextlib.suppress(FileNotFoundError), open(self.folder / name, encoding='utf-8') as file:
                text += file.read()
        return text

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def tickets(self, principal=PRINCIPAL, life='10m', name='tickets'):
        """A new cache with a ticket-granting ticket and nothing else; its name for KRB5CCNAME."""
        cache = 'FILE:' + self.folder / name
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder / name)
        self.run('kinit', '-k', '-t', self.folder / f'{principal}.keytab', '-l', life, '-c', cache, principal)
        return cache


class Suite:
    def __init__(self, realm):
        self.realm = realm
        self.message = realm.folder.file('m.eml', MESSAGE)
        self.password = realm.folder.file('password', PASSWORD + '\n')
        self.tests = []

    def sink(self, mode, *mechanisms):
        tls = [] if mode == 'plain' else [f'--tls={mode}', '--self-signed']
        # PLAIN beside: sasl_listmech() of Cyrus 2.1.28 writes one octet too far where GS2-KRB5 is all there is.
        offered = ','.join(dict.fromkeys((*mechanisms, 'PLAIN')))
        return Sink(*tls, f'--auth={offered}', f'--user={PRINCIPAL}', f'--password-file={self.password}', '--require-auth',
                    '--hostname=localhost')

    def send(self, sink, transport, *options, server='localhost', env=None):
        mode, _, library = transport.partition('/')
        tls = ['--tls=never'] if mode == 'plain' else [f'--tls={mode}', f'--transport={library}', f'--ca-file={sink.ca}']
        done = tool('send', f'--server={server}', f'--port={sink.port}', *tls, '--format=json', '--from=ann@example.org',
                    '--to=bob@example.net', '--timeout=30', *options, self.message, env=env)
        assert PASSWORD not in done.text + done.errors
        return done, done.json()['messages'][0]

    def user(self):
        return ['--user=ann', f'--password-file={self.password}']

    @staticmethod
    def used(sink):
        return [(entry['auth']['mechanism'], entry['auth']['user'].split('@')[0]) for entry in sink.log()]

    def succeeds(self, transport, mechanism):
        self.realm.tickets()
        with self.sink(transport.split('/')[0], mechanism) as sink:
            done, message = self.send(sink, transport, f'--auth={mechanism}')
            assert done.status == 0 and message['verdict'] == 'sent', done.text
            assert self.used(sink) == [(mechanism, PRINCIPAL)], sink.log()
            assert sink.messages(), 'nothing arrived'

    def strongest_first(self):
        """With a ticket the password is not shown to anybody."""
        self.realm.tickets()
        with self.sink('starttls', 'PLAIN', 'LOGIN', 'GSSAPI', 'SCRAM-SHA-256') as sink:
            done, _ = self.send(sink, 'starttls/openssl', *self.user())
            assert done.status == 0, done.text
            assert self.used(sink) == [('GSSAPI', PRINCIPAL)], sink.log()

    def no_ticket(self):
        """Without one the Kerberos mechanisms cost no attempt, say why, and the next mechanism is taken."""
        with self.sink('starttls', *MECHANISMS, 'PLAIN') as sink:
            done, message = self.send(sink, 'starttls/gnutls', *self.user(),
                                      env={'KRB5CCNAME': 'FILE:' + self.realm.folder / 'none'})
            assert done.status == 0, done.text
            assert self.used(sink) == [('PLAIN', PRINCIPAL)], sink.log()
            for mechanism in MECHANISMS:
                why = [one for one in message['attempts'] if not one['ok'] and one['detail'].startswith(f'mechanism {mechanism}: ')]
                assert len(why) == 1 and 'Cyrus SASL' in why[0]['detail'], message['attempts']

    def fails(self, server='localhost', mechanism='GSSAPI', cache=None, words=(), extra=()):
        with self.sink('plain', mechanism) as sink:
            done, message = self.send(sink, 'plain', f'--auth={mechanism}', *extra, server=server, env={'KRB5CCNAME': cache} if cache else None)
            assert done.status == 28 and message['verdict'] == 'not-sent', done.text
            assert message['error']['code'] == 'auth', message
            assert all(word in message['error']['text'] for word in words), message['error']
            assert not sink.messages()

    def expired(self):
        cache = self.realm.tickets(life='1s', name='short')
        time.sleep(2)
        self.fails(cache=cache, words=('expired',))

    def unknown_service(self):
        """GSS-1, GSS-4: the service is the name that was dialled, and no reverse look-up makes another of it."""
        self.realm.tickets()
        self.fails(server='127.0.0.1', words=('smtp/127.0.0.1',))

    def wrong_key(self):
        """A server that does not have the service's key cannot read the ticket, and proves nothing."""
        self.realm.tickets()
        os.environ['KRB5_KTNAME'] = 'FILE:' + self.realm.folder / 'nowhere.keytab'
        try:
            for mechanism in MECHANISMS:
                self.fails(mechanism=mechanism)
        finally:
            os.environ['KRB5_KTNAME'] = 'FILE:' + self.realm.folder / 'service.keytab'

    def centre_is_gone(self):
        """Without the centre a cached ticket for the service does; a ticket-granting one alone does not."""
        self.realm.tickets()
        self.succeeds_again()
        self.realm.stop()
        try:
            self.succeeds_again()
        finally:
            self.realm.start()
        fresh = self.realm.tickets(name='fresh')
        self.realm.stop()
        try:
            self.fails(cache=fresh)
        finally:
            self.realm.start()

    def succeeds_again(self):
        with self.sink('plain', 'GSSAPI') as sink:
            done, _ = self.send(sink, 'plain', '--auth=GSSAPI')
            assert done.status == 0, done.text

    def acting_for(self, mechanism):
        """GSS-3: the authorization identity travels; this server lets nobody act for another."""
        self.realm.tickets()
        with self.sink('plain', mechanism) as sink:
            done, message = self.send(sink, 'plain', f'--auth={mechanism}', *self.user(), '--authzid=bob')
            assert done.status == 28, done.text
            assert any(one['stage'] == 'auth' and one['reply'] and one['reply']['code'] == 535 for one in message['attempts']), message
        with self.sink('plain', mechanism) as sink:
            done, _ = self.send(sink, 'plain', f'--auth={mechanism}', *self.user(), f'--authzid={PRINCIPAL}')
            assert done.status == 0 and self.used(sink) == [(mechanism, PRINCIPAL)], done.text

    def acting_for_nobody(self):
        """What cannot carry an authorization identity is not used with one: mail would go out as somebody else."""
        self.realm.tickets()
        self.fails(mechanism='GSS-SPNEGO', words=('authorization identity',), extra=['--authzid=bob'])

    def loads_nothing(self):
        """Cyrus SASL is opened where one of its mechanisms would win, and nowhere else."""
        shown = {}
        for offered in ('PLAIN', 'GSSAPI'):
            with self.sink('starttls', offered) as sink:
                output = self.realm.folder / f'loaded-{offered}'
                user = self.user() if offered == 'PLAIN' else ['--auth=GSSAPI']
                self.realm.tickets()
                done, _ = self.send(sink, 'starttls/openssl', *user, env={'LD_DEBUG': 'files', 'LD_DEBUG_OUTPUT': output})
                assert done.status == 0, done.text
            text = ''
            for name in os.listdir(self.realm.folder.path):
                if name.startswith(f'loaded-{offered}'):
                    with open(self.realm.folder / name, encoding='utf-8', errors='replace') as file:
                        text += file.read()
            shown[offered] = ('auth_cyrus.so' in text, 'libsasl2' in text, 'libgssapi' in text)
        assert shown == {'PLAIN': (False, False, False), 'GSSAPI': (True, True, True)}, shown

    def add(self, name, function, *arguments, **keywords):
        self.tests.append((f'kerberos/{name}', lambda: function(*arguments, **keywords)))

    def collect(self):
        for mechanism in MECHANISMS:
            for transport in ('plain', *TRANSPORTS):
                self.add(f'{transport}/{mechanism}', self.succeeds, transport, mechanism)
        for mechanism in ('GSSAPI', 'GS2-KRB5'):
            self.add(f'GSS-3-acting-for/{mechanism}', self.acting_for, mechanism)
        self.add('GSS-3-acting-for/GSS-SPNEGO', self.acting_for_nobody)
        self.add('strongest-first', self.strongest_first)
        self.add('no-ticket', self.no_ticket)
        self.add('expired-ticket', self.expired)
        self.add('GSS-1-GSS-4-unknown-service', self.unknown_service)
        self.add('server-without-the-key', self.wrong_key)
        self.add('centre-is-gone', self.centre_is_gone)
        self.add('loads-nothing-else', self.loads_nothing)
        return self.tests


if __name__ == '__main__':
    sys.exit(main(Realm, Suite))
