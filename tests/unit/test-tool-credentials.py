#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool: passwords that are asked for by server: netrc, the keyring's program, the terminal with its reasons."""
import os
import shutil
import stat
import subprocess

from tool_kit import EXECDIR, MESSAGE, Folder, Sink, Skip, on_terminal, run_tests, tool

PASSWORD = 'tr0ub4dor &"3\\'
QUOTED = '"tr0ub4dor &\\"3\\\\"'


class World:
    """A sink that knows one user, and a folder."""

    def __enter__(self):
        self.folder = Folder().__enter__()
        self.mail = self.folder.file('m.eml', MESSAGE)
        secret = self.folder.file('secret', PASSWORD + '\n')
        self.sink = Sink('--auth=CRAM-MD5', '--require-auth', '--user=ann', '--password-file', secret).__enter__()
        self.server = self.sink.server
        return self

    def __exit__(self, *_):
        self.sink.__exit__()
        self.folder.__exit__()

    def send(self, *args, **kwargs):
        run = tool('send', '--format=json', '--tls=never', '--server', self.server, *args, self.mail, **kwargs)
        document = run.json()
        assert PASSWORD not in run.text and PASSWORD not in run.errors
        return run.status, document

    def netrc(self, text, mode=0o600):
        return '--netrc=' + self.folder.file('netrc', text, mode)


def words(document):
    return str(document['error']) + str(document['warnings']) + str([message['error'] for message in document['messages']])


# --- netrc


def test_netrc():
    for text in (f'machine localhost login ann password {QUOTED}\n', f'machine LocalHost\n\tlogin ann\n\tpassword {QUOTED}',
                 f'default login ann password {QUOTED}\n',
                 f'# mine\nmachine other.example login ann password no\nmachine localhost login bob password no\r\n'
                 f'machine localhost account x login "ann" password {QUOTED} # old\ndefault login ann password no\n',
                 f'macdef init\ncd /pub\nmachine localhost login ann password no\n\nmachine localhost login ann password {QUOTED}\n',
                 f'machine localhost password {QUOTED}\n'):
        with World() as world:
            status, document = world.send('--user=ann', world.netrc(text))
            assert status == 0, (text, words(document))


def test_netrc_gives_the_user():
    with World() as world:
        status, document = world.send(world.netrc(f'machine localhost login ann password {QUOTED}\n'))
        assert status == 0, words(document)
        status, document = world.send(world.netrc('machine localhost password x\n'))
        assert status == 1 and "no login for 'localhost'" in words(document)
        status, document = world.send(world.netrc('machine elsewhere login ann password x\n'))
        assert status == 1 and "no login for 'localhost'" in words(document)


def test_netrc_of_the_home():
    with World() as world:
        world.folder.file('.netrc', f'machine localhost login ann password {QUOTED}\n')
        status, document = world.send('--netrc', env={'HOME': world.folder.path})
        assert status == 0, words(document)


def test_netrc_has_none():
    with World() as world:
        for text in ('', 'machine localhost login bob password x\n', 'machine elsewhere login ann password x\n', 'machine localhost login ann\n',
                     'machine localhost login ann password ""\n'):
            status, document = world.send('--user=ann', world.netrc(text))
            assert status in (28, 41) and 'no password of ann for localhost' in words(document), (text, status, words(document))
        # What is written down is not said twice.
        run = tool('send', '-v', '--tls=never', '--server', world.server, '--user=ann',
                   world.netrc('machine localhost login ann password wrong\n'), world.mail)
        assert run.status == 28 and run.errors.count('-> AUTH CRAM-MD5') == 1 and run.errors.count('535 ') >= 1, run.errors


def test_netrc_is_refused():
    good = 'machine localhost login ann password x\n'
    with World() as world:
        for text, mode, says in ((good, 0o640, 'open to other users'), (good, 0o604, 'open to other users'), (good, 0o620, 'open to other users'),
                                 ('machine localhost login', 0o600, 'line 1: a value is missing'), ('\n\nmachine', 0o600, 'line 3: a value'),
                                 ('machine localhost\npassword "abc\n', 0o600, 'line 2: a quote is not closed'),
                                 ('machine localhost login ann hunter2\n', 0o600, 'line 1: neither machine'),
                                 (good + 'x' * 200000, 0o600, 'more than'), ('machine a\0b\n', 0o600, 'NUL'),
                                 ('machine localhost login ann password ' + 'x' * 5000, 0o600, 'more than 4095 octets')):
            status, document = world.send('--user=ann', world.netrc(text, mode))
            assert status == 4 and says in words(document) and 'hunter2' not in words(document), (says, words(document))
        run = tool('send', '-v', '--server', world.server, '--user=ann', world.netrc(good, 0o644), world.mail)
        assert run.status == 4 and '220 ' not in run.errors, 'somebody was contacted'
        status, document = world.send('--user=ann', '--netrc=' + world.folder.path)
        assert status == 4 and 'not a regular file' in words(document)
        status, document = world.send('--user=ann', '--netrc=' + world.folder / 'absent')
        assert status == 4 and 'No such file' in words(document)
        status, document = world.send('--user=ann', world.netrc(good), '--password-file=/dev/null')
        assert status == 1 and 'give one of them' in words(document)
        if os.geteuid() == 0:
            path = world.folder.file('foreign', good)
            os.chown(path, 65534, 65534)
            status, document = world.send('--user=ann', '--netrc=' + path)
            assert status == 4 and 'belongs to another user' in words(document)


