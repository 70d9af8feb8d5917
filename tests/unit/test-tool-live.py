#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool auth list, auth try, compare, check and explain."""
import os
import re
import signal
import subprocess
import time

from probe_kit import BACKENDS, Silent, TlsServer, cert, probe, validate, verbs
from tool_kit import TOOL, Folder, Script, Sink, closed_port, run_tests, tool

EHLO = b'250-mx.example.test\r\n250 AUTH PLAIN LOGIN X-ODD\r\n'
GREETING = b'220 mx.example.test ESMTP\r\n'
BYE = b'221 2.0.0 bye\r\n'
CLEAR = ('--tls=never', '--allow-cleartext-auth')
PW = {'PW': 'tanstaaf'}


def answers(table):
    """A server that answers AUTH MECHANISM by a table, whatever the order."""
    def talk(stream):
        stream.write(GREETING)
        stream.flush()
        while line := stream.readline():
            words = line.split()
            reply = (EHLO if words[0] == b'EHLO' else table.get(words[1], b'504 5.5.4 what\r\n') if words[0] == b'AUTH'
                     else BYE if words[0] == b'QUIT' else b'334 VXNlcm5hbWU6\r\n')
            stream.write(reply)
            stream.flush()
            if words[0] == b'QUIT':
                return
    return Script(talk)


def test_auth_list():
    with Script(GREETING, EHLO, BYE) as server:
        run = tool('auth', 'list', *CLEAR, server.server)
        assert run.status == 0 and re.search(r'^   1  PLAIN +\d+ +plain +yes +the password itself is sent, in clear$', run.text, re.M), run.text
        assert re.search(r'^   -  X-ODD +- +none +no ', run.text, re.M)
        run = tool('auth', 'list', '--tls=never', server.server)
        assert re.search(r'^   -  PLAIN +\d+ +plain +no ', run.text, re.M), run.text
        run, document = probe(server.server, command=('auth', 'list'))
        assert document['command'] == 'auth-list' and document['auth']['offered'] == ['PLAIN', 'LOGIN', 'X-ODD']
        assert verbs(server.heard) == ['EHLO', 'QUIT'] * 3
    with Script(GREETING, b'250 mx\r\n', BYE) as server:
        run = tool('auth', 'list', server.server)
        assert run.status == 0 and 'No authentication is offered.' in run.text


def test_auth_try():
    with answers({b'PLAIN': b'235 2.7.0 fine\r\n', b'LOGIN': b'535 5.7.8 no\r\n'}) as server:
        run = tool('auth', 'try', *CLEAR, '--user=ann', '--password-env=PW', server.server, env=PW)
        assert run.status == 0 and 'may lock the account' in run.errors
        assert re.search(r'^  PLAIN +ok +[\d.]+ms +1  235 2\.7\.0 fine$', run.text, re.M), run.text
        assert re.search(r'^  LOGIN +FAILED +[\d.]+ms +1  535 5\.7\.8 no$', run.text, re.M), run.text
        assert re.search(r'^  X-ODD +- +- +-  ', run.text, re.M)
        run = tool('auth', 'try', '--format=json', *CLEAR, '--user=ann', '--password-env=PW', server.server, env=PW)
        document = validate(run)
        assert [(row['mechanism'], row['result'], row['round_trips']) for row in document['tries']] \
            == [('PLAIN', 'ok', 1), ('LOGIN', 'failed', 1), ('X-ODD', 'not-tried', None)]
        assert document['tries'][1]['reply'] == {'code': 535, 'enhanced': '5.7.8', 'lines': ['no']}
    with answers({b'PLAIN': b'535 5.7.8 no\r\n', b'LOGIN': b'535 5.7.8 no\r\n'}) as server:
        run = tool('auth', 'try', '--max-tries=1', *CLEAR, '--user=ann', '--password-env=PW', server.server, env=PW)
        assert run.status == 28 and re.search(r'^  LOGIN +- +- +-  not tried: enough refusals', run.text, re.M), run.text
        assert tool('auth', 'try', *CLEAR, server.server).status == 1  # nobody to log in
        assert tool('auth', 'try', '--max-tries=0', *CLEAR, '--user=ann', '--password-env=PW', server.server, env=PW).status == 1
    run = tool('auth', 'try', *CLEAR, '--user=ann', '--password-env=PW', f'127.0.0.1:{closed_port()}', env=PW)
    assert run.status == 2 and run.text.startswith('127.0.0.1:')


