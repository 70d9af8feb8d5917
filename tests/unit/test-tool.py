#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool without a server: command line, exit status, JSON on failure, password sources, plugins."""
import base64
import json
import os
import shutil
import signal
import subprocess
import time

from tool_kit import EXECDIR, MESSAGE, TOOL, Folder, Run, Script, closed_port, on_terminal, read_until_dot, run_tests, tool

PASSWORD = 'tr0ub4dor&3'


def usage(*args, says, **kwargs):
    """A usage error: status 1, one line that says this, nothing on standard output; and the same as JSON."""
    run = tool(*args, **kwargs)
    assert run.status == 1, (args, run.status, run.errors)
    assert says in run.errors, (args, run.errors)
    assert run.out == b'', run.out
    assert run.errors.startswith('smtp-tool: ')
    as_json = tool('--format=json', *args, **kwargs)
    document = as_json.json()
    assert document['exit']['name'] == 'usage' and document['messages'] == []
    assert says in document['error']['text'], document['error']
    assert as_json.err == b'', as_json.err


def dry(*args, **kwargs):
    """A dry run as JSON."""
    run = tool('send', '--dry-run', '--format=json', *args, **kwargs)
    document = run.json()
    assert run.status == 0, document
    return document


def envelope(document, number=0):
    message = document['messages'][number]
    return message['reverse_path'], [recipient['address'] for recipient in message['recipients']]


def with_message(test):
    def wrapped():
        with Folder() as folder:
            test(folder, folder.file('m.eml', MESSAGE))
    wrapped.__name__ = test.__name__
    return wrapped


# --- the command line


def test_help_and_version():
    for args in (('--help',), ('help',), ('help', 'help'), ('-h',)):
        run = tool(*args)
        assert run.status == 0 and b'Usage: smtp-tool COMMAND' in run.out and run.err == b'', run
    for args in (('help', 'send'), ('send', '--help'), ('--help', 'send'), ('send', '-h', '--nonsense')):
        run = tool(*args)
        assert run.status == 0 and b'Usage: smtp-tool send' in run.out, (args, run.errors)
    run = tool('--version')
    first, second = run.text.splitlines()[:2]
    assert first.startswith('smtp-tool (Vereda) ') and 'library ' in second and 'GLib 2.' in second
    assert tool('send', '--version').out == run.out


def test_help_lists_every_library_option():
    text = tool('help', 'send').text
    for name in ('--at-least-one', '--pipelining', '--timeout-end', '--bcc-mode', '--transport', '--auth-fallback', '--no-historic-auth',
                 '--lone-cr', '--verify-name', '--deadline'):
        assert name in text, name
    assert max(len(line) for line in text.splitlines() if not line.startswith(' ')) <= 90


def test_unknown_command_suggests():
    run = tool('plugns')
    assert run.status == 1 and "did you mean 'plugins'" in run.errors
    document = json.loads(tool('plugns', '--format=json').out)
    assert document['schema'] == 'smtp-tool/error/1' and document['exit']['code'] == 1 and 'plugins' in document['error']['text']
    document = json.loads(tool('-o', 'json', 'sendd').out)
    assert "'send'" in document['error']['text']
    assert tool().status == 1


def test_unknown_option_suggests():
    usage('send', '--sevrer=x', says="did you mean '--server'?")
    usage('send', '--zzzzzzzz', says="unknown option '--zzzzzzzz'")
    usage('send', '-Z', says="unknown option '-Z'")
    usage('send', '-ap', 'x', says="--password-file")


def test_without_command_means_send():
    usage('--to', 'a@example.org', '--server', 'localhost', says='nothing to send')
    usage('-s', 'localhost', '--quiet', says='nothing to send')


def test_name_of_the_program_plays_no_part():
    with Folder() as folder:
        link = folder / 'plugins'
        os.symlink(TOOL, link)
        run = subprocess.run([link, '--version'], stdout=subprocess.PIPE, check=True)
        assert b'smtp-tool (Vereda)' in run.stdout


@with_message
def test_globals_before_the_command(_, path):
    run = tool('--format', 'json', '-v', 'send', '-n', path)
    assert run.json()['dry_run'] is True
    run = tool('-ojson', 'send', '-n', path)
    assert run.json()['dry_run'] is True