# --- the keyring: through the interface of its program, with one of ours in its place


def stand_in(folder, script):
    path = folder.file('smtp-tool-keyring', '#!/bin/sh\n' + script)
    os.chmod(path, stat.S_IRWXU)
    return {'SMTP_TOOL_EXECDIR': folder.path}


def test_keyring():
    with World() as world, Folder() as programs:
        env = stand_in(programs, f'''printf '%s %s' "$1" "$2" > {programs.path}/asked; cat {world.folder / "secret"}\n''')
        status, document = world.send('--user=ann', '--keyring', env=env)
        assert status == 0, words(document)
        with open(programs / 'asked', encoding='ascii') as file:
            assert file.read() == 'localhost ann'


def test_keyring_fails():
    with World() as world, Folder() as programs:
        for script, says in (('exit 1\n', 'the keyring has no password of ann for localhost'), ('exit 2\n', 'failed with status 2'),
                             ('kill -9 $$\n', 'ended by signal 9'), ('exit 0\n', 'the first line is empty')):
            status, document = world.send('--user=ann', '--keyring', env=stand_in(programs, script))
            assert status in (28, 41) and says in words(document), (script, status, words(document))
        status, document = world.send('--keyring')
        assert status == 1 and 'no --user' in words(document)


def test_keyring_is_not_installed():
    """Found out before anybody is contacted."""
    with World() as world, Folder() as folder:
        alone = shutil.copy(os.environ['SMTP_TOOL'], folder / 'smtp-tool')
        environment = {name: value for name, value in os.environ.items() if name != 'SMTP_TOOL_EXECDIR'}
        environment['LD_LIBRARY_PATH'] = os.path.join(EXECDIR, '..', '..', 'core')
        done = subprocess.run([alone, 'send', '--server=127.0.0.1:1', '--user=ann', '--keyring', world.mail], capture_output=True, text=True,
                              env=environment, check=False, timeout=60)
        assert done.returncode == 10 and 'smtp-tool-keyring is not installed' in done.stderr, done


def test_keyring_program():
    """The real one, on a bus of its own on which there is no keyring."""
    program = os.path.join(EXECDIR, 'smtp-tool-keyring')
    if not os.access(program, os.X_OK):
        raise Skip('built without libsecret')
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and 'Usage' in done.stderr, done
    if shutil.which('dbus-run-session') is None:
        raise Skip('no dbus-run-session')
    with Folder() as home:
        done = subprocess.run(['dbus-run-session', '--', program, 'mail.example.org', 'ann'], capture_output=True, text=True, check=False,
                              timeout=60, env=dict(os.environ, HOME=home.path, XDG_DATA_HOME=home.path, XDG_RUNTIME_DIR=home.path))
    if done.returncode == 127:
        raise Skip('no bus can be started here: ' + done.stderr.strip())
    assert done.returncode in (1, 2) and done.stdout == '', done
    assert done.returncode == 1 or 'the keyring cannot be asked' in done.stderr, done


def test_a_send_does_not_load_it():
    """Neither libsecret nor D-Bus nor GObject, nor anything of TLS or of mechanisms that are not used."""
    with World() as world:
        run = tool('send', '--tls=never', '--server', world.server, '--user=ann', '--password-file', world.folder / 'secret', world.mail,
                   env={'LD_DEBUG': 'files'})
        assert run.status == 0
        opened = {line.split('file=')[1].split(' ')[0] for line in run.errors.splitlines() if 'file=' in line and 'generating link map' in line}
        assert any('cram_md5' in name for name in opened), opened
        for word in ('libsecret', 'dbus', 'libgobject', 'libgio', 'gnutls', 'libssl', 'libsasl2', 'auth_scram', 'auth_plain', 'auth_oauth'):
            assert not any(word in name for name in opened), (word, opened)


# --- the terminal


def ask(world, *passwords):
    first = b'Password of ann at localhost: '
    again = b'The server refused that.  Another try?  ' + first
    replies = [(first if number == 0 else again, password.encode() + b'\n') for number, password in enumerate(passwords)]
    shown = on_terminal('send', '--tls=never', '--server', world.server, '--user=ann', world.mail, replies=replies)
    assert not any(password.encode() in shown for password in passwords), shown
    return shown


def test_terminal():
    with World() as world:
        shown = ask(world, PASSWORD)
        assert on_terminal.status == 0 and shown.count(b'Password of') == 1 and b'refused' not in shown, shown


def test_terminal_asks_again():
    with World() as world:
        shown = ask(world, 'not-this-one', PASSWORD)
        assert on_terminal.status == 0 and shown.count(b'Password of') == 2, shown


def test_terminal_gives_up():
    with World() as world:
        shown = ask(world, 'wrong-one', 'wrong-two', 'wrong-three', 'wrong-four')
        assert on_terminal.status == 28 and shown.count(b'Password of') == 3, shown


def test_terminal_is_not_asked_without_need():
    """A server that offers nothing, or nothing that may be used, gets no password; so nobody types one."""
    with Folder() as folder, Sink() as sink:
        shown = on_terminal('send', '--tls=never', '--server', sink.server, '--user=ann', folder.file('m.eml', MESSAGE))
        assert on_terminal.status == 28 and b'Password' not in shown, (on_terminal.status, shown)


run_tests(globals())
