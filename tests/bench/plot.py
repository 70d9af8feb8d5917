# SPDX-License-Identifier: MIT
"""plot.py: one bar chart for each table, as SVG that needs no program to be read and no style sheet to be drawn."""
import os
from xml.sax.saxutils import escape

import report

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 190, 110, 26, 46
OURS, THEIRS = '#1f6f8b', '#9aa5ab'


def chart(table):
    rows = report.best_first(table)
    digits = table['digits']
    largest = max((middle for _, middle, _ in rows), default=0) or 1
    room = WIDTH - LEFT - RIGHT
    height = TOP + ROW * len(rows) + 14
    told = '; '.join(f'{name}: {report.number(middle, digits)}' for name, middle, _ in rows)
    better = 'more is better' if table['better'] == 'higher' else 'less is better'
    title = table['title'][0].upper() + table['title'][1:]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'aria-labelledby="title description" font-family="sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(table["unit"])}, medians. {escape(told)}.</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="14" y="20" font-size="15" font-weight="bold" fill="#20282c">{escape(title)}</text>',
        f'<text x="14" y="37" fill="#5a656b">{escape(table["unit"])}, {better}; the thin line spans half of the rounds</text>',
    ]
    for index, (name, middle, (low, high)) in enumerate(rows):
        y = TOP + ROW * index
        ours = name.startswith(('Vereda', 'smtp-tool'))
        length = max(1.0, room * max(middle, 0) / largest)
        out += [
            f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end" fill="#20282c"{" font-weight=" + chr(34) + "bold" + chr(34) if ours else ""}>'
            f'{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y + 4}" width="{length:.1f}" height="{ROW - 8}" fill="{OURS if ours else THEIRS}"/>',
            f'<line x1="{LEFT + room * max(low, 0) / largest:.1f}" x2="{LEFT + room * min(max(high, 0), largest * 1.15) / largest:.1f}" '
            f'y1="{y + ROW / 2}" y2="{y + ROW / 2}" stroke="#20282c" stroke-width="1"/>',
            f'<text x="{LEFT + max(length, room * min(max(high, 0), largest * 1.15) / largest) + 6:.1f}" y="{y + 17}" fill="#20282c">'
            f'{report.number(middle, digits)}</text>',
        ]
    out.append('</svg>')
    return '\n'.join(out) + '\n'


def draw(results, folder):
    """{name of the table: file name}."""
    plots = {}
    for table in results['tables']:
        if len(table['subjects']) < 2:
            continue
        name = f'{table["name"]}.svg'
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(chart(table))
        plots[table['name']] = name
    return plots
