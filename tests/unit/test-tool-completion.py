#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The shells' completion, asked of the shells themselves where they are installed."""
import os
import re
import shutil
import subprocess

from tool_kit import SINK, Folder, Skip, run_tests, tool


def script(shell):
    run = tool(f'--generate={shell}')
    assert run.status == 0 and run.err == b'' and run.out.endswith(b'\n')
    return run.text


def ask(*command, stdin=''):
    done = subprocess.run(command, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == b'', (command, done.stderr)
    return done.stdout.decode()


def shell_of(name):
    found = shutil.which(name)
    if found is None:
        raise Skip(f'{name} is not installed')
    return found


def bash(*words, folder='.'):
    """What bash offers behind these words, of which the last is begun."""
    parts = []
    for word in words:  # as COMP_WORDBREAKS does
        parts += [part for part in re.split('(=)', word) if part] if '=' in word else [word]
    quoted = ' '.join(f"'{part}'" for part in parts)
    code = script('bash') + (f"\ncd {folder}\nCOMP_WORDS=(smtp-tool {quoted}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
                             "_smtp_tool\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    return ask(shell_of('bash'), '--norc', '-s', stdin=code).split('\n')[:-1]


def test_bash_commands():
    offered = bash('')
    assert {'send', 'plugins', 'auth', 'config', 'sink', 'help'} <= set(offered), offered
    assert bash('se') == ['send', 'session'] and bash('plugins', '') == ['list', 'show', 'doctor'] and bash('help', 'con') == ['config']


def test_bash_options():
    offered = bash('send', '--')
    shown = set(re.findall(r'^ +(?:-., )?(--[a-z0-9][a-z0-9-]*)', tool('help', 'send').text, re.M))
    offered = {name.rstrip('=') for name in offered}
    assert shown <= offered and offered - shown <= {'--no-' + name[2:] for name in shown}, shown ^ offered
    assert bash('--serv') == ['--server='] and bash('plugins', '--loa') == ['--load'] and '--server=' not in bash('plugins', '--s')


def shown_by(command):
    return set(re.findall(r'^ +(?:-., )?(--[a-z0-9][a-z0-9-]*)', tool(command, '--help').text, re.M))


def test_sink():
    """Its options are its own to tell."""
    if not os.access(SINK, os.X_OK):
        raise Skip('the sink is not built')
    offered = {name.rstrip('=') for name in bash('sink', '--')}
    shown = set(re.findall(r'^ +(?:-., )?(--[a-z0-9][a-z0-9-]*)', tool('sink', '--help').text, re.M))
    assert len(offered) > 30 and offered == shown - {'--help'}, offered ^ shown
    assert bash('sink', '--tls=') == ['starttls', 'implicit', 'none'] and bash('sink', '--format=') == ['human', 'jsonl']
    missing = tool('--generate=bash', env={'SMTP_TOOL_EXECDIR': '/nonexistent'})
    assert missing.status == 0 and missing.err == b''


COMMANDS = ('probe', 'tls', 'compare', 'check', 'session', 'bench', 'explain')


def test_options_of_every_command():
    """What --help lists is offered, by each shell's script, and nothing else."""
    for command in COMMANDS:
        shown = shown_by(command)
        offered = {name.rstrip('=') for name in bash(command, '--')}
        assert shown <= offered and offered - shown <= {'--no-' + name[2:] for name in shown}, (command, shown ^ offered)
    assert {'--max-tries', '--offered', '--expect'} <= {name.rstrip('=') for name in bash('auth', '--')}
    zsh = script('zsh')
    for command in COMMANDS:
        block = zsh.split(f'options_{command}=(\n')[1].split('\n  )\n')[0]
        assert {'--' + name for name in re.findall(r"^ *'\*--([a-z0-9-]+)[=\[]", block, re.M)} == shown_by(command), command
    rows = re.findall(r"__fish_seen_subcommand_from([a-z ]*)' -l ([a-z0-9-]+)", script('fish'))
    for command in COMMANDS:
        offered = {'--' + name for commands, name in rows if command in commands.split()}
        shown = shown_by(command)
        assert shown <= offered and offered - shown <= {'--no-' + name[2:] for name in shown}, (command, shown ^ offered)


def test_one_name_with_other_values():
    assert bash('check', '--format=') == ['nagios', 'prometheus', 'json'] and bash('bench', '-v', '--format', '') == ['human', 'json', 'csv']
    assert bash('probe', '--format=') == ['human', 'json'] and bash('probe', '--quit-after=FI') == ['FIRST-EHLO']
    assert bash('session', '--until=T') == ['TLS'] and bash('tls', '--fail-on=') == ['error', 'warn', 'note']


def test_bash_values():
    assert set(bash('send', '--tls=')) >= {'starttls', 'implicit', 'never'} and bash('send', '--tls=sta') == ['starttls']
    assert bash('send', '--format', 'j') == ['json'] and bash('send', '--server=x') == ['']
    with Folder() as folder:
        folder.file('a certificate.pem', '')
        folder.file('m.eml', '')
        assert bash('send', '--ca-file=a', folder=folder.path) == ['a certificate.pem']
        assert bash('send', 'm', folder=folder.path) == ['m.eml']


def test_bash_targets():
    """How a target begins, where there is one."""
    assert bash('probe', 'm') == ['mx:'] and bash('probe', 's')[-1] == 'srv:' and 'mx:' not in bash('tls', '') and 'submissions://' in bash('tls', '')
    assert bash('probe', 'mx', ':') == [''] and bash('probe', 'mx', ':', 'ex') == [''], 'what follows is not for us to know'
    assert bash('probe', '--mta-s')[0] == '--mta-sts' and '--dane' not in bash('tls', '--d')
    with Folder() as folder:
        folder.file('policy.txt', '')
        assert bash('probe', '--mta-sts-policy=p', folder=folder.path) == ['policy.txt'] == bash('probe', '--trust-anchor=p', folder=folder.path)


def test_fish():
    fish = shell_of('fish')
    with Folder() as folder:
        path = folder.file('smtp-tool.fish', script('fish'))

        def offered(line):
            lines = ask(fish, '--no-config', '-c', f"cd {folder.path}; source {path}; complete -C '{line}'").splitlines()
            return {item.split('\t')[0] for item in lines}
        assert {'send', 'plugins', 'config'} <= offered('smtp-tool ')
        assert '--server' in offered('smtp-tool send --s') and '--server' in offered('smtp-tool --s')
        assert '--server' not in offered('smtp-tool plugins --s')
        assert '--tls=starttls' in offered('smtp-tool send --tls=') and 'json' in offered('smtp-tool send --format ')
        assert offered('smtp-tool plugins ') == {'list', 'show', 'doctor'}
        assert '--dane' in offered('smtp-tool probe --d') and '--dane' not in offered('smtp-tool tls --d')
        assert offered('smtp-tool probe mx') == {'mx:'} and not offered('smtp-tool tls mx') and 'smtps://' in offered('smtp-tool tls s')


def test_zsh():
    zsh = shell_of('zsh')
    with Folder() as folder:
        path = folder.file('_smtp-tool', script('zsh'))
        ask(zsh, '-f', '-n', path)
        # What the function hands to zsh's own, with the words as these would have parted them.
        stub = (f"compdef() {{ }}\n_describe() {{ print -rl -- describe ${{(P)4}} }}\n"
                "_arguments() { if [[ $1 == -C ]]; then state=$want; else print -rl -- \"$@\"; fi }\n"
                f"source {path}\n")
        text = ask(zsh, '-f', '-c', stub + 'want=command; words=(smtp-tool); _smtp_tool')
        assert 'send:submit messages' in text and 'config:show the settings' in text, text
        text = ask(zsh, '-f', '-c', stub + 'want=rest; words=(send --tls=); _smtp_tool')
        assert re.search(r'^\*--tls=-\[.*\]::.*:\(.*starttls.*\)$', text, re.M) and '\n*: :_files' in text, text
        assert re.search(r'^\*--ca-file=\[.*\]:FILE:_files$', text, re.M)
        text = ask(zsh, '-f', '-c', stub + 'want=rest; words=(probe --d); _smtp_tool')
        assert re.search(r'^\*--dane\[', text, re.M) and re.search(r'^\*--mta-sts-policy=\[.*\]:FILE:_files$', text, re.M), text
        assert re.search(r'^1: :\{ compadd .*submissions\\:// .* mx\\: srv\\: \}$', text, re.M), text


def test_no_other_shell():
    run = tool('--generate=csh')
    assert run.status == 1 and 'bash, zsh, fish or options' in run.errors


run_tests(globals())
