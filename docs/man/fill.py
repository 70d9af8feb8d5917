#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fills a template of a manual page with the options of the programs: fill.py TEMPLATE TABLES.json...

A line "@OPTIONS COMMAND... [own] [= HEADING]" becomes a list of the options of these commands, all of them, or those that are not options of
send as well, or those below one heading of --help.  Names, arguments and synonyms are the table's, and so is the text, unless the lines from
"@ --NAME" to the next "@" have a longer one; "@END" ends the list.  It is an error to describe an option that the list does not have.

"@SPELLINGS COMMAND" becomes the names that --help leaves out.
"""
import json
import re
import sys


def fail(text):
    sys.exit(f'fill.py: {sys.argv[1]}: {text}')


def read_tables(paths):
    commands = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            commands.update(json.load(file)['commands'])
    return commands


def is_choice(text):
    return '|' in text and re.fullmatch(r'[A-Z0-9.|-]+|[a-z0-9.|-]+', text) is not None


def argument_of(row):
    """What stands behind the name, as macros."""
    text = (row['argument'] or '').replace('…', '...')
    if row['kind'] in ('flag', 'boolean'):
        return ''
    if not text:
        text = 'value'
    if is_choice(text):
        shown = 'Cm ' + ' | '.join(text.split('|'))
    else:
        # mdoc's habit; what is written so in the option itself stays
        lowered = re.sub(r'(?<![\w/])([A-Z][A-Z-]*)(?![\w/])', lambda found: found.group(1).lower(), text) if 'sha256' not in text else text
        shown = f'Ar "{lowered}"' if ' ' in lowered else f'Ar {lowered}'
        shown = shown.replace('Ar @', r'Ar \&@')
    return f' Ns Op = Ns {shown}' if row['kind'] == 'word' else f' Ns = Ns {shown}'


def escape(word):
    return word.replace('\\', r'\e').replace('…', r'\&...')


def flag_of(word):
    """A word that is an option, as a line of its own; None: it is none."""
    found = re.fullmatch(r'(\(?)--([a-z0-9][a-z0-9-]*)(?:=([A-Za-z0-9@./-]+?))?([.,;:)]*)', word)
    if found is None:
        return None
    before, name, value, after = found.groups()
    line = f'.Fl -{name}' + (f' Ns = Ns Cm {value}' if value else '')
    line += ''.join(' ' + sign for sign in after)
    return line if not before else f'.Pq Fl -{name}' + (f' Ns = Ns Cm {value}' if value else '') if after == ')' else None


def paragraph(text):
    """One sentence of --help, as lines of mdoc; a new sentence begins a line."""
    sentence = text[0].upper() + text[1:] if not text.startswith('--') else text
    sentence += '' if sentence.endswith('.') else '.'
    lines, line = [], ''
    for word in sentence.split(' '):
        flag = flag_of(word)
        if flag is not None:
            lines += [line] if line else []
            lines.append(flag)
            line = ''
        elif line and len(line) + 1 + len(word) > 78:
            lines.append(line)
            line = escape(word)
        else:
            line += (' ' if line else '') + escape(word)
    lines += [line] if line else []
    return [r'\&' + one if one[0] in ".'" and not re.match(r'\.(Fl|Pq) ', one) else one for one in lines]


def meaning(row):
    return (row['id'], row['library'], row.get('value'))


def wanted_rows(commands, names, own, heading):
    found = []
    for name in names:
        if name not in commands:
            fail(f'there is no command {name}')
        for row in commands[name]:
            if not (own and row['shared']) and (heading is None or row['group'] == heading) and all(row['name'] != other['name'] for other in found):
                found.append(row)
    return found


def head_of(row):
    return '.It Fl ' + (f'{row["letter"]} , Fl ' if row['letter'] else '') + f'-{row["name"]}' + argument_of(row)


def body_of(row, rows, notes):
    lines = list(notes.pop(row['name'], None) or paragraph(row['help']))
    if row['default'] is not None and not any('efault' in line for line in lines):
        lines.append('Default:\n.Li ' + row['default'] + ' .')
    also = [other['name'] for other in rows if other['help'] is None and meaning(other) == meaning(row)]
    if also:
        lines.append('Also\n.Fl ' + ' , '.join('-' + name for name in also) + ' .')
    return lines


def make_list(commands, words, notes):
    heading = None
    if '=' in words:
        place = words.index('=')
        words, heading = words[:place], ' '.join(words[place + 1:])
    own = 'own' in words
    rows = wanted_rows(commands, [word for word in words if word != 'own'], own, heading)
    lines = ['.Bl -tag -width Ds']
    for row in rows:
        if row['help'] is not None:
            lines += [head_of(row), *body_of(row, rows, notes)]
    if len(lines) == 1:
        fail(f'no option below "{heading}"')
    if notes:
        fail(f'described, and not in the list: {sorted(notes)}')
    return lines + ['.El']


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        template = file.read().split('\n')
    commands = read_tables(sys.argv[2:])
    out, words, notes, note = [], None, {}, None
    for line in template[:-1]:
        if line.startswith('@OPTIONS '):
            words, notes, note = line.split()[1:], {}, None
        elif line == '@END':
            out += make_list(commands, words, notes)
            words = None
        elif words is not None and line.startswith('@ --'):
            note = line[4:]
            notes[note] = []
        elif words is not None and note is not None:
            notes[note].append(line)
        elif words is None and line.startswith('@SPELLINGS '):
            names = [row['name'] for row in wanted_rows(commands, line.split()[1:], False, None) if row['help'] is None]
            out.append('.Fl ' + ' , '.join('-' + name for name in names) + ' .')
        elif words is not None or line.startswith('@'):
            fail(f'"{line}" makes no sense here')
        else:
            out.append(line)
    if words is not None:
        fail('@END is missing')
    sys.stdout.write('\n'.join(out) + '\n')


if __name__ == '__main__':
    main()
