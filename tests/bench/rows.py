# SPDX-License-Identifier: MIT
"""rows.py: what is measured.  Each row is one function; it gives figures, and the bars they are held against.

A figure is {subject: [value of each round]}.  A bar compares medians of one and the same run, so that the machine cancels out.
"""
import datetime
import os
import subprocess
import tempfile
from time import sleep

import peers
from kit import PROCESSORS, Broken, Relay, Server, Sink, ask, instructions, interleaved, median, message, run, spread
from peers import Job

KIB = 1024
DELAY = 0.025  # seconds in each direction, and twice that: round trips of 50 and 100 ms


class Bar:
    """One line of the table: a figure and what it has to be."""

    def __init__(self, what, figure, limit, at_most=True, unit=''):
        self.what = what
        self.figure = figure
        self.limit = limit
        self.at_most = at_most
        self.unit = unit

    @property
    def met(self):
        return self.figure is not None and (self.figure <= self.limit if self.at_most else self.figure >= self.limit)

    def json(self):
        return {'what': self.what, 'figure': self.figure, 'limit': self.limit, 'relation': '<=' if self.at_most else '>=',
                'unit': self.unit, 'met': self.met}


class Table:
    """Figures of several subjects under one heading."""

    def __init__(self, name, title, unit, digits, values, broken=None, better='lower', notes=None):
        self.name = name
        self.title = title
        self.unit = unit
        self.digits = digits
        self.values = values
        self.broken = broken or {}
        self.better = better
        self.notes = notes or []

    def median(self, subject):
        return median(self.values[subject]) if self.values.get(subject) else None

    def json(self):
        return {'name': self.name, 'title': self.title, 'unit': self.unit, 'digits': self.digits, 'better': self.better, 'notes': self.notes,
                'subjects': {name: {'median': median(found), 'quartiles': spread(found), 'rounds': found}
                             for name, found in self.values.items()},
                'broken': self.broken}


def ratio(above, below):
    return None if above is None or not below else above / below


class Bench:
    """What the rows share."""

    def __init__(self, paths, rounds, say, quick=False):
        self.paths = paths
        self.rounds = rounds
        self.quick = quick
        self.say = say

    def file(self, size):
        """A message of that size, made once."""
        path = os.path.join(self.paths.work, f'message-{size}.eml')
        if not os.path.exists(path) or os.path.getsize(path) != size:
            with open(path, 'wb') as file:
                file.write(message(size))
        return path

    def send(self, peer, job, processor=None):
        peer.files(job)
        return run(self.paths, peer.argv(job), stdin=peer.stdin(job), processor=processor, **peer.more(job))

    def peers(self, *kinds):
        return {kind.name: kind(self.paths) for kind in kinds}


VEREDA = (peers.VeredaAuto, peers.VeredaWindow, peers.VeredaOff)


def trips_next(bench):
    """(T(n) - T(1)) / (n - 1) over a line of 100 ms, less the same over one of 50 ms: what a further message costs in round trips.  The
    whole process is timed; whatever it does once, and whatever does not depend on the line, cancels out."""
    subjects = bench.peers(*VEREDA, *peers.LIBRARIES, peers.Tcllib)
    counts = {name: 200 if 'window' in name else 40 if 'auto' in name else 4 if name.startswith('tcllib') else 6 for name in subjects}
    path = bench.file(KIB)

    with Sink(bench.paths) as sink, Relay(bench.paths, sink.port, 2 * DELAY) as slow, Relay(bench.paths, sink.port, DELAY) as fast:
        def further(name):
            def cost(port):
                many = bench.send(subjects[name], Job(port, path, counts[name])).wall
                return (many - bench.send(subjects[name], Job(port, path, 1)).wall) / (counts[name] - 1)
            return lambda: (cost(slow.port) - cost(fast.port)) / (2 * DELAY)
        found, broken = interleaved(min(bench.rounds, 3), {name: further(name) for name in subjects}, bench.say)
    table = Table('trips-next', 'Round trips for each further message', 'round trips', 2, found, broken,
                  notes=[f'One recipient, 1 KiB, server with PIPELINING and CHUNKING, lines of {2 * DELAY * 1000:.0f} and {4 * DELAY * 1000:.0f} ms; '
                         f'{", ".join(f"{name}: {count}" for name, count in counts.items() if name.startswith("Vereda"))} messages, the others 6. '
                         'tcllib connects for every message.'])
    return [table], [Bar('round trips per further message, auto', table.median('Vereda, auto'), 1.05),
                     Bar('round trips per further message, window, 200 messages', table.median('Vereda, window'), 0.05)]


