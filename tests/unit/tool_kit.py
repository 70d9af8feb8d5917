# SPDX-License-Identifier: MIT
"""What the tests of smtp-tool share: running it, a JSON Schema checker, servers on loopback, and TAP.

Needs nothing but Python's standard library.  The environment names the programs: SMTP_TOOL, SMTP_TOOL_EXECDIR, SMTP_TOOL_SCHEMA.
"""
import contextlib
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TOOL = os.environ['SMTP_TOOL']
EXECDIR = os.environ['SMTP_TOOL_EXECDIR']
SCHEMA = os.environ['SMTP_TOOL_SCHEMA']
SINK = os.path.join(EXECDIR, 'smtp-tool-sink')
COMPOSE = os.path.join(EXECDIR, 'smtp-tool-compose')
PATIENCE = 60

# Whoever runs the tests in the background or under nohup hands on signals that are ignored, and the tool leaves those so.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


class Skip(Exception):
    """The test cannot run here; the reason is its message."""


class Run:
    """One finished run of the tool."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    @property
    def text(self):
        return self.out.decode('utf-8')

    @property
    def errors(self):
        return self.err.decode('utf-8', 'backslashreplace')

    def json(self):
        """The one document on standard output, checked against the schema it names."""
        document = json.loads(self.out)
        name = document['schema'].removeprefix('smtp-tool/').replace('/', '-') + '.json'
        with open(os.path.join(SCHEMA, name), encoding='utf-8') as file:
            schema = json.load(file)
        check_schema(document, schema, schema, '$')
        assert document['exit']['code'] == self.status, (document['exit'], self.status, self.errors)
        return document


def tool(*args, stdin=b'', env=None, remove=(), wrap=(), **kwargs):
    """Runs smtp-tool without a terminal; env adds to the environment, remove takes away."""
    environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'XDG_CONFIG_HOME': '/dev/null', **(env or {})}
    for name in remove:
        environment.pop(name, None)
    if 'start_new_session' not in kwargs:
        kwargs['start_new_session'] = True  # no controlling terminal: nothing can wait for a password
    done = subprocess.run([*wrap, TOOL, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                          timeout=PATIENCE, check=False, **kwargs)
    return Run(done.returncode, done.stdout, done.stderr)


def read_terminal(master, seconds):
    """What is shown on a terminal, piece by piece, to its end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            octets = os.read(master, 4096)
        except OSError:
            return
        if not octets:
            return
        yield octets


def on_terminal(*args, env=None, replies=()):
    """Runs the tool on a terminal of its own, answers each (prompt, reply) once and in order; what it showed.  The status is on_terminal.status."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(env or {})
        if env is not None and 'NO_COLOR' not in env:
            os.environ.pop('NO_COLOR', None)
        os.execv(TOOL, [TOOL, *args])
    shown, seen, replies = b'', 0, list(replies)
    try:
        for octets in read_terminal(master, 30):
            shown += octets
            if replies and replies[0][0] in shown[seen:]:
                seen = len(shown)
                os.write(master, replies.pop(0)[1])
    finally:
        os.close(master)
        _, status = os.waitpid(pid, 0)
    on_terminal.status = os.waitstatus_to_exitcode(status)
    return shown


TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}


def has_type(value, name):
    if name == 'integer':
        return isinstance(value, int) and not isinstance(value, bool)
    if name == 'number':
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check_schema(value, schema, root, place):
    """The part of JSON Schema draft 7 that our schemas use; a keyword it does not know is an error, never passed over."""
    for keyword, wish in schema.items():
        if keyword in ('$schema', '$id', 'title', 'description', 'definitions'):
            continue
        if keyword == '$ref':
            target = root
            for step in wish[2:].split('/'):
                target = target[step]
            check_schema(value, target, root, place)
        elif keyword == 'type':
            names = wish if isinstance(wish, list) else [wish]
            assert any(has_type(value, name) for name in names), f'{place}: {value!r} is not {names}'
        elif keyword == 'const':
            assert value == wish, f'{place}: {value!r} is not {wish!r}'
        elif keyword == 'enum':
            assert value in wish, f'{place}: {value!r} is not one of {wish!r}'
        elif keyword == 'pattern':
            assert not isinstance(value, str) or re.search(wish, value), f'{place}: {value!r} does not match {wish}'
        elif keyword == 'minimum':
            assert value is None or value >= wish, f'{place}: {value!r} < {wish}'
        elif keyword == 'maximum':
            assert value is None or value <= wish, f'{place}: {value!r} > {wish}'
        elif keyword == 'required':
            missing = [] if not isinstance(value, dict) else [name for name in wish if name not in value]
            assert not missing, f'{place}: {missing} missing'
        elif keyword == 'properties':
            for name, part in wish.items():
                if isinstance(value, dict) and name in value:
                    check_schema(value[name], part, root, f'{place}.{name}')
        elif keyword == 'additionalProperties':
            assert wish is False
            extra = [] if not isinstance(value, dict) else [name for name in value if name not in schema['properties']]
            assert not extra, f'{place}: unknown {extra}'
        elif keyword == 'items':
            for number, item in enumerate(value if isinstance(value, list) else []):
                check_schema(item, wish, root, f'{place}[{number}]')
        else:
            raise AssertionError(f'schema keyword {keyword} is not known to this checker')


class Folder:
    """A temporary folder with files in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='smtp-tool-test-')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name, content, mode=0o600):
        path = os.path.join(self.path, name)
        with open(path, 'wb') as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def __truediv__(self, name):
        return os.path.join(self.path, name)


