# SPDX-License-Identifier: MIT
"""self-check.py: the measuring devices of the benchmark measure what they say.  TAP; seconds, not minutes.

Upper limits of times are wide, since the machine may be busy; lower limits are what the devices promise.
"""
import os
import socket
import sys
import tempfile
import time
import traceback
import xml.dom.minidom

import bench
import plot
import report
import rows
from kit import PROCESSORS, Broken, Paths, Relay, Sink, interleaved, message, run
from peers import Job, VeredaAuto, VeredaOff

DELAY = 0.03
SLACK = 10 * DELAY


def paths_in(folder):
    return Paths('', os.environ['BENCH_PROGRAMS'], folder, folder, None)


class Client:
    def __init__(self, port):
        self.began = time.monotonic()
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile('rb')
        self.greeting = self.file.readline()
        self.greeted = time.monotonic() - self.began

    def ask(self, octets, replies=1):
        began = time.monotonic()
        self.socket.sendall(octets)
        found = [self.file.readline() for _ in range(replies)]
        return time.monotonic() - began, found

    def close(self):
        self.file.close()
        self.socket.close()


def test_delay_of_each_direction(paths):
    with Sink(paths) as sink, Relay(paths, sink.port, DELAY) as relay:
        client = Client(relay.port)
        # two round trips: the segments of the handshake, and the greeting behind them
        assert 4 * DELAY <= client.greeted < 4 * DELAY + SLACK, client.greeted
        for _ in range(3):
            took, found = client.ask(b'NOOP\r\n')
            assert found[0].startswith(b'250'), found
            assert 2 * DELAY <= took < 2 * DELAY + SLACK, took
        client.close()


def test_delay_is_no_pause(paths):
    """What follows closely arrives as closely: neither many commands nor many octets cost a delay each."""
    with Sink(paths) as sink, Relay(paths, sink.port, DELAY) as relay:
        client = Client(relay.port)
        took, _ = client.ask(b'NOOP\r\n' * 50, 50)
        assert 2 * DELAY <= took < 2 * DELAY + SLACK, took
        began = time.monotonic()
        for _ in range(10):  # apart from each other by a third of the delay: all of them are on their way at once
            client.socket.sendall(b'NOOP\r\n')
            time.sleep(DELAY / 3)
        for _ in range(10):
            client.file.readline()
        took = time.monotonic() - began
        assert 10 * DELAY / 3 + DELAY <= took < 10 * DELAY / 3 + 2 * DELAY + SLACK, took
        client.socket.sendall(b'EHLO bench.example\r\n')
        while client.file.readline()[3:4] == b'-':
            pass
        size = 8 * 1024 * 1024
        text = message(size)
        client.socket.sendall(b'MAIL FROM:<a@bench.example>\r\nRCPT TO:<b@bench.example>\r\nBDAT %d LAST\r\n' % size)
        began = time.monotonic()
        client.socket.sendall(text)
        for _ in range(3):
            assert (line := client.file.readline()).startswith(b'250'), line
        took = time.monotonic() - began
        assert took < 2 * DELAY + 2, took  # one pause for each read would be minutes
        client.close()


def test_relay_counts(paths):
    log = os.path.join(paths.work, 'relay.log')
    with Sink(paths) as sink, Relay(paths, sink.port, 0.001, log) as relay:
        before = time.time()
        client = Client(relay.port)
        got = len(client.greeting)
        for _ in range(5):
            got += len(client.ask(b'NOOP\r\n')[1][0])
        got += len(client.ask(b'QUIT\r\n')[1][0])
        client.close()
        for _ in range(500):
            if relay.lines():
                break
            time.sleep(0.01)
        (accepted, up, down, turns), = relay.lines()
    assert before - 0.1 <= accepted <= time.time(), (before, accepted)
    assert (up, down, turns) == (6 * 6, got, 6), (up, down, turns, got)


def test_what_a_process_costs(paths):
    small = run(paths, ['/bin/sh', '-c', ':'])
    assert 0 < small.peak < 12e6, small.peak
    python = ['/usr/bin/python3', '-S', '-c']
    large = run(paths, [*python, 'x = b"x" * 100_000_000'])
    assert 100e6 < large.peak < 150e6, large.peak
    busy = run(paths, [*python, 'import time\nwhile time.process_time() < 0.3: pass'])
    assert 0.28 <= busy.cpu < 1 and busy.wall >= 0.28, (busy.cpu, busy.wall)
    idle = run(paths, ['/bin/sleep', '0.3'])
    assert idle.cpu < 0.1 and idle.wall >= 0.3, (idle.cpu, idle.wall)
    try:
        run(paths, ['/bin/sh', '-c', 'echo so it is >&2; exit 3'])
        raise AssertionError('a program that fails was measured')
    except Broken as why:
        assert 'status 3' in str(why) and 'so it is' in str(why), why