def test_compare_transports():
    with TlsServer('good', GREETING, EHLO, BYE) as server:
        options = ('--tls=implicit', '--ca-file', cert('root'), '--verify-name=mail.example.test')
        run = tool('compare', *options, server.server)
        assert run.status == 0 and '<-- differ' not in run.text and '0 differences' in run.text, run.text + run.errors
        assert all(name in run.text.split('\n')[0] for name in BACKENDS)
        run, document = probe(server.server, *options, '--transports=openssl,gnutls', command=('compare',))
        assert document['differences'] == 0 and [column['name'] for column in document['columns']] == ['openssl', 'gnutls']
        rows = {row['name']: row for row in document['rows']}
        assert rows['certificate']['values'] == ['ok', 'ok'] and rows['chain']['values'][0] == rows['chain']['values'][1]
        assert rows['library']['values'][0].startswith('OpenSSL ') and rows['library']['values'][1].startswith('GnuTLS ')
        assert rows['signature']['values'][0] == rows['signature']['values'][1] and rows['group']['values'][0] is not None
        for column in document['columns']:
            measured = column['measured']
            assert measured['rounds'] == 3 and measured['login'] is None and measured['login_ms'] is None, measured
            assert measured['handshake_ms']['times'] == measured['session_ms']['times'] == 3
            for times in (measured['handshake_ms'], measured['session_ms']):
                assert 0 < times['least'] <= times['median'] <= times['p95'] < 10000, times
            assert measured['handshake_ms']['median'] < measured['session_ms']['median']
            assert measured['handshake']['in'] > 500 and measured['handshake']['out'] > 150 and measured['handshake']['round_trips'] >= 1
            assert 0 < measured['load_ms'] < 10000 and 2000 < measured['peak_kib'] < 2000000, measured
        run = tool('compare', *options, '--transports=openssl,nosuch', server.server)
        assert run.status == 45 and re.search(r'^  verdict +ready +plugin-missing +<-- differ$', run.text, re.M), run.text
    with TlsServer('expired', GREETING, EHLO, BYE) as server:  # a failure on which both agree
        run = tool('compare', *options, server.server)
        assert run.status == 0 and re.search(r'^  certificate +expired +expired *$', run.text, re.M), run.text
        assert re.search(r'^  handshake +\d+\.\d+ ms median, \d+\.\d+ p95', run.text, re.M), run.text
        assert run.errors.count('smtp-tool: ') == 2


class Counting(TlsServer):
    """Counts the connections."""
    times = 0

    def accepted(self, connection):
        self.times += 1
        super().accepted(connection)


def test_compare_rounds():
    options = ('--tls=implicit', '--ca-file', cert('root'), '--verify-name=mail.example.test')
    for count, args in ((4, ('--count=4',)), (1, ('--count=1',)), (3, ())):
        with Counting('good', GREETING, EHLO, BYE) as server:
            run, document = probe(server.server, *options, *args, command=('compare',))
            assert run.status == 0 and server.times == 2 * (count + 1), (count, server.times)
            assert [column['measured']['rounds'] for column in document['columns']] == [count, count]
    for wrong in ('0', '-1', 'x', '1001', ''):
        assert tool('compare', *options, f'--count={wrong}', '127.0.0.1:9').status == 1, wrong
    # Nothing to repeat where nobody answers.
    run, document = probe(f'127.0.0.1:{closed_port()}', *options, command=('compare',))
    assert run.status == 0 and [column['measured']['rounds'] for column in document['columns']] == [1, 1]
    assert document['columns'][0]['measured']['handshake_ms'] is None
    with Silent() as server:
        began = time.monotonic()
        with subprocess.Popen([TOOL, 'compare', '--tls=never', '--auth=PLAIN,LOGIN', '--user=ann', '--password-env=PW', server.server],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **PW}) as process:
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 130 and time.monotonic() - began < 5, process.returncode


