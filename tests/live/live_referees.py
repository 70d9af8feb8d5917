#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""live_referees.py: what smtp-tool says of TLS and certificates, beside what posttls-finger, gnutls-cli and openssl s_client say of the same server."""
import os
import re
import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

from live_kit import unpacked
from probe_kit import BACKENDS, CERTS, HOST, cert, findings, probe
from referee_kit import REFEREES, StartTls, postfix_environment
from tool_kit import Folder, Skip, run_tests, tool

GOOD = ('good', 'good-ecdsa', 'good-via-intermediate', 'misordered-chain', 'wildcard', 'upper-case')
BAD = ('good-ed25519', 'client-auth-only', 'cn-only', 'cn-right-san-ip', 'cn-right-san-wrong', 'expired', 'ip-as-dns', 'ip-san-only',
       'missing-intermediate', 'name-constraint', 'non-ca-issuer', 'not-yet-valid', 'other-root-sent', 'partial-wildcard', 'rsa1024',
       'self-signed', 'self-signed-ed25519', 'sha1-signed', 'wildcard-inner', 'wildcard-top', 'wrong-host', 'wrong-host-expired')

# Who accepts what smtp-tool does not, and why smtp-tool does not.
LENIENT = {
    # RFC 9525 section 6.3: a name in the subject is no name of a server, with or without other names beside it.
    'cn-only': {'posttls-finger', 'gnutls-cli', 'openssl s_client'},
    'cn-right-san-ip': {'posttls-finger', 'openssl s_client'},
    'ip-san-only': {'posttls-finger', 'openssl s_client'},
    # RFC 9525 section 6.3: a wildcard is a whole label.
    'partial-wildcard': {'openssl s_client'},
    # 1024 bits have been too few since 2013 (SP 800-131A); GnuTLS' NORMAL and Postfix' "medium" still take them.
    'rsa1024': {'posttls-finger', 'gnutls-cli'},
}


def standard_names():
    """OpenSSL's own names of cipher suites and those of the standards."""
    text = subprocess.run(['openssl', 'ciphers', '-stdname', 'ALL'], capture_output=True, text=True, check=True).stdout
    return {row.split()[2]: row.split()[0] for row in text.splitlines()}


def bulk(cipher):
    """The part of a suite's name that all tools have: gnutls-cli names it alone."""
    if 'CHACHA20' in cipher:
        return 'CHACHA20-POLY1305'
    found = re.search(r'(AES)[-_]?(128|256)[-_](GCM|CCM)', cipher)
    assert found, cipher
    return '-'.join(found.groups())


def look(name, context=None):
    """Both backends and the referees, of one server."""
    with StartTls(name, context) as server:
        common = ('--tls=starttls', '--ca-file', cert('root'), f'--verify-name={HOST}')
        ours = {backend: probe(server.server, *common, f'--transport={backend}') for backend in BACKENDS}
        return ours, [referee(server.port, cert('root')) for referee in REFEREES]


# What both libraries must say of a handshake, also of one whose certificate they refuse.
FACTS = ('version', 'cipher', 'key_bits', 'group', 'signature', 'resumed', 'ocsp')


def same(name, ours, referees, names):
    (_, first), (_, second) = ours['openssl'], ours['gnutls']
    assert first['tls']['verify']['code'] == second['tls']['verify']['code'], (name, first['tls']['verify'], second['tls']['verify'])
    assert [part['sha256'] for part in first['tls']['chain']] == [part['sha256'] for part in second['tls']['chain']], name
    for fact in FACTS:
        assert first['tls'][fact] is not None and first['tls'][fact] == second['tls'][fact], (name, fact, first['tls'][fact], second['tls'][fact])
    lenient = set()
    for backend, (run, strict) in ours.items():
        leaf, place = strict['tls']['chain'][0], (name, backend)
        good = strict['tls']['verify']['ok']
        assert run.status == (0 if good else 40), (place, run.status, strict['error'])
        assert good or [key for key, severity in findings(strict).items() if key.startswith('cert-') and severity == 'error'], place
        for other in referees:
            where = (*place, other['tool'])
            assert leaf['sha256'] == other['sha256'], (where, leaf['sha256'], other['said'])
            assert leaf['spki_sha256_base64'] == other['spki'], (where, leaf['spki_sha256_base64'], other['said'])
            assert leaf['not_after'] == other['not_after'], (where, leaf['not_after'], other['not_after'])
            if 'version' in other:  # gnutls-cli stops at a certificate that it does not like
                assert strict['tls']['version'] == other['version'], (where, strict['tls']['version'], other['version'])
                if other['tool'] == 'gnutls-cli':
                    assert bulk(strict['tls']['cipher']) == other['cipher'], (where, strict['tls']['cipher'], other['cipher'])
                else:
                    assert strict['tls']['cipher'] == names.get(other['cipher'], other['cipher']), (where, strict['tls']['cipher'])
            said = {'key_bits': strict['tls']['key_bits'], 'group': strict['tls']['group'], 'signature': signature(strict['tls']['signature'])}
            for fact in said.keys() & other.keys():
                assert said[fact] == other[fact], (where, fact, said[fact], other[fact])
            assert not good or other['ok'], (where, 'refuses what smtp-tool accepts', other['said'])
            if other['ok'] and not good:
                lenient.add(other['tool'])
    assert lenient == LENIENT.get(name, set()), (name, lenient)
    return sum('version' in other for other in referees), sum('signature' in other and 'group' in other for other in referees)


