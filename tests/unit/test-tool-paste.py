#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What smtp-tool prints may be pasted anywhere: no password in any form, of any command, in any format, at any verbosity; and nothing that a
terminal obeys, of commands that test-tool-probe does not look at."""
import base64
import json
import os
import re

from tool_kit import MESSAGE, Folder, Script, Sink, run_tests, tool

MECHANISMS = ('PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256')
PASSWORD = 'tanstaaf-Zephyr-7731'
FORMATS = ('human', 'json')
VERBOSITIES = ((), ('-q',), ('-v',), ('-vv', '--debug'), ('-vvv', '--show-time-lapse'), ('-vvv', '--redact=all'))
GREETING, BYE = b'220 mx.example.test ESMTP\r\n', b'221 2.0.0 bye\r\n'


def forms(secret):
    """The secret itself, in hex, and in base64 wherever it may stand in what was encoded; without the ends that neighbours share."""
    octets = secret.encode()
    yield octets
    yield octets.hex().encode()
    yield octets.hex().upper().encode()
    for shift in range(3):
        whole = base64.b64encode(b'x' * shift + octets)
        yield whole[(0, 2, 3)[shift]:][:(len(octets) - 3) * 4 // 3]


def dumped(octets):
    """The octets that -vvv writes in hexadecimal, put together again."""
    return b''.join(bytes.fromhex(row.decode()) for row in re.findall(rb'^    [0-9a-f]{4}  ((?:[0-9a-f]{2} )*[0-9a-f]{2})', octets, re.M))


def shows(octets, secret):
    return [form for form in forms(secret) if form in octets or form in dumped(octets)]


def ways(folder, secret):
    """How a password is handed over, and what that adds to the environment; the last is swaks' own, in the open."""
    path = folder.file('given', secret + '\n')
    netrc = folder.file('netrc', f'default login ann password {secret}\n')
    return ((f'--password-file={path}', {}), ('--password-env=PW', {'PW': secret}), (f'--password-command=cat {path}', {}),
            (f'--netrc={netrc}', {}), (f'--auth-password={secret}', {}))


def search(arguments, secret, env=None, statuses=None, stdin=b'', saved=None):
    """Of one run: what it printed, and the transcript that it saved."""
    run = tool(*arguments, *([f'--save-transcript={saved}'] if saved else []), env=env, stdin=stdin)
    assert statuses is None or run.status in statuses, (arguments, run.status, run.text, run.errors)
    found = shows(run.out + run.err, secret)
    assert not found, (arguments, found)
    if saved and os.path.exists(saved):
        with open(saved, 'rb') as file:
            found = shows(file.read(), secret)
        assert not found, (arguments, 'saved', found)
        os.remove(saved)
    return run


def each(command, formats=FORMATS, verbosities=VERBOSITIES):
    for form in formats:
        for verbosity in verbosities:
            yield (*command, f'--format={form}', *verbosity)


def test_the_search_finds():
    secret = PASSWORD.encode()
    for shift in range(9):
        assert shows(b'AUTH PLAIN ' + base64.b64encode(b'a' * shift + secret + b'z'), PASSWORD), shift
    dump = b'<- x\n' + b''.join(b'    %04x  ' % place + ' '.join(f'{octet:02x}' for octet in (b'AUTH ' + secret)[place:place + 16]).encode() + b'   ...\n'
                                for place in (0, 16))
    assert shows(dump, PASSWORD)
    assert shows(b'x' + secret + b'x', PASSWORD) and shows(secret.hex().encode(), PASSWORD) and not shows(b'AUTH PLAIN (20 octets)', PASSWORD)


def test_with_a_server():
    with Folder() as folder:
        right = folder.file('password', PASSWORD + '\n')
        mail = folder.file('m.eml', MESSAGE)
        with Sink('--tls=starttls', '--self-signed', '--auth=' + ','.join(MECHANISMS), '--user=ann', f'--password-file={right}') as sink:
            common = ('--ca-file', sink.ca, '--ipv4', '--user=ann')
            for secret, good in ((PASSWORD, True), (PASSWORD[::-1], False)):
                way, env = f'--password-file={folder.file("secret", secret + chr(10))}', None
                for mechanism in MECHANISMS:
                    wish = (*common, way, f'--auth={mechanism}')
                    for line in each(('send',), verbosities=VERBOSITIES if mechanism in ('PLAIN', 'LOGIN') else (('-vvv', '--debug'),)):
                        run = search((*line, *wish, '--tls=starttls', f'--server={sink.server}', mail), secret, env, (0,) if good else (28,),
                                     saved=folder / 'transcript')
                        assert line[-1][:2] != '-v' or 'AUTH' in run.errors, line
                for command in (('send', '--dry-run', f'--server={sink.server}', mail), ('config', f'--server={sink.server}'),
                                ('bench', '--messages=2', '--warm-up=0', '--tls=starttls', f'--server={sink.server}'),
                                ('compare', sink.server), ('compare', '--auth=PLAIN,LOGIN,SCRAM-SHA-256', sink.server), ('check', sink.server),
                                ('probe', sink.server), ('tls', sink.server), ('session', '--until=AUTH', sink.server),
                                *(('probe', f'--as={other}', sink.server) for other in ('swaks', 'curl', 'openssl', 'gnutls-cli', 'posttls-finger')), ('auth', 'try', '--max-tries=9', sink.server), ('auth', 'list', sink.server),
                                ('auth', 'explain', '--offered=PLAIN LOGIN CRAM-MD5')):
                    for line in each(command, verbosities=((), ('-vv',), ('-vvv', '--debug'))):
                        if command[:2] == ('auth', 'explain'):
                            search((*line, '--user=ann'), secret, env)
                        else:
                            search((*line, *common, way), secret, env, saved=folder / 'transcript')
                typed = b'EHLO x\nSTARTTLS\nEHLO x\nAUTH PLAIN\n' + base64.b64encode(f'\0ann\0{secret}'.encode()) + b'\nNOOP\n'
                for line in each(('session', sink.server), verbosities=((), ('-vvv',))):
                    search((*line, *common, way), secret, env, (0,), stdin=typed, saved=folder / 'transcript')
                for line in each(('check', sink.server), formats=('nagios', 'prometheus'), verbosities=((), ('-vvv',))):
                    search((*line, *common, way), secret, env, saved=folder / 'transcript')
                for line in each(('bench', '--messages=1', '--warm-up=0', '--tls=starttls', f'--server={sink.server}'), formats=('csv',)):
                    search((*line, *common, way), secret, env)
            for way, env in ways(folder, PASSWORD):
                for line in each(('send', *common, '--auth=PLAIN', '--tls=starttls', f'--server={sink.server}', mail), verbosities=(('-vvv', '--debug'),)):
                    search((*line, way), PASSWORD, env, (0,))
                for command in (('config', f'--server={sink.server}'), ('probe', '--auth=LOGIN', sink.server), ('compare', sink.server)):
                    for line in each(command, verbosities=(('-vv',),)):
                        search((*line, *common, way), PASSWORD, env)


