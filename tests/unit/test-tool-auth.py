#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""smtp-tool auth explain, plugins doctor, plugins --exists: what they say, that they open nothing they need not, and that it is true."""
import os
import shutil
import stat
import subprocess

from tool_kit import EXECDIR, Folder, MESSAGE, Script, Skip, closed_port, run_tests, tool

ZOO = os.environ['ZOO_DIR']
SECTION = '[Mechanism ZOO]\nExposure=weak-proof\nHash=128\nNeeds=authcid\nFlags=client-first\n'


def explain(*args, **kwargs):
    """One explanation as JSON, and a table from mechanism to row."""
    run = tool('auth', 'explain', '--format=json', *args, **kwargs)
    document = run.json()
    assert run.status == 0, document
    return document, {row['mechanism']: row for row in document['order']}


def choices(*args, **kwargs):
    """{mechanism: choice} of what is offered."""
    _, rows = explain(*args, **kwargs)
    return {name: row['choice'] for name, row in rows.items() if row['offered']}


# --- auth explain


def test_explain_without_tls():
    document, rows = explain('--offered=PLAIN LOGIN CRAM-MD5 DIGEST-MD5', '--no-tls')
    order = [row['mechanism'] for row in document['order'] if row['offered']]
    assert order == ['DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN'], order
    assert document['chosen'] == 'DIGEST-MD5' and rows['CRAM-MD5']['choice'] == 'next'
    assert rows['PLAIN']['choice'] == 'refused' and rows['PLAIN']['reason'] == 'cleartext' and rows['PLAIN']['plugin'] == 'auth_plain'
    assert document['connection'] == {'tls': False, 'verified': False, 'client_certificate': False, 'binding': False}
    others = {row['client']: (row['mechanism'], row['note']) for row in document['others']}
    assert others == {'curl': ('DIGEST-MD5', None), 'msmtp': (None, 'SCRAM only without TLS'), 'swaks': ('CRAM-MD5', 'alphabetical')}, others


def test_explain_human():
    run = tool('auth', 'explain', '--offered', 'PLAIN LOGIN CRAM-MD5 DIGEST-MD5', '--no-tls')
    lines = run.text.splitlines()
    assert run.status == 0 and run.err == b'' and len(lines) == 5, run
    assert [line.split()[0] for line in lines[:4]] == ['DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN']
    assert [line.split()[2] for line in lines[:4]] == ['chosen', 'next', 'refused', 'refused']
    assert 'would send the password without verified TLS' in lines[2]
    assert lines[4] == ('others would choose:  curl DIGEST-MD5  msmtp none (SCRAM only without TLS)  swaks CRAM-MD5 (alphabetical)')
    assert 'XOAUTH2' not in run.text and 'not-offered' in tool('auth', 'explain', '--offered=PLAIN', '-v').text
    none = tool('auth', 'explain', '--offered=PLAIN', '--no-tls')
    assert none.status == 0 and 'no mechanism can be used' in none.text
    assert '\033[1m' in tool('auth', 'explain', '--offered=PLAIN', '--color=always').text


def test_explain_tls():
    assert choices('--offered=CRAM-MD5,PLAIN') == {'CRAM-MD5': 'chosen', 'PLAIN': 'next'}
    assert choices('--offered=PLAIN', '--tls-unverified') == {'PLAIN': 'refused'}
    assert choices('--offered=PLAIN', '--tls-unverified', '--allow-cleartext-auth') == {'PLAIN': 'chosen'}
    assert choices('--offered=PLAIN', '--no-tls', '--insecure-cleartext-auth') == {'PLAIN': 'chosen'}
    assert choices('--offered=250-AUTH PLAIN LOGIN', '--offered=XYZ') == {'PLAIN': 'chosen', 'LOGIN': 'next', 'XYZ': 'refused'}


def test_explain_options_of_the_library():
    assert choices('--offered=CRAM-MD5 PLAIN', '--no-historic-auth') == {'CRAM-MD5': 'refused', 'PLAIN': 'chosen'}
    assert choices('--offered=CRAM-MD5 PLAIN', '--no-auth=CRAM-MD5') == {'CRAM-MD5': 'refused', 'PLAIN': 'chosen'}
    document, _ = explain('--offered=CRAM-MD5 PLAIN LOGIN', '--auth=LOGIN,PLAIN')
    assert [row['mechanism'] for row in document['order']][:2] == ['LOGIN', 'PLAIN'] and document['chosen'] == 'LOGIN'
    assert choices('--offered=PLAIN CRAM-MD5', '--auth-min-strength=2000') == {'CRAM-MD5': 'chosen', 'PLAIN': 'refused'}