def test_compare_server_that_changes():
    """STARTTLS that comes and goes, as behind a name with several servers: each library saw the same first, and one saw it go."""
    seen = []

    def ehlo(stream):
        stream.readline()
        seen.append(None)
        # Two connections are for memory; of the next six, in turns, the fourth has an extension less.
        stream.write(b'250-mx\r\n250 SIZE 1000\r\n' if len(seen) == 6 else b'250-mx\r\n250-PIPELINING\r\n250 SIZE 1000\r\n')
        stream.flush()
    with Script(GREETING, ehlo, BYE) as server:
        run, document = probe(server.server, '--transports=openssl,gnutls', command=('compare',))
        assert len(seen) == 8 and [column['measured']['unlike'] for column in document['columns']] == [0, 1], (len(seen), document['columns'])
        row, = [row for row in document['rows'] if row['name'] == 'rounds']
        assert run.status == 45 and row == {'name': 'rounds', 'kind': 'alike', 'differs': True, 'values': [None, '1 of 3 unlike the first']}, row
        assert document['differences'] == 1


def test_compare_mechanisms():
    with answers({b'PLAIN': b'235 2.7.0 fine\r\n', b'LOGIN': b'535 5.7.8 no\r\n'}) as server:
        options = (*CLEAR, '--user=ann', '--password-env=PW', '--auth=PLAIN,LOGIN')
        run = tool('compare', *options, server.server, env=PW)
        assert run.status == 45 and re.search(r'^  logged in +yes +no +<-- differ$', run.text, re.M), run.text
        run, document = probe(server.server, *options, command=('compare',), env=PW)
        assert {row['name']: row['values'] for row in document['rows']}['logged in'] == ['yes', 'no']
        assert document['exit'] == {'code': 45, 'name': 'differ', 'retryable': False}
        first, second = (column['measured'] for column in document['columns'])
        assert first['rounds'] == first['login_ms']['times'] == 3 and first['login']['round_trips'] == 1
        # An account is not locked by comparing: whoever was refused is not tried again.
        assert second['rounds'] == 1 and second['login_ms'] is None and second['session_ms'] is None


LINE = re.compile(r"SMTP (OK|WARNING|CRITICAL|UNKNOWN) - [^|]*( \|(?: '[a-z_]+'=-?[\d.]+s?;[^; ]*;[^; ]*;0?)+)?\n")


def check(*args, **kwargs):
    run = tool('check', *args, **kwargs)
    found = LINE.fullmatch(run.text)
    assert found, run.text
    assert ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'].index(found[1]) == run.status
    return run


