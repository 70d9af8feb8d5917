# SPDX-License-Identifier: MIT
"""bench.py: builds, measures, writes results.json, results.md and the plots, and prints the table of bars.  See run."""
import argparse
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

import plot
import report
import rows
from kit import HERE, ROOT, Broken, Paths

CACHE = os.path.join(ROOT, '.cache', 'bench')
NODEMAILER = '10.6.0'
FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Wno-unused-parameter']


def say(text=''):
    print(text, flush=True)


def command(argv, what):
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Broken(f'{what}:\n' + done.stdout.decode('utf-8', 'backslashreplace')[-3000:])
    return done.stdout.decode('utf-8', 'replace')


def build_vereda():
    """A release, installed, as a distribution would have it: its plugins are found where they were compiled in to be."""
    build, prefix = os.path.join(CACHE, 'build'), os.path.join(CACHE, 'prefix')
    options = ['--buildtype=release', '-Doptimization=2', '--libdir=lib', f'--prefix={prefix}', '-Dtests=false', '-Ddocs=disabled']
    if os.path.exists(os.path.join(build, 'build.ninja')):
        options.insert(0, '--reconfigure')
    command(['meson', 'setup', *options, build], 'meson setup')
    command(['meson', 'compile', '-C', build], 'meson compile')
    shutil.rmtree(prefix, ignore_errors=True)
    command(['meson', 'install', '-C', build, '--no-rebuild', '--quiet'], 'meson install')
    return prefix


def build_programs(prefix):
    """Every C file of this folder, each against the libraries that its head names: `pkg-config: NAME...`."""
    programs = os.path.join(CACHE, 'programs')
    os.makedirs(programs, exist_ok=True)
    os.environ['PKG_CONFIG_PATH'] = os.path.join(prefix, 'lib', 'pkgconfig')
    for source in sorted(glob.glob(os.path.join(HERE, '*.c'))):
        with open(source, encoding='utf-8') as text:
            wanted = re.search(r'pkg-config: ([\w .+-]+)', text.read(4000))
        flags = []
        if wanted:
            flags = command(['pkg-config', '--cflags', '--libs', *wanted.group(1).split()], f'pkg-config for {source}').split()
        stem = os.path.basename(source)[:-2]
        name = stem if stem.startswith('peer-') else f'bench-{stem}'
        command(['cc', *FLAGS, source, '-o', os.path.join(programs, name), *flags, '-pthread', f'-Wl,-rpath,{prefix}/lib'], f'cc {source}')
    return programs


def install_nodemailer():
    folder = os.path.join(CACHE, 'node')
    installed = os.path.join(folder, 'node_modules', 'nodemailer', 'package.json')
    if os.path.exists(installed):
        with open(installed, encoding='utf-8') as file:
            if json.load(file)['version'] == NODEMAILER:
                return folder
    npm = shutil.which('npm')
    if npm is None:
        raise Broken('no npm, so no Nodemailer')
    # Node.js knows the roots alone that it was compiled with; a site may have one of its own.
    os.environ.setdefault('NODE_EXTRA_CA_CERTS', '/etc/ssl/certs/ca-certificates.crt')
    command([npm, 'install', f'--prefix={folder}', '--ignore-scripts', '--no-audit', '--no-fund', f'nodemailer@{NODEMAILER}'], 'npm')
    return folder


def first(pattern, path):
    try:
        with open(path, encoding='utf-8') as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
        return found.group(1) if found else None
    except OSError:
        return None