def test_placement(paths):
    """Who is put on a processor stays there, with all that it starts; and nobody else is moved."""
    before = os.sched_getaffinity(0)
    for processor in (PROCESSORS[0], PROCESSORS[-1]):
        where = f'import os; assert os.sched_getaffinity(0) == {{{processor}}}, os.sched_getaffinity(0)'
        run(paths, ['/usr/bin/python3', '-S', '-c', where], processor=processor)
        run(paths, ['/bin/sh', '-c', '"$0" -S -c "$1"', '/usr/bin/python3', where], processor=processor)
        with Sink(paths, processor=processor, threads=2) as sink:
            for task in os.listdir(f'/proc/{sink.process.pid}/task'):
                assert os.sched_getaffinity(int(task)) == {processor}, (task, os.sched_getaffinity(int(task)))
    run(paths, ['/usr/bin/python3', '-S', '-c', f'import os; assert os.sched_getaffinity(0) == {before}'])
    assert os.sched_getaffinity(0) == before == set(PROCESSORS), before


def test_flights_of_the_library(paths):
    """The counter of turns tells what the table of round trips tells by time: one flight a message with auto, four with off."""
    path = os.path.join(paths.work, 'message.eml')
    with open(path, 'wb') as file:
        file.write(message(1024))
    for kind, flights in ((VeredaAuto, 1), (VeredaOff, 4)):
        log = os.path.join(paths.work, f'{kind.level}.log')
        with Sink(paths) as sink, Relay(paths, sink.port, 0.002, log) as relay:
            peer = kind(paths)
            for count in (1, 21):
                run(paths, peer.argv(Job(relay.port, path, count)))
            for _ in range(500):
                if len(relay.lines()) == 2:
                    break
                time.sleep(0.01)
            one, many = (line[3] for line in relay.lines())
        assert many - one == 20 * flights, (kind.level, one, many)


def test_messages_have_their_size(_paths):
    for size in [*range(200, 500), 1024, 65536, 1000000]:
        text = message(size)
        assert len(text) == size and text.endswith(b'\r\n'), size
        assert max(map(len, text.split(b'\r\n'))) <= 998 and b'\r\n\r\n' in text, size


def test_rounds_are_interleaved(_paths):
    order = []

    def subject(name):
        def measure():
            order.append(name)
            if name == 'c':
                raise Broken('no')
            return len(order)
        return measure
    found, broken = interleaved(3, {name: subject(name) for name in 'abc'}, lambda text: None)
    assert order == ['a', 'b', 'c', 'b', 'a', 'a', 'b'], order
    assert set(found) == {'a', 'b'} and broken == {'c': 'no'}, (found, broken)


def test_bars_and_their_report(paths):
    table = rows.Table('one', 'One thing', 'µs', 1, {'Vereda, auto': [3.0, 1.0, 2.0], 'a & b': [4.0, 5.0, 9.0]}, {'gone': 'not | here'})
    assert table.median('Vereda, auto') == 2 and table.median('nobody') is None
    bars = [rows.Bar('less', rows.ratio(2, 5), 1 / 2), rows.Bar('more', 2.0, 3, at_most=False, unit='×'), rows.Bar('none', rows.ratio(None, 1), 1)]
    assert [bar.met for bar in bars] == [True, False, False]
    results = {'command': 'run', 'machine': {'date': 'd', 'revision': 'r', 'processor': 'p', 'processors': 2, 'memory_mb': 4096, 'virtual': True,
                                             'system': 's', 'kernel': 'k', 'compiler': 'c', 'load': 0.0, 'versions': {'x': '1'}},
               'tables': [table.json()], 'bars': [bar.json() for bar in bars]}
    plots = plot.draw(results, paths.work)
    assert plots == {'one': 'one.svg'}
    drawn = xml.dom.minidom.parse(os.path.join(paths.work, 'one.svg'))
    told = drawn.getElementsByTagName('desc')[0].firstChild.data
    assert 'Vereda, auto: 2.0' in told and 'a & b: 5.0' in told, told
    widths = [float(rect.getAttribute('width')) for rect in drawn.getElementsByTagName('rect')][1:]
    assert abs(widths[0] / widths[1] - 2 / 5) < 0.01, widths
    text = report.markdown(results, plots)
    assert '| more | 2.00 × | ≥ 3.00 | **missed** |' in text and '| less | 0.400 | ≤ 0.500 | met |' in text, text
    assert 'not \\| here' in text and '(one.svg)' in text, text


def test_command_line(_paths):
    assert bench.main(['--list']) == 0
    for wrong in (['--only', 'nothing'], ['--sideways']):
        try:
            bench.parse(wrong)
            raise AssertionError(wrong)
        except SystemExit as end:
            assert end.code == 2


def main():
    tests = [(name[5:].replace('_', '-'), function) for name, function in globals().items() if name.startswith('test_')]
    failed = 0
    print(f'1..{len(tests)}')
    for number, (name, function) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix='vereda-bench-') as folder:
            hush, sys.stderr = sys.stderr, open(os.devnull, 'w', encoding='utf-8')
            held, sys.stdout = sys.stdout, sys.stderr
            try:
                function(paths_in(folder))
                why = None
            except Exception:  # whatever it is, it is this test's failure
                why = traceback.format_exc()
            finally:
                sys.stderr.close()
                sys.stderr, sys.stdout = hush, held
        if why:
            failed += 1
            print('\n'.join('# ' + line for line in why.splitlines()))
        print(f'{"not " if why else ""}ok {number} - {name}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