@with_message
def test_values_and_abbreviations(folder, path):
    for args in (('--originator=x@example.org',), ('--originator', 'x@example.org'), ('--origin', 'x@example.org')):
        assert envelope(dry(*args, path))[0] == 'x@example.org', args
    usage('send', '--timeout-', '3', path, says='ambiguous')
    usage('send', '--timeout-', '3', path, says='--timeout-greeting')
    usage('send', '--server', says="option '--server' needs a value")
    usage('send', '--help=yes', says='takes no value')
    usage('send', '--at-least-one=maybe', path, says='--at-least-one')
    usage('send', '--connect-timeout=soon', path, says='--connect-timeout')
    # Operands and options in any order; after -- everything is a file.
    document = dry(path, '--to', 'z@example.org', '--', path)
    assert len(document['messages']) == 2 and envelope(document, 1)[1] == ['z@example.org']
    odd = folder.file('-odd.eml', MESSAGE)
    document = dry('--', '-odd.eml', cwd=os.path.dirname(odd))
    assert document['messages'][0]['file'] == '-odd.eml'


@with_message
def test_negation(_, path):
    dry('--at-least-one', '--no-at-least-one', path)
    dry('--tls=never', '--no-tls', path)
    usage('send', '--no-verbos=1', path, says='takes no value')
    # A name that begins with "no-" is itself before it is a negation.
    dry('--no-historic-auth', '--no-auth=LOGIN', path)
    usage('send', '--no-nothing', path, says='unknown option')
    run = tool('send', '--format=json', '--no-format', '-n', path)
    assert run.out.startswith(b'From: Ann')


@with_message
def test_short_options_cluster(_, path):
    run = tool('send', '-nvo', 'json', path)
    assert run.json()['dry_run'] is True
    run = tool('send', '-nqojson', path)
    assert run.json()['dry_run'] is True


@with_message
def test_swaks_spellings(_, path):
    for args in (('-tls',), ('--tls',), ('--tls', 'implicit'), ('--tls-on-connect',), ('-tlsc',), ('--tls-optional',), ('--helo', 'me.example'),
                 ('--auth-user', 'me', '--auth-hide-password'), ('--tls=none',), ('--tls=optional',), ('--add-header', 'X-A: b')):
        dry(*args, path)
    document = dry('--data', '@' + path)
    assert document['messages'][0]['file'] == path
    usage('send', '--tls=sometimes', path, says='--tls')


@with_message
def test_envelope_of_a_file(_, path):
    assert envelope(dry(path)) == ('ann@example.org', ['bob@example.net'])
    args = ('--to=Cleo <cleo@example.com>', '--to', 'd@example.com,e@example.com', '--cc=f@example.com', '--bcc=g@example.com')
    document = dry('--from=Zed <zed@example.org>', *args, path)
    # Addresses are told as they were given.
    assert envelope(document) == ('zed@example.org', ['Cleo <cleo@example.com>', *(f'{name}@example.com' for name in 'defg')])
    run = tool('send', '-n', *args, path)
    assert 'RCPT TO:<cleo@example.com>\n' in run.errors
    # The header stays as it is.
    assert document['messages'][0]['message']['text'].encode() == MESSAGE
    assert envelope(dry('--from=', path))[0] == ''
    usage('send', '--to', 'not an address', path, says='--to')
    usage('send', '--bcc', 'a@example.org, <b', path, says='--bcc')
    usage('send', '--recipients=a@example.org', '--to=b@example.org', path, says='give one of them')
    usage('send', '--from', 'a b', path, says='--from')


@with_message
def test_dry_run_prints_the_message(_, path):
    run = tool('send', '-n', path)
    assert run.status == 0 and run.out == MESSAGE
    assert 'MAIL FROM:<ann@example.org>' in run.errors and 'RCPT TO:<bob@example.net>' in run.errors
    run = tool('send', '-n', '-', stdin=MESSAGE)
    assert run.out == MESSAGE


def test_dry_run_of_octets_that_are_no_text():
    body = MESSAGE[:-2] + b'\xff\xfe\r\n'
    with Folder() as folder:
        message = dry(folder.file('m.eml', body))['messages'][0]
        assert base64.b64decode(message['message']['base64']) == body


