#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool bench: counts what the server counts, tells times that can be, and loads nobody who did not ask for it."""
import csv
import io
import json
import signal
import subprocess
import time

from tool_kit import TOOL, Folder, Script, Sink, closed_port, on_terminal, run_tests, tool

PLAIN = ('--tls=never',)
PERCENTILES = ('min', 'p50', 'p90', 'p99', 'p99_9', 'max')


def bench(sink, *args, status=0, **kwargs):
    """One run as JSON, checked against the schema: the document and its first row."""
    run = tool('bench', f'--server={sink.server}', '--format=json', *args, **kwargs)
    document = run.json()
    assert run.status == status, (run.status, document, run.errors)
    return document, document['rows'][0] if document['rows'] else None


def check_row(row, sent):
    assert row['sent'] == sent and row['not_sent'] == row['unknown'] == 0 and row['error'] is None, row
    times = [row['latency_us'][name] for name in PERCENTILES]
    assert times == sorted(times) and times[0] > 0, times
    assert times[0] <= row['latency_us']['mean'] <= times[-1], row
    assert row['latency_us']['max'] <= row['seconds'] * 1e6 + 1, row
    assert abs(row['messages_per_second'] * row['seconds'] - sent) < 0.01 * sent, row
    assert abs(row['octets_per_second'] * row['seconds'] - row['octets']) < 0.01 * row['octets'], row


def test_counts_as_the_server_does():
    with Sink() as sink:
        document, row = bench(sink, *PLAIN, '--messages=300', '--warm-up=7', '--size=1k,3000')
        check_row(row, 300)
        assert row['octets'] == 150 * 1024 + 150 * 3000 and row['connections'] == 1 and row['transport'] == 'plain'
        assert document['settings'] == {'server': sink.server, 'pipelining': 'auto', 'connections': 1, 'sizes': [1024, 3000], 'messages': 300,
                                        'duration': None, 'rate': None, 'warm_up': 7, 'ahead': 2}, document['settings']
        messages = sink.messages()
        assert len(messages) == 307, len(messages)
        assert {len(message) for message in messages} == {1024, 3000}
        events = [line for line in sink.log() if line['event'] == 'message']
        assert {event['from'] for event in events} == {'bench@bench.invalid'}, events[0]


def test_levels_of_pipelining():
    with Sink() as sink:
        for level, ahead in (('off', 1), ('auto', 2), ('window', 200)):
            document, row = bench(sink, *PLAIN, '--messages=400', f'--pipelining={level}')
            check_row(row, 400)
            assert document['settings']['pipelining'] == level and document['settings']['ahead'] == ahead
        assert len(sink.messages()) == 3 * 410


def test_connections_and_reconnecting():
    with Sink() as sink:
        _, row = bench(sink, *PLAIN, '--messages=400', '-c', '4')
        check_row(row, 400)
        assert row['connections'] == 4, row
        clients = {event['connection'] for event in sink.log() if event['event'] == 'message'}
        assert 2 <= len(clients) <= 4, clients  # a queue this short may be done before the last connection is there
    with Sink() as sink:
        _, row = bench(sink, *PLAIN, '--messages=20', '--warm-up=0', '--reconnect')
        check_row(row, 20)
        clients = [event['connection'] for event in sink.log() if event['event'] == 'message']
        assert len(set(clients)) == 20, clients


def test_rate_and_duration():
    with Sink() as sink:
        _, row = bench(sink, *PLAIN, '--messages=50', '--rate=100')
        check_row(row, 50)
        assert row['seconds'] >= 0.49, row  # the last one is due after 49/100 of a second
        _, row = bench(sink, *PLAIN, '--duration=0.5')
        assert row['sent'] > 0 and row['seconds'] >= 0.5 and row['error'] is None, row
        _, row = bench(sink, *PLAIN, '--duration=0.3', '--rate=50')
        assert 1 <= row['sent'] <= 16, row