def accepted_at(sink, known):
    """When the sink told of the one new message, as seconds; and how many it has told of."""
    events = [event for event in sink.events() if event['event'] in ('message', 'refused')]
    if len(events) != known + 1 or events[-1]['event'] != 'message':
        raise Broken(f'{len(events) - known} messages arrived instead of one')
    return datetime.datetime.fromisoformat(events[-1]['time'].replace('Z', '+00:00')).timestamp(), len(events)


FIRST = (('plain', 'none', False, 5), ('STARTTLS and PLAIN', 'starttls', True, 9), ('implicit TLS and PLAIN', 'implicit', True, 7))


def trips_first(bench):
    """From the first segment (the relay's accept) until the client could read the final 250 (the server's word, and half a round trip),
    over a line of 100 ms and less the same over one of 50 ms.  Without any delay some clients wait for a delayed acknowledgement, which a
    line hides; so nothing is compared with that."""
    path = bench.file(KIB)
    tables, bars = [], []
    for words, tls, auth, formula in FIRST:
        kinds = (peers.SmtpTool, peers.VeredaAuto, *peers.LIBRARIES, *peers.COMMANDS)
        subjects = {name: peer for name, peer in bench.peers(*kinds).items() if tls in peer.modes and name != 'smtp-source'}
        log = os.path.join(bench.paths.work, 'relay.log')
        with Sink(bench.paths, tls=tls, auth=auth, log=True) as sink:
            state = {'known': 0}

            def time(name, delay):
                with Relay(bench.paths, sink.port, delay, log) as relay:
                    bench.send(subjects[name], Job(relay.port, path, 1, tls, sink.ca, auth))
                    while not relay.lines():
                        sleep(0.005)
                    began = relay.lines()[0][0]
                ended, state['known'] = accepted_at(sink, state['known'])
                return ended + delay - began

            def trips(name):
                return lambda: (time(name, 2 * DELAY) - time(name, DELAY)) / (2 * DELAY)
            found, broken = interleaved(min(bench.rounds, 3), {name: trips(name) for name in subjects}, bench.say)
        table = Table(f'trips-first-{tls}', f'Round trips from connecting to accepted, {words}', 'round trips', 2, found, broken,
                      notes=[f'One message to one recipient; opening the TCP connection counts as one. The least that the RFCs allow without options: {formula}.'])
        tables.append(table)
        for name in ('smtp-tool send', 'Vereda, auto'):
            bars.append(Bar(f'round trips from connecting to accepted, {words}, {name}', table.median(name), formula + 0.3))
    return tables, bars


# Of client and server; with a single processor both are the same.
APART, TOGETHER = (PROCESSORS[0], PROCESSORS[-1]), (PROCESSORS[0], PROCESSORS[0])
ONE = ', on one processor'