def test_without_a_server():
    """What looks at the machine alone has the password in its environment and in its profile all the same."""
    with Folder() as folder:
        os.mkdir(folder / 'smtp-tool')
        folder.file('smtp-tool/config', f'[default]\nserver=mail.example.org\nuser=ann\npassword-command=printf %s {PASSWORD[:4]}; cat /dev/null\n')
        env = {'PW': PASSWORD, 'XDG_CONFIG_HOME': folder.path, 'SMTP_TOOL_PASSWORD_ENV': 'PW', 'SMTP_TOOL_USER': 'ann'}
        for command in (('plugins', 'doctor'), ('plugins', 'list'), ('plugins', 'show', 'PLAIN'), ('config',), ('auth', 'explain', '--offered=PLAIN'),
                        ('explain', 'auth-failed'), ('explain', '535'), ('explain', '5.7.8'), ('explain', '28')):
            for line in each(command, verbosities=((), ('-v',))):
                search(line, PASSWORD, env)
        for verbosity in VERBOSITIES:
            search(('config', *verbosity), PASSWORD, env)


def test_refused_passwords_are_not_repeated():
    """Servers and commands that say back what they were given, and passwords that cannot be used."""
    plain = base64.b64encode(f'\0ann\0{PASSWORD}'.encode())
    with Folder() as folder:
        mail = folder.file('m.eml', MESSAGE)
        echo = b'535 5.7.8 I was given ' + PASSWORD.encode() + b' as ' + plain + b'\r\n'
        options = ('--tls=never', '--allow-cleartext-auth', '--auth=PLAIN', '--user=ann', '--password-env=PW')
        for command in (('send', '--from=a@example.org', '--to=b@example.org', mail), ('probe',), ('auth', 'try'), ('check',)):
            for line in each(command, verbosities=((), ('-vvv', '--debug'))):
                with Script(GREETING, b'250-mx\r\n250 AUTH PLAIN LOGIN\r\n', echo, BYE) as server:
                    where = (f'--server={server.server}',) if command[0] == 'send' else (server.server,)
                    search((*line, *options, *where), PASSWORD, {'PW': PASSWORD})
        for wrong in (('--password-fd=77',), ('--password-file=/nonexistent',), ('--password-command=false ' + PASSWORD[:3],)):
            search(('send', '--server=127.0.0.1:9', '--user=ann', *wrong, mail), PASSWORD)


HOSTILE = b'\x1b]0;owned\x07 \x1b[31m a\x00b \x9b31m \xff\xfe \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8'


def is_clean(octets):
    return not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]', octets.decode('utf-8'))


def test_nothing_to_obey():
    ehlo = b'250-' + HOSTILE + b'\r\n250-' + HOSTILE + b'\r\n250-AUTH PLAIN LOGIN ' + HOSTILE + b'\r\n250 SIZE ' + HOSTILE + b'\r\n'
    refusal = b'535-5.7.8 ' + HOSTILE + b'\r\n535 5.7.8 ' + HOSTILE + b'\r\n'
    auth = ('--tls=never', '--allow-cleartext-auth', '--user=ann', '--password-env=PW')
    with Folder() as folder:
        mail = folder.file('m.eml', MESSAGE)
        for command in (('compare',), ('compare', '--auth=PLAIN,LOGIN', *auth), ('bench', '--messages=1', '--warm-up=0', *auth), ('send', *auth, mail),
                        ('auth', 'try', *auth), ('check', *auth)):
            for line in each(command, verbosities=((), ('-v',))):
                with Script(b'220 ' + HOSTILE + b'\r\n', ehlo, refusal, refusal, BYE) as server:
                    run = tool(*line, *([f'--server={server.server}'] if command[0] in ('bench', 'send') else [server.server]), env={'PW': 'tanstaaf'})
                    assert is_clean(run.out) and is_clean(run.err) and run.out + run.err, (line, run.out, run.err)
    word = HOSTILE.replace(b'\0', b'').decode('utf-8', 'ignore')
    for command in (('explain', word), ('explain', '550' + word), ('explain', '5.1.1' + word), ('auth', 'explain', '--offered=' + word)):
        for form in FORMATS:
            run = tool(*command, f'--format={form}')
            assert is_clean(run.out) and is_clean(run.err) and run.out + run.err, (command, run.out, run.err)
            if form == 'json' and run.out:
                json.loads(run.out)


if __name__ == '__main__':
    run_tests(globals())