def test_time_counts_from_when_a_message_was_due():
    """A server that stops for a second: whoever was due meanwhile has waited, too."""
    def slow(stream):
        count = 0
        for line in stream:
            if line.startswith(b'DATA'):
                stream.write(b'354 go on\r\n')
                stream.flush()
                while stream.readline() not in (b'.\r\n', b''):
                    pass
                count += 1
                if count == 11:
                    time.sleep(1)
                stream.write(b'250 taken\r\n')
            elif line.startswith(b'EHLO'):
                stream.write(b'250 bench.example\r\n')
            elif line.startswith(b'QUIT'):
                stream.write(b'221 bye\r\n')
                stream.flush()
                return
            else:
                stream.write(b'250 ok\r\n')
            stream.flush()
    with Script(b'220 bench.example\r\n', slow) as server:
        _, row = bench(server, *PLAIN, '--messages=50', '--warm-up=1', '--rate=100')
    check_row(row, 50)
    # 40 of the 50 were due while the server slept or after it, most of them with a good part of that second before them
    assert row['latency_us']['p50'] >= 300e3 and row['latency_us']['max'] >= 0.9e6, row


def test_by_transport():
    with Sink('--tls=starttls', '--self-signed') as sink:
        document, _ = bench(sink, f'--ca-file={sink.ca}', '--by=transport', '--messages=100')
        rows = {row['name']: row for row in document['rows']}
        assert {'plain', 'starttls/openssl', 'starttls/gnutls'} <= set(rows) and document['by'] == 'transport', rows
        for name, row in rows.items():
            check_row(row, 100)
            assert row['transport'] == name, row
    with Sink('--tls=implicit', '--self-signed') as sink:
        document, _ = bench(sink, f'--ca-file={sink.ca}', '--tls=implicit', '--by=transport', '--messages=100')
        names = {row['name'] for row in document['rows']}
        assert {'implicit/openssl', 'implicit/gnutls'} <= names and all(name.startswith('implicit/') for name in names), names
        text = tool('bench', f'--server={sink.server}', f'--ca-file={sink.ca}', '--tls=implicit', '--by=transport', '--messages=50').text
        lines = text.splitlines()
        assert lines[1].startswith('NAME') and len(lines) == 2 + len(names), text


def test_by_mechanism():
    with Folder() as folder, Sink('--tls=starttls', '--self-signed', '--auth=PLAIN,LOGIN,CRAM-MD5', '--user=ann',
                                  '--password-file=' + folder.file('password', 'tanstaaf\n')) as sink:
        args = (f'--ca-file={sink.ca}', '--user=ann', '--password-env=SECRET', '--by=auth', '--messages=5', '--warm-up=1')
        document, _ = bench(sink, *args, env={'SECRET': 'tanstaaf'})
        rows = {row['name']: row for row in document['rows']}
        for name in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
            check_row(rows[name], 5)
            assert rows[name]['mechanism'].startswith(name), rows[name]
        assert rows['SCRAM-SHA-256']['sent'] == 0 and rows['SCRAM-SHA-256']['error']['code'] == 'policy', rows['SCRAM-SHA-256']
        used = {event['auth']['mechanism'] for event in sink.log() if event['event'] == 'message'}
        assert used == {'PLAIN', 'LOGIN', 'CRAM-MD5'}, used
        text = tool('bench', f'--server={sink.server}', *args, env={'SECRET': 'tanstaaf'}).text
        last = text.splitlines()[-1]
        assert last.startswith('Not offered') and 'SCRAM-SHA-256' in last and 'CRAM-MD5' not in last, text
        # A password that is wrong: every mechanism was asked for and refused, so nothing was measured.
        run = tool('bench', f'--server={sink.server}', *args, env={'SECRET': 'wrong'})
        assert run.status == 28, (run.status, run.text, run.errors)


def test_csv():
    with Sink() as sink:
        run = tool('bench', f'--server={sink.server}', *PLAIN, '--messages=20', '--format=csv')
        rows = list(csv.DictReader(io.StringIO(run.text)))
        assert len(rows) == 1 and rows[0]['sent'] == '20' and rows[0]['transport'] == 'plain' and rows[0]['error'] == '', rows
        assert float(rows[0]['messages_per_second']) > 0 and None not in rows[0] and None not in rows[0].values()
    run = tool('bench', f'--server=127.0.0.1:{closed_port()}', '--format=csv')
    rows = list(csv.DictReader(io.StringIO(run.text)))
    assert run.status == 2 and rows[0]['sent'] == '0' and 'refused' in rows[0]['error'], rows