def test_explain_credentials():
    _, rows = explain('--offered=PLAIN', '--no-user')
    assert rows['PLAIN']['reason'] == 'no-credential' and 'authcid, password' in rows['PLAIN']['text']
    document, rows = explain('--offered=PLAIN', '--user=ana', '--no-have-password')
    assert rows['PLAIN']['reason'] == 'no-credential' and 'authcid' not in rows['PLAIN']['text']
    assert all(row['mechanism'] is None for row in document['others'])


def others(*args):
    return {row['client']: row['mechanism'] for row in explain(*args)[0]['others']}


def test_others():
    all_of_them = 'LOGIN PLAIN XOAUTH2 OAUTHBEARER NTLM CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS GSSAPI EXTERNAL'
    assert others('--offered', all_of_them) == {'curl': 'SCRAM-SHA-256', 'msmtp': 'SCRAM-SHA-256-PLUS', 'swaks': 'CRAM-MD5'}
    assert others('--offered', all_of_them, '--user=ana@REALM')['curl'] == 'GSSAPI'
    assert others('--offered', all_of_them, '--no-tls')['msmtp'] == 'SCRAM-SHA-256'
    assert others('--offered=LOGIN PLAIN CRAM-MD5') == {'curl': 'CRAM-MD5', 'msmtp': 'PLAIN', 'swaks': 'CRAM-MD5'}
    assert others('--offered=LOGIN PLAIN XOAUTH2', '--have-token')['curl'] == 'XOAUTH2'
    assert others('--offered=LOGIN PLAIN XOAUTH2')['curl'] == 'PLAIN'
    assert others('--offered=LOGIN PLAIN')['swaks'] == 'LOGIN'


def test_curl_does_choose_so():
    """What is said of curl is what the curl of this machine does."""
    if shutil.which('curl') is None:
        raise Skip('no curl')
    for offered in ('LOGIN PLAIN', 'PLAIN CRAM-MD5', 'PLAIN LOGIN CRAM-MD5 DIGEST-MD5'):
        with Script(b'220 here\r\n', f'250-here\r\n250 AUTH {offered}\r\n'.encode(), b'535 5.7.8 no\r\n', b'221 bye\r\n') as script, \
                Folder() as folder:
            subprocess.run(['curl', '-s', '-u', 'u:p', '--mail-from', 'a@example.org', '--mail-rcpt', 'b@example.org', '-T',
                            folder.file('m.eml', MESSAGE), f'smtp://{script.server}/x'], check=False, timeout=60,
                           env={'PATH': os.environ['PATH']})
            said = [line.split()[1].decode() for line in script.heard if line.startswith(b'AUTH ')]
        assert said and said[0] == others('--offered', offered, '--no-tls')['curl'], (offered, said)


def test_explain_usage():
    for args, says in (((), 'action is missing'), (('explain',), '--offered is missing'), (('explane', '--offered=PLAIN'), "did you mean 'explain'"),
                       (('explain', '--offered', 'PLAIN', 'LOGIN'), "'LOGIN' is too much"), (('explain', '--offered=A.B'), 'not the name'),
                       (('explain', '--offered=PLAIN', '--no-tls', '--client-cert'), 'no certificate'),
                       (('explain', '--offered=PLAIN', '--auth-min-strength=x'), 'auth-min-strength'),
                       (('explain', '--offered=PLAIN', '--tls=maybe'), 'neither yes nor no'), (('explain', '--ofered=PLAIN'), "'--offered'")):
        run = tool('auth', *args)
        assert run.status == 1 and says in run.errors and run.out == b'', (args, run.errors)
        document = tool('auth', *args, '--format=json').json()
        assert document['exit']['name'] == 'usage' and says in document['error']['text'] and document['order'] == [], document
    assert b'Usage: smtp-tool auth explain' in tool('auth', '--help').out


def libraries_of(*args):
    run = tool(*args, env={'LD_DEBUG': 'files'})
    return {line.split('file=')[1].split(' ')[0] for line in run.errors.splitlines() if 'file=' in line and 'generating link map' in line}


