# SPDX-License-Identifier: MIT
"""Postfix: submission with STARTTLS and wrapper mode, Cyrus SASL with a sasldb of its own, delivery by virtual(8) into Maildirs."""
import os
import subprocess

from live_kit import DOMAIN, PASSWORD, USER, Accounts, Server, need_root, unpacked

MAIN = '''\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {programs}/usr/lib/postfix/sbin
command_directory = {programs}/usr/sbin
shlib_directory = {programs}/usr/lib/postfix
meta_directory = {folder}/conf
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LANG=C
maillog_file = {folder}/log
maillog_file_prefixes = {folder}

inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.{domain}
mydomain = {domain}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =

# The message is to arrive as it was sent.
local_header_rewrite_clients =
always_add_missing_headers = no
disable_mime_output_conversion = yes
enable_original_recipient = no

virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/conf/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_mailbox_limit = 0
message_size_limit = 30000000

smtpd_recipient_restrictions =
    check_recipient_access inline:{{refused@{domain}=REJECT}}, permit_sasl_authenticated, permit_mynetworks, reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {domain}
smtpd_sasl_security_options = noanonymous
smtpd_sasl_authenticated_header = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/good.key, {folder}/good.pem
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_client_connection_count_limit = 0
'''

MASTER = '''\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
'''

SASL = '''\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/sasldb
mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5
'''

QUEUES = ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'maildrop', 'pid', 'private', 'public',
          'saved', 'trace')
BOXES = 500


class Postfix(Server):
    name = 'postfix'
    mechanisms = ('DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN')

    def start(self):
        need_root()
        master = unpacked('usr/lib/postfix/sbin/master')
        accounts = Accounts(self.folder, ['postfix'], ['postdrop'])
        uid, gid = accounts.id['postfix'], accounts.id['postdrop']
        values = {'folder': self.folder, 'programs': os.path.realpath(unpacked('.')), 'domain': DOMAIN, 'uid': uid, 'port': self.port,
                  'tls_port': self.tls_port}
        self.copy_certificate()
        self.write('conf/main.cf', MAIN.format(**values))
        self.write('conf/master.cf', MASTER.format(**values))
        self.write('conf/sasl/smtpd.conf', SASL.format(**values))  # where Debian's Postfix looks
        self.write('conf/boxes', ''.join(f'box{n}@{DOMAIN} box{n}/\n' for n in range(1, BOXES)))
        for name in QUEUES:
            os.makedirs(os.path.join(self.folder, 'queue', name))
            if name != 'pid':
                os.chown(os.path.join(self.folder, 'queue', name), uid, gid if name in ('public', 'maildrop') else -1)
        for name, mode in (('private', 0o700), ('public', 0o710), ('maildrop', 0o730)):
            os.chmod(os.path.join(self.folder, 'queue', name), mode)
        os.mkdir(os.path.join(self.folder, 'data'), 0o700)
        for path in (os.path.join(self.folder, 'data'), self.mail):
            os.chown(path, uid, uid)

        sasldb = os.path.join(self.folder, 'sasldb')
        subprocess.run([unpacked('usr/sbin/saslpasswd2'), '-p', '-c', '-f', sasldb, '-u', DOMAIN, USER], input=PASSWORD.encode(),
                       check=True, stdout=subprocess.DEVNULL)
        os.chown(sasldb, uid, uid)

        # -d: stay; the head of a process group, as master wants to be.
        self.run([master, '-d'], {'MAIL_CONFIG': os.path.join(self.folder, 'conf'), 'LD_LIBRARY_PATH': unpacked('usr/lib/postfix'),
                                  **accounts.environment()})

    def used_mechanism(self, box):
        queue_id = self.wait_for_log(rf'virtual\[\d+\]: (\w+): to=<{box}@')
        client = self.wait_for_log(rf'smtpd\[\d+\]: {queue_id}: client=.*')
        return client.split('sasl_method=')[1].split(',')[0] if 'sasl_method=' in client else None
