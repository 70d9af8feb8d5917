# SPDX-License-Identifier: MIT
"""What the tests of probe, tls, auth list and try, compare and check share: a server of the certificate zoo, and the report checked twice."""
import json
import os
import re
import ssl
import threading

import jsonschema

from tool_kit import SCHEMA, Listener, Run, Script, tool

CERTS = os.environ.get('VEREDA_TEST_CERTS', '')
HOST = 'mail.example.test'
BACKENDS = ('openssl', 'gnutls')


def cert(name, ending='pem'):
    return os.path.join(CERTS, f'{name}.{ending}')


def validate(run: Run):
    """The one document on standard output, by our checker and by python3-jsonschema."""
    document = run.json()
    name = document['schema'].removeprefix('smtp-tool/').replace('/', '-') + '.json'
    with open(os.path.join(SCHEMA, name), encoding='utf-8') as file:
        jsonschema.Draft7Validator(json.load(file)).validate(document)
    return document


def probe(server, *args, command=('probe',), **kwargs):
    run = tool(*command, '--format=json', *args, server, **kwargs)
    return run, validate(run)


def findings(document):
    return {finding['id']: finding['severity'] for finding in document['findings']}


def timeless(document):
    """Without what no two runs have in common."""
    if isinstance(document, dict):
        return {key: timeless(value) for key, value in document.items() if key not in ('ms', 'start_ms', 'time')}
    if isinstance(document, list):
        return [timeless(value) for value in document]
    return document


class TlsServer(Script):
    """Steps as Script's, inside TLS from the first octet with a certificate of the zoo; a thread for each connection."""

    def __init__(self, name, *steps):
        super().__init__(*steps)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers('DEFAULT@SECLEVEL=0')
        self.context.load_cert_chain(cert(name), cert(name, 'key'))

    def accepted(self, connection):
        threading.Thread(target=super().accepted, args=(connection,), daemon=True).start()

    def session(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as secure:
            super().session(secure)


class Silent(Listener):
    """Accepts and says nothing."""

    def __enter__(self):
        self.kept = []
        return super().__enter__()

    def accepted(self, connection):
        self.kept.append(connection)

    def __exit__(self, *_):
        super().__exit__()
        for connection in self.kept:
            connection.close()


def verbs(heard):
    return [re.split(rb'[ \r]', line)[0].decode('ascii', 'replace').upper() for line in heard]
