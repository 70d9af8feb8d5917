# SPDX-License-Identifier: MIT
"""run.py [--quick] [PASS...]: builds and runs the tests, counts their parts, says what failed and what was skipped, and why.

A test program of meson's counts its TAP lines one by one.  One that ends badly without saying `not ok` counts one failure more,
and so does a build that fails.  Exit status 0 only if something ran and nothing failed.
"""
import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TAP_LINE = re.compile(r'^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*?)(?:(?<!\\)#\s*(SKIP|TO-?DO)\S*\s*(.*))?$', re.IGNORECASE)
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$', re.IGNORECASE)
REASON_LINES = 25
# GLib 2.74 hands small things out of slices of its own; a checker of memory has to see each of them.
SLICES = {'G_SLICE': 'always-malloc'}
# The run-time library learns where dynamic thread-local blocks lie by looking at what stands before them, as glibc's allocator left it once.
# It misreads today's (TLS "at 0x1a6"), and the leak checker then crashes over such a range at exit; nothing here hides memory there.
SANITIZERS = {
    **SLICES,
    'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0:exitcode=99:strict_string_checks=1:intercept_tls_get_addr=0',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1:exitcode=99',
}
VALGRIND = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite',
            '--show-leak-kinds=definite', '--num-callers=25', '--trace-children=no', '--child-silent-after-fork=yes']
# Where time itself is what is tested, or a thousand processes are started, valgrind shows nothing but its own slowness.
VALGRIND_SUITES = ('unit', 'dialogue', 'zoo')
# What many threads do at once.  GLib is not built for ThreadSanitizer: nothing that hangs on its own locks can be judged there.
THREAD_SUITES = ('threads',)
RACES = {**SLICES, 'TSAN_OPTIONS': 'halt_on_error=0:exitcode=66:second_deadlock_stack=1'}

# Cyrus SASL's own modules.  It loads all that are installed, and some of the others (GSSAPI, OTP) leak; that is not our matter.
SASL_MODULES = ('anonymous', 'crammd5', 'digestmd5', 'login', 'plain', 'sasldb', 'scram')

Case = collections.namedtuple('Case', 'name outcome reason')


def tap_cases(program, text):
    """The cases that a TAP stream tells of, and what is wrong with the stream itself."""
    cases = []
    planned = None
    pending = []  # diagnostics since the last case: GLib says why before `not ok`, others after it
    after = None  # the reasons of the last case, if they are still to come
    bailed = None
    for line in text.splitlines():
        plan = PLAN.match(line)
        found = None if plan else TAP_LINE.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                cases.append(Case(program, 'skipped', plan.group(2) or 'no reason given'))
        elif line.startswith('Bail out!'):
            bailed = line[len('Bail out!'):].strip() or 'Bail out!'
        elif found:
            bad, _, name, directive, why = found.groups()
            name = name.strip() or 'nameless'
            name = f'{program}: {name}'
            directive = (directive or '').upper()
            if directive == 'SKIP':
                cases.append(Case(name, 'skipped', why or 'no reason given'))
            elif directive:
                cases.append(Case(name, 'skipped', 'to do: ' + why))
            elif bad:
                cases.append(Case(name, 'failed', pending))
            else:
                cases.append(Case(name, 'passed', None))
            after = cases[-1].reason if cases[-1].outcome == 'failed' and not pending else None
            pending = []
        elif line.startswith('#') or line.strip():
            # Whoever said something before the failure has said it all; whoever did not says it now.
            if re.match(r'# (Start|End) of .* tests$', line):
                continue
            if after is not None:
                after.append(line)
            else:
                pending.append(line)
    if bailed is not None:
        cases.append(Case(f'{program}: Bail out!', 'failed', [bailed, *pending]))
    ran = len([case for case in cases if case.name != f'{program}: Bail out!'])
    if planned is None and bailed is None:
        cases.append(Case(f'{program}: plan', 'failed', ['the program printed no TAP plan', *pending]))
    elif planned and ran != planned and bailed is None:
        cases.append(Case(f'{program}: plan', 'failed', [f'{ran} cases instead of the {planned} that were announced', *pending]))
    return cases