def test_refuses_what_excludes_itself():
    usage('send', '--subject=x', '--to=a@example.org', 'file.eml', says='not both')
    usage('send', '-', '-', says='once only')
    run = tool('send', '--format=xml', 'x.eml')
    assert run.status == 1 and '--format' in run.errors and 'human|json' in run.errors
    usage('send', '--password-file=/dev/null', 'x.eml', says='no --user')
    usage('send', '--user=me', '--password-file=a', '--password-env=B', 'x.eml', says='give one of them')
    usage('send', '--user=me', '-', '--password-fd=0', says='standard input')
    usage('send', '--attach-type=text/x-y', '--subject=x', '--to=a@example.org', says='--attach-type')


def test_terminal_safety():
    run = tool('send', '\x1b[2Jevil\x9b.eml\u202e', '--to=a@example.org', '--server=localhost')
    assert b'\x1b' not in run.err + run.out and b'\xc2\x9b' not in run.err + run.out and '\u202e' not in run.errors
    assert '\\x1B[2Jevil' in run.errors
    run = tool('send', '--\x1b[31m')
    assert b'\x1b' not in run.err
    with Folder() as folder:
        name = os.fsencode(folder.path) + b'/\xff\x1b.eml'
        run = tool('send', name, '--format=json', '--to=a@example.org')
        assert '\\xFF' in run.json()['messages'][0]['file']


def test_no_colour_off_a_terminal():
    run = tool('plugins')
    assert b'\x1b' not in run.out
    run = tool('plugins', '--color=always')
    assert b'\x1b[1m' in run.out
    for env, coloured in (({'TERM': 'xterm', 'NO_COLOR': ''}, True), ({'TERM': 'xterm', 'NO_COLOR': '1'}, False), ({'TERM': 'dumb'}, False)):
        assert (b'\x1b' in on_terminal('plugins', env=env)) == coloured, env


# --- exit status


def test_status_of_files():
    with Folder() as folder:
        good = folder.file('m.eml', MESSAGE)
        missing = folder / 'missing.eml'
        run = tool('send', '--format=json', missing)
        document = run.json()
        assert run.status == 4 and document['messages'][0]['error']['code'] == 'source'
        assert document['messages'][0]['verdict'] == 'not-sent'
        # One bad file does not take the others along: the other one got as far as connecting.
        document = tool('send', '--format=json', '--server', f'127.0.0.1:{closed_port()}', missing, good).json()
        assert document['exit']['code'] == 4
        assert [message['error']['code'] for message in document['messages']] == ['source', 'connect']
        run = tool('send', folder.path, '--to=a@example.org', f'--server=127.0.0.1:{closed_port()}')
        assert run.status == 4, (run.status, run.errors)


def test_status_of_messages():
    with Folder() as folder:
        server = f'--server=127.0.0.1:{closed_port()}'
        cases = [
            (MESSAGE.replace(b'Hello.', b'a\rb'), (), 47, 'message'),
            (MESSAGE.replace(b'Hello.', b'a' * 999), (), 47, 'message'),
            (MESSAGE.replace(b'To: bob@example.net', b'To: undisclosed:;'), (), 1, 'address'),
            (MESSAGE.replace(b'bob@example.net', b'bob@@example.net'), (), 1, 'address'),
            (MESSAGE, (), 2, 'connect'),
        ]
        for number, (content, args, status, code) in enumerate(cases):
            path = folder.file(f'{number}.eml', content)
            run = tool('send', '--format=json', server, *args, path)
            error = run.json()['messages'][0]['error']
            assert (run.status, error['code']) == (status, code), (number, run.status, error)
            run = tool('send', server, *args, path)
            assert run.status == status and f'{number}.eml: not sent' in run.text
            assert error['text'] in run.errors
        hints = {
            b'From: a@example.org\nTo: b@example.org\n\na\rb\n': '--lone-cr=convert',
            b'From: a@example.org\nTo: b@example.org\n\n' + b'x' * 999: '--long-lines=allow',
            b'To: b@example.org\n\nx\n': '--from=ADDRESS',
            b'From: a@example.org\n\nx\n': '--to=ADDRESS',
        }
        for content, hint in hints.items():
            error = tool('send', '--format=json', server, '-', stdin=content).json()['messages'][0]['error']
            assert len(error['try']) == 1 and error['try'][0].startswith(hint), error


