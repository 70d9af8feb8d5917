#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Composing: what smtp-tool makes of --subject, --body and --attach, read back with Python's email package."""
import email
import email.policy
import os
import random

from tool_kit import COMPOSE, Folder, Skip, run_tests, tool

TO = '--to=bob@example.net'


def compose(*args, stdin=b'', env=None):
    """The composed message: parsed, and as octets."""
    if not os.access(COMPOSE, os.X_OK):
        raise Skip('the composer is not built')
    if not any(arg.startswith('--from') for arg in args):
        args = ('--from=ann@example.org', *args)
    run = tool('send', '-n', *args, stdin=stdin, env=env)
    assert run.status == 0, run.errors
    assert all(len(line) <= 998 and all(octet < 0x80 for octet in line) for line in run.out.split(b'\n')), 'not fit for any server'
    return email.message_from_bytes(run.out, policy=email.policy.default), run.out, run


def fails(*args, status, says, stdin=b''):
    if not os.access(COMPOSE, os.X_OK):
        raise Skip('the composer is not built')
    run = tool('send', '-n', *args, stdin=stdin)
    assert run.status == status and says in run.errors and run.out == b'', (args, run.status, run.errors, run.out)


def text_of(message):
    """The text as a reader that knows format=flowed shows it (RFC 3676 section 4)."""
    part = message.get_body()
    text = part.get_content()
    if part.get_param('format') != 'flowed':
        return text
    shown, open_line = [], None
    for line in text.split('\n'):
        if line.startswith(' '):
            line = line[1:]
        soft = line.endswith(' ') and line != '-- '
        open_line = line if open_line is None else open_line + line
        if not soft:
            shown.append(open_line)
            open_line = None
    return '\n'.join(shown)


def test_header_fields():
    message, octets, run = compose('--from=Jörg Müller <j@example.org>', '--to="Doe, Ann" <ann@example.net>', '--to=b@example.net',
                                   '--cc=Zoë <zoe@example.com>', '--bcc=secret@example.com', '--subject=Grüße – naïve', '--body=Hi')
    assert message['From'].addresses[0].display_name == 'Jörg Müller' and message['From'].addresses[0].addr_spec == 'j@example.org'
    assert [a.display_name for a in message['To'].addresses] == ['Doe, Ann', '']
    assert [a.addr_spec for a in message['To'].addresses] == ['ann@example.net', 'b@example.net']
    assert message['Cc'].addresses[0].display_name == 'Zoë'
    assert message['Subject'] == 'Grüße – naïve'
    assert message['MIME-Version'] == '1.0' and message['Bcc'] is None and b'secret' not in octets
    # Left to the library, which knows when and from where it sends.
    assert message['Date'] is None and message['Message-ID'] is None
    assert 'MAIL FROM:<j@example.org>' in run.errors
    for name in ('ann@example.net', 'b@example.net', 'zoe@example.com', 'secret@example.com'):
        assert f'RCPT TO:<{name}>' in run.errors, run.errors


def test_header_is_the_same_in_any_locale():
    _, one, _ = compose(TO, '--subject=Grüße', '--from=Jörg <j@example.org>', env={'LC_ALL': 'C'})
    _, two, _ = compose(TO, '--subject=Grüße', '--from=Jörg <j@example.org>', env={'LC_ALL': 'C.UTF-8'})
    assert one == two and b'=?UTF-8?' in one


def test_long_subject_folds():
    subject = 'word ' * 60 + 'end'
    message, octets, _ = compose(TO, '--subject', subject, '--body=x')
    assert message['Subject'] == subject
    assert max(len(line) for line in octets.split(b'\n')) <= 78


def test_blind_copies_of_their_own():
    message, _, run = compose(TO, '--bcc=secret@example.com', '--bcc-mode=separate', '--subject=x')
    assert message['Bcc'] == 'secret@example.com'  # for the library, which takes it out
    assert 'RCPT TO:<secret@example.com>  (blind)' in run.errors