def test_cases(passname, record):
    """The cases of one test program, from meson's record of it."""
    name = record['name'].split(' / ')[-1].split(':')[-1]
    program = name if passname == 'plain' else f'{name} [{passname}]'
    output, errors = record.get('stdout') or '', record.get('stderr') or ''
    status = record['returncode']
    if record['result'] == 'SKIP' and not output.strip():
        return [Case(program, 'skipped', 'the program says so')]
    if record['protocol'] == 'tap':
        cases = tap_cases(program, output)
    else:
        cases = [Case(program, 'passed' if status == 0 else 'skipped' if status == 77 else 'failed', (output + errors).splitlines())]
    if record['result'] in ('TIMEOUT', 'INTERRUPT'):
        # What it had not come to is one failure, whatever else the stream lacks.
        cases = [case for case in cases if case.name != f'{program}: plan']
        cases.append(Case(f'{program}: time', 'failed', [f'ended after {record["duration"]:.0f} s: it took too long']))
    elif status != 0 and not any(case.outcome == 'failed' for case in cases) and not (status == 77 and record['protocol'] != 'tap'):
        cases.append(Case(f'{program}: exit status', 'failed', [f'the program ended with status {status}']))
    for case in cases:
        if case.outcome == 'failed' and errors.strip():
            case.reason.extend(['-- standard error --', *errors.splitlines()[-60:]])
            break  # once a program
    return cases


class Pass:
    """One build and one run of the tests in it."""

    rebuild = ('--no-rebuild',)

    def __init__(self, name, build, options, environment=None):
        self.name = name
        self.build = os.path.join(ROOT, build)
        self.options = options
        self.environment = {**os.environ, **(environment or {})}
        self.log = self.build + '.log'

    def command(self, *arguments):
        """Runs meson, all it says into the log; what to show if it fails, else None."""
        with open(self.log, 'ab') as log:
            begin = log.tell()
            done = subprocess.run(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                  env=self.environment, check=False)
        if done.returncode == 0:
            return None
        with open(self.log, encoding='utf-8', errors='backslashreplace') as log:
            log.seek(begin)
            lines = log.read().splitlines()
        telling = [number for number, line in enumerate(lines) if 'error:' in line or 'ERROR' in line or line.startswith('FAILED')]
        start = max(0, telling[0] - 3) if telling else max(0, len(lines) - 30)
        return [' '.join(arguments), *lines[start:start + 30], f'the whole log: {self.log}']

    def make(self):
        open(self.log, 'wb').close()
        again = ['--reconfigure'] if os.path.exists(os.path.join(self.build, 'build.ninja')) else []
        wrong = self.command('meson', 'setup', *again, self.build, *self.options)
        if wrong and again:
            wrong = self.command('meson', 'setup', '--wipe', self.build, *self.options)
        return wrong or self.compile()

    def compile(self):
        return self.command('meson', 'compile', '-C', self.build)

    def tests(self):
        """What meson knows of the tests: name, suites, program, protocol."""
        done = subprocess.run(['meson', 'introspect', '--tests', self.build], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                              env=self.environment, check=True)
        return json.loads(done.stdout)

    def select(self, tests):
        return tests

    def arguments(self):
        return ['--timeout-multiplier=4']  # a limit is there to end a test that hangs, not to judge the machine

    def records(self, base, names):
        """Runs the tests of these names: meson's record of each, and what to show if there is none."""
        pattern = os.path.join(self.build, 'meson-logs', f'{base}*.json')  # meson adds the name of a wrapper
        for path in glob.glob(pattern):
            os.remove(path)
        # The outcome is in the records: meson's exit status says no more than they do.
        wrong = self.command('meson', 'test', '-C', self.build, *self.rebuild, f'--logbase={base}', *self.arguments(), *names)
        found = glob.glob(pattern)
        if len(found) != 1:
            return {}, wrong
        with open(found[0], encoding='utf-8') as lines:
            records = [json.loads(line) for line in lines]
        return {record['name'].split(' / ')[-1].split(':')[-1]: record for record in records}, wrong

    def run(self):
        """All cases of this pass."""
        begin = time.monotonic()
        say(f'{self.name}: building into {os.path.relpath(self.build, ROOT)}')
        wrong = self.make()
        if wrong:
            return [Case(f'build [{self.name}]', 'failed', wrong)]
        say(f'{self.name}: built in {time.monotonic() - begin:.0f} s')
        begin = time.monotonic()
        chosen = self.select(self.tests())
        if not chosen:
            return []
        known = {test['name']: test for test in self.tests()}
        records, wrong = self.records(f'run-{self.name}', sorted({test['name'] for test in chosen}))
        if not records:
            return [Case(f'meson test [{self.name}]', 'failed', wrong or ['it left no record'])]
        cases = []
        seen = set(records)
        for name, record in records.items():
            record['protocol'] = known[name]['protocol'] if name in known else 'exitcode'
            cases += test_cases(self.name, record)
        for test in chosen:
            if test['name'] not in seen:
                cases.append(Case(f'{test["name"]} [{self.name}]', 'failed', ['meson did not run it']))
        say(f'{self.name}: {len(seen)} test programs in {time.monotonic() - begin:.0f} s: {closing_line(cases)}')
        return cases