def rate(bench):
    """Many messages of 1 KiB over one connection on loopback: the whole process is timed, start and end included.  Client and server
    stay where they are put, each on a processor of its own, and then both on one."""
    subjects = bench.peers(*VEREDA, peers.VeredaAutoAgain, peers.VeredaWindowAgain, *peers.LIBRARIES)
    path = bench.file(KIB)
    seconds = 0.4 if bench.quick else 1.2
    with Sink(bench.paths, processor=APART[1]) as apart, Sink(bench.paths, processor=TOGETHER[1]) as together:
        def one(name, sink, client):
            counts = []  # how many fill the time: how long a wake-up of another processor takes is the machine's secret

            def measure():
                if not counts:
                    few = max(100, int(subjects[name].pace * seconds / 20))
                    wall = bench.send(subjects[name], Job(sink.port, path, few), client).wall
                    counts.append(max(few, min(int(few / wall * seconds), int(subjects[name].pace * seconds))))
                used = bench.send(subjects[name], Job(sink.port, path, counts[0]), client)
                return counts[0] / used.wall, used.cpu / counts[0] * 1e6, used.user / counts[0] * 1e6
            return measure
        found, broken = interleaved(bench.rounds, {
            name + place: one(name, sink, client) for name in subjects
            for place, sink, client in (('', apart, APART[0]), (ONE, together, TOGETHER[0]))}, bench.say)

    def table(place, number, *words, better='lower', notes=None):
        return Table(*words, {name: [value[number] for value in found[name + place]] for name in subjects if name + place in found},
                     {name: broken[name + place] for name in subjects if name + place in broken}, better, notes)
    where = (f'Client on processor {APART[0]}, server on processor {APART[1]}.' if APART[0] != APART[1]
             else 'There is one processor, which client and server share.')
    speed = table('', 0, 'rate', 'Messages a second', 'messages/s', 0, better='higher', notes=[
        f'1 KiB, one connection, loopback, the server in a process of its own. {where} Every message is an object of its own, in Vereda as in '
        'libESMTP; "one object" is one that is submitted again and again.'])
    cpu = table('', 1, 'cpu', 'CPU time for each message', 'µs', 2, notes=[
        'User and system time of the client process, start and end included, divided by the number of messages.'])
    user = table('', 2, 'cpu-user', 'of which user time', 'µs', 2)
    shared = table(ONE, 0, 'rate-together', 'Messages a second, client and server on one processor', 'messages/s', 0, better='higher', notes=[
        f'The same on processor {TOGETHER[0]}: here the time of the server counts, too, and nobody waits for another processor to wake up.'])
    shared_cpu = table(ONE, 1, 'cpu-together', 'CPU time for each message, client and server on one processor', 'µs', 2)
    auto, window, esmtp, curl = 'Vereda, auto', 'Vereda, window', 'libESMTP', 'libcurl'
    bars = []
    for rates, used, words in ((speed, cpu, ''), (shared, shared_cpu, ONE)):
        bars += [Bar(f'messages/s, auto, against libESMTP{words}', ratio(rates.median(auto), rates.median(esmtp)), 2, False, '×'),
                 Bar(f'messages/s, auto, against libcurl{words}', ratio(rates.median(auto), rates.median(curl)), 5, False, '×'),
                 Bar(f'messages/s, window, against libESMTP{words}', ratio(rates.median(window), rates.median(esmtp)), 10, False, '×'),
                 Bar(f'CPU per message, auto, against libESMTP{words}', ratio(used.median(auto), used.median(esmtp)), 1 / 2, True, '×'),
                 Bar(f'CPU per message, window, against libESMTP{words}', ratio(used.median(window), used.median(esmtp)), 1 / 8, True, '×')]
    return [speed, cpu, user, shared, shared_cpu], bars


def large_cpu(bench):
    """One message of 400 MB from a file."""
    size = (40 if bench.quick else 400) * 1000 * 1000
    subjects = bench.peers(peers.SmtpTool, peers.VeredaAuto, peers.Libcurl, peers.Curl, peers.Libesmtp, peers.Msmtp)
    path = bench.file(size)
    with Sink(bench.paths) as sink:
        found, broken = interleaved(min(bench.rounds, 3), {
            name: lambda peer=peer: (lambda used: (used.user, used.cpu, size / used.wall / 1e6))(bench.send(peer, Job(sink.port, path)))
            for name, peer in subjects.items()}, bench.say)
    user = Table('large-cpu', f'One message of {size // 1000000} MB: user time', 's', 3, {name: [v[0] for v in values] for name, values in found.items()}, broken,
                 notes=['bench-vereda and libESMTP have the message in memory; the others read it from the file.'])
    cpu = Table('large-cpu-all', 'user and system time', 's', 3, {name: [v[1] for v in values] for name, values in found.items()}, broken)
    speed = Table('large-rate', 'and megabytes a second', 'MB/s', 0, {name: [v[2] for v in values] for name, values in found.items()}, broken, 'higher')
    return [user, cpu, speed], [
        Bar(f'{size // 1000000} MB, user CPU of smtp-tool send against libcurl', ratio(user.median('smtp-tool send'), user.median('libcurl')), 1 / 4, True, '×')]


