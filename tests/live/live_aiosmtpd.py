# SPDX-License-Identifier: MIT
"""aiosmtpd, in this process: Python's ssl module, AUTH PLAIN and LOGIN after TLS only, messages written as they come."""
import logging
import os
import ssl
import threading

from live_kit import CERTS, DOMAIN, PASSWORD, USER, Server, Skip

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword
except ImportError:
    Controller = None


class Boxes:
    """The handler: refuses one recipient, writes the message into each recipient's mailbox."""

    def __init__(self, mail):
        self.mail = mail
        self.count = 0
        self.mechanism = {}
        self.lock = threading.Lock()

    async def handle_RCPT(self, server, session, envelope, address, options):  # pylint: disable=invalid-name,too-many-arguments
        if address == f'refused@{DOMAIN}':
            return '550 5.1.1 no such user here'
        envelope.rcpt_tos.append(address)
        return '250 2.1.5 OK'

    async def handle_DATA(self, server, session, envelope):  # pylint: disable=invalid-name
        secure = session.ssl is not None or server.transport.get_extra_info('ssl_object') is not None
        protocol = 'ESMTP' + ('S' if secure else '') + ('A' if session.authenticated else '')
        with self.lock:
            for address in envelope.rcpt_tos:
                box = address.split('@')[0]
                self.count += 1
                self.mechanism[box] = session.used_mechanism if session.authenticated else None
                folder = os.path.join(self.mail, box, 'new')
                os.makedirs(folder, exist_ok=True)
                path = os.path.join(self.mail, box, str(self.count))
                with open(path, 'wb') as out:
                    out.write(f'Received: by aiosmtpd with {protocol}\r\n'.encode() + envelope.original_content)
                os.rename(path, os.path.join(folder, str(self.count)))
        return '250 2.0.0 taken'


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    session.used_mechanism = mechanism
    return AuthResult(success=good, handled=False)


class Aiosmtpd(Server):
    name = 'aiosmtpd'
    mechanisms = ('PLAIN', 'LOGIN')
    cleartext_auth = False

    def start(self):
        if Controller is None:
            raise Skip('python3-aiosmtpd is missing: run tools/setup test')
        logging.getLogger('mail.log').setLevel(logging.ERROR)  # it warns of a name of its own
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(CERTS, 'good.pem'), os.path.join(CERTS, 'good.key'))
        self.handler = Boxes(self.mail)
        common = {'hostname': '127.0.0.1', 'authenticator': authenticate, 'data_size_limit': 30000000, 'enable_SMTPUTF8': True,
                  'ident': 'aiosmtpd'}
        self.controllers = [Controller(self.handler, port=self.port, tls_context=context, **common),
                            # It takes no note of TLS that was there from the first octet.
                            Controller(self.handler, port=self.tls_port, ssl_context=context, auth_require_tls=False, **common)]
        for controller in self.controllers:
            controller.start()

    def stop(self):
        for controller in getattr(self, 'controllers', []):
            controller.stop()
        self.controllers = []

    def used_mechanism(self, box):
        return self.handler.mechanism[box]
