#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Where settings come from: the command line, the environment, profiles and defaults of the configuration file, in that order."""
import json
import os
import stat

from tool_kit import MESSAGE, Folder, Sink, Skip, run_tests, tool

FILE = '''
[default]
server=default.example.org:2525
user=ann
password-command=echo never
timeout=20
to=default@example.net
verbose=no

[profile work]
server=work.example.org
tls=starttls
to=work@example.net

[profile same]
timeout=30
'''


def config(*args, **kwargs):
    """Settings in use and settings passed over, each {name: (value, layer)}, as `config` tells them."""
    run = tool('config', '--format=json', *args, **kwargs)
    document = run.json()
    assert run.status == 0, run.text
    used, over = {}, {}
    for row in document['settings']:
        (used if row['passed_over'] is None else over)[row['name']] = (row['value'], row['layer'])
    return used, over, document


def test_order():
    with Folder() as folder:
        path = folder.file('config', FILE)
        used, _, _ = config('--config', path)
        assert used['server'] == ('default.example.org:2525', 'default') and used['timeout'] == ('20', 'default')
        used, over, document = config('--config', path, '--profile=work')
        assert used['server'] == ('work.example.org', 'profile') and used['timeout'] == ('20', 'default'), used
        assert over['server'][1] == 'default' and document['profiles'] == ['work', 'same']
        used, _, _ = config('--config', path, '--profile=work', env={'SMTP_TOOL_SERVER': 'env.example.org', 'SMTP_TOOL_TLS': 'never'})
        assert used['server'] == ('env.example.org', 'environment') and used['tls'] == ('never', 'environment')
        used, _, _ = config('--config', path, '--profile=work', '--server=line.example.org', env={'SMTP_TOOL_SERVER': 'env.example.org'})
        assert used['server'] == ('line.example.org', 'command-line') and used['tls'] == ('starttls', 'profile')
        used, _, _ = config('--config', path, '--no-timeout')
        assert used['timeout'] == ('no', 'command-line')


def test_lists_are_not_put_together():
    with Folder() as folder:
        path = folder.file('config', FILE)
        used, over, _ = config('--config', path, '--profile=work', '--to=x@example.net', '--to=y@example.net')
        assert used['to'][1] == 'command-line' and over['to'][1] in ('default', 'profile')
        message = folder.file('m.eml', MESSAGE)
        run = tool('send', '--config', path, '--dry-run', '--to=x@example.net', message)
        assert run.status == 0 and 'x@example.net' in run.errors and 'default@' not in run.errors, run.errors


def test_passwords_stay_with_their_server():
    with Folder() as folder:
        path = folder.file('config', FILE)
        _, over, _ = config('--config', path, '--server=other.example.org')
        assert 'user' in over and 'password-command' in over, over
        used, _, _ = config('--config', path, '--profile=same')
        assert used['user'] == ('ann', 'default')  # the profile names no server of its own
        used, over, _ = config('--config', path, '--profile=work')
        assert 'user' in over and 'user' not in used
        # Who names both on the command line means both.
        used, _, _ = config('--config', path, '--server=other.example.org', '--user=bob')
        assert used['user'] == ('bob', 'command-line')
    with Folder() as folder, Sink('--auth=PLAIN', '--auth-before-tls', '--user=ann', '--password-file', folder.file('pw', 'secret\n')) as sink:
        path = folder.file('config', '[default]\nserver=127.0.0.1:1\nuser=ann\nauth-password=secret\ninsecure-cleartext-auth=yes\n')
        run = tool('send', '--config', path, '--server', sink.server, folder.file('m.eml', MESSAGE))
        assert run.status == 0, run.errors
        assert 'AUTH' not in json.dumps(sink.log()), sink.log()


def test_send_by_a_profile():
    with Folder() as folder, Sink('--self-signed', '--tls=starttls', '--auth=PLAIN', '--user=ann',
                                  '--password-file', folder.file('pw', 'secret\n')) as sink:
        path = folder.file('config', f'[profile lab]\nserver=localhost:{sink.port}\ntls=starttls\nca-file={sink.ca}\nuser=ann\n'
                                     f'password-file={folder / "pw"}\nfrom=ann@example.org\nquiet=yes\n')
        message = folder.file('m.eml', MESSAGE)
        for run in (tool('send', '--config', path, '--profile=lab', message),
                    tool('--profile=lab', '--config', path, 'send', message),
                    tool('send', message, env={'SMTP_TOOL_CONFIG': path, 'SMTP_TOOL_PROFILE': 'lab'}),
                    tool('send', message, env={'SMTP_TOOL_SERVER': f'localhost:{sink.port}', 'SMTP_TOOL_CA_FILE': sink.ca, 'SMTP_TOOL_USER': 'ann',
                                               'SMTP_TOOL_AUTH_PASSWORD': 'secret', 'SMTP_TOOL_QUIET': 'yes'})):
            assert run.status == 0 and run.out == b'', run.errors
        assert len(sink.messages()) == 4


def test_the_usual_place():
    with Folder() as folder:
        os.makedirs(folder / '.config/smtp-tool')
        folder.file('.config/smtp-tool/config', '[default]\nserver=home.example.org\n')
        used, _, document = config(env={'HOME': folder.path}, remove=('XDG_CONFIG_HOME',))
        assert used['server'][0] == 'home.example.org' and document['file'] == folder / '.config/smtp-tool/config'
        used, _, _ = config(env={'HOME': '/', 'XDG_CONFIG_HOME': folder / '.config'})
        assert used['server'][0] == 'home.example.org'
        used, _, document = config('--no-config', env={'XDG_CONFIG_HOME': folder / '.config', 'SMTP_TOOL_PROFILE': 'gone'})
        assert used == {} and document['file'] is None
        used, _, document = config(env={'HOME': folder.path, 'XDG_CONFIG_HOME': 'relative'})
        assert used['server'][0] == 'home.example.org'
        used, _, document = config(env={'XDG_CONFIG_HOME': '/nowhere'})
        assert used == {} and document['file_exists'] is False