def test_body_plain():
    message, octets, _ = compose(TO, '--body=Hello,\nworld.')
    assert message.get_content_type() == 'text/plain' and message.get_content() == 'Hello,\nworld.\n'
    assert message['Content-Transfer-Encoding'] == '7bit' and message.get_content_charset() == 'us-ascii'
    assert b'format=flowed' not in octets


def test_body_sources():
    with Folder() as folder:
        path = folder.file('b.txt', 'from a file\r\nand more\rend')
        message, _, _ = compose(TO, f'--body=@{path}')
        assert message.get_content() == 'from a file\nand more\nend\n'
        message, _, _ = compose(TO, '--body=@-', stdin='von der Röhre\n'.encode())
        assert message.get_content() == 'von der Röhre\n'
        message, _, _ = compose(TO, '--body=@-', stdin=b'')
        assert message.get_content() == ''
        message, _, _ = compose(TO, '--subject=only this')
        assert message.get_content() == ''
        fails(TO, f'--body=@{folder.path}/missing', status=4, says='missing')
        fails(TO, '--body=@-', stdin=b'a\0b', status=47, says='not text')
        fails(TO, '--body=@-', stdin=b'\xff\xfe', status=47, says='not UTF-8')
        fails(TO, '--body=@' + folder.file('nul', b'a\0'), status=47, says='not text')


def test_body_encodings():
    text = 'Viele Grüße aus der Straße, in der wir alle wohnen.\n'
    message, _, _ = compose(TO, '--body', text)
    assert message['Content-Transfer-Encoding'] == 'quoted-printable' and message.get_content() == text
    text = 'これは日本語の本文です。\n' * 5
    message, _, _ = compose(TO, '--body', text)
    assert message['Content-Transfer-Encoding'] == 'base64' and message.get_content() == text
    word = 'x' * 5000
    message, _, _ = compose(TO, '--body', word)
    assert message.get_content().strip() == word


def test_body_flows():
    text = 'A paragraph of many words ' * 20 + 'end.\n\n> quoted\nFrom here on\n  two spaces\nshort\n-- \nAnn\n'
    message, octets, _ = compose(TO, '--body', text)
    assert message.get_param('format') == 'flowed'
    body = octets.split(b'\n\n', 1)[1]
    assert max(len(line) for line in body.split(b'\n')) <= 78
    assert text_of(message) == text
    text = 'Ünïcödé wörds thät gö ön änd ön ' * 12 + '.\n'
    message, _, _ = compose(TO, '--body', text)
    assert text_of(message) == text


def test_body_flows_whatever_it_is():
    seed = random.Random(7)
    for _ in range(12):
        lines = []
        for _ in range(seed.randrange(1, 6)):
            words = [''.join(seed.choice('ab>ü.') for _ in range(seed.choice((1, 3, 8, 90)))) for _ in range(seed.randrange(0, 40))]
            lines.append((seed.choice(('', ' ', 'From ', '> ')) + ' '.join(words)).rstrip(' '))
        text = '\n'.join(lines) + '\n'
        message, _, _ = compose(TO, '--body', text)
        assert text_of(message) == text, text


def test_attachments():
    binary = bytes(range(256)) * 300
    text = 'Zeile eins\r\nZeile zwei ü\nohne Ende'.encode()
    with Folder() as folder:
        one, two = folder.file('a.PDF', binary), folder.file('notes', text)
        three = folder.file('junk', b'\x80\x81')
        empty = folder.file('empty.txt', b'')
        message, _, _ = compose(TO, '--subject=s', '--body=see', '--attach', one, '--attach', '@' + two, '--attach', three, '--attach', empty)
        assert message.get_content_type() == 'multipart/mixed' and message.get_body().get_content() == 'see\n'
        parts = list(message.iter_attachments())
        assert [part.get_filename() for part in parts] == ['a.PDF', 'notes', 'junk', 'empty.txt']
        assert [part.get_content_type() for part in parts] == ['application/pdf', 'text/plain', 'application/octet-stream', 'text/plain']
        assert [part.get_payload(decode=True) for part in parts] == [binary, text, b'\x80\x81', b'']
        assert parts[1].get_content_charset() == 'utf-8'
        assert all(part.get_content_disposition() == 'attachment' for part in parts)
        only, _, _ = compose(TO, '--attach', one)
        assert [part.get_content_type() for part in only.walk()] == ['multipart/mixed', 'text/plain', 'application/pdf']