class Checked(Pass):
    """A pass under a checker of memory."""

    def make(self):
        wrong = super().make()
        found = subprocess.run(['pkg-config', '--variable=libdir', 'libsasl2'], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               check=False).stdout.strip()
        folder = os.path.join(self.build, 'sasl2')
        os.makedirs(folder, exist_ok=True)
        for path in glob.glob(os.path.join(found or '/nonexistent', 'sasl2', '*.so*')):
            link = os.path.join(folder, os.path.basename(path))
            if os.path.basename(path).split('.')[0][len('lib'):] in SASL_MODULES and not os.path.lexists(link):
                os.symlink(path, link)
        if os.listdir(folder):
            self.environment['SASL_PATH'] = folder
        return wrong


class Sanitize(Checked):
    def select(self, tests):
        # Real servers, installing and the look of the source are the same whoever compiled the library.
        return [test for test in tests if not set(suites(test)) & {'live', 'install', 'lint', 'docs'}]

    def arguments(self):
        return ['--timeout-multiplier=8']


class Threads(Checked):
    """ThreadSanitizer, on the few programs that are about threads; only they are built."""

    rebuild = ()

    def compile(self):
        return None

    def select(self, tests):
        return [test for test in tests if set(suites(test)) & set(THREAD_SUITES)]

    def arguments(self):
        return ['--timeout-multiplier=8']


class Valgrind(Checked):
    def select(self, tests):
        def is_ours(test):
            program = test['cmd'][0]
            return os.path.isabs(program) and os.path.commonpath([program, self.build]) == self.build

        return [test for test in tests if is_ours(test) and set(suites(test)) & set(VALGRIND_SUITES)]

    def arguments(self):
        return ['--timeout-multiplier=20', f'--wrapper={" ".join(VALGRIND)}']


def suites(test):
    return [suite.split(':')[-1] for suite in test['suite']]


def say(text):
    print(text, flush=True)


def closing_line(cases):
    count = collections.Counter(case.outcome for case in cases)
    return f'{count["passed"]} passed, {count["failed"]} failed, {count["skipped"]} skipped'


def report(cases):
    skipped = collections.defaultdict(list)
    for case in cases:
        if case.outcome == 'skipped':
            skipped[case.reason].append(case.name)
    if skipped:
        say('\nSkipped:')
        for reason, names in sorted(skipped.items()):
            more = f' and {len(names) - 3} more' if len(names) > 3 else ''
            say(f'  {reason}: {", ".join(names[:3])}{more}')
    failed = [case for case in cases if case.outcome == 'failed']
    if failed:
        say('\nFailed:')
        for case in failed:
            say(f'  {case.name}')
            for line in case.reason[:REASON_LINES] + (['...'] if len(case.reason) > REASON_LINES else []):
                say(f'      {line}'.rstrip())
    say('')


def main():
    passes = {
        'plain': Pass('plain', 'build-test', ['-Dwerror=true']),
        # Warnings are the plain build's matter: GCC gives false ones where the sanitizers changed the code.
        'sanitize': Sanitize('sanitize', 'build-sanitize', ['-Dwerror=false', '-Db_sanitize=address,undefined', '-Db_lundef=false',
                                                            '-Dlive=false', '-Ddocs=disabled'], SANITIZERS),
        'threads': Threads('threads', 'build-threads', ['-Dwerror=false', '-Db_sanitize=thread', '-Db_lundef=false', '-Dlive=false',
                                                        '-Ddocs=disabled'], RACES),
        'valgrind': Valgrind('valgrind', 'build-test', ['-Dwerror=true'], SLICES),
    }
    parser = argparse.ArgumentParser(prog='tests/run', description='Builds, runs every test, and counts.')
    parser.add_argument('--quick', action='store_true', help='only the plain pass')
    parser.add_argument('passes', nargs='*', metavar='PASS', help=', '.join(passes))
    options = parser.parse_args()
    chosen = options.passes or (['plain'] if options.quick else list(passes))
    for name in chosen:
        if name not in passes:
            parser.error(f'no pass {name}: there are {", ".join(passes)}')

    begin = time.monotonic()
    cases = []
    for name in chosen:
        cases += passes[name].run()
    report(cases)
    say(f'Took {time.monotonic() - begin:.0f} s.')
    say(closing_line(cases))
    ran = any(case.outcome == 'passed' for case in cases)
    return 1 if not ran or any(case.outcome == 'failed' for case in cases) else 0


if __name__ == '__main__':
    sys.exit(main())
