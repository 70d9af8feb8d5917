# SPDX-License-Identifier: MIT
"""Nodemailer's smtp-server: Node.js' TLS, AUTH PLAIN, LOGIN and CRAM-MD5, offered before TLS and refused there.  From npm, by version, into .cache."""
import os
import shutil
import subprocess

from live_kit import PASSWORD, SOURCE, USER, Server, Skip

VERSION = '3.19.15'
NODE = os.environ.get('VEREDA_TEST_NODE') or os.path.join(SOURCE, '.cache', 'live-node')
ROOTS = '/etc/ssl/certs/ca-certificates.crt'  # Node.js knows those only that it was compiled with; a site may have one of its own
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'smtp-server.js')


def installed():
    """The folder that has it, installed on first use."""
    if not os.path.exists(os.path.join(NODE, 'node_modules', 'smtp-server', 'package.json')):
        npm = shutil.which('npm')
        if npm is None:
            raise Skip('no npm, so no smtp-server')
        done = subprocess.run([npm, 'install', f'--prefix={NODE}', '--ignore-scripts', '--no-audit', '--no-fund', f'smtp-server@{VERSION}'],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
                              env={'NODE_EXTRA_CA_CERTS': ROOTS, **os.environ})
        if done.returncode != 0:
            reasons = [line for line in done.stderr.splitlines() if 'reason:' in line or 'code ' in line] or done.stderr.splitlines()
            raise Skip(f'npm: {"; ".join(reasons[:2])}')
    return NODE


class SmtpServer(Server):
    name = 'smtp-server'
    mechanisms = ('CRAM-MD5', 'PLAIN', 'LOGIN')

    def start(self):
        node = shutil.which('node')
        if node is None:
            raise Skip('no node')
        self.copy_certificate()
        self.run([node, SCRIPT, self.folder, str(self.port), str(self.tls_port), USER, PASSWORD], {'VEREDA_NODE': installed()})
