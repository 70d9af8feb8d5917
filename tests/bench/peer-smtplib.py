# SPDX-License-Identifier: MIT
"""Python's smtplib: one SMTP object, sendmail() again and again.  Arguments: see peer.h."""
import smtplib
import ssl
import sys

host, port, count, path, tls, ca, user, password, *_ = sys.argv[1:] + [''] * 8
with open(path, 'rb') as file:
    message = file.read()
context = ssl.create_default_context(cafile=ca) if tls in ('starttls', 'implicit') else None
if tls == 'implicit':
    client = smtplib.SMTP_SSL(host, int(port), local_hostname='bench.example', context=context)
else:
    client = smtplib.SMTP(host, int(port), local_hostname='bench.example')
with client:
    if tls == 'starttls':
        client.starttls(context=context)
    if user:
        client.ehlo_or_helo_if_needed()
        client.user, client.password = user, password
        client.auth('PLAIN', client.auth_plain, initial_response_ok=True)
    for _ in range(int(count)):
        client.sendmail('sender@bench.example', ['recipient@bench.example'], message)