def signature(name):
    """Of the registry's name what the referees say: the kind of key, and the digest."""
    words = name.split('_')
    return ('rsa-pss' if words[:2] == ['rsa', 'pss'] else words[0], words[-1] if len(words) > 1 else '')


def need_certs():
    if not os.path.exists(cert('good')):
        raise Skip('no certificates')


def test_certificates():
    need_certs()
    names = standard_names()
    assert len(GOOD) + len(BAD) >= 20 and all(os.path.exists(os.path.join(CERTS, f'{name}.pem')) for name in GOOD + BAD)
    seen = deep = 0
    with ThreadPoolExecutor(6) as pool:  # posttls-finger waits two seconds each time
        for name, (ours, referees) in zip(GOOD + BAD, pool.map(look, GOOD + BAD)):
            assert ours['openssl'][1]['tls']['verify']['ok'] == (name in GOOD), (name, ours['openssl'][1]['tls']['verify'])
            versions, groups = same(name, ours, referees, names)
            seen, deep = seen + versions, deep + groups
    assert seen >= 2 * len(GOOD + BAD) and deep >= 2 * len(GOOD + BAD)  # nothing was compared with nothing


def test_as_another_tool():
    """What --as prints is run in a shell, and comes to what smtp-tool comes to."""
    need_certs()
    verdicts = {  # how each says that it is content
        'openssl': lambda done: done.returncode == 0, 'gnutls-cli': lambda done: done.returncode == 0, 'curl': lambda done: done.returncode == 0,
        'swaks': lambda done: done.returncode == 0,
        'posttls-finger': lambda done: b': Verified TLS connection established' in done.stdout}
    with Folder() as folder:
        env = {**os.environ, 'LC_ALL': 'C', **postfix_environment(folder),
               'PATH': f'{os.environ["PATH"]}:{os.path.dirname(unpacked("usr/sbin/posttls-finger"))}'}
        for name, good in (('good', True), ('expired', False), ('wrong-host', False), ('self-signed', False)):
            for who, content in verdicts.items():
                if shutil.which(who, path=env['PATH']) is None:
                    continue
                with StartTls(name) as server:
                    options = ('--tls=starttls', '--ca-file', cert('root'), f'--verify-name={HOST}', server.server)
                    printed = tool('probe', f'--as={who}', *options)
                    assert printed.status == 0 and printed.text.startswith(f'{who} ') and printed.text.count('\n') == 1, printed.errors
                    done = subprocess.run(printed.text, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, timeout=60, check=False)
                    # swaks of Debian 12 looks at the chain alone, and says so nowhere.
                    expected = good or (who == 'swaks' and name == 'wrong-host')
                    assert content(done) == expected, (who, name, printed.text, done.returncode, done.stdout[-2000:])


def only(version, cipher=None):
    def change(context):
        context.maximum_version = version
        if cipher:
            context.set_ciphers(cipher)
    return change


def test_protocols_and_ciphers():
    need_certs()
    names = standard_names()
    for context, version, cipher in (
            (only(ssl.TLSVersion.TLSv1_2, 'ECDHE-RSA-AES128-GCM-SHA256'), 'TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'),
            (only(ssl.TLSVersion.TLSv1_2, 'ECDHE-RSA-AES256-GCM-SHA384'), 'TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'),
            (only(ssl.TLSVersion.TLSv1_2, 'ECDHE-RSA-CHACHA20-POLY1305'), 'TLSv1.2', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'),
            (only(ssl.TLSVersion.TLSv1_3), 'TLSv1.3', 'TLS_AES_256_GCM_SHA384')):
        ours, referees = look('good', context)
        assert ours['openssl'][1]['tls']['version'] == version and ours['openssl'][1]['tls']['cipher'] == cipher, ours['openssl'][1]['tls']
        assert same('good', ours, referees, names)[0] == len(REFEREES)


if __name__ == '__main__':
    run_tests(globals())