class Sink:
    """smtp-tool sink with these options; its port, and what it captured."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        if not os.access(SINK, os.X_OK):
            raise Skip('the sink is not built')
        self.folder = Folder().__enter__()
        self.ca = self.folder / 'ca.pem'
        os.mkdir(self.folder / 'mail')
        extra = ['--ca-out', self.ca] if '--self-signed' in self.options else []
        self.process = subprocess.Popen([SINK, '--print-port', '--with-parent', '--capture', self.folder / 'mail', *extra, *self.options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            rest = self.process.stdout.read()
            self.process.wait()
            raise AssertionError(f'the sink did not start: {line + rest!r}')
        self.port = int(line)
        self.server = f'localhost:{self.port}'
        # Whatever it prints is read, so that it never waits for us.
        self.said = b''
        self.drain = threading.Thread(target=self.listen, daemon=True)
        self.drain.start()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.drain.join()
        self.process.stdout.close()
        self.folder.__exit__()

    def listen(self):
        self.said = self.process.stdout.read()

    def messages(self):
        """The captured messages, in order."""
        names = sorted(name for name in os.listdir(self.folder / 'mail') if name.endswith('.eml'))
        found = []
        for name in names:
            with open(os.path.join(self.folder / 'mail', name), 'rb') as file:
                found.append(file.read())
        return found

    def log(self):
        with open(os.path.join(self.folder / 'mail', 'log.jsonl'), encoding='utf-8') as file:
            return [json.loads(line) for line in file]


class Listener:
    """A server on loopback; a subclass has accepted(connection), which the one thread that accepts calls with each connection."""

    host = '127.0.0.1'

    def __enter__(self):
        six = ':' in self.host
        self.listener = socket.create_server((self.host, 0), family=socket.AF_INET6 if six else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.server = f'[{self.host}]:{self.port}' if six else f'{self.host}:{self.port}'
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted(connection)


class Script(Listener):
    """A server that says given things: each step is bytes to say, or a callable given the stream.  One thread, many connections.

    A step b'...' after the greeting is said when one line was read; None closes the connection.
    """

    def __init__(self, *steps):
        self.steps = steps
        self.heard = []

    def accepted(self, connection):
        with contextlib.suppress(OSError), connection:
            self.session(connection)

    def session(self, connection):
        with connection.makefile('rwb') as stream:
            self.talk(stream)

    def talk(self, stream):
        for number, step in enumerate(self.steps):
            if number > 0 and not callable(step):
                line = stream.readline()
                if not line:
                    return
                self.heard.append(line)
            if step is None:
                return
            if callable(step):
                step(stream)
            else:
                stream.write(step)
                stream.flush()


def read_until_dot(stream):
    while stream.readline() not in (b'.\r\n', b''):
        pass


def first_local_port():
    """The lowest port that the kernel gives to those who ask for any (Linux: ip(7), ip_local_port_range)."""
    try:
        with open('/proc/sys/net/ipv4/ip_local_port_range', encoding='ascii') as file:
            return int(file.read().split()[0])
    except OSError:
        return 32768


def free_port(kinds=(socket.SOCK_STREAM,)):
    """A port of loopback for somebody who binds it later: none that the kernel could give to anybody else in between."""
    lowest = 10000
    for _ in range(1000):
        port = random.randrange(lowest, max(first_local_port(), lowest + 1000))
        with contextlib.ExitStack() as stack:
            try:
                for kind in kinds:
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(('127.0.0.1', port))
            except OSError:
                continue
            return port
    raise AssertionError('no free port in a thousand tries')


def closed_port():
    """A port of loopback on which nothing listens."""
    return free_port()


MESSAGE = b'From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: test\r\n\r\nHello.\r\n'


def emit(tests):
    """Runs (name, function) pairs and prints TAP; exit status 1 if one failed."""
    print(f'1..{len(tests)}', flush=True)
    failed = False
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f'ok {number} - {name}')
        except Skip as reason:
            print(f'ok {number} - {name} # SKIP {reason}')
        except Exception:  # pylint: disable=broad-except
            failed = True
            print(f'not ok {number} - {name}')
            for line in traceback.format_exc().splitlines():
                print('# ' + line.encode('ascii', 'backslashreplace').decode())
        sys.stdout.flush()
    return 1 if failed else 0


def run_tests(scope):
    """Runs every test_ function of a module, in order, and prints TAP."""
    sys.exit(emit([(name[5:].replace('_', '-'), value) for name, value in scope.items() if name.startswith('test_') and callable(value)]))