def memory(bench):
    """One message of 1 GB, from a file and through a pipe."""
    size = (100 if bench.quick else 1000) * 1000 * 1000
    subjects = bench.peers(peers.SmtpTool, peers.Curl, peers.Msmtp)
    path = bench.file(size)
    with Sink(bench.paths) as sink:
        def from_pipe(peer):
            def measure():
                job = Job(sink.port, path)
                peer.files(job)
                with tempfile.TemporaryDirectory(dir=bench.paths.work) as folder:
                    fifo = os.path.join(folder, 'pipe')
                    os.mkfifo(fifo)
                    with subprocess.Popen(['sh', '-c', 'exec cat "$1" >"$2"', 'sh', path, fifo]) as cat:
                        try:
                            argv = [word if word != path else '-' for word in peer.argv(job)]
                            return run(bench.paths, argv, stdin=fifo).peak / 1e6
                        finally:
                            cat.kill()
            return measure
        jobs = {}
        for name, peer in subjects.items():
            jobs[f'{name}, file'] = lambda peer=peer: bench.send(peer, Job(sink.port, path)).peak / 1e6
            jobs[f'{name}, pipe'] = from_pipe(peer)
        found, broken = interleaved(1, jobs, bench.say)
    table = Table('memory', f'One message of {size // 1000000} MB: peak memory', 'MB', 1, found, broken,
                  notes=['The most that was ever resident, shared libraries included. msmtp reads its standard input in both.'])
    return [table], [Bar(f'{size // 1000000} MB from a {kind}, peak memory of smtp-tool send', table.median(f'smtp-tool send, {kind}'), 16, True, 'MB')
                     for kind in ('file', 'pipe')]


def large_plain(bench):
    """One large message in clear, from memory and from a file, beside bare loops over the same memory and of the same file to the same
    reader, which does nothing but look for the final dot (large.c)."""
    size = (80 if bench.quick else 400) * 1000 * 1000
    program = bench.paths.program('bench-large')
    path = os.path.join(bench.paths.work, f'large-{size}.eml')
    if not os.path.exists(path):
        run(bench.paths, [program, 'make', path, str(size)])
    hot, memory_loop, ours_memory, file_loop, ours_file = names = (
        'bare loop, one block', 'bare loop, memory', 'Vereda, memory', 'bare loop, file',
        'Vereda, file')
    modes = {hot: ['bare', str(size)], memory_loop: ['memory', path], ours_memory: ['vereda-memory', path],
             file_loop: ['copy', path], ours_file: ['vereda', path]}
    with Server(bench.paths, [program, 'reader']) as reader:
        found, broken = interleaved(bench.rounds, {
            name: lambda words=words: ask(bench.paths, [program, words[0], str(reader.port), *words[1:]])
            for name, words in modes.items()}, bench.say)
    table = Table('large-plain', f'One message of {size // 1000000} MB in clear, beside bare loops', 'MB/s', 0,
                  {name: [one['octets_per_second'] / 1e6 for one in values] for name, values in found.items()}, broken, 'higher',
                  ['DATA, lines of 76 octets: the library looks at every octet for line ends and dots, the loops do not. Each of ours is held against the '
                   'loop over the same octets at the same place. The loop over one block of 256 KiB, which never leaves the processor\'s cache, sends no message; '
                   'it shows what the socket alone costs.'])
    whole = table.median(hot)
    if whole:
        table.notes.append('Of that one: ' + ', '.join(f'{name} {ratio(table.median(name), whole):.2f}' for name in names[1:] if table.median(name)) + '.')
    cpu = Table('large-plain-cpu', 'and CPU time of the client', 's', 3,
                {name: [one['user'] + one['system'] for one in values] for name, values in found.items()}, broken)
    return [table, cpu], [
        Bar('large message in clear from memory, of a bare write loop over the same memory', ratio(table.median(ours_memory), table.median(memory_loop)), 0.7, False, '×'),
        Bar('large message in clear from a file, of a bare read and write loop of it', ratio(table.median(ours_file), table.median(file_loop)), 0.7, False, '×')]


