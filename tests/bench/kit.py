# SPDX-License-Identifier: MIT
"""kit.py: servers, relays, measured processes and medians; what every row of the benchmark is made of."""
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 600
USER, PASSWORD = 'bench', 'a-password-for-the-bench'


# Those this process may use: where the kernel puts two processes that wake each other decides what a wake-up costs, so rows that
# depend on it say where they are.
PROCESSORS = sorted(os.sched_getaffinity(0))


def pinned(processor):
    """For Popen: it, and all that it starts, stays on that processor.  None: anywhere."""
    return None if processor is None else lambda: os.sched_setaffinity(0, {processor})


class Broken(Exception):
    """It could not be measured; the reason is its message."""


class Usage:
    """What one process cost, as the kernel counted it."""

    def __init__(self, wall, user, system, peak):
        self.wall = wall
        self.user = user
        self.system = system
        self.peak = peak  # octets

    @property
    def cpu(self):
        return self.user + self.system


class Paths:
    """Where the programs are: the installed tree, and the folder of the programs built here."""

    def __init__(self, prefix, programs, work, servers, node):
        self.prefix = prefix
        self.programs = programs
        self.work = work
        self.servers = servers
        self.node = node
        self.tool = os.environ.get('SMTP_TOOL') or os.path.join(prefix, 'bin', 'smtp-tool')
        folder = os.environ.get('SMTP_TOOL_EXECDIR') or os.path.join(prefix, 'libexec', 'smtp-tool')
        self.plugins = os.path.join(prefix, 'lib', 'vereda-1')
        self.sink = os.path.join(folder, 'smtp-tool-sink')

    def program(self, name):
        return os.path.join(self.programs, name)


def environment(paths, **more):
    """The same for everybody: no configuration of whoever runs this, the C locale."""
    kept = {name: value for name, value in os.environ.items()
            if name in ('PATH', 'TMPDIR', 'VEREDA_PLUGIN_PATH', 'SMTP_TOOL_EXECDIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS')}
    return {**kept, 'HOME': paths.work, 'LC_ALL': 'C', 'BENCH_NODE': paths.node or '', **more}


def ask(paths, argv, patience=PATIENCE):
    """The JSON object that a program of this folder prints."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(paths),
                          timeout=patience, check=False)
    if done.returncode != 0:
        raise Broken(f'{os.path.basename(argv[0])}: exit status {done.returncode}: {done.stderr.decode()[-300:].strip()}')
    return json.loads(done.stdout)


def run(paths, argv, patience=PATIENCE, stdin=None, processor=None, **more):
    """Runs a program to its end, on that processor: Usage.  Broken when it fails."""
    with tempfile.NamedTemporaryFile('r', dir=paths.work, prefix='usage-') as file:
        with open(stdin, 'rb') if stdin else open(os.devnull, 'rb') as source:
            try:
                done = subprocess.run([paths.program('bench-measure'), file.name, *argv], stdin=source, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, env=environment(paths, **more), timeout=patience, check=False,
                                      preexec_fn=pinned(processor))
            except subprocess.TimeoutExpired as late:
                raise Broken(f'{os.path.basename(argv[0])}: not done after {patience} s') from late
        words = file.read().split()
    said = done.stderr.decode('utf-8', 'backslashreplace').strip()
    if done.returncode != 0 or len(words) != 5:
        raise Broken(f'bench-measure: {said}')
    if words[4] != '0':
        raise Broken(f'{os.path.basename(argv[0])}: exit status {words[4]}: {said[-300:]}')
    return Usage(float(words[0]), float(words[1]), float(words[2]), int(words[3]) * 1024)


def instructions(paths, argv, stdin=None, **more):
    """Instructions of the whole process, the dynamic linker's included, as callgrind counts them."""
    with tempfile.TemporaryDirectory(dir=paths.work) as folder:
        out = os.path.join(folder, 'callgrind.out')
        command = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', '--error-exitcode=0', *argv]
        with open(stdin, 'rb') if stdin else open(os.devnull, 'rb') as source:
            done = subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env=environment(paths, **more), timeout=PATIENCE, check=False)
        if done.returncode != 0 or not os.path.exists(out):
            raise Broken(f'{os.path.basename(argv[0])} under callgrind: {done.stderr.decode()[-300:]}')
        with open(out, encoding='utf-8', errors='replace') as text:
            found = re.findall(r'^(?:summary|totals): (\d+)', text.read(), re.MULTILINE)
    return int(found[-1])