def versions():
    """Of the peers, as their packages or they themselves tell."""
    found = {}
    for package in ('libesmtp6', 'libcurl3-gnutls', 'libetpan20', 'msmtp', 'curl', 'swaks', 'tcllib', 'python3', 'nodejs'):
        done = subprocess.run(['dpkg-query', '-W', '-f=${Version}', package], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout:
            found[package] = done.stdout
    found['nodemailer'] = NODEMAILER
    return found


def describe():
    revision = subprocess.run(['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'], capture_output=True, text=True, check=False).stdout.strip()
    compiler = command(['cc', '--version'], 'cc').splitlines()[0]
    return {
        'date': time.strftime('%Y-%m-%d'),
        'revision': revision or None,
        'processor': first(r'^model name\s*: (.*)$', '/proc/cpuinfo') or platform.machine(),
        'processors': os.cpu_count(),
        'memory_mb': int(first(r'^MemTotal:\s+(\d+)', '/proc/meminfo') or 0) // 1024,
        'virtual': bool(first(r'^flags\s*:.*\b(hypervisor)\b', '/proc/cpuinfo')),
        'kernel': f'{platform.system()} {platform.release()}',
        'system': first(r'^PRETTY_NAME="(.*)"$', '/etc/os-release'),
        'compiler': compiler,
        'load': os.getloadavg()[0],
        'versions': versions(),
    }


def prepare():
    say('Building Vereda as a release')
    prefix = build_vereda()
    say('Building the programs of the peers')
    programs = build_programs(prefix)
    node = install_nodemailer()
    work = os.path.join(CACHE, 'work')
    os.makedirs(work, exist_ok=True)
    servers = os.environ.get('VEREDA_TEST_SERVERS') or os.path.join(ROOT, '.cache', 'servers')
    return Paths(prefix, programs, work, servers, node)


def document(results):
    """Puts the results between the two marks of docs/performance.md, and the plots beside it."""
    page, folder = os.path.join(ROOT, 'docs', 'performance.md'), os.path.join(ROOT, 'docs', 'performance')
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, '*.svg')):
        os.remove(old)
    plots = {table: f'performance/{name}' for table, name in plot.draw(results, folder).items()}
    with open(page, encoding='utf-8') as file:
        text = file.read()
    begin, end = '<!-- results -->', '<!-- end of results -->'
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    with open(page, 'w', encoding='utf-8') as file:
        file.write(f'{before}{begin}\n\n{report.markdown(results, plots)}\n{end}{after}')


def parse(arguments):
    parser = argparse.ArgumentParser(prog='tests/bench/run', description='Measures Vereda and its peers in one run.')
    parser.add_argument('--quick', action='store_true', help='few rounds, small sizes: minutes instead of the better part of an hour')
    parser.add_argument('--only', action='append', metavar='ROW', choices=list(rows.ROWS), help='this row; may be repeated')
    parser.add_argument('--rounds', type=int, help='rounds; default 9, quick 3')
    parser.add_argument('--list', action='store_true', help='show the rows')
    parser.add_argument('--output', default=os.path.join(CACHE, 'results'), metavar='FOLDER', help='where results and plots go')
    parser.add_argument('--document', action='store_true', help='put results and plots into docs/performance.md, too')
    parser.add_argument('--no-setup', action='store_true', help='install nothing')
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.list:
        for name, function in rows.ROWS.items():
            say(f'{name:12} {" ".join(function.__doc__.split())}')
        return 0
    try:
        paths = prepare()
    except Broken as why:
        say(f'tests/bench/run: {why}')
        return 100
    results = {'schema': 'vereda/bench/1', 'command': ' '.join(['tests/bench/run', *arguments]), 'machine': describe(), 'tables': [], 'bars': []}
    bench = rows.Bench(paths, options.rounds or (3 if options.quick else 9), say, options.quick)
    for name in options.only or rows.ROWS:
        say(f'{name} …')
        began = time.monotonic()
        try:
            tables, bars = rows.ROWS[name](bench)
        except Broken as why:
            say(f'  {name} could not be measured: {why}')
            results['bars'].append({'what': name, 'figure': None, 'limit': None, 'relation': None, 'unit': '', 'met': False, 'why': str(why)})
            continue
        results['tables'] += [table.json() for table in tables]
        results['bars'] += [bar.json() for bar in bars]
        say(report.show(tables, bars))
        say(f'  ({time.monotonic() - began:.0f} s)')
    os.makedirs(options.output, exist_ok=True)
    with open(os.path.join(options.output, 'results.json'), 'w', encoding='utf-8') as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
        file.write('\n')
    plots = plot.draw(results, options.output)
    with open(os.path.join(options.output, 'results.md'), 'w', encoding='utf-8') as file:
        file.write(report.markdown(results, plots))
    if options.document:
        document(results)
    missed = [bar for bar in results['bars'] if not bar['met']]
    say(report.bars(results['bars']))
    say(f'{len(results["bars"]) - len(missed)} bars met, {len(missed)} missed; results in {os.path.relpath(options.output, os.getcwd())}')
    return min(len(missed), 99)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
