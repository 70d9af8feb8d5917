#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The progress bar of `smtp-tool send`: on a terminal, for work that takes its time, and gone without a trace when it is over."""
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time

from tool_kit import MESSAGE, TOOL, Folder, Script, Sink, read_terminal, run_tests, tool

SIZE = 12_000_000
SECONDS = 2


def slow_content(stream):
    """Takes the content of a message in about SECONDS."""
    stream.readline()
    stream.write(b'354 go on\r\n')
    stream.flush()
    got, tail, began = 0, b'', time.monotonic()
    while tail[-5:] != b'\r\n.\r\n':
        octets = stream.read1(65536)
        if not octets:
            return
        got += len(octets)
        tail = tail[-5:] + octets[-5:]
        ahead = began + SECONDS * got / SIZE - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    stream.write(b'250 ok\r\n')
    stream.flush()


def slow_server(messages=1):
    return Script(b'220 x ESMTP\r\n', b'250 x\r\n', *[b'250 ok\r\n', b'250 ok\r\n', slow_content] * messages, b'221 bye\r\n')


def large(folder, name='large.eml'):
    line = b'x' * 70 + b'\r\n'
    return folder.file(name, b'From: a@example.org\r\nTo: b@example.net\r\nSubject: x\r\n\r\n' + line * (SIZE // len(line)))


class Screen:
    """What a run on a terminal of its own wrote, raw, and the lines that stood there in the end."""

    def __init__(self, *args, columns=80, env=None, send=None):
        pid, master = pty.fork()
        if pid == 0:
            os.environ.update({'TERM': 'vt100', 'NO_COLOR': '1', 'LC_ALL': 'C.UTF-8', **(env or {})})
            os.execv(TOOL, [TOOL, *args])
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        self.raw = b''
        for octets in read_terminal(master, 60):
            self.raw += octets
            if send is not None and b'%' in self.raw:
                os.write(master, send)
                send = None
        os.close(master)
        self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.lines = [self.settle(line, columns) for line in self.raw.decode().split('\n')]

    @staticmethod
    def settle(line, columns):
        """One line after its carriage returns; with a bar in it, it has to fit into the terminal less its last column."""
        shown = ''
        for part in line.split('\r'):
            part = part.replace('^C', '')  # the terminal's own echo, which has room
            assert '%' not in part or len(part) < columns - 2, part
            shown = part + shown[len(part):]
        return shown.rstrip()

    @property
    def bars(self):
        return re.findall(r'[^\r\n]*\d %[^\r\n]*', self.raw.decode())


def send(server, *files, **kwargs):
    options = kwargs.pop('options', ())
    return Screen('send', '--server', server, '--timeout=30', *options, *files, **kwargs)


def test_shown_and_gone():
    with Folder() as folder, slow_server() as server:
        screen = send(server.server, large(folder))
        assert screen.status == 0
        assert len(screen.bars) >= 3, screen.raw
        percents = [int(re.search(r'(\d+) %', bar).group(1)) for bar in screen.bars]
        assert percents == sorted(percents) and percents[0] < 95, percents
        assert any(re.fullmatch(r' *\d+ % \[=*>? *\] [\d.]+ MB of 12\.0 MB  [\d.]+ [kM]B/s  0:\d\d left', bar) for bar in screen.bars), screen.bars
        text = '\n'.join(screen.lines)
        assert '%' not in text and 'sent to 1 recipient' in text and text.startswith('/'), screen.lines


def test_narrow_terminal():
    with Folder() as folder, slow_server() as server:
        screen = send(server.server, large(folder), columns=30)
        assert screen.bars and all(len(bar.replace("^C", "")) <= 27 for bar in screen.bars), screen.bars


def test_several_messages():
    with Folder() as folder, slow_server(2) as server:
        screen = send(server.server, large(folder), large(folder, '2.eml'))
        assert screen.status == 0
        text = '\n'.join(screen.bars)
        assert 'message 1 of 2' in text and 'message 2 of 2' in text, screen.bars
        assert not any('%' in line for line in screen.lines)


def test_waiting_for_the_reply():
    def late(stream):
        stream.readline()
        stream.write(b'354 go on\r\n')
        stream.flush()
        while stream.readline() not in (b'.\r\n', b''):
            pass
        time.sleep(2)
        stream.write(b'250 ok\r\n')
        stream.flush()
    with Folder() as folder, Script(b'220 x\r\n', b'250 x\r\n', b'250 ok\r\n', b'250 ok\r\n', late, b'221 bye\r\n') as server:
        screen = send(server.server, folder.file('m.eml', MESSAGE))
        assert screen.status == 0 and any('waiting for the reply' in bar for bar in screen.bars), screen.raw


def test_transcript_stays_whole():
    with Folder() as folder, slow_server() as server:
        screen = send(server.server, large(folder), options=['--verbose'])
        assert screen.bars
        for line in screen.lines:
            assert '%' not in line, screen.lines
        assert any(line.endswith(' -> DATA') for line in screen.lines) and any(line.endswith('<-  250 ok') for line in screen.lines), screen.lines
        assert ' -> .' in screen.lines, screen.lines


def test_interrupted():
    with Folder() as folder, slow_server() as server:
        screen = send(server.server, large(folder), send=b'\x03')
        assert screen.status == 128 + signal.SIGINT
        assert screen.bars and not any('%' in line for line in screen.lines), screen.lines
        assert any('not sent' in line for line in screen.lines), screen.lines


def test_not_where_it_does_not_belong():
    with Folder() as folder:
        for options, env in ((['--no-progress'], {}), (['--format=json'], {}), ([], {'TERM': 'dumb'})):
            with slow_server() as server:
                screen = send(server.server, large(folder), options=options, env=env)
                assert screen.status == 0 and not screen.bars, (options, screen.raw)


def test_on_request():
    with Folder() as folder:
        with slow_server() as server:
            screen = send(server.server, large(folder), options=['--progress', '--format=json'], env={'TERM': 'dumb'})
            assert screen.bars and screen.lines[0].endswith('{'), screen.lines
        with slow_server() as server:  # but not into a file
            run = tool('send', '--server', server.server, '--progress', large(folder))
            assert run.status == 0 and b'%' not in run.err and b'\r' not in run.err, run.err


def test_not_for_what_is_over_at_once():
    with Folder() as folder, Sink() as sink:
        screen = send(sink.server, folder.file('m.eml', MESSAGE), options=['--progress'])
        assert screen.status == 0 and not screen.bars, screen.raw


run_tests(globals())