def test_status_of_servers():
    ehlo = b'250-test.example\r\n250 ENHANCEDSTATUSCODES\r\n'
    cases = [
        ((b'554 no\r\n',), (), 21, 'greeting'),
        ((b'220 x\r\n', b'550 no\r\n', b'550 no\r\n', b'221 bye\r\n'), (), 22, 'ehlo'),
        ((b'220 x\r\n', ehlo, b'550 5.7.1 no\r\n', b'221 bye\r\n'), (), 23, 'mail'),
        ((b'220 x\r\n', ehlo, b'250 ok\r\n', b'550 5.1.1 no\r\n', b'250 ok\r\n', b'221 bye\r\n'), (), 24, 'recipients'),
        ((b'220 x\r\n', ehlo, b'250 ok\r\n', b'250 ok\r\n', b'554 5.6.0 no\r\n', b'250 ok\r\n', b'221 bye\r\n'), (), 25, 'data'),
        ((b'220 x\r\n', ehlo, b'250 ok\r\n', b'250 ok\r\n', b'354 go\r\n', read_until_dot, say(b'554 5.6.0 no\r\n'), b'221 bye\r\n'), (), 26, 'content'),
        ((b'220 x\r\n', ehlo, b'250 ok\r\n', b'250 ok\r\n', b'354 go\r\n', read_until_dot), (), 46, 'unknown-outcome'),
        ((b'220 x\r\n', ehlo), (), 6, 'closed'),
        ((b'220 x\r\n', ehlo, b'221 bye\r\n'), ('--tls=starttls',), 29, 'tls'),
        ((b'220 x\r\n', b'250-x\r\n250 AUTH PLAIN\r\n', b'221 bye\r\n'), ('--user=u', '--password-env=P', '--tls=never'), 41, 'policy'),
        ((b'220 x\r\n', wait,), ('--timeout-command=1',), 6, 'timeout'),
        ((wait,), ('--timeout-greeting=1',), 2, 'timeout'),
    ]
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        for steps, args, status, code in cases:
            with Script(*steps) as script:
                run = tool('send', '--format=json', '--tls=never', '--server', script.server, *args, path, env={'P': 'x'})
                document = run.json()
                message = document['messages'][0]
                assert (run.status, message['error']['code']) == (status, code), (status, code, document)
                assert message['verdict'] == ('unknown' if status == 46 else 'not-sent')


def say(reply):
    def step(stream):
        stream.write(reply)
        stream.flush()
    return step


def wait(stream):
    stream.readline()
    stream.readline()


@with_message
def test_status_of_resolving(_, path):
    run = tool('send', '--format=json', '--server=nowhere.invalid', path)
    document = run.json()
    assert run.status == 2 and document['messages'][0]['error']['code'] in ('no-host', 'resolve')
    run = tool('send', '--server=nowhere.invalid', path)
    assert '  try: --server=' in run.errors


@with_message
def test_status_of_missing_plugins(folder, path):
    os.mkdir(folder / 'none')
    run = tool('send', '--format=json', '--server=127.0.0.1', path, env={'VEREDA_PLUGIN_PATH': folder / 'none'})
    document = run.json()
    assert run.status == 10 and document['messages'][0]['error']['code'] == 'plugin'


@with_message
def test_status_as_sysexits(folder, path):
    server = f'--server=127.0.0.1:{closed_port()}'
    assert tool('send', '--exit-style=sysexits', '--nonsense').status == 64
    assert tool('send', '--exit-style=sysexits', folder / 'missing').status == 66
    run = tool('send', '--exit-style=sysexits', '--format=json', server, path)
    document = run.json()
    assert run.status == (75 if document['exit']['retryable'] else 68)
    with Script(b'220 x\r\n', b'250 x\r\n', b'250 ok\r\n', b'550 no\r\n', b'250 ok\r\n', b'221 bye\r\n') as script:
        assert tool('send', '--exit-style=sysexits', '--server', script.server, path).status == 67
    with Script(b'220 x\r\n', b'250 x\r\n', b'250 ok\r\n', b'450 later\r\n', b'250 ok\r\n', b'221 bye\r\n') as script:
        run = tool('send', '--exit-style=sysexits', '--format=json', '--server', script.server, path)
        assert run.status == 75 and run.json()['exit']['retryable'] is True