def large_tls(bench):
    """One large message under TLS beside a bare loop of the same TLS library to the same reader (tls.c)."""
    certs = make_certificates(bench.paths)
    tables, bars = [], []
    for backend in ('openssl', 'gnutls'):
        found = ask(bench.paths, [bench.paths.program('bench-tls'), f'--backend={backend}', f'--size={40 if bench.quick else 400}',
                                  f'--runs={bench.rounds}', f'--plugins={bench.paths.plugins}', f'--certs={certs}'])
        rate = {words: [found['octets'] / found[kind]['seconds'] / 1e6] for words, kind in
                (('bare loop, one block', 'bare'), ('bare loop, memory', 'memory'), ('Vereda, plugin alone', 'stack'), ('Vereda', 'library'))}
        tables.append(Table(f'large-tls-{backend}', f'One message of {found["octets"] // 1000000} MB under TLS, {backend}', 'MB/s', 0, rate, {}, 'higher',
                            [f'Medians of {found["runs"]} rounds. "One block" sends the same 16 KiB again and again, which never leave the processor\'s cache, and so does '
                             'the plugin alone; "memory" and Vereda send the same message. Vereda is held against the first; of the second it is '
                             f'{ratio(rate["Vereda"][0], rate["bare loop, memory"][0]):.2f}.']))
        bars.append(Bar(f'large message under TLS, {backend}, of that library\'s bare send loop', ratio(rate['Vereda'][0], rate['bare loop, one block'][0]), 0.85, False, '×'))
    return tables, bars