def test_people():
    with Sink() as sink:
        run = tool('bench', f'--server={sink.server}', *PLAIN, '--messages=50')
        lines = run.text.splitlines()
        assert run.status == 0 and run.errors == '', run.errors
        assert lines[0].startswith(f'{sink.server}: 1 connection, messages of 1 KiB, pipelining auto'), lines
        words = [line.split()[0] for line in lines[1:]]
        assert words == ['over', 'messages', 'rate', 'time', 'CPU'], lines
        assert '50 sent, 0 not sent, 0 unknown' in lines[2], lines


def test_only_this_machine():
    """Whoever is not on this machine is not even looked up."""
    for server in ('mail.example.org', '192.0.2.1:25', 'localhost.example.org', '[2001:db8::1]:25', 'smtps://mail.example.org', '127.0.0.1,192.0.2.7',
                   'localhost@192.0.2.1', '10.0.0.1', 'ip6-localhost', '0x7f.1', '128.0.0.1'):
        run = tool('bench', f'--server={server}', '--format=json')
        document = run.json()
        assert run.status == 1 and document['rows'] == [] and document['settings'] is None, (server, document)
        assert 'allow-remote' in document['error']['text'] or document['error']['code'] in ('usage', 'option'), (server, document)
    run = tool('bench')
    assert run.status == 1 and '--server' in run.errors, run.errors
    # Every way of writing this machine: refused connections, so status 2.
    port = closed_port()
    for server in (f'127.0.0.1:{port}', f'localhost:{port}', f'LOCALHOST.:{port}', f'[::1]:{port}', f'smtp://127.1.2.3:{port}', 'unix:/nowhere/at/all'):
        run = tool('bench', f'--server={server}', '--tls=never', '--messages=1')
        assert run.status == 2, (server, run.status, run.errors)
    # With the option it is tried: 192.0.2.0/24 is for documentation (RFC 5737), so nobody is loaded.
    run = tool('bench', '--server=192.0.2.1:2525', '--allow-remote', '--connect-timeout=0.2', '--messages=1')
    assert run.status == 2 and 'allow-remote' not in run.errors, (run.status, run.errors)


def test_wrong_options():
    for args, word in ((('--messages=0',), 'messages'), (('--messages=x',), 'messages'), (('--size=10',), 'size'), (('--size=1k,,2k',), 'size'),
                       (('--rate=-1',), 'rate'), (('--rate=nan',), 'rate'), (('--duration=0',), 'duration'), (('--by=server',), 'by'), (('--ahead=0',), 'ahead'),
                       (('--format=xml',), 'format'), (('message.eml',), 'message.eml'), (('--connections=0',), 'connections'),
                       (('--by=auth',), 'user'), (('--subject=x',), 'subject')):
        run = tool('bench', '--server=127.0.0.1:1', *args)
        assert run.status == 1 and word in run.errors, (args, run.status, run.errors)


def test_server_that_refuses():
    with Sink('--fault=rcpt:550 5.1.1 nobody here') as sink:
        document, row = bench(sink, *PLAIN, '--messages=100', '--warm-up=0', status=24)
        assert row['sent'] == 0 and row['not_sent'] >= 10 and row['unknown'] == 0 and row['latency_us'] is None, row
        assert row['not_sent'] < 100, 'it goes on against a server that takes nothing'
        assert 'nobody here' in row['error']['text'] and document['exit']['name'] == 'recipients', document


def test_interrupted():
    with Sink() as sink:
        process = subprocess.Popen([TOOL, 'bench', f'--server={sink.server}', *PLAIN, '--duration=60', '--format=json'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        document = json.loads(out)
        assert process.returncode == 130 and document['exit']['name'] == 'interrupted', (process.returncode, document['exit'])
        row = document['rows'][0]
        assert row['sent'] > 0 and row['seconds'] < 30, row


def test_progress_on_a_terminal_only():
    with Sink() as sink:
        args = ('bench', f'--server={sink.server}', *PLAIN, '--duration=1', '--rate=200')
        shown = on_terminal(*args)
        assert on_terminal.status == 0 and b'messages, ' in shown and b'/s, 0 s' in shown, shown
        assert shown.count(b'\r') >= 3 and b'\x1b[K' in shown
        assert b'messages, ' not in on_terminal(*args, '--quiet')
        run = tool(*args)
        assert run.err == b'', run.err


run_tests(globals())
