# SPDX-License-Identifier: MIT
"""The Debian tools as referees of what smtp-tool says of a TLS server: posttls-finger, gnutls-cli and openssl s_client, each read into the
same few facts."""
import base64
import hashlib
import os
import re
import ssl
import subprocess

from live_kit import unpacked
from probe_kit import HOST, TlsServer
from tool_kit import Folder, Skip

GREETING = b'220 mx.example.test ESMTP\r\n'
PATIENCE = 60


class StartTls(TlsServer):
    """A server that offers STARTTLS with a certificate of the zoo, and says goodbye inside; context changes what TLS offers."""

    def __init__(self, name, context=None):
        super().__init__(name)
        if context is not None:
            context(self.context)

    def session(self, connection):
        connection.settimeout(PATIENCE)
        connection.sendall(GREETING)
        if self.say(connection, b'250-mx.example.test\r\n250 STARTTLS\r\n', b'220 go\r\n') == b'STARTTLS':
            with self.context.wrap_socket(connection, server_side=True) as secure:
                self.say(secure, b'250 mx.example.test\r\n', b'250 ok\r\n')
                secure.unwrap()

    @staticmethod
    def say(connection, ehlo, other):
        """Answers until STARTTLS, QUIT or the end; the last verb."""
        buffer = b''
        while True:
            while b'\n' not in buffer:
                octets = connection.recv(4096)
                if not octets:
                    return b''
                buffer += octets
            line, buffer = buffer.split(b'\n', 1)
            verb = line.split(b' ')[0].strip().upper()
            connection.sendall(ehlo if verb == b'EHLO' else b'221 bye\r\n' if verb == b'QUIT' else other)
            if verb in (b'STARTTLS', b'QUIT'):
                return verb


def program(*names):
    for name in names:
        if os.access(name, os.X_OK):
            return name
    raise Skip(f'{names[-1]} is missing: run tools/setup test')


def talk(arguments, stdin=b'', env=None):
    done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, 'LC_ALL': 'C', **(env or {})},
                          timeout=PATIENCE, check=False)
    return done.stdout.decode('utf-8', 'backslashreplace')


def from_pem(text):
    """Fingerprints, key and expiry of the first certificate in a text, by openssl."""
    first = re.search('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', text, re.S)[0].encode()
    der = ssl.PEM_cert_to_DER_cert(first.decode())
    public = subprocess.run(['openssl', 'x509', '-noout', '-pubkey'], input=first, capture_output=True, check=True).stdout
    key = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=public, capture_output=True, check=True).stdout
    end = subprocess.run(['openssl', 'x509', '-noout', '-enddate', '-dateopt', 'iso_8601'], input=first, capture_output=True, check=True).stdout
    return {'sha256': hashlib.sha256(der).hexdigest(), 'spki': base64.b64encode(hashlib.sha256(key).digest()).decode(),
            'not_after': end.decode().split('=')[1].strip().replace(' ', 'T')}


def agreed(found, said, group, kind, digest):
    """Group and signature of the handshake; an EdDSA signature has no digest of its own."""
    group, kind, digest = (re.search(pattern, said, re.M) for pattern in (group, kind, digest))
    if group:
        found['group'] = group[1].lower()
    if kind:
        found['signature'] = (kind[1].lower(), digest[1].lower() if digest else '')


def postfix_environment(folder):
    """For posttls-finger: a configuration of its own, as the machine may have no Postfix or another one."""
    libraries = unpacked('usr/lib/postfix')
    folder.file('main.cf', f"compatibility_level = 3.6\nshlib_directory = {libraries}\nmyhostname = localhost\ninet_protocols = ipv4\n"
                "mail_owner = daemon\nsetgid_group = mail\n"
                "tls_random_source = dev:/dev/urandom\n", 0o644)
    return {'MAIL_CONFIG': folder.path, 'LD_LIBRARY_PATH': libraries}


def posttls_finger(port, authority):
    with Folder() as folder:
        said = talk([unpacked('usr/sbin/posttls-finger'), '-C', '-c', '-d', 'sha256', '-l', 'verify', '-F', authority, '-L', 'summary,certmatch,verbose',
                     '-p', '>=TLSv1', f'[127.0.0.1]:{port}', HOST], env=postfix_environment(folder))
    found = {'tool': 'posttls-finger', 'said': said, 'ok': ': Verified TLS connection established' in said}
    print_of = re.search(r'[, ]fingerprint=([0-9A-F:]+), pkey_fingerprint=([0-9A-F:]+)', said)
    if print_of:
        found['sha256'] = print_of[1].replace(':', '').lower()
        found['spki'] = base64.b64encode(bytes.fromhex(print_of[2].replace(':', ''))).decode()
    if '-----BEGIN CERTIFICATE-----' in said:
        found['not_after'] = from_pem(said)['not_after']
    line = re.search(r'TLS connection established to \S+ (\S+) with cipher (\S+) \((\d+)/', said)
    if line:
        found['version'], found['cipher'], found['key_bits'] = line[1], line[2], int(line[3])
    agreed(found, said, r' key-exchange (\S+)', r' server-signature (\S+)', r' server-digest (\S+)')
    return found


def s_client(port, authority):
    said = talk(['/usr/bin/openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{port}', '-CAfile', authority, '-no-CApath',
                 '-verify_hostname', HOST, '-verify', '5', '-purpose', 'sslserver', '-showcerts'], b'QUIT\r\n')
    found = {'tool': 'openssl s_client', 'said': said, 'ok': 'Verify return code: 0 (ok)' in said}
    if '-----BEGIN CERTIFICATE-----' in said:
        found.update(from_pem(said))
    line = re.search(r'^New, (\S+), Cipher is (\S+)', said, re.M)
    if line and line[2] != '(NONE)':
        found['version'], found['cipher'] = line[1], line[2]
    agreed(found, said, r'^Server Temp Key: (\w+)', r'^Peer signature type: (\S+)', r'^Peer signing digest: (\S+)')
    return found


def gnutls_cli(port, authority):
    said = talk([program('/usr/bin/gnutls-cli'), '--starttls-proto=smtp', f'--x509cafile={authority}', f'--verify-hostname={HOST}', '--print-cert',
                 '--port', str(port), '127.0.0.1'], b'QUIT\r\n')
    found = {'tool': 'gnutls-cli', 'said': said, 'ok': '- Status: The certificate is trusted.' in said}
    if '-----BEGIN CERTIFICATE-----' in said:
        found['sha256'] = from_pem(said)['sha256']
    pin = re.search(r'pin-sha256="([^"]+)"', said)
    if pin:
        found['spki'] = pin[1]
    end = re.search(r"expires `([^']+) UTC'", said)
    if end:
        found['not_after'] = end[1].replace(' ', 'T') + 'Z'
    line = re.search(r'^- Description: \((TLS[0-9.]+)-X\.509\)-(.*)$', said, re.M)
    if line:
        found['version'], found['cipher'] = line[1].replace('TLS', 'TLSv'), line[2].split('-(')[-1].rstrip(')')
    return found


REFEREES = (posttls_finger, gnutls_cli, s_client)
