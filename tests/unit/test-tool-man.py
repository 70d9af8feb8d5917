#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manual pages say what the programs do: every option, every exit status, clean mdoc."""
import json
import os
import re
import shutil
import subprocess
import sys

from tool_kit import SINK, Folder, Skip, run_tests, tool

SOURCE, BUILT = sys.argv[1:]
PAGES = ('smtp-tool', 'smtp-tool-send', 'smtp-tool-plugins', 'smtp-tool-auth', 'smtp-tool-probe', 'smtp-tool-check', 'smtp-tool-explain', 'smtp-tool-bench', 'smtp-tool-config',
         'smtp-tool-session', 'smtp-tool-sink')


def place(page):
    """A page whose lists of options are filled in is in the build, beside its template here."""
    filled = os.path.exists(os.path.join(SOURCE, page + '.1.in'))
    path = os.path.join(BUILT if filled else SOURCE, page + '.1')
    if not os.path.exists(path):
        raise Skip(f'{page}(1) is not built')
    return path


def read(page):
    with open(place(page), encoding='ascii') as file:
        return file.read()


def options_in(page):
    """Every -name after .Fl: a macro of its own, or a further word of one."""
    found = set()
    for line in read(page).splitlines():
        if line.startswith('.'):
            found.update('-' + name for name in re.findall(r'(?:Fl|,) (-[a-z0-9][a-z0-9-]*)', line))
    return found


def listed(text):
    return set(re.findall(r'^ +(?:-., )?(--[a-z0-9][a-z0-9-]*)', text, re.M))


def test_pages_are_clean():
    if shutil.which('mandoc') is None:
        raise Skip('mandoc is not installed')
    with Folder() as folder:
        for name in os.listdir(SOURCE):  # together, so that references between them are found
            if re.search(r'\.[1-8]$', name):
                shutil.copy(os.path.join(SOURCE, name), folder.path)
        for page in PAGES:
            shutil.copy(place(page), folder / page + '.1')
        for page in PAGES:
            run = subprocess.run(['mandoc', '-Tlint', page + '.1'], cwd=folder.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            assert run.stdout == b'', run.stdout.decode()


def described(page):
    """Of each option with an entry of its own, the name, what stands for its value, and the text."""
    found = {}
    for entry in re.split(r'^\.It ', read(page), flags=re.M)[1:]:
        head, _, text = entry.partition('\n')
        name = re.match(r'Fl (?:. , Fl )?-([a-z0-9-]+)', head)
        if name is not None:
            found[name.group(1)] = (head, text)
    return found


def test_every_row_of_the_tables_is_described():
    tables = json.loads(tool('--generate=options').out)['commands']
    assert len(tables) >= 12 and len(tables['send']) > 120
    for page, command, own in (('smtp-tool', 'explain', False), ('smtp-tool-send', 'send', False), ('smtp-tool-plugins', 'plugins', False),
                               ('smtp-tool-auth', 'auth-explain', False), ('smtp-tool-auth', 'auth-live', True), ('smtp-tool-probe', 'probe', True),
                               ('smtp-tool-probe', 'tls', True), ('smtp-tool-probe', 'compare', True), ('smtp-tool-check', 'check', True),
                               ('smtp-tool-session', 'session', True), ('smtp-tool-bench', 'bench', True)):
        entries = described(page)
        rows = [row for row in tables[command] if row['help'] is not None and not (own and row['shared'])]
        assert rows, command
        for row in rows:
            assert row['name'] in entries, (page, row['name'])
            head, text = entries[row['name']]
            assert (row['kind'] in ('flag', 'boolean')) == ('=' not in head) and len(text) > 10, (page, head, text)
            assert row['letter'] is None or f'Fl {row["letter"]} ,' in head, head


def test_help_and_the_tables_are_one():
    tables = json.loads(tool('--generate=options').out)['commands']
    for command in ('send', 'plugins', 'probe', 'tls', 'compare', 'check', 'session', 'bench'):
        names = {'--' + row['name'] for row in tables[command] if row['help'] is not None}
        assert listed(tool(command, '--help').text) - {'--help'} == names - {'--help'}, command


def test_a_page_cannot_describe_what_is_not_there():
    with Folder() as folder:
        table = folder.file('t.json', json.dumps({'commands': {'x': [{'name': 'a', 'letter': None, 'kind': 'flag', 'argument': None, 'group': 'G',
                                                                      'help': 'text', 'library': None, 'default': None, 'shared': False, 'value': None, 'id': 1}]}}))
        for template, good in (('@OPTIONS x\n@END\n', True), ('@OPTIONS x\n@ --b\ntext\n@END\n', False), ('@OPTIONS y\n@END\n', False),
                               ('@OPTIONS x = H\n@END\n', False), ('@OPTIONS x\n', False), ('@ --a\n', False)):
            run = subprocess.run([sys.executable, os.path.join(SOURCE, 'fill.py'), folder.file('p.in', template), table], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, check=False)
            assert (run.returncode == 0) == good, (template, run.stderr)
            assert not good or b'.It Fl -a\nText.\n' in run.stdout, run.stdout


def test_every_option_of_bench_is_described():
    """The rest of its options is send's, and described there."""
    text = tool('help', 'bench').text
    shown = listed(text.split('\nLoad:\n')[1].split('\n\n')[0])
    assert len(shown) == 10, shown
    assert shown | {'--format'} <= options_in('smtp-tool-bench'), shown - options_in('smtp-tool-bench')


def test_every_option_that_is_described_exists():
    for page, command in (('smtp-tool-send', 'send'), ('smtp-tool-plugins', 'plugins'), ('smtp-tool-auth', 'auth'),
                          ('smtp-tool-bench', 'bench')):
        for name in sorted(options_in(page)):
            if name.startswith('--no-attach') or name in ('--no-load',):
                continue
            if page == 'smtp-tool-plugins' and name in ('--transport', '--auth'):
                continue  # options of send, spoken of
            if page == 'smtp-tool-auth' and name in ('--max-tries', '--cert-days', '--fail-on', '--expect'):
                continue  # of auth try
            run = tool(command, name + '=x', '--help')
            assert 'unknown option' not in run.errors
            run = tool(command, name + '=x')
            assert 'unknown option' not in run.errors and 'ambiguous' not in run.errors, (page, name, run.errors)


def test_pages_of_what_looks_at_servers():
    common = listed(tool('help', 'send').text)
    for command, page in (('probe', 'smtp-tool-probe'), ('tls', 'smtp-tool-probe'), ('compare', 'smtp-tool-probe'), ('check', 'smtp-tool-check')):
        shown = listed(tool(command, '--help').text) - common
        assert shown and shown <= options_in(page), (page, shown - options_in(page))
    ids = re.findall(r'^  (\S+) +(?:note|warn|error) ', tool('explain').text, re.M)
    assert re.findall(r'^\.It Li (\S+)', read('smtp-tool-explain'), re.M) == ids


def test_sink_page():
    if not os.access(SINK, os.X_OK):
        raise Skip('the sink is not built')
    text = subprocess.run([SINK, '--help'], stdout=subprocess.PIPE, check=True).stdout.decode()
    shown = listed(text)
    assert len(shown) > 20
    assert shown <= options_in('smtp-tool-sink'), shown - options_in('smtp-tool-sink')


def test_exit_status():
    shown = re.findall(r'^ +(\d+)  ', tool('help', 'send').text.split('Exit status')[1], re.M)
    section = read('smtp-tool-send').split('.Sh EXIT STATUS')[1].split('.Sh')[0]
    assert len(shown) > 20 and re.findall(r'^\.It (\d+)$', section, re.M) == shown


run_tests(globals())
