# SPDX-License-Identifier: MIT
"""A signed zone and the name server that has it, on a free port of loopback: for the tests that look domains up.

The zone is signed by ldns-signzone (ldnsutils) and served by unbound; without them a test is skipped."""
import functools
import os
import shutil
import socket
import subprocess
import time

from tool_kit import PATIENCE, Folder, Skip, free_port, tool

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ATTEMPTS = 10
IN_USE = 'Address already in use'
CONFIG = '''server:
  interface: 127.0.0.1@{port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  module-config: "iterator"
  num-threads: 1
  access-control: 127.0.0.0/8 allow
  local-zone: "test." nodefault
remote-control:
  control-enable: no
'''
SOA = '@ 300 IN SOA ns.{0}. post.{0}. 1 3600 600 86400 300\n@ 300 IN NS ns.{0}.\nns 300 IN A 127.0.0.1\n'


@functools.cache
def need():
    """What these tests cannot do without; a resolver that is none is found wrong by whoever can ask one."""
    if tool('probe', '--resolver=x', 'mx:lab.example').status == 10:
        raise Skip('built without libunbound')
    for program in ('ldns-signzone', 'ldns-keygen', 'unbound'):
        if find(program) is None:
            raise Skip(f'{program} is missing: run tools/setup test')


def find(program):
    """Installed, or unpacked by tools/setup."""
    servers = os.environ.get('VEREDA_TEST_SERVERS') or os.path.join(SOURCE, '.cache', 'servers')
    return shutil.which(program, path=os.pathsep.join((os.environ['PATH'], '/usr/sbin', '/sbin', os.path.join(servers, 'usr', 'sbin'))))


class NameServer:
    """NameServer({'lab.example': records, ...}): zones whose names are in @p signed are signed; @p spoil(text) changes a signed zone."""

    def __init__(self, zones, signed=(), spoil=None):
        self.zones, self.signed, self.spoil = zones, signed, spoil

    def sign(self, zone, path):
        key = subprocess.run([find('ldns-keygen'), '-k', '-a', 'ECDSAP256SHA256', zone], cwd=self.folder.path, capture_output=True, text=True,
                             check=True).stdout.strip()
        done = subprocess.run([find('ldns-signzone'), '-n', '-f', path + '.signed', path, key], cwd=self.folder.path, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr
        with open(self.folder / f'{key}.ds', encoding='ascii') as file:
            self.anchors += file.read()
        return path + '.signed'

    def __enter__(self):
        need()
        self.folder, self.anchors = Folder().__enter__(), ''
        parts = []
        for zone, records in self.zones.items():
            path = self.folder.file(zone + '.zone', f'$ORIGIN {zone}.\n' + SOA.format(zone) + records)
            if zone in self.signed:
                path = self.sign(zone, path)
                if self.spoil is not None:
                    with open(path, encoding='ascii') as file:
                        text = self.spoil(file.read())
                    self.folder.file(os.path.basename(path), text)
            parts.append(f'auth-zone:\n  name: "{zone}."\n  zonefile: "{path}"\n  for-downstream: yes\n  for-upstream: no\n')
        self.anchor = self.folder.file('anchors', self.anchors)
        self.start(''.join(parts))
        return self

    def start(self, zones):
        """A port that is free now may be somebody else's when unbound binds it: then another."""
        for _ in range(ATTEMPTS):
            self.port = free_port((socket.SOCK_STREAM, socket.SOCK_DGRAM))  # unbound wants both
            config = self.folder.file('unbound.conf', CONFIG.format(port=self.port, folder=self.folder.path) + zones)
            with open(self.folder / 'log', 'wb') as log:
                self.process = subprocess.Popen([find('unbound'), '-d', '-p', '-c', config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if self.answers():
                return
            self.process.kill()
            self.process.wait(PATIENCE)
            if IN_USE not in self.log():
                break
        log = self.log()
        self.folder.__exit__()
        raise AssertionError(f'the name server does not answer, status {self.process.returncode}: {log}')

    def answers(self):
        """A question about a zone of its own: for any other it would look elsewhere.  FALSE: it ended, or the time is over."""
        name = b''.join(bytes([len(label)]) + label.encode() for label in next(iter(self.zones)).split('.')) + b'\0'
        question = b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00' + name + b'\x00\x06\x00\x01'
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.2)
                try:
                    client.connect(('127.0.0.1', self.port))
                    client.send(question)
                    client.recv(512)
                    return self.process.poll() is None
                except OSError:
                    time.sleep(0.02)
        return False

    def log(self):
        with open(self.folder / 'log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def __exit__(self, *_):
        self.process.kill()  # it has nothing to tidy, and takes its time over a signal
        self.process.wait(PATIENCE)
        self.folder.__exit__()

    @property
    def options(self):
        return [f'--resolver=127.0.0.1@{self.port}', f'--trust-anchor={self.anchor}']