def make_certificates(paths):
    """An authority and a certificate for localhost, as tls.c wants them."""
    folder = os.path.join(paths.work, 'certs')
    if os.path.exists(os.path.join(folder, 'good.pem')):
        return folder
    os.makedirs(folder, exist_ok=True)

    def openssl(*words):
        done = subprocess.run(['openssl', *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise Broken(f'openssl {words[0]}: {done.stderr.decode()[-300:]}')
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl('req', '-x509', *key, '-keyout', 'root.key', '-out', 'root.pem', '-days', '30', '-subj', '/CN=Bench authority')
    openssl('req', *key, '-keyout', 'good.key', '-out', 'good.csr', '-subj', '/CN=localhost')
    with open(os.path.join(folder, 'extensions'), 'w', encoding='ascii') as file:
        file.write('subjectAltName=DNS:localhost,DNS:mail.example.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
    openssl('x509', '-req', '-in', 'good.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '30', '-extfile', 'extensions',
            '-out', 'good.pem')
    return folder


STARTUP = (('plain', 'none', False), ('STARTTLS and PLAIN', 'starttls', True))


def startup(bench):
    """Instructions of one short-lived sender, from exec to exit: callgrind over the whole process, the dynamic linker included."""
    path = bench.file(KIB)
    tables = []
    for words, tls, auth in STARTUP:
        ours = (peers.SmtpTool,) if tls == 'none' else (peers.SmtpTool, peers.SmtpToolOpenssl, peers.FloorOpenssl, peers.FloorGnutls)
        subjects = bench.peers(*ours, peers.Msmtp, peers.Curl)
        with Sink(bench.paths, tls=tls, auth=auth) as sink:
            job = Job(sink.port, path, 1, tls, sink.ca, auth)

            def count(peer):
                peer.files(job)
                return instructions(bench.paths, peer.argv(job), stdin=peer.stdin(job), **peer.more(job)) / 1e6
            found, broken = interleaved(1, {name: lambda peer=peer: count(peer) for name, peer in subjects.items()}, bench.say)
            spent, lost = interleaved(3 if bench.quick else 15, {
                name: lambda peer=peer: bench.send(peer, job).wall * 1000 for name, peer in subjects.items()}, bench.say)
        tables.append(Table(f'startup-{tls}', f'One message of 1 KiB by a process of its own, {words}: instructions', 'million instructions', 2, found, broken,
                            notes=['As callgrind counts them over the whole process, ld.so included.']
                            + ([] if tls == 'none' else ['By rank ours is GnuTLS, as msmtp\'s is; curl\'s is OpenSSL. The bare clients do nothing but the one dialogue '
                                                         '(floor.h): what they take is what the TLS libraries take.'])))
        tables.append(Table(f'startup-{tls}-time', 'and time from exec to exit', 'ms', 2, spent, lost))
    plain, secure = tables[0], tables[2]
    tool, msmtp, curl = 'smtp-tool send', 'msmtp', 'curl'
    return tables, [
        Bar('instructions of one smtp-tool send, plain, against msmtp', ratio(plain.median(tool), plain.median(msmtp)), 1 / 3, True, '×'),
        Bar('instructions of one smtp-tool send, plain, against curl', ratio(plain.median(tool), plain.median(curl)), 1 / 5, True, '×'),
        Bar('instructions of one smtp-tool send, STARTTLS and PLAIN, against msmtp', ratio(secure.median(tool), secure.median(msmtp)), 1, True, '×'),
    ]


def scale(bench):
    """Ten thousand connections at once in one thread, beside a hundred (scale.c): CPU for each message, and memory of an idle session."""
    many, few, messages = (2000, 100, 20000) if bench.quick else (10000, 100, 100000)
    found = []
    for _ in range(1 if bench.quick else 2):  # a third one would find too many local ports in TIME_WAIT
        found.append(ask(bench.paths, [bench.paths.program('bench-scale'), str(many), str(few), str(messages)]))

    def values(name, factor=1):
        return [one[name] * factor for one in found]
    rows = {f'{who}{count} connections': values(f'{key}_{which}')
            for who, key in (('', 'cpu_us_per_message'), ('bare loop, ', 'bare_cpu_us_per_message')) for which, count in (('few', few), ('many', many))}
    times = {who: median([one[name] for one in found]) for who, name in (('library', 'cpu_ratio'), ('bare', 'bare_cpu_ratio'))}
    cpu = Table('scale-cpu', f'CPU time for each message, with {few} and with {many} connections', 'µs', 2, rows, notes=[
        'One sender, one thread; the server is a process of its own. The bare loop writes the same octets from constants, counts lines and keeps one '
        f'word for each connection: what it pays for more connections is the system\'s. The library takes {times["library"]:.2f} times the CPU time with '
        f'{many} connections, the bare loop {times["bare"]:.2f} times; above the bare loop the library itself takes '
        f'{median([one["cpu_us_per_message_few"] - one["bare_cpu_us_per_message_few"] for one in found]):.1f} and '
        f'{median([one["cpu_us_per_message_many"] - one["bare_cpu_us_per_message_many"] for one in found]):.1f} µs.'])
    memory_used = Table('scale-memory', f'Memory of an idle session, of {many}', 'kB', 2,
                        {'heap': values('heap_octets_per_idle_session', 0.001), 'resident': values('resident_octets_per_idle_session', 0.001)})
    return [cpu, memory_used], [
        Bar(f'CPU per message, {many} connections against {few}', median([one['cpu_ratio'] for one in found]), 1.5, True, '×'),
        Bar('memory of an idle session, resident', memory_used.median('resident'), 20, True, 'kB')]


# Name on the command line, and the function; slow ones last.
ROWS = {
    'trips-next': trips_next,
    'trips-first': trips_first,
    'rate': rate,
    'startup': startup,
    'large-cpu': large_cpu,
    'large-plain': large_plain,
    'large-tls': large_tls,
    'memory': memory,
    'scale': scale,
}
