# SPDX-License-Identifier: MIT
"""What the tests against real servers share: the servers' folder, ports, processes, mailboxes, and TAP.

A server is unpacked, not installed: mail servers exclude each other as Debian packages, and none may take over the machine
that runs the tests.  tools/setup unpacks them; VEREDA_TEST_SERVERS names the folder.  Each runs with its own configuration,
queue and accounts below one temporary folder, on loopback, and ends with the test.
"""
import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'unit'))
from tool_kit import Skip, emit, free_port, tool  # noqa: E402 pylint: disable=wrong-import-position,unused-import

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVERS = os.environ.get('VEREDA_TEST_SERVERS') or os.path.join(SOURCE, '.cache', 'servers')
CERTS = os.environ['VEREDA_TEST_CERTS']
DOMAIN = 'example.test'
USER = 'user'
PASSWORD = 'p4ss w\\rd"%#'  # what quoting goes wrong with; no colon, Exim's list separator
PATIENCE = 20
LOG_LINES = 200

# What a server may put before the message it was given.
PREPENDED = (b'return-path', b'received', b'delivered-to', b'x-original-to', b'envelope-to', b'delivery-date')


def unpacked(name):
    """A program or library of the unpacked servers."""
    path = os.path.join(SERVERS, name)
    if not os.path.exists(path):
        raise Skip(f'{path} is missing: run tools/setup test')
    return path


def free_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def listens(port, process=None):
    """Waits until something listens there; not once the process, whose port it is, has ended."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and (process is None or process.poll() is None):
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), PATIENCE) as one:
            if one.getsockname() != one.getpeername():  # else nobody listens yet, and it met itself (simultaneous open)
                return True
        time.sleep(0.02)
    return False


class Accounts:
    """Accounts that only the server sees: files for libnss_wrapper, so that the machine's own list stays as it is."""

    # Above what useradd hands out to users, below what systemd takes for itself: owned by nobody else.
    FIRST = 64991

    def __init__(self, folder, users, groups=()):
        self.passwd = os.path.join(folder, 'passwd')
        self.group = os.path.join(folder, 'group')
        # A copy, where the server's accounts can read it.
        self.library = shutil.copy(unpacked(f'usr/lib/{os.uname().machine}-linux-gnu/libnss_wrapper.so'), folder)
        self.id = {name: self.FIRST + number for number, name in enumerate((*users, *groups))}
        taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
        if taken & set(self.id.values()):
            raise Skip(f'a user or group of this machine has one of the numbers {sorted(self.id.values())}')
        with open(self.passwd, 'w', encoding='utf-8') as out:
            for entry in pwd.getpwall():
                if entry.pw_name not in self.id:
                    print(f'{entry.pw_name}:x:{entry.pw_uid}:{entry.pw_gid}::{entry.pw_dir}:{entry.pw_shell}', file=out)
            for name in users:
                print(f'{name}:x:{self.id[name]}:{self.id[name]}::/nonexistent:/usr/sbin/nologin', file=out)
        with open(self.group, 'w', encoding='utf-8') as out:
            for entry in grp.getgrall():
                if entry.gr_name not in self.id:
                    print(f'{entry.gr_name}:x:{entry.gr_gid}:', file=out)
            for name, number in self.id.items():
                print(f'{name}:x:{number}:', file=out)

    def environment(self):
        return {'LD_PRELOAD': self.library, 'NSS_WRAPPER_PASSWD': self.passwd, 'NSS_WRAPPER_GROUP': self.group}


class Delivery:
    """One message as it arrived: what the server wrote before it, and the message itself with CRLF line ends."""

    def __init__(self, raw):
        raw = raw.replace(b'\r\n', b'\n')
        lines = raw.split(b'\n')
        end = 0
        while end < len(lines):
            name = lines[end].split(b':', 1)[0].lower()
            folded = end > 0 and lines[end][:1] in (b' ', b'\t')
            if name not in PREPENDED and not folded:
                break
            end += 1
        self.prepended = b'\n'.join(lines[:end]).decode('ascii', 'backslashreplace')
        self.message = b'\r\n'.join(lines[end:])
        found = re.search(r'\bwith (E?SMTPS?A?)\b', self.prepended, re.IGNORECASE)
        self.protocol = found.group(1).upper() if found else None