class Server:
    """A process that prints its port first; ends with the block it is used in: its standard input is closed, then it is told to."""

    def __init__(self, paths, argv, processor=None):
        self.paths = paths
        self.argv = argv
        self.processor = processor
        self.process = None
        self.port = None

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment(self.paths), preexec_fn=pinned(self.processor))
        line = self.process.stdout.readline().strip()
        if not line.isdigit():
            self.process.kill()
            raise Broken(f'{self.argv[0]} did not start: {self.process.communicate()[1].decode()}')
        self.port = int(line)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        if getattr(self, 'wants_log', False):
            os.remove(self.log)


class Sink(Server):
    """smtp-tool sink.  With log, the events of single messages go to a file, with their times."""

    def __init__(self, paths, *more, tls='none', auth=False, log=False, threads=1, processor=None):
        argv = [paths.sink, '--with-parent', f'--threads={threads}', '--hostname=localhost', *more]
        self.ca = None
        self.log = None
        if tls != 'none':
            self.ca = os.path.join(paths.work, f'ca-{tls}.pem')
            argv += [f'--tls={tls}', '--self-signed', f'--ca-out={self.ca}']
        if auth:
            secret = os.path.join(paths.work, 'password')
            with open(secret, 'w', encoding='ascii', opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(PASSWORD + '\n')
            argv += ['--auth=PLAIN,LOGIN', f'--user={USER}', f'--password-file={secret}']
        argv += ['--format=jsonl'] if log else ['--quiet', '--print-port']
        super().__init__(paths, argv, processor)
        self.wants_log = log

    def __enter__(self):
        if not self.wants_log:
            return super().__enter__()
        self.log = os.path.join(self.paths.work, f'sink-{os.getpid()}.jsonl')
        with open(self.log, 'wb') as out:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                                            env=environment(self.paths), preexec_fn=pinned(self.processor))
        for _ in range(1000):
            with open(self.log, encoding='utf-8') as lines:
                first = lines.readline()
            if first.endswith('\n'):
                break
            try:
                self.process.wait(0.01)
                raise Broken(f'the sink did not start: {self.process.communicate()[1].decode()}')
            except subprocess.TimeoutExpired:
                pass
        self.port = json.loads(first)['port']
        return self

    def events(self):
        with open(self.log, encoding='utf-8') as lines:
            return [json.loads(line) for line in lines if line.startswith('{')]


class Relay(Server):
    """bench-relay: a fixed delay for each direction, in seconds."""

    def __init__(self, paths, port, delay, log=None):
        super().__init__(paths, [paths.program('bench-relay'), '127.0.0.1', str(port), str(round(delay * 1e6)), *([log] if log else [])])
        self.log = log

    def lines(self):
        """Of each connection that has ended: time of accepting, octets up, octets down, turns."""
        with open(self.log, encoding='ascii') as file:
            return [(float(a), int(b), int(c), int(d)) for a, b, c, d in (line.split() for line in file)]


def median(values):
    return statistics.median(values)


def spread(values):
    """Quartiles: half of the rounds lie between them."""
    if len(values) < 2:
        return [values[0], values[0]]
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return [low, high]


def interleaved(rounds, subjects, say):
    """Calls each of {name: function} once a round, in turn and back again, so that a busy moment hits all of them:
    {name: [value]}, and {name: why} of those that cannot be measured."""
    values = {name: [] for name in subjects}
    broken = {}
    for number in range(rounds):
        names = list(subjects) if number % 2 == 0 else list(reversed(subjects))
        for name in names:
            if name in broken:
                continue
            try:
                values[name].append(subjects[name]())
            except Broken as why:
                broken[name] = str(why)
                say(f'    {name}: {why}')
    return {name: found for name, found in values.items() if name not in broken}, broken


def message(size):
    """A message of exactly so many octets: lines of 72 octets, CRLF."""
    head = (b'From: sender@bench.example\r\nTo: recipient@bench.example\r\nSubject: A message to measure with\r\n'
            b'Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@bench.example>\r\n\r\n')
    line = b'The quick brown fox jumps over the lazy dog, and so it does once more.\r\n'
    assert size >= len(head) + 3
    left = size - len(head)
    body = line * (left // len(line))
    rest = left - len(body)
    if rest in (1, 2) and body:  # no room for a line: the last one grows
        body, rest = body[:-len(line)], rest + len(line)
    return head + body + (b'x' * (rest - 2) + b'\r\n' if rest else b'')