def refused(status, says, *args, **kwargs):
    for command in ('config', 'send'):
        run = tool(command, *args, '--format=json', **kwargs)
        document = run.json()
        assert run.status == status and says in document['error']['text'], (args, document)
        run = tool(command, *args, **kwargs)
        assert run.status == status and says in run.errors and run.out == b'', (args, run.errors)


def test_wrong_files():
    with Folder() as folder:
        for text, status, says in (('[default]\nserwer=x\n', 1, "'serwer'"), ('[defaults]\n', 1, '[defaults]'), ('server=x\n', 1, 'config'),
                                   ('[default]\nhelp=yes\n', 1, "'help'"), ('[default]\nconfig=x\n', 1, "'config'"),
                                   ('[default]\nquiet=perhaps\n', 1, 'quiet')):
            refused(status, says, '--config', folder.file('config', text))
        good = folder.file('config', FILE)
        refused(1, "'nope'", '--config', good, '--profile=nope')
        refused(4, 'No such file', '--config', folder / 'gone')
        refused(1, 'no configuration file', '--profile=x', env={'XDG_CONFIG_HOME': '/nowhere'})
        os.chmod(good, 0o620)
        refused(4, 'chmod go-w', '--config', good)
        os.chmod(good, 0o644)
        assert config('--config', good)[0]['user'][0] == 'ann'
        refused(4, 'chmod 600', '--config', folder.file('config', '[default]\nauth-password=hush\n', 0o640))
        if os.geteuid() == 0:
            strange = folder.file('config', '[default]\n')
            os.chown(strange, 65534, -1)
            refused(4, 'chown', '--config', strange)


def test_errors_say_where():
    with Folder() as folder:
        path = folder.file('config', '[default]\nconnect-timeout=soon\n')
        run = tool('send', '--config', path, folder.file('m.eml', MESSAGE))
        assert run.status == 1 and f'[default] of {path}' in run.errors and '--connect-timeout' in run.errors, run.errors
        run = tool('send', folder.file('m.eml', MESSAGE), env={'SMTP_TOOL_CONNECT_TIMEOUT': 'soon'})
        assert run.status == 1 and 'SMTP_TOOL_CONNECT_TIMEOUT' in run.errors, run.errors


def test_secrets_are_not_shown():
    with Folder() as folder:
        path = folder.file('config', '[default]\nserver=x.example.org\nauth-password=open-sesame\n')
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        for args in (('--config', path), ('--auth-password=open-sesame',), ()):
            for form in ((), ('--format=json',)):
                run = tool('config', *args, *form, env={'SMTP_TOOL_PASSWORD': 'open-sesame'} if args == () else {})
                assert run.status == 0 and b'open-sesame' not in run.out + run.err and b'password' in run.out, run.out


def test_a_private_file_is_no_command_line():
    with Folder() as folder:
        path = folder.file('config', '[default]\nserver=127.0.0.1:1\nuser=ann\nauth-password=open-sesame\ntimeout=1\n')
        message = folder.file('m.eml', MESSAGE)
        assert 'command line' not in tool('send', '--config', path, message).errors
        assert 'command line' in tool('send', '--config', path, '--auth-password=x', message).errors


def test_secrets_leave_the_environment():
    if not os.path.exists('/usr/bin/env'):
        raise Skip('no env')
    with Folder() as folder:
        seen = folder / 'seen'
        script = folder.file('command', f'#!/bin/sh\nenv > {seen}\necho secret\n', 0o700)
        tool('send', '--server=127.0.0.1:1', '--user=ann', f'--password-command={script}', folder.file('m.eml', MESSAGE),
             env={'SMTP_TOOL_AUTH_PASSWORD': 'open-sesame', 'SMTP_TOOL_TIMEOUT': '1'})
        with open(seen, encoding='utf-8') as file:
            text = file.read()
        assert 'SMTP_TOOL_TIMEOUT' in text and 'open-sesame' not in text


def test_other_commands():
    with Folder() as folder:
        path = folder.file('config', '[default]\nserver=x.example.org\nformat=json\nno-auth=PLAIN\n')
        assert json.loads(tool('plugins', 'list', '--config', path).out)['schema'] == 'smtp-tool/plugins/1'
        document = json.loads(tool('auth', 'explain', '--config', path, '--offered=PLAIN LOGIN', '--user=ann').out)
        assert document['chosen'] == 'LOGIN', document


def test_the_guides_example():
    with open(os.path.join(os.environ['SMTP_TOOL_SCHEMA'], '../../../docs/examples/smtp-tool.config'), 'rb') as file, Folder() as folder:
        used, _, _ = config('--config', folder.file('config', file.read()), '--profile=work')  # a checkout may be writable by others
    assert used['server'] == ('mail.example.org:587', 'profile') and used['from'] == ('ann@example.org', 'default')


def test_usage():
    run = tool('config', 'x')
    assert run.status == 1 and "'x'" in run.errors
    assert tool('config', '--help').text.startswith('Usage: smtp-tool config')
    _, _, document = config(env={'SMTP_TOOL_SERWER': 'x'})
    assert 'SMTP_TOOL_SERWER' in document['unknown']


run_tests(globals())