class Server:
    """What is common: a temporary folder, mailboxes, a process group.

    A subclass has name, mechanisms (what it offers), start(ports) that returns nothing, and used_mechanism(box).
    """

    name = None
    mechanisms = ()
    cleartext_auth = True  # offers AUTH before TLS
    tls_works = True

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='vereda-live-')
        os.chmod(self.folder, 0o711)  # the server's accounts go through it
        self.mail = os.path.join(self.folder, 'mail')
        self.process = None
        self.count = 0
        try:
            self.port, self.tls_port = free_ports(2)
            os.mkdir(self.mail, 0o755)
            self.start()
            for port in (self.port, self.tls_port):
                self.wait_for_port(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        raise NotImplementedError

    def stop(self):
        """Ends the process group that this test started, and nothing else."""
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            limit = time.monotonic() + 3
            while time.monotonic() < limit and self.group_lives():
                time.sleep(0.02)
        self.process.wait(PATIENCE)
        self.process = None

    def group_lives(self):
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def run(self, arguments, environment):
        """Starts the server at the head of a process group of its own."""
        with open(os.path.join(self.folder, 'output'), 'wb') as out:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C', **environment},
                                            cwd=self.folder, start_new_session=True)

    def wait_for_port(self, port):
        assert listens(port, self.process), f'{self.name} does not listen:\n{self.log()}'

    def log(self):
        text = ''
        for name in ('output', 'log', 'log-main', 'log-panic'):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding='utf-8', errors='backslashreplace') as file:
                    text += file.read()
        return text

    def wait_for_log(self, pattern):
        """The last line of the log that matches; a server may write it after it has answered."""
        limit = time.monotonic() + PATIENCE
        while True:
            found = re.findall(pattern, self.log(), re.MULTILINE)
            if found:
                return found[-1]
            if time.monotonic() > limit:
                raise AssertionError(f'{self.name} never logged {pattern}:\n{self.log()}')
            time.sleep(0.02)

    def box(self):
        """A fresh mailbox: its name."""
        self.count += 1
        return f'box{self.count}'

    def files(self, box):
        folder = os.path.join(self.mail, box, 'new')
        return sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []

    def arrived(self, box, count=1):
        """The messages in a mailbox, once there are so many."""
        limit = time.monotonic() + PATIENCE
        while len(self.files(box)) < count:
            if time.monotonic() > limit:
                raise AssertionError(f'{len(self.files(box))} of {count} messages arrived in {box}; {self.name} says:\n{self.log()}')
            time.sleep(0.02)
        found = []
        for path in self.files(box):
            with open(path, 'rb') as file:
                found.append(Delivery(file.read()))
        assert len(found) == count, f'{len(found)} messages arrived instead of {count}'
        return found

    def stored(self, message):
        """The message as this server keeps it, where it changes more than it may say it does."""
        return message

    def used_mechanism(self, box):
        """The mechanism with which the message in the box was handed in, from the server's own log; None without."""
        raise NotImplementedError

    def copy_certificate(self, owner=0):
        for suffix in ('pem', 'key'):
            path = os.path.join(self.folder, 'good.' + suffix)
            shutil.copyfile(os.path.join(CERTS, 'good.' + suffix), path)
            os.chown(path, owner, -1)
            os.chmod(path, 0o400)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
        return path


def need_root():
    if os.geteuid() != 0:
        raise Skip('this server starts as root only')


def main(make, suite, work=lambda suite: emit(suite.collect())):
    """Works with suite(server), as a rule runs its (name, function) pairs; what the server that make() starts logged is shown where that
    failed.  Exit status."""
    try:
        with make() as server:
            status = work(suite(server))
            if status:
                for line in server.log().splitlines()[-LOG_LINES:]:
                    print('# log: ' + line)
        return status
    except Skip as reason:
        print(f'1..0 # SKIP {reason}')
        return 0