def test_attachment_names_and_types():
    with Folder() as folder:
        path = folder.file('x.bin', b'abc')
        odd = folder.file('naïve „Datei“ 日本.txt', b'abc')
        message, octets, _ = compose(TO, '--attach-name=Über uns; "neu".pdf', '--attach', path, '--attach', path, '--attach', odd)
        parts = list(message.iter_attachments())
        assert [part.get_filename() for part in parts] == ['Über uns; "neu".pdf', 'x.bin', 'naïve „Datei“ 日本.txt']
        assert parts[0].get_content_type() == 'application/pdf'  # by the name it is sent under
        assert b"filename*=UTF-8''" in octets or b"filename*0*=UTF-8''" in octets
        # A type holds for what follows, until it is changed or taken back.
        message, _, _ = compose(TO, '--attach-type=image/x-test; a=b', '--attach', path, '--attach', path, '--no-attach-type', '--attach', path)
        assert [part.get_content_type() for part in message.iter_attachments()] == ['image/x-test', 'image/x-test', 'text/plain']
        assert next(message.iter_attachments()).get_param('a') == 'b'
        long_name = 'ü' * 120 + '.txt'
        message, octets, _ = compose(TO, '--attach-name', long_name, '--attach', path)
        assert next(message.iter_attachments()).get_filename() == long_name
        fails(TO, '--attach-type=nonsense', '--attach', path, status=1, says='--attach-type')
        fails(TO, '--attach-type=multipart/mixed', '--attach', path, status=1, says='--attach-type')
        fails(TO, '--attach-name=a\nb', '--attach', path, status=1, says='line break')


def test_attached_messages():
    inner = b'From: x@example.org\nTo: y@example.org\nSubject: inner\n\nbody\n'
    with Folder() as folder:
        message, _, _ = compose(TO, '--attach', folder.file('m.eml', inner))
        part = next(message.iter_attachments())
        assert part.get_content_type() == 'message/rfc822' and part.get_content()['Subject'] == 'inner'
        # What could not go as it is goes as octets.
        message, _, _ = compose(TO, '--attach', folder.file('m.eml', inner + 'ü'.encode()))
        part = next(message.iter_attachments())
        assert part.get_content_type() == 'application/octet-stream' and part.get_payload(decode=True) == inner + 'ü'.encode()


def test_attachment_from_a_pipe():
    with Folder() as folder:
        os.mkfifo(folder / 'pipe')
        pid = os.fork()
        if pid == 0:
            try:
                with open(folder / 'pipe', 'wb') as pipe:
                    pipe.write(b'piped' * 1000)
            finally:
                os._exit(0)
        message, _, _ = compose(TO, '--attach', folder / 'pipe')
        os.waitpid(pid, 0)
        assert next(message.iter_attachments()).get_payload(decode=True) == b'piped' * 1000


def test_failures():
    with Folder() as folder:
        fails(TO, '--attach', folder / 'missing', status=4, says='missing')
        fails(TO, '--attach', folder.path, status=4, says='directory')
        fails(TO, '--subject=a\nBcc: x@example.org', status=1, says='--subject')
        fails(TO, '--subject=a', '--from=a@example.org\r\nX: y', status=1, says='--from')
        fails('--subject=a', '--to=bob@example.net, <b', status=1, says='--to')
        fails('--subject=a', '--to=a b c', status=1, says='--to')
        run = tool('send', '-n', '-ojson', TO, '--attach', folder / 'missing')
        assert run.json()['error']['code'] == 'file'


run_tests(globals())
