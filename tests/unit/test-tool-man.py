#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manual pages say what the programs do: every option, every exit status, clean mdoc."""
import os
import re
import shutil
import subprocess
import sys

from tool_kit import SINK, Skip, run_tests, tool

FOLDER = sys.argv[1]
PAGES = ('smtp-tool', 'smtp-tool-send', 'smtp-tool-plugins', 'smtp-tool-auth', 'smtp-tool-probe', 'smtp-tool-check', 'smtp-tool-explain', 'smtp-tool-bench', 'smtp-tool-config',
         'smtp-tool-session', 'smtp-tool-sink')


def read(page):
    with open(os.path.join(FOLDER, page + '.1'), encoding='ascii') as file:
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
    for page in PAGES:
        run = subprocess.run(['mandoc', '-Tlint', page + '.1'], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert run.stdout == b'', run.stdout.decode()


def test_every_option_is_described():
    for page, args in (('smtp-tool', ('--help',)), ('smtp-tool-send', ('help', 'send')), ('smtp-tool-plugins', ('help', 'plugins')),
                       ('smtp-tool-auth', ('help', 'auth'))):
        shown = listed(tool(*args).text)
        assert len(shown) >= 6, (page, shown)
        assert shown <= options_in(page), (page, shown - options_in(page))


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
            if page == 'smtp-tool-auth' and name in ('--max-tries',):
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