@with_message
def test_status_when_standard_output_is_full(_, path):
    if not os.path.exists('/dev/full'):
        return
    for args in (('send', '-n', path), ('plugins', '--format=json'), ('plugins',), ('--help',), ('--version',)):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([TOOL, *args], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
        assert done.returncode == 4, (args, done.returncode, done.stderr)
        assert b'smtp-tool: ' in done.stderr


@with_message
def test_interrupted(_, path):
    for number, style in ((signal.SIGINT, 'json'), (signal.SIGTERM, 'json'), (signal.SIGINT, 'human')):
        with Script(wait) as script:
            process = subprocess.Popen([TOOL, 'send', '-v', f'--format={style}', '--server', script.server, path], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, start_new_session=True)
            line = process.stderr.readline()  # it is at work when it has something to tell
            assert line, 'no transcript'
            time.sleep(0.2)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
            assert process.returncode == 128 + number, (process.returncode, out, err)
            if style == 'json':
                document = Run(process.returncode, out, err).json()
                assert document['exit']['name'] == 'interrupted', document['exit']
                message = document['messages'][0]
                # Cancelled before its content was handed over: certainly not sent.
                assert message['verdict'] == 'not-sent' and message['error']['code'] == 'cancelled', message


@with_message
def test_interrupted_with_messages_done(folder, path):
    other = folder.file('other.eml', MESSAGE)
    ehlo = b'250-x\r\n250 8BITMIME\r\n'
    steps = (b'220 x\r\n', ehlo, b'250 ok\r\n', b'250 ok\r\n', b'354 go\r\n', read_until_dot, say(b'250 2.0.0 taken\r\n'), b'250 ok\r\n',
             b'250 ok\r\n', b'354 go\r\n', read_until_dot, wait)
    with Script(*steps) as script:
        process = subprocess.Popen([TOOL, 'send', '-v', '--format=json', '--tls=never', '--server', script.server, path, other],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        for _ in range(1000):
            if script.heard.count(b'DATA\r\n') == 2:
                break
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    document = Run(process.returncode, out, err).json()
    assert [message['verdict'] for message in document['messages']] == ['sent', 'unknown'], document
    assert process.returncode == 130


# --- passwords


def login_of(*args, **kwargs):
    """Sends by AUTH PLAIN in clear to a server that notes it; the password it got."""
    ehlo = b'250-x\r\n250 AUTH PLAIN\r\n'
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        with Script(b'220 x\r\n', ehlo, b'235 2.7.0 ok\r\n', b'550 enough\r\n', b'221 bye\r\n') as script:
            run = tool('send', '--format=json', '-v', '--tls=never', '--allow-cleartext-auth', '--server', script.server, '--user=me', *args, path,
                       **kwargs)
            lines = [line for line in script.heard if line.startswith(b'AUTH PLAIN ')]
    document = run.json()
    for octets in (run.out, run.err):
        for secret in (PASSWORD.encode(), base64.b64encode(b'\0me\0' + PASSWORD.encode())):
            assert secret not in octets, octets
    got = base64.b64decode(lines[0].split()[2]).split(b'\0')[2].decode() if lines else None
    return got, run, document


def test_password_from_file():
    with Folder() as folder:
        for content in (PASSWORD, PASSWORD + '\n', PASSWORD + '\r\n', PASSWORD + '\nnot this\n'):
            got, _, document = login_of('--password-file', folder.file('p', content))
            assert got == PASSWORD and document['warnings'] == [], (content, got, document)
        got, _, document = login_of('--password-file', folder.file('open', PASSWORD, 0o644))
        assert got == PASSWORD and 'chmod 600' in document['warnings'][0]
        for content in ('', '\n', 'x' * 5000):
            got, run, document = login_of('--password-file', folder.file('p', content))
            assert got is None and run.status == 4 and document['error']['code'] == 'file'
        got, run, document = login_of('--password-file', folder / 'missing')
        assert got is None and run.status == 4 and 'missing' in document['error']['text']


def test_password_from_descriptor():
    read_end, write_end = os.pipe()
    os.write(write_end, PASSWORD.encode() + b'\nrest')
    os.close(write_end)
    got, _, _ = login_of(f'--password-fd={read_end}', pass_fds=(read_end,))
    assert got == PASSWORD
    # Not an octet more than the line was taken.
    assert os.read(read_end, 10) == b'rest'
    os.close(read_end)
    got, _, _ = login_of('--password-fd=0', stdin=PASSWORD.encode() + b'\n')
    assert got == PASSWORD
    for value in ('x', '-1', '1', '2', '99999999999'):
        got, run, document = login_of(f'--password-fd={value}')
        assert got is None and run.status == 1 and '--password-fd' in document['error']['text'], value
    got, run, _ = login_of('--password-fd=77')
    assert run.status == 4


def test_password_from_environment():
    got, _, _ = login_of('--password-env=MAIL_SECRET', env={'MAIL_SECRET': PASSWORD})
    assert got == PASSWORD
    got, run, document = login_of('--password-env=MAIL_SECRET', remove=('MAIL_SECRET',))
    assert got is None and run.status == 1 and 'MAIL_SECRET' in document['error']['text']


def test_password_from_command():
    got, _, _ = login_of('--password-command', f"printf '%s\\nrest' '{PASSWORD}'")
    assert got == PASSWORD
    # No shell: what a shell would run is an argument.
    got, _, _ = login_of('--password-command', f"echo '{PASSWORD}'")
    assert got == PASSWORD
    with Folder() as folder:
        login_of('--password-command', f'echo x; touch {folder.path}/made')
        assert not os.path.exists(folder / 'made')
    for command, says in (('false', 'status 1'), ('/no/such/program', '/no/such/program'), ("sh -c 'kill -9 $$'", 'signal 9'), ('true', 'empty')):
        got, run, document = login_of('--password-command', command)
        assert got is None and run.status == 4 and says in document['error']['text'], (command, document)
    got, run, document = login_of('--password-command', "echo 'x")
    assert run.status == 1


def test_password_on_the_command_line_is_hidden():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        with Script(wait) as script:
            process = subprocess.Popen([TOOL, 'send', '-v', '--server', script.server, '--user=me', f'--auth-password={PASSWORD}', path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            assert process.stderr.readline()
            with open(f'/proc/{process.pid}/cmdline', 'rb') as file:
                command_line = file.read()
            process.kill()
            _, err = process.communicate()
    assert PASSWORD.encode() not in command_line and b'--auth-password=***' in command_line, command_line
    got, _, document = login_of('--auth-password', PASSWORD)
    assert got == PASSWORD and 'command line' in document['warnings'][0]


def test_password_of_the_environment_is_taken_out():
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        with Script(wait) as script:
            process = subprocess.Popen([TOOL, 'send', '-v', '--server', script.server, '--user=me', '--password-env=MAIL_SECRET', path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                       env=dict(os.environ, MAIL_SECRET=PASSWORD))
            assert process.stderr.readline()
            with open(f'/proc/{process.pid}/environ', 'rb') as file:
                environment = file.read()
            process.kill()
            process.communicate()
    assert PASSWORD.encode() not in environment


def test_password_is_wanted_and_nobody_to_ask():
    usage('send', '--user=me', '--server=localhost', '-', says='no terminal', stdin=MESSAGE)


def test_password_from_the_terminal():
    ehlo = b'250-x\r\n250 AUTH PLAIN\r\n'
    with Folder() as folder:
        path = folder.file('m.eml', MESSAGE)
        with Script(b'220 x\r\n', ehlo, b'235 2.7.0 ok\r\n', b'550 enough\r\n', b'221 bye\r\n') as script:
            shown = on_terminal('send', '-v', '--tls=never', '--allow-cleartext-auth', '--server', script.server, '--user=me', path,
                                replies=[(b'Password of me at 127.0.0.1: ', PASSWORD.encode() + b'\n')])
            heard = [line for line in script.heard if line.startswith(b'AUTH PLAIN ')]
        assert PASSWORD.encode() not in shown, shown
        assert heard and base64.b64decode(heard[0].split()[2]).endswith(PASSWORD.encode())
        assert b'-> said' in shown  # the legend of the transcript
        # ^C at the prompt.
        with Script(b'220 x\r\n', ehlo, b'221 bye\r\n') as script:
            on_terminal('send', '--tls=never', '--allow-cleartext-auth', '--server', script.server, '--user=me', path,
                        replies=[(b'Password of me at 127.0.0.1: ', b'\x03')])
            assert not any(line.startswith(b'AUTH') for line in script.heard), script.heard
        assert on_terminal.status == 130, on_terminal.status


# --- plugins


def test_plugins_list():
    run = tool('plugins', '--format=json')
    document = run.json()
    assert run.status == 0
    rows = [(row['kind'], row['name']) for row in document['plugins']]
    assert ('transport', 'plain') in rows and ('auth', 'PLAIN') in rows and ('auth', 'CRAM-MD5') in rows
    names = [name for kind, name in rows if kind == 'transport']
    assert names.index('plain') == len(names) - 1
    assert not any(row['loaded'] for row in document['plugins'])
    strengths = [row['strength'] for row in document['plugins'] if row['kind'] == 'auth']
    assert strengths == sorted(strengths, reverse=True) and len(set(strengths)) == len(strengths)
    text = tool('plugins', 'list').text
    for row in document['plugins']:
        assert row['name'] in text and row['file'] in text
        assert row['license'] and row['abi'] == 1
    assert text == tool('plugins').text
    assert document['directories'] == os.environ['VEREDA_PLUGIN_PATH'].split(':')


def test_plugins_list_opens_no_module():
    maps = libraries_of('plugins', 'list')
    assert maps and not any('auth_' in name or '/plain.so' in name or 'gnutls' in name or 'libssl' in name for name in maps), maps


def libraries_of(*args):
    """The shared objects that a run of the tool opens, by what the dynamic linker tells."""
    run = tool(*args, env={'LD_DEBUG': 'files'})
    return {line.split('file=')[1].split(' ')[0] for line in run.errors.splitlines() if 'file=' in line and 'generating link map' in line}


def test_plugins_show():
    run = tool('plugins', 'show', 'cram-md5', '--format=json')
    row, = run.json()['plugins']
    assert row['name'] == 'CRAM-MD5' and row['loaded'] is True and row['needs'] == ['authcid', 'password']
    run = tool('plugins', 'show', 'cram-md5', '--no-load', '--format=json')
    assert run.json()['plugins'][0]['loaded'] is False
    text = tool('plugins', 'show', 'plain').text  # the transport and the mechanism
    assert 'transport plain' in text and 'auth PLAIN' in text and 'loaded       yes' in text
    run = tool('plugins', 'show', 'cram-md4', '--format=json')
    assert run.status == 10 and 'CRAM-MD5' in run.json()['error']['text']


def test_plugins_usage():
    for args, says in ((('show',), 'missing'), (('lisst',), "did you mean 'list'"), (('list', 'x'), 'takes no name'), (('--nonsense',), 'unknown')):
        run = tool('plugins', *args)
        assert run.status == 1 and says in run.errors and run.out == b'', (args, run.errors)
        run = tool('plugins', *args, '--format=json')
        assert run.json()['exit']['name'] == 'usage'


def test_plugins_broken():
    with Folder() as folder:
        os.mkdir(folder / 'p', 0o755)
        folder.file('p/auth_x.so', b'not a module', 0o755)
        folder.file('p/auth_x.plugin', '[Plugin]\nnonsense\n', 0o644)
        run = tool('plugins', '--format=json', env={'VEREDA_PLUGIN_PATH': folder / 'p'})
        row, = run.json()['plugins']
        assert run.status == 0 and row['kind'] == 'broken' and row['state'] == 'failed' and row['reason']
        run = tool('plugins', env={'VEREDA_PLUGIN_PATH': folder / 'p'})
        assert 'broken' in run.text and 'failed: ' in run.text
        run = tool('plugins', 'show', 'auth_x', env={'VEREDA_PLUGIN_PATH': folder / 'p'})
        assert run.status == 10 and 'reason' in run.text


def test_helper_is_missing():
    with Folder() as folder:
        alone = shutil.copy(TOOL, folder / 'smtp-tool')
        environment = {name: value for name, value in os.environ.items() if name != 'SMTP_TOOL_EXECDIR'}
        library = os.path.join(EXECDIR, '..', '..', 'core')  # the copy does not find it by its relative path
        environment['LD_LIBRARY_PATH'] = library
        for args, out in ((('send', '-ojson', '--subject=x', '--to=a@example.org', '--server=localhost'), 'helper'), (('sink', '-ojson'), 'helper')):
            done = subprocess.run([alone, *args], stdout=subprocess.PIPE, env=environment, check=False, timeout=60)
            document = json.loads(done.stdout)
            assert done.returncode == 10 and document['error']['code'] == out, document


assert EXECDIR
run_tests(globals())
