# SPDX-License-Identifier: MIT
"""peers.py: everybody who is measured, and how each is told to send.

Each gets the same message, the same server, the same verification of the server's certificate.  Addresses are those of peer.h.
"""
import base64
import os

from kit import HERE, PASSWORD, USER

FROM, TO = 'sender@bench.example', 'recipient@bench.example'


class Peer:
    """One client: .argv(job) is its command line."""

    name = None
    modes = ('none',)   # of TLS
    many = True         # can send several messages over one connection
    pace = 10000        # messages a second, roughly: how many a round takes
    needs = ()          # packages of Debian, for those who read the table

    def __init__(self, paths):
        self.paths = paths

    def argv(self, job):
        raise NotImplementedError

    def files(self, job):
        """What must lie beside it: written before each run."""

    def stdin(self, job):
        return None

    def more(self, job):
        return {}


class Job:
    """What is to be sent where."""

    def __init__(self, port, path, count=1, tls='none', ca=None, auth=False):
        self.port = port
        self.path = path
        self.count = count
        self.tls = tls
        self.ca = ca
        self.auth = auth

    @property
    def host(self):
        return '127.0.0.1' if self.tls == 'none' else 'localhost'  # as in the certificate


class Vereda(Peer):
    modes = ('none', 'starttls', 'implicit')
    level = 'auto'
    again = False  # one message object for all of them
    pace = 40000

    def argv(self, job):
        argv = [self.paths.program('bench-vereda'), str(job.count), job.path, *(['again'] if self.again else []), f'servers={job.host}:{job.port}', 'client=bench.example',
                f'pipelining={self.level}', f'tls={"never" if job.tls == "none" else job.tls}']
        if job.ca:
            argv.append(f'ca-file={job.ca}')
        if job.auth:
            argv += [f'username={USER}', f'password={PASSWORD}', 'auth=PLAIN']
        return argv


class VeredaAuto(Vereda):
    name = 'Vereda, auto'


class VeredaOff(Vereda):
    name = 'Vereda, off'
    level = 'off'


class VeredaWindow(Vereda):
    name = 'Vereda, window'
    level = 'window'
    pace = 200000


class VeredaAutoAgain(VeredaAuto):
    name = 'Vereda, auto, one object'
    again = True


class VeredaWindowAgain(VeredaWindow):
    name = 'Vereda, window, one object'
    again = True


class SmtpTool(Peer):
    name = 'smtp-tool send'
    modes = ('none', 'starttls', 'implicit')
    many = False

    def argv(self, job):
        argv = [self.paths.tool, 'send', '--quiet', f'--server={job.host}:{job.port}', '--ehlo=bench.example', f'--from={FROM}', f'--to={TO}',
                f'--tls={"never" if job.tls == "none" else job.tls}']
        if job.ca:
            argv.append(f'--ca-file={job.ca}')
        if job.auth:
            argv += [f'--user={USER}', f'--password-file={os.path.join(self.paths.work, "password")}', '--auth=PLAIN']
        return [*argv, job.path]


class SmtpToolOpenssl(SmtpTool):
    name = 'smtp-tool send, openssl'
    transport = 'openssl'

    def argv(self, job):
        argv = super().argv(job)
        return [*argv[:-1], f'--transport={self.transport}', argv[-1]]


class FloorOpenssl(Peer):
    """The least with that library: no peer, a limit."""

    name = 'bare client of OpenSSL'
    library = 'openssl'
    modes = ('starttls',)
    many = False

    def argv(self, job):
        plain = base64.b64encode(f'\0{USER}\0{PASSWORD}'.encode()).decode()
        return [self.paths.program(f'bench-floor-{self.library}'), job.host, str(job.port), job.path, job.ca, plain]


class FloorGnutls(FloorOpenssl):
    name = 'bare client of GnuTLS'
    library = 'gnutls'


class Plain(Peer):
    """A program with the arguments of peer.h."""

    def program(self):
        raise NotImplementedError

    def argv(self, job):
        argv = [*self.program(), job.host, str(job.port), str(job.count), job.path, job.tls]
        if job.tls != 'none':
            argv.append(job.ca)
            if job.auth:
                argv += [USER, PASSWORD]
        return argv


class Libesmtp(Plain):
    name = 'libESMTP'
    modes = ('none', 'starttls')
    needs = ('libesmtp-dev',)
    pace = 25000

    def program(self):
        return [self.paths.program('peer-libesmtp')]


