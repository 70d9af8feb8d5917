#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The system's trusted certificates through both libraries: looked up by name where that can be done, found all the same where it cannot,
and trusted no more than before.  OpenSSL's store is moved by its environment, GnuTLS' bundle by a mount of this process's own."""
import os
import subprocess

from tool_kit import MESSAGE, Folder, Sink, Skip, run_tests, tool

BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
CERTS = os.environ['VEREDA_TEST_CERTS']


class World(Folder):
    def __enter__(self):
        super().__enter__()
        self.message = self.file('m.eml', MESSAGE)
        self.nothing = self.file('nothing.pem', '')
        return self

    def folder(self, name):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        return path

    def hashed(self, *files):
        """A directory in which each file has its subject's hash for a name, as c_rehash makes it."""
        path = self.folder(f'hashed-{len(files)}')
        for file in files:
            name = subprocess.run(['openssl', 'x509', '-in', file, '-noout', '-subject_hash'], check=True, capture_output=True, text=True).stdout
            with open(file, encoding='ascii') as text:
                self.file(os.path.join(path, name.strip() + '.0'), text.read())
        return path

    def bundle(self, name, *files):
        texts = []
        for file in files:
            with open(file, encoding='utf-8') as text:
                texts.append(text.read())
        return self.file(name, ''.join(texts))


def send(world, sink, library, **kwargs):
    return tool('send', f'--server=localhost:{sink.port}', '--tls=starttls', f'--transport={library}', '--from=a@example.org',
                '--to=b@example.net', '--timeout=60', world.message, **kwargs)


def starttls():
    return Sink('--tls=starttls', '--self-signed')


def test_TLS_10_openssl_directory_then_file():
    with World() as world, starttls() as sink:
        empty, hashed = world.folder('empty'), world.hashed(sink.ca)
        bundle = world.bundle('bundle.pem', f'{CERTS}/root.pem', sink.ca)
        for directory, file, fine in ((hashed, world.nothing, True), (empty, bundle, True), (hashed, bundle, True), (empty, world.nothing, False)):
            done = send(world, sink, 'openssl', env={'SSL_CERT_DIR': directory, 'SSL_CERT_FILE': file})
            assert (done.status == 0) == fine, (directory, file, done.errors)
            assert fine or 'certificate' in done.errors, done.errors


def mounted(bundle):
    """In front of a command: it sees this bundle in the system's place."""
    wrap = ('unshare', '-r', '-m', 'sh', '-c', 'mount --bind "$0" ' + BUNDLE + ' && exec "$@"', bundle)
    if subprocess.run([*wrap, 'true'], check=False, capture_output=True).returncode != 0:
        raise Skip('no mounts of one\'s own here')
    return wrap


def test_TLS_10_gnutls_bundle():
    with World() as world, starttls() as sink:
        if not os.path.exists(BUNDLE):
            raise Skip('the system has its bundle elsewhere, or none')
        without = world.bundle('without.pem', BUNDLE)
        done = send(world, sink, 'gnutls', wrap=mounted(world.bundle('with.pem', BUNDLE, sink.ca)))
        assert done.status == 0, done.errors
        done = send(world, sink, 'gnutls', wrap=mounted(without))
        assert done.status != 0 and 'certificate' in done.errors, done.errors
        done = send(world, sink, 'gnutls')
        assert done.status != 0 and 'certificate' in done.errors, done.errors


run_tests(globals())