def test_an_account_may_be_named_like_a_verb():
    port = closed_port()
    for word in ('explain', 'list', 'try'):
        run = tool('auth', '--user', word, '--password-env=PW', 'try', f'127.0.0.1:{port}', env={'PW': 'x'})
        assert run.status == 2, (word, run.status, run.errors)
        run = tool('auth', 'explain', '--user', word, '--offered', 'PLAIN')
        assert run.status == 0 and 'PLAIN' in run.text, (word, run.status, run.errors)


def test_explain_opens_no_plugin():
    maps = libraries_of('auth', 'explain', '--offered=PLAIN SCRAM-SHA-256 GSSAPI')
    assert maps and not any('auth_' in name or '/plain.so' in name or 'gnutls' in name or 'ssl' in name for name in maps), maps


def test_explain_control_characters():
    run = tool('auth', 'explain', '--offered', 'PLAIN \033[2J')
    assert run.status == 1 and b'\033' not in run.err


# --- plugins --exists


def test_exists():
    for name, status in (('PLAIN', 0), ('plain', 0), ('auth_login', 0), ('digest-md5', 0), ('digest-md4', 1), ('', 1)):
        run = tool('plugins', '--exists', name)
        assert (run.status, run.out, run.err) == (status, b'', b''), (name, run.status, run.out, run.err)
    assert not any('auth_' in name for name in libraries_of('plugins', '--exists', 'PLAIN'))


# --- plugins doctor


class Pen(Folder):
    """A plugin folder."""

    def __enter__(self):
        super().__enter__()
        os.chmod(self.path, 0o755)
        return self

    def keyfile(self, stem, section=SECTION, abi=1):
        self.file(stem + '.plugin', f'[Plugin]\nAbi={abi}\nName={stem}\nVersion=1\nLicense=MIT\n{section}', 0o644)

    def module(self, stem, source=None):
        shutil.copy(os.path.join(ZOO, (source or stem) + '.so'), self / (stem + '.so'))
        os.chmod(self / (stem + '.so'), stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)

    def add(self, stem, **kwargs):
        self.keyfile(stem, **kwargs)
        self.module(stem)


def doctor(path, expected=None, **env):
    run = tool('plugins', 'doctor', '--format=json', env={'VEREDA_PLUGIN_PATH': path, **env})
    document = run.json()
    assert run.err == b'' and (expected is None or run.status == expected), (run.errors, document)
    return document, {row['plugin'] + ':' + row['state']: row for row in document['plugins']}, \
        {(row['id'], row['subject']): row for row in document['findings']}


def test_doctor_is_content():
    document, rows, _ = doctor(os.environ['VEREDA_PLUGIN_PATH'], 0)
    assert document['verdict'] == 'ok' and document['findings'] == [], document['findings']
    assert [row['path'] for row in document['directories']] == os.environ['VEREDA_PLUGIN_PATH'].split(':')
    assert document['overrides']['VEREDA_PLUGIN_PATH'] == os.environ['VEREDA_PLUGIN_PATH']
    plain = rows['auth_plain:ok']
    assert plain['provides'] == ['PLAIN'] and plain['abi'] == 1 and plain['load_ms'] > 0 and plain['load_kb'] >= 0
    text = tool('plugins', 'doctor').text
    assert 'Verdict: ok, 0 errors, 0 warnings' in text and 'Search path, from VEREDA_PLUGIN_PATH' in text
    for row in document['plugins']:
        assert row['file'] in text


def test_doctor_measures_each_alone():
    """What brings a library along pays for it, and its neighbour does not."""
    _, rows, _ = doctor(os.environ['VEREDA_PLUGIN_PATH'], 0)
    heavy = [rows[name] for name in ('gnutls:ok', 'openssl:ok') if name in rows]
    if len(heavy) < 2:
        raise Skip('not both TLS libraries are built')
    assert all(row['load_kb'] > rows['auth_plain:ok']['load_kb'] for row in heavy), rows
    # Alone or with the other beside it, whichever comes first: the same cost.
    for row in heavy:
        _, alone, _ = doctor(os.path.dirname(row['keyfile']))
        kb = alone[row['plugin'] + ':ok']['load_kb']
        assert kb > 500 and abs(kb - row['load_kb']) < kb / 2, (row['plugin'], kb, row['load_kb'])


def test_doctor_loads_nothing_itself():
    """The process that reports opens no plugin; the ones that it starts tell on other streams."""
    maps = libraries_of('plugins', 'doctor')
    assert maps and not any('auth_' in name or 'gnutls' in name for name in maps), maps


