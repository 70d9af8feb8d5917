#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""diagnosis.py [NAME...]: what smtp-tool, swaks, posttls-finger, openssl s_client and curl say of the same failures, how long they take, and
their exit status, as a table in Markdown.

The failures are those of tests/unit/test-tool-probe.py, and certificates that are refused.  Each tool is asked for the same thing in its own
words, and gets LIMIT seconds.  `meson compile diagnosis` runs it on all.
"""
import collections
import importlib.util
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import live_kit
from probe_kit import HOST, TlsServer, cert
from referee_kit import StartTls, program
from tool_kit import EXECDIR, TOOL

LIMIT = 40
WIDTH = 96
PASSWORD = 'tanstaaf'

spec = importlib.util.spec_from_file_location('tool_probe', os.path.join(live_kit.SOURCE, 'tests', 'unit', 'test-tool-probe.py'))
tool_probe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool_probe)

CERTIFICATES = ('expired', 'not-yet-valid', 'wrong-host', 'self-signed', 'missing-intermediate', 'client-auth-only')


class Wish:
    """What is asked of each tool: where, in which mode, how far."""

    def __init__(self, server, options, verify=False):
        self.server = server
        self.host, self.port = server.rsplit(':', 1)
        self.options = options
        self.mode = next((value[6:] for value in options if value.startswith('--tls=')), 'opportunistic')
        self.user = any(value.startswith('--user=') for value in options)
        self.mechanism = next((value[7:] for value in options if value.startswith('--auth=')), None)
        self.last = next((value[13:] for value in options if value.startswith('--quit-after=')), None)
        self.verify = verify

    @property
    def talks(self):
        """More than TLS is asked for: a part of the tools cannot."""
        return self.user or self.last is not None


def smtp_tool(wish, _folder):
    verify = ['--ca-file', cert('root'), f'--verify-name={HOST}'] if wish.verify else []
    return [TOOL, 'probe', '--format=human', *wish.options, *verify, wish.server]


def swaks(wish, _folder):
    done = ['--quit-after', wish.last or ('AUTH' if wish.user else 'EHLO')]
    mode = {'implicit': ['--tlsc'], 'starttls': ['--tls'], 'never': [], 'opportunistic': ['--tls-optional']}[wish.mode]
    auth = ['--auth-user', 'ann', '--auth-password', PASSWORD, *(['--auth', wish.mechanism] if wish.mechanism else ['--auth'])] if wish.user else []
    verify = ['--tls-verify', '--tls-ca-path', cert('root')] if wish.verify else []
    return [program('/usr/bin/swaks'), '--server', wish.host, '--port', wish.port, '--from', 'ann@example.org', '--to', 'bob@example.net',
            *mode, *auth, *verify, *done]


def posttls_finger(wish, folder):
    if wish.talks:
        return None
    libraries = live_kit.unpacked('usr/lib/postfix')
    with open(os.path.join(folder, 'main.cf'), 'w', encoding='utf-8') as out:
        out.write(f'compatibility_level = 3.6\nshlib_directory = {libraries}\nmyhostname = localhost\nmail_owner = daemon\nsetgid_group = mail\n')
    level = 'verify' if wish.verify else 'may' if wish.mode in ('opportunistic', 'never') else 'encrypt'
    where = wish.server if wish.host.endswith('.invalid') else f'[{wish.host}]:{wish.port}'
    return ['env', f'MAIL_CONFIG={folder}', f'LD_LIBRARY_PATH={libraries}', live_kit.unpacked('usr/sbin/posttls-finger'), '-c', '-l', level,
            *(['-w'] if wish.mode == 'implicit' else []), *(['-F', cert('root')] if wish.verify else []), where, *([HOST] if wish.verify else [])]


def s_client(wish, _folder):
    if wish.talks or wish.mode == 'never':
        return None
    verify = ['-CAfile', cert('root'), '-no-CApath', '-verify_hostname', HOST, '-verify_return_error'] if wish.verify else []
    return ['/usr/bin/openssl', 's_client', '-brief', '-connect', wish.server, *([] if wish.mode == 'implicit' else ['-starttls', 'smtp']), *verify]


def curl(wish, folder):
    scheme = 'smtps' if wish.mode == 'implicit' else 'smtp'
    mode = {'starttls': ['--ssl-reqd'], 'opportunistic': ['--ssl']}.get(wish.mode, [])
    host = HOST if wish.verify else wish.host
    auth = ['--user', f'ann:{PASSWORD}', *(['--login-options', f'AUTH={wish.mechanism}'] if wish.mechanism else [])] if wish.user else []
    message = os.path.join(folder, 'message')
    with open(message, 'w', encoding='utf-8') as out:
        out.write('Subject: x\r\n\r\nx\r\n')
    mail = ['--mail-from', 'ann@example.org', '--mail-rcpt', 'bob@example.net', '--upload-file', message] if wish.last else []
    verify = ['--cacert', cert('root'), '--resolve', f'{HOST}:{wish.port}:127.0.0.1'] if wish.verify else []
    return [program('/usr/bin/curl'), '-sS', *mode, *auth, *mail, *verify, f'{scheme}://{host}:{wish.port}/localhost']


# Each with how the line that says most is found in what it says.
TOOLS = {
    'smtp-tool': (smtp_tool, r'\[([a-z0-9-]+)\]'),
    'swaks': (swaks, r'^(?:\*\*\* |<\*\* |<~\* ).*'),
    'posttls-finger': (posttls_finger, r'^posttls-finger: (?!Connected|[<>] |SSL_connect:|.* depth=).*'),
    's_client': (s_client, r'^(?!CONNECTED|DONE|depth=|Peer |Hash |Signature |Server Temp|Protocol |Ciphersuite|Verification: OK|verify depth|'
                           r'notAfter|250 ).+'),
    'curl': (curl, r'^curl: .*'),
}


def ask(name, wish):
    """(exit status or None, seconds, the line that says most) or None where the tool cannot be asked for it."""
    command_of, pattern = TOOLS[name]
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(wish, folder)
        if command is None:
            return None
        environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'PW': PASSWORD, 'XDG_CONFIG_HOME': '/dev/null', 'SMTP_TOOL_EXECDIR': EXECDIR}
        began = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as child:
            try:
                octets, _ = child.communicate(b'QUIT\r\n' if name == 's_client' else b'', timeout=LIMIT)
                status = child.returncode
            except subprocess.TimeoutExpired:
                child.kill()
                octets, status = child.communicate()[0], None
        took = time.monotonic() - began
    said = octets.decode('utf-8', 'backslashreplace').replace('\r', '')
    found = re.findall(pattern, said, re.MULTILINE)
    if name == 'smtp-tool':
        line = found[0] if found else ''
    elif found and name != 'curl':  # a reply that it marks, or the first line that names an error, else the last
        line = next((one for one in found if one.startswith(('<**', '<~*'))), None) \
            or next((one for one in found if re.search('error|fail|timeout', one, re.IGNORECASE)), found[-1])
    else:
        line = found[-1] if found else ''
    return status, took, tidy(line, wish), said


def tidy(line, wish):
    """Without what differs between two runs, nor what a table cannot hold."""
    line = re.sub(r'^(posttls-finger|curl): ', '', line).replace(f'{wish.host}[{wish.host}]:{wish.port}', 'HOST')
    line = line.replace(wish.host, 'HOST').replace(wish.port, 'PORT')
    line = re.sub(r'^[0-9A-F]{16}:', '', line)
    line = re.sub(r':?[\w/.]+\.(c|pm):\d+:?', '', line).replace('|', '\\|').replace('<', '&lt;').replace('`', "'").strip()
    return line if len(line) <= WIDTH else line[:WIDTH - 1] + '…'


def servers(name):
    """What starts the server of a failure, and what is asked of the tools."""
    if name in CERTIFICATES:
        return (lambda: StartTls(name)), lambda server: Wish(server, ('--tls=starttls',), verify=True)
    if name == 'starttls-to-implicit':
        return (lambda: TlsServer('good', tool_probe.GREETING, tool_probe.EHLO, tool_probe.BYE)), lambda server: Wish(server, ('--tls=starttls',))
    factory, options, _status, _finding, _stage = tool_probe.FAILURES[name]
    options = tuple(value for value in options if not value.startswith('--timeout'))  # each as patient as it is by itself
    return factory, lambda server: Wish(server, options)


def one(pair):
    name, who = pair
    factory, wish_of = servers(name)
    if factory is None:
        with socket.socket() as taken:  # nobody listens, and nobody else can come to have it
            taken.bind(('127.0.0.1', 0))
            return ask(who, wish_of(f'127.0.0.1:{taken.getsockname()[1]}'))
    if isinstance(factory, str):
        return ask(who, wish_of(factory))
    with factory() as server:
        return ask(who, wish_of(server.server))


def cell(who, row):
    if row is None:
        return '·'
    status, took, line, _said = row
    if status is None:
        return f'waits, more than {LIMIT} s'
    what = f'`{line}`' if who == 'smtp-tool' and line else line or '(nothing)'
    return f'{status}: {what} ({took:.1f} s)'


def main(arguments):
    names = arguments or [*tool_probe.FAILURES, 'starttls-to-implicit', *CERTIFICATES]
    names = [name for name in names if name != 'no-plugin']  # about smtp-tool alone
    pairs = [(name, who) for name in names for who in TOOLS]
    with ThreadPoolExecutor(16) as pool:
        rows = dict(zip(pairs, pool.map(one, pairs)))
    print('| failure | ' + ' | '.join(TOOLS) + ' |\n|---|' + '---|' * len(TOOLS))
    for name in names:
        print(f'| {name} | ' + ' | '.join(cell(who, rows[name, who]) for who in TOOLS) + ' |')
    print('\n| of these | ' + ' | '.join(TOOLS) + ' |\n|---|' + '---|' * len(TOOLS))
    of = {who: [rows[name, who] for name in names if rows[name, who] is not None] for who in TOOLS}
    for words, count in (('can be asked for', len),
                         ('end with status 0 all the same', lambda found: sum(row[0] == 0 for row in found)),
                         (f'do not end within {LIMIT} s', lambda found: sum(row[0] is None for row in found)),
                         ('take more than 5 s', lambda found: sum(row[1] > 5 for row in found)),
                         ('exit statuses told apart', lambda found: len(collections.Counter(row[0] for row in found if row[0]))),
                         ('longest', lambda found: f'{max(row[1] for row in found):.1f} s')):
        print(f'| {words} | ' + ' | '.join(str(count(of[who])) for who in TOOLS) + ' |')
    if arguments:
        for pair in pairs:
            if rows[pair] is not None:
                print(f'\n<!-- {pair}\n{rows[pair][3]}\n-->')


if __name__ == '__main__':
    main(sys.argv[1:])
