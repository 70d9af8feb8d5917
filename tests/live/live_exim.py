# SPDX-License-Identifier: MIT
"""Exim 4 (GnuTLS, authenticators plaintext and cram_md5), delivery into Maildirs."""
import os
import shutil

from live_kit import DOMAIN, PASSWORD, USER, Accounts, Server, need_root, unpacked

CONFIG = '''\
exim_path = {exim}
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/spool/pid
primary_hostname = exim.{domain}
local_interfaces = 127.0.0.1
disable_ipv6 = true
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/good.pem
tls_privatekey = {folder}/good.key
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
add_environment = PATH=/usr/bin:/bin
deliver_drop_privilege = true
host_lookup =
rfc1413_hosts =
smtp_enforce_sync = true
smtp_accept_max_per_connection = 1000
message_size_limit = 30M
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  deny   message = 5.1.1 no such user here
         local_parts = refused
  accept domains = {domain}
  deny   message = relay not permitted

begin routers
boxes:
  driver = accept
  domains = {domain}
  local_parts = dsearch;{folder}/mail
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/$local_part_data
  delivery_date_add
  envelope_to_add
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{${{readfile{{{folder}/password}}}}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{${{readfile{{{folder}/password}}}}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{${{readfile{{{folder}/password}}}}}}fail}}
  server_set_id = $auth1
'''


class Exim(Server):
    name = 'exim'
    mechanisms = ('CRAM-MD5', 'PLAIN', 'LOGIN')
    authenticators = {'cram': 'CRAM-MD5', 'plain': 'PLAIN', 'login': 'LOGIN'}

    def start(self):
        need_root()
        # Exim starts itself anew under its own account: what it needs lies where that account can read it.
        exim = shutil.copy(unpacked('usr/sbin/exim4'), self.folder)
        accounts = Accounts(self.folder, ['Debian-exim'])
        uid = accounts.id['Debian-exim']
        os.mkdir(os.path.join(self.folder, 'spool'), 0o750)
        for path in (self.folder, self.mail, os.path.join(self.folder, 'spool')):
            os.chown(path, uid, uid)
        self.copy_certificate(uid)
        self.uid = uid
        os.chown(self.write('password', PASSWORD), uid, uid)
        config = self.write('conf', CONFIG.format(exim=exim, folder=self.folder, domain=DOMAIN, user=USER,
                                                  port=self.port, tls_port=self.tls_port))
        os.chmod(config, 0o644)
        self.run([exim, '-C', config, '-bdf'], accounts.environment())

    def box(self):
        name = super().box()
        os.mkdir(os.path.join(self.mail, name))
        os.chown(os.path.join(self.mail, name), self.uid, self.uid)
        return name

    def stored(self, message):
        """Exim always writes the empty line after the header section."""
        return message if b'\r\n\r\n' in message else message + b'\r\n'

    def used_mechanism(self, box):
        message_id = self.wait_for_log(rf'^\S+ \S+ (\S+) => {box} ')
        line = self.wait_for_log(rf'^\S+ \S+ {message_id} <= .*')
        return self.authenticators[line.split(' A=')[1].split(':')[0]] if ' A=' in line else None