def test_doctor_failures():
    with Pen() as pen:
        for stem in ('zoo_good', 'zoo_missing_library', 'zoo_bad_abi', 'zoo_init_fails', 'zoo_null_query', 'zoo_unresolved'):
            pen.add(stem)
        pen.add('zoo_other', abi=2)
        pen.keyfile('gone')
        pen.keyfile('zoo_dies')
        pen.module('zoo_dies')
        pen.keyfile('torn', section='nonsense\n')
        pen.module('lonely', 'zoo_good')
        document, rows, findings = doctor(pen.path, 10)
        assert document['verdict'] == 'broken'
        assert rows['zoo_good:ok']['load_ms'] > 0
        for stem, finding, words in (('zoo_missing_library', 'load-failed', 'libzoo-nowhere.so: cannot open shared object file'),
                                     ('zoo_unresolved', 'load-failed', 'undefined symbol'),
                                     ('zoo_bad_abi', 'abi-mismatch', 'this library has 1'), ('zoo_other', 'abi-mismatch', 'interface 2'),
                                     ('zoo_init_fails', 'load-failed', 'init failed'), ('zoo_null_query', 'load-failed', 'returned NULL'),
                                     ('gone', 'load-failed', 'No such file'), ('torn', 'not-accepted', 'torn.plugin'),
                                     ('zoo_dies', 'died', 'signal 9')):
            row = rows[stem + ':failed']
            assert words in row['reason'] and row['load_ms'] is None and row['load_kb'] is None, row
            assert findings[(finding, stem)]['severity'] == 'error' and words in findings[(finding, stem)]['text'], findings
        assert ('no-keyfile', pen / 'lonely.so') in findings
        assert findings[('no-transport', 'search path')]['severity'] == 'error'
        run = tool('plugins', 'doctor', env={'VEREDA_PLUGIN_PATH': pen.path})
        assert run.status == 10 and '[died] zoo_dies' in run.text and 'Verdict: broken, 10 errors, 1 warning' in run.text, run.text
        assert tool('plugins', 'doctor', '-q', env={'VEREDA_PLUGIN_PATH': pen.path}).out == b''


def test_doctor_search_path():
    plain = os.path.join(EXECDIR, '..', '..', 'plugins', 'transport', 'plain')
    plain = os.path.realpath(plain)
    with Pen() as first, Pen() as second, Pen() as bad:
        first.add('zoo_good')
        second.add('zoo_good')
        os.chmod(bad.path, 0o777)
        missing = first / 'missing'
        path = ':'.join((first.path, second.path, bad.path, missing, 'relative', plain))
        document, rows, findings = doctor(path, 10, VEREDA_RANK='zoo_good:7,nobody:1,oops')
        assert [row['path'] for row in document['directories']] == [first.path, second.path, bad.path, missing, plain]
        problems = [row['problem'] for row in document['directories']]
        assert problems[:2] == [None, None] and 'writable by' in problems[2] and 'No such file' in problems[3] and problems[4] is None, problems
        assert rows['zoo_good:ok']['keyfile'].startswith(first.path) and rows['zoo_good:shadowed']['keyfile'].startswith(second.path)
        assert rows['zoo_good:shadowed']['load_ms'] is None
        shadow = findings[('shadowed', 'zoo_good')]
        assert shadow['severity'] == 'warning' and first.path in shadow['text'] and second.path in shadow['text']
        assert findings[('folder-not-used', bad.path)]['severity'] == 'error'
        assert findings[('folder-missing', missing)]['severity'] == 'warning'
        said = [row['text'] for row in document['findings'] if row['id'] == 'environment']
        assert len(said) == 3 and any('relative' in text for text in said) and any('nobody' in text for text in said), said
        assert document['overrides']['VEREDA_RANK'] == 'zoo_good:7,nobody:1,oops'
        text = tool('plugins', 'doctor', env={'VEREDA_PLUGIN_PATH': path, 'VEREDA_RANK': 'zoo_good:7'}).text
        assert 'VEREDA_RANK=zoo_good:7' in text and 'not searched' in text
        # Warnings alone are no failure.
        document, _, _ = doctor(':'.join((first.path, missing, plain)), 0)
        assert document['verdict'] == 'warnings'


def test_doctor_usage():
    run = tool('plugins', 'doctor', 'x')
    assert run.status == 1 and 'takes no name' in run.errors
    assert tool('plugins', 'docter').status == 1
    assert '__probe' not in tool('plugins', '--help').text
    assert tool('plugins', '__probe', '/nowhere.plugin').status == 1


run_tests(globals())
