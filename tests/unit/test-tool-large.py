#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Large messages through smtp-tool send: octets arrive as they were, and memory stays what it is for a small one."""
import os
import subprocess
import time

from tool_kit import PATIENCE, TOOL, Folder, Sink, run_tests

SIZE = 48 * 1000 * 1000
LIMIT = 16 * 1024  # KiB; of the process, for any size

HEAD = b'From: a@example.org\r\nTo: b@example.org\r\nSubject: large\r\n\r\n'


def content(end):
    """Lines of many lengths, dots at the beginning of some, near and far."""
    lines = [(b'.' if number % 97 == 5 else b'') + b'abcdefghij' * (number * 7 % 40) + end for number in range(2000)]
    far = [b'0123456789' * 7 + end] * 1500 + [b'.' + end]
    block = b''.join(lines + far)
    return block * (SIZE // len(block)) + b'the end' + end


def peak_while(process):
    """The largest VmHWM seen, in KiB, and whether it is to be judged: with a sanitizer in it a program has other sizes."""
    peak, judged = 0, True
    while process.poll() is None:
        try:
            with open(f'/proc/{process.pid}/status', encoding='ascii') as status:
                peak = max([peak] + [int(line.split()[1]) for line in status if line.startswith('VmHWM:')])
            with open(f'/proc/{process.pid}/maps', encoding='utf-8') as maps:
                judged = judged and 'libasan' not in maps.read()
        except OSError:
            pass
        time.sleep(0.002)
    return peak, judged


def check(end, piped):
    body = content(end)
    with Folder() as folder, Sink('--lenient') as sink:
        path = folder.file('large.eml', HEAD.replace(b'\r\n', end) + body)
        feeder = subprocess.Popen(['cat', path], stdout=subprocess.PIPE) if piped else None
        process = subprocess.Popen([TOOL, 'send', '--tls=never', '--quiet', '--server', sink.server, '-' if piped else path],
                                   stdin=feeder.stdout if piped else subprocess.DEVNULL, start_new_session=True)
        if piped:
            feeder.stdout.close()
        peak, judged = peak_while(process)
        assert process.wait(PATIENCE) == 0
        if piped:
            assert feeder.wait(PATIENCE) == 0
        message, = sink.messages()
        got = message.split(b'\r\n\r\n', 1)[1]
        assert got == (body if end == b'\r\n' else body.replace(b'\n', b'\r\n')), (len(got), len(body))
        assert peak > 0 and (not judged or peak <= LIMIT), f'{peak} KiB'
        print(f'# {os.path.getsize(path)} octets, {"pipe" if piped else "file"}: {peak} KiB')


def test_file():
    check(b'\r\n', False)


def test_pipe():
    check(b'\r\n', True)


def test_file_with_lf():
    check(b'\n', False)


def test_pipe_with_lf():
    check(b'\n', True)


if __name__ == '__main__':
    run_tests(globals())