class Libcurl(Plain):
    name = 'libcurl'
    modes = ('none', 'starttls', 'implicit')
    needs = ('libcurl4-gnutls-dev',)
    pace = 8000

    def program(self):
        return [self.paths.program('peer-libcurl')]


class Libetpan(Plain):
    name = 'libetpan'
    needs = ('libetpan-dev',)
    pace = 15000

    def program(self):
        return [self.paths.program('peer-libetpan')]


class SmtpSource(Peer):
    name = 'smtp-source'
    needs = ('postfix',)
    pace = 15000

    def argv(self, job):
        return [os.path.join(self.paths.servers, 'usr', 'sbin', 'smtp-source'), '-d', '-l', str(os.path.getsize(job.path)), '-m', str(job.count),
                '-f', FROM, '-t', TO, '-M', 'bench.example', f'{job.host}:{job.port}']

    def more(self, job):
        return {'LD_LIBRARY_PATH': os.path.join(self.paths.servers, 'usr', 'lib', 'postfix')}


class Smtplib(Plain):
    name = 'smtplib'
    modes = ('none', 'starttls', 'implicit')
    needs = ('python3',)
    pace = 2500

    def program(self):
        return ['/usr/bin/python3', '-B', os.path.join(HERE, 'peer-smtplib.py')]


class Nodemailer(Plain):
    name = 'Nodemailer'
    modes = ('none', 'starttls', 'implicit')
    needs = ('nodejs',)
    pace = 1500

    def program(self):
        return ['node', os.path.join(HERE, 'peer-nodemailer.js')]


class Tcllib(Plain):
    name = 'tcllib smtp'
    needs = ('tcllib',)
    many = False

    def program(self):
        return ['tclsh', os.path.join(HERE, 'peer-tcllib.tcl')]


class Msmtp(Peer):
    name = 'msmtp'
    modes = ('none', 'starttls', 'implicit')
    needs = ('msmtp',)
    many = False

    def configuration(self, job):
        return os.path.join(self.paths.work, f'msmtprc-{job.tls}-{int(job.auth)}')

    def files(self, job):
        lines = ['account default', f'host {job.host}', f'port {job.port}', f'from {FROM}', 'domain bench.example',
                 f'tls {"off" if job.tls == "none" else "on"}', f'tls_starttls {"on" if job.tls == "starttls" else "off"}']
        if job.ca:
            lines.append(f'tls_trust_file {job.ca}')
        if job.auth:
            lines += ['auth plain', f'user {USER}', f'password {PASSWORD}']
        with open(self.configuration(job), 'w', encoding='ascii', opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write('\n'.join(lines) + '\n')

    def argv(self, job):
        return ['msmtp', f'--file={self.configuration(job)}', '--', TO]

    def stdin(self, job):
        return job.path


class Curl(Peer):
    name = 'curl'
    modes = ('none', 'starttls', 'implicit')
    needs = ('curl',)
    many = False

    def argv(self, job):
        scheme = 'smtps' if job.tls == 'implicit' else 'smtp'
        argv = ['curl', '--silent', '--show-error', '--mail-from', FROM, '--mail-rcpt', TO, '--upload-file', job.path,
                f'{scheme}://{job.host}:{job.port}/bench.example']
        if job.tls != 'none':
            argv += ['--ssl-reqd', '--cacert', job.ca]
        if job.auth:
            argv += ['--user', f'{USER}:{PASSWORD}', '--login-options', 'AUTH=PLAIN', '--sasl-ir']
        return argv


class Swaks(Peer):
    name = 'swaks'
    modes = ('none', 'starttls', 'implicit')
    needs = ('swaks',)
    many = False

    def argv(self, job):
        argv = ['swaks', '--silent', '2', '--pipeline', '--server', job.host, '--port', str(job.port), '--helo', 'bench.example', '--from', FROM, '--to', TO,
                '--data', f'@{job.path}']
        if job.tls != 'none':
            argv += ['--tls' if job.tls == 'starttls' else '--tls-on-connect', '--tls-verify', '--tls-ca-path', job.ca]
        if job.auth:
            argv += ['--auth', 'PLAIN', '--auth-user', USER, '--auth-password', PASSWORD]
        return argv


LIBRARIES = (Libesmtp, Libcurl, Libetpan, SmtpSource, Smtplib, Nodemailer)
COMMANDS = (Msmtp, Curl, Swaks, Tcllib)