def test_check():
    with Sink('--tls=starttls', '--self-signed') as sink:
        options = ('--ipv4', '--ca-file', sink.ca)
        run = check(*options, '-w', '5', '-c', '@20:30', sink.server)
        assert run.status == 0 and run.text.startswith(f'SMTP OK - {sink.server} STARTTLS TLSv1.3, cert ') and run.err == b''
        assert re.search(r"'total'=[\d.]+s;5;@20:30;0 'cert_days'=(29|30);21:;7:;$", run.text.strip())
        assert check(*options, '-w', '5:', sink.server).status == 1
        assert check(*options, '-w', '5:', '-c', '9:', sink.server).status == 2
        assert check(*options, '-c', '@0:9', sink.server).status == 2
        assert check(*options, '-D', '40', sink.server).status == 1
        assert check(*options, '-D', '40,35', sink.server).status == 2
        assert check('--ipv4', sink.server).status == 1  # opportunistic: not verified
        assert check('--ipv4', '--tls=starttls', sink.server).status == 2
        assert 'cert-unknown-issuer' in check('--ipv4', '--tls=starttls', sink.server).text
        for wrong in ('x', '5:1', ':', '', '@', '1:2:3'):
            assert check(*options, f'-w{wrong}' if wrong else '--warning=', sink.server).status == 3, wrong
        run, document = probe(sink.server, *options, command=('check',))
        assert document['check']['state'] == 'OK' and document['command'] == 'check'
        metrics = tool('check', '--format=prometheus', *options, sink.server).text
        for line in metrics.splitlines():
            assert re.fullmatch(r'# (HELP|TYPE) smtp_[a-z_]+ .+|smtp_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[\d.e+]+', line), line
        assert 'smtp_state 0\n' in metrics and 'smtp_up 1\n' in metrics and re.search(r'^smtp_cert_verified\{code="ok"\} 1$', metrics, re.M)
        names = re.findall(r'^# TYPE (\S+)', metrics, re.M)
        assert len(names) == len(set(names)) and all(re.search(rf'^{name}[ {{]', metrics, re.M) for name in names)
    run = check(f'127.0.0.1:{closed_port()}')
    assert run.status == 2 and '[connection-refused]' in run.text
    assert check().status == 3 and check('--transport=nosuch', '--tls=starttls', '127.0.0.1:9').status == 3


def test_check_auth():
    with Folder() as folder:
        right, wrong = folder.file('right', 'pencil\n'), folder.file('wrong', 'crayon\n')
        with Sink('--tls=starttls', '--self-signed', '--auth=PLAIN', '--user=ann', f'--password-file={right}') as sink:
            options = ('--ipv4', '--ca-file', sink.ca, '--user=ann')
            run = check(*options, f'--password-file={right}', sink.server)
            assert run.status == 0 and 'auth PLAIN ok' in run.text and "'auth'=" in run.text
            assert check(*options, f'--password-file={wrong}', sink.server).status == 2
            run = check(*options, f'--password-file={wrong}', '--expect-auth-refused', sink.server)
            assert run.status == 0 and 'auth refused as expected' in run.text
            assert check(*options, f'--password-file={right}', '--expect-auth-refused', sink.server).status == 2
            assert check('--expect-auth-refused', sink.server).status == 3


def test_explain():
    every = tool('explain')
    ids = re.findall(r'^  (\S+) +(?:note|warn|error) ', every.text, re.M)
    assert every.status == 0 and len(ids) > 50 and len(ids) == len(set(ids)), len(ids)
    for name in ids:
        run = tool('explain', name)
        assert run.status == 0 and run.text.startswith(f'finding {name}: ') and len(run.text) > 60, name
    for word, part in {'550': 'reply code 550: ', '5.7.8': 'credentials invalid', '4.7.0': 'for now', '2.1.5': 'destination is valid', '599': 'not registered',
                       '5.9.9': 'not registered', '43': 'exit status 43 (tls-mode)', 'X.7.23': 'SPF', '421': 'closes the connection'}.items():
        run = tool('explain', word)
        assert run.status == 0 and part in run.text, (word, run.text)
    document = validate(tool('explain', '--format=json', '550', 'cert-expired'))
    assert [answer['kind'] for answer in document['answers']] == ['reply', 'finding']
    for word in ('9', '999', '1.2.3', '5.7', '5..1', 'certexpired\x1b', '6.1.1', '5.7.8.1'):
        run = tool('explain', word)
        assert run.status == 1 and '\x1b' not in run.errors, word
    assert "did you mean 'cert-expired'" in tool('explain', 'cert-expird').errors
    assert tool('explain', 'exit').text.count('\n') > 20
    assert validate(tool('explain', '--format=json', 'nothing'))['error']['code'] == 'usage'


if __name__ == '__main__':
    run_tests(globals())
